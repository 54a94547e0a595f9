"""What belongs into the repo of a scorer, merged or adapter: its files, its card with results, nothing that runs code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...eval_suite.eval_results import FOLDER as RESULTS
from ...eval_suite.eval_results import eval_result_entries, results_file, results_text
from ...eval_suite.srcc_plcc.intervals import Interval
from ...eval_suite.suite import Evaluation
from ...foundation.faults import Fault, InputFault
from ...foundation.json_text import read_json
from ...model_card.card import Published, markdown_table, scorer_card
from ...model_card.card_data import CARD, CARD_FILE, CardData, CardFigures
from ...model_card.exported_adapter import is_repo_id
from ...model_card.model_files import ADAPTER_CONFIG
from ...model_card.out_of_distribution import DistanceMeasure
from ...model_card.scorer_config import BASE_WEIGHTS, FILE_NAME, ScorerConfig
from ...trainer.tiny_judge.known_weights import SHORT_NAMES, has_tiny_vocabulary, known_base
from ..content import Content, Links, Place
from .model_folder import ModelFolder, read_model_folder
from .own_results import RESULT, check_results, read_results
from .simulated_marks import marks_itself, named_simulated

if TYPE_CHECKING:
    from huggingface_hub import EvalResultEntry


def is_scorer_folder(folder: str | Path) -> bool:
    """Whether a folder holds a scorer, and not a judge or anything else.

    Examples
    --------
    >>> is_scorer_folder(".")
    False
    """
    return (Path(folder) / FILE_NAME).is_file()


def model_content(folder: str | Path, name: str, links: Links) -> Content:
    """What is to stand in the repo of a scorer.

    Parameters
    ----------
    folder : str or Path
        What ``ppaint distill``, ``quickstart`` or ``reproduce`` wrote.
    name : str
        ``ORG/NAME`` of the repo.
    links : Links
        Dataset, metric, judge, board and Space that its card names.

    Returns
    -------
    Content

    Raises
    ------
    InputFault
        If a file is missing, damaged or none that may be published; if the card has an empty or unknown field, was edited by hand,
        or its figures were measured on other files. All faults together.
    """
    folder = Path(folder)
    if folder.is_dir() and not is_scorer_folder(folder):
        what, fix = "the folder is not a scorer: this file is missing", "give the folder that `ppaint distill` wrote"
        raise InputFault(Fault(str(folder), FILE_NAME, what, fix))
    found = read_model_folder(folder, [CARD, CARD_FILE])
    config = found.attempt(lambda: ScorerConfig.load(folder))
    data = found.attempt(lambda: CardData.load(folder))
    own_results = _own_results(found)
    if config is not None:
        _check_config(found, config)
    if data is not None:
        found.attempt(lambda: data.check_readme(folder))
        if data.figures is not None:
            found.attempt(lambda: data.figures.check(folder))
    _check_own_results(found, own_results, data, links)
    if config is not None and not config.simulated:
        _check_is_real(found, config, data, own_results)
    found.raise_faults()
    assert config is not None  # or there were faults
    notes, made = [], {}
    if data is None:
        data = _of_older_version(config)
        notes.append(
            f"there is no {CARD_FILE} (an older version wrote the scorer): its card states nothing that was measured"
        )
    published = _published(name, links)
    text = scorer_card(config, data, published)
    made[CARD], made[CARD_FILE] = text.encode(), data.for_readme(text).text().encode()
    if data.figures is not None:
        results = _results(data.figures, config, links.dataset, folder)
        notes += _notes_on_results(links.dataset, results, own_results)
        made |= {path: content for path, content in results.items() if path not in own_results}
    notes += _notes_on_hashes(data, config, links)
    base = config.base or config.base_revision.rpartition("@")[0]
    known = known_base(config.hashes.get(BASE_WEIGHTS, ""))
    return Content(
        what="model",
        name=name,
        files=dict(sorted(({path: found.files[path] for path in found.files} | made).items())),
        simulated=_simulated(config, data),
        left_out=tuple(found.left_out),
        notes=tuple(notes),
        source=str(folder),
        made_from=SHORT_NAMES[known] if known else base.split("/")[-1] if is_repo_id(base) else "",
    )


def _check_config(found: ModelFolder, config: ScorerConfig) -> None:
    """The measure is the one of the config, the form is what lies there, and an adapter's base can be found by others."""
    entry = config.out_of_distribution
    if entry is not None:
        if (found.folder / entry.file).is_file():
            found.attempt(lambda: DistanceMeasure.load(found.folder / entry.file, entry))
        else:
            found.fault(entry.file, "", "is missing, and the config names it", "make the scorer's folder again")
    is_adapter = (found.folder / ADAPTER_CONFIG).is_file()
    if is_adapter != (config.form == "adapter"):
        there = "adapters" if is_adapter else "no adapters"
        what = f"says {config.form!r}, and the folder holds {there}"
        found.fault(FILE_NAME, "form", what, "make the scorer's folder again")
    fix = "distil again with base_repo=ORG/NAME, the repo that holds the base"
    if config.form == "adapter" and not is_repo_id(config.base):
        found.fault(FILE_NAME, "base", f"{config.base[:80]!r} is no repo on the Hub", fix)
    if is_adapter:
        told = found.attempt(lambda: _adapter_base(found.folder / ADAPTER_CONFIG))
        if told is not None and told != config.base:
            what = f"{told[:80]!r} is not the base that the config names, {config.base[:80]!r}"
            found.fault(ADAPTER_CONFIG, "base_model_name_or_path", what, fix)
    repo, at, _ = config.base_revision.rpartition("@")
    if at and not is_repo_id(repo):
        found.fault(FILE_NAME, "base_revision", f"names a place on this machine ({repo[:80]!r})", fix)


