"""The block sampler: every image meets opponents of its own category in every step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppaint.trainer.block_sampler import BlockSampler


@given(st.integers(8, 40), st.integers(8, 40), st.integers(0, 99))
def test_blocks_are_of_one_category_without_repeats(first, second, seed):
    category = [0] * first + [1] * second
    order = list(BlockSampler(category, block_size=8, step_size=16, steps=7, seed=seed, min_opponents=7))
    assert len(order) == 7 * 16
    for block in np.array(order).reshape(-1, 8):
        assert len({category[i] for i in block}) == 1 and len(set(block)) == 8


def test_every_image_is_used_before_any_is_used_again():
    order = list(BlockSampler([0] * 30, block_size=10, step_size=10, steps=6, seed=1))
    assert sorted(order[:30]) == sorted(order[30:]) == list(range(30))
    ragged = list(BlockSampler([0] * 35, block_size=10, step_size=10, steps=70, seed=1))
    assert np.ptp(np.bincount(ragged)) <= 2


def test_order_depends_on_the_seed_only():
    make = lambda seed: list(BlockSampler([0] * 30, block_size=8, step_size=8, steps=5, seed=seed))  # noqa: E731
    assert make(3) == make(3) != make(4)


def test_sizes_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match="whole blocks"):
        BlockSampler([0] * 30, block_size=8, step_size=12, steps=1, seed=0)
    with pytest.raises(ValueError, match="opponents"):
        BlockSampler([0] * 30, block_size=8, step_size=8, steps=1, seed=0, min_opponents=8)
    with pytest.raises(ValueError, match="category 1 has 5"):
        BlockSampler([0] * 30 + [1] * 5, block_size=8, step_size=8, steps=1, seed=0)
