"""Figures as the Hub shows them beside a model: one entry per category, in ``.eval_results/<release>.yaml``."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import yaml

from ..dataset_script.release import ReleaseTables
from ..foundation.faults import Fault, InputFault
from ..foundation.whole_files import check_can_be_written, try_to_write, write_text
from .reference_scores import ReferenceScores
from .srcc_plcc.intervals import Interval
from .suite import MEAN, Evaluation

FOLDER = ".eval_results"
ALL_DIMENSIONS = "all_dimensions"  # the task whose value is the headline
_REVISION = re.compile(r"[0-9a-f]{40}")


class Against(Protocol):
    """What an evaluation was against, as far as its results name it; ``ReferenceScores`` is one."""

    @property
    def source(self) -> str:
        """File or folder, for faults."""

    @property
    def called(self) -> str:
        """What the scores are called."""

    @property
    def name(self) -> str:
        """Of the release."""

    @property
    def simulated(self) -> bool:
        """Whether its annotations are."""

    @property
    def sha256(self) -> str:
        """Of the release's content."""


def eval_result_entries(
    evaluation: Evaluation,
    references: Against,
    dataset: str,
    *,
    date: datetime.datetime | None = None,
    dated: bool = True,
    measured_by: str | None = None,
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """One entry per category, for the headline, and for the headline dimension alone; the value of each is an SRCC.

    Parameters
    ----------
    evaluation : Evaluation
    references : ReferenceScores, or what names the same of them
        What it is against.
    dataset : str
        The release on the Hub, ``ORG/DATASET`` or ``ORG/DATASET@COMMIT``.
    date : datetime, optional
        With a time zone; now by default.
    dated : bool
        Whether the entries have a date at all: without one, the same figures give the same file.
    measured_by : str, optional
        The version of ppaint that measured; this one by default.

    Returns
    -------
    entries : list of dict
        As ``huggingface_hub.eval_result_entries_to_yaml`` gives them. A category's value is the mean over all dimensions, or
        that of the only dimension where others were left out.
    without_value : tuple of str
        A sentence for each entry that is not there, because its figure is undefined.

    Raises
    ------
    InputFault
        If the name of the dataset is none, two entries would have one task id, or no figure has a value.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    name, revision = _checked_dataset(dataset)
    when = (date or datetime.datetime.now(datetime.UTC)).astimezone(datetime.UTC).replace(tzinfo=None, microsecond=0)
    entries, without = [], []
    for task, what, figure in _tasks(evaluation, references):
        if figure.value != figure.value:
            without.append(f"{task}: no entry, because its SRCC is undefined")
            continue
        entries.append(
            EvalResultEntry(
                dataset_id=name,
                task_id=task,
                value=figure.value,
                dataset_revision=revision,
                date=f"{when.isoformat()}Z" if dated else None,
                notes=_notes(what, figure, references, measured_by or version("ppaint")),
            )
        )
    if not entries:
        raise InputFault(Fault(references.source, "", "no figure has a value", "leave out --eval-results"))
    return eval_result_entries_to_yaml(entries), tuple(without)


@dataclass(frozen=True)
class HubResults:
    """Results that are to be written for the Hub.

    Parameters
    ----------
    dataset : str
        As `eval_result_entries` takes it.
    path : Path
        The file.
    """

    dataset: str
    path: Path

    @classmethod
    def asked_for(
        cls, dataset: str | None, out: str | Path | None, source: ReleaseTables | ReferenceScores
    ) -> HubResults | None:
        """What the options ``--eval-results`` and ``--out`` ask for, checked before the work begins.

        Parameters
        ----------
        dataset : str or None
        out : str or Path or None
            A file that ends in ``.yaml``, or the folder of a model, which gets ``.eval_results/<release>.yaml``.
        source : ReleaseTables or ReferenceScores
            What is evaluated against.

        Returns
        -------
        HubResults or None
            None where neither is given.

        Raises
        ------
        InputFault
            If one is given without the other, the dataset is none, or the file cannot be written.
        """
        if dataset is None and out is None:
            return None
        if dataset is None or out is None:
            raise InputFault(
                Fault("ppaint evaluate", "", "--eval-results and --out go together", "give both, or neither")
            )
        _checked_dataset(dataset)
        path = Path(out)
        if path.is_dir():
            folder = path / FOLDER
            path = folder / results_file(source.name)
            if not folder.exists():
                try_to_write(folder.parent, path, "--out")
                return cls(dataset, path)
        elif path.suffix.lower() not in (".yaml", ".yml"):
            fix = "give a model's folder, or a file that ends in .yaml"
            raise InputFault(Fault(str(out), "", "there is no such folder", fix))
        check_can_be_written(path, "--out")
        return cls(dataset, path)

    def write(self, evaluation: Evaluation, references: ReferenceScores) -> tuple[str, ...]:
        """Write the file; give the sentences of `eval_result_entries` on what has no entry."""
        entries, without_value = eval_result_entries(evaluation, references, self.dataset)
        self.path.parent.mkdir(exist_ok=True)
        write_text(self.path, results_text(entries))
        return without_value


def results_file(release: str) -> str:
    """The name of a release's file of results.

    Examples
    --------
    >>> results_file("PPaint, first release")
    'PPaint__first_release.yaml'
    """
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', release)}.yaml"


def results_text(entries: list[dict[str, Any]]) -> str:
    """The content of a file of results."""
    return yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=1000)


def _tasks(evaluation: Evaluation, references: Against) -> list[tuple[str, str, Interval]]:
    """Task id, what its value is, and the figure."""
    srcc, column = evaluation.figures["srcc"], evaluation.summary_column
    rows = [name for name in evaluation.categories if name in srcc]  # a facet without references is in no mean

    def of(row: str) -> str:
        count = sum(dimension in srcc[row] for dimension in evaluation.dimensions)
        return f"mean over {count} dimensions" if column == MEAN else f"dimension {column}"

    def over(dimension: str) -> str:
        return f"mean over {sum(dimension in srcc[row] for row in rows)} categories"

    tasks = []
    if column is not None:
        part = (
            f"_{column}" if evaluation.dimensions_left_out else ""
        )  # another value than the category's has another id
        tasks += [(f"{name}{part}", of(name), srcc[name][column]) for name in rows]
        if column == MEAN and len(evaluation.dimensions) > 1:
            tasks.append(
                (ALL_DIMENSIONS, f"mean over the dimensions of each category, then {over(MEAN)}", evaluation.headline)
            )
    alone = [evaluation.headline_dimension] if evaluation.headline_dimension else evaluation.dimensions
    tasks += [(name, f"dimension {name}, {over(name)}", srcc[MEAN][name]) for name in alone if name in srcc[MEAN]]
    ids = [task for task, _, _ in tasks]
    for task in ids:
        if ids.count(task) > 1:
            what = f"a category is called {task!r}, as another entry is"
            raise InputFault(Fault(references.source, task, what, "give the category another name"))
    return tasks


def _notes(what: str, figure: Interval, references: Against, measured_by: str) -> str:
    """What the value is, its interval, and what it is against."""
    parts = [f"SRCC, {what}"]
    if figure.low == figure.low:
        parts.append(f"{100 * figure.level:g} % interval [{figure.low:.4f}, {figure.high:.4f}]")
    simulated = " (simulated annotations)" if references.simulated else ""
    parts.append(f"against the {references.called} of {references.name}{simulated}")
    parts.append(f"release sha256 {references.sha256}")
    parts.append(f"ppaint {measured_by}")
    return "; ".join(parts)


def _checked_dataset(dataset: str) -> tuple[str, str | None]:
    """The name of a dataset on the Hub, and the commit, where one is given."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    name, at, revision = dataset.partition("@")
    fix = "give ORG/DATASET, or ORG/DATASET@COMMIT with the 40 digits of a commit"
    try:
        validate_repo_id(name)
    except HFValidationError:
        name = ""
    if name.count("/") != 1:
        raise InputFault(Fault("--eval-results", "", f"{dataset[:80]!r} is no dataset of the Hub", fix))
    if at and not _REVISION.fullmatch(revision):
        raise InputFault(Fault("--eval-results", "", f"{revision[:80]!r} is no commit", fix))
    return name, revision if at else None
