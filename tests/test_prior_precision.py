"""The prior's precision from the judgments: worths on the judge's own scale, errors that cover, whatever the judge."""

import numpy as np
import pytest
from scipy.special import expit

from ppaint.preference_to_score import fit_pool, locally_dense_pairs, rate_newcomers
from ppaint.preference_to_score.elo.pool_check import check_pool
from ppaint.preference_to_score.elo.prior_precision import HIGHEST, LOWEST, fit_with_prior

MEMBERS, IMAGES = 32, 90
SCHEDULE = locally_dense_pairs(MEMBERS, 6, 203, np.random.default_rng(0)).T
JUDGES = {"exact": (0, None), "noisy": (1, None), "very noisy": (2, None), "votes": (0, 1.0), "soft votes": (0, 0.5)}


def all_pairs(truth, judge, rng):
    """P(a better than b) for every two images: noisy log-odds, or one vote in either order."""
    noise, sharpness = JUDGES[judge]
    n = len(truth)
    d = truth[:, None] - truth
    if sharpness is None:
        upper = expit(d + noise * rng.normal(size=(n, n)))
    else:
        upper = (rng.random((2, n, n)) < expit(sharpness * d)).mean(0)
    upper = np.triu(upper, 1)
    return upper + np.tril(1 - upper.T, -1)


def draw(seed, judge, spread=2.0):
    """A pool spread over the order of a rough rating, judged, and all judgments of all images."""
    rng = np.random.default_rng([seed, 1])
    truth = spread * rng.normal(size=IMAGES)
    by_rating = np.argsort(truth + 0.5 * spread * rng.normal(size=IMAGES))
    members = by_rating[np.linspace(0, IMAGES - 1, MEMBERS).round().astype(int)]
    answers = all_pairs(truth, judge, rng)
    first, second = SCHEDULE
    pool = fit_pool(first, second, answers[members[first], members[second]], MEMBERS, order=np.arange(MEMBERS))
    return members, answers, pool


def held_out_slope(members, answers, pool):
    first, second = np.triu_indices(MEMBERS, 1)
    asked = {frozenset(pair) for pair in SCHEDULE.T.tolist()}
    left = np.array([frozenset(pair) not in asked for pair in zip(first.tolist(), second.tolist(), strict=True)])
    first, second = first[left], second[left]
    return check_pool(pool, first, second, answers[members[first], members[second]]).slope


@pytest.mark.parametrize("judge", JUDGES)
def test_held_out_judgments_have_slope_one(judge):
    """Within 0.03 in the mean of many pools, and chance."""
    slopes = [held_out_slope(*draw(seed, judge)) for seed in range(24)]
    assert np.mean(slopes) == pytest.approx(1, abs=0.03 + 2 * np.std(slopes) / np.sqrt(len(slopes)))


def test_the_old_fixed_precision_squeezed_an_exact_judges_pool():
    members, answers, _ = draw(0, "exact")
    first, second = SCHEDULE
    old = fit_pool(first, second, answers[members[first], members[second]], MEMBERS, prior_precision=0.1)
    assert held_out_slope(members, answers, old) > 1.2


def test_one_precision_for_all_directions_squeezes_what_lies_far_apart():
    """Why the line through the order has a precision of its own."""
    alone, with_line = [], []
    first, second = SCHEDULE
    for seed in range(12):
        members, answers, pool = draw(seed, "very noisy")
        with_line.append(held_out_slope(members, answers, pool))
        unordered = fit_pool(first, second, answers[members[first], members[second]], MEMBERS)
        assert unordered.line_precision is None
        alone.append(held_out_slope(members, answers, unordered))
    assert np.mean(alone) > 1.15 and np.mean(with_line) < 1.1


def test_intervals_of_outsiders_cover_what_the_judge_says_when_every_pair_is_asked():
    """At few games too, where each image's own residuals say little of their size."""
    rng, covered = np.random.default_rng(5), {4: [], 12: []}
    for judge in ("noisy", "votes"):
        for seed in range(8):
            members, answers, pool = draw(seed, judge)
            everything = fit_pool(*np.triu_indices(IMAGES, 1), answers[np.triu_indices(IMAGES, 1)], IMAGES).log_worths
            target = everything - everything[members].mean()
            outside = np.setdiff1d(np.arange(IMAGES), members)
            for games in covered:
                met = np.concatenate([rng.choice(MEMBERS, games, replace=False) for _ in outside])
                who = np.repeat(outside, games)
                rated = rate_newcomers(pool, who, met, answers[who, members[met]])
                off = np.abs(rated.log_worths - target[list(rated.items)]) / rated.standard_errors
                covered[games].append((off < 1.96).mean())
    assert all(0.92 < np.mean(share) < 0.985 for share in covered.values())


