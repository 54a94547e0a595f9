"""choix and evalica give the same log-worths where they define the same estimator: random designs, to 1e-6."""

import choix
import evalica
import numpy as np
import pandas as pd
import pytest
from choix.opt import PairwiseFcts
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from ppaint.preference_to_score import Comparisons, bradley_terry

DESIGNS = settings(max_examples=30, deadline=None)


@st.composite
def designs(draw, ties=False):
    """Games over a random connected design in which everybody won and lost along a ring, so that the maximum exists."""
    n, seed = draw(st.integers(2, 10)), draw(st.integers(0, 2**32 - 1))
    m, skill = draw(st.integers(0, 150)), draw(st.floats(0, 2))
    rng = np.random.default_rng(seed)
    ring = rng.permutation(n)
    first = np.concatenate([ring, rng.integers(0, n, m)])
    second = np.concatenate([np.roll(ring, -1), (first[n:] + rng.integers(1, n, m)) % n])
    truth = skill * rng.normal(size=n)
    outcome = np.concatenate([np.ones(n), rng.random(m) < expit(truth[first[n:]] - truth[second[n:]])])
    if ties:
        outcome[n:][rng.random(m) < 0.3] = 0.5
    return Comparisons.from_arrays(first, second, outcome, items=range(n))


def winner_first(games):
    """choix takes (winner, loser) pairs."""
    columns = np.where(games.outcome == 1, [games.first, games.second], [games.second, games.first])
    return [tuple(row) for row in columns.T.tolist()]


def centred(values):
    values = np.asarray(values)
    return values - values.mean()


@DESIGNS
@given(games=designs())
def test_choixs_spectral_maximum_likelihood_is_ours(games):
    theirs = choix.ilsr_pairwise(len(games.items), winner_first(games), tol=1e-9, max_iter=10_000)
    assert bradley_terry(games).log_worths == pytest.approx(centred(theirs), abs=1e-6)


@DESIGNS
@given(games=designs(), precision=st.sampled_from([2e-6, 0.1, 2.0]))
def test_choixs_maximum_a_posteriori_is_ours(games, precision):
    # choix subtracts alpha ||theta||^2, without a half: its alpha is half a precision (and by default 1e-6, not 0)
    theirs = choix.opt_pairwise(len(games.items), winner_first(games), alpha=precision / 2, tol=1e-12)
    assert bradley_terry(games, prior_precision=precision).log_worths == pytest.approx(centred(theirs), abs=1e-6)


@DESIGNS
@given(games=designs())
def test_by_choixs_own_gradient_ours_is_the_maximum(games):
    slope = PairwiseFcts(winner_first(games), 0.0).gradient(bradley_terry(games).log_worths)
    assert np.abs(slope).max() < 1e-9


def test_what_kept_choix_away_from_us_is_its_default_ridge():
    rng = np.random.default_rng(1)
    first = rng.integers(0, 8, 120)
    second = (first + rng.integers(1, 8, 120)) % 8
    games = Comparisons.from_arrays(first, second, rng.random(120) < 0.5)
    ours = bradley_terry(games).log_worths
    by_default = centred(choix.opt_pairwise(8, winner_first(games), tol=1e-12))
    without = centred(choix.opt_pairwise(8, winner_first(games), alpha=0.0, tol=1e-12))
    assert np.abs(by_default - ours).max() > 1e-8 > 1e-9 > np.abs(without - ours).max()
    assert by_default == pytest.approx(bradley_terry(games, prior_precision=2e-6).log_worths, abs=1e-9)


def by_evalica(games):
    won = {1.0: evalica.Winner.X, 0.5: evalica.Winner.Draw, 0.0: evalica.Winner.Y}
    result = evalica.bradley_terry(
        games.first.tolist(),
        games.second.tolist(),
        [won[each] for each in games.outcome.tolist()],
        index=pd.RangeIndex(len(games.items)),
        weights=games.weight,
        tolerance=1e-9,
        limit=100_000,
    )
    return centred(np.log(result.scores.sort_index().to_numpy()))


@DESIGNS
@given(games=designs(ties=True))
def test_evalicas_bradley_terry_is_ours_with_ties_as_half_wins(games):
    assert bradley_terry(games, ties="half").log_worths == pytest.approx(by_evalica(games), abs=1e-6)


@DESIGNS
@given(games=designs(ties=True))
def test_evalicas_weights_are_ours(games):
    merged = games.aggregated()
    assert bradley_terry(merged, ties="half").log_worths == pytest.approx(by_evalica(merged), abs=1e-6)
