"""The model card in a scorer's folder."""

from __future__ import annotations

from pathlib import Path
from string import Template

import yaml

from ..foundation.whole_files import write_text
from .exported_adapter import is_repo_id
from .out_of_distribution import UNKNOWN
from .scorer_config import ScorerConfig

_TEMPLATE = Path(__file__).parent / "template" / "scorer_card.md"
SIMULATED_WARNING = (
    "> **Simulated.** Behind this scorer or its figures stands something simulated: a tiny judge whose bias was induced on\n"
    "> purpose, procedurally painted scrolls, or simulated experts. The figures show that the pipeline works; they are no\n"
    "> result about paintings, and none of them is the paper's."
)
INDUCED_BIAS = (
    "The judge's bias was induced: its rating was taught a superficial cue on purpose, so that there is something for "
    "distillation to correct."
)


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
) -> Path:
    """Write README.md into a scorer's folder.

    Parameters
    ----------
    folder : str or Path
        The scorer's folder.
    config : ScorerConfig
        What the card states of dimensions, scale, calibration and provenance.
    title : str
        Heading.
    location : str
        What a user passes to ``from_pretrained``.
    training, evaluation : str
        Markdown; how it was trained, and what was measured beside which baselines and controls.

    Returns
    -------
    Path
        The card.
    """
    tags = ["image-aesthetics", "psdistill", "ppaint"] + (["simulated"] if config.simulated else [])
    front = {
        "license": "apache-2.0",
        "library_name": "transformers",
        "pipeline_tag": "image-text-to-text",
        "tags": tags,
    }
    base = config.base or config.base_revision.rpartition("@")[0]
    if is_repo_id(base):  # the Hub shows the scorer in its base model's family
        front |= {"base_model": base, "base_model_relation": "adapter" if config.form == "adapter" else "finetune"}
    provenance = [["base model", f"`{config.base_revision}`"]]
    provenance += [[name, f"`{value}`"] for name, value in sorted(config.hashes.items())]
    provenance += [[name, value] for name, value in sorted(config.versions.items())]
    text = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        front_matter=yaml.safe_dump(front, sort_keys=False).strip(),
        title=title,
        form=f"LoRA adapters for `{config.base}`" if config.form == "adapter" else "A plain Qwen3-VL checkpoint",
        distance=UNKNOWN if config.out_of_distribution is None else _distance_text(config.out_of_distribution),
        warning=SIMULATED_WARNING if config.simulated else "",
        n_dimensions=len(config.dimensions),
        dimensions=", ".join(config.dimensions),
        location=location,
        calibration_note=config.calibration_note,
        scale=config.stated_scale,
        clipped=" Nothing is clipped." if config.scale_open else "",
        high=f"{config.scale[1]:g}",
        training=training,
        evaluation=evaluation,
        provenance=markdown_table(["what", "hash or version"], provenance),
    )
    path = Path(folder) / "README.md"
    write_text(path, text)
    return path


def _distance_text(entry) -> str:
    return (
        f"`distance` is the distance of an image from the {entry.training_images} training images ({entry.distance}; an image's "
        f"state is the {entry.state}) over a threshold taken from {entry.held_out_images} images of the same set that were "
        f"held out from training. Above 1 the image is marked as out of distribution: do not rely on its scores. Of "
        f"images like the training images at most {100 * entry.flagged_at_most:.3g} % are so marked. That an image is not "
        "marked does not say that its scores are good."
    )
