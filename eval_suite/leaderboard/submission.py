"""``submission.yaml``: what a system is, what it was made with, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...foundation.faults import Fault, InputFault
from .plain_yaml import PlainYaml, read_plain_yaml
from .submission_values import (
    TODO,
    Amount,
    Digest,
    FormatNumber,
    Licence,
    Link,
    LongText,
    ModelId,
    Name,
    Revision,
    ShortText,
    SubmissionId,
    Truth,
    Version,
)

SUBMISSION_FILE = "submission.yaml"
_MOST_LISTED = 100
NameList = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=_MOST_LISTED)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ModelReference(_Part):
    """A model that others can find: its id, and which revision; each may be None."""

    id: ModelId | None
    revision: Revision | None


class SubmittedModel(ModelReference):
    """The model that was handed in; ``parameters`` is how many it has."""

    parameters: Amount | None


class Training(_Part):
    """What the system learnt from.

    Parameters
    ----------
    labels : {"none", "others"}
        Aesthetic labels other than PPaint's.
    ppaint : {"not_used", "images", "labels_to_choose", "labels_to_train"}
        The most that was used of PPaint; labels to choose are those that a prompt, checkpoint or threshold was chosen by.
    categories : list of str
        Of PPaint, where it was used.
    data : str
        What else, in words.
    """

    labels: Literal["none", "others"]
    ppaint: Literal["not_used", "images", "labels_to_choose", "labels_to_train"]
    categories: NameList
    data: LongText

    @model_validator(mode="after")
    def _agree(self) -> Training:
        if self.ppaint == "not_used" and self.categories:
            raise ValueError("categories: of PPaint nothing was used (ppaint: not_used), and yet categories are listed")
        if self.ppaint != "not_used" and not self.categories:
            raise ValueError(f"categories: say which of PPaint were used (ppaint: {self.ppaint})")
        if len(set(self.categories)) < len(self.categories):
            raise ValueError("categories: one is listed twice")
        return self


class MadeWith(_Part):
    """The program, weights and prompt that made the predictions, as far as they are known."""

    ppaint: Version | None
    weights_sha256: Digest | None
    prompt_sha256: Digest | None
    software: ShortText | None


class Cost(_Part):
    """What one image costs; None where it is not known."""

    passes_per_image: Amount | None
    seconds_per_image: Amount | None
    device: ShortText | None


class Submission(_Part):
    """The content of ``submission.yaml``, format 1.

    Parameters
    ----------
    format : int
        1.
    system, version : str
        One line each, of at most 60 and 30 characters; together unique on a board.
    supersedes : str or None
        Id of an accepted entry of the same system.
    release : str
        `ReferenceScores.sha256` of what was predicted.
    dimensions : list of str
        Those of the release, or its headline dimension alone.
    kind, access : str
        What the system is, and how others get at it.
    model, base_model, teacher : SubmittedModel, ModelReference or None, ModelReference
        The model, what it was made from, and another one that judged or labelled.
    training, made_with, cost : Training, MadeWith, Cost
        See there.
    deterministic : bool
        Whether the same input gives the same scores.
    simulated : bool
        Whether anything simulated stands behind the predictions.
    link : str or None
        Paper or code; https only.
    licence : str
        Of the predictions, which are published.
    notes : str or None
        At most 500 characters.
    """

    format: FormatNumber
    system: Name
    version: Version
    supersedes: SubmissionId | None
    release: Digest
    dimensions: Annotated[NameList, Field(min_length=1)]
    kind: Literal["model", "ensemble", "baseline", "human"]
    access: Literal["open_weights", "api", "closed"]
    model: SubmittedModel
    base_model: ModelReference | None
    training: Training
    teacher: ModelReference
    made_with: MadeWith
    deterministic: Truth
    cost: Cost
    simulated: Truth
    link: Link | None
    licence: Licence
    notes: LongText | None

    @model_validator(mode="after")
    def _once(self) -> Submission:
        if len(set(self.dimensions)) < len(self.dimensions):
            raise ValueError("dimensions: one is listed twice")
        return self


@dataclass(frozen=True)
class ReadSubmission:
    """A ``submission.yaml`` with all that is wrong with it.

    Parameters
    ----------
    submission : Submission or None
        None where there are faults.
    faults : tuple of Fault
    content : dict
        The values as texts.
    yaml : PlainYaml
        For the lines of the values.
    """

    submission: Submission | None
    faults: tuple[Fault, ...]
    content: Mapping[str, Any]
    yaml: PlainYaml | None


def read_submission(path: str | Path) -> Submission:
    """Read a ``submission.yaml``.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Submission

    Raises
    ------
    InputFault
        With every fault at once: each names the line and the key.
    """
    found = look_at_submission(Path(path))
    if found.submission is None:
        raise InputFault(found.faults)
    return found.submission


def look_at_submission(path: Path) -> ReadSubmission:
    """Read a ``submission.yaml`` and collect what is wrong, so that the rest of a folder can still be checked.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ReadSubmission
    """
    try:
        read = read_plain_yaml(path)
    except InputFault as error:
        return ReadSubmission(None, error.faults, {}, None)
    faults = [*read.faults, *(fault_at(path, read, place, *what) for place, what in _to_do(read.content, ()))]
    left = {fault.row for fault in faults}
    submission = None
    try:
        submission = Submission.model_validate(read.content)
    except ValidationError as error:
        found = [_as_fault(path, read, detail) for detail in error.errors(include_url=False)]
        faults += [fault for fault in found if fault.row not in left]  # a TODO is one fault, not two
    return ReadSubmission(None if faults else submission, tuple(faults), read.content, read)


def fault_at(path: Path, read: PlainYaml | None, place: tuple[str | int, ...], what: str, fix: str) -> Fault:
    """A fault that names the line and the key of a value.

    Parameters
    ----------
    path : Path
    read : PlainYaml or None
    place : tuple
        Keys that lead to the value.
    what, fix : str
        As in `Fault`.

    Returns
    -------
    Fault
    """
    key = ".".join(str(part)[:60] for part in place)
    lines = {} if read is None else read.lines
    return Fault(str(path), f"line {lines[place]}, {key}" if place in lines else key, what, fix)


def _to_do(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], tuple[str, str]]]:
    """Values that a template left open."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _to_do(part, (*place, key))
    elif isinstance(value, str) and value.split(":")[0].strip() == TODO:
        fix = "give the value, or null where there is none"
        yield place, (f"{TODO} still stands there", fix if _may_be_null(place) else "give the value")


