"""Comparisons are checked once, where they enter."""

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons


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


def test_a_rater_can_be_taken_out_alone():
    games = Comparisons.from_arrays([0, 1, 0], [1, 2, 2], [1, 1, 0.5], rater=["x", "y", "y"])
    own = games.of_rater(1)
    assert len(own) == 2 and own.items == games.items and own.outcome.tolist() == [1, 0.5]
    with pytest.raises(ValueError, match="no raters"):
        Comparisons.from_arrays([0], [1], [1]).of_rater(0)
