"""Pseudo-scores: others rated against the frozen pool on its scale, with errors, confidences, and an honest stop."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from known_judge import KnownJudge, features_of, known_images
from scipy.special import expit
from scipy.stats import spearmanr

from ppaint.images import InputFault
from ppaint.preference_to_score import ELO_PER_LOGIT, PoolFit, check_pool
from ppaint.trainer import (
    Judging,
    JudgmentStore,
    NoUsableSignal,
    PseudoScores,
    build_pool,
    rate_images,
    rate_outsiders,
)
from ppaint.trainer.pseudo_scores.pseudo_labels import empirical_reliability

WORTHS = known_images(90, d=2)
DIMENSIONS = ("brushwork", "overall")
IMAGES = list(WORTHS)


@contextmanager
def working(folder, judge=None, **options):
    judge = judge or KnownJudge(WORTHS, bias=0.5, noise=0.6, dimensions=DIMENSIONS, batch_size=64)
    with JudgmentStore(folder, judge.fingerprint, judge.dimensions) as store:
        yield Judging(store, judge, features_of(WORTHS), **options)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with working(tmp_path_factory.mktemp("judged")) as judging:
        pool = build_pool(judging, IMAGES)
        yield judging, pool, rate_images(judging, pool, IMAGES)


def truth_of(scores):
    return np.array([WORTHS[image] for image in scores.images]) * ELO_PER_LOGIT


def test_pool_and_outsiders_sit_on_one_scale_and_in_the_true_order(made):
    """The scale is the judge's own: held-out judgments, among members and others, have the logistic slope 1 on it."""
    judging, pool, scores = made
    truth = truth_of(scores)
    first, second = np.triu_indices(len(scores.images), 1)
    asked = {frozenset(pair) for pair in zip(scores.judged.first, scores.judged.second, strict=True)}
    pairs = [(scores.images[a], scores.images[b]) for a, b in zip(first, second, strict=True)]
    new = np.array([frozenset(pair) not in asked for pair in pairs])
    inside = scores.in_pool[first] & scores.in_pool[second]
    outside = ~scores.in_pool[first] & ~scores.in_pool[second]
    answers = expit([judging.judge.expected(*pair) for pair in pairs])
    slopes = np.empty((2, 2))
    for k in range(2):
        worths = PoolFit(scores.elo[:, k] / ELO_PER_LOGIT, np.zeros((len(truth), len(truth))), np.ones(len(truth)), 1.0)
        for row, part in enumerate((new & inside, new & outside)):
            slopes[row, k] = check_pool(worths, first[part], second[part], answers[part, k]).slope
        place = [pool.images.index(image) if image in pool.images else -1 for image in scores.images]
        members = new & inside
        own = np.array(place)[first[members]], np.array(place)[second[members]], answers[members, k]
        assert abs(check_pool(pool.fit(k), *own).slope - 1) < 3 * check_pool(pool.fit(k), *own).slope_se
        assert spearmanr(truth[:, k], scores.elo[:, k]).statistic > 0.98
    assert slopes.mean(axis=1) == pytest.approx([1, 1], abs=0.05)
    assert slopes[0] == pytest.approx(slopes[1], abs=0.05)


def test_standard_errors_are_those_of_the_scores(made):
    """The residuals about the line through the truth have the size that tau says: the sandwich error is honest."""
    _, _, scores = made
    truth, outside = truth_of(scores), ~scores.in_pool
    for k in range(2):
        line = np.polyfit(truth[outside, k], scores.elo[outside, k], 1)
        z = (scores.elo[outside, k] - np.polyval(line, truth[outside, k])) / scores.tau[outside, k]
        assert 0.8 < z.std() < 1.2