def _simulated(config: ScorerConfig, data: CardData | None) -> bool:
    return config.simulated or (data is not None and data.figures is not None and data.figures.simulated)


def _check_is_real(
    found: ModelFolder, config: ScorerConfig, data: CardData | None, own: Mapping[str, list[EvalResultEntry]]
) -> None:
    """A scorer whose config says that it is not simulated, while something else in its folder says that it is."""
    because = []
    if known_base(config.hashes.get(BASE_WEIGHTS, "")) or has_tiny_vocabulary(found.folder):
        because.append("it was made from the simulated tiny judge")
    if any(named_simulated(base) for base in (config.base, config.base_revision)):
        because.append("its base is called simulated")
    if data is not None and not _simulated(config, data):  # else the card speaks of what it was measured on
        texts = {name: getattr(data, name) for name in ("title", "training", "evaluation")}
        texts["figures.release"] = "" if data.figures is None else data.figures.release
        because += [f"{CARD_FILE} says so in {name}" for name, text in texts.items() if marks_itself(text)]
    for name, entries in own.items():
        if any(named_simulated(entry.dataset_id) for entry in entries) and not _simulated(config, data):
            because.append(f"{name} is of a dataset that is called simulated")
    if because:
        what = f"is false, and {'; '.join(because)}"
        found.fault(FILE_NAME, "simulated", what, "set it to true, or distil again")


def _adapter_base(path: Path) -> str:
    try:
        told = read_json(path)
    except (OSError, ValueError):
        return ""  # said already
    return str(told.get("base_model_name_or_path") or "") if isinstance(told, dict) else ""


def _published(name: str, links: Links) -> Published:
    def text(place: Place | None) -> str | None:
        return None if place is None else str(place)

    return Published(
        name,
        dataset=text(links.dataset),
        metric=text(links.metric),
        judge=text(links.judge),
        board=text(links.board),
        space=text(links.space),
    )


