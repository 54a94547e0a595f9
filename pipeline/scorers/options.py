"""What a user may say of a scorer on the command line; each kind takes its own part of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...dataset_script.stand_in.simulate import DIMENSIONS
from ...eval_suite.reference_scores import ReferenceScores
from ...foundation.faults import Fault, InputFault
from ...model_card.dimension_names import checked_dimensions
from ...trainer.pseudo_scores.schedule_sizes import OPPONENTS, POOL_SIZE
from ...trainer.tiny_judge import model_source


def say_nothing(sentence: str) -> None:
    """For a caller who does not want to be told."""


@dataclass(frozen=True)
class Options:
    """Which scorer, and how it is set.

    Parameters
    ----------
    kind : str
    dimensions : tuple of str
        Asked for by name; empty: those of the references.
    references : ReferenceScores, optional
        What the scores are to be evaluated against.
    model, revision, base : str, optional
        Folder or repo, a commit of the repo, and the base of a scorer that is an adapter.
    compiled : bool
    pool_size, opponents : int
        Of a tournament.
    function : str, optional
        ``module:name``.
    endpoint, key_env : str, optional
        Address of a server, and the environment variable that holds its key.
    logprobs : bool, optional
        Whether to read log-probabilities; None: as the server's first answer allows.
    concurrency : int
        Questions under way at the same time.
    answer_tokens, max_side : int
        As for ``Sampling``.
    max_calls, max_tokens : int, optional
        The budget, over all runs on one answers file.
    timeout : float
        Seconds until an answer that does not come counts as a failure.
    tell : callable
        Called with sentences that a user has to read before the work begins.
    """

    kind: str = "distilled"
    dimensions: tuple[str, ...] = ()
    references: ReferenceScores | None = None
    model: str | None = None
    revision: str | None = None
    base: str | None = None
    compiled: bool = False
    pool_size: int = POOL_SIZE
    opponents: int = OPPONENTS
    function: str | None = None
    endpoint: str | None = None
    key_env: str | None = None
    logprobs: bool | None = None
    concurrency: int = 4
    answer_tokens: int = 16
    max_side: int = 1024
    max_calls: int | None = None
    max_tokens: int | None = None
    timeout: float = 120.0
    tell: Callable[[str], None] = say_nothing

    def dimensions_to_ask(self) -> tuple[str, ...]:
        """The dimensions to ask a model about: as asked for, else the references', else the stand-in's."""
        known = self.references.dimensions if self.references else DIMENSIONS
        return checked_dimensions(self.dimensions or known, "--dimensions")

    def single_dimension(self) -> tuple[str, ...]:
        """The dimension of a scorer that gives one score per image: as asked for, else the headline.

        Raises
        ------
        InputFault
            If several are asked for, or nothing says which is the headline.
        """
        if self.dimensions:
            if len(self.dimensions) > 1:
                what = f"one score per image cannot stand for {len(self.dimensions)} dimensions"
                raise InputFault(Fault("--dimensions", "", what, "name one"))
            return self.dimensions
        headline = self.references.headline if self.references else "overall"
        if headline is None:
            what = "there is one score per image, and nothing says which dimension is the headline"
            raise InputFault(Fault("--dimensions", "", what, "name the dimension that the score stands for"))
        return (headline,)

    def source(self) -> str:
        """Folder or repo of the model.

        Raises
        ------
        InputFault
            If none was given, or a commit of a folder was.
        """
        if not self.model:
            what = f"the scorer {self.kind!r} needs a model"
            raise InputFault(Fault("--model", "", what, "give its folder or repo id"))
        source = model_source(self.model)
        if self.revision is not None and Path(source).is_dir():
            what = f"{self.model} is a folder, which has no revisions"
            raise InputFault(Fault("--revision", "", what, "leave it out, or give a repo id as --model"))
        return source
