"""Several sets of predictions on the same paintings: which one is better, by how much, and what cannot be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset_script.release import ReleaseTables
from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress
from .left_out_paintings import leave_one_out_of_each, rows_to_compare
from .prediction_notes import prediction_notes
from .predictions_table import read_predictions
from .reference_scores import ReferenceScores, named_dimensions
from .resampled_panels import ResampledPanel, resampled_panels, srcc_of_each
from .shown_text import one_line
from .significance import Comparison, Influence, compare_values, influences
from .srcc_plcc.correlation import STATISTICS
from .srcc_plcc.grouped import GroupedRows
from .srcc_plcc.without_value import why_without_value
from .suite import MEAN, headline_weights, refuse_names

PANEL, EXPERTS = (
    "panel",
    "experts",
)  # what systems are measured against: these experts, or the population they come from


@dataclass(frozen=True)
class SystemsCompared:
    """SRCC of several systems, and all their differences.

    Parameters
    ----------
    names, files : tuple of str, length S
        The systems.
    references : ReferenceScores
        What they are measured against, with the dimensions that were compared.
    target : str
        `PANEL` or `EXPERTS`.
    srcc : dict
        ``"mean"`` (over dimensions, then categories), or a category (mean over its dimensions), -> SRCC of each system.
    comparisons : dict
        The same keys -> the pairs of systems, corrected together for each key.
    paintings : dict
        Category -> number of paintings that all systems answered.
    answered : tuple of int
        Paintings that each system answered in every dimension.
    orders : dict
        What the order is against (``"fused"``, ``"A"``, ``"B"``) -> the systems' names, best first; empty where the references
        are not fused scores.
    notes : tuple of str
        What a reader has to know.
    """

    names: tuple[str, ...]
    files: tuple[str, ...]
    references: ReferenceScores
    target: str
    srcc: Mapping[str, tuple[float, ...]]
    comparisons: Mapping[str, Comparison]
    paintings: Mapping[str, int]
    answered: tuple[int, ...]
    orders: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]

    @property
    def headline(self) -> Comparison:
        """The pairs by the mean over dimensions, then categories."""
        return self.comparisons[MEAN]

    @property
    def is_headline(self) -> bool:
        """Whether the mean is over all dimensions, as the headline is."""
        return not self.references.left_out

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain JSON values; None where there is no error, and so no test."""
        systems = [
            {
                "name": name,
                "file": self.files[place],
                "srcc": {row: values[place] for row, values in self.srcc.items()},
                "answered": self.answered[place],
                "rank_range": list(self.headline.rank_ranges[place]),
                "not_separated_from_first": self.headline.not_separated_from_first[place],
            }
            for place, name in enumerate(self.names)
        ]
        pairs = []
        for tests in zip(*(found.pairs for found in self.comparisons.values()), strict=True):
            rows = {row: test.as_dict() for row, test in zip(self.comparisons, tests, strict=True)}
            for test in rows.values():
                first, second = test.pop("first"), test.pop("second")
            pairs.append({"first": self.names[first], "second": self.names[second], "differences": rows})
        return {
            "release": self.references.name,
            "release_sha256": self.references.sha256,
            "simulated": self.references.simulated,
            "references": self.references.called,
            "target": self.target,
            "statistic": "srcc",
            "dimensions": list(self.references.dimensions),
            "all_dimensions": self.is_headline,
            "common_paintings": dict(self.paintings),
            "systems": systems,
            "pairs": pairs,
            "orders": {target: list(order) for target, order in self.orders.items()},
            "correction": {
                "of": "all pairs of systems, for each row by itself",
                "p_adjusted": "step-down of the largest abs(z)",
                "intervals": "simultaneous",
                "rank_ranges": "simultaneous, step-down over ordered pairs",
                "level": self.headline.level,
                "draws": self.headline.draws,
                "seed": self.headline.seed,
            },
            "notes": list(self.notes),
        }


