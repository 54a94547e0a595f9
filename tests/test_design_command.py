"""`ppaint design` prints the table, writes whole files that fit the raw format, and refuses what cannot be."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from one_command import runner_of
from PIL import Image

from ppaint.cli.design import STAND_IN_SPREAD, design
from ppaint.dataset_script.export_checks import COLUMNS
from ppaint.dataset_script.prior_scores import read_prior
from ppaint.images import InputFault
from ppaint.preference_to_score import locally_dense_pairs

ROOT = Path(__file__).resolve().parents[1]

run = runner_of(design)


def pairs_of(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["painting_a", "painting_b"]
    return [tuple(row) for row in rows]


def write_prior(path: Path, rows: list[tuple[object, object]], header: str = "painting_id,score") -> Path:
    path.write_text("\n".join([header, *(f"{name},{score}" for name, score in rows)]) + "\n", encoding="utf-8")
    return path


def test_the_table_holds_every_figure_of_the_three_designs():
    shown = run("--items", 50, "--budget", 612)
    for said in ("locally dense", "random", "ring", "degree", "diameter", "algebraic connectivity", "expected SE"):
        assert said in shown
    assert "near distance 12 (chosen): 522 near pairs and 90 long-range ones" in shown
    assert "the order of the ids" in shown and f"standard deviation {STAND_IN_SPREAD:g}" in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()[:12]) <= 80


def test_pairs_are_written_whole_with_sides_and_order_at_random(tmp_path):
    out = tmp_path / "design.csv"
    run("--items", 20, "--budget", 70, "--near", 2, "--seed", 5, "--out", out)
    pairs = [(int(a), int(b)) for a, b in pairs_of(out)]
    expected = locally_dense_pairs(20, 2, 70, np.random.default_rng(5))
    assert {frozenset(pair) for pair in pairs} == {frozenset(map(int, pair)) for pair in expected}
    assert 20 <= sum(a < b for a, b in pairs) <= 50
    near = [abs(a - b) <= 2 for a, b in pairs]
    assert not all(near[: sum(near)])
    assert [path.name for path in tmp_path.iterdir()] == ["design.csv"]
    assert set(pairs_of(out)[0]) and {"painting_a", "painting_b"} < set(COLUMNS["pairs.csv"].required)


def test_a_seed_gives_the_same_files_and_another_one_other_pairs(tmp_path):
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        run(
            "--items", 15, "--budget", 40, "--seed", seed, "--out", tmp_path / name, "--json", tmp_path / f"{name}.json"
        )
    assert (tmp_path / "one").read_bytes() == (tmp_path / "again").read_bytes()
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_a_prior_puts_the_items_in_its_order(tmp_path):
    scores = {"guo_xi": 8.5, "ni_zan": 2.0, "lost": -1.0, "fan_kuan": 9.25, "ma_yuan": 5.0}
    prior = write_prior(tmp_path / "prior.csv", list(scores.items()))
    assert read_prior(prior) == (["lost", "ni_zan", "ma_yuan", "guo_xi", "fan_kuan"], [-1.0, 2.0, 5.0, 8.5, 9.25])
    run("--prior", prior, "--budget", 4, "--out", tmp_path / "design.csv")
    chain = [("lost", "ni_zan"), ("ni_zan", "ma_yuan"), ("ma_yuan", "guo_xi"), ("guo_xi", "fan_kuan")]
    assert {frozenset(pair) for pair in pairs_of(tmp_path / "design.csv")} == {frozenset(pair) for pair in chain}


def test_equal_scores_stay_in_the_order_of_the_file(tmp_path):
    prior = write_prior(tmp_path / "prior.csv", [("c", 1), ("a", 1), ("b", 0)])
    assert read_prior(prior)[0] == ["b", "c", "a"]


def test_json_tells_what_was_assumed_chosen_and_expected(tmp_path):
    run("--items", 12, "--budget", 30, "--experts", 3, "--spread", 1.5, "--json", tmp_path / "d.json")
    report = json.loads((tmp_path / "d.json").read_text(encoding="utf-8"))
    assert (report["items"], report["budget"], report["experts"], report["spread"]) == (12, 30, 3, 1.5)
    assert report["prior_precision"] == 0.1 and report["near"] in report["near_choice"]["tried"]
    assert set(report["designs"]) == {"locally dense", "random", "ring"}
    assert all(figures["degree_mean"] == 5 and figures["se_mean"] > 0 for figures in report["designs"].values())


@pytest.mark.parametrize("near", [(), ("--near", 2)])
def test_the_plot_is_a_picture(tmp_path, near):
    run("--items", 12, "--budget", 30, *near, "--plot", tmp_path / "d.png")
    with Image.open(tmp_path / "d.png") as image:
        assert image.format == "PNG" and image.width > 800
    assert [path.name for path in tmp_path.iterdir()] == ["d.png"]


def test_more_experts_make_the_expected_error_smaller(tmp_path):
    for experts in (1, 9):
        run("--items", 10, "--budget", 25, "--near", 2, "--experts", experts, "--json", tmp_path / f"{experts}.json")
    one, nine = (json.loads((tmp_path / f"{experts}.json").read_text())["designs"] for experts in (1, 9))
    assert nine["ring"]["se_mean"] < one["ring"]["se_mean"] / 2


@pytest.mark.parametrize(
    ("options", "place", "fix"),
    [
        (("--budget", 10), "--items", "give --items, or a --prior"),
        (("--items", 50, "--budget", 48), "--budget", "give at least 49"),
        (("--items", 50, "--budget", 1226), "--budget", "give at most 1225"),
        (("--items", 50, "--budget", 100, "--near", 3), "--near", "give at most 2, or a larger --budget"),
        (("--items", 50, "--budget", 100, "--spread", 0), "--spread", "above 0"),
        (("--items", 50, "--budget", 100, "--spread", "nan"), "--spread", "above 0"),
    ],
)
def test_numbers_that_do_not_fit_are_one_clear_fault(options, place, fix):
    with pytest.raises(InputFault) as caught:
        run(*options)
    (fault,) = caught.value.faults
    assert fault.file == place and fix in fault.fix


@pytest.mark.parametrize(
    ("content", "row", "what"),
    [
        (b"painting_id,score\na,1\nb,high\n", "row 3", "'high' is not a finite number"),
        (b"painting_id,score\na,1\nb,\n", "row 3", "score is empty"),
        (b"painting_id,score\na,1\nb,nan\n", "row 3", "not a finite number"),
        (b"painting_id,score\na,1\nb,1_0\n", "row 3", "not a finite number"),
        ("painting_id,score\na,1\nb,１０\n".encode(), "row 3", "not a finite number"),
        (b"painting_id,score\na,1\na,2\n", "row 3", "'a' again"),
        (b"painting_id,score\na,1\n ,2\n", "row 3", "is not an id"),
        (b"painting_id,score\na,1\nb,2,3\n", "row 3", "3 cells"),
        (b"painting_id,score\na,1\n", "", "one item only"),
        (b"painting_id,score\n", "", "no rows"),
        (b"painting_id,score\na,1\nb,1\n", "score", "all scores are equal"),
        (b"painting_id,mark\na,1\nb,2\n", "row 1", "score is missing"),
        (b"painting_id;score\na;1\nb;2\n", "row 1", "not separated by commas"),
        (b"", "", "empty"),
        (b"painting_id,score\na,\xff\n", "row 2", "not UTF-8"),
    ],
)
def test_a_bad_prior_names_file_row_and_mend(tmp_path, content, row, what):
    (tmp_path / "prior.csv").write_bytes(content)
    with pytest.raises(InputFault) as caught:
        run("--prior", tmp_path / "prior.csv", "--budget", 1)
    fault = caught.value.faults[0]
    assert fault.file.endswith("prior.csv") and fault.row == row and what in fault.what and fault.fix


def test_a_prior_that_is_not_there_or_not_of_this_size_is_refused(tmp_path):
    with pytest.raises(InputFault, match="no such file"):
        run("--prior", tmp_path / "none.csv", "--budget", 3)
    prior = write_prior(tmp_path / "prior.csv", [("a", 1), ("b", 2), ("c", 3)])
    with pytest.raises(InputFault, match="holds 3 items, but --items says 4"):
        run("--prior", prior, "--items", 4, "--budget", 3)


def test_a_table_that_may_hold_judgments_is_not_replaced(tmp_path):
    out = tmp_path / "pairs.csv"
    out.write_text("painting_a,painting_b,expert_id,dimension,choice\n", encoding="utf-8")
    with pytest.raises(InputFault, match="may hold judgments"):
        run("--items", 5, "--budget", 5, "--out", out)
    assert out.read_text(encoding="utf-8").endswith("choice\n")


@pytest.mark.parametrize("option", ["--out", "--plot", "--json"])
def test_nowhere_to_write_is_said_before_anything_is_worked_out(tmp_path, option):
    with pytest.raises(InputFault, match="its folder does not exist"):
        run("--items", 5, "--budget", 5, option, tmp_path / "none" / "file")
    with pytest.raises(InputFault, match="is a folder"):
        run("--items", 5, "--budget", 5, option, tmp_path)


def test_two_outputs_are_two_files(tmp_path):
    with pytest.raises(InputFault, match="the same file"):
        run("--items", 5, "--budget", 5, "--out", tmp_path / "d", "--json", tmp_path / "d")
    assert not list(tmp_path.iterdir())