def _may_be_null(place: tuple[str | int, ...]) -> bool:
    """Whether the schema takes null there."""
    model: Any = Submission
    for key in place[:-1]:
        field = getattr(model, "model_fields", {}).get(key)
        if field is None:
            return False
        options = [field.annotation, *getattr(field.annotation, "__args__", ())]
        model = next((kind for kind in options if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    field = getattr(model, "model_fields", {}).get(place[-1])
    return field is not None and type(None) in getattr(field.annotation, "__args__", ())


def _as_fault(path: Path, read: PlainYaml, detail: Mapping[str, Any]) -> Fault:
    """One of pydantic's errors in the words of the house."""
    place, kind = tuple(detail["loc"]), detail["type"]
    given = detail["input"]
    what, fix = detail["msg"].removeprefix("Value error, "), "correct the value"
    if kind == "missing":
        what, fix = "the key is missing", "add it" + (", with null where there is nothing to say" * _may_be_null(place))
    elif kind == "extra_forbidden":
        what, fix = "unknown key", "remove it, or correct its spelling"
        if str(place[-1]).isdigit():  # {seconds: 0,01} is the key seconds with 0, and a key 01
            fix = "write numbers with a decimal point, as 0.01"
    elif kind == "literal_error":
        what, fix = f"{_shown(given)} is not one of the words for it", f"write {detail['ctx']['expected']}"
    elif kind in ("string_type", "bool_type", "int_type", "float_type"):
        wanted = {"str": "a text", "boo": "true or false", "int": "a number", "flo": "a number"}[kind[:3]]
        what, fix = f"{_shown(given)} stands there, and not {wanted}", f"write {wanted}"
    elif kind in ("model_type", "model_attributes_type", "dict_type"):
        what, fix = (
            f"{_shown(given)} stands there, and not keys with values",
            "write {key: value}, as `ppaint submit --template` does" + ", or null" * _may_be_null(place),
        )
    elif kind == "list_type":
        what, fix = f"{_shown(given)} stands there, and not a list", "write [one, another]"
    elif kind == "too_short":
        what, fix = "the list is empty", "name one at least"
    elif kind == "value_error":
        head, colon, rest = what.partition(": ")
        if colon and head in Submission.model_fields | Training.model_fields:  # a check of several keys names its own
            place, what = (*place, head), rest
        elif isinstance(given, str) and not what.startswith(("'", '"')):
            what = f"{_shown(given)} {what}"
    return fault_at(path, read, place, what, fix)


def _shown(value: Any) -> str:
    """A value in a fault: cut, and by its kind where it is not one text."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = ascii(value) if not str(value).isprintable() else repr(value)
    return text if len(text) <= 62 else text[:58] + "...'"
