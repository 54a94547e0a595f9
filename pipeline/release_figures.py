"""The quickstart's table: before, after, pseudo-scores and the reference lines, all against the fused scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..dataset_script.release import ReleaseTables
from ..eval_suite.interval_cell import interval_cell
from ..eval_suite.paired_bootstrap import paired_difference
from ..eval_suite.reference_lines import (
    Line,
    PanelReferences,
    against_panel,
    noise_ceiling,
    panel_references,
    relative_errors,
    single_expert,
)
from ..eval_suite.srcc_plcc.intervals import Interval
from ..eval_suite.suite import MEAN, evaluate_scores
from ..foundation.progress_type import Progress
from ..foundation.whole_folders import written_whole
from ..model_card.card import markdown_table
from ..trainer.pseudo_scores.pseudo_labels import PoolSelfCheck
from ..trainer.pseudo_scores.reference_pool import ReferencePool
from .paintings import ReleasePaintings

ROWS = {
    "srcc_before": "before distillation",
    "srcc_after": "after distillation",
    "srcc_pseudo": "pseudo-scores (the judge's comparisons)",
    "single_expert": "single expert, against the other four",
    "srcc_after_four_expert": "after distillation, against the same four",
    "noise_ceiling": "noise ceiling",
}


@dataclass(frozen=True)
class EvaluatedCategory:
    """What the judge, before distillation, says of the paintings of one category.

    Parameters
    ----------
    pool : ReferencePool
        Of the category's own unlabelled scrolls.
    check : PoolSelfCheck
    pseudo : ndarray, shape (n, D)
        Pseudo-scores (Elo points) of the category's paintings.
    pointwise : ndarray, shape (n, D)
        The judge's own ratings of them, 0 to 9.
    """

    pool: ReferencePool
    check: PoolSelfCheck
    pseudo: np.ndarray
    pointwise: np.ndarray


@dataclass(frozen=True)
class ReleaseFigures:
    """SRCC by row, category and mean, each with a 95 % interval over paintings.

    Parameters
    ----------
    lines : mapping of row name (of ``ROWS``) to Line
    plcc : mapping
        PLCC before and after, the same way; raw.
    headline : mapping
        SRCC of the headline dimension alone, before and after, mean over categories.
    headline_dimension : str
    difference : Interval
        After minus before, on the categories never trained on, paired.
    training_category : str
    simulated : bool
    """

    lines: Mapping[str, Line]
    plcc: Mapping[str, Line]
    headline: Mapping[str, Interval]
    headline_dimension: str
    difference: Interval
    training_category: str
    simulated: bool

    def summary(self) -> dict:
        """The figures of ``summary.json``."""
        values = {name: _rounded(line) for name, line in self.lines.items()}
        values |= {name: _rounded(line) for name, line in self.plcc.items()}
        values["intervals"] = {name: line.as_dict() for name, line in self.lines.items()}
        values["headline_dimension"] = {"dimension": self.headline_dimension} | {
            name: round(interval.value, 6) for name, interval in self.headline.items()
        }
        d = self.difference
        values["paired_difference"] = {"value": d.value, "low": d.low, "high": d.high}
        return values

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows as text."""
        categories = [name for name in next(iter(self.lines.values())).figures if name != MEAN]
        header = ["SRCC, mean over dimensions [95 %]"]
        header += [
            name.replace("_", " ") + (" (trained on)" if name == self.training_category else "") for name in categories
        ]
        rows = [
            [ROWS[name], *(interval_cell(line.figures[column]) for column in (*categories, MEAN))]
            for name, line in self.lines.items()
        ]
        return [*header, "mean"], rows

    def rich_table(self):
        """For the terminal."""
        from rich import box
        from rich.table import Table

        header, rows = self.table()
        mark = " (simulated)" if self.simulated else ""
        table = Table(title=f"Against the fused scores{mark}", box=box.SIMPLE_HEAD, title_justify="left")
        for k, name in enumerate(header):
            table.add_column(name, justify="left" if k == 0 else "right")
        for row in rows:
            table.add_row(*row)
        table.caption = self.difference_text()
        table.caption_justify = "left"
        return table

    def difference_text(self) -> str:
        """After minus before on the categories never trained on."""
        d = self.difference
        return f"after minus before, categories never trained on: {d.value:+.3f} [{d.low:+.3f}, {d.high:+.3f}] (paired)"

    def markdown(self) -> str:
        """For the card."""
        header, rows = self.table()
        beside = ", ".join(f"{name.replace('_', ' ')} {interval.value:.3f}" for name, interval in self.headline.items())
        plcc = ", ".join(f"{name.replace('_', ' ')} {line.figures[MEAN].value:.3f}" for name, line in self.plcc.items())
        return (
            f"{markdown_table(header, rows)}\n\n{self.difference_text()}. "
            f"Headline dimension `{self.headline_dimension}` alone: {beside}. Raw PLCC, mean: {plcc}.\n\n"
            "Intervals are a bootstrap over paintings, stratified by category. The pseudo-scores of each category are rated "
            "against a pool of that category's own unlabelled scrolls. Controls (a judge without the induced cue, shuffled "
            "judgments) and baselines on the same judgments stand in `docs/nine-runs.md`."
        )


