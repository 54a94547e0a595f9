"""Comparing predictions: what a user is told, on which paintings, against whom, and what is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from one_command import runner_of
from scipy import stats
from small_release import CATEGORIES, DIMENSIONS, PAINTINGS, build_small_release

from ppaint.cli.compare import compare
from ppaint.eval_suite import compare_files, compare_systems, evaluate_scores, leave_one_out, read_release
from ppaint.eval_suite import resampled_panels as kept_panels
from ppaint.eval_suite.comparison import EXPERTS, system_names
from ppaint.eval_suite.comparison_tex import comparison_tex
from ppaint.eval_suite.comparison_text import about_order, comparison_sentences, pair_sentence
from ppaint.eval_suite.reference_scores import reference_scores
from ppaint.eval_suite.refusion import facets, resampled_fused_scores
from ppaint.eval_suite.resampled_panels import resampled_panels, srcc_of_each
from ppaint.eval_suite.significance import Comparison, PairTest
from ppaint.foundation.faults import InputFault
from ppaint.preference_to_score.fusion.kept_fits import forget_fits
from ppaint.preference_to_score.panel.bootstrap import resampled_errors

run = runner_of(compare)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_small_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def release(folder):
    return read_release(folder)


@pytest.fixture(scope="module")
def tables(release, tmp_path_factory):
    """Files of three systems: two that are good and one that is poor."""
    place = tmp_path_factory.mktemp("predictions")
    rng = np.random.default_rng(0)
    files = []
    for name, noise in (("good", 0.3), ("as_good", 0.35), ("poor", 6.0)):
        table = release.fused[["painting_id", "category", *DIMENSIONS]].copy()
        table[list(DIMENSIONS)] += noise * rng.normal(size=(len(table), len(DIMENSIONS)))
        files.append(place / f"{name}.csv")
        table.to_csv(files[-1], index=False)
    return files


def changed(file, place, **cells):
    """The same table with cells set, as ``column={row: value}``."""
    table = pd.read_csv(file)
    for column, values in cells.items():
        for row, value in values.items():
            table.loc[row, column] = value
    table.to_csv(place, index=False)
    return place


def values_of(file):
    return pd.read_csv(file)[list(DIMENSIONS)].to_numpy()


def test_differences_are_those_of_the_headline_and_of_each_category(release, tables):
    found = compare_files(tables[:2], reference_scores(release), release=release)
    wanted, categories = release.references(), release.fused["category"].tolist()
    one, other = (
        evaluate_scores(values_of(file), wanted, categories, DIMENSIONS, "overall", statistics=["srcc"], resamples=0)
        for file in tables[:2]
    )
    for row in ("mean", *CATEGORIES):
        [pair] = found.comparisons[row].pairs
        gap = one.figures["srcc"][row]["mean"].value - other.figures["srcc"][row]["mean"].value
        assert pair.difference == pytest.approx(gap, abs=1e-12)
    alone = compare_systems([leave_one_out(values_of(file), wanted, categories) for file in tables[:2]])
    assert found.headline.pairs == alone.pairs
    inside = np.array(categories) == CATEGORIES[0]
    there = [leave_one_out(values_of(file)[inside], wanted[inside], [CATEGORIES[0]] * PAINTINGS) for file in tables[:2]]
    assert found.comparisons[CATEGORIES[0]].pairs[0].error == pytest.approx(
        compare_systems(there).pairs[0].error, rel=1e-9
    )


def test_the_command_says_who_is_better_and_what_is_not_separated(folder, tables, tmp_path):
    shown = run(*tables, "--dataset", folder, "--json", tmp_path / "c.json", "--tex", tmp_path / "c.tex")
    assert re.search(
        r"as_good and good not separated: \S+ \[-\S+, \S+\], adjusted p \S+; for this pair alone a true", shown
    )
    assert re.search(r"good better than poor by 0\.\d{3} \[0\.\d{3}, \d\.\d{3}\], adjusted p 0\.00\d+", shown)
    assert re.search(r"\(\d\.\d standard errors\) would be seen with 80 % power", shown) and "equal" not in shown
    assert "small-simulated (a simulated release)" in shown
    report = json.loads((tmp_path / "c.json").read_text())
    assert (
        report["simulated"]
        and report["target"] == "panel"
        and report["common_paintings"] == dict.fromkeys(CATEGORIES, 10)
    )
    assert [system["rank_range"] for system in report["systems"]] == [[1, 2], [1, 2], [3, 3]]
    assert [system["not_separated_from_first"] for system in report["systems"]] == [True, True, False]
    assert [(pair["first"], pair["second"]) for pair in report["pairs"]] == [
        ("good", "as_good"),
        ("good", "poor"),
        ("as_good", "poor"),
    ]
    for pair in report["pairs"]:
        assert list(pair["differences"]) == ["mean", *CATEGORIES]
        assert set(pair["differences"]["mean"]) >= {"difference", "error", "z", "p", "p_adjusted", "low", "high"}
    text = (tmp_path / "c.tex").read_text()
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 2 and r"as\_good" in text and "no expert" in text
    width = len(CATEGORIES) + 3
    assert all(line.count("&") == width - 1 for line in text.splitlines() if line.endswith(r"\\"))


def test_the_same_call_writes_the_same_bytes(folder, tables, tmp_path):
    for name in ("one", "two"):
        run(*tables, "--dataset", folder, "--json", tmp_path / f"{name}.json", "--tex", tmp_path / f"{name}.tex")
    for suffix in ("json", "tex"):
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


def test_systems_that_abstain_are_compared_on_the_common_paintings(release, tables, tmp_path):
    gaps = changed(tables[1], tmp_path / "gaps.csv", overall={0: None, 1: None}, line={1: None, 12: None})
    found = compare_files([tables[0], gaps], reference_scores(release), release=release)
    assert found.answered == (20, 17) and dict(found.paintings) == {"landscape": 8, "figure": 9}
    assert any("gaps has no answer for 3 of 20 paintings" in note for note in found.notes)
    assert any("the 17 of 20 paintings that all 2 answered" in note for note in found.notes)
    kept = np.setdiff1d(np.arange(20), [0, 1, 12])
    wanted, categories = release.references()[kept], release.fused["category"].to_numpy()[kept]
    alone = compare_systems([leave_one_out(values_of(file)[kept], wanted, categories) for file in (tables[0], gaps)])
    assert found.headline.pairs == alone.pairs


def test_a_comparison_of_some_dimensions_says_which(folder, tables, tmp_path):
    for file in tables[:2]:
        pd.read_csv(file).drop(columns="line").to_csv(tmp_path / file.name, index=False)
    files = [tmp_path / file.name for file in tables[:2]]
    shown = run(*files, "--dataset", folder, "--dimensions", "overall", "--json", tmp_path / "c.json")
    assert "SRCC of overall, mean over categories" in shown and "SRCC, mean over dimensions" not in shown
    report = json.loads((tmp_path / "c.json").read_text())
    assert report["dimensions"] == ["overall"] and report["all_dimensions"] is False
    wanted = read_release(folder).fused["overall"].to_numpy()
    by_hand = np.mean(
        [stats.spearmanr(values_of(tables[0])[part, 1], wanted[part])[0] for part in np.split(np.arange(20), 2)]
    )
    assert report["systems"][0]["srcc"]["mean"] == pytest.approx(by_hand, abs=1e-12)
    with pytest.raises(InputFault) as caught:
        run(*files, "--dataset", folder)
    assert [(fault.row, fault.what) for fault in caught.value.faults] == [("line", "the column is missing")] * 2


def test_any_table_of_scores_can_be_what_is_compared_with(folder, release, tables, tmp_path):
    release.fused[["painting_id", "category", *DIMENSIONS]].to_csv(tmp_path / "refs.csv", index=False)
    for source, out in ((("--dataset", folder), "d.json"), (("--references", tmp_path / "refs.csv"), "r.json")):
        shown = run(*tables, *source, "--json", tmp_path / out)
    assert "the order" not in shown  # there are no constructions A and B
    by_release, by_table = (json.loads((tmp_path / name).read_text()) for name in ("d.json", "r.json"))
    assert by_release["pairs"] == by_table["pairs"] and by_release["systems"] == by_table["systems"]
    assert by_table["references"] == "reference scores" and by_table["orders"] == {}


def test_equal_orders_are_no_difference_and_no_line_says_equal(release, tables, tmp_path):
    table = pd.read_csv(tables[0])
    table[list(DIMENSIONS)] = table[list(DIMENSIONS)] ** 3
    table.to_csv(tmp_path / "cubed.csv", index=False)
    found = compare_files([tables[0], tmp_path / "cubed.csv"], reference_scores(release), release=release)
    sentences = comparison_sentences(found)
    assert sentences[-1] == "good and cubed: no difference at all, whichever painting is left out"
    assert found.headline.pairs[0].p == 1


def test_a_difference_that_cannot_be_tested_is_said_and_its_json_has_none(release, tmp_path):
    labels = release.fused[["painting_id", "category", *DIMENSIONS]].copy()
    labels.to_csv(tmp_path / "labels.csv", index=False)
    labels[list(DIMENSIONS)] *= -1
    labels.to_csv(tmp_path / "reversed.csv", index=False)
    files = [tmp_path / "labels.csv", tmp_path / "reversed.csv"]
    found = compare_files(files, reference_scores(release), release=release)
    assert "+2.000 that is not tested" in comparison_sentences(found)[-1]
    assert "reversed: the SRCC is negative in every facet: are these scores reversed?" in found.notes
    assert any(note.startswith("labels: line: the predictions are equal to the column line") for note in found.notes)
    report = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert report["pairs"][0]["differences"]["mean"]["p"] is None
    assert "[-]" in comparison_tex(found)


@pytest.mark.parametrize(
    ("p", "low", "sentence"),
    [
        (0.02, 0.01, "a better than b by 0.050 [0.010, 0.090], adjusted p 0.02"),
        (0.04, -0.01, "a better than b by 0.050 [-0.010, 0.110], adjusted p 0.04 (the p is adjusted in steps; "),
        (
            0.06,
            -0.01,
            "a and b not separated: 0.050 [-0.010, 0.110], adjusted p 0.06; for this pair alone a true difference of ",
        ),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_sentence_names_the_better_one_first_and_says_what_the_p_is(p, low, sentence, turned):
    ends = (low - 0.1, -low) if turned else (low, 0.1 - low)
    names = ("b", "a", "c") if turned else ("a", "b", "c")
    pair = PairTest(0, 1, -0.05 if turned else 0.05, 0.02, 2.5, 0.012, p, *ends)
    assert pair_sentence(pair, Comparison((pair,) * 3, ((1, 3),) * 3, (True,) * 3), names).startswith(sentence)


def test_names_are_those_of_the_files_with_as_many_folders_as_tell_them_apart():
    assert system_names(["x/one.csv", "y/two.parquet"]) == ("one", "two")
    assert system_names(["x/sub/predictions.csv", "y/sub/predictions.csv"]) == (
        "x/sub/predictions",
        "y/sub/predictions",
    )
    assert system_names(["one.csv", "one.json"]) == ("one.csv", "one.json")


def test_one_line_says_whether_the_order_depends_on_the_target(release, tables, tmp_path):
    found = compare_files(tables[1:], reference_scores(release), release=release)
    assert about_order(found).startswith("the order does not depend on the target: as_good > poor against")
    files = []
    for letter in "ab":
        table = release.fused[["painting_id", "category"]].copy()
        for dimension in DIMENSIONS:
            table[dimension] = release.fused[f"{dimension}_{letter}"]
        files.append(tmp_path / f"{letter}.csv")
        table.to_csv(files[-1], index=False)
    found = compare_files(files, reference_scores(release), release=release)
    assert found.orders["A"] == ("a", "b") and found.orders["B"] == ("b", "a")
    assert about_order(found).startswith("the order depends on the target: fused: ")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PPAINT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def resampled(release):
    """(category, dimension) -> the facet in resamples of its experts."""
    return {(facet.category, facet.dimension): resampled_fused_scores(facet) for facet in facets(release)}


def test_resampled_panels_hold_the_fused_scores_and_the_errors_of_the_headline(release, tables, cache, resampled):
    references = reference_scores(release)
    panels, _ = resampled_panels(release, references)
    assert [panel.experts for panel in panels] == [
        tuple(f"simulated_{category}_{number}" for number in range(3)) for category in CATEGORIES
    ]
    everyone = [k for k, weight in enumerate(panels[0].weights) if np.isclose(weight, 6 / 27)]  # each of the three once
    assert len(everyone) == 1 and len(panels[0].weights) == 10
    for facet in resampled:
        panel = panels[CATEGORIES.index(facet[0])]
        place = panel.facets.index(facet)
        fused = release.fused.loc[panel.rows[place], facet[1]]
        assert panel.scores[place][everyone[0]] == pytest.approx(fused.to_numpy(), abs=0.02)
    found = compare_files(tables, references, release=release, experts=True)
    plain = compare_files(tables, references, release=release)
    assert found.target == EXPERTS and found.headline.pairs != plain.headline.pairs
    variance = 0.0
    for category in CATEGORIES:
        gaps = []
        for place, dimension in enumerate(DIMENSIONS):
            facet = resampled[category, dimension]
            rows = [np.flatnonzero(release.fused["painting_id"] == item)[0] for item in facet.items]
            one, other = (values_of(file)[rows, place] for file in (tables[0], tables[2]))
            gaps.append([stats.spearmanr(one, each)[0] - stats.spearmanr(other, each)[0] for each in facet.values])
        variance += resampled_errors(np.mean(gaps, axis=0) / len(CATEGORIES), facet.resamples) ** 2
    ours, of_paintings = (each.headline.pairs[1] for each in (found, plain))
    assert ours.error**2 == pytest.approx(of_paintings.error**2 + variance, rel=1e-9)
    assert 2 < ours.freedom < np.inf


def test_resampled_panels_are_made_once_and_made_again_where_the_file_is_not_whole(release, cache, monkeypatch):
    references = reference_scores(release)
    made, said = resampled_panels(release, references)
    [file] = (cache / "panels").iterdir()
    assert references.sha256 in file.name and "kept for the next time" in said
    monkeypatch.setattr(kept_panels, "run_jobs", lambda *_: pytest.fail("fused again"))
    again, said = resampled_panels(release, references)
    assert said.endswith(str(file)) and "next time" not in said
    for one, other in zip(made, again, strict=True):
        assert (one.experts, one.facets) == (other.experts, other.facets) and np.array_equal(one.weights, other.weights)
        assert all(map(np.array_equal, one.scores, other.scores)) and all(map(np.array_equal, one.rows, other.rows))
    monkeypatch.undo()
    monkeypatch.setenv("PPAINT_CACHE", str(cache))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    forget_fits()
    resampled_panels(release, references)
    assert file.read_bytes() == whole


def test_a_cache_that_cannot_be_written_stops_nothing(release, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PPAINT_CACHE", str(tmp_path / "file"))
    panels, said = resampled_panels(release, reference_scores(release))
    assert len(panels) == 2 and "cannot be kept" in said


def test_experts_who_cannot_be_drawn_with_all_their_judgments_are_named(release, resampled):
    found = list(resampled.values())
    others = replace(found[3], experts=(*found[2].experts[:2], "z"))
    names = [(category, dimension) for category in CATEGORIES for dimension in DIMENSIONS]
    with pytest.raises(InputFault, match="not together with the same experts") as caught:
        kept_panels._panels("ppaint", names, [*found[:3], others], reference_scores(release))
    assert "simulated_figure_0 judged figure, line and figure, overall" in caught.value.faults[0].what


def test_many_references_have_the_srcc_that_each_has():
    rng = np.random.default_rng(0)
    predictions, references = rng.integers(0, 5, 30).astype(float), rng.integers(0, 5, (6, 30)).astype(float)
    wanted = [stats.spearmanr(predictions, each)[0] for each in references]
    assert srcc_of_each(predictions, references) == pytest.approx(wanted, abs=1e-12)


def test_what_cannot_be_compared_is_refused_with_all_faults_at_once(folder, release, tables, tmp_path):
    good, as_good, poor = tables

    def faults(*arguments):
        with pytest.raises(InputFault) as caught:
            run(*arguments)
        return caught.value.faults

    assert faults(good, "--dataset", folder)[0].what == "one set of predictions alone cannot be compared"
    [twice] = faults(good, as_good, good, "--dataset", folder)
    assert (twice.file, twice.what) == (str(good), "is given twice")
    assert faults(good, as_good)[0].what == "neither --dataset nor --references is given"
    assert faults(good, as_good, "--dataset", folder, "--references", good)[0].what.startswith("both --dataset and")
    assert "no resampled panels" in faults(good, as_good, "--references", poor, "--experts")[0].what
    assert faults(good, poor, "--dataset", folder, "--dimensions", "beauty")[0].what == "there is no such dimension"
    out = tmp_path / "out"
    assert "also the file" in faults(good, poor, "--dataset", folder, "--json", out, "--tex", out)[0].what
    assert "is what is read here" in faults(good, poor, "--dataset", folder, "--json", good)[0].what
    same = changed(
        good, tmp_path / "same.csv", line=dict.fromkeys(range(10), 5.0), overall=dict.fromkeys(range(10, 20), 5.0)
    )
    bad = changed(poor, tmp_path / "bad.csv", line={3: np.inf})
    found = faults(same, good, "--dataset", folder)
    assert [fault.row for fault in found] == ["landscape, line", "figure, overall"]
    assert "the predictions are constant" in found[0].what
    missing = tmp_path / "missing.csv"
    wrong = faults(good, bad, missing, good, "--dataset", folder)
    assert {fault.file for fault in wrong} == {str(bad), str(missing), str(good)}
    empty = changed(good, tmp_path / "empty.csv", line=dict.fromkeys(range(20)))
    assert "no painting that all of them answered" in faults(empty, good, "--dataset", folder)[0].what
    assert not out.exists()
