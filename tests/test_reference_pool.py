"""The reference pool: spread, judged on a locally dense schedule, fitted, frozen and hashed."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from known_judge import KnownJudge, features_of, known_images

from ppaint.images import InputFault
from ppaint.preference_to_score import ELO_PER_LOGIT
from ppaint.trainer import Judging, JudgmentStore, ReferencePool, build_pool
from ppaint.trainer.pseudo_scores.reference_pool import pool_schedule

WORTHS = known_images(80, d=2)
DIMENSIONS = ("brushwork", "overall")


def make_pool(folder, worths=WORTHS, judge=None, **options):
    judge = judge or KnownJudge(worths, bias=0.5, noise=0.4, dimensions=DIMENSIONS, batch_size=64)
    with JudgmentStore(folder, judge.fingerprint, judge.dimensions) as store:
        return build_pool(Judging(store, judge, features_of(worths)), list(worths), **options)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    return make_pool(tmp_path_factory.mktemp("pool"))


def test_worths_lie_on_the_truth_in_the_judges_own_units(pool):
    truth = np.array([WORTHS[image] for image in pool.images])
    for k in range(2):
        slope, _ = np.polyfit(truth[:, k], pool.log_worths[:, k], 1)
        assert slope == pytest.approx(1, abs=0.06)
        assert np.corrcoef(truth[:, k], pool.log_worths[:, k])[0, 1] > 0.99


def test_without_noise_and_with_hardly_a_prior_the_worths_are_the_truth(tmp_path):
    pool = make_pool(tmp_path, judge=KnownJudge(WORTHS, bias=3.0, dimensions=DIMENSIONS), prior_precision=1e-9)
    truth = np.array([WORTHS[image] for image in pool.images])
    np.testing.assert_allclose(pool.log_worths, truth - truth.mean(axis=0), atol=1e-6)


def test_elo_is_400_points_a_factor_of_ten(pool):
    np.testing.assert_allclose(pool.elo, pool.log_worths * 400 / np.log(10))
    assert pytest.approx(400 / np.log(10)) == ELO_PER_LOGIT


def test_members_are_spread_over_the_judges_own_pointwise_scores(pool):
    score = {image: float(np.mean(worth)) for image, worth in WORTHS.items()}
    mine = [score[image] for image in pool.images]
    assert len(set(pool.images)) == 32
    # the pointwise distribution is cut off at 0 and 9, so its mean follows the worth but not to the last place
    assert np.corrcoef(mine, np.sort(mine))[0, 1] > 0.95
    assert min(mine) < np.quantile(list(score.values()), 0.03) and max(mine) > np.quantile(list(score.values()), 0.97)


def test_schedule_is_locally_dense(pool):
    gaps = pool.schedule[:, 1] - pool.schedule[:, 0]
    assert (gaps <= 6).sum() == 171 and (gaps > 6).sum() == 32
    assert len({tuple(pair) for pair in pool.schedule}) == 203


def test_a_small_set_gets_a_small_pool_and_it_is_said(tmp_path):
    few = dict(list(WORTHS.items())[:20])
    pool = make_pool(tmp_path, few)
    assert len(pool.images) == pool.settings["size"] == 10
    assert pool.settings["size_asked_for"] == 32
    assert len(pool_schedule(10, 6, 32, 0)) == 45


def test_too_few_images_are_refused(tmp_path):
    with pytest.raises(InputFault, match="at least 12"):
        make_pool(tmp_path, dict(list(WORTHS.items())[:11]))


def test_the_same_judgments_give_the_same_hash(pool, tmp_path):
    assert make_pool(tmp_path).hash == pool.hash
    assert dataclasses.replace(pool, judge="another").hash != pool.hash
    assert dataclasses.replace(pool, log_worths=pool.log_worths + 1e-12).hash != pool.hash
    assert dataclasses.replace(pool, means=pool.means + 1e-12).hash != pool.hash
    assert dataclasses.replace(pool, interaction=(0.5, 0.5)).hash != pool.hash


def test_an_uncertain_worth_promises_less_than_its_mean(pool):
    """The means lie farther apart than what sigma(difference) is to be the expected answer of."""
    assert (pool.means.std(axis=0) > pool.log_worths.std(axis=0)).all()
    shift = (pool.log_worths - pool.means) * ELO_PER_LOGIT
    own = np.diagonal(pool.covariance, axis1=1, axis2=2).T * ELO_PER_LOGIT**2
    np.testing.assert_allclose(pool.elo_se**2, own + shift**2)


def test_saved_and_loaded_it_is_the_same_to_the_last_bit(pool, tmp_path):
    back = ReferencePool.load(pool.save(tmp_path))
    assert back.hash == pool.hash
    np.testing.assert_array_equal(back.covariance, pool.covariance)
    np.testing.assert_array_equal(back.schedule, pool.schedule)
    np.testing.assert_array_equal(back.means, pool.means)
    assert back.interaction == pool.interaction and len(pool.interaction) == 2
    table = pd.read_parquet(tmp_path / "pool.parquet")
    assert {"sha256", "overall", "overall_se"} <= set(table) and len(table) == 32


def test_a_pool_that_was_touched_is_refused(pool, tmp_path):
    pool.save(tmp_path)
    table = pd.read_parquet(tmp_path / "pool.parquet")
    table.loc[0, "overall_log_worth"] += 1e-6
    table.to_parquet(tmp_path / "pool.parquet")
    with pytest.raises(InputFault, match="hash"):
        ReferencePool.load(tmp_path)
    with pytest.raises(InputFault, match="missing"):
        ReferencePool.load(tmp_path / "nowhere")


def test_a_dimension_on_which_the_judge_is_silent_has_no_worths(tmp_path):
    class Silent(KnownJudge):
        def compare(self, pairs):
            answers = super().compare(pairs)
            answers[:, 0] = np.nan
            return answers

    pool = make_pool(tmp_path, judge=Silent(WORTHS, dimensions=DIMENSIONS, batch_size=64))
    assert np.isnan(pool.log_worths[:, 0]).all()
    assert np.isfinite(pool.log_worths[:, 1]).all()


class Stumped(KnownJudge):
    """Gives no finite answer about some images."""

    lost: frozenset = frozenset()

    def compare(self, pairs):
        answers = super().compare(pairs)
        answers[[one.sha256 in self.lost or other.sha256 in self.lost for one, other in pairs]] = np.nan
        return answers

    def rate(self, features):
        said = super().rate(features)
        said[[feature.sha256 in self.lost for feature in features]] = np.nan
        return said


def test_an_image_that_the_judge_cannot_rate_is_no_member(tmp_path):
    judge = Stumped(WORTHS, dimensions=DIMENSIONS)
    judge.lost = frozenset(list(WORTHS)[10:13])
    pool = make_pool(tmp_path, judge=judge)
    assert len(pool.images) == 32 and not judge.lost & set(pool.images)
    assert np.isfinite(pool.log_worths).all()


def test_a_judge_that_can_rate_too_few_images_is_refused(tmp_path):
    class OneDimension(KnownJudge):
        def rate(self, features):
            said = super().rate(features)
            said[1:, 1] = np.nan
            return said

    with pytest.raises(InputFault, match="could rate only 10 of 80 images in every dimension"):
        make_pool(tmp_path, judge=OneDimension(WORTHS, dimensions=DIMENSIONS))
