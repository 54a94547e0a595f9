"""The test bed's scrolls and judgments: 200 unlabelled scrolls and 3 x 300 evaluated ones a seed, all pairs judged once.

    python benchmarks/test_bed_data.py --work runs/test_bed --seeds 0 --seeds 1 --judges shipped --judges weak-0

Judges are ``shipped``, ``twin``, and those of test_bed_judges.py as ``weak-0`` (rung and make). Every estimator, prior,
schedule, budget and draw of votes is then a look-up. Some 4 CPU minutes a seed and judge, and one to paint a seed.
Resumable by seed and judge; two processes.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from resumable import in_pieces
from test_bed_pairs import all_pairs

from ppaint.dataset_script.stand_in.latents import draw_latents
from ppaint.dataset_script.stand_in.painting_job import paint_many
from ppaint.dataset_script.stand_in.simulate import CATEGORIES, DIMENSIONS, UNLABELLED_LATENTS, UNLABELLED_SCROLLS
from ppaint.foundation.whole_files import written_file
from ppaint.images.opening import open_image
from ppaint.model_card import Judge
from ppaint.model_card.loading import weights_hash
from ppaint.trainer.tiny_judge import TWIN_WEIGHTS, WEIGHTS

UNLABELLED, EVALUATED = 200, 300  # scrolls of the training category; of each category
EVALUATED_LATENTS, EVALUATED_SCROLLS = 16, 17  # last and second elements of seed keys; 1 to 5 are the stand-in's


def training_category(seed: int) -> int:
    """Place of a seed's training category: each in turn."""
    return seed % len(CATEGORIES)


def judge_folder(name: str, work: Path) -> Path:
    """Where a judge's weights are."""
    if name in ("shipped", "twin"):
        return WEIGHTS if name == "shipped" else TWIN_WEIGHTS
    rung, make = name.rsplit("-", 1)
    return work / f"make-{make}" / rung


def tower_name(judge: str) -> str:
    """Judges of one tower share vision features: the shipped judge and its twin, and those of a make."""
    return "shipped" if judge in ("shipped", "twin") else f"make-{judge.rsplit('-', 1)[1]}"


@cache
def load_judge(name: str, work: Path) -> Judge:
    """A judge of the test bed, in float32 on the CPU."""
    return Judge.from_pretrained(
        str(judge_folder(name, work)), dimensions=DIMENSIONS, dtype=torch.float32, device="cpu"
    )


def features_of(seed: int, judge: str, work: Path) -> dict:
    """Scrolls of a seed as a judge's tower sees them, painted and encoded once.

    Parameters
    ----------
    seed : int
    judge : str
    work : Path

    Returns
    -------
    dict
        ``unlabelled`` and ``evaluated`` (lists of VisionFeatures), ``truth`` (200, D) and ``evaluated_truth`` (900, D)
        latent quality, ``evaluated_category`` (900,).
    """
    path = work / "features" / tower_name(judge) / f"seed-{seed}.pt"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = _paint_and_encode(seed, load_judge(judge, work))
        with written_file(path) as temporary:
            torch.save(made, temporary)
    return torch.load(path, weights_only=False)


def _paint_and_encode(seed: int, judge: Judge) -> dict:
    def scrolls(c: int, count: int, latents_key: int, scrolls_key: int):
        drawn = draw_latents(count, np.random.default_rng([seed, c, latents_key]))
        images = paint_many(drawn, CATEGORIES[c], (seed, c, scrolls_key), processes=1)
        opened = [open_image(image, name=f"scroll {i}") for i, image in enumerate(images)]
        return judge.features(opened), drawn.quality

    own = training_category(seed)
    unlabelled, truth = scrolls(own, UNLABELLED, UNLABELLED_LATENTS, UNLABELLED_SCROLLS)
    parts = [scrolls(c, EVALUATED, EVALUATED_LATENTS, EVALUATED_SCROLLS) for c in range(len(CATEGORIES))]
    return {
        "unlabelled": unlabelled,
        "truth": truth,
        "evaluated": [one for features, _ in parts for one in features],
        "evaluated_truth": np.concatenate([quality for _, quality in parts]),
        "evaluated_category": np.repeat(np.arange(len(CATEGORIES)), EVALUATED),
    }


def judge_all(name: str, work: Path) -> dict:
    """Judge all pairs of one ``judge/seed``; ``judgments/JUDGE/seed-S.npz`` holds them."""
    judge_name, seed = name.split("_seed-")
    judge, scrolls = load_judge(judge_name, work), features_of(int(seed), judge_name, work)
    path = work / "judgments" / judge_name / f"seed-{seed}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        forward = all_pairs(judge, scrolls["unlabelled"])
        ratings = judge.rate(scrolls["unlabelled"])
        with written_file(path) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                forward=forward,
                ratings=ratings,
                images=np.array([one.sha256 for one in scrolls["unlabelled"]]),
                truth=scrolls["truth"],
                dimensions=np.array(DIMENSIONS),
                judge=np.array(judge.fingerprint),
            )
    return {
        "judge": judge_name,
        "seed": int(seed),
        "weights_sha256": weights_hash(judge_folder(judge_name, work), judge.model),
    }


def main(
    work: Annotated[Path, typer.Option(help="Folder of the test bed.")] = Path("runs/test_bed"),
    seeds: Annotated[list[int] | None, typer.Option(help="0 to 3 by default, which choose.")] = None,
    judges: Annotated[list[str] | None, typer.Option()] = None,
    processes: Annotated[int, typer.Option()] = 2,
) -> None:
    """Paint, encode and judge what is not there yet."""
    names = judges or ["shipped", "weak-0", "middling-0", "strong-0"]
    wanted = [f"{judge}_seed-{seed}" for seed in seeds or [0, 1, 2, 3] for judge in names]
    in_pieces(partial(judge_all, work=work), wanted, work / "judged", processes, "all pairs")


if __name__ == "__main__":
    typer.run(main)
