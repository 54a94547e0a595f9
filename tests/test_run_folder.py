"""A run's folder: whose it is, and what a killed run left in it."""

import json
import os
import subprocess
import sys

import pytest

from ppaint.foundation.left_overs import clear_left_overs
from ppaint.foundation.run_folder import FORMAT, claim_folder
from ppaint.images import InputFault

NOT_ALIVE = 2**31 - 1  # no process has this number


def test_the_same_run_is_taken_up_and_what_differs_is_named(tmp_path):
    claim_folder(tmp_path / "run", {"model": "a", "annotations": {"ratings.csv": "1", "pairs.csv": "2"}})
    before = (tmp_path / "run" / "run.json").read_bytes()
    assert json.loads(before)["format"] == FORMAT
    claim_folder(tmp_path / "run", {"model": "a", "annotations": {"ratings.csv": "1", "pairs.csv": "2"}})
    with pytest.raises(InputFault, match=r"another annotations \(paintings.csv, pairs.csv\), model"):
        claim_folder(tmp_path / "run", {"model": "b", "annotations": {"ratings.csv": "1", "paintings.csv": "2"}})
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_what_is_known_later_is_added_later(tmp_path):
    claim_folder(tmp_path / "run", {"seed": 1})
    claim_folder(tmp_path / "run", {"seed": 1, "annotations": "x"})
    claim_folder(tmp_path / "run", {"seed": 1})
    with pytest.raises(InputFault, match="another annotations"):
        claim_folder(tmp_path / "run", {"seed": 1, "annotations": "y"})


@pytest.mark.parametrize(
    "text, word",
    [
        ('{"kind": "reproduce", "seed": 0}', "of an older version of ppaint.*stays usable: its scorer/"),
        (json.dumps({"format": FORMAT + 1}), "of another version"),
        ("[1]", "of another version"),
        ('{"kind": ', "not readable as JSON"),
    ],
)
def test_a_run_that_this_version_cannot_read_is_refused_and_stays(tmp_path, text, word):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputFault, match=word) as caught:
        claim_folder(tmp_path, {"kind": "reproduce", "seed": 0})
    assert len(caught.value.faults) == 1 and (tmp_path / "run.json").read_text() == text


def test_a_folder_that_is_no_runs_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(InputFault, match="is not a (run.s )?folder"):
            claim_folder(out, {"seed": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_was_half_written_goes_and_all_else_stays(tmp_path):
    gone = [
        f".ppaint.{NOT_ALIVE}.partial/table.csv",
        f"label_free/.summary.json.{NOT_ALIVE}.partial.json",
        "checkpoints/.checkpoint-4.partial/weights",
        "label_free/pool/pool.parquet.tmp",
        f".plots.{NOT_ALIVE}.old/a.png",
        "plots/a.png",
    ]
    stays = ["raw/.gitignore", "notes.tmp", "partial.csv", "label_free/.lock", "scorer/model.safetensors"]
    for name in gone + stays:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a")
    assert len(clear_left_overs(tmp_path)) == len(gone) - 1
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*stays, "plots/a.png"}


def test_a_folder_that_was_moved_aside_goes_back_where_no_new_one_came(tmp_path):
    (tmp_path / f".scorer.{NOT_ALIVE}.old").mkdir()
    assert clear_left_overs(tmp_path) == [] and (tmp_path / "scorer").is_dir()


def test_what_a_living_process_writes_stays(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        theirs, mine = tmp_path / f".a.{other.pid}.partial", tmp_path / f".a.{os.getpid()}.partial"
        theirs.write_text("a")
        mine.write_text("a")
        assert clear_left_overs(tmp_path) == [mine] and theirs.is_file()
        other.communicate(b"\n")


def test_in_a_folder_that_holds_more_only_the_named_ones_go(tmp_path):
    for name in (f".scores.csv.{NOT_ALIVE}.partial.csv", f".mine.csv.{NOT_ALIVE}.partial.csv", "scores.csv.tmp"):
        (tmp_path / name).write_text("a")
    clear_left_overs(tmp_path, ("scores.csv",))
    assert [path.name for path in tmp_path.iterdir()] == [f".mine.csv.{NOT_ALIVE}.partial.csv"]
