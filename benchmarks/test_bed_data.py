"""The test bed's scrolls and judgments: 200 unlabelled scrolls and 3 x 300 evaluated ones a seed, all pairs judged once.

(On the seeds that choose, 3 x 100 are evaluated.)

    python benchmarks/test_bed_data.py --work runs/test_bed --seeds 0 --seeds 1 --judges shipped --judges weak-0

Judges are ``shipped``, ``twin``, and those of test_bed_judges.py as ``weak-0`` (rung and make). Every estimator, prior,
schedule, budget and draw of votes is then a look-up. Some 4 CPU minutes a seed and judge, and half a minute to paint a seed.
Resumable by seed and judge; two processes.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from resumable import in_pieces
from test_bed_pairs import all_pairs

from ppaint.dataset_script.stand_in.latents import Latents, draw_latents
from ppaint.dataset_script.stand_in.painting_job import paint_many
from ppaint.dataset_script.stand_in.simulate import CATEGORIES, DIMENSIONS, UNLABELLED_LATENTS, UNLABELLED_SCROLLS
from ppaint.foundation.whole_files import written_file
from ppaint.images.opening import open_image
from ppaint.model_card import Judge
from ppaint.model_card.loading import weights_hash
from ppaint.trainer.tiny_judge import TWIN_WEIGHTS, WEIGHTS

UNLABELLED, EVALUATED = 200, 300  # scrolls of the training category; of each category, on the claims' seeds
EVALUATED_TO_CHOOSE, CLAIMS_FROM = 100, 100  # of each category on the seeds before the claims' first one
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
    """Judges of one tower share vision features: the shipped judge and its twin; those of the ladder have one each."""
    return "shipped" if judge == "twin" else judge


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
        ``unlabelled`` and ``evaluated`` (lists of VisionFeatures), ``truth`` (200, D) and ``evaluated_truth`` (3 x each, D)
        latent quality; ``each`` is how many scrolls of a category are evaluated.
    """
    if not features_file(seed, judge, work).is_file():
        encode(seed, work, [judge])
    return torch.load(features_file(seed, judge, work), weights_only=False)


def features_file(seed: int, judge: str, work: Path) -> Path:
    """Where they are."""
    return work / "features" / tower_name(judge) / f"seed-{seed}.pt"


def encode(seed: int, work: Path, judges: list[str]) -> dict:
    """Paint the scrolls of a seed, and encode them by the towers that have not seen them."""
    towers = {tower_name(judge): judge for judge in judges if not features_file(seed, judge, work).is_file()}
    if towers:
        own, each = training_category(seed), evaluated_scrolls(seed)
        unlabelled, truth = _paint(seed, own, UNLABELLED, UNLABELLED, UNLABELLED_LATENTS, UNLABELLED_SCROLLS)
        parts = [_paint(seed, c, EVALUATED, each, EVALUATED_LATENTS, EVALUATED_SCROLLS) for c in range(len(CATEGORIES))]
        for judge in towers.values():
            see, path = load_judge(judge, work).features, features_file(seed, judge, work)
            path.parent.mkdir(parents=True, exist_ok=True)
            made = {
                "unlabelled": see(unlabelled),
                "truth": truth,
                "evaluated": [one for scrolls, _ in parts for one in see(scrolls)],
                "evaluated_truth": np.concatenate([quality for _, quality in parts]),
                "each": each,
            }
            with written_file(path) as temporary:
                torch.save(made, temporary)
    return {"seed": seed}


def evaluated_scrolls(seed: int) -> int:
    """Scrolls of a category that are evaluated: fewer on the seeds that choose, where trajectories are looked at."""
    return EVALUATED if seed >= CLAIMS_FROM else EVALUATED_TO_CHOOSE


def _paint(seed: int, c: int, drawn: int, painted: int, latents_key: int, scrolls_key: int) -> tuple[list, np.ndarray]:
    """The first scrolls of those that are drawn of a category, and their latent quality."""
    every = draw_latents(drawn, np.random.default_rng([seed, c, latents_key]))
    first = Latents(*(getattr(every, field.name)[:painted] for field in fields(Latents)))
    images = paint_many(first, CATEGORIES[c], (seed, c, scrolls_key), processes=1)
    return [open_image(image, name=f"scroll {i}") for i, image in enumerate(images)], first.quality


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
    paint = partial(encode, work=work, judges=names)
    in_pieces(paint, seeds or [0, 1, 2, 3], work / "encoded" / "_".join(names), processes, "scrolls")
    in_pieces(partial(judge_all, work=work), wanted, work / "judged", processes, "all pairs")


if __name__ == "__main__":
    typer.run(main)