def test_dispersion_is_that_of_the_answers():
    """Two votes a pair have half the variance of one toss; exact log-odds have none."""
    assert np.mean([draw(seed, "votes")[2].dispersion for seed in range(16)]) == pytest.approx(0.5, abs=0.025)
    assert draw(0, "exact")[2].dispersion < 1e-6


def test_the_variance_of_the_worths_is_the_images_own():
    found = [draw(seed, "votes")[2].variance for seed in range(12)]
    assert np.mean(found) == pytest.approx(4, rel=0.25)


def test_errors_of_the_worths_are_as_large_as_they_say_where_answers_are_votes():
    """Also of what lies far out, where nearly every vote is won: means neither squeezed nor their errors too small."""
    slopes, squares = [], []
    for seed in range(12):
        members, answers, pool = draw(seed, "votes")
        truth = 2.0 * np.random.default_rng([seed, 1]).normal(size=IMAGES)
        inside, outside = truth[members], np.setdiff1d(np.arange(IMAGES), members)
        rng = np.random.default_rng(seed)
        met = np.concatenate([rng.choice(MEMBERS, 12, replace=False) for _ in outside])
        who = np.repeat(outside, 12)
        rated = rate_newcomers(pool, who, met, answers[who, members[met]])
        off = rated.log_worths - (truth[list(rated.items)] - inside.mean())
        squares.append((off**2).mean() / (rated.standard_errors**2).mean())
        slopes.append(np.polyfit(pool.means, inside, 1)[0])
    assert np.mean(slopes) == pytest.approx(1, abs=0.06)
    assert np.mean(squares) == pytest.approx(1, abs=0.25)


def test_judgments_without_signal_are_held_back_as_far_as_may_be():
    """Answers 0, 1/2 and 1, each as often: their variance is two thirds of a coin's."""
    answers = [np.random.default_rng(seed).integers(0, 3, 203) / 2 for seed in range(8)]
    found = [fit_with_prior(*SCHEDULE, each, MEMBERS, np.arange(MEMBERS)) for each in answers]
    assert all(5 < one.precision <= HIGHEST for one in found) and np.mean([one.variance for one in found]) < 0.1
    assert np.mean([one.dispersion for one in found]) == pytest.approx(2 / 3, abs=0.03)


def test_answers_that_are_all_one_half_make_no_worths():
    found = fit_with_prior(*SCHEDULE, np.full(203, 0.5), MEMBERS, np.arange(MEMBERS))
    assert np.abs(found.log_worths).max() < 1e-9 and found.dispersion == 0 and found.variance == pytest.approx(0)


def test_a_judge_that_never_contradicts_itself_still_gets_finite_worths():
    first, second = SCHEDULE
    won = (first < second).astype(float)
    found = fit_with_prior(first, second, won, MEMBERS, np.arange(MEMBERS))
    assert LOWEST <= found.line_precision and np.isfinite(found.covariance).all()
    assert (np.diff(found.log_worths) < 0).all()


@pytest.mark.parametrize("judge", ["noisy", "votes"])
def test_renaming_the_members_or_swapping_sides_changes_nothing(judge):
    members, answers, pool = draw(3, judge)
    first, second = SCHEDULE
    rng = np.random.default_rng(0)
    name, flip, mixed = rng.permutation(MEMBERS), rng.random(203) < 0.5, rng.permutation(203)
    left, right = np.where(flip, second, first)[mixed], np.where(flip, first, second)[mixed]
    place = np.empty(MEMBERS)
    place[name] = np.arange(MEMBERS)
    other = fit_pool(name[left], name[right], answers[members[left], members[right]], MEMBERS, order=place)
    assert other.log_worths[name] == pytest.approx(pool.log_worths, abs=1e-6)
    assert other.dispersion == pytest.approx(pool.dispersion) and other.prior_precision == pytest.approx(
        pool.prior_precision
    )
