"""The teacher of a scorer that was trained on another model's judgments, as its config and its card name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field


class Teacher(BaseModel):
    """A model behind a server, on whose judgments another model is trained.

    ``model`` is the server's name for it, ``answers`` how they were read (``"log-probabilities"``, or such as ``"5 votes"``),
    ``prompts`` the wording (`Prompts.to_dict`; empty where it is not known). Of the server's address the ``host`` alone is kept,
    with its port: a name, a password, a path or a query may hold a key.

    Examples
    --------
    >>> teacher = Teacher.at("https://me@example.org:8000/key/v1?key=1", "large", "5 votes")
    >>> teacher.host, teacher.words()
    ('example.org:8000', '`large` behind the server example.org:8000, whose answers were read by 5 votes')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    host: str = Field(pattern=r"^[^@/?#\s]+$")
    answers: str = Field(pattern=r"^(log-probabilities|1 vote|([2-9]|[1-9][0-9]+) votes)$")
    prompts: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def at(cls, url: str, model: str, answers: str, prompts: Mapping[str, Any] | None = None) -> Teacher:
        """The teacher at an address.

        Parameters
        ----------
        url : str
            With a host.
        model, answers, prompts
            As above.

        Returns
        -------
        Teacher
        """
        return cls(model=model, host=host_of(url), answers=answers, prompts=dict(prompts or {}))

    def words(self) -> str:
        """Who it is, in a line of Markdown."""
        name = " ".join(self.model.split()).replace("`", "'")
        return f"`{name}` behind the server {self.host}, whose answers were read by {self.answers}"


def host_of(url: str) -> str:
    """The host of an address, with its port; empty where there is none.

    Examples
    --------
    >>> host_of("http://me@localhost:8000/v1?key=1")
    'localhost:8000'
    """
    return urlsplit(url).netloc.rpartition("@")[2]
