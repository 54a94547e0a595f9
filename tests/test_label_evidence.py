"""Whether pseudo-scores have to do with the images: a permutation test, right under the null and with power for few noisy labels."""

import numpy as np
import pytest
from small_exact_run import make

from ppaint.trainer.cross_fitting import chance_by_start
from ppaint.trainer.label_evidence import (
    EVIDENCE,
    FLATTENED,
    MOST,
    chance_that_unrelated,
    images_to_test,
    why_start_is_kept,
    worth_keeping,
)
from ppaint.trainer.out_of_fold import standardised
from ppaint.trainer.training_table import jointly_fitted


def alone(n):
    return np.zeros(n, dtype=int)


def test_statistic_is_the_sum_over_pairs_of_likeness_in_states_times_likeness_in_scores():
    """The p-value from a plain double loop over pairs, by the same permutations."""
    rng = np.random.default_rng(0)
    states, elo = rng.normal(size=(12, 30)), rng.normal(size=(12, 2))  # fewer images than numbers in a state
    elo[:, 0] += states[:, 0]
    drawn, draws = np.random.default_rng([7, 22]), 99
    orders = [np.arange(12), *(drawn.permutation(12) for _ in range(draws))]
    x, y = standardised(states, 0), standardised(elo, 0)
    gram = x @ x.T
    values, vectors = np.linalg.eigh(gram)
    told = values > 1e-10
    unit = values[told] / values[told].mean()
    found = np.zeros((draws + 1, 2, len(FLATTENED)))
    for way, more in enumerate(FLATTENED):
        weight = unit if np.isinf(more) else unit / (unit + more)
        like = vectors[:, told] * weight @ vectors[:, told].T
        for row, order in enumerate(orders):
            for i in range(12):
                for j in range(12):
                    if i != j:
                        one, other = y[order[i]], y[order[j]]
                        found[row, :, way] += like[i, j] * np.array([one @ other, one.mean() * other.mean()])
    largest = ((found - found.mean(0)) / found.std(0)).max(axis=(1, 2))
    wanted = (1 + (largest[1:] >= largest[0]).sum()) / (draws + 1)
    assert chance_that_unrelated(states, elo, alone(12), seed=7, draws=draws) == pytest.approx(wanted)


def test_of_scores_that_have_nothing_to_do_with_the_images_as_many_are_taken_for_evidence_as_the_level_says():
    """Dimensions go together, one direction of the states is wide, and some scores are far out: none of it matters."""
    rng, chances = np.random.default_rng(1), []
    for _ in range(400):
        states = rng.normal(size=(30, 6)) * (10, 3, 1, 1, 1, 1)
        elo = rng.standard_t(3, size=(30, 5)) + 3 * rng.normal(size=(30, 1))
        chances.append(chance_that_unrelated(states, elo, alone(30), seed=0, draws=199))
    for level in (EVIDENCE, 0.1, 0.5):
        error = np.sqrt(level * (1 - level) / 400)
        assert abs(np.mean(np.array(chances) <= level) - level) < 3 * error


@pytest.mark.parametrize("direction", [0, 3], ids=["the widest direction", "one an eighth as wide"])
def test_one_noisy_dimension_and_fifty_images_are_enough_wherever_the_quality_shows(direction):
    rng, found = np.random.default_rng(2), 0
    wide = 2.0 ** -np.arange(10.0)  # directions, each half as wide as the one before
    for _ in range(60):
        states = rng.normal(size=(50, 10)) * wide @ np.linalg.qr(rng.normal(size=(10, 10)))[0]
        # the directions as they were drawn, before they were turned: the quality is one of them
        basis = np.linalg.svd(states - states.mean(0), full_matrices=False)[0]
        worth = basis[:, direction] / basis[:, direction].std()
        elo = (worth + rng.normal(size=50))[:, None]  # a reliability of a half
        found += chance_that_unrelated(states, elo, alone(50), seed=0, draws=199) <= EVIDENCE
    assert found >= 50


def test_scale_and_place_of_states_and_scores_do_not_matter():
    rng = np.random.default_rng(3)
    states, elo = rng.normal(size=(40, 8)), rng.normal(size=(40, 3))
    elo += 0.5 * states[:, :3]
    first = chance_that_unrelated(states, elo, alone(40), seed=0)
    assert chance_that_unrelated(100 * states - 7, elo / 9 + 4, alone(40), seed=0) == first
    assert 0.001 < first < 0.5


