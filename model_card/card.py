"""The model card in a scorer's folder, and the one under which it is published: both made from config and ``card.json``."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import yaml

from ..foundation.whole_files import write_text
from ..hub.repo_address import repo_address
from .card_data import CARD, MEAN, CardData, CardFigures
from .exported_adapter import is_repo_id
from .out_of_distribution import UNKNOWN
from .scorer_config import ScorerConfig

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

_TEMPLATE = Path(__file__).parent / "template" / "scorer_card.md"
METRICS = {"srcc": "spearmanr", "plcc": "pearsonr"}
"""What the Hub calls the two statistics: ids of metrics that `evaluate` has."""
TASK = "image-text-to-text"
SIMULATED_WARNING = (
    "> **Simulated.** Behind this scorer or its figures stands something simulated: a tiny judge whose bias was induced on\n"
    "> purpose, procedurally painted scrolls, or simulated experts. The figures show that the pipeline works; they are no\n"
    "> result about paintings, and none of them is the paper's."
)
INDUCED_BIAS = (
    "The judge's bias was induced: its rating was taught a superficial cue on purpose, so that there is something for "
    "distillation to correct."
)


@dataclass(frozen=True)
class Published:
    """Where a scorer is published, and what its card names there; each but the first as ``ORG/NAME``, or with ``@COMMIT``.

    Parameters
    ----------
    repo : str
        Its own repo.
    dataset, metric, judge, board, space : str, optional
    """

    repo: str
    dataset: str | None = None
    metric: str | None = None
    judge: str | None = None
    board: str | None = None
    space: str | None = None


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table.

    Examples
    --------
    >>> print(markdown_table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def write_scorer_card(
    folder: str | Path,
    config: ScorerConfig,
    *,
    title: str,
    location: str,
    training: str,
    evaluation: str,
    figures: CardFigures | None = None,
) -> Path:
    """Write card.json, and the README.md that is made from it, into a scorer's folder.

    Parameters
    ----------
    folder : str or Path
        The scorer's folder.
    config : ScorerConfig
        What the card states of dimensions, scale, calibration and provenance.
    title : str
        Heading.
    location : str
        What a user passes to ``from_pretrained``: this folder.
    training, evaluation : str
        Markdown; how it was trained, and what was measured beside which baselines and controls.
    figures : CardFigures, optional
        What was measured of it.

    Returns
    -------
    Path
        The card.
    """
    data = CardData(title=title, training=training, evaluation=evaluation, figures=figures)
    text = scorer_card(config, data, location)
    data.for_readme(text).save(folder)
    path = Path(folder) / CARD
    write_text(path, text)
    return path


def scorer_card(config: ScorerConfig, data: CardData, location: str | Published) -> str:
    """The card as text.

    Parameters
    ----------
    config : ScorerConfig
    data : CardData
    location : str or Published
        The folder that a user passes to ``from_pretrained``; or where it is published: then the front matter has what the Hub
        shows (datasets, metrics, results), and the recipes take the files from there, all of one commit.

    Returns
    -------
    str
    """
    published = location if isinstance(location, Published) else None
    place = published.repo if published else str(location)
    simulated = config.simulated or (data.figures is not None and data.figures.simulated)
    provenance = [["base model", f"`{config.base_revision}`"]]
    provenance += [[name, f"`{value}`"] for name, value in sorted(config.hashes.items())]
    provenance += [[name, value] for name, value in sorted(config.versions.items())]
    front = front_matter(config, data, published)
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        front_matter=yaml.safe_dump(front, sort_keys=False, allow_unicode=True).strip(),
        title=data.title if not simulated or "simulated" in data.title.lower() else f"{data.title} (simulated)",
        form=f"LoRA adapters for `{config.base}`" if config.form == "adapter" else "A plain transformers checkpoint",
        distance=UNKNOWN if config.out_of_distribution is None else _distance_text(config.out_of_distribution),
        warning=SIMULATED_WARNING if simulated else "",
        passes="a forward pass for each dimension gives" if config.training.get("asked") else "one forward pass gives",
        n_dimensions=len(config.dimensions),
        dimensions=", ".join(config.dimensions),
        distilled=_distilled(config),
        location=json.dumps(place, ensure_ascii=False),
        typed=shlex.quote(place),
        revisions=_REVISIONS if published else "",
        **_recipe(config, place, published is not None),
        calibration_note=config.calibration_note,
        scale=config.stated_scale,
        clipped=" Nothing is clipped." if config.scale_open else "",
        high=f"{config.scale[1]:g}",
        training=data.training.strip(),
        evaluation=_evaluation(data, published, simulated),
        provenance=markdown_table(["what", "hash or version"], provenance),
        beside=_beside(published),
    )


def front_matter(config: ScorerConfig, data: CardData, published: Published | None) -> dict[str, Any]:
    """What the Hub reads of the card.

    Parameters
    ----------
    config : ScorerConfig
    data : CardData
    published : Published or None

    Returns
    -------
    dict
        For YAML, in order.
    """
    from huggingface_hub.repocard_data import eval_results_to_model_index

    simulated = config.simulated or (data.figures is not None and data.figures.simulated)
    tags = ["image-aesthetics", "psdistill", "ppaint"] + (["simulated"] if simulated else [])
    front: dict[str, Any] = {
        "license": "apache-2.0",
        "library_name": "transformers",
        "pipeline_tag": TASK,
        "tags": tags,
    }
    base = config.base or config.base_revision.rpartition("@")[0]
    if is_repo_id(base):  # the Hub shows the scorer in its base model's family
        front |= {"base_model": base, "base_model_relation": "adapter" if config.form == "adapter" else "finetune"}
    if published is None:
        return front
    if published.dataset:
        front["datasets"] = [_name(published.dataset)]
    if data.figures is not None:
        front["metrics"] = [*METRICS.values(), *([_name(published.metric)] if published.metric else [])]
        if published.dataset and (results := _results(data.figures, published.dataset)):
            front["model-index"] = eval_results_to_model_index(published.repo.split("/")[-1], results)
    return front


def _results(figures: CardFigures, dataset: str) -> list[EvalResult]:
    """SRCC and PLCC of each category and of their mean, as the Hub lists results; a figure without a value is left out."""
    from huggingface_hub import EvalResult

    name, _, commit = dataset.partition("@")
    results = []
    for row in figures.rows:
        over = f"mean over {len(figures.dimensions)} dimensions" + (" and all categories" if row == MEAN else "")
        for short, metric in METRICS.items():
            figure = getattr(figures, short).get(row, {}).get(MEAN)
            if figure is None or figure.value is None:
                continue
            results.append(
                EvalResult(
                    task_type=TASK,
                    task_name="Aesthetic scores of paintings",
                    dataset_type=name,
                    dataset_name=figures.release,
                    dataset_config="fused",
                    dataset_split=None if row == MEAN else row,
                    dataset_revision=commit or None,
                    metric_type=metric,
                    metric_name=f"{short.upper()}, {over}" + (" (simulated)" if figures.simulated else ""),
                    metric_value=figure.value,
                )
            )
    return results


def _evaluation(data: CardData, published: Published | None, simulated: bool) -> str:
    """The paragraph, and each figure with its interval."""
    figures = data.figures
    if figures is None:
        return data.evaluation.strip()
    level = next((f"{100 * one.level:g}" for row in figures.srcc.values() for one in row.values()), "95")
    mark = " (simulated)" if simulated else ""
    header = [f"this scorer{mark}, mean over dimensions [{level} %]", *(row.replace("_", " ") for row in figures.rows)]
    table = [
        [short.upper(), *(str(getattr(figures, short).get(row, {}).get(MEAN, "-")) for row in figures.rows)]
        for short in METRICS
    ]
    against = f"the {figures.references} of {figures.release}"
    if published is not None and published.dataset:
        against += f" ({_linked(published.dataset, 'dataset')})"
    return (
        f"{data.evaluation.strip()}\n\n{markdown_table(header, table)}\n\nAgainst {against}, content sha256 "
        f"`{figures.release_sha256}`; dimensions: {', '.join(figures.dimensions)}. Measured on the files of this scorer with the "
        f"hash `{figures.files}`, in the run `{figures.run}`."
    )


_REVISIONS = (
    "\n`revision=` (of the command: `--revision`) takes a tag or a commit; without it, the newest state is taken. Every file is of one\n"
    "commit.\n"
)


def _distilled(config: ScorerConfig) -> str:
    """Whose judgments it was distilled from; of another model's, who that is."""
    if config.teacher is None:
        return (
            "It was distilled\n"
            "without labels: the model's own pairwise judgments, in both orders, became Elo-calibrated pseudo-scores against a\n"
            "reference pool, and the same model was trained on them by confidence-weighted ranking optimisation (PSDistill, after\n"
            "arXiv 2605.19776; what is the paper's and what is ours stands in the project's docs)."
        )
    return (
        f"It was distilled\nwithout labels from **another model**: {config.teacher.words()}.\n"
        "Pairwise judgments of that teacher, in both orders, became Elo-calibrated pseudo-scores against a reference pool, and the\n"
        "base model below was trained on them by confidence-weighted ranking optimisation. The method is PSDistill's, after\n"
        "arXiv 2605.19776, where a model learns from its own judgments: a teacher is ours, not the paper's."
    )


