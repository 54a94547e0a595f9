"""Transitivity of choice shares, counted as eba's `strans` does."""

from itertools import combinations, permutations

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons, TransitivityViolations, transitivity_violations


def games(seed, n=9, judges=7, tied=0.0):
    rng = np.random.default_rng(seed)
    first, second = np.tile(np.triu_indices(n, 1), judges)
    outcome = np.where(rng.random(first.size) < tied, 0.5, rng.random(first.size) < 0.6)
    return Comparisons.from_arrays(first, second, outcome, items=range(n))


def by_hand(comparisons):
    """Triad by triad and order by order, as the definition reads."""
    n = len(comparisons.items)
    won = np.zeros((n, n))
    np.add.at(won, (comparisons.first, comparisons.second), comparisons.weight * comparisons.outcome)
    np.add.at(won, (comparisons.second, comparisons.first), comparisons.weight * (1 - comparisons.outcome))
    with np.errstate(invalid="ignore"):
        share = won / (won + won.T)
    broken, tested = np.zeros(3, dtype=int), 0
    for triad in combinations(range(n), 3):
        if any(np.isnan(share[pair]) for pair in combinations(triad, 2)):
            continue
        tested += 1
        orders = [(share[a, b], share[b, c], share[a, c]) for a, b, c in permutations(triad)]
        orders = [(x, y, z) for x, y, z in orders if x >= 0.5 and y >= 0.5]
        broken += [
            not any(z >= 0.5 for _, _, z in orders),
            not any(z >= min(x, y) for x, y, z in orders),
            not any(z >= max(x, y) for x, y, z in orders),
        ]
    return TransitivityViolations(*broken.tolist(), tested)


@pytest.mark.parametrize("tied", [0.0, 0.3])
def test_counts_are_those_of_the_definition(tied):
    for seed in range(8):
        found = transitivity_violations(games(seed, tied=tied))
        assert found == by_hand(games(seed, tied=tied))
        assert found.weak < found.moderate < found.strong < found.triads == 84


def test_pairs_never_compared_are_not_tested():
    every = games(0)
    kept = every.take((every.first != 0) | (every.second > 4))
    assert transitivity_violations(kept) == by_hand(kept)
    assert transitivity_violations(kept).triads < 84
    assert transitivity_violations(every.take([0])) == TransitivityViolations(0, 0, 0, 0)


def test_sides_order_and_merging_of_rows_do_not_matter():
    every = games(1)
    turned = Comparisons.from_arrays(every.second, every.first, 1 - every.outcome, items=range(9))
    assert transitivity_violations(turned) == transitivity_violations(every)
    assert transitivity_violations(every.aggregated()) == transitivity_violations(every)


def test_one_clear_order_breaks_nothing_and_a_circle_breaks_all():
    first, second = np.triu_indices(5, 1)
    assert transitivity_violations(Comparisons.from_arrays(first, second, np.ones(10))).strong == 0
    circle = Comparisons.from_arrays([0, 1, 2], [1, 2, 0], [1, 1, 1])
    assert transitivity_violations(circle) == TransitivityViolations(1, 1, 1, 1)
