"""Figures that others printed: means of 146 images on three dimensions, once incomplete raters are left out."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ppaint.preference_to_score import Ratings, mean_opinion_score

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "avt_ai_images"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/data/avt_ai_images is not here")

COMPLETE = 400  # raters with as many rows or fewer were left out of the printed means
DIMENSIONS = {"image_appeal": "appeal", "realism": "realism", "prompt_matching": "prompt_matching"}


def read(file):
    with (FOLDER / file).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def complete():
    rows = read("ratings_t1.csv")
    assert len(rows) == 10_155
    count = Counter(row["user_ID"] for row in rows)
    return [row for row in rows if count[row["user_ID"]] > COMPLETE]


def ratings_of(rows, dimension):
    own = [row for row in rows if row["dimension"] == dimension]
    columns = {"item": [row["image_key"] for row in own], "rater": [row["user_ID"] for row in own]}
    return Ratings.from_columns(columns | {"value": [int(row["rating"]) for row in own]})


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_every_mean_is_the_printed_one_to_the_last_bit(complete, dimension):
    mos = mean_opinion_score(ratings_of(complete, dimension), repeats="count")
    printed = {row["image_key"]: float(row[f"{DIMENSIONS[dimension]}_mean"]) for row in read("means_all_ratings.csv")}
    assert dict(zip(mos.items, mos.scores.tolist(), strict=True)) == printed and len(printed) == 146


def test_the_nine_repeated_ratings_are_kept(complete):
    repeated = sum(int((ratings_of(complete, dimension).counts() > 1).sum()) for dimension in DIMENSIONS)
    assert repeated == 9


def test_spread_over_raters_is_the_printed_one_where_nothing_repeats(complete):
    ratings = ratings_of(complete, "image_appeal")
    once = ratings.counts().max(0) == 1
    mos = mean_opinion_score(ratings, errors="plain")
    spread = mos.standard_errors * np.sqrt(mos.raters)
    printed = {row["image_key"]: float(row["appeal_std"]) for row in read("means_all_ratings.csv")}
    assert spread[once] == pytest.approx([printed[item] for item in np.array(mos.items)[once]], abs=1e-12)
    assert (~once).sum() == 3
