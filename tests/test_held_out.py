"""The label-free stopping rule: who is held out, and how the order of held-out judgments is measured."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_judge import KnownJudge, features_of, known_images
from scipy.optimize import minimize_scalar
from scipy.special import expit

from ppaint.trainer import Judging, JudgmentStore, build_pool, rate_images
from ppaint.trainer.held_out import held_out_metrics, loss_by_image, order_log_loss
from ppaint.trainer.label_free_run import position_bias
from ppaint.trainer.training_table import choose_held_out, in_columns, training_table


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    worths = known_images(80, d=2)
    judge = KnownJudge(worths, noise=0.3, dimensions=("brushwork", "overall"), batch_size=64)
    with JudgmentStore(tmp_path_factory.mktemp("held"), judge.fingerprint, judge.dimensions) as store:
        judging = Judging(store, judge, features_of(worths))
        return rate_images(judging, build_pool(judging, list(worths)), list(worths))


def test_held_out_images_are_outsiders(scores):
    held = choose_held_out(scores, 0.15, seed=0)
    assert held.sum() == round(0.15 * (~scores.in_pool).sum())
    assert not (held & scores.in_pool).any()


def test_nothing_is_held_out_where_that_is_asked(scores):
    assert not choose_held_out(scores, 0.0, seed=0).any()


def test_every_judgment_that_touches_a_held_out_image_is_held_out(scores):
    table = training_table(scores, held_out_fraction=0.2, seed=1)
    pairs = table.training_pairs
    assert not table.held_out[pairs.first].any() and not table.held_out[pairs.second].any()
    touched = table.held_out[table.held_out_pairs.first] | table.held_out[table.held_out_pairs.second]
    assert touched.all() and len(touched) == 12 * table.held_out.sum()
    assert len(pairs.first) + len(touched) == len(scores.judged)


def test_confidence_has_mean_one_over_the_images_that_are_trained_on(scores):
    table = training_table(scores, held_out_fraction=0.2, seed=1)
    np.testing.assert_allclose(table.confidence[table.training_images].mean(axis=0), 1)


def test_what_the_prior_held_back_is_put_back_for_training(scores):
    share = np.array(scores.settings["share from judgments"])
    assert ((0.5 < share) & (share < 1)).all()
    table = training_table(scores, held_out_fraction=0, seed=0)
    np.testing.assert_allclose(table.elo, scores.elo / share)
    of_an_older_version = dataclasses.replace(scores, settings={})
    np.testing.assert_array_equal(training_table(of_an_older_version, held_out_fraction=0, seed=0).elo, scores.elo)


def test_two_categories_keep_their_own_scales(scores):
    table = training_table([scores, scores], held_out_fraction=0.2, seed=1)
    assert table.category.tolist() == [0] * 80 + [1] * 80
    for c in (0, 1):
        mine = table.training_images[table.category[table.training_images] == c]
        np.testing.assert_allclose(table.confidence[mine].mean(axis=0), 1)
    assert (table.category[table.training_pairs.first] == table.category[table.training_pairs.second]).all()


def renamed(scores, names):
    """The same pseudo-scores under other names of the dimensions."""
    return dataclasses.replace(scores, dimensions=names, kept=names)


def test_dimensions_of_every_category_are_learnt_from(scores):
    table = training_table(
        [renamed(scores, ("brushwork", "overall")), renamed(scores, ("ink", "brushwork"))],
        held_out_fraction=0.2,
        seed=1,
    )
    assert table.dimensions == ("brushwork", "overall", "ink")
    one, other = table.category == 0, table.category == 1
    elo = scores.elo / np.array(scores.settings["share from judgments"])
    np.testing.assert_array_equal(table.elo[one][:, :2], elo)
    np.testing.assert_array_equal(table.elo[other][:, [2, 0]], elo)
    assert np.isnan(table.elo[one][:, 2]).all() and np.isnan(table.elo[other][:, 1]).all()
    assert (table.confidence[one][:, 2] == 0).all() and (table.confidence[other][:, 1] == 0).all()
    pairs = table.training_pairs
    of_one = table.category[pairs.first] == 0
    assert np.isnan(pairs.delta[of_one, 2]).all() and np.isfinite(pairs.delta[of_one][:, :2]).all()
    bias = position_bias([renamed(scores, ("brushwork", "overall")), renamed(scores, ("ink", "brushwork"))], ("ink",))
    mean = position_bias(scores, ("brushwork",))["position_bias_brushwork"]
    assert bias["position_bias_ink"] == pytest.approx(mean, rel=1e-12)


@given(st.integers(0, 10_000), st.floats(0.01, 30))
def test_the_fitted_slope_is_the_best_one(seed, size):
    rng = np.random.default_rng(seed)
    margin, delta = rng.normal(0, size, 40), rng.normal(0, 2, 40)
    fit = order_log_loss(margin, delta)
    p = expit(delta)

    def loss(slope):
        return np.mean(np.logaddexp(0, slope * margin) - p * slope * margin)

    best = minimize_scalar(loss, bounds=(0, 60 / size), method="bounded", options={"xatol": 1e-10})
    assert fit.loss <= min(best.fun, loss(0.0)) + 1e-9
    assert fit.slope >= 0 and fit.loss >= fit.floor - 1e-12


def test_scores_in_the_wrong_order_get_no_credit():
    delta = np.array([1.0, 2.0, -1.5])
    fit = order_log_loss(-delta, delta)
    assert fit.slope == 0 and fit.loss == pytest.approx(np.log(2))


def test_constant_scores_are_coin_tosses():
    assert order_log_loss(np.zeros(3), np.array([1.0, 2.0, -1.5])).loss == pytest.approx(np.log(2))


def test_the_scale_of_the_scores_does_not_matter():
    rng = np.random.default_rng(0)
    margin, delta = rng.normal(size=50), rng.normal(size=50)
    assert order_log_loss(margin, delta).loss == pytest.approx(order_log_loss(1e-6 * margin, delta).loss)


def test_abstentions_are_left_out_and_nothing_at_all_is_an_error():
    margin, delta = np.array([1.0, 5.0]), np.array([0.7, np.nan])
    assert order_log_loss(margin, delta).pairs == 1
    with pytest.raises(ValueError, match="no judged pair"):
        order_log_loss(margin, np.array([np.nan, np.nan]))


def test_columns_lie_in_memory_as_they_did_when_older_checkpoints_were_made():
    """A run is known by the bytes of what it learns from, and a sum over rows depends on the layout in its last bit."""
    values, names = np.random.default_rng(0).uniform(0.1, 1, (161, 5)), ["a", "b", "c", "d", "e"]
    found, wanted = in_columns(values, names, names[::-1]), values[:, [4, 3, 2, 1, 0]]
    assert found.strides == wanted.strides and (found.sum(axis=0) == wanted.sum(axis=0)).all()


def test_the_loss_of_images_is_that_of_their_judgments(scores):
    table = training_table(scores, held_out_fraction=0, seed=0, held_out=set(scores.images))
    score = np.nan_to_num(table.elo) + np.random.default_rng(0).normal(0, 50, table.elo.shape)
    found, pairs = loss_by_image(table, score), table.held_out_pairs
    games = np.bincount(pairs.first, minlength=len(found)) + np.bincount(pairs.second, minlength=len(found))
    assert np.average(found, weights=games) == pytest.approx(held_out_metrics(table, score)["log_loss"])
    some = training_table(scores, held_out_fraction=0.2, seed=0)
    np.testing.assert_array_equal(np.isfinite(loss_by_image(some, score)), some.held_out)
