"""One fit of all judgments: the pool's and the outsiders' together, held-out images apart, abstentions left out."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import spearmanr
from small_exact_run import make

from ppaint.preference_to_score import ELO_PER_LOGIT, fit_pool
from ppaint.preference_to_score.elo import many_newcomers
from ppaint.preference_to_score.elo.many_newcomers import rate_many_newcomers
from ppaint.trainer import Judged, PseudoScores
from ppaint.trainer.pseudo_scores import joint_fit
from ppaint.trainer.pseudo_scores.joint_fit import fit_jointly
from ppaint.trainer.pseudo_scores.pseudo_labels import SHARE
from ppaint.trainer.training_table import SURE, choose_held_out, jointly_fitted, spread_alike, training_table

POOL, OUTSIDE, GAMES = 8, 12, 5
NAMES = tuple(f"{i:064x}" for i in range(POOL + OUTSIDE))


def scored(seed=0, noise=1.0) -> PseudoScores:
    """A pool of which every pair is asked, and outsiders with five opponents each; answers are noisy."""
    rng = np.random.default_rng(seed)
    worth = rng.normal(0, 1.5, (len(NAMES), 2))
    pairs = [(a, b) for a in range(POOL) for b in range(a + 1, POOL)]
    pairs += [(i, int(j)) for i in range(POOL, len(NAMES)) for j in rng.permutation(POOL)[:GAMES]]
    first, second = np.array(pairs).T
    delta = worth[first] - worth[second] + noise * rng.normal(size=(len(pairs), 2))
    ours = Judged(tuple(NAMES[a] for a in first), tuple(NAMES[b] for b in second), delta, -delta)
    nothing = np.zeros_like(worth)
    against = tuple(() if i < POOL else tuple(NAMES[b] for a, b in pairs if a == i) for i in range(len(NAMES)))
    return PseudoScores(
        NAMES,
        ("line", "overall"),
        nothing,
        nothing + 50,
        nothing + 0.5,
        np.array([0.8, 0.9]),
        ("line", "overall"),
        np.arange(len(NAMES)) < POOL,
        against,
        ours,
        "pool",
        "judge",
    )


def test_scores_are_those_of_one_fit_of_every_judgment():
    scores = scored()
    found = fit_jointly(scores)
    first, second = (np.array([NAMES.index(i) for i in side]) for side in (scores.judged.first, scores.judged.second))
    for k in range(2):
        fit = fit_pool(first, second, scores.judged.probability[:, k], len(NAMES))
        np.testing.assert_allclose(found.elo[:, k], fit.elo)
        np.testing.assert_allclose(found.tau[:, k], fit.standard_errors * ELO_PER_LOGIT)
    assert (found.reliability == scores.reliability).all() and found.judged is scores.judged
    assert ((found.confidence > 0) & (found.confidence <= 1)).all() and found.confidence.std() > 0
    assert 0 < min(found.settings[SHARE]) <= max(found.settings[SHARE]) <= 1


def test_an_outsiders_judgment_moves_the_members_it_met_unless_it_is_held_out():
    scores = scored()
    forward, backward = scores.judged.forward.copy(), scores.judged.backward.copy()
    forward[-GAMES:] += 3  # the last outsider wins by far more
    backward[-GAMES:] -= 3
    other = dataclasses.replace(scores, judged=Judged(scores.judged.first, scores.judged.second, forward, backward))
    assert np.abs(fit_jointly(other).elo - fit_jointly(scores).elo)[:POOL].max() > 1
    apart = [fit_jointly(one, [NAMES[-1]]) for one in (scores, other)]
    np.testing.assert_array_equal(apart[0].elo[:-1], apart[1].elo[:-1])
    assert (apart[1].elo[-1] > apart[0].elo[-1]).all()  # it is rated all the same


def test_more_judgments_for_everybody_order_images_better_than_the_frozen_pool():
    gains = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        worth = rng.normal(0, 1.5, (len(NAMES), 2))  # as `scored` draws them first
        scores = scored(seed, noise=3.0)
        place = {name: i for i, name in enumerate(NAMES)}
        first, second = (np.array([place[i] for i in side]) for side in (scores.judged.first, scores.judged.second))
        inside = first < POOL
        joint = fit_jointly(scores)
        for k in range(2):
            alone = fit_pool(first[inside], second[inside], scores.judged.probability[inside, k], POOL)
            gains.append(spearmanr(joint.elo[:POOL, k], worth[:POOL, k])[0] - spearmanr(alone.elo, worth[:POOL, k])[0])
    assert np.mean(gains) > 2 * np.std(gains, ddof=1) / np.sqrt(len(gains)) > 0


def test_an_image_without_an_answer_has_no_score_and_a_dimension_in_pieces_stays_as_it_was():
    scores = scored()
    forward, backward = scores.judged.forward.copy(), scores.judged.backward.copy()
    forward[-GAMES:, 0] = np.nan  # the judge abstained on every pair of the last outsider, in one dimension
    forward[:, 1] = np.where(np.arange(len(forward)) < 2, forward[:, 1], np.nan)  # and nearly always in the other
    sparse = dataclasses.replace(scores, judged=Judged(scores.judged.first, scores.judged.second, forward, backward))
    found = fit_jointly(sparse, [NAMES[-2]])
    assert np.isnan(found.elo[-1, 0]) and np.isfinite(found.elo[:-1, 0]).all()
    forward[:2, 1] = np.nan
    forward[[0, -1], 1] = 1.0  # two pairs that have no image in common
    found = fit_jointly(
        dataclasses.replace(scores, judged=Judged(scores.judged.first, scores.judged.second, forward, backward))
    )
    np.testing.assert_array_equal(found.elo[:, 1], scores.elo[:, 1])
    np.testing.assert_array_equal(found.tau[:, 1], scores.tau[:, 1])


def test_trainer_learns_from_the_joint_fit_when_it_is_asked_to(features, scores, tmp_path):
    usual, joint = (make(tmp_path / str(on), features, scores, joint_fit=on) for on in (False, True))
    assert (usual.table.held_out == joint.table.held_out).all()
    held = np.array(scores.images)[choose_held_out(scores, 0.15, 5)]
    wanted = training_table(fit_jointly(scores, held), held_out_fraction=0.15, seed=5)
    np.testing.assert_array_equal(joint.table.elo, wanted.elo)
    assert not np.allclose(usual.table.elo, joint.table.elo)
    again = make(tmp_path / "folds", features, jointly_fitted(scores, held_out_fraction=0, seed=5), held_out=set(held))
    np.testing.assert_array_equal(again.table.elo, training_table(fit_jointly(scores), held_out_fraction=0, seed=5).elo)


def test_trainer_learns_from_noisy_scores_that_are_as_far_apart_as_it_is_asked_to(features, scores, tmp_path):
    noisy = dataclasses.replace(scores, reliability=np.full(len(scores.dimensions), 0.5))
    usual, spread = (make(tmp_path / str(s), features, noisy, label_spread=s) for s in (0.0, 1.8))
    table, trained = spread.table, ~spread.table.held_out
    np.testing.assert_allclose(np.nanstd(table.elo[trained], axis=0) / ELO_PER_LOGIT, 1.8)
    with np.errstate(invalid="ignore"):
        ratio = np.diff(table.elo, axis=0) / np.diff(usual.table.elo, axis=0)
    np.testing.assert_allclose(
        ratio, np.broadcast_to(ratio[0], ratio.shape)
    )  # one factor a dimension, held-out images too
    np.testing.assert_array_equal(table.confidence, usual.table.confidence)
    np.testing.assert_array_equal(spread.elo.numpy(), table.elo.T.astype(np.float32))


def test_reliable_scores_and_scores_that_are_all_alike_stay_as_they_are(scores):
    table = training_table([scores, scores], held_out_fraction=0, seed=0)
    reliability = np.full((2, table.elo.shape[1]), 0.5)
    reliability[1, 1] = SURE
    alike = np.where(np.arange(table.elo.shape[1]) == 0, 7.0, table.elo)
    found = spread_alike(dataclasses.replace(table, elo=alike, reliability=reliability), 1.0)
    second = table.category == 1
    np.testing.assert_array_equal(found.elo[:, 0], 7.0)
    np.testing.assert_array_equal(found.elo[second, 1], table.elo[second, 1])
    for mine, from_column in ((~second, 1), (second, 2)):
        np.testing.assert_allclose(np.nanstd(found.elo[mine, from_column:], axis=0), ELO_PER_LOGIT)


def large(n: int, members: int = 32, games: int = 12) -> tuple[PseudoScores, np.ndarray]:
    """A pool of which all pairs are asked, and many outsiders; one dimension, votes."""
    rng = np.random.default_rng(5)
    worth, names = rng.normal(0, 1.5, n), tuple(f"{i:064x}" for i in rng.permutation(n))
    first, second = np.triu_indices(members, 1)
    outside = np.repeat(np.arange(members, n), games)
    first, second = np.append(first, outside), np.append(second, rng.integers(members, size=len(outside)))
    delta = worth[first] - worth[second]
    forward, backward = (
        np.where(rng.random(len(delta)) < 1 / (1 + np.exp(-d)), 20.0, -20.0)[:, None] for d in (delta, -delta)
    )
    judged = Judged(tuple(names[a] for a in first), tuple(names[b] for b in second), forward, backward)
    nothing, inside = np.zeros((n, 1)), np.arange(n) < members
    one = ("overall",)
    return PseudoScores(
        names, one, nothing, nothing + 50, nothing + 0.5, np.ones(1), one, inside, ((),) * n, judged, "pool", "judge"
    ), worth


def test_of_many_images_a_bounded_number_is_fitted_together_and_the_rest_is_rated_against_them(monkeypatch):
    monkeypatch.setattr(joint_fit, "TOGETHER", 120)
    scores, worth = large(400)
    found = fit_jointly(scores)
    held = sorted(np.array(scores.images)[~scores.in_pool])[joint_fit.TOGETHER - 32 :]
    by_hand = fit_jointly(scores, held)  # held-out images are rated against the fit, too
    np.testing.assert_array_equal(found.elo, by_hand.elo)
    np.testing.assert_array_equal(found.tau, by_hand.tau)
    apart = np.isin(scores.images, held)
    assert apart.sum() == 400 - 120
    inside, beyond = (spearmanr(found.elo[rows, 0], worth[rows]).statistic for rows in (~apart, apart))
    assert inside > 0.85 and beyond > inside - 0.03
    off = (found.elo[:, 0] / ELO_PER_LOGIT - worth) / (found.tau[:, 0] / ELO_PER_LOGIT)
    assert 0.8 < off.std() < 1.2
    monkeypatch.setattr(many_newcomers, "NUMBERS", 10 * 120**2)  # ten at a time
    np.testing.assert_allclose(fit_jointly(scores).elo, found.elo, rtol=1e-9)
    alone = dataclasses.replace(scores, in_pool=np.zeros(400, dtype=bool))  # no pool that all could be rated against
    monkeypatch.setattr(joint_fit, "TOGETHER", 10)
    assert np.isfinite(fit_jointly(alone).elo).all()


def test_newcomers_are_refused_in_words_and_none_is_no_fault():
    pool = fit_pool([0, 1, 0], [1, 2, 2], [0.7, 0.6, 0.8], 3)
    assert [len(one) for one in rate_many_newcomers(pool, np.zeros(0, dtype=int), [], [])] == [0, 0, 0]
    for who, met in (([0, 1], [0]), ([0.5], [0])):
        with pytest.raises(ValueError, match="must be of one length"):
            rate_many_newcomers(pool, who, met, [0.5])
