"""A discrimination for each rater: recovered, a careless or reversed rater seen, plain Bradley-Terry as a special case."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import spearmanr
from scipy.stats import t as student

from ppaint.preference_to_score import Comparisons, bradley_terry, locally_dense_pairs, rater_reliability_bradley_terry


def panel(discriminations, seed=0, n=20, budget=100, near=4, spread=2.0):
    """Raters of known discrimination compare the same pairs."""
    rng = np.random.default_rng(seed)
    truth, s = spread * rng.normal(size=n), np.asarray(discriminations, dtype=float)
    order = np.argsort(truth + rng.normal(size=n))
    first, second = order[locally_dense_pairs(n, near, budget, rng)].T
    answers = rng.random((s.size, budget)) < expit(s[:, None] * (truth[first] - truth[second]))
    who = np.repeat(np.arange(s.size), budget)
    games = Comparisons.from_arrays(
        np.tile(first, s.size), np.tile(second, s.size), answers.ravel(), rater=who, items=range(n)
    )
    return truth, games


def residual(worths, truth):
    """Root mean squared error after the straight line that fits best."""
    return np.sqrt(np.mean((truth - np.polyval(np.polyfit(worths, truth, 1), worths)) ** 2))


def on_sphere(s):
    return np.asarray(s) * np.sqrt(len(s) / np.sum(np.square(s)))


def test_a_general_optimiser_finds_the_same_maximum():
    _, games = panel([1.2, 1, 0.8, 0.2, -0.7], n=8, budget=24)

    def loss(x):
        theta, s = x[:8], on_sphere(x[8:])
        eta = s[games.rater] * (theta[games.first] - theta[games.second])
        fit = games.outcome @ log_expit(eta) + (1 - games.outcome) @ log_expit(-eta)
        return -fit + 0.1 / 2 * theta @ theta - student(df=3, loc=1, scale=0.3).logpdf(s).sum()

    best = minimize(loss, np.append(np.zeros(8), np.ones(5)), method="BFGS", options={"gtol": 1e-6})
    fit = rater_reliability_bradley_terry(games, prior_precision=0.1, discrimination_spread=0.3)
    assert fit.log_worths == pytest.approx(best.x[:8], abs=1e-4)
    assert fit.discriminations == pytest.approx(on_sphere(best.x[8:]), abs=1e-4)


def test_at_a_releases_size_discriminations_are_recovered_within_their_errors():
    s = on_sphere([1.5, 1.2, 0.9, 0.6, 0.0])
    off = []
    for seed in range(20):
        _, games = panel(s, seed, n=50, budget=612, near=12)
        fit = rater_reliability_bradley_terry(games, prior_precision=0.1, discrimination_spread=2.0)
        off.append((fit.discriminations - s) / fit.discrimination_errors)
    assert np.mean(np.square(off)) == pytest.approx(1, abs=0.25)
    assert np.abs(np.mean(off, axis=0)).max() < 0.8


def test_worths_standard_errors_match_the_spread_over_replications():
    # the same truth and design throughout; only the answers are drawn again
    s = on_sphere([1.4, 1, 0.6, 0.3])
    first, second = np.tile(np.transpose(np.triu_indices(8, 1)), (12, 1)).T
    truth = np.linspace(-1.2, 1.2, 8)
    who = np.repeat(np.arange(4), first.size)
    rng = np.random.default_rng(0)
    worths, errors = [], {"fisher": [], "sandwich": []}
    for _ in range(40):
        answers = rng.random((4, first.size)) < expit(s[:, None] * (truth[first] - truth[second]))
        games = Comparisons.from_arrays(np.tile(first, 4), np.tile(second, 4), answers.ravel(), rater=who)
        for kind, kept in errors.items():
            fit = rater_reliability_bradley_terry(games, errors=kind)
            kept.append(fit.standard_errors)
        worths.append(fit.log_worths)
    spread = np.std(worths, axis=0, ddof=1).mean()
    for kept in errors.values():
        assert np.mean(kept) == pytest.approx(spread, rel=0.1)


def test_errors_clustered_by_rater_see_taste_that_fisher_does_not():
    rng = np.random.default_rng(3)
    n, raters = 10, 12
    first, second = np.transpose(np.triu_indices(n, 1)).T
    truth = np.linspace(-1.5, 1.5, n)
    who = np.repeat(np.arange(raters), first.size)
    worths, clustered, fisher = [], [], []
    for _ in range(20):
        seen = truth + 0.8 * rng.normal(size=(raters, n))
        answers = rng.random((raters, first.size)) < expit(seen[:, first] - seen[:, second])
        games = Comparisons.from_arrays(np.tile(first, raters), np.tile(second, raters), answers.ravel(), rater=who)
        options = {"prior_precision": 0.05}
        fit = rater_reliability_bradley_terry(games, errors="sandwich", cluster="rater", **options)
        worths.append(fit.log_worths)
        clustered.append(fit.standard_errors)
        fisher.append(rater_reliability_bradley_terry(games, **options).standard_errors)
    spread = np.std(worths, axis=0, ddof=1).mean()
    assert np.mean(clustered) == pytest.approx(spread, rel=0.15)
    assert np.mean(fisher) < 0.8 * spread


def test_a_careless_rater_weighs_next_to_nothing_and_the_order_gains():
    error, order = [], []
    for seed in range(15):
        truth, games = panel([1, 1, 1, 1, 0], seed)
        robust = rater_reliability_bradley_terry(games, prior_precision=0.1, errors=None)
        plain = bradley_terry(games, prior_precision=0.1)
        assert robust.weights[4] < 0.1 * robust.weights[:4].min()
        error.append([residual(robust.log_worths, truth), residual(plain.log_worths, truth)])
        order.append([spearmanr(fit.log_worths, truth)[0] for fit in (robust, plain)])
    (robust_error, plain_error), (robust_order, plain_order) = np.mean(error, axis=0), np.mean(order, axis=0)
    assert robust_error < 0.95 * plain_error
    assert 1 - robust_order < 0.95 * (1 - plain_order)


@pytest.mark.parametrize("s", [[1, 1, 1, 1, -1], [1, 1, 1, -1, -1]])
def test_reversed_raters_are_negative_and_their_answers_count_the_other_way_round(s):
    truth, games = panel(s, budget=150)
    fit = rater_reliability_bradley_terry(games, prior_precision=0.1)
    assert (np.sign(fit.discriminations) == s).all()
    assert (fit.discriminations + 4 * fit.discrimination_errors < 0).tolist() == [each < 0 for each in s]
    fixed = np.where(np.array(s)[games.rater] < 0, 1 - games.outcome, games.outcome)
    honest = Comparisons.from_arrays(games.first, games.second, fixed, rater=games.rater, items=range(20))
    again = rater_reliability_bradley_terry(honest, prior_precision=0.1)
    assert fit.log_worths == pytest.approx(again.log_worths, abs=0.1)
    assert (
        spearmanr(fit.log_worths, truth)[0] > spearmanr(bradley_terry(games, prior_precision=0.1).log_worths, truth)[0]
    )


@pytest.mark.parametrize("prior", [0.0, 0.1])
def test_with_all_discriminations_held_equal_it_is_plain_bradley_terry(prior):
    _, games = panel([1, 1, 0.5, 0], spread=1.0)
    fit = rater_reliability_bradley_terry(games, prior_precision=prior, discrimination_spread=0)
    plain = bradley_terry(games, prior_precision=prior, ties="half")
    assert fit.discriminations == pytest.approx(np.ones(4), abs=0) and not fit.discrimination_errors.any()
    assert fit.log_worths == pytest.approx(plain.log_worths, abs=1e-9)
    assert fit.covariance == pytest.approx(plain.covariance, abs=1e-9)
    assert fit.log_likelihood == pytest.approx(plain.log_likelihood)
    robust = bradley_terry(games, prior_precision=prior, ties="half", errors="sandwich", cluster="rater")
    same = rater_reliability_bradley_terry(
        games, prior_precision=prior, discrimination_spread=0, errors="sandwich", cluster="rater"
    )
    assert same.covariance == pytest.approx(robust.covariance, abs=1e-9)


def test_a_single_rater_has_discrimination_one():
    _, games = panel([1.0], spread=1.0)
    fit = rater_reliability_bradley_terry(games, prior_precision=0.1)
    assert fit.discriminations.tolist() == [1.0]
    assert fit.log_worths == pytest.approx(bradley_terry(games, prior_precision=0.1).log_worths, abs=1e-9)


def test_raters_without_a_mistake_or_without_a_judgment_stay_finite():
    truth, games = panel([1, 1, 1])
    flawless = np.where(games.rater == 0, truth[games.first] > truth[games.second], games.outcome)
    kept = games.rater < 2
    some = Comparisons.from_arrays(
        games.first[kept], games.second[kept], flawless[kept], rater=games.rater[kept], items=range(20), raters=range(3)
    )
    fit = rater_reliability_bradley_terry(some, prior_precision=0.1)
    assert fit.discriminations[0] > fit.discriminations[1] > 0 and np.isfinite(fit.discriminations).all()
    # nothing is known of the third but the prior, whose curvature at 1 is 4 / 3 of a Gaussian's
    assert fit.discrimination_errors[2] == pytest.approx(0.1 * np.sqrt(3 / 4), rel=0.2)
    assert fit.raters == (0, 1, 2) and fit.weights.mean() == pytest.approx(1)


def test_ties_are_half_wins_and_soft_outcomes_are_taken_as_they_are():
    _, games = panel([1, 0.7, 0.4], spread=1.0)
    soft = Comparisons.from_arrays(games.first, games.second, 0.2 + 0.6 * games.outcome, rater=games.rater)
    tied = games.outcome.copy()
    tied[::3] = 0.5
    halves = Comparisons.from_arrays(
        np.concatenate([games.first, games.first[::3]]),
        np.concatenate([games.second, games.second[::3]]),
        np.concatenate([np.where(tied == 0.5, 1.0, tied), np.zeros(tied[::3].size)]),
        rater=np.concatenate([games.rater, games.rater[::3]]),
        weight=np.concatenate([np.where(tied == 0.5, 0.5, 1.0), np.full(tied[::3].size, 0.5)]),
    )
    fit = rater_reliability_bradley_terry(
        Comparisons.from_arrays(games.first, games.second, tied, rater=games.rater), prior_precision=0.1
    )
    assert fit.log_worths == pytest.approx(
        rater_reliability_bradley_terry(halves, prior_precision=0.1).log_worths, abs=1e-8
    )
    assert rater_reliability_bradley_terry(soft).converged


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    prior=st.sampled_from([0.1, 1.0]),
    s=st.sampled_from([(1, 1, 0.5, 0), (1, 1, 1, -1)]),
    cluster=st.sampled_from([None, "rater"]),
)
def test_relabelling_swapping_sides_and_merging_or_splitting_rows_change_nothing(seed, prior, s, cluster):
    options = {"prior_precision": prior, "errors": "sandwich", "cluster": cluster}
    _, games = panel(s, seed, n=8, budget=24)
    plain = rater_reliability_bradley_terry(games, **options)
    rng = np.random.default_rng(seed)
    name, who = rng.permutation(8), rng.permutation(4)
    flip = rng.random(len(games)) < 0.5
    first, second = np.where(flip, games.second, games.first), np.where(flip, games.first, games.second)
    swapped = np.where(flip, 1 - games.outcome, games.outcome)
    split = np.concatenate([np.arange(len(games)), np.flatnonzero(flip)])  # the flipped rows in two halves
    half = np.where(flip, 0.5, 1.0)[split]
    twice = Comparisons.from_arrays(
        games.first[split], games.second[split], games.outcome[split], rater=games.rater[split], weight=half
    )
    others = [
        (
            Comparisons.from_arrays(name[games.first], name[games.second], games.outcome, rater=who[games.rater]),
            name,
            who,
        ),
        (Comparisons.from_arrays(first, second, swapped, rater=games.rater), np.arange(8), np.arange(4)),
        (twice, np.arange(8), np.arange(4)),
        (twice.aggregated(), np.arange(8), np.arange(4)),
    ]
    for other, item, rater in others:
        fit = rater_reliability_bradley_terry(other, **options)
        assert fit.log_worths[item] == pytest.approx(plain.log_worths, abs=1e-7)
        assert fit.discriminations[rater] == pytest.approx(plain.discriminations, abs=1e-7)
        assert fit.covariance[np.ix_(item, item)] == pytest.approx(plain.covariance, abs=1e-7)
        assert fit.discrimination_errors[rater] == pytest.approx(plain.discrimination_errors, abs=1e-7)


def test_errors_may_be_left_out():
    _, games = panel([1, 1, 0.5], spread=1.0)
    fit = rater_reliability_bradley_terry(games, prior_precision=0.1, errors=None)
    assert fit.covariance is None and fit.standard_errors is None and fit.discrimination_errors is None


def test_without_a_prior_raters_who_agree_perfectly_are_refused_with_the_mend():
    # four agree to the letter, and only the fifth, who answers in reverse, keeps plain Bradley-Terry's maximum finite
    first, second = np.transpose(np.triu_indices(6, 1)).T
    games = Comparisons.from_arrays(
        np.tile(first, 5), np.tile(second, 5), np.repeat([1, 1, 1, 1, 0], 15), rater=np.repeat(range(5), 15)
    )
    with pytest.raises(RuntimeError, match="prior_precision above 0"):
        rater_reliability_bradley_terry(games)
    assert rater_reliability_bradley_terry(games, prior_precision=0.1).discriminations[4] < 0


@pytest.mark.parametrize(
    ("games", "message"),
    [
        (Comparisons.from_arrays([0, 1], [1, 0], [1, 1]), "name no raters"),
        (Comparisons.from_arrays([0, 2], [1, 3], [1, 0], rater=[0, 1]), r"disconnected.*\(0, 1\)$"),
        (Comparisons.from_arrays([0, 1], [1, 2], [1, 1], rater=[0, 1]), "never won"),
        (Comparisons.from_arrays([0, 1], [1, 2], [0.5, 0.5], rater=[0, 1]), "every judgment is a tie"),
        (Comparisons.from_arrays([0, 0], [1, 1], [1, 0], rater=[0, 1], weight=[500, 500]), "answers cancel out"),
    ],
)
def test_degenerate_comparisons_are_named(games, message):
    with pytest.raises(ValueError, match=message):
        rater_reliability_bradley_terry(games)


@pytest.mark.parametrize(
    "options", [{"prior_precision": -1}, {"discrimination_spread": -1}, {"errors": "jackknife"}, {"cluster": "rater"}]
)
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match="must be|needs"):
        rater_reliability_bradley_terry(panel([1, 1])[1], **options)
