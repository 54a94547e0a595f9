"""Counting over pairs loses nothing, by whichever way the pairs are put in order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppaint.preference_to_score import Comparisons
from ppaint.preference_to_score.pairwise.pair_counts import count_pairs
from ppaint.preference_to_score.pairwise.rater_counts import count_by_rater


def games_of(seed, n, m, soft=False):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, n, m)
    second = (first + rng.integers(1, n, m)) % n
    outcome = rng.random(m) if soft else rng.integers(0, 3, m) / 2
    return Comparisons.from_arrays(
        first,
        second,
        outcome,
        weight=rng.integers(1, 4, m),
        rater=rng.integers(0, 3, m),
        items=range(n),
        raters=range(3),
    )


def one_by_one(games, ties, rater=None):
    """The same, said in the plainest way."""
    found = {}
    rows = zip(games.first, games.second, games.outcome, games.weight, games.rater, strict=True)
    for a, b, y, w, who in rows:
        if rater is not None and who != rater:
            continue
        a, b, y = (a, b, y) if a < b else (b, a, 1 - y)
        cell = found.setdefault((int(a), int(b)), [0.0, 0.0, 0.0])
        if y == 0.5 and ties == "davidson":
            cell[1] += w
        else:
            cell[0] += w * y
            cell[2] += w * (1 - y)
    return found


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.sampled_from([2, 7, 700]),  # the last takes the counting sort, the others the table of all pairs
    m=st.integers(1, 60),
    ties=st.sampled_from(["davidson", "half"]),
)
def test_the_counts_are_those_of_counting_one_by_one(seed, n, m, ties):
    games = games_of(seed, n, m)
    counts, by_rater = count_pairs(games, ties=ties), count_by_rater(games, ties=ties)
    expected = one_by_one(games, ties)
    assert list(zip(counts.first.tolist(), counts.second.tolist(), strict=True)) == sorted(expected)
    for position, pair in enumerate(sorted(expected)):
        assert [counts.wins[0, position], counts.ties[0, position], counts.losses[0, position]] == expected[pair]
    own = [
        (rater, pair, answers) for rater in range(3) for pair, answers in sorted(one_by_one(games, ties, rater).items())
    ]
    pairs = list(zip(by_rater.first[by_rater.pair].tolist(), by_rater.second[by_rater.pair].tolist(), strict=True))
    answers = np.stack([by_rater.wins, by_rater.ties, by_rater.losses], axis=1).tolist()
    assert list(zip(by_rater.rater.tolist(), pairs, answers, strict=True)) == own
    assert by_rater.judged == pytest.approx(np.bincount(games.rater, games.weight, 3))


def test_raters_mixed_with_weights_of_one_are_all_raters():
    games = games_of(0, 7, 200)
    mixed, total = count_by_rater(games).weighted(np.ones((1, 3))), count_pairs(games)
    assert (
        (mixed.wins == total.wins).all() and (mixed.ties == total.ties).all() and (mixed.losses == total.losses).all()
    )


def test_soft_outcomes_are_credit_for_either_side():
    games = games_of(0, 5, 100, soft=True)
    counts = count_pairs(games, ties="half")
    assert (counts.wins + counts.losses).sum() == pytest.approx(games.weight.sum())
    with pytest.raises(ValueError, match="soft"):
        count_pairs(games)


def test_unknown_ties_and_missing_raters_are_refused():
    with pytest.raises(ValueError, match="ties must be"):
        count_pairs(games_of(0, 5, 10), ties="ignore")
    with pytest.raises(ValueError, match="no raters"):
        count_by_rater(Comparisons.from_arrays([0], [1], [1]))