def _recipe(config: ScorerConfig, place: str, published: bool) -> dict[str, str]:
    """What differs between the recipes: where the files come from, and whether adapters are put on their base."""
    quoted = json.dumps(place, ensure_ascii=False)
    folder = f"folder = snapshot_download({quoted})  # all files of one commit" if published else f"folder = {quoted}"
    download = "from huggingface_hub import snapshot_download\n" if published else ""
    load = "model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()"
    libraries = "transformers alone"
    if config.form == "adapter":
        repo, _, commit = config.base_revision.rpartition("@")
        pinned = f", revision={json.dumps(commit)}" if repo == config.base and commit != "None" else ""
        base = json.dumps(config.base)
        load = (
            f"model = AutoModelForImageTextToText.from_pretrained({base}{pinned}, dtype=torch.float32)\n"
            "model.load_adapter(folder)  # by peft\n"
            "model.eval()"
        )
        libraries = "transformers and peft alone"
    return {"download": download, "folder": folder, "load": load, "libraries": libraries}


def _beside(published: Published | None) -> str:
    """The repos that belong to this one."""
    if published is None:
        return ""
    kinds = (
        ("dataset", published.dataset, "dataset"),
        ("metric", published.metric, "space"),
        ("judge", published.judge, "model"),
        ("leaderboard", published.board, "dataset"),
        ("web page", published.space, "space"),
    )
    rows = [[what, _linked(repo, kind)] for what, repo, kind in kinds if repo]
    return f"\n## Published with it\n\n{markdown_table(['what', 'repo'], rows)}\n" if rows else ""


def _linked(repo: str, kind: str) -> str:
    name, _, commit = repo.partition("@")
    return f"[{name}]({repo_address(kind, name)})" + (f" at commit `{commit}`" if commit else "")


def _name(repo: str) -> str:
    return repo.partition("@")[0]


def _distance_text(entry) -> str:
    return (
        f"`distance` is the distance of an image from the {entry.training_images} training images ({entry.distance}; an image's "
        f"state is the {entry.state}) over a threshold taken from {entry.held_out_images} images of the same set that were "
        f"held out from {'one of the trainings each' if entry.by_folds else 'training'}. Above 1 the image is marked as out of "
        f"distribution: do not rely on its scores. Of images like the training images {entry.promise()} are so marked. That an "
        "image is not marked does not say that its scores are good."
    )