def _of_older_version(config: ScorerConfig) -> CardData:
    """A card of the config alone."""
    rows = [[name, f"`{value}`"] for name, value in config.training.items()]
    stated = markdown_table(["what", "value"], rows) if rows else "How is not stated."
    return CardData(
        title="A scorer distilled by PSDistill",
        training=f"Without labels. What its config states:\n\n{stated}",
        evaluation="Nothing that was measured is stated here: the scorer was written by an older version, which kept no figures.",
    )


# Results as the Hub shows them


@dataclass(frozen=True)
class _Against:
    """What figures of a card were held against."""

    source: str
    called: str
    name: str
    simulated: bool
    sha256: str


def _results(figures: CardFigures, config: ScorerConfig, dataset: Place | None, folder: Path) -> dict[str, bytes]:
    """The file of results, by its path; none where no dataset is named, or no figure has a value."""
    if dataset is None or not (entries := _entries(figures, str(dataset), folder, config.versions.get("ppaint"))):
        return {}
    return {f"{RESULTS}/{results_file(figures.release)}": results_text(entries).encode()}


def _entries(figures: CardFigures, dataset: str, folder: Path, measured_by: str | None = None) -> list[dict[str, Any]]:
    evaluation = Evaluation(
        categories=tuple(figures.categories),
        dimensions=tuple(figures.dimensions),
        headline_dimension=figures.headline,
        figures={"srcc": {row: {c: _interval(one) for c, one in cells.items()} for row, cells in figures.srcc.items()}},
        counts={},
        undefined=(),
        left_out=(),
        references=figures.references,
    )
    if not any(one.value is not None for cells in figures.srcc.values() for one in cells.values()):
        return []
    against = _Against(
        str(folder / CARD_FILE), figures.references, figures.release, figures.simulated, figures.release_sha256
    )
    return eval_result_entries(evaluation, against, dataset, dated=False, measured_by=measured_by)[0]


def _interval(figure) -> Interval:
    value, low, high = (float("nan") if one is None else one for one in (figure.value, figure.low, figure.high))
    return Interval(value, low, high, figure.level, "bca", 0, 0)


def _own_results(found: ModelFolder) -> dict[str, list[EvalResultEntry]]:
    """Results that lie in the folder, by their path in it."""
    own = {}
    for name in [name for name in found.left_out if RESULT.fullmatch(name)]:
        found.left_out.remove(name)
        found.files[name] = found.folder / name
        if (entries := found.attempt(lambda name=name: read_results(found.folder / name))) is not None:
            own[name] = entries
    return own


def _check_own_results(
    found: ModelFolder, own: Mapping[str, list[EvalResultEntry]], data: CardData | None, links: Links
) -> None:
    """They are of the dataset that is named, and say what the card says."""
    figures = {}
    if own and data is not None and data.figures is not None:
        entries = found.attempt(lambda: _entries(data.figures, "any/dataset", found.folder))
        figures = {one["dataset"]["task_id"]: one["value"] for one in entries or ()}
    for name, entries in own.items():
        found.attempt(
            lambda name=name, entries=entries: check_results(found.folder / name, entries, links.dataset, figures)
        )


def _notes_on_results(dataset: Place | None, results: Mapping[str, bytes], own: Mapping[str, Any]) -> list[str]:
    if dataset is None:
        return ["its figures stand in the card's text alone: name a dataset, and the Hub lists them as results too"]
    return [f"{path} is the folder's own" for path in results if path in own]


def _notes_on_hashes(data: CardData, config: ScorerConfig, links: Links) -> list[str]:
    """What cannot be told for want of a hash, as in scorers that older versions wrote."""
    notes = []
    if data.figures is not None and data.figures.sha256 is None:
        notes.append(
            "its figures carry no hash of their own: whether one was changed since it was measured is not known"
        )
    if links.judge is not None and BASE_WEIGHTS not in config.hashes:
        notes.append(
            f"its config has no hash of its base weights: whether {links.judge.name} is its judge is not known"
        )
    return notes
