"""SRCC, PLCC, KRCC and the error figures: equal to scipy's, also on resamples, and honest where they have no meaning."""

import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ppaint.eval_suite.srcc_plcc import STATISTICS, bias, calibration_slope, krcc, plcc, rmse, srcc
from ppaint.eval_suite.srcc_plcc.pair_counts import pair_counts

SCIPY = {"srcc": stats.spearmanr, "plcc": stats.pearsonr, "krcc": stats.kendalltau}
few_values = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=30)


@given(few_values)
@settings(max_examples=60, deadline=None)
def test_correlations_equal_scipys_with_any_ties(pairs):
    x, y = np.array(pairs, dtype=float).T
    for name, reference in SCIPY.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = reference(x, y)[0]
        assert STATISTICS[name](x, y) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", STATISTICS)
def test_counts_give_the_statistic_of_the_repeated_values(name):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 9, 25).astype(float)
    y = x + rng.integers(-3, 4, 25)
    counts = rng.multinomial(25, np.full(25, 1 / 25), size=8)
    repeated = [STATISTICS[name](np.repeat(x, row), np.repeat(y, row)) for row in counts]
    assert STATISTICS[name](x, y, counts) == pytest.approx(repeated, abs=1e-12)


@pytest.mark.parametrize("levels", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 9, 31])
def test_kendalls_pairs_are_counted_to_the_last_one(n, levels):
    rng = np.random.default_rng([n, levels])
    x, y = rng.integers(0, levels, (2, n)).astype(float)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=4).astype(float)
    sign_x, sign_y = (np.sign(side[:, None] - side) for side in (x, y))
    tables = (sign_x * sign_y, sign_x**2, sign_y**2)
    wanted = [np.einsum("bi,ij,bj->b", counts, table, counts) for table in tables]
    for found, expected in zip(pair_counts(x, y, counts), wanted, strict=True):
        assert found.tolist() == expected.tolist()


def test_kendalls_tau_of_resamples_of_twenty_thousand_items_equals_scipys():
    rng = np.random.default_rng(2)
    x = rng.integers(0, 5000, 20_000).astype(float)
    y = x + rng.normal(scale=2000, size=20_000)
    counts = rng.multinomial(20_000, np.full(20_000, 1 / 20_000), size=3)
    wanted = [stats.kendalltau(np.repeat(x, row), np.repeat(y, row))[0] for row in counts]
    tracemalloc.start()
    found = krcc(x, y, counts)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == pytest.approx(wanted, abs=1e-12)
    assert most < 32e6  # a table of all pairs of truth values alone has 400 MB


@pytest.mark.parametrize("name", ["srcc", "plcc", "krcc", "slope"])
def test_values_that_differ_by_rounding_alone_are_constant(name):
    rounded = [0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2, 0.3]
    assert np.isnan(STATISTICS[name](rounded, [1.0, 2.0, 4.0, 3.0, 7.0]))
    assert np.isnan(STATISTICS[name]([1.0, 2.0, 4.0, 3.0, 7.0], rounded))


@pytest.mark.parametrize("middle", [0.0, 5.0])
def test_predictions_that_hardly_differ_have_an_order_but_no_slope(middle):
    y = np.array([1.0, 2.0, 4.0, 3.0, 9.0])
    assert np.isnan(calibration_slope(middle + 1e-10 * y, y))
    assert srcc(middle + 1e-10 * y, y) == pytest.approx(1.0)
    assert calibration_slope(1e-3 * y, y) == pytest.approx(1000.0)
    counts = [[1, 1, 1, 1, 1], [1, 1, 1, 2, 0]]
    far = np.where(y == 9, 0.0, 5.0) + 1e-10 * y
    assert np.isnan(calibration_slope(far, y, counts)).tolist() == [False, True]


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300, 5e306])
def test_errors_and_slope_neither_overflow_nor_vanish(scale):
    x, y = np.array([1.0, 2.0, -3.0, 5.0]), np.array([2.0, 1.0, -4.0, 7.0])
    for statistic in (rmse, bias):
        assert statistic(x * scale, y * scale) == pytest.approx(statistic(x, y) * scale, rel=1e-12)
    assert calibration_slope(x * scale, y * scale) == pytest.approx(calibration_slope(x, y))


@pytest.mark.parametrize("name", ["srcc", "plcc", "krcc", "slope"])
@pytest.mark.parametrize("constant", [0.1, 1e9 / 3, -7.0])
def test_a_constant_side_has_no_correlation(name, constant):
    varied = [1.0, 2.0, 4.0, 3.0, 7.0]
    assert np.isnan(STATISTICS[name]([constant] * 5, varied))
    assert np.isnan(STATISTICS[name](varied, [constant] * 5))


@pytest.mark.parametrize("name", ["srcc", "plcc", "krcc", "slope"])
def test_fewer_than_three_items_have_no_correlation(name):
    assert np.isnan(STATISTICS[name]([1, 2], [1, 2]))
    assert np.isnan(STATISTICS[name]([1], [1]))


def test_a_resample_that_is_constant_has_no_correlation_but_the_others_do():
    counts = [[3, 0, 0], [1, 1, 1]]
    assert np.isnan(srcc([1, 2, 3], [1, 2, 3], counts)).tolist() == [True, False]


def test_errors_are_in_the_unit_of_the_scores_and_not_fitted():
    assert rmse([2, 3, 4], [1, 2, 3]) == 1.0
    assert bias([2, 3, 4], [1, 2, 3]) == 1.0
    assert calibration_slope([0, 10, 20], [0, 1, 2]) == pytest.approx(0.1)


@pytest.mark.parametrize("scale", [1e-300, 1e-8, 1e150, 1e300])
def test_plcc_neither_overflows_nor_vanishes(scale):
    x = np.array([1.0, 2.0, 3.0, 5.0])
    assert plcc(x * scale, x[::-1]) == pytest.approx(plcc(x, x[::-1]), abs=1e-12)


def test_plcc_sees_small_differences_on_a_large_offset():
    assert plcc([1e9, 1e9 + 1, 1e9 + 2], [1, 2, 3]) == pytest.approx(1.0)


def test_an_order_turned_round_is_minus_one():
    for statistic in (srcc, plcc, krcc):
        assert statistic([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1.0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_named_by_position(bad):
    with pytest.raises(ValueError, match=r"references holds .* positions 1, 3 "):
        srcc([1, 2, 3, 4], [1, bad, 2, bad])


def test_lengths_that_differ_and_no_values_at_all_are_refused():
    with pytest.raises(ValueError, match="3 predictions but 2 references"):
        plcc([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="no predictions"):
        plcc([], [])
    with pytest.raises(ValueError, match="counts must have shape"):
        plcc([1, 2, 3], [1, 2, 3], [1, 1, 1])