def test_images_are_compared_within_their_category_alone():
    """Categories that differ in states and in scores are no evidence."""
    rng, category = np.random.default_rng(4), np.repeat([0, 1], 30)
    apart = 20.0 * category[:, None]
    states, elo = apart + rng.normal(size=(60, 4)), apart + rng.normal(size=(60, 2))
    assert chance_that_unrelated(states, elo, category, seed=0) > EVIDENCE
    assert chance_that_unrelated(states, elo, alone(60), seed=0) == 0.001


def test_what_is_not_known_has_no_part():
    rng = np.random.default_rng(5)
    states, elo = rng.normal(size=(40, 8)), rng.normal(size=(40, 2))
    wanted = chance_that_unrelated(states[:30], elo[:30], alone(30), seed=0)
    states[30:35], elo[35:] = np.nan, np.nan
    assert chance_that_unrelated(states, elo, alone(40), seed=0) == wanted
    one_dimension = np.where(np.arange(2) == 1, np.nan, elo)
    alike = chance_that_unrelated(states[:30], elo[:30, :1], alone(30), seed=0)
    assert chance_that_unrelated(states[:30], one_dimension[:30], alone(30), seed=0) == alike


def test_noisy_dimensions_that_go_together_are_evidence_in_their_mean():
    rng, found = np.random.default_rng(7), {True: 0, False: 0}
    for _ in range(40):
        states = rng.normal(size=(60, 10))
        quality = states[:, :1]
        for together in found:
            shared = quality if together else quality * np.array([1, -1, 1, -1, 0])
            elo = 0.35 * shared + rng.normal(size=(60, 5))
            found[together] += chance_that_unrelated(states, elo, alone(60), seed=0, draws=199) <= EVIDENCE
    assert found[True] > found[False] + 8, found


@pytest.mark.parametrize("what", ["states", "scores", "no image"])
def test_where_all_are_alike_there_is_no_evidence(what):
    rng = np.random.default_rng(6)
    n = 0 if what == "no image" else 20
    states = np.ones((n, 4)) if what == "states" else rng.normal(size=(n, 4))
    elo = np.ones((n, 2)) if what == "scores" else rng.normal(size=(n, 2))
    assert chance_that_unrelated(states, elo, alone(n), seed=0) == 1.0


def test_of_many_images_as_many_are_drawn_as_a_test_needs():
    drawn = images_to_test(10 * MOST, seed=3)
    assert len(drawn) == len(set(drawn.tolist())) == MOST and (np.diff(drawn) > 0).all() and drawn.max() > 9 * MOST
    assert (drawn == images_to_test(10 * MOST, seed=3)).all() and (drawn != images_to_test(10 * MOST, seed=4)).any()


def test_a_start_that_orders_left_out_images_better_is_kept_whatever_the_evidence():
    rng = np.random.default_rng(2)
    elo = rng.normal(size=(160, 5))
    start, trained = elo + 0.5 * rng.normal(size=(160, 5)), elo + rng.normal(size=(160, 5))
    assert not worth_keeping(start, trained, elo, alone(160), chance=0.001)
    assert worth_keeping(trained, start, elo, alone(160), chance=0.001)
    assert not worth_keeping(trained, start, elo, alone(160), chance=0.021)
    assert not worth_keeping(elo[:0], elo[:0], elo[:0], alone(0), chance=0.001)
    assert "nothing to do with the images" in why_start_is_kept(0.021) and "better than" in why_start_is_kept(0.02)


def test_by_the_starting_model_of_a_trainer(features, scores, tmp_path):
    trainer = make(tmp_path, features, scores)
    assert chance_by_start(trainer, scores) == 0.001


def test_a_model_that_does_not_say_which_tokens_are_an_images_is_seen_by_its_answers(
    features, scores, tmp_path, monkeypatch
):
    trainer = make(tmp_path, features, scores)
    of_answers = trainer.reference.transpose(0, 1).flatten(1).double().numpy()
    assert of_answers.shape == (len(trainer.table.images), 10 * len(trainer.table.dimensions))
    (joint,) = jointly_fitted(scores, held_out_fraction=0, seed=trainer.args.seed)
    assert joint.images == trainer.table.images
    wanted = chance_that_unrelated(of_answers, joint.elo, trainer.table.category, seed=trainer.args.seed)
    whole = trainer.asking.logits_and_states

    def unknown(*given):
        logits, states = whole(*given)
        states[1:] = np.nan  # one that is known is not enough
        return logits, states

    monkeypatch.setattr(trainer.asking, "logits_and_states", unknown)
    assert chance_by_start(trainer, scores) == wanted
