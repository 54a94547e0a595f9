"""Kendall's u."""

from itertools import combinations

import numpy as np
import pytest

from ppaint.preference_to_score import Comparisons, kendalls_u


def games(seed=0, n=6, judges=4, tied=0.0):
    rng = np.random.default_rng(seed)
    first, second = np.tile(np.triu_indices(n, 1), judges)
    outcome = np.where(rng.random(first.size) < tied, 0.5, rng.random(first.size) < 0.7)
    return Comparisons.from_arrays(first, second, outcome, rater=np.repeat(range(judges), len(first) // judges))


def answers(comparisons):
    table = np.full((len(comparisons.raters), len(comparisons) // len(comparisons.raters)), np.nan)
    for j in range(len(table)):
        table[j] = 2 * comparisons.of_rater(j).outcome - 1
    return table


def test_full_agreement_is_one_and_even_splits_give_the_least():
    first, second = np.tile(np.triu_indices(4, 1), 4)
    who = np.repeat(range(4), 6)
    assert kendalls_u(Comparisons.from_arrays(first, second, np.ones(24), rater=who)).u == 1
    even = kendalls_u(Comparisons.from_arrays(first, second, np.repeat([1, 0, 1, 0], 6), rater=who))
    assert even.u == even.least == pytest.approx(-1 / 3)
    odd = kendalls_u(Comparisons.from_arrays(first[:18], second[:18], np.repeat([1, 0, 1], 6), rater=who[:18]))
    assert odd.u == odd.least == pytest.approx(-1 / 3)


@pytest.mark.parametrize("tied", [0.0, 0.4])
def test_it_is_the_mean_product_of_two_raters_answers(tied):
    given = games(tied=tied)
    table = answers(given)
    products = [np.mean(table[a] * table[b]) for a, b in combinations(range(4), 2)]
    assert kendalls_u(given).u == pytest.approx(np.mean(products))


def test_it_is_the_textbook_formula_where_all_judge_all():
    given = games(3)
    wins = (answers(given) == 1).sum(0)
    sigma = (wins * (wins - 1) / 2 + (4 - wins) * (3 - wins) / 2).sum()
    assert kendalls_u(given).u == pytest.approx(2 * sigma / (6 * 15) - 1)


def test_pairs_of_a_single_judge_do_not_count_and_repeats_of_one_are_no_agreement():
    given = games(1)
    kept = given.take(~((given.first == 0) & (given.rater > 0)))
    found = kendalls_u(kept)
    assert found.pairs == 10 and found.judgments == 40
    doubled = given.take(np.r_[np.arange(len(given)), np.flatnonzero(given.rater == 1)])
    assert kendalls_u(doubled) == kendalls_u(given)


def test_without_raters_every_judgment_is_a_judges_own():
    given = games(2)
    anonymous = Comparisons.from_arrays(given.first, given.second, given.outcome)
    assert kendalls_u(anonymous).u == pytest.approx(kendalls_u(given).u)
    assert kendalls_u(anonymous.aggregated()).u == pytest.approx(kendalls_u(given).u)
    turned = Comparisons.from_arrays(given.second, given.first, 1 - given.outcome, rater=given.rater)
    assert kendalls_u(turned).u == pytest.approx(kendalls_u(given).u)


def test_one_rater_alone_is_refused():
    with pytest.raises(ValueError, match="two raters"):
        kendalls_u(games(judges=1))
