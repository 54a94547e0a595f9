"""Bradley-Terry: a textbook as oracle, Davidson's ties, errors, symmetries, parts, many items, many weightings, refusals."""

import warnings
from dataclasses import astuple, replace
from importlib import import_module

import numpy as np
import paired_games
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paired_games import (
    assert_errors_clustered_by_rater_see_taste,
    assert_errors_match_the_spread_over_replications,
    assert_soft_outcomes_need_half,
)
from scipy.optimize import minimize
from scipy.special import expit

from ppaint.preference_to_score import Comparisons, bradley_terry
from ppaint.preference_to_score.pairwise.few_items import fit_table
from ppaint.preference_to_score.pairwise.ford_condition import check_identified
from ppaint.preference_to_score.pairwise.newton_worths import fit_counts
from ppaint.preference_to_score.pairwise.pair_counts import PairCounts, count_pairs
from ppaint.preference_to_score.pairwise.rater_counts import count_by_rater
from ppaint.preference_to_score.pairwise.sparse_worths import fit_sparse


def won(rng, difference):
    """Outcomes of Bradley and Terry's model."""
    return rng.random(difference.shape) < expit(difference)


def random_games(seed, m=120, ties=0.0, **sizes):
    def draw(rng, difference):
        outcome = won(rng, difference).astype(float)
        outcome[-m:][rng.random(m) < ties] = 0.5
        return outcome

    return paired_games.random_games(seed, draw, m=m, **sizes)


def log_worths(fit):
    return fit.log_worths


def test_agrestis_baseball_example():
    # Agresti, Categorical Data Analysis (2002), table 10.10: American League East 1987, wins of row over column;
    # published log-worths relative to Baltimore.
    teams = ["Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore"]
    wins = [[0, 7, 9, 7, 7, 9, 11], [6, 0, 7, 5, 11, 9, 9], [4, 6, 0, 7, 7, 8, 12], [6, 8, 6, 0, 6, 7, 10]]
    wins += [[6, 2, 6, 7, 0, 7, 12], [4, 4, 5, 6, 6, 0, 6], [2, 4, 1, 3, 1, 7, 0]]
    rows = [(a, b, wins[a][b]) for a in range(7) for b in range(7) if wins[a][b]]
    first, second, times = np.array(rows).T
    names = np.array(teams)
    fit = bradley_terry(
        Comparisons.from_arrays(names[first], names[second], np.ones(len(rows)), weight=times, items=teams)
    )
    assert fit.log_worths - fit.log_worths[-1] == pytest.approx([1.58, 1.44, 1.29, 1.25, 1.11, 0.68, 0], abs=6e-3)


def test_davidsons_ties_reach_the_maximum_that_a_general_optimiser_finds():
    games = random_games(1, ties=0.3)

    def loss(x):
        theta, nu = x[:-1], np.exp(x[-1])
        d = theta[games.first] - theta[games.second]
        z = np.exp(d / 2) + np.exp(-d / 2) + nu
        tie = games.outcome == 0.5
        return -((games.outcome - 0.5) * d - np.log(z) + tie * x[-1]).sum() + 0.05 * theta @ theta

    best = minimize(loss, np.zeros(9), method="BFGS", options={"gtol": 1e-6})
    fit = bradley_terry(games, prior_precision=0.1)
    assert fit.log_worths == pytest.approx(best.x[:-1], abs=1e-5)
    assert np.log(fit.tie_parameter) == pytest.approx(best.x[-1], abs=1e-5)


def test_without_ties_davidson_and_half_are_one_and_soft_outcomes_need_half():
    games = random_games(2)
    assert bradley_terry(games, ties="half").log_worths == pytest.approx(bradley_terry(games).log_worths, abs=1e-12)
    assert_soft_outcomes_need_half(bradley_terry, log_worths)


def test_fisher_and_sandwich_errors_match_the_spread_over_replications():
    assert_errors_match_the_spread_over_replications(bradley_terry, log_worths, won)


def test_errors_clustered_by_rater_see_taste_that_fisher_does_not():
    assert_errors_clustered_by_rater_see_taste(bradley_terry, log_worths, won)


ERRORS = [{}, {"errors": "sandwich"}, {"errors": "sandwich", "cluster": "rater"}]
designs = given(
    seed=st.integers(0, 10_000),
    prior=st.sampled_from([0.0, 0.1, 1.0]),
    ties=st.sampled_from([0.0, 0.2]),
    errors=st.sampled_from(ERRORS),
)