@dataclass(frozen=True)
class References:
    """What every scorer of a release is held against, and what does not depend on any scorer.

    Parameters
    ----------
    panel : PanelReferences
        Each expert's ratings, and the fused scores of the other four.
    relative_errors : ndarray, shape (n, D)
        Of the fused scores, from resamples each centred within its facet.
    """

    panel: PanelReferences
    relative_errors: np.ndarray


def reference_lines(release: ReleaseTables, folder: Path, report: Progress, *, processes: int = 2) -> References:
    """Fuse every facet without each of its experts in turn; kept in a folder, since it takes a while.

    Parameters
    ----------
    release : ReleaseTables
    folder : Path
        Read where it is there, else written, whole.
    report : callable
    processes : int
        Worker processes.

    Returns
    -------
    References
    """
    if not folder.exists():
        panel = panel_references(release, processes=processes, progress=report)
        errors = relative_errors(release, processes=processes, progress=report)
        with written_whole(folder) as partial:
            panel.table.to_parquet(partial / "panel.parquet", index=False)
            (partial / "left_out.json").write_text(json.dumps(panel.left_out) + "\n", encoding="utf-8")
            np.save(partial / "relative_errors.npy", errors)
    panel = PanelReferences(
        pd.read_parquet(folder / "panel.parquet"),
        tuple(json.loads((folder / "left_out.json").read_text(encoding="utf-8"))),
    )
    return References(panel, np.load(folder / "relative_errors.npy"))


def measure(
    release: ReleaseTables,
    paintings: ReleasePaintings,
    judged: Mapping[str, EvaluatedCategory],
    after: np.ndarray,
    reference: References,
    training_category: str,
) -> ReleaseFigures:
    """Measure everything against the fused scores.

    Parameters
    ----------
    release : ReleaseTables
    paintings : ReleasePaintings
        In the order of ``after``.
    judged : mapping of category to EvaluatedCategory
    after : ndarray, shape (n, D)
        The distilled scorer's scores.
    reference : References
    training_category : str

    Returns
    -------
    ReleaseFigures
    """
    if list(release.fused["painting_id"]) != list(paintings.ids):
        raise ValueError("the fused table and the paintings are not in the same order")
    names = list(paintings.categories)
    before = np.concatenate([judged[name].pointwise for name in release.categories])
    pseudo = np.concatenate([judged[name].pseudo for name in release.categories])
    fused = release.references()
    results = {
        name: evaluate_scores(
            scores, fused, names, release.dimensions, release.headline, statistics=("srcc", "plcc"), resamples=2000
        )
        for name, scores in (("before", before), ("after", after), ("pseudo", pseudo))
    }

    def line(name: str, statistic: str) -> Line:
        figures = results[name].figures[statistic]
        return Line({row: figures[row][MEAN] for row in (*release.categories, MEAN)})

    unseen = np.array([name != training_category for name in names])
    return ReleaseFigures(
        lines={
            "srcc_before": line("before", "srcc"),
            "srcc_after": line("after", "srcc"),
            "srcc_pseudo": line("pseudo", "srcc"),
            "single_expert": single_expert(reference.panel),
            "srcc_after_four_expert": against_panel(after, release, reference.panel),
            "noise_ceiling": noise_ceiling(fused, reference.relative_errors, names),
        },
        plcc={f"plcc_{name}": line(name, "plcc") for name in ("before", "after")},
        headline={name: results[name].headline_dimension_srcc for name in ("before", "after", "pseudo")},
        headline_dimension=release.headline,
        difference=paired_difference(
            after[unseen], before[unseen], fused[unseen], [n for n, u in zip(names, unseen, strict=True) if u]
        ),
        training_category=training_category,
        simulated=release.simulated,
    )


def _rounded(line: Line) -> dict[str, float]:
    return {name: round(value, 6) for name, value in line.values().items()}
