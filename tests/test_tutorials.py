"""The tutorials behind the start page's five doors: their blocks run as printed, in their order.

``docs/distil-in-python.md`` has tests of its own. The dataset that the others call ``run/ppaint`` is here the one that
``docs/build-your-own.md`` builds, and the scorer in ``run/scorer`` has random weights.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from page_blocks import DOCS, blocks_of, run_block

from ppaint.model_card import Prompts, ScorerConfig
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ["brushwork", "overall"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder in which the page "Build your own" was followed, and its names."""
    folder, names = tmp_path_factory.mktemp("tutorial"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in blocks_of("build-your-own.md"):
            run_block(block, names)
    return folder, names


@pytest.fixture(scope="module")
def place(built):
    """A folder with ``run/ppaint``, ``run/raw`` and ``run/scorer``, as a quickstart leaves them."""
    folder = built[0] / "after"
    (folder / "run").mkdir(parents=True)
    for name in ("ppaint", "raw"):
        shutil.copytree(built[0] / name, folder / "run" / name)
    processor = build_processor(tuple(DIMENSIONS))
    build_tiny_model(processor, seed=3).save_pretrained(folder / "run" / "scorer")
    processor.save_pretrained(folder / "run" / "scorer")
    ScorerConfig(dimensions=DIMENSIONS, prompts=Prompts().to_dict()).save(folder / "run" / "scorer")
    return folder


def follow(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """Run a page's blocks in a folder; the names that they leave behind."""
    monkeypatch.chdir(folder)
    names: dict = {}
    for block in blocks_of(page):
        run_block(block, names)
    return names


def test_build_your_own_gives_fused_scores_in_the_experts_order(built):
    folder, names = built
    fused = names["fused"]
    assert len(fused) == 16 and set(DIMENSIONS) < set(fused.column_names)
    order = pd.Series(fused["overall"]).corr(pd.Series(range(16)), method="spearman")
    assert order > 0.9 and (folder / "agreement").is_dir()


def test_load_the_data(place, monkeypatch):
    names = follow("load-the-data.md", place, monkeypatch)
    assert names["experts"] == 4 and (names["table"]["low"] < names["table"]["high"]).all()
    assert names["won"].value_counts().sum() == (names["overall"]["choice"] != "tie").sum() > 100
    assert names["release"].fused["overall"].tolist() == names["table"]["overall"].tolist()


def test_score_paintings(place, monkeypatch):
    names = follow("score-paintings.md", place, monkeypatch)
    scores = pd.read_csv(place / "scores.csv")
    assert len(scores) == 16 and scores["overall"][:4].to_numpy() == pytest.approx(names["table"].mean[:, 1], abs=1e-4)
    assert [row["overall"] for row in names["rows"]] == sorted(names["table"].mean[:, 1], reverse=True)


def test_submit_and_compare(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(str(place))
    said = {}
    file = place / "by_lightness" / "submission.yaml"
    for block in blocks_of("submit-and-compare.md"):
        if block.language == "yaml":  # what the page says to write into the file
            values = yaml.safe_load(file.read_text(encoding="utf-8")) | yaml.safe_load(block.text)
            file.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        else:
            run_block(block, {})
            said[block.text] = capsys.readouterr().out
    assert any("by_lightness/predictions better than by_statistics/predictions" in out for out in said.values())
    assert "mean lightness" in (place / "board" / "board" / "README.md").read_text(encoding="utf-8")


def test_every_door_leads_to_a_tutorial_whose_blocks_are_run():
    start = (DOCS / "index.md").read_text(encoding="utf-8")
    doors = re.search(r"^## Five doors\n(.*?)^## ", start, re.MULTILINE | re.DOTALL)[1]
    pages = re.findall(r"^\d\. \*\*\[[^\]]+\]\(([\w-]+\.md)\)\*\*", doors, re.MULTILINE)
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert len(pages) == 5 and all(f'"{page}"' in tests and blocks_of(page) for page in pages)
