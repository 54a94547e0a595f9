"""The scripts of docs/examples run on the real data as a reader would run them, and what they build loads and is right."""

from __future__ import annotations

import contextlib
import csv
import runpy
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from datasets import load_dataset
from PIL import Image

from ppaint.dataset_script import AnnotationsConfig, build_dataset, read_raw_export
from ppaint.images import InputFault
from ppaint.preference_to_score import Comparisons, Ratings, bradley_terry, mean_opinion_score

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
CREDIT = {"a": 1.0, "tie": 0.5, "b": 0.0}


def run(name: str, out: Path) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"../shared/data/{name} is not here")
    script = ROOT / "docs" / "examples" / f"{name}.py"
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(out):
        patch.setattr(sys, "argv", [str(script), str(DATA / name), str(out / "made")])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(script), run_name="__main__")
    assert not end.value.code
    return out / "made"


def published(name: str, file: str) -> list[dict[str, str]]:
    return list(csv.DictReader((DATA / name / file).read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize(("name", "fine"), [("width", True), ("file", False), ("image", False)])
def test_a_dimension_may_be_called_what_no_column_beside_it_is(name, fine):
    config = {
        "name": "sounds",
        "simulated": False,
        "categories": ["one"],
        "dimensions": [name],
        "headline": name,
        "rating_scale": [0, 1],
        "repeats": "forbid",
        "licence": "MIT",
        "citation": "A pilot.",
    }
    if fine:
        assert AnnotationsConfig(**config).dimensions == [name]
    else:
        with pytest.raises(ValueError, match="would clash"):
            AnnotationsConfig(**config)


@pytest.fixture(scope="module")
def eba(tmp_path_factory):
    return run("eba_soundquality", tmp_path_factory.mktemp("eba"))


@pytest.fixture(scope="module")
def avt(tmp_path_factory):
    return run("avt_ai_images", tmp_path_factory.mktemp("avt"))


def test_preferences_without_ratings_or_images_become_a_dataset(eba):
    pairs = load_dataset(str(eba / "ppaint"), "pairs")
    assert {split: len(rows) for split, rows in pairs.items()} == {"Beethoven": 8736, "Sting": 8736}
    paintings = load_dataset(str(eba / "ppaint"), "paintings")
    assert list(paintings["Beethoven"]["painting_id"]) == list(paintings["Sting"]["painting_id"])
    assert len(paintings["Sting"]) == 8 and set(paintings["Sting"]["image"]) == {None}
    assert "width" in set(pairs["Sting"]["dimension"])


def test_its_worths_are_those_that_r_printed(eba):
    table = load_dataset(str(eba / "ppaint"), "pairs")["Sting"].to_pandas()
    printed = [row for row in published("eba_soundquality", "reference_R_scales.csv") if row["source"] == "attribute"]
    for dimension, rows in table.groupby("dimension"):
        worths = bradley_terry(
            Comparisons.from_arrays(
                rows["painting_a"].to_numpy(str),
                rows["painting_b"].to_numpy(str),
                rows["choice"].map(CREDIT).to_numpy(),
            )
        )
        own = [row for row in printed if (row["category"], row["dimension"]) == ("Sting", dimension)]
        expected = {row["item"]: float(row["bt_logworth_meanzero"]) for row in own}
        assert len(expected) == 8
        assert dict(zip(worths.items, worths.log_worths, strict=True)) == pytest.approx(expected, abs=1e-7)


def test_its_scores_are_the_printed_worths_but_for_the_priors_pull(eba):
    """R's worths have no prior: the likelihood is flat at them. At the build's its slope is what the prior holds against it."""
    scores = {name: split.to_pandas() for name, split in load_dataset(str(eba / "ppaint")).items()}
    printed = [row for row in published("eba_soundquality", "reference_R_scales.csv") if row["source"] == "attribute"]
    judged = published("eba_soundquality", "attribute_pairs.csv")
    for (category, dimension), own in groupby(printed, key=lambda row: (row["category"], row["dimension"])):
        theirs = {row["item"]: float(row["bt_logworth_meanzero"]) for row in own}
        items = list(theirs)
        ours = scores[category].set_index("painting_id")[dimension].loc[items].to_numpy()
        theirs = np.array([theirs[item] for item in items])
        won = np.zeros((8, 8))
        for row in judged:
            if (row["category"], row["dimension"]) == (category, dimension):
                other = row["item_b"] if row["winner"] == row["item_a"] else row["item_a"]
                won[items.index(row["winner"]), items.index(other)] += 1

        def slope(worths, won=won):
            return (won - (won + won.T) / (1 + np.exp(worths[None] - worths[:, None]))).sum(1)

        assert slope(theirs) == pytest.approx(np.zeros(8), abs=1e-5)
        assert slope(ours) == pytest.approx(0.1 * ours, abs=1e-5)
        assert ours == pytest.approx(theirs, abs=0.054) and (np.argsort(ours) == np.argsort(theirs)).all()


def test_an_item_of_two_categories_needs_the_category_said(eba, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    for file in ("annotations.yaml", "paintings.csv"):
        (raw / file).write_bytes((eba / "raw" / file).read_bytes())
    rows = list(csv.reader((eba / "raw" / "pairs.csv").read_text(encoding="utf-8").splitlines()))[:3]
    (raw / "pairs.csv").write_text("".join(",".join([*row[:3], *row[4:]]) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(InputFault, match="may belong to Beethoven or Sting"):
        read_raw_export(raw)


def test_ratings_with_images_become_a_dataset(avt):
    ratings = load_dataset(str(avt / "ppaint"), "ratings")["generated"]
    paintings = load_dataset(str(avt / "ppaint"), "paintings")["generated"]
    assert (len(ratings), len(paintings)) == (10_155, 146)
    images = dict(zip(paintings["painting_id"], paintings["image"], strict=True))
    assert [name for name, image in images.items() if image is None] == ["midjourney/p25"]
    assert isinstance(images["glide/p01"], Image.Image)
    card = (avt / "ppaint" / "README.md").read_text(encoding="utf-8")
    assert "9 ratings are repeats, and kept" in card and "1 painting has no image" in card


def test_its_means_are_the_published_ones_to_the_last_bit(avt):
    table = load_dataset(str(avt / "ppaint"), "ratings")["generated"].to_pandas()
    given = Counter(table["expert_id"])
    experts = csv.DictReader((avt / "raw" / "experts.csv").read_text(encoding="utf-8").splitlines())
    assert {row["expert_id"]: int(row["ratings_given"]) for row in experts} == given
    table = table[table["expert_id"].map(given) > 400]
    for dimension, column in (("image_appeal", "appeal_mean"), ("realism", "realism_mean")):
        own = table[table["dimension"] == dimension]
        marks = Ratings.from_columns(
            {name: own[name].to_numpy() for name in ("painting_id", "expert_id", "rating")},
            item="painting_id",
            rater="expert_id",
            value="rating",
        )
        mos = mean_opinion_score(marks, repeats="count")
        expected = {row["image_key"]: float(row[column]) for row in published("avt_ai_images", "means_all_ratings.csv")}
        assert dict(zip(mos.items, mos.scores.tolist(), strict=True)) == expected


def test_its_scores_without_incomplete_raters_are_the_published_means_to_the_last_bit(avt, tmp_path):
    with (avt / "raw" / "experts.csv").open(encoding="utf-8", newline="") as handle:
        complete = [row for row in csv.DictReader(handle) if int(row["ratings_given"]) > 400]
    who = {row["expert_id"] for row in complete}
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "annotations.yaml").write_bytes((avt / "raw" / "annotations.yaml").read_bytes())
    for file, column in (("ratings.csv", "expert_id"), ("paintings.csv", None)):
        table = pd.read_csv(avt / "raw" / file, dtype=str, keep_default_na=False)
        kept = table[table[column].isin(who)] if column else table.assign(file="")
        kept.to_csv(raw / file, index=False)
    build_dataset(raw, tmp_path / "ppaint")
    scores = load_dataset(str(tmp_path / "ppaint"), "scores", split="generated").to_pandas().set_index("painting_id")
    rows = published("avt_ai_images", "means_all_ratings.csv")
    names = {"image_appeal": "appeal_mean", "realism": "realism_mean", "prompt_matching": "prompt_matching_mean"}
    for dimension, column in names.items():
        assert scores[dimension].to_dict() == {row["image_key"]: float(row[column]) for row in rows}


def test_without_the_word_repeats_are_nine_faults(avt, tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    config = yaml.safe_load((avt / "raw" / "annotations.yaml").read_text(encoding="utf-8"))
    (raw / "annotations.yaml").write_text(yaml.safe_dump(config | {"repeats": "forbid"}), encoding="utf-8")
    for file in ("ratings.csv", "experts.csv"):
        (raw / file).write_bytes((avt / "raw" / file).read_bytes())
    with (avt / "raw" / "paintings.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))
    with (raw / "paintings.csv").open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([rows[0], *([*row[:2], "", row[3]] for row in rows[1:])])
    with pytest.raises(InputFault) as caught:
        read_raw_export(raw)
    assert len(caught.value.faults) == 9
    assert all("repeated rating" in fault.what and "repeats: keep" in fault.fix for fault in caught.value.faults)
