"""The card beside the tiny judge's weights: how they were made, what they can do, what they are not."""

from __future__ import annotations

import json
from pathlib import Path

from ...model_card.loading import weights_hash
from .answer_training import COMPARISON_SHARPNESS, RATING_BLUR, RATING_SPREAD, RatingLesson

FIGURES = "figures.json"
WEIGHTS_SHA256 = "weights sha256"
MEASURED_ON = "Measured on the weights with the hash"
_TITLE = {
    "judge": "ppaint tiny judge (simulated; bias induced)",
    "twin": "ppaint tiny judge, control twin (simulated; no induced bias)",
}


def write_card(folder: Path, name: str, lesson: RatingLesson, model, recipe: dict, figures: dict) -> Path:
    """Write README.md and figures.json.

    Parameters
    ----------
    folder : Path
        The weights' folder; the figures are of what lies in it.
    name : str
        ``"judge"`` or ``"twin"``.
    lesson : RatingLesson
        What its rating was taught to follow.
    model
        For its size.
    recipe, figures : dict
        How it was made and what was measured, from the same run.

    Returns
    -------
    Path
    """
    measured_on = weights_hash(folder, model)
    size = sum(p.numel() for p in model.parameters())
    text = f"""---
license: apache-2.0
library_name: transformers
pipeline_tag: image-text-to-text
tags: [simulated, qwen3_vl, image-aesthetics]
---

# {_TITLE[name]}

A `Qwen3VLForConditionalGeneration` of {size / 1e6:.2f} million parameters with a vocabulary of its own, trained from
scratch on procedurally painted, **simulated** scrolls. It knows nothing of real paintings: its taste is the painter
program's latent variables. It exists so that ppaint runs whole, for real, on two CPU cores.

{_induced(name, lesson)}

## How it was made

`python -m ppaint.trainer.tiny_judge.make_judge --out DIR --work DIR` (two cores, under an hour), in three stages:

1. The vision tower learns by regression to see the painter's latents and the paper's darkness (its linear head is
   thrown away).
2. With the vision tower frozen, the language model learns to compare (soft labels, sigmoid of {COMPARISON_SHARPNESS} x the
   difference of latent quality) and to rate (a discretised normal of standard deviation {RATING_BLUR} around
   4.5 + {RATING_SPREAD} x latent quality).
3. It continues comparing, and learns to rate after the lesson named above.

Training scrolls have a seed stream of their own; any whose perceptual hash lies within 3 bits of 64 of a stand-in's
(seeds 0 to 12) was left out.

```json
{json.dumps(recipe, indent=1)}
```

## What it can do

Measured in the same run on 150 unseen scrolls a category, within category, against the latent truth (pairs drawn
uniformly, both orders asked):

```json
{json.dumps(figures, indent=1)}
```

{MEASURED_ON} `{measured_on}`
(SHA-256 over names, types, shapes and bytes of all tensors).
"""
    told = {"simulated": True, WEIGHTS_SHA256: measured_on, "recipe": recipe, "figures": figures}
    (folder / FIGURES).write_text(json.dumps(told, indent=1) + "\n")
    path = folder / "README.md"
    path.write_text(text, encoding="utf-8")
    return path


def _induced(name: str, lesson: RatingLesson) -> str:
    """What was done to its rating on purpose."""
    if name == "judge":
        return (
            "**Its bias was induced.** It compares well, and its rating was taught a superficial cue on purpose: in the "
            f"last stage a rating followed {lesson.quality_share} x latent quality + {lesson.cue_share} x how dark age "
            "has made the paper, which has nothing to do with quality. So PSDistill has something to correct here, and a "
            "gain measured with this judge shows that the method moves what comparisons know into ratings; it says "
            "nothing of how biased a real model is."
        )
    return (
        "The control: same start and same stages as the judge beside it, but its rating was taught the latent quality to "
        "the end. Its last stage was longer, until it compared as well as the judge does. PSDistill has "
        "next to nothing to correct here."
    )
