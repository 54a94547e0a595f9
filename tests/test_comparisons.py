"""Comparisons are checked once, where they enter."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ppaint.preference_to_score import Comparisons
from ppaint.preference_to_score.pairwise.rater_counts import count_by_rater


def test_ids_are_indexed_in_sorted_or_in_given_order():
    games = Comparisons.from_arrays(["b", "a"], ["a", "c"], [1, 0])
    assert games.items == ("a", "b", "c") and games.first.tolist() == [1, 0]
    games = Comparisons.from_arrays(["b", "a"], ["a", "c"], [1, 0], items=["c", "b", "a", "unseen"])
    assert games.items[games.second[1]] == "c" and games.never_won() == ("a", "unseen")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((["a"], ["a"], [1]), "sets 'a' against itself"),
        ((["a"], ["b"], [1.2]), "not between 0 and 1"),
        ((["a"], ["b"], [np.nan]), "not between 0 and 1"),
        ((["a", "b"], ["b"], [1]), "of one length"),
        (([], [], []), "no comparisons"),
    ],
)
def test_bad_columns_are_named(columns, message):
    with pytest.raises(ValueError, match=message):
        Comparisons.from_arrays(*columns)


def test_unknown_and_doubled_ids_and_bad_weights_are_named():
    with pytest.raises(ValueError, match="unknown item 'z'"):
        Comparisons.from_arrays(["a"], ["z"], [1], items=["a", "b"])
    with pytest.raises(ValueError, match="listed twice"):
        Comparisons.from_arrays(["a"], ["b"], [1], items=["a", "b", "a"])
    with pytest.raises(ValueError, match="not above 0"):
        Comparisons.from_arrays(["a"], ["b"], [1], weight=[0])


def test_repeats_count_whichever_side_comes_first_but_not_over_raters():
    games = Comparisons.from_arrays([0, 1, 0], [1, 0, 1], [1, 1, 1], rater=["x", "x", "y"])
    assert games.repeated() == 1
    halves = Comparisons.from_arrays([0, 0, 1], [1, 1, 2], [1, 1, 1], rater=["x", "x", "y"], weight=[0.5, 0.5, 3])
    assert halves.repeated() == 2


def test_a_rater_can_be_taken_out_alone():
    games = Comparisons.from_arrays([0, 1, 0], [1, 2, 2], [1, 1, 0.5], rater=["x", "y", "y"])
    own = games.of_rater(1)
    assert len(own) == 2 and own.items == games.items and own.outcome.tolist() == [1, 0.5]
    with pytest.raises(ValueError, match="no raters"):
        Comparisons.from_arrays([0], [1], [1]).of_rater(0)


def test_columns_are_read_by_name_from_a_dict_a_frame_and_an_arrow_table():
    columns = {"a": ["p", "q", "p"], "b": ["q", "r", "r"], "choice": [1, 0, -1], "who": ["x", "x", "y"], "n": [1, 2, 3]}
    names = {"first": "a", "second": "b", "rater": "who", "weight": "n"}
    for table in (columns, pd.DataFrame(columns), pa.table(columns)):
        games = Comparisons.from_columns(table, **names)
        assert games.outcome.tolist() == [1, 0.5, 0] and games.weight.tolist() == [1, 2, 3]
        assert games.items == ("p", "q", "r") and games.raters == ("x", "y")
        with pytest.raises(ValueError, match="no column 'first'; it has: a, b, choice, who, n"):
            Comparisons.from_columns(table)
    soft = Comparisons.from_columns({"first": [0, 1], "second": [1, 2], "choice": [0.5, -0.2]})
    assert soft.outcome == pytest.approx([0.75, 0.4])
    credit = Comparisons.from_columns({"first": [0], "second": [1], "won": [0]}, outcome="won")
    assert credit.outcome.tolist() == [0]


def test_a_choice_beyond_one_is_named():
    with pytest.raises(ValueError, match="choice 2.0 of comparison 1 is not between -1 and 1"):
        Comparisons.from_columns({"first": [0, 0], "second": [1, 1], "choice": [1, 2]})


def test_aggregation_merges_equal_rows_and_loses_nothing():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 4, 300), rng.integers(4, 8, 300)
    flip = rng.random(300) < 0.5
    outcome, weight = rng.choice([0, 0.5, 1], 300), rng.integers(1, 4, 300)
    games = Comparisons.from_arrays(
        np.where(flip, second, first),
        np.where(flip, first, second),
        outcome,
        rater=rng.integers(0, 2, 300),
        weight=weight,
    )
    merged = games.aggregated()
    assert len(merged) < len(games) and merged.weight.sum() == weight.sum() and len(merged.aggregated()) == len(merged)
    for name in ("wins", "ties", "losses"):
        one, other = (getattr(count_by_rater(each), name) for each in (games, merged))
        assert one == pytest.approx(other)


@pytest.mark.parametrize("column", [[1, 0, 1], [0.0, 0.0, 0.0], [True, False, True], ["1", "0", "1"]])
def test_a_column_of_only_0_and_1_is_refused_with_both_ways_to_read_it(column):
    table = {"first": [0, 1, 0], "second": [1, 2, 2], "answer": column}
    with pytest.raises(ValueError, match=r"read it as outcome='answer'.*ties=True"):
        Comparisons.from_columns(table, choice="answer")
    tied = Comparisons.from_columns(table, choice="answer", ties=True).outcome
    assert tied.tolist() == [0.5 + 0.5 * float(each) for each in column]
    if not isinstance(column[0], str):
        assert Comparisons.from_columns(table, outcome="answer").outcome.tolist() == [float(each) for each in column]


@pytest.mark.parametrize("column", [[1, 1, 1], [1, 0, -1], [-1, 0, 0], [0.5, 0, 1]])
def test_choices_that_can_mean_one_thing_only_are_read(column):
    table = {"first": [0, 1, 0], "second": [1, 2, 2], "choice": column}
    assert Comparisons.from_columns(table).outcome.tolist() == [(each + 1) / 2 for each in column]


def test_the_raw_formats_own_words_are_read():
    table = {"painting_a": ["p", "q", "p"], "painting_b": ["q", "r", "r"], "choice": ["a", "tie", "b"]}
    for given in (table, pd.DataFrame(table), pa.table(table)):
        games = Comparisons.from_columns(given, first="painting_a", second="painting_b")
        assert games.outcome.tolist() == [1, 0.5, 0]
    with pytest.raises(ValueError, match="choice 'left' of comparison 1 is not one of a, b, tie"):
        Comparisons.from_columns(table | {"choice": ["a", "left", "b"]}, first="painting_a", second="painting_b")
    with pytest.raises(ValueError, match="holds neither numbers nor a, b and tie"):
        Comparisons.from_columns(table | {"choice": ["first", "left", "b2"]}, first="painting_a", second="painting_b")