def compare_files(
    files: Sequence[str | Path],
    references: ReferenceScores,
    *,
    release: ReleaseTables | None = None,
    dimensions: Sequence[str] | None = None,
    experts: bool = False,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
    processes: int = 1,
    progress: Progress | None = None,
) -> SystemsCompared:
    """Compare tables of predictions.

    Parameters
    ----------
    files : sequence of str or Path
        Two or more, as `read_predictions` takes them. A cell may be empty: the system gives no answer there, and all are compared
        on the paintings that all of them answered in every dimension.
    references : ReferenceScores
        What they are measured against.
    release : ReleaseTables, optional
        Where the references come from, if from a release: for the order by construction A and B, and for `experts`.
    dimensions : sequence of str, optional
        Only these; a text may name several, with commas.
    experts : bool
        Whether errors are also those of the experts: what holds for other panels of as many experts, too.
    level, draws, seed : float, int, int
        As for `compare_systems`.
    processes, progress : int, callable
        For the fused scores of resampled panels, where none are kept.

    Returns
    -------
    SystemsCompared

    Raises
    ------
    InputFault
        For files that cannot be read or compared: all of them at once.
    """
    chosen = references if dimensions is None else references.only(named_dimensions(dimensions, references.dimensions))
    refuse_names(chosen)
    names = system_names(files)
    beyond: list[str] = []
    values = _read_all(files, names, references, chosen, beyond if release is None else None)
    looks = [
        f"{name}: {note}" for name, mine in zip(names, values, strict=True) for note in prediction_notes(mine, chosen)
    ]
    notes = beyond
    kept, answered = _common(values, names, files, chosen, notes)
    rows = _rows(values, kept, chosen, files)
    panels: tuple[ResampledPanel, ...] = ()
    if experts:
        if release is None:
            what = "has scores alone: without the experts' judgments there are no resampled panels"
            raise InputFault(Fault(references.source, "", what, "leave out --experts, or give a --dataset"))
        panels, where = resampled_panels(release, references, processes=processes, progress=progress)
        notes.append(where)
    moved = [(panel, *_figures_of_panel(panel, rows[0].groups, values, kept, chosen)) for panel in panels]
    srcc, comparisons = _tests(rows, moved, level, draws, seed)
    inside = np.array(chosen.table["category"].tolist())[kept]
    return SystemsCompared(
        names=names,
        files=tuple(map(str, files)),
        references=chosen,
        target=EXPERTS if experts else PANEL,
        srcc=srcc,
        comparisons=comparisons,
        paintings={category: int(np.sum(inside == category)) for category in chosen.categories},
        answered=answered,
        orders=_orders(names, values, kept, chosen, release),
        notes=(*chosen.notes, *looks, *notes),
    )


def system_names(files: Sequence[str | Path]) -> tuple[str, ...]:
    """What systems are called: the files' names without suffix; with as many folders before it as tell them apart.

    Examples
    --------
    >>> system_names(["before.csv", "runs/after.csv"]), system_names(["a/predictions.csv", "b/predictions.csv"])
    (('before', 'after'), ('a/predictions', 'b/predictions'))
    """
    paths = [Path(file).absolute().with_suffix("") for file in files]
    for length in range(1, max((len(path.parts) for path in paths), default=0) + 1):
        names = tuple(one_line("/".join(path.parts[-length:])) for path in paths)
        if len(set(names)) == len(names):
            return names
    return tuple(one_line(str(file)) for file in files)  # they differ in their suffix alone


def _list_faults(files: Sequence[str | Path]) -> list[Fault]:
    """Fewer than two files, or one of them twice."""
    if len(files) < 2:
        named = str(files[0]) if files else ""
        return [Fault(named, "", "one set of predictions alone cannot be compared", "give two files or more")]
    seen: dict[Path, str] = {}
    faults = []
    for file in files:
        place = Path(file).resolve()
        if place in seen:
            faults.append(Fault(str(file), "", "is given twice", "give each file once"))
        seen[place] = str(file)
    return faults


def _read_all(
    files: Sequence[str | Path],
    names: Sequence[str],
    references: ReferenceScores,
    chosen: ReferenceScores,
    beyond: list[str] | None,
) -> NDArray[np.float64]:
    """The predictions of all files, shape (S, n, D); an ``InputFault`` has the faults of all of them.

    Where `beyond` is given, what the references do not have is passed over, and noted there.
    """
    faults = _list_faults(files)
    values = []
    for file, name in zip(files, names, strict=True):
        more: list[str] | None = None if beyond is None else []
        try:
            values.append(
                read_predictions(file, references, dimensions=chosen.dimensions, abstentions=True, beyond=more)
            )
            if more:
                beyond += [f"{name}: {note}" for note in more]
        except InputFault as error:
            faults += error.faults
    if faults:
        raise InputFault(faults)
    return np.stack(values)


def _common(
    values: NDArray[np.float64],
    names: tuple[str, ...],
    files: Sequence[str | Path],
    references: ReferenceScores,
    notes: list[str],
) -> tuple[NDArray[np.bool_], tuple[int, ...]]:
    """The paintings that all systems answered in every dimension that has references, and how many each answered."""
    answered = (~np.isnan(values) | np.isnan(references.values)).all(axis=2)
    kept = answered.all(axis=0)
    total = kept.size
    for name, mine in zip(names, answered, strict=True):
        if not mine.all():
            notes.append(f"{name} has no answer for {total - int(mine.sum())} of {total} paintings")
    if not kept.all():
        notes.append(f"compared on the {int(kept.sum())} of {total} paintings that all {len(names)} answered")
    if not kept.any():
        shown = ", ".join(map(str, files))
        fix = "leave out the one that answers least, or name the --dimensions that all answer"
        raise InputFault(Fault(shown, "", "there is no painting that all of them answered", fix))
    return kept, tuple(int(mine.sum()) for mine in answered)


