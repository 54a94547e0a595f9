"""Every check of a submission: what is refused, and what is shown with a flag and without a rank."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...foundation.faults import Fault, InputFault
from ..predictions_table import read_predictions
from ..reference_scores import ReferenceScores, number_text
from ..srcc_plcc.correlation import MINIMUM_ITEMS, is_constant, srcc
from .submission import ReadSubmission, Submission, fault_at, look_at_submission
from .submission_folder import LARGEST, submission_files
from .submission_values import is_submission_id

_TELLING = 10  # answers in a facet whose order nobody meets by chance
SAME_AS, AS_LABELS, ABOVE, INCOMPLETE = "same_order_as", "same_order_as_labels", "above_noise_ceiling", "incomplete"


@dataclass(frozen=True, eq=False)
class CheckedSubmission:
    """A submission without a fault of its own.

    Parameters
    ----------
    id : str
        16 digits, made of the content: `submission_id`.
    submission : Submission
        Dimensions and categories in the release's order.
    values : ndarray, shape (n, D)
        The predictions, in the release's order; D declared dimensions; NaN is an abstention.
    files : dict
        File name -> SHA-256 of its bytes.
    folder : Path
        Where it lies.
    """

    id: str
    submission: Submission
    values: NDArray[np.float64]
    files: dict[str, str]
    folder: Path

    @property
    def coverage(self) -> float:
        """The share of cells that were answered."""
        return float(np.mean(~np.isnan(self.values)))


@dataclass(frozen=True, eq=False)
class EarlierSystem:
    """An entry that stands on the board already.

    Parameters
    ----------
    id, system, version : str
        As in its submission.
    dimensions : tuple of str, length D
        That it declared.
    values : ndarray, shape (n, D)
        Its predictions in the release's order.
    """

    id: str
    system: str
    version: str
    dimensions: tuple[str, ...]
    values: NDArray[np.float64]


def check_submission(folder: str | Path, references: ReferenceScores) -> CheckedSubmission:
    """Check a submission's folder from nothing.

    Parameters
    ----------
    folder : str or Path
        With ``submission.yaml`` and ``predictions.csv``, ``.parquet`` or ``.jsonl``, and nothing else.
    references : ReferenceScores
        Of the whole release.

    Returns
    -------
    CheckedSubmission

    Raises
    ------
    InputFault
        With every fault at once. If anything does not belong into the folder, it is refused before a file is opened.
    """
    folder = Path(folder)
    about, predictions = submission_files(folder)
    files = {path.name: _sha256(path) for path in (about, predictions)}
    read = look_at_submission(about)
    faults = [*read.faults, *_release_faults(about, read, references)]
    dimensions = _declared_dimensions(read, references)
    values = None
    if dimensions:
        try:
            values = read_predictions(predictions, references, dimensions=dimensions, abstentions=True)
        except InputFault as error:
            faults += error.faults
        else:
            faults += _constant_faults(predictions, values, references, dimensions)
    if faults or values is None or read.submission is None:
        raise InputFault(faults)
    used = [name for name in references.categories if name in read.submission.training.categories]
    training = read.submission.training.model_copy(update={"categories": used})
    submission = read.submission.model_copy(update={"dimensions": list(dimensions), "training": training})
    for path in (about, predictions):
        if _sha256(path) != files[path.name]:
            raise InputFault(Fault(str(path), "", "changed while it was read", "hand it in again, and leave it alone"))
    return CheckedSubmission(submission_id(submission, values, references), submission, values, files, folder)


def submission_id(submission: Submission, values: NDArray[np.float64], references: ReferenceScores) -> str:
    """The id of a submission: the first 16 digits of the SHA-256 over what it says.

    Ids, categories and numbers (17 digits, an abstention as nothing) in the release's order, and the schema's values; so neither the
    order of rows, comments, nor the kind of file matter.

    Parameters
    ----------
    submission : Submission
        Dimensions in the release's order.
    values : ndarray, shape (n, D)
        In the release's order.
    references : ReferenceScores

    Returns
    -------
    str
    """
    content = [
        references.table["painting_id"].map(str).tolist(),
        references.table["category"].tolist(),
        [[number_text(value) for value in row] for row in values],
        submission.model_dump(),
    ]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def checked_id(text: str, option: str) -> str:
    """An id that somebody typed; an ``InputFault`` where it is none, so that it never becomes a path.

    Parameters
    ----------
    text : str
    option : str
        Where it was typed.

    Returns
    -------
    str
    """
    if not is_submission_id(text):
        what = f"{ascii(text[:60])} is no id of a submission"
        raise InputFault(Fault(option, "", what, "give the 16 digits (0 to 9, a to f) of the receipt"))
    return text


def refusals(checked: CheckedSubmission, earlier: Sequence[EarlierSystem]) -> list[Fault]:
    """Why a submission without a fault of its own cannot stand on a board beside what is there.

    Parameters
    ----------
    checked : CheckedSubmission
    earlier : sequence of EarlierSystem
        Every entry that was ever accepted, as far as its predictions are kept.

    Returns
    -------
    list of Fault
        An id, or a system in this version, that is there; another system with equal predictions; a ``supersedes`` that names
        no entry, or another system's. Neither case nor width of letters makes another name.
    """
    here, own = str(checked.folder), checked.submission
    for other in earlier:
        if other.id == checked.id:
            return [Fault(here, other.id, "stands on the board already", "there is nothing to do")]
    faults = []
    for other in earlier:
        same_system = same_name(other.system, own.system)
        if same_system and same_name(other.version, own.version):
            what = f"{own.system} {own.version} stands on the board already, as {other.id}"
            fix = (
                f"give another version; it may say supersedes: {other.id}, also where only its description is corrected"
            )
            faults.append(Fault(here, "version", what, fix))
        if not same_system and _has_these_predictions(other, checked):
            what = f"the predictions are those of another system, {other.system} {other.version} ({other.id})"
            faults.append(Fault(here, checked.id, what, "hand in predictions of your own system"))
    if own.supersedes is not None:
        named = next((other for other in earlier if other.id == own.supersedes), None)
        if named is None:
            what = f"no entry of this board has the id {own.supersedes}"
            faults.append(Fault(here, "supersedes", what, "give the id of the entry that is replaced, or null"))
        elif not same_name(named.system, own.system):
            what = f"{named.id} is another system, {named.system}"
            faults.append(Fault(here, "supersedes", what, f"write null, or hand it in as {named.system}"))
    return faults


def flags(
    checked: CheckedSubmission,
    earlier: Sequence[EarlierSystem],
    references: ReferenceScores,
    ceiling: float | None,
    headline_ceiling: float | None = None,
) -> tuple[str, ...]:
    """What a reader of the board has to know of a submission; a row with a flag is shown and not ranked.

    Parameters
    ----------
    checked : CheckedSubmission
    earlier : sequence of EarlierSystem
        The entries before it; other versions of the same system are not compared.
    references : ReferenceScores
        Of the whole release.
    ceiling : float or None
        The noise ceiling of the mean SRCC over the declared dimensions.
    headline_ceiling : float, optional
        That of the headline dimension alone, which has a table of its own.

    Returns
    -------
    tuple of str
        ``same_order_as:<id>`` (SRCC of at least 0.999 with an earlier system in every facet), ``same_order_as_labels`` (the same
        with the release's scores, in every facet or in one that has ten answers or more), ``above_noise_ceiling``, ``incomplete``.
    """
    from ..prediction_notes import (
        SAME_ORDER,
    )  # brings scipy.stats: an answer to a faulty submission does not wait for it

    dimensions = tuple(checked.submission.dimensions)
    labels = references.values[:, [references.dimensions.index(name) for name in dimensions]]
    categories = references.table["category"].to_numpy()
    found = []
    for other in earlier:
        common = [name for name in dimensions if name in other.dimensions]
        if same_name(other.system, checked.submission.system) or not common:
            continue
        ours = checked.values[:, [dimensions.index(name) for name in common]]
        theirs = other.values[:, [other.dimensions.index(name) for name in common]]
        if all(facet.srcc >= SAME_ORDER for facet in facet_orders(ours, theirs, categories)):
            found.append(f"{SAME_AS}:{other.id}")
    with_labels = list(facet_orders(checked.values, labels, categories))
    same = [facet for facet in with_labels if facet.srcc >= SAME_ORDER]
    if len(same) == len(with_labels) or any(facet.paintings >= _TELLING for facet in same):
        found.append(AS_LABELS)
    above = ceiling is not None and _headline(with_labels) > ceiling
    if headline_ceiling is not None and references.headline in dimensions:
        alone = [dimensions.index(references.headline)]
        facets = list(facet_orders(checked.values[:, alone], labels[:, alone], categories))
        above = above or (bool(facets) and _headline(facets) > headline_ceiling)
    if above:
        found.append(ABOVE)
    if np.isnan(checked.values).any():
        found.append(INCOMPLETE)
    return tuple(found)


def same_name(one: str, other: str) -> bool:
    """Whether two names look alike: neither case nor width of letters counts.

    Examples
    --------
    >>> same_name("PSDistill tiny", "psdistill Tiny"), same_name("tiny", "tiny 2")
    (True, False)
    """
    return _plain(one) == _plain(other)


@dataclass(frozen=True)
class FacetOrder:
    """How well two tables agree in one facet.

    Parameters
    ----------
    category : str
        Of the facet.
    srcc : float
        NaN where fewer than three paintings are common, or all of them are equal.
    paintings : int
        Those with a number in both tables.
    """

    category: str
    srcc: float
    paintings: int


def facet_orders(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], categories: NDArray[Any]
) -> Iterator[FacetOrder]:
    """SRCC of two tables in each facet, on the paintings that have a number in both.

    Parameters
    ----------
    ours, theirs : ndarray, shape (n, D)
        NaN where there is no number.
    categories : ndarray of str, shape (n,)

    Yields
    ------
    FacetOrder
        For each category and dimension for which `theirs` has a number at all.

    Examples
    --------
    >>> [found] = facet_orders(np.array([[1.0], [2], [3]]), np.array([[1.0], [2], [9]]), np.array(["a"] * 3))
    >>> found.category, round(found.srcc, 9), found.paintings
    ('a', 1.0, 3)
    """
    for category in dict.fromkeys(categories.tolist()):
        inside = categories == category
        for one, other in zip(ours[inside].T, theirs[inside].T, strict=True):
            if np.isnan(other).all():
                continue
            both = ~np.isnan(one) & ~np.isnan(other)
            count = int(both.sum())
            flat = count < MINIMUM_ITEMS or is_constant(one[both]) or is_constant(other[both])
            yield FacetOrder(category, float("nan") if flat else srcc(one[both], other[both]), count)


def _headline(facets: Sequence[FacetOrder]) -> float:
    """The mean over the dimensions within a category, then over the categories."""
    categories = dict.fromkeys(facet.category for facet in facets)
    return float(np.mean([np.mean([facet.srcc for facet in facets if facet.category == name]) for name in categories]))


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _has_these_predictions(other: EarlierSystem, checked: CheckedSubmission) -> bool:
    """Whether another system has these predictions in every dimension that is declared here, abstentions in the same places."""
    dimensions = checked.submission.dimensions
    if not set(dimensions) <= set(other.dimensions):
        return False
    theirs = other.values[:, [other.dimensions.index(name) for name in dimensions]]
    return np.array_equal(checked.values, theirs, equal_nan=True)


def _release_faults(path: Path, read: ReadSubmission, references: ReferenceScores) -> list[Fault]:
    """What a ``submission.yaml`` says of the release, held against the release; also where other keys are at fault."""
    content, faults = read.content, []

    def fault(place: tuple[str, ...], what: str, fix: str) -> None:
        faults.append(fault_at(path, read.yaml, place, what, fix))

    release = content.get("release")
    if isinstance(release, str) and len(release) == 64 and release != references.sha256:
        what = f"{release[:12]}... is another release; {references.name} is {references.sha256[:12]}..."
        fix = f"predict this release and write {references.sha256}, or give the dataset that was predicted"
        fault(("release",), what, fix)
    if references.simulated and content.get("simulated") == "false":
        fault(
            ("simulated",), f"{references.name} is a simulated release, and so is every prediction of it", "write true"
        )
    training = content.get("training")
    used = training.get("categories") if isinstance(training, dict) else None
    for place, name in enumerate(used if isinstance(used, list) else []):
        if isinstance(name, str) and name not in references.categories:
            what = f"{name[:60]!r} is no category of {references.name}"
            fault(("training", "categories", place), what, f"choose from {', '.join(references.categories)}")
    dimensions = content.get("dimensions")
    if isinstance(dimensions, list) and dimensions and all(isinstance(name, str) for name in dimensions):
        allowed = [references.dimensions] + ([(references.headline,)] if references.headline else [])
        if set(dimensions) not in map(set, allowed):
            what = f"[{', '.join(dimensions)}]"[:100] + " is neither all dimensions of the release nor its headline"
            fault(("dimensions",), what, "write " + " or ".join(f"[{', '.join(names)}]" for names in allowed))
    return faults


def _declared_dimensions(read: ReadSubmission, references: ReferenceScores) -> tuple[str, ...]:
    """The declared dimensions in the release's order; none where they are at fault."""
    declared = read.content.get("dimensions")
    if not isinstance(declared, list) or not all(isinstance(name, str) for name in declared):
        return ()
    wanted = set(declared)
    if wanted not in (set(references.dimensions), {references.headline}):
        return ()
    return tuple(name for name in references.dimensions if name in wanted)


def _constant_faults(
    path: Path, values: NDArray[np.float64], references: ReferenceScores, dimensions: Sequence[str]
) -> list[Fault]:
    """Facets that order nothing: every answer is the same, or there is no answer in the whole table."""
    if np.isnan(values).all():
        return [Fault(str(path), "", "no cell has a score", "give scores; an empty cell is an abstention")]
    categories = references.table["category"].to_numpy()
    faults = []
    for category in references.categories:
        for column, dimension in enumerate(dimensions):
            answers = values[categories == category, column]
            answers = answers[~np.isnan(answers)]
            if answers.size >= MINIMUM_ITEMS and is_constant(answers):
                what = f"all {answers.size} scores are {answers[0]:g}: a constant has no order, and so no SRCC"
                faults.append(
                    Fault(str(path), f"{category}, {dimension}", what, "give scores that differ, or leave them empty")
                )
    return faults


def _sha256(path: Path) -> str:
    """Hash of a file, read no further than a submission may be long."""
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(LARGEST + 1)).hexdigest()
    except OSError as error:
        raise InputFault(Fault(str(path), "", f"cannot be read ({error.strerror})", "check its permissions")) from error