def assert_same(fit, other, place=slice(None)):
    """`place[i]` is where item i of `fit` stands in `other`."""
    assert other.log_worths[place] == pytest.approx(fit.log_worths, abs=1e-9)
    assert other.standard_errors[place] == pytest.approx(fit.standard_errors, abs=1e-9)
    covariance = other.covariance if isinstance(place, slice) else other.covariance[np.ix_(place, place)]
    assert covariance == pytest.approx(fit.covariance, abs=1e-9)
    assert other.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    assert other.tie_parameter == pytest.approx(fit.tie_parameter, abs=1e-9)


@settings(max_examples=25, deadline=None)
@designs
def test_relabelling_items_moves_nothing_but_the_labels(seed, prior, ties, errors):
    games = random_games(seed, ties=ties)
    name = np.random.default_rng(seed).permutation(8)
    relabelled = Comparisons.from_arrays(name[games.first], name[games.second], games.outcome, rater=games.rater)
    fit, other = (bradley_terry(each, prior_precision=prior, **errors) for each in (games, relabelled))
    assert_same(fit, other, name)


@settings(max_examples=25, deadline=None)
@designs
def test_swapping_sides_changes_nothing(seed, prior, ties, errors):
    games = random_games(seed, ties=ties)
    flip = np.random.default_rng(seed).random(len(games)) < 0.5
    first, second = np.where(flip, games.second, games.first), np.where(flip, games.first, games.second)
    swapped = Comparisons.from_arrays(
        first, second, np.where(flip, 1 - games.outcome, games.outcome), rater=games.rater, items=games.items
    )
    assert_same(*(bradley_terry(each, prior_precision=prior, **errors) for each in (games, swapped)))


@settings(max_examples=25, deadline=None)
@designs
def test_merging_and_splitting_equal_rows_changes_nothing(seed, prior, ties, errors):
    games = random_games(seed, ties=ties)
    fit = bradley_terry(games, prior_precision=prior, **errors)
    assert_same(fit, bradley_terry(games.aggregated(), prior_precision=prior, **errors))
    share = np.random.default_rng(seed).uniform(0.1, 0.9, len(games))
    twice = games.take(np.repeat(np.arange(len(games)), 2))
    split = replace(twice, weight=np.stack([share, 1 - share], axis=1).ravel())
    assert_same(fit, bradley_terry(split, prior_precision=prior, **errors))


def test_worths_are_mean_zero_and_the_covariance_rows_sum_to_zero():
    for prior in (0.0, 0.1):
        fit = bradley_terry(random_games(5, ties=0.1), prior_precision=prior)
        assert fit.converged and fit.log_worths.sum() == pytest.approx(0, abs=1e-9)
        assert fit.covariance.sum(0) == pytest.approx(np.zeros(8), abs=1e-9)


def test_what_has_no_maximum_is_refused_by_name_and_a_prior_mends_it():
    undefeated = Comparisons.from_arrays(["a", "a", "b", "c"], ["b", "c", "c", "b"], [1, 1, 1, 1])
    with pytest.raises(ValueError, match="never lost.*'a'"):
        bradley_terry(undefeated)
    fit = bradley_terry(undefeated, prior_precision=0.1)
    assert fit.never_lost == ("a",) and np.isfinite(fit.log_worths).all()


def test_ties_that_could_be_stretched_without_end_are_refused_and_a_prior_mends_it():
    stretched = Comparisons.from_arrays(list("abc"), list("bca"), [1, 0.5, 0.5])
    with pytest.raises(ValueError, match="tie threshold can grow together without end"):
        bradley_terry(stretched)
    assert np.isfinite(bradley_terry(stretched, prior_precision=0.1).log_worths).all()
    assert np.isfinite(bradley_terry(stretched, ties="half").log_worths).all()
    bradley_terry(Comparisons.from_arrays(list("abca"), list("bcab"), [1, 0.5, 0.5, 0]))


def two_parts(seed, ties=0.0):
    """Items 0, 2, 4, ... and 1, 3, 5, ... never meet; the second part has raters of its own."""
    parts = [random_games(seed, n=5, m=60, ties=ties), random_games(seed + 1, n=7, m=80, ties=ties)]
    places = [2 * np.arange(5), np.array([1, 3, 5, 7, 9, 10, 11])]
    columns = {
        name: np.concatenate([place[getattr(part, name)] for part, place in zip(parts, places, strict=True)])
        for name in ("first", "second")
    }
    outcome = np.concatenate([part.outcome for part in parts])
    rater = np.concatenate([parts[0].rater, parts[1].rater + 2])
    return Comparisons.from_arrays(**columns, outcome=outcome, rater=rater, items=range(12)), parts, places


