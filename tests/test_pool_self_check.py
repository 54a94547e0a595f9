"""The pool's self-check: pairs that made no worth are asked, counted, saved; where none are left, that is said."""

import json
from dataclasses import replace

import numpy as np
import pytest
from known_judge import KnownJudge, features_of, known_images

from ppaint.images import InputFault
from ppaint.trainer import Judging, JudgmentStore, PoolSelfCheck, build_pool, check_members

DIMENSIONS = ("brushwork", "overall")


def checked(folder, images=90, size=32, scale=1.0, **habits):
    worths = known_images(images, d=2, seed=1)
    judge = KnownJudge(worths, dimensions=DIMENSIONS, batch_size=64, **habits)
    with JudgmentStore(folder, judge.fingerprint, DIMENSIONS) as store:
        judging = Judging(store, judge, features_of(worths))
        pool = build_pool(judging, list(worths), size=size)
        pool.log_worths[:] *= scale
        pool.covariance[:] *= scale**2
        before = len(judge.asked)
        check = check_members(judging, pool)
        return check, pool, len(judge.asked) - before


def test_only_pairs_that_made_no_worth_are_asked_and_they_are_counted(tmp_path):
    check, pool, asked = checked(tmp_path, bias=0.5, noise=0.6)
    scheduled = {frozenset(pair) for pair in pool.pairs}
    assert asked == 2 * len(check.pairs) == 2 * 4 * 32 and len(set(map(frozenset, check.pairs))) == 128
    assert not scheduled & {frozenset(pair) for pair in check.pairs}
    assert len(check.pairs) <= 32 * 12 - len(pool.pairs)
    assert check.warnings() == [] and check.together.passed
    assert all(part.passed and part.comparisons == 128 for part in check.checks)


def test_a_squeezed_pool_is_warned_of(tmp_path):
    check, _, _ = checked(tmp_path, scale=0.77, bias=0.5, noise=0.6)
    assert check.together.passed is False and any("squeezed" in sentence for sentence in check.warnings())
    assert check.together.slope == pytest.approx(1 / 0.77, abs=0.1)


def test_a_small_pool_leaves_no_pair_and_says_so(tmp_path):
    check, pool, asked = checked(tmp_path, images=12)
    assert len(pool.images) == 6 and asked == 0 and check.checks == (None, None) and check.together is None
    assert check.warnings() == ["not possible, the pool's own schedule leaves no pair of its 6 members to ask"]


def test_a_judge_without_knowledge_makes_no_pass(tmp_path):
    check, _, _ = checked(tmp_path, noise=80.0)
    assert not any(part is not None and part.passed for part in check.checks) and check.warnings()


def test_what_is_found_of_one_dimension_is_said_once(tmp_path):
    check, _, _ = checked(tmp_path, scale=0.77, bias=0.5, noise=0.6)
    assert len(check.warnings()) == 3
    alone = replace(check, checks=(check.checks[0], None), not_possible=(None, "too few answers"))
    assert [sentence.split(":")[0] for sentence in alone.warnings()] == ["overall", "brushwork"]
    unsure = replace(check.together, passed=None)
    unsure = replace(alone, checks=(unsure, None), together=unsure)
    assert len(unsure.warnings()) == 2 and "nothing can be said" in unsure.warnings()[1]


def test_a_judge_that_always_gives_the_same_position_cannot_be_checked(tmp_path):
    class Stubborn(KnownJudge):
        def answer(self, first, second):
            return np.full(2, 3.0)

    worths = known_images(50, d=2)
    judge = Stubborn(worths, dimensions=DIMENSIONS)
    with JudgmentStore(tmp_path, judge.fingerprint, DIMENSIONS) as store:
        judging = Judging(store, judge, features_of(worths))
        check = check_members(judging, build_pool(judging, list(worths), size=20))
    assert check.warnings() == ["not possible, the pool's worths have no spread beyond their error"]


def test_saved_and_loaded_it_is_the_same(tmp_path):
    check, _, _ = checked(tmp_path / "judged", bias=0.5, noise=0.6)
    assert PoolSelfCheck.load(check.save(tmp_path)) == check
    none, _, _ = checked(tmp_path / "few", images=12)
    assert PoolSelfCheck.load(none.save(tmp_path)) == none


def test_an_older_versions_check_is_read_as_none(tmp_path):
    old = {"dimensions": DIMENSIONS, "rated_again": np.zeros((4, 2)).tolist(), "checks": [None, None]}
    (tmp_path / "pool_check.json").write_text(json.dumps(old))
    check = PoolSelfCheck.load(tmp_path)
    assert check.checks == (None, None) and "older version" in check.warnings()[0]


def test_what_is_no_self_check_is_refused(tmp_path):
    (tmp_path / "pool_check.json").write_text(json.dumps({"dimensions": DIMENSIONS}))
    with pytest.raises(InputFault, match="not a self-check"):
        PoolSelfCheck.load(tmp_path)
