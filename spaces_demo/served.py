"""All that a page serves, loaded one after the other beside it: the scorer first, the release's scores last."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..dataset_script.release import RELEASE_FILE, ReleaseTables, read_release
from ..foundation.faults import Fault, InputFault
from ..foundation.paused_collection import paused_collection
from ..foundation.progress_type import Progress
from .model_calls import HeldModel, Turns, on_zero_gpu
from .part import Part, State
from .served_repos import dataset_folder
from .space_file import NamedRepo

if TYPE_CHECKING:
    from .kept_scores import KeptScores
    from .release_scores import ReleaseScores
    from .served_board import ServedBoard

_RELEASE_FILES = [RELEASE_FILE, "paintings/*", "fused/*", "scores/*", "ratings/*", "pairs/*"]


class Served:
    """A scorer, a release, the scorer's scores of its paintings, a judge, a board.

    Parameters
    ----------
    named : mapping of str to NamedRepo or None
        By part: ``"model"``, ``"dataset"``, ``"judge"``, ``"board"``.
    base : str, optional
        For a scorer that is an adapter: the base model's folder or repo.

    Attributes
    ----------
    model, judge : Part of HeldModel
    dataset : Part of ReleaseTables
    board : Part of ServedBoard
    placement : Part of ReleaseScores
        What an image's scores are set beside.
    """

    def __init__(self, named: Mapping[str, NamedRepo | None], *, base: str | None = None) -> None:
        self.base, self.turns = base, Turns()
        model, dataset, judge, board = (named.get(part) for part in ("model", "dataset", "judge", "board"))
        self.model: Part[HeldModel] = Part("scorer", model, "start it with --model (PPAINT_MODEL)")
        self.dataset: Part[ReleaseTables] = Part("release", dataset, "start it with --dataset (PPAINT_DATASET)")
        self.judge: Part[HeldModel] = Part("judge", judge, "start it with --judge (PPAINT_JUDGE)")
        self.board: Part[ServedBoard] = Part("board", board, "start it with --board (PPAINT_BOARD)")
        both = dataset if model and dataset else None
        needed = "start it with --model and --dataset (PPAINT_MODEL, PPAINT_DATASET)"
        self.placement: Part[ReleaseScores] = Part("release's scores", both, needed)
        self._kept: KeptScores | None = None
        self._one_visitor = threading.Lock()

    def start(self) -> None:
        """Load all in the background."""
        threading.Thread(target=self.load, name="loading", daemon=True).start()

    def load(self) -> None:
        """Load all, in the order in which visitors need it."""
        self.model.load(self._scorer)
        self.dataset.load(self._release)
        self.board.load(self._board)
        self.judge.load(self._judge)
        self.placement.load(self._release_scores)

    def load_models(self) -> None:
        """Load scorer and judge alone; the release, too, where only it can tell the judge's dimensions."""
        self.model.load(self._scorer)
        if self.judge.named is not None and self.model.look() is None:
            self.dataset.load(self._release)
        self.judge.load(self._judge)

    def can_score_release(self) -> bool:
        """Whether the release's scores are not there, and a visitor can have them made."""
        parts = (self.model, self.dataset)
        return self.placement.state is State.AT_FAULT and all(part.state is State.READY for part in parts)

    def score_release(self, progress: Progress | None = None) -> ReleaseScores:
        """Make the release's scores in a visitor's call, in model calls of bounded length; what was made before is not made again.

        Parameters
        ----------
        progress : callable, optional
            Called as ``progress(what, done, total)``.

        Returns
        -------
        ReleaseScores

        Raises
        ------
        InputFault
            If the scorer or the release is not there, or a painting cannot be scored.
        """
        from .release_scores import score_release

        with self._one_visitor:
            if self.placement.look() is None:
                scorer, release = self.model.wait(), self.dataset.wait()
                made = score_release(scorer, release, kept=self._kept_scores(), progress=progress)
                self.placement.mend(made)
        return self.placement.wait()

    def _release(self) -> ReleaseTables:
        folder, self.dataset.commit = dataset_folder(self.dataset.named, _RELEASE_FILES)
        return read_release(folder)

    def _board(self) -> ServedBoard:
        from .served_board import load_board

        board = load_board(self.board.named, self.dataset.look())
        self.board.commit = board.commit
        return board

    def _scorer(self) -> HeldModel:
        with paused_collection():
            from ..model_card.scorer import AestheticScorer

        named = self.model.named
        scorer = AestheticScorer.from_pretrained(named.repo, revision=named.revision, base=self.base)
        self.model.commit = scorer.commit
        return HeldModel(scorer, self.turns)

    def _judge(self) -> HeldModel:
        with paused_collection():
            from ..model_card.judge import Judge

        named, scorer = self.judge.named, self.model.look()
        dimensions = self.dataset.wait().dimensions if scorer is None else scorer.model.dimensions
        judge = Judge.from_pretrained(named.repo, dimensions=dimensions, revision=named.revision)
        self.judge.commit = judge.commit_of(named.repo)
        return HeldModel(judge, self.turns)

    def _release_scores(self) -> ReleaseScores:
        from .release_scores import kept_release_scores, score_release

        def progress(what: str, done: int, total: int) -> None:
            self.placement.progress = (done, total)

        scorer, release, kept = self.model.wait(), self.dataset.wait(), self._kept_scores()
        if not on_zero_gpu():
            return score_release(scorer, release, kept=kept, progress=progress)
        found = kept_release_scores(scorer, release, kept)
        if found is None:
            what = (
                "on ZeroGPU there is a GPU only within a visitor's call, so the release's paintings are not scored yet"
            )
            fix = "press “Score the release's paintings” on the Score page"
            raise InputFault(Fault(str(self.placement.named), "", what, fix))
        return found

    def _kept_scores(self) -> KeptScores:
        """The scores made so far, by this page or an earlier one."""
        from .kept_scores import KeptScores

        if self._kept is None:
            release_file = self.dataset.wait().folder / RELEASE_FILE
            self._kept = KeptScores.of(self.model.wait().model, self.model.named, release_file)
        return self._kept