@settings(max_examples=15, deadline=None)
@designs
def test_each_part_of_a_disconnected_graph_is_fitted_as_if_it_were_alone(seed, prior, ties, errors):
    games, parts, places = two_parts(seed, ties)
    fit = bradley_terry(games, prior_precision=prior, per_component=True, **errors)
    assert fit.component[places[0]].tolist() == [0] * 5 and fit.component[places[1]].tolist() == [1] * 7
    alone = [bradley_terry(part, prior_precision=prior, **errors) for part in parts]
    for place, own, tie in zip(places, alone, fit.tie_parameter, strict=True):
        assert fit.log_worths[place] == pytest.approx(own.log_worths, abs=1e-12)
        assert fit.standard_errors[place] == pytest.approx(own.standard_errors, abs=1e-12)
        assert fit.covariance[np.ix_(place, place)] == pytest.approx(own.covariance, abs=1e-12)
        assert tie == pytest.approx(own.tie_parameter, abs=1e-12)
    assert not fit.covariance[np.ix_(*places)].any()
    assert fit.log_likelihood == pytest.approx(alone[0].log_likelihood + alone[1].log_likelihood, abs=1e-9)
    assert fit.identification == "mean zero within each connected part"


def test_by_parts_a_connected_graph_is_fitted_as_ever():
    games = random_games(4, ties=0.2)
    fit, other = bradley_terry(games), bradley_terry(games, per_component=True)
    assert (fit.log_worths == other.log_worths).all() and fit.tie_parameter == other.tie_parameter
    assert not other.component.any()


def test_by_parts_too_the_unidentified_is_refused_by_name():
    with pytest.raises(ValueError, match=r"1 item was never compared \('z'\)"):
        bradley_terry(Comparisons.from_arrays(["a", "b"], ["b", "a"], [1, 1], items="abz"), per_component=True)
    split = Comparisons.from_arrays(list("abcd"), list("badc"), [1, 1, 1, 0])
    with pytest.raises(ValueError, match="maximum likelihood does not exist.*never won.*'d'"):
        bradley_terry(split, per_component=True)
    assert bradley_terry(split, per_component=True, prior_precision=0.1).never_lost == ("c",)
    raters = Comparisons.from_arrays(list("abcd"), list("badc"), [1, 1, 1, 1], rater=list("xyxx"))
    with pytest.raises(ValueError, match="two raters.*'c', 'd'"):
        bradley_terry(raters, per_component=True, errors="sandwich", cluster="rater")


def test_without_errors_no_covariance_is_made():
    fit = bradley_terry(random_games(0), errors=None)
    assert fit.standard_errors is None and fit.covariance is None and fit.errors is None
    assert (fit.log_worths == bradley_terry(random_games(0)).log_worths).all()
    parts = bradley_terry(two_parts(0)[0], errors=None, per_component=True)
    assert parts.standard_errors is None and parts.covariance is None and np.isfinite(parts.log_worths).all()


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    prior=st.sampled_from([0.0, 0.1]),
    ties=st.sampled_from([0.0, 0.2]),
    n=st.sampled_from([2, 9, 60]),
    m=st.sampled_from([0, 100, 30_000]),  # the last is fitted to a sample first, and has its repeats merged
)
def test_the_solver_for_many_items_finds_what_the_dense_one_finds(seed, prior, ties, n, m):
    games = random_games(seed, n=n, m=m, ties=ties)
    weighted = replace(games, weight=np.random.default_rng(seed).integers(1, 3, len(games)).astype(float))
    for each in (games, weighted):
        dense, sparse = fit_counts(count_pairs(each), prior), fit_sparse(each, prior)
        assert sparse.theta == pytest.approx(dense.theta[0] - dense.theta[0].mean(), abs=1e-7)
        assert sparse.log_likelihood == pytest.approx(dense.log_likelihood[0], rel=1e-10)
        assert np.exp(sparse.log_tie) == pytest.approx(np.exp(dense.log_tie[0]), abs=1e-8)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    prior=st.sampled_from([0.0, 1e-3, 0.5]),
    ties=st.sampled_from([0.0, 0.2]),
    n=st.sampled_from([2, 9, 60]),
    spread=st.sampled_from([1.0, 1e-4]),  # of the rows' weights, which are as good as any
)
def test_the_solver_on_a_table_finds_what_the_one_on_pairs_finds(seed, prior, ties, n, spread):
    games = random_games(seed, n=n, ties=ties)
    games = replace(games, weight=np.random.default_rng(seed).uniform(spread, 2 * spread, len(games)))
    counts = count_pairs(games, ties="half")
    table, pairs = fit_table(games.credit_table, prior), fit_counts(counts, prior)
    assert counts.credit_table == pytest.approx(games.credit_table, rel=1e-12)
    assert table.theta - table.theta.mean() == pytest.approx(pairs.theta[0] - pairs.theta[0].mean(), abs=1e-9)
    assert table.hessian == pytest.approx(pairs.hessian[0], rel=1e-6, abs=1e-9 * spread)
    assert table.log_likelihood == pytest.approx(pairs.log_likelihood[0], rel=1e-12)


