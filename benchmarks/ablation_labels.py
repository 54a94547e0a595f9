"""Pseudo-scores of one seed's training scrolls, made in every way that the ablations ask for."""

from __future__ import annotations

import dataclasses
import shutil
from functools import cache
from pathlib import Path

import numpy as np
from item_noise import reweighted
from spoilt_judgments import SpoilingJudging

from ppaint.dataset_script.stand_in.simulate import CATEGORIES, DIMENSIONS
from ppaint.images.image_folder import open_folder
from ppaint.model_card import Judge
from ppaint.preference_to_score import Comparisons, sequential_elo
from ppaint.trainer import Judging, JudgmentStore, PseudoScores, ReferencePool, build_pool, rate_images
from ppaint.trainer.judgments.features_when_asked import FeaturesWhenAsked
from ppaint.trainer.tiny_judge import WEIGHTS

# name -> (kind of judge, R, K, what is done to the pool or the scores)
VARIANTS: dict[str, tuple[str, int, int, str]] = {
    "as it is": ("own", 32, 12, ""),
    "one order": ("one_order", 32, 12, ""),
    "sequential pool, once through": ("own", 32, 12, "sequential 1"),
    "sequential pool, 50 times through": ("own", 32, 12, "sequential 50"),
    "R halved": ("own", 16, 12, ""),
    "R doubled": ("own", 64, 12, ""),
    "K halved": ("own", 32, 6, ""),
    "K doubled": ("own", 32, 24, ""),
    "few judgments": ("own", 32, 4, ""),
    "noisy": ("noisy", 32, 12, ""),
    "noisy, K doubled": ("noisy", 32, 24, ""),
    "noisy, weighted": ("noisy", 32, 12, "weighted"),
    "noisy, shrunk": ("noisy", 32, 12, "shrunk"),
    "noisy, weighted, shrunk, K doubled": ("noisy", 32, 24, "weighted shrunk"),
}


def training_category(seed: int) -> str:
    """The training category of a seed: each in turn."""
    return CATEGORIES[seed % len(CATEGORIES)]


@cache
def the_judge() -> Judge:
    """The tiny judge."""
    return Judge.from_pretrained(str(WEIGHTS), dimensions=DIMENSIONS)


@cache
def scroll_features(nine: Path, seed: int) -> FeaturesWhenAsked:
    """Vision features of a seed's training scrolls, by hash."""
    scrolls = open_folder(nine / f"data-{seed}" / "raw-unlabelled" / training_category(seed), lambda *_: None)
    return FeaturesWhenAsked(the_judge(), scrolls, lambda *_: None, "features")


def label_folder(work: Path, seed: int, variant: str) -> Path:
    """Where the pseudo-scores of a variant are."""
    return work / "labels" / f"seed-{seed}" / variant.replace(", ", "-").replace(" ", "_")


def make_labels(seed: int, nine: Path, work: Path) -> dict:
    """All variants of one seed; the judgments of the nine runs are taken up, what is missing is asked."""
    features = scroll_features(nine, seed)
    store_folder = work / "judgments" / f"seed-{seed}"
    if not store_folder.is_dir():
        source = nine / f"seed-{seed}-{training_category(seed)}" / "label_free" / "judgments"
        shutil.copytree(source, store_folder.with_name(f".{store_folder.name}"), dirs_exist_ok=True)
        store_folder.with_name(f".{store_folder.name}").rename(store_folder)
    found = {}
    with JudgmentStore(store_folder, the_judge().fingerprint, the_judge().dimensions) as store:
        for name, (kind, size, games, change) in VARIANTS.items():
            if kind == "own":
                judging = Judging(store, the_judge(), features)
            else:
                judging = SpoilingJudging(store, the_judge(), features, kind=kind, seed=seed)
            scores = make_variant(judging, list(features), size, games, seed, change)
            scores.save(label_folder(work, seed, name))
            found[name] = {"reliability": scores.reliability.tolist(), "pairs": len(scores.judged)}
    return found


def make_variant(judging, images: list[str], size: int, games: int, seed: int, change: str) -> PseudoScores:
    """Pool and pseudo-scores, with a change to one or the other."""
    pool = build_pool(judging, images, size=size, seed=seed)
    if change.startswith("sequential"):
        pool = play_sequentially(judging, pool, passes=int(change.split()[1]), seed=seed)
    scores = rate_images(judging, pool, images, games=games, seed=seed, stop_without_signal=False)
    if "weighted" in change:
        scores = reweighted(scores, pool)
    if "shrunk" in change:
        centre = np.nanmean(scores.elo, axis=0)
        scores = dataclasses.replace(scores, elo=centre + scores.confidence * (scores.elo - centre))
    return scores


def play_sequentially(judging, pool: ReferencePool, *, passes: int, seed: int) -> ReferencePool:
    """The same pool with worths from sequential Elo (k = 16, mean of 20 random orders) in place of the fit."""
    judged = judging.ask(pool.pairs)
    worths = np.empty_like(pool.log_worths)
    for k in range(len(pool.dimensions)):
        games = Comparisons.from_arrays(
            pool.schedule[:, 0], pool.schedule[:, 1], judged.probability[:, k], items=range(len(pool.images))
        )
        played = sequential_elo(games, np.random.default_rng([seed, k]), k=16.0, orders=20, passes=passes)
        worths[:, k] = played.ratings * np.log(10) / 400
    return dataclasses.replace(pool, log_worths=worths)
