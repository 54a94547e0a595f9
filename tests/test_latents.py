"""Promises of the painter's latents."""

import numpy as np
import pytest

from ppaint.dataset_script.stand_in.latents import COMMON_SHARE, SCROLL_FORMATS, draw_latents, latent_quality


@pytest.fixture(scope="module")
def many():
    return draw_latents(40_000, np.random.default_rng(0))


def test_latents_are_standard_normal_and_truncated(many):
    assert np.abs(many.traits).max() <= 2.5 and np.abs(many.toning).max() <= 2.5
    np.testing.assert_allclose(many.traits.mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(many.traits.std(axis=0), 1, atol=0.06)
    assert abs(many.toning.std() - 1) < 0.06


def test_traits_share_a_common_factor(many):
    correlation = np.corrcoef(many.traits.T)
    np.testing.assert_allclose(correlation[~np.eye(5, dtype=bool)], COMMON_SHARE, atol=0.04)


def test_toning_knows_nothing_of_quality(many):
    correlation = np.corrcoef(many.toning, np.column_stack([many.traits, many.quality]).T)[0, 1:]
    np.testing.assert_allclose(correlation, 0, atol=0.02)


def test_overall_quality_is_made_of_the_four_traits_and_finish(many):
    np.testing.assert_array_equal(many.quality[:, :4], many.traits[:, :4])
    mean = many.traits[:, :4].mean(axis=1)
    made = 0.9 * mean / np.sqrt((1 + 3 * COMMON_SHARE) / 4) + 0.44 * many.traits[:, 4]
    assert np.corrcoef(made, many.quality[:, 4])[0, 1] > 1 - 1e-9
    assert abs(many.quality[:, 4].std() - 1) < 0.1  # a little under 1, for the tails are cut


def test_quality_of_a_scroll_does_not_depend_on_the_others(many):
    np.testing.assert_allclose(latent_quality(many.traits[:3]), many.quality[:3])


def test_all_formats_occur(many):
    assert set(many.formats) == set(SCROLL_FORMATS)


def test_same_seed_same_latents():
    first, second = (draw_latents(20, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.traits, second.traits)
    np.testing.assert_array_equal(first.formats, second.formats)


def test_no_paintings_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        draw_latents(0, np.random.default_rng(0))
