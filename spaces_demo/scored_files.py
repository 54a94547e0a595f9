"""Files scored as ``ppaint score`` scores them, bit for bit: those that open, and for each that does not, why."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ..foundation.any_text import readable
from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress, counted, no_progress
from ..images.opening import OpenedImage, open_image
from .limits import MAX_FILES
from .model_calls import on_zero_gpu
from .one_thread import in_image_thread

if TYPE_CHECKING:
    from ..model_card.scorer import ScoreTable
    from .model_calls import HeldModel
    from .release_scores import ReleaseScores
    from .served import Served

MAX_PIXELS_IN_ALL = (
    600_000_000  # of one request: fifty photographs of 12 megapixels, 1.8 GB while they wait for the scorer
)
_THUMBNAIL = 96  # pixels of the longer side


@dataclass(frozen=True, eq=False)
class ScoredFiles:
    """What became of some files.

    Parameters
    ----------
    entries : list of dict
        One a file, in their order: what `score_files` gives.
    table : ScoreTable or None
        The scores of those that could be scored, in their order; None where none could.
    thumbnails : dict of int to str
        A small picture of each file that was opened, as a ``data:`` address, by its place among the files.
    """

    entries: list[dict[str, Any]]
    table: ScoreTable | None
    thumbnails: dict[int, str] = field(default_factory=dict)


def score_files(
    served: Served, paths: Sequence[str | Path], *, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Score files; one that cannot be scored has its fault, and the others their scores.

    Parameters
    ----------
    served : Served
        The scorer is waited for.
    paths : sequence of str or Path
        At most `MAX_FILES`; they are named by their file's name alone.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    list of dict
        One a file, in their order. ``name``, ``scores`` (for each dimension ``mean``, ``sd`` and ``above``, the share of the release's
        paintings that score lower, None where these are not scored), ``out_of_distribution`` (``distance`` and whether it is
        ``marked``; None where the scorer cannot tell) and ``notes`` (what was converted on opening); or ``name`` and ``fault`` (``what``
        is wrong, and how to ``fix`` it).

    Raises
    ------
    InputFault
        If there is no scorer, no file, or there are too many.
    """
    return score_sources(served, sources_of(paths), progress=progress).entries


def sources_of(paths: Sequence[str | Path]) -> list[tuple[str, str | Path]]:
    """Files with their names, as a page can show them.

    Examples
    --------
    >>> sources_of(["uploads/0/scroll.png"])
    [('scroll.png', 'uploads/0/scroll.png')]
    """
    return [(readable(Path(path).name), path) for path in paths]


def score_sources(
    served: Served,
    sources: Sequence[tuple[str, str | Path | bytes]],
    *,
    progress: Progress | None = None,
    thumbnails: bool = False,
) -> ScoredFiles:
    """Score files, or contents of files, under given names; see `score_files`.

    Parameters
    ----------
    served : Served
    sources : sequence of (str, path or bytes)
        The name and where the image is, of each.
    progress : callable, optional
    thumbnails : bool
        Whether small pictures are wanted, too.

    Returns
    -------
    ScoredFiles
    """
    if not sources:
        raise InputFault(Fault("the files", "", "there is none", "give at least one image"))
    if len(sources) > MAX_FILES:
        what = f"{len(sources)} files are more than the {MAX_FILES} that are scored at once"
        raise InputFault(Fault("the files", "", what, "give them in several parts"))
    work = _Work(served.model.wait(), [name for name, _ in sources])
    _open_and_score(work, sources, progress or no_progress, thumbnails)
    return work.result(served.placement.look())


