"""The metric: its behaviour at the edges is as its README says. That its folder stands alone, test_metric_page.py shows."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import curve_fit

from ppaint.eval_suite.srcc_plcc import fit_logistic, plcc, plcc_logistic, srcc
from ppaint.eval_suite.srcc_plcc.skewed import shape_of
from ppaint.eval_suite.srcc_plcc.srcc_plcc import SrccPlcc, agreement


@pytest.fixture(scope="module")
def metric(tmp_path_factory):
    return SrccPlcc(cache_dir=str(tmp_path_factory.mktemp("metric")))


def test_through_evaluate_the_figures_are_float64(metric):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 30))
    result = metric.compute(predictions=x, references=y, resamples=0)
    assert result["srcc"] == srcc(x, y)
    assert result["plcc"] == plcc(x, y)
    assert result == agreement(x, y, resamples=0)


def test_batches_add_up(metric):
    metric.add_batch(predictions=[1, 2, 3], references=[1, 2, 4])
    metric.add(prediction=4, reference=3)
    assert metric.compute(resamples=0)["n_rows"] == 4


def test_groups_are_scored_apart_and_then_averaged():
    result = agreement([1, 2, 3, 101, 102, 103], [1, 2, 3, 3, 2, 1], groups=list("aaabbb"), resamples=0)
    assert result["groups"]["a"]["srcc"] == pytest.approx(1.0)
    assert result["groups"]["b"]["srcc"] == pytest.approx(-1.0)
    assert result["srcc"] == pytest.approx(0.0)


def test_items_tie_rows_together():
    result = agreement([1, 2, 3, 1, 2, 3], [1, 2, 3, 1, 3, 2], groups=list("aaabbb"), items=list("xyzxyz"), resamples=0)
    assert (result["n_rows"], result["n_items"], result["n_groups"]) == (6, 3, 2)


def test_constant_input_gives_nan_and_says_why():
    result = agreement([2, 2, 2, 2, 2], [1, 2, 3, 4, 5], resamples=50)
    assert np.isnan(result["srcc"]) and np.isnan(result["srcc_interval"][0])
    assert result["rmse"] == pytest.approx(3**0.5)
    assert result["undefined"] == [
        "srcc, plcc, krcc, slope, plcc_logistic undefined, because the predictions are constant"
    ]


def test_predictions_that_hardly_differ_have_no_slope_and_the_reason_is_given():
    y = np.random.default_rng(0).normal(5, 2, 30)
    result = agreement(5 + 1e-10 * y, y, resamples=50)
    assert np.isnan(result["slope"]) and np.isnan(result["slope_interval"]).all()
    assert result["srcc"] == pytest.approx(1.0)
    assert result["undefined"] == [
        "slope undefined, because the predictions hardly differ (they span less than 1e-06 of what the references span)"
    ]


def test_a_figure_has_its_own_reason():
    [first, second] = agreement([5, 5, 5, 5 + 1e-9], [1, 2, 3, 4], resamples=0)["undefined"]
    assert first.startswith("slope undefined, because the predictions hardly differ")
    assert second == "plcc_logistic undefined, because 4 rows are too few"


@pytest.mark.parametrize("skewed", ["predictions", "references", "both"])
def test_data_so_skewed_that_plcc_is_covered_badly_are_warned_of(skewed):
    rng = np.random.default_rng(3)
    x = rng.normal(size=80)
    y = 0.7 * x + 0.7 * rng.normal(size=80)
    assert agreement(x, y, resamples=50)["warnings"] == []
    x, y = (
        np.exp(side) if skewed in (name, "both") else side for side, name in ((x, "predictions"), (y, "references"))
    )
    [sentence] = agreement(x, y, resamples=50)["warnings"]
    assert "intervals of plcc, rmse, slope" in sentence and "skewness" in sentence
    assert all((f"the {side} are" in sentence) == (skewed in (side, "both")) for side in ("predictions", "references"))
    for silent in ({"resamples": 0}, {"resamples": 50, "statistics": ["srcc", "krcc"]}):
        assert agreement(x, y, **silent)["warnings"] == []


def test_skewness_and_kurtosis_equal_scipys_at_any_scale():
    values = np.random.default_rng(4).exponential(size=40)
    for scale in (1.0, 1e-300, 1e300):
        assert shape_of(values * scale) == pytest.approx((stats.skew(values), stats.kurtosis(values)))


def test_the_figures_equal_scipys_to_twelve_digits_with_and_without_ties(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "benchmarks"))
    from metric_against_scipy import largest_differences

    assert max(largest_differences(100).values()) < 1e-12  # the benchmark does a thousand


def test_the_curve_of_the_fit_is_given_for_one_group_and_for_each_of_several():
    x = np.linspace(20, 80, 30)
    rising, falling = vqeg(x, 9.0, 1.5, 55.0, 6.0), vqeg(x, 1.5, 9.0, 40.0, 3.0)
    alone = agreement(x, rising, resamples=0)
    assert alone["logistic_fit"] == pytest.approx({"b1": 9.0, "b2": 1.5, "b3": 55.0, "b4": 6.0}, rel=1e-5)
    assert alone["logistic_notes"] == []
    both = agreement([*x, *x], [*rising, *falling], groups=["up"] * 30 + ["down"] * 30, resamples=0)
    assert both["groups"]["down"]["logistic_fit"] == pytest.approx(
        {"b1": 1.5, "b2": 9.0, "b3": 40.0, "b4": 3.0}, rel=1e-5
    )
    assert "logistic_fit" not in both
    assert both["logistic_notes"] == ["group 'down': the logistic curve falls: high predictions go with low references"]
    few = agreement(x[:4], rising[:4], resamples=0)
    assert few["logistic_fit"] is None and few["logistic_notes"] == []
    assert not {"logistic_fit", "logistic_notes"} & set(agreement(x, rising, statistics=["plcc"], resamples=0))


@pytest.mark.parametrize(
    "references, what",
    [
        (lambda x: 3 * x + 1, "ended at a bound: it is a straight line"),
        (lambda x: (x > 0.5).astype(float), "ended at a bound: it is a step"),
        (lambda x: np.exp(2 * x), "has its middle far outside the predictions: it is one end of an S"),
    ],
)
def test_a_curve_that_ended_at_a_bound_is_named(references, what):
    x = np.linspace(-2, 2, 41)
    found = agreement(x, references(x), statistics=["plcc_logistic"], resamples=0)
    assert any(note.startswith(f"the logistic curve {what}") for note in found["logistic_notes"])


def test_curves_are_recovered_wherever_they_lie_and_whichever_way_they_go():
    rng = np.random.default_rng(12)
    for _ in range(12):
        b1, b2, b3, b4 = rng.uniform(-100, 100), rng.uniform(-100, 100), rng.uniform(30, 70), rng.uniform(2, 12)
        x = np.sort(rng.uniform(0, 100, 40))
        fit = fit_logistic(x, vqeg(x, b1, b2, b3, b4))
        assert (fit.b3, fit.b4) == pytest.approx((b3, b4), rel=1e-4)
        assert (fit.b1, fit.b2) == pytest.approx((b1, b2), abs=1e-4 * abs(b1 - b2))
        assert fit.correlation == pytest.approx(np.sign(b1 - b2)) and fit.ends_at == ()


def test_only_the_statistics_asked_for_are_given(metric):
    x, y = np.random.default_rng(1).normal(size=(2, 20))
    labels = list("ab" * 10)
    every = agreement(x, y, groups=labels, resamples=40)
    some = metric.compute(predictions=x, references=y, groups=labels, statistics=["plcc", "srcc"], resamples=40)
    facts = {"n_rows", "n_items", "n_groups", "interval_methods", "groups", "undefined", "warnings"}
    assert set(some) - facts == {"srcc", "plcc", "srcc_interval", "plcc_interval"}
    assert set(some["interval_methods"]) == {"srcc", "plcc"}
    assert set(some["groups"]["a"]) == {"srcc", "plcc", "n_rows"}
    assert all(some[name] == every[name] for name in ("srcc", "plcc", "srcc_interval", "plcc_interval"))
    assert agreement(x, y, statistics=["plcc_logistic"], resamples=40)["plcc_logistic"] == plcc_logistic(x, y)


def test_a_choice_of_statistics_is_checked(metric):
    for wrong, said in (
        (["srcc", "spearman"], "unknown statistic 'spearman'; known are srcc, plcc, krcc"),
        ([], "names no figure"),
        (5, r"a list of names, such as"),
        ("srcc", r"a list of names, such as \['srcc'\]"),
    ):
        with pytest.raises(ValueError, match=said):
            metric.compute(predictions=[1, 2, 3], references=[1, 2, 3], statistics=wrong)


def test_one_group_without_a_value_makes_the_mean_nan_and_is_named():
    result = agreement([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], groups=list("aaabb"), resamples=0)
    assert np.isnan(result["srcc"])
    assert result["undefined"][1].startswith("group 'b': srcc") and "2 rows are too few" in result["undefined"][1]


@pytest.mark.parametrize("bad", [float("nan"), None])
def test_what_is_no_number_is_an_error_that_names_its_position(metric, bad):
    with pytest.raises(ValueError, match="predictions holds values that are not finite at position 2"):
        metric.compute(predictions=[1, 2, bad], references=[1, 2, 3])


def test_lengths_that_differ_are_errors(metric):
    with pytest.raises(ValueError, match="[Mm]ismatch"):
        metric.compute(predictions=[1, 2, 3], references=[1, 2])
    with pytest.raises(ValueError, match="2 groups but 3 predictions"):
        metric.compute(predictions=[1, 2, 3], references=[1, 2, 3], groups=["a", "a"])
    with pytest.raises(ValueError, match="items has no label at position 1"):
        metric.compute(predictions=[1, 2, 3], references=[1, 2, 3], items=["a", None, "b"])


def vqeg(x, b1, b2, b3, b4):
    return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / abs(b4)))


def test_the_logistic_fit_finds_the_curve_that_made_the_data():
    x = np.linspace(20, 80, 60)
    fit = fit_logistic(x, vqeg(x, 9.0, 1.5, 55.0, 6.0))
    assert (fit.b1, fit.b2, fit.b3, fit.b4) == pytest.approx((9.0, 1.5, 55.0, 6.0), rel=1e-5)
    assert fit.correlation == pytest.approx(1.0)


def test_the_logistic_fit_is_the_least_squares_one_from_vqegs_own_start():
    rng = np.random.default_rng(5)
    for _ in range(5):
        x = rng.normal(50, 10, 60)
        y = vqeg(x, 9, 1, 52, 4) + rng.normal(0, 0.7, 60)
        found, _ = curve_fit(vqeg, x, y, p0=[y.max(), y.min(), x.mean(), x.std() / 4], maxfev=10_000)
        expected = np.sqrt(np.mean((vqeg(x, *found) - y) ** 2))
        assert fit_logistic(x, y).rmse == pytest.approx(expected, abs=1e-7)


def test_the_logistic_fit_is_never_worse_than_a_line_and_keeps_the_direction():
    rng = np.random.default_rng(6)
    for n in (5, 8, 20, 50):
        x = rng.normal(size=n)
        y = 0.8 * x + rng.normal(size=n)
        assert abs(plcc_logistic(x, y)) >= abs(plcc(x, y)) - 1e-5
        assert plcc_logistic(x, y) == pytest.approx(-plcc_logistic(-x, y), abs=1e-4)


def test_the_logistic_fit_does_not_depend_on_units():
    rng = np.random.default_rng(8)
    x = rng.normal(size=40)
    y = np.tanh(x) + 0.3 * rng.normal(size=40)
    assert plcc_logistic(1000 * x - 3, 0.01 * y + 7) == pytest.approx(plcc_logistic(x, y), abs=1e-8)


def test_the_logistic_fit_needs_five_items_that_differ():
    assert np.isnan(plcc_logistic([1, 2, 3, 4], [1, 2, 3, 4]))
    assert np.isnan(plcc_logistic([1] * 6, [1, 2, 3, 4, 5, 6]))
    with pytest.raises(ValueError, match="needs 5 items"):
        fit_logistic([1, 2, 3, 4], [1, 2, 3, 4])
    with pytest.raises(ValueError, match="constant"):
        fit_logistic([1, 2, 3, 4, 5], [1] * 5)
