"""Only what is connected can be compared."""

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons
from ppaint.preference_to_score.pairwise.connectivity import check_connected, connected_parts


def test_the_parts_hold_every_judgment_once_and_keep_their_raters():
    games = Comparisons.from_arrays([5, 1, 5, 2], [6, 2, 7, 3], [1, 0, 0.5, 1], rater=list("xyxy"), weight=[1, 2, 3, 4])
    parts = connected_parts(games)
    assert [part.items for _, part in parts] == [(1, 2, 3), (5, 6, 7)]
    assert sum(len(part) for _, part in parts) == len(games) and all(part.raters == ("x", "y") for _, part in parts)
    for positions, part in parts:
        assert [games.items[position] for position in positions] == list(part.items)
        assert len(part.components()) == 3 and not part.components().any()
    assert parts[1][1].outcome.tolist() == [1, 0.5] and parts[0][1].weight.tolist() == [2, 4]


def test_an_item_that_nobody_compared_is_a_part_of_its_own():
    parts = connected_parts(Comparisons.from_arrays([0], [1], [1], items=[0, 1, 2]))
    assert [(positions.tolist(), len(part)) for positions, part in parts] == [([0, 1], 1), ([2], 0)]


def test_the_smallest_part_is_named():
    games = Comparisons.from_arrays([0, 1, 8], [1, 2, 9], np.ones(3))
    with pytest.raises(ValueError, match=r"falls into 2 parts, the smallest of 2 items \(8, 9\)"):
        check_connected(games)