class _Work:
    """Some files on their way to scores."""

    def __init__(self, held: HeldModel, names: list[str]) -> None:
        self.held, self.names = held, names
        self.opened: dict[int, OpenedImage] = {}  # until they are scored
        self.notes: dict[int, tuple[str, ...]] = {}
        self.faults: dict[int, InputFault] = {}
        self.thumbnails: dict[int, str] = {}
        self.tables: list[ScoreTable] = []
        self.places: list[int] = []  # of the rows of the tables, among the files

    def open_all(self, sources: Sequence[tuple[str, Any]], report: Progress, thumbnails: bool) -> None:
        """Open what can be opened, within the pixels that are held at a time."""
        finished = counted(report, "opening", len(sources))
        pixels = 0
        for place, (name, source) in enumerate(sources):
            try:
                image = open_image(source, name=name)
                pixels = _within_limit(pixels, image)
            except InputFault as error:
                self.faults[place] = error
            else:
                self.opened[place], self.notes[place] = image, image.notes
                if thumbnails:
                    self.thumbnails[place] = thumbnail(image.image)
            finished(1)

    def score_all(self, report: Progress) -> None:
        """Score them in the batches that the scorer would make: another visitor's turn may come between two.

        On ZeroGPU a later batch may get no GPU any more: its files have that fault then, and what was scored before stays.
        """
        at = list(self.opened)
        finished = counted(report, "scoring", len(at))
        for batch in self.held.model.batches([self.opened[place] for place in at]):
            places = [at[inside] for inside in batch]
            try:
                self._score(places)
            except Exception as error:
                if not on_zero_gpu() or not self.tables:
                    raise
                self._leave_out(error)
                return
            for place in places:
                self.opened.pop(place)
            finished(len(places))

    def _leave_out(self, error: Exception) -> None:
        """Name what no GPU was lent for."""
        said = re.sub(r"<[^>]*>", "", str(getattr(error, "message", error)))  # its package's words are HTML
        for place in [place for place in self.opened if place not in self.places]:
            fault = Fault(self.names[place], "", f"no GPU was lent for it ({said})", "score it again later")
            self.faults[place] = InputFault(fault)

    def _score(self, places: list[int]) -> None:
        """Score one batch; where the model refuses it, each image alone, to find the one that is meant."""
        try:
            self.tables.append(self.held.run("score", [self.opened[place] for place in places]))
            self.places += places
        except InputFault as error:
            if len(places) == 1:
                self.faults[places[0]] = error
                return
            for place in places:
                self._score([place])

    def result(self, release: ReleaseScores | None) -> ScoredFiles:
        """All that was found, in the order of the files."""
        table, scored = None, {}
        if self.tables:
            order = sorted(range(len(self.places)), key=self.places.__getitem__)
            table = _joined(self.tables).take(order)
            scored = {self.places[row]: number for number, row in enumerate(order)}
        entries = []
        for place, name in enumerate(self.names):
            if place in self.faults:
                entries.append({"name": name, "fault": _fault(self.faults[place])})
            else:
                entries.append({"name": name} | _scores(table, scored[place], release, self.notes[place]))
        return ScoredFiles(entries, table, self.thumbnails)


@in_image_thread
def _open_and_score(work: _Work, sources: Sequence[tuple[str, Any]], report: Progress, thumbnails: bool) -> None:
    work.open_all(sources, report, thumbnails)
    work.score_all(report)


def thumbnail(image: Image.Image) -> str:
    """A small picture of an image, as a ``data:`` address.

    Parameters
    ----------
    image : PIL.Image.Image

    Returns
    -------
    str

    Examples
    --------
    >>> thumbnail(Image.new("RGB", (2000, 300)))[:23]
    'data:image/jpeg;base64,'
    """
    shrink = min(1.0, _THUMBNAIL / max(image.size))
    width, height = (max(1, round(side * shrink)) for side in image.size)
    out = io.BytesIO()
    image.resize((width, height), reducing_gap=2.0).save(out, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def _within_limit(pixels: int, image: OpenedImage) -> int:
    """The pixels held with one more image."""
    width, height = image.image.size
    if pixels + width * height > MAX_PIXELS_IN_ALL:
        what = f"with it, these files have more than {MAX_PIXELS_IN_ALL:,} pixels in all"
        raise InputFault(Fault(image.name, "", what, "score it in another request, or scale the images down"))
    return pixels + width * height


def _joined(tables: Sequence[ScoreTable]) -> ScoreTable:
    first, *_ = tables
    return type(first).join(tables)  # its module imports torch, which the page does not wait for


def _fault(error: InputFault) -> dict[str, str]:
    """What is wrong with one file, and the fix; the file's name stands beside it."""
    return {"what": "; ".join(one.what for one in error.faults), "fix": "; ".join(one.fix for one in error.faults)}


def _scores(table: ScoreTable, row: int, release: ReleaseScores | None, notes: Sequence[str]) -> dict[str, Any]:
    """One image's scores, with its place among the release's paintings and whether it is out of distribution."""
    mean, sd = table.mean[row], table.sd[row]
    above = [None] * len(mean) if release is None else release.share_below(mean).tolist()
    scores = {
        name: {"mean": m, "sd": s, "above": share}
        for name, m, s, share in zip(table.dimensions, mean.tolist(), sd.tolist(), above, strict=True)
    }
    unlike = None
    if table.distance is not None:
        unlike = {"distance": float(table.distance[row]), "marked": bool(table.out_of_distribution[row])}
    return {"scores": scores, "out_of_distribution": unlike, "notes": list(notes)}
