"""The report of a run of the paper's protocol: what is reported beside what was measured, never in one column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset_script.release import ReleaseTables
from ..eval_suite.interval_cell import interval_cell
from ..eval_suite.reported_figures import PAPER, REPORTED, UNKNOWN, reported
from ..eval_suite.srcc_plcc.intervals import Interval
from ..eval_suite.suite import MEAN
from ..foundation.whole_files import write_text
from ..model_card.card import markdown_table
from .protocol_figures import LINES, ProtocolFigures
from .terminal_table import rich_table

PLOTS = {
    "reported_and_measured.png": "SRCC before and after: reported on the left, measured on the right",
    "by_dimension.png": "every category and dimension, before and after, with 95 % intervals",
    "before_after.png": "the headline dimension's scores against the fused scores",
    "training.png": "training, watched without labels",
    "pool.png": "the Elo reference pool of the training category",
    "contact_sheet.png": "paintings of one category in the order of the distilled scorer",
}

POOLS = "The pseudo-scores of each category are rated against a pool of that category's own unlabelled images."
CONTROLS = (
    "Controls (a judge without the induced cue, shuffled judgments) and baselines on the same judgments stand in ppaint's "
    "`docs/nine-runs.md`."
)

ONLY_OF_DISTILLATION = (
    "“Never trained on” is said of the distillation alone: what the model had been trained on before is not known here."
)
TAUGHT = (
    "“Never trained on” is said of the distillation alone: the tiny judge itself was taught on scrolls of all three categories of the "
    "stand-in, from the latent quality behind its simulated experts. There it may exceed a single expert by construction; that is no finding."
)


@dataclass(frozen=True)
class Conditions:
    """Under which conditions a run measured.

    Parameters
    ----------
    simulated_because : tuple of str
        Why the figures are no result about paintings; empty where they may be one.
    induced_bias : str
        What must stand beside figures of the tiny judge; empty for another model.
    model : str
        Folder or repo.
    model_name : str
        What the table calls it.
    parameters : int
    training_category : str
    training_images : int
        How many different images.
    training_folder : str
        Where they lie; empty where they are the category's own paintings.
    also_evaluated : int
        How many of them are also among the evaluated paintings.
    estimator : str
    options : mapping
        The trainer's settings where they are not its defaults.
    seed : int
    taught_on_stand_in : bool
        Whether the model is the tiny judge or its twin, which learnt from the stand-in's latent quality in every category.
    """

    simulated_because: tuple[str, ...]
    induced_bias: str
    model: str
    model_name: str
    parameters: int
    training_category: str
    training_images: int
    training_folder: str
    also_evaluated: int
    estimator: str
    options: Mapping[str, Any]
    seed: int
    taught_on_stand_in: bool = False

    @property
    def objective(self) -> str:
        """What was optimised; the sampled estimator has one."""
        return str(self.options.get("objective", "policy"))

    def kept(self, step: int) -> str:
        """Which weights were kept, and picked by what."""
        if not step:
            return "the starting model was kept, by the judge's own judgments"
        if folds := self.options.get("folds"):
            which = f"step {step} and of the steps that are as good for all that is known"
            return f"the mean weights of {which}, of {folds} trainings, were kept, picked by judgments of the images that each left out"
        return f"the checkpoint of step {step} was kept, picked by held-out judgments"

    def training_text(self, *, paths: bool = True) -> str:
        """Which images were trained on, and what the paper says of its own.

        Parameters
        ----------
        paths : bool
            Whether their folder is named with where it lies on this machine: on a card, which is published, by its name alone.
        """
        if self.training_folder:
            folder = self.training_folder if paths else Path(self.training_folder).resolve().name
            which = f"{self.training_images} images of the folder {folder}"
            if self.also_evaluated:
                which += f", {self.also_evaluated} of which are also evaluated paintings"
        else:
            which = (
                f"the {self.training_images} evaluated paintings of that category themselves, their annotations unseen"
            )
        return (
            f'Trained on the category `{self.training_category}`: {which}. The paper says "trained on one painting '
            'category" [paper]; on which, and whether on the evaluated paintings, we do not know.'
        )

    def never_trained_on(self) -> str:
        """What "never trained on" means, and what the model had learnt before; stands wherever these words stand."""
        return TAUGHT if self.taught_on_stand_in else ONLY_OF_DISTILLATION

    def warning(self) -> str:
        """The sentence that stands wherever the figures stand; empty for a run that is no simulation."""
        if not self.simulated_because:
            return ""
        why = f"Simulated: {'; '.join(self.simulated_because)}. The comparison says nothing about the paper."
        return f"{self.induced_bias} {why}".strip()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "model": self.model,
            "parameters": self.parameters,
            "training_category": self.training_category,
            "training_images": self.training_images,
            "training_images_from": self.training_folder or "the category's own paintings, which are evaluated too",
            "training_images_also_evaluated": self.also_evaluated,
            "estimator": self.estimator,
            "objective": self.objective,
            "options": {key: value for key, value in self.options.items()},
            "seed": self.seed,
        }


@dataclass(frozen=True)
class ProtocolReport:
    """Everything that the report, the summary and the terminal say.

    Parameters
    ----------
    release : ReleaseTables
    record : dict
        Its ``ppaint_release.json``.
    figures : ProtocolFigures
    conditions : Conditions
    pools : mapping of str to mapping
        Self-check of every category's own pool: category -> dimension -> slope, tolerance, passed; empty where only the
        training category was judged.
    fitness : str
        The judge-fitness report as Markdown.
    warnings, dropped : tuple of str
        Of the judge's fitness; dimensions without a usable signal.
    kept_step : int
    versions, hashes : mapping
    command : str
    """

    release: ReleaseTables
    record: Mapping[str, Any]
    figures: ProtocolFigures
    conditions: Conditions
    pools: Mapping[str, Mapping[str, Any]]
    fitness: str
    warnings: tuple[str, ...]
    dropped: tuple[str, ...]
    kept_step: int
    versions: Mapping[str, str]
    hashes: Mapping[str, str]
    command: str

    @property
    def mark(self) -> str:
        """`` (simulated)`` or nothing, for headings."""
        return " (simulated)" if self.conditions.simulated_because else ""

    def measured(self) -> dict[str, Any]:
        """The figures that are shown next to the reported ones: a number, a text, or an Interval."""
        counts = {row["category"]: row for row in self.record["counts"]}
        experts = sorted({counts[name]["experts"] for name in self.release.categories})
        w = agreement_means(self.record, self.release.categories)
        conditions = self.conditions
        own = "its own paintings" if not conditions.training_folder else "images given"
        return {
            "model": f"{conditions.model_name} ({parameters_text(conditions.parameters)} parameters)",
            "trained_on": f"{conditions.training_category}, {conditions.training_images} images ({own})",
            "paintings": counts["all"]["paintings"],
            "categories": len(self.release.categories),
            "experts": counts["all"]["experts"],
            "experts_a_category": experts[0] if len(experts) == 1 else f"{experts[0]} to {experts[-1]}",
            "dimensions": len(self.release.dimensions),
            "pairs": counts["all"]["pairs"],
            "w_preferences": w["w_preferences"],
            "w_ratings": w["w_ratings"],
            "srcc_before": self.figures.before.headline,
            "srcc_after": self.figures.after.headline,
        }

    def comparison(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows of the table of reported and measured figures."""
        measured = self.measured()
        header = ["", f"reported ({PAPER})", "source", f"measured here{self.mark}"]
        return header, [[one.what, _text(one.value), one.mark, _text(measured[one.key])] for one in REPORTED]

    def by_category(self) -> tuple[list[str], list[list[str]]]:
        """SRCC before and after, the paired difference and the reference lines; one column per category."""
        columns = (*self.figures.before.categories, MEAN)
        rows = [
            ["before distillation", *(_cell(self.figures.before.figures["srcc"], c) for c in columns)],
            ["after distillation", *(_cell(self.figures.after.figures["srcc"], c) for c in columns)],
            ["after minus before, paired", *(_cell(self.figures.difference, c, "+") for c in columns)],
        ]
        for name, line in self.figures.lines.items():
            rows.append([LINES[name], *(_text(line.figures.get(column)) for column in columns)])
        if self.figures.pseudo is not None:
            own = self.figures.pseudo.figures["srcc"]
            rows.append(
                [
                    "pseudo-scores (the judge's comparisons)",
                    *(
                        _cell(own, c) if c != MEAN or not self.figures.only_trained_on_has_pseudo else "-"
                        for c in columns
                    ),
                ]
            )
        header = [f"SRCC{self.mark}, mean over dimensions [95 %]", *map(self._category_name, columns[:-1]), MEAN]
        return header, rows

    def paired_text(self) -> str:
        """The paired test, of all categories and of those never trained on."""
        parts = []
        for span in self.figures.spans[len(self.figures.before.categories) :]:
            interval = self.figures.difference[span][MEAN]
            verdict = "no interval" if np.isnan(interval.low) else "above 0" if interval.low > 0 else "below 0"
            verdict = "0 lies inside" if interval.low <= 0 <= interval.high else verdict
            name = "all categories" if span == MEAN else span
            parts.append(f"{name} {_text(interval, '+')} ({verdict})")
        return f"After minus before, paired over paintings{self.mark}: " + "; ".join(parts)

    def markdown(self) -> str:
        """The whole page."""
        conditions, figures = self.conditions, self.figures
        warning = [f"> **{conditions.warning()}**", ""] if conditions.simulated_because else []
        not_known = "\n".join(f"- {sentence}" for sentence in UNKNOWN)
        parts = [
            f"# The paper's protocol on {self.release.name}{self.mark}",
            "",
            *warning,
            f"## Reported and measured{self.mark}",
            "",
            markdown_table(*self.comparison()),
            "",
            f"[paper]: stands in the abstract of {PAPER}. [reported]: reported by third parties who read it. Neither was "
            "measured by us. Intervals are 95 %, over paintings; the reported figures come without. What we do not know of the "
            "paper, so that equal names may stand for unequal figures:",
            "",
            not_known,
            "",
            *([self.other_conditions(), ""] if self.other_conditions() else []),
            self._plot("reported_and_measured.png"),
            "",
            f"## Before and after, by category{self.mark}",
            "",
            markdown_table(*self.by_category()),
            "",
            f"{self.paired_text()}. {conditions.never_trained_on()}",
            "",
            f"{conditions.training_text()} Estimator `{conditions.estimator}`, objective `{conditions.objective}`, seed {conditions.seed}; "
            f"{conditions.kept(self.kept_step)}, never by a human score. Before and after are the same "
            "readout: the expectation over the ten score tokens, one pass per image.",
            "",
            self._headline_text(),
            "",
            f"## By category and dimension{self.mark}",
            "",
        ]
        for what, table, sign in (
            ("Before distillation", figures.before.figures["srcc"], ""),
            ("After distillation", figures.after.figures["srcc"], ""),
            ("After minus before, paired", figures.difference, "+"),
        ):
            parts += [f"{what}{self.mark}, SRCC [95 %]:", "", markdown_table(*self._by_dimension(table, sign)), ""]
        parts += [
            "Intervals of single cells are not corrected for their number: the test is the one of the mean, above.",
            "",
            *(line for name in list(PLOTS)[1:] for line in (self._plot(name), "")),
        ]
        if self.pools:
            parts += [f"## Pools{self.mark}", "", POOLS, "", markdown_table(*self._pool_checks()), ""]
        if notes := self.notes():
            parts += ["## Notes", "", *(f"- {note}" for note in notes), ""]
        parts += [
            self.fitness.replace("## ", "### ").replace("# Judge fitness", f"## Judge fitness{self.mark}", 1).strip()
        ]
        parts += ["", "## Provenance", "", f"Command: `{self.command}`", "", markdown_table(*self._provenance())]
        return "\n".join(parts) + "\n"

    def other_conditions(self) -> str:
        """Where this run's conditions are not the reported ones; empty where all that can be compared is the same."""
        measured = self.measured()
        counts = ("paintings", "categories", "experts", "experts_a_category", "dimensions", "pairs")
        other = [
            f"{_text(measured[key])} {reported(key).what}" for key in counts if measured[key] != reported(key).value
        ]
        if not 8e9 <= self.conditions.parameters < 9e9:
            other.insert(0, f"another model than {reported('model').value}")
        return f"Conditions that are not the reported ones: {', '.join(other)}." if other else ""

    def notes(self) -> list[str]:
        """What a reader should know beside the figures."""
        dropped = [f"{name}: no usable signal in the judgments, not trained on" for name in self.dropped]
        return [*self.figures.notes, *dropped, *(f"judge: {sentence}" for sentence in self.warnings)]

    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` says; reported and measured figures in parts of their own."""
        measured = {k: v.as_dict() if isinstance(v, Interval) else v for k, v in self.measured().items()}
        short = self.figures.short() | {
            "training_category": self.conditions.training_category,
            "seed": self.conditions.seed,
            "kept_step": self.kept_step,
            "pool_self_check": {name: dict(checks) for name, checks in self.pools.items()},
        }
        return {
            **(short if self.pools else {}),
            "simulated": bool(self.conditions.simulated_because),
            "note": self.conditions.warning(),
            "release": self.release.name,
            "reported": {"paper": PAPER, "figures": [one.as_dict() for one in REPORTED], "not_known": list(UNKNOWN)},
            "measured": {
                "simulated": bool(self.conditions.simulated_because),
                "beside_the_reported": {k: None if v != v else v for k, v in measured.items()},
                **self.figures.as_dict(),
            },
            "conditions": self.conditions.as_dict()
            | {"kept_step": self.kept_step, "not_the_reported_ones": self.other_conditions()},
            "judge_warnings": list(self.warnings),
            "dimensions_without_signal": list(self.dropped),
            "command": self.command,
            "versions": dict(self.versions),
            "hashes": dict(self.hashes),
        }

    def card_text(self) -> str:
        """What the scorer's card says of its evaluation: measured figures only."""
        warning = f"{self.conditions.warning()}\n\n" if self.conditions.simulated_because else ""
        pools = f" {POOLS}" if self.pools else ""
        controls = f" {CONTROLS}" if self.conditions.induced_bias else ""
        return (
            f"{warning}{markdown_table(*self.by_category())}\n\n{self.paired_text()}. {self.conditions.never_trained_on()} "
            f"{self.conditions.training_text(paths=False)}\n\n"
            f"{self._headline_text()}\n\n"
            f"Intervals are a bootstrap over paintings, stratified by category. None of these figures is the paper's.{pools}"
            f"{controls}"
        )

    def for_terminal(self) -> list:
        """Tables and sentences for the console."""
        lines: list = [
            rich_table("Reported and measured" + self.mark, *self.comparison()),
            rich_table("Against the fused scores" + self.mark, *self.by_category()),
            self.paired_text(),
            self.conditions.training_text(),
            *filter(None, [self.other_conditions()]),
            *(f"note: {note}" for note in self.notes()),
        ]
        last = (self.conditions.warning(), self.conditions.never_trained_on())
        return [*lines, " ".join(filter(None, last))]

    def write(self, path: Path) -> None:
        """Write the page whole."""
        write_text(path, self.markdown())

    def _headline_text(self) -> str:
        before, after = self.figures.before, self.figures.after
        return (
            f"Headline dimension `{self.release.headline}` alone: before "
            f"{_text(before.headline_dimension_srcc)}, after {_text(after.headline_dimension_srcc)}. "
            f"Raw PLCC, mean: before {self._plcc('before')}, after {self._plcc('after')}."
        )

    def _pool_checks(self) -> tuple[list[str], list[list[str]]]:
        rows = [
            [self._category_name(category), *(_check_text(checks.get(name)) for name in self.release.dimensions)]
            for category, checks in self.pools.items()
        ]
        return ["slope of the self-check", *(name.replace("_", " ") for name in self.release.dimensions)], rows

    def _category_name(self, name: str) -> str:
        return name.replace("_", " ") + (" (distilled on)" if name == self.conditions.training_category else "")

    def _by_dimension(self, table: Mapping, sign: str) -> tuple[list[str], list[list[str]]]:
        columns = (*self.release.dimensions, MEAN)
        rows = []
        for span, cells in table.items():
            rows.append([self._category_name(span), *(_text(cells.get(column), sign) for column in columns)])
        return ["", *(column.replace("_", " ") for column in columns)], rows

    def _plcc(self, name: str) -> str:
        return _text(getattr(self.figures, name).figures["plcc"][MEAN].get(MEAN))

    def _plot(self, name: str) -> str:
        return f"![{PLOTS[name]}{self.mark}](plots/{name})"

    def _provenance(self) -> tuple[list[str], list[list[str]]]:
        rows = [[name, f"`{digest}`"] for name, digest in self.hashes.items()]
        rows += [[f"option {name}", f"`{value}`"] for name, value in self.conditions.options.items()]
        return ["what", "hash, value or version"], rows + [[name, value] for name, value in self.versions.items()]


def agreement_means(record: Mapping[str, Any], categories: tuple[str, ...]) -> dict[str, float]:
    """Kendall's W of a built release: mean over the dimensions of a category, then over the categories; NaN without any.

    Examples
    --------
    >>> facets = [{"category": "a", "agreement": {"w_ratings": w, "w_preferences": None}} for w in (0.5, 0.7)]
    >>> agreement_means({"facets": facets}, ("a",))
    {'w_preferences': nan, 'w_ratings': 0.6}
    """
    found = {}
    for name in ("w_preferences", "w_ratings"):
        means = []
        for category in categories:
            values = [f["agreement"].get(name) for f in record["facets"] if f["category"] == category]
            values = [value for value in values if value is not None]
            means += [float(np.mean(values))] if values else []
        found[name] = float(np.mean(means)) if means else float("nan")
    return found


def parameters_text(count: int) -> str:
    """A number of parameters for a reader.

    Examples
    --------
    >>> parameters_text(8_767_123_696), parameters_text(1_234_567)
    ('8.77 billion', '1.23 million')
    """
    return f"{count / 1e9:.2f} billion" if count >= 1e9 else f"{count / 1e6:.2f} million"


def _text(value: Any, sign: str = "") -> str:
    """A cell: a count, a figure, a figure with its interval, or a text; a dash where there is none."""
    if isinstance(value, Interval):
        return interval_cell(value, sign=sign)
    if value is None or value != value:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}" if isinstance(value, float) else str(value)


def _check_text(check: Mapping[str, Any] | None) -> str:
    """The slope of a pool's self-check, and whether it is within its tolerance of 1."""
    if check is None:
        return "-"
    verdict = {True: "", False: " (not passed)", None: " (cannot be said)"}[check["passed"]]
    return f"{_text(check['slope'])} ± {_text(check['tolerance'])}{verdict}"


def _cell(table: Mapping[str, Mapping[str, Interval]], row: str, sign: str = "") -> str:
    return _text(table.get(row, {}).get(MEAN), sign)