def test_worths_too_far_apart_for_a_table_of_ratios_are_found_all_the_same():
    # each of 99 won every game against the next one below, and the prior is weak
    first = np.arange(99)
    ladder = Comparisons.from_arrays(first, first + 1, np.ones(99), weight=np.full(99, 1e4))
    assert fit_table(ladder.credit_table, 1e-3) is None
    fit = bradley_terry(ladder, prior_precision=1e-3)
    gradient = np.zeros(100)
    lost = 1e4 * expit(-(fit.log_worths[:-1] - fit.log_worths[1:]))
    np.add.at(gradient, first, lost)
    np.add.at(gradient, first + 1, -lost)
    assert np.ptp(fit.log_worths) > 600 and gradient == pytest.approx(1e-3 * fit.log_worths, abs=1e-8)


def test_of_many_items_log_worths_and_errors_come_out_as_by_the_dense_solver(monkeypatch):
    games = random_games(0, n=400, m=6000, ties=0.1)
    fit = bradley_terry(games, errors="sandwich")
    monkeypatch.setattr(import_module("ppaint.preference_to_score.pairwise.bradley_terry"), "DENSE_UP_TO", 400)
    assert_same(bradley_terry(games, errors="sandwich"), fit)


def test_far_apart_worths_along_a_long_ladder_are_found():
    # 999 of 1,000 games won against the next one below: log-worths of 300 steps of ln 999 overflow as worths
    n = 301
    first = np.repeat(np.arange(n - 1), 2)
    ladder = Comparisons.from_arrays(
        first, first + 1, np.tile([1, 0], n - 1), weight=np.tile([999, 1], n - 1), items=range(n)
    )
    assert np.diff(bradley_terry(ladder, errors=None).log_worths) == pytest.approx(-np.log(999), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000), prior=st.sampled_from([0.0, 0.1]), tie=st.sampled_from([None, 0.5]), far=st.booleans()
)
def test_many_weightings_are_fitted_as_one_by_one(seed, prior, tie, far):
    counts = count_by_rater(random_games(seed, n=12, ties=0.2 if tie else 0.0))
    log_tie = None if tie is None else np.log(tie)
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.2, 1, (20, 4)) ** (6 if far else 1)  # far: some raters all but left out
    many = fit_counts(counts.weighted(weights), prior, log_tie=log_tie)
    alone = [fit_counts(counts.weighted(row[None]), prior, log_tie=log_tie) for row in weights]
    assert many.theta == pytest.approx(np.concatenate([one.theta for one in alone]), abs=1e-9)
    assert many.hessian == pytest.approx(np.concatenate([one.hessian for one in alone]), abs=1e-9)
    assert many.log_likelihood == pytest.approx(np.concatenate([one.log_likelihood for one in alone]), rel=1e-12)


@pytest.mark.parametrize("upset", [1e-2, 1e-5])
def test_weightings_that_nearly_separate_the_items_are_fitted_from_a_start_that_is_near(upset):
    """Every item loses a trace to each below it: the log-worths span some 100, and a start that is off ends nowhere."""
    rng, n = np.random.default_rng(0), 8
    first, second = np.triu_indices(n, 1)
    won = rng.uniform(0.5, 2, (20, first.size))
    counts = PairCounts(first, second, won, 0 * won, upset * won, n)
    many = fit_counts(counts, 0.0)
    for row, theta in enumerate(many.theta):
        alone = PairCounts(first, second, won[row : row + 1], 0 * won[:1], upset * won[row : row + 1], n)
        assert theta == pytest.approx(fit_counts(alone, 0.0).theta[0], rel=1e-7)


@pytest.mark.parametrize("size", [1e-6, 1e-5, 1e-4])
@pytest.mark.parametrize("weight", [1e4, 1e7])
def test_a_start_that_is_near_is_not_taken_for_the_end(size, weight):
    rng, n, m = np.random.default_rng(0), 300, 6000
    first = rng.integers(0, n, m)
    second = (first + rng.integers(1, n, m)) % n
    truth = size * rng.normal(size=n)
    p = expit(truth[first] - truth[second])
    sides, outcome = (np.tile(first, 2), np.tile(second, 2)), np.repeat([1.0, 0.0], m)
    games = Comparisons.from_arrays(*sides, outcome, weight=weight * np.concatenate([p, 1 - p]), items=range(n))
    assert fit_sparse(games, 0.0).theta == pytest.approx(truth - truth.mean(), abs=1e-10)


