"""The locally dense design: all near pairs, then long ones that balance degrees and keep the graph short."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppaint.preference_to_score import graph_diameter, locally_dense_pairs


def test_fifty_items_take_522_near_pairs_and_90_long_ones():
    pairs = locally_dense_pairs(50, 12, 612, np.random.default_rng(0))
    distance = pairs[:, 1] - pairs[:, 0]
    assert pairs.shape == (612, 2) and (distance[:522] <= 12).all() and (distance[522:] > 12).all()
    assert graph_diameter(pairs, 50) <= 3
    degree = np.bincount(pairs.ravel(), minlength=50)
    assert degree.min() >= 20 and degree.max() <= 30


def test_the_pools_schedule_is_short_too():
    pairs = locally_dense_pairs(32, 6, 171 + 32, np.random.default_rng(0))
    assert len(pairs) == 203 and graph_diameter(pairs, 32) <= 4


@settings(max_examples=30, deadline=None)
@given(n=st.integers(2, 30), near=st.integers(1, 6), extra=st.integers(0, 40), seed=st.integers(0, 99))
def test_pairs_are_distinct_ordered_connected_and_repeat_with_the_seed(n, near, extra, seed):
    near = min(near, n - 1)
    budget = min(n * near - near * (near + 1) // 2 + extra, n * (n - 1) // 2)
    pairs = locally_dense_pairs(n, near, budget, np.random.default_rng(seed))
    assert len({tuple(pair) for pair in pairs}) == budget and (pairs[:, 0] < pairs[:, 1]).all()
    assert np.isfinite(graph_diameter(pairs, n))
    assert (pairs == locally_dense_pairs(n, near, budget, np.random.default_rng(seed))).all()


@pytest.mark.parametrize("arguments", [(10, 3, 5), (10, 3, 46), (1, 1, 1), (10, 0, 20)])
def test_budgets_that_cannot_be_met_are_refused(arguments):
    with pytest.raises(ValueError, match="does not fit|at least"):
        locally_dense_pairs(*arguments, np.random.default_rng(0))