def test_half_of_the_opponents_are_spread_and_half_are_near(made):
    _, pool, scores = made
    mean_worth = pool.log_worths.mean(axis=1)
    place = {image: rank for rank, image in enumerate(np.array(pool.images)[np.argsort(mean_worth)])}
    for i in np.flatnonzero(~scores.in_pool)[:10]:
        ranks = np.array([place[name] for name in scores.opponents[i]])
        assert len(set(ranks)) == 12
        parts = np.array_split(np.arange(32), 6)
        assert [next(p for p, part in enumerate(parts) if rank in part) for rank in ranks[:6]] == list(range(6))
        assert np.ptp(ranks[6:]) <= 14  # six of the nearest, around those of the first round


def test_a_rating_does_not_depend_on_what_else_is_rated(made, tmp_path):
    judging, pool, scores = made
    alone = rate_outsiders(judging, pool, [image for image in IMAGES if image not in pool.images][3:4])
    place = scores.images.index(alone.images[0])
    np.testing.assert_array_equal(alone.log_worths[0] * ELO_PER_LOGIT, scores.elo[place])


def test_confidence_is_empirical_reliability(made):
    _, _, scores = made
    for k in range(2):
        held = 1 - scores.tau[:, k] ** 2 / made[1].elo_variance[k]  # what the prior left
        s2 = scores.elo[:, k].var(ddof=1) - (held * scores.tau[:, k] ** 2).mean()
        unheld = s2 / held.mean() ** 2
        np.testing.assert_allclose(scores.confidence[:, k], unheld / (unheld + scores.tau[:, k] ** 2 / held))
        assert scores.reliability[k] == pytest.approx(s2 / scores.elo[:, k].var(ddof=1), abs=0.03)
        assert scores.reliability[k] > 0.9
    assert scores.kept == DIMENSIONS


def test_reliability_is_that_of_one_fixed_precision_for_every_judge(made):
    judging, pool, scores = made
    older = build_pool(judging, IMAGES, prior_precision=0.1)
    assert older.images == pool.images
    fixed = rate_images(judging, older, IMAGES)
    assert fixed.opponents == scores.opponents  # so it is the same judgments
    np.testing.assert_allclose(fixed.reliability, scores.reliability, rtol=1e-12)


def test_tossed_coins_seldom_pass_for_a_signal(tmp_path):
    class Coins(KnownJudge):
        def answer(self, first, second):
            luck = np.random.default_rng([int(first, 16), int(second, 16)]).random(len(self.dimensions))
            return np.where(luck < 0.5, 20.0, -20.0)

    worths = known_images(50, d=60)
    names = tuple(f"dimension_{k}" for k in range(60))
    judge = Coins(worths, dimensions=names, batch_size=1024)
    with JudgmentStore(tmp_path, judge.fingerprint, names) as store:
        judging = Judging(store, judge, features_of(worths))
        scores = rate_images(
            judging, build_pool(judging, list(worths), size=25), list(worths), stop_without_signal=False
        )
    assert (scores.reliability >= 0.25).mean() < 0.14  # 0.19 where the estimated precision decided


def test_outsiders_can_be_rated_where_only_their_own_judgments_are_stored(made, tmp_path):
    judging, pool, scores = made
    strangers = [image for image in IMAGES if image not in pool.images][:5]
    with working(tmp_path) as asked:
        asked.ask([(stranger, member) for stranger in strangers for member in pool.images])
        stored = Judging(asked.store)  # without a judge
        assert not stored.can_answer(pool.pairs)
        found = rate_outsiders(stored, pool, strangers)
        with pytest.raises(InputFault, match=f"of {2 * len(pool.pairs)} judgments are missing"):
            rate_images(stored, pool, strangers)  # these hold the pool's judgments too
    rows = [scores.images.index(image) for image in strangers]
    assert (np.abs(found.log_worths * ELO_PER_LOGIT - scores.elo[rows]) < 2 * scores.tau[rows]).all()