def _rows(
    values: NDArray[np.float64], kept: NDArray[np.bool_], references: ReferenceScores, files: Sequence[str | Path]
) -> list[GroupedRows]:
    """The systems' scores on the common paintings; an ``InputFault`` names each facet in which one has no SRCC."""
    wanted = references.values[kept]
    categories = np.array(references.table["category"].tolist())[kept].tolist()
    found, faults = [], []
    for file, mine in zip(files, values, strict=True):
        given = np.where(np.isnan(wanted), 0.0, mine[kept])  # without a reference a row is left out
        rows = rows_to_compare(given, wanted, categories)
        for group, (category, dimension) in enumerate(rows.groups):
            x, y = rows.of_group(group)
            figures = {"SRCC": float(STATISTICS["srcc"](x, y))}
            for why in why_without_value(figures, x, y, called=references.called, rows="paintings"):
                facet = f"{category}, {references.dimensions[int(dimension)]}"
                fix = "leave this file out, or name the --dimensions to compare"
                faults.append(Fault(str(file), facet, why, fix))
        found.append(rows)
    if faults:
        raise InputFault(faults)
    return found


def _sums(rows: GroupedRows) -> dict[str, NDArray[np.float64]]:
    """Weights over the groups: of the mean, and of each category."""
    [mean] = headline_weights(rows)
    names = np.array([category for category, _ in rows.groups])
    sums = {MEAN: mean}
    for name in dict.fromkeys(names.tolist()):
        inside = (names == name).astype(np.float64)
        sums[name] = inside / inside.sum()
    return sums


def _tests(
    rows: list[GroupedRows],
    moved: list[tuple[ResampledPanel, NDArray[np.int64], NDArray[np.float64]]],
    level: float,
    draws: int,
    seed: int,
) -> tuple[dict[str, tuple[float, ...]], dict[str, Comparison]]:
    """SRCC of the systems and the tests of all pairs: by the mean, and by each category."""
    table = _sums(rows[0])
    left_out = [leave_one_out_of_each(each, list(table.values())) for each in rows]
    srcc, comparisons = {}, {}
    for place, (name, weights) in enumerate(table.items()):
        figures, sources = influences([system[place] for system in left_out])
        for panel, groups, by_facet in moved:
            if weights[groups].any():
                moves = np.einsum("f,fsr->sr", weights[groups], by_facet)
                sources.append(Influence(panel.influence(moves), len(panel.experts) - 1.0))
        srcc[name] = tuple(figures.tolist())
        comparisons[name] = compare_values(figures, sources, level=level, draws=draws, seed=seed)
    return srcc, comparisons


def _figures_of_panel(
    panel: ResampledPanel,
    groups: Sequence[tuple[str, str]],
    values: NDArray[np.float64],
    kept: NDArray[np.bool_],
    references: ReferenceScores,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The compared facets of a panel, as places among `groups`, and SRCC of each facet, system and resample."""
    place = {(category, references.dimensions[int(column)]): k for k, (category, column) in enumerate(groups)}
    found, moved = [], []
    for facet, rows, scores in zip(panel.facets, panel.rows, panel.scores, strict=True):
        if facet not in place:
            continue
        column = references.dimensions.index(facet[1])
        used = kept[rows] & ~np.isnan(references.values[rows, column])
        found.append(place[facet])
        moved.append([srcc_of_each(mine[rows[used], column], scores[:, used]) for mine in values])
    shape = (len(found), len(values), panel.weights.size)
    return np.array(found, dtype=np.int64), np.array(moved, dtype=np.float64).reshape(shape)


def _orders(
    names: tuple[str, ...],
    values: NDArray[np.float64],
    kept: NDArray[np.bool_],
    references: ReferenceScores,
    release: ReleaseTables | None,
) -> dict[str, tuple[str, ...]]:
    """The systems, best first (joined by ``=`` where equal), against the fused scores, and against constructions A and B alone."""
    if release is None or release.scores_from is not None:
        return {}
    targets = {"fused": references.values}
    for letter in ("a", "b"):
        columns = [f"{dimension}_{letter}" for dimension in references.dimensions]
        if not all(column in release.fused for column in columns):
            return {}
        targets[letter.upper()] = release.fused[columns].to_numpy(dtype=np.float64)
    categories = np.array(references.table["category"].tolist())[kept].tolist()
    orders = {}
    for target, wanted in targets.items():
        figures = []
        for mine in values:
            given = np.where(np.isnan(wanted[kept]), 0.0, mine[kept])
            rows = rows_to_compare(given, wanted[kept], categories)
            figures.append(float(rows.per_group(STATISTICS["srcc"])[0] @ headline_weights(rows)[0]))
        tied: dict[float, list[str]] = {}
        for figure, name in sorted(zip((round(-each, 12) for each in figures), names, strict=True)):
            tied.setdefault(figure, []).append(name)
        orders[target] = tuple(" = ".join(same) for same in tied.values())
    return orders