@pytest.mark.parametrize("upset", [1e-3, 1e-7])
@pytest.mark.parametrize("many", [8, 60])  # few are solved one by one, more of them side by side in single precision
def test_near_separation_does_not_overflow(upset, many):
    rng, n = np.random.default_rng(3), 20
    first, second = np.triu_indices(n, 1)
    won = rng.uniform(0.5, 2, (many, first.size))
    counts = PairCounts(first, second, won, 0 * won, upset * won, n)
    with warnings.catch_warnings(action="error"):
        fits = fit_counts(counts, 0.0)
    for row in (0, many - 1):
        alone = PairCounts(first, second, won[row : row + 1], 0 * won[:1], upset * won[row : row + 1], n)
        assert fits.theta[row] == pytest.approx(fit_counts(alone, 0.0).theta[0], rel=1e-7)


@pytest.mark.parametrize("prior", [0.0, 1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("ties", [0.0, 0.2])
def test_sixty_weightings_are_fitted_as_one_by_one(prior, ties):
    rng, log_tie = np.random.default_rng(5), np.log(0.5) if ties else -np.inf
    counts = count_by_rater(random_games(6, n=12, ties=ties)).weighted(rng.uniform(0.2, 1, (60, 4)) ** 3)
    many = fit_counts(counts, prior, log_tie=log_tie)
    for row in range(60):
        one = PairCounts(*(x if x.ndim == 1 else x[[row]] for x in astuple(counts)[:5]), counts.n_items)
        alone = fit_counts(one, prior, log_tie=log_tie).theta[0]
        assert many.theta[row] == pytest.approx(alone, abs=1e-9)
    assert many.theta.mean(1) == pytest.approx(np.zeros(60), abs=1e-12)


@pytest.mark.parametrize("many", [8, 60])
def test_counts_of_a_single_pair_stay_as_they_are(many):
    won, lost = np.linspace(1, 5, many)[:, None], np.ones((many, 1))
    counts = PairCounts(np.array([0]), np.array([1]), won.copy(), 0 * won, lost.copy(), 2)
    theta = fit_counts(counts, 0.0).theta
    assert theta[:, 0] - theta[:, 1] == pytest.approx(np.log(won[:, 0]), abs=1e-12)
    assert (counts.wins == won).all() and (counts.losses == lost).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 6), m=st.integers(1, 1200), table=st.booleans())
def test_many_comparisons_are_looked_at_in_part_and_judged_as_in_whole(seed, n, m, table):
    # few items by their table; else above 80 comparisons an item a sample comes first: what it cannot show is looked for in all rows
    rng = np.random.default_rng(seed)
    first = rng.integers(0, n, m)
    second = (first + rng.integers(1, n, m)) % n
    outcome = (first < second).astype(float)
    outcome[rng.random(m) < 2 / m] = 0.5  # few answers hold the graph together, or none
    games = Comparisons.from_arrays(first, second, outcome, items=range(n))
    wins = np.zeros((n, n), dtype=bool)
    wins[first[outcome > 0], second[outcome > 0]] = wins[second[outcome < 1], first[outcome < 1]] = True
    reach = np.linalg.matrix_power(np.eye(n) + wins, n) > 0
    room = "ppaint.preference_to_score.pairwise.ford_condition.TABLE_UP_TO"
    whole, found = bool(reach.all()), True
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(room, n if table else 0)
        try:
            check_identified(games, prior=False)
        except ValueError:
            found = False
    assert found == whole


def test_a_disconnected_graph_and_nothing_but_ties_are_refused():
    with pytest.raises(ValueError, match="disconnected.*2 parts"):
        bradley_terry(Comparisons.from_arrays(["a", "c"], ["b", "d"], [1, 0]), prior_precision=0.1)
    with pytest.raises(ValueError, match="every judgment is a tie"):
        bradley_terry(Comparisons.from_arrays(["a", "b"], ["b", "c"], [0.5, 0.5]), prior_precision=0.1)


@pytest.mark.parametrize(
    "options",
    [
        {"prior_precision": -1},
        {"prior_precision": np.nan},
        {"errors": None, "cluster": "rater"},
        {"ties": "ignore"},
        {"errors": "jackknife"},
        {"cluster": "rater"},
    ],
)
def test_unknown_options_are_refused(options):
    with pytest.raises(ValueError, match="must be|needs"):
        bradley_terry(random_games(0), **options)