def test_a_judge_that_always_gives_the_same_position_has_no_signal_and_no_division_by_zero():
    nothing = np.zeros((20, 1))  # every p is 1/2: worths, errors and the prior's variance are 0
    confidence, reliability = empirical_reliability(nothing, nothing, np.zeros(1))
    assert reliability == [0] and (confidence == 1).all()
    exact, reliability = empirical_reliability(np.arange(20.0)[:, None], nothing, np.zeros(1))
    assert reliability == [1] and (exact == 1).all()
    unknown, reliability = empirical_reliability(np.arange(20.0)[:, None], nothing + 3, np.ones(1))
    assert reliability == [0] and (unknown == 1).all()  # no score says more than the prior


def test_shuffled_judgments_stop_the_run(tmp_path):
    with working(tmp_path, shuffle_seed=0) as judging:
        pool = build_pool(judging, IMAGES)
        with pytest.raises(NoUsableSignal, match="no usable signal.*brushwork"):
            rate_images(judging, pool, IMAGES)
        scores = rate_images(judging, pool, IMAGES, stop_without_signal=False)
    assert scores.kept == DIMENSIONS and np.isfinite(scores.confidence).all()
    truth = np.array([WORTHS[image] for image in scores.images])
    assert abs(spearmanr(truth[:, 1], scores.elo[:, 1]).statistic) < 0.35


def test_a_dimension_without_signal_is_dropped_and_named(tmp_path):
    noise_only = {image: worth * np.array([0.0, 1.0]) for image, worth in WORTHS.items()}
    with working(tmp_path, KnownJudge(noise_only, noise=1.0, dimensions=DIMENSIONS, batch_size=64)) as judging:
        scores = rate_images(judging, build_pool(judging, IMAGES), IMAGES)
    assert scores.kept == ("overall",) and scores.dropped == ("brushwork",)


def test_an_image_on_which_the_judge_is_silent_has_no_score_and_is_not_given_one(tmp_path):
    class Silent(KnownJudge):
        def compare(self, pairs):
            answers = super().compare(pairs)
            answers[[IMAGES[-1] in (a.sha256, b.sha256) for a, b in pairs], 0] = np.nan
            return answers

    with working(tmp_path, Silent(WORTHS, noise=0.2, dimensions=DIMENSIONS, batch_size=64)) as judging:
        scores = rate_images(judging, build_pool(judging, IMAGES[:-1]), IMAGES)
    assert np.isnan(scores.elo[-1, 0]) and np.isfinite(scores.elo[-1, 1])
    assert scores.kept == DIMENSIONS


def test_another_judges_pool_is_refused(made, tmp_path):
    _, pool, _ = made
    other = KnownJudge(WORTHS, dimensions=DIMENSIONS)
    with working(tmp_path, other) as judging, pytest.raises(InputFault, match="another model"):
        rate_images(judging, pool, IMAGES)


def test_paintings_from_elsewhere_can_be_rated_against_the_pool(made):
    judging, pool, _ = made
    strangers = [image for image in IMAGES if image not in pool.images][:20]
    scores = rate_images(judging, pool, strangers, stop_without_signal=False)
    assert scores.images == tuple(strangers) and not scores.in_pool.any()


def test_pool_members_alone_need_no_outsider(made, tmp_path):
    _, pool, _ = made
    for options in ({}, {"shuffle_seed": 0}):
        with working(tmp_path, **options) as judging:
            scores = rate_images(judging, pool, pool.images, stop_without_signal=False)  # shuffled, there is none
        np.testing.assert_array_equal(scores.elo, pool.elo)


def test_saved_and_loaded_they_are_the_same(made, tmp_path):
    _, _, scores = made
    back = PseudoScores.load(scores.save(tmp_path))
    assert back.hash == scores.hash and back.kept == scores.kept and back.opponents == scores.opponents
    np.testing.assert_array_equal(back.judged.delta, scores.judged.delta)
    table = pd.read_parquet(tmp_path / "pseudo_scores.parquet")
    table.loc[0, "overall"] += 1
    table.to_parquet(tmp_path / "pseudo_scores.parquet")
    with pytest.raises(InputFault, match="hash"):
        PseudoScores.load(tmp_path)
