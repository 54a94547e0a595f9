"""Subject rejection of BT.500: the careless go, the biased stay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppaint.preference_to_score import Ratings, mean_opinion_score, reject_subjects, z_scored


def panel(seed=0, raters=20, items=150):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=items) + rng.normal(size=(raters, items))
    table[3] += 3 * rng.choice([-1, 1], size=items)  # careless
    table[5] += 1.5  # biased
    return table


def long(table):
    rater, item = np.nonzero(~np.isnan(table))
    return Ratings.from_arrays(item, rater, table[rater, item])


def by_the_letter(table):
    """P and Q as the Recommendation writes them, one rating at a time."""
    above, below = np.zeros(len(table), int), np.zeros(len(table), int)
    for column in table.T:
        mean, spread = column.mean(), np.sqrt(((column - column.mean()) ** 2).sum() / (len(column) - 1))
        beta = ((column - mean) ** 4).mean() / ((column - mean) ** 2).mean() ** 2
        reach = (2 if 2 <= beta <= 4 else np.sqrt(20)) * spread
        for rater, rating in enumerate(column):
            above[rater] += rating >= mean + reach
            below[rater] += rating <= mean - reach
    return above, below


def test_the_careless_rater_is_rejected_and_the_biased_one_stays():
    found = reject_subjects(long(panel()))
    assert found.rejected == (3,)
    assert found.share[5] > 0.05 and found.balance[5] == 1


@pytest.mark.parametrize("seed", range(3))
def test_p_and_q_are_those_of_the_recommendation(seed):
    table = panel(seed).round(1)
    found = reject_subjects(long(table))
    above, below = by_the_letter(table)
    assert found.above.tolist() == above.tolist() and found.below.tolist() == below.tolist()
    assert found.share == pytest.approx((above + below) / table.shape[1])


def test_scores_after_rejection_are_those_of_the_others_and_say_who_went():
    table = panel()
    mos = mean_opinion_score(long(table), reject="bt500")
    assert mos.scores == pytest.approx(np.delete(table, 3, axis=0).mean(0))
    assert mos.rejection.rejected == (3,) and set(mos.raters) == {19}


def test_normalisation_comes_before_rejection():
    rows = long(panel())
    mos = mean_opinion_score(rows, normalise="z", reject="bt500")
    there = reject_subjects(z_scored(rows))
    assert mos.rejection.above.tolist() == there.above.tolist() != reject_subjects(rows).above.tolist()


def test_a_share_is_of_the_items_that_the_rater_rated():
    table = panel()
    table[3, 75:] = np.nan
    found = reject_subjects(long(table))
    assert found.rated[3] == 75 and found.rejected == (3,)
    assert found.share[3] == pytest.approx((found.above[3] + found.below[3]) / 75)


def test_unanimous_items_count_on_both_sides_for_everyone_and_are_named():
    table = panel().round(1)
    table[:, 7] = 0.1
    without, found = reject_subjects(long(np.delete(table, 7, axis=1))), reject_subjects(long(table))
    assert found.unanimous == (7,)
    assert (found.above - without.above).tolist() == (found.below - without.below).tolist() == [1] * 20


def test_a_rule_that_would_reject_everybody_is_an_error():
    table = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 5.0], [1.0, 2.0, 3.0, 3.0]])
    with pytest.raises(ValueError, match="reject 3 of 3 raters.* agree completely on 3 of 4 items"):
        reject_subjects(long(table))


def test_an_item_with_one_rater_tells_nothing():
    table = panel()
    alone = np.full((20, 1), np.nan)
    alone[0] = 9.0
    assert reject_subjects(long(np.hstack([table, alone]))).rated.tolist() == [150] * 20


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_names_order_and_scale_do_not_matter(seed, scale, shift):
    rng = np.random.default_rng(seed)
    table = panel(seed % 50, items=40)
    who, what = rng.permutation(20), rng.permutation(40)
    one, two = reject_subjects(long(table)), reject_subjects(long(scale * table[who][:, what] + shift))
    assert two.above.tolist() == one.above[who].tolist() and two.below.tolist() == one.below[who].tolist()
    assert {int(who[name]) for name in two.rejected} == set(one.rejected)
