"""The simulated stand-in is a sound export with PPaint's shape, says that it is simulated, and hangs on its seed only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ppaint.dataset_script import read_raw_export
from ppaint.dataset_script.export_summary import summary
from ppaint.dataset_script.stand_in.simulate import (
    CATEGORIES,
    DIMENSIONS,
    PAINTINGS_A_CATEGORY,
    PAIRS_A_CATEGORY,
    simulate,
)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    simulate(folder / "raw", 0, 2, paintings=6, processes=1)
    return folder


def test_folders_are_those_that_were_promised(small):
    assert sorted(path.name for path in small.iterdir()) == ["raw", "raw-truth", "raw-unlabelled"]
    assert sorted(content(small / "raw-truth")) == ["README.md", "latents.csv", "unlabelled.csv"]
    assert not any("truth" in name or "latent" in name for name in content(small / "raw"))


def test_export_is_sound_and_has_the_shape(small):
    read = read_raw_export(small / "raw")
    assert read.config.simulated and "simulated" in read.config.name
    assert read.experts["expert_id"].str.startswith("simulated_").all()
    assert read.config.categories == list(CATEGORIES) and read.config.dimensions == list(DIMENSIONS)
    whole = summary(read).iloc[-1]
    assert (whole["paintings"], whole["experts"]) == (18, 15)
    assert (whole["ratings"], whole["pairs"]) == (18 * 5 * 5, 3 * 15 * 5 * 5)
    assert read.paintings[["width", "height"]].max(axis=1).eq(512).all()


def test_whole_stand_in_has_the_papers_counts():
    assert 3 * PAINTINGS_A_CATEGORY * 5 * 5 == 3750 and 3 * PAIRS_A_CATEGORY * 5 * 5 == 45900


def test_same_seed_gives_the_same_bytes_with_any_number_of_processes(small, tmp_path):
    simulate(tmp_path / "raw", 0, 2, paintings=6, processes=2)
    assert content(tmp_path) == content(small)


def test_release_does_not_hang_on_the_unlabelled_scrolls(small, tmp_path):
    simulate(tmp_path / "raw", 0, paintings=6, processes=1)
    assert content(tmp_path / "raw") == content(small / "raw")
    assert not (tmp_path / "raw-unlabelled").exists()


def test_another_seed_gives_other_scrolls_and_judgments(small, tmp_path):
    simulate(tmp_path / "raw", 1, paintings=6, processes=1)
    ours, theirs = content(small / "raw"), content(tmp_path / "raw")
    assert sorted(name for name in ours if ours[name] == theirs[name]) == [
        "annotations.yaml",
        "experts.csv",
    ]


def test_unlabelled_scrolls_are_others_than_those_of_the_release(small):
    release, unlabelled = content(small / "raw" / "images"), content(small / "raw-unlabelled")
    assert sorted(unlabelled) == sorted(f"{c}/{c}_unlabelled_{i:04d}.png" for c in CATEGORIES for i in (1, 2))
    assert not set(release.values()) & set(unlabelled.values())


@pytest.mark.parametrize("file", ["latents.csv", "unlabelled.csv"])
def test_truth_names_every_painting_and_rises_with_quality(small, file):
    truth = pd.read_csv(small / "raw-truth" / file)
    assert list(truth.columns) == ["painting_id", "category", *DIMENSIONS, *(f"{d}_truth" for d in DIMENSIONS)]
    for dimension in DIMENSIONS:
        ordered = truth.sort_values(dimension)
        assert np.all(np.diff(ordered[f"{dimension}_truth"]) > 0) and ordered[f"{dimension}_truth"].between(1, 10).all()


def test_judgments_follow_the_truth(small):
    truth = pd.read_csv(small / "raw-truth" / "latents.csv").set_index("painting_id")["overall"]
    ratings = read_raw_export(small / "raw").ratings.query("dimension == 'overall'")
    means = ratings.groupby("painting_id")["rating"].mean()
    assert np.corrcoef(means, truth[means.index])[0, 1] > 0.8


def test_progress_counts_every_scroll(tmp_path):
    told = []
    simulate(tmp_path / "raw", 0, 1, lambda *step: told.append(step), paintings=2, processes=1)
    assert ("painting landscape", 2, 2) in told and ("painting figure (unlabelled)", 1, 1) in told


def test_failure_half_way_leaves_nothing(tmp_path):
    def stop(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "deep" / "raw", 0, 1, stop, paintings=2, processes=1)
    assert list(tmp_path.iterdir()) == []
