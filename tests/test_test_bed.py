"""The test bed trains what users train, and counts what it claims as it says."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from test_bed import BUDGET_IMAGES, CANDIDATE, FAMILY, SCHEDULES, budget_arm, budget_arms, in_way
from test_bed_arm import SETTING, STEPS, BedArm
from test_bed_budget import curves, enough, judgments_of
from test_bed_claims import (
    claim_arms,
    claimed,
    claims_a_gain,
    figures_by_regime,
    figures_of,
    holds,
    rows_by_regime,
    second_make,
)
from test_bed_labels import with_own_ratings
from test_bed_regimes import Regime, shuffled_pairs
from test_bed_rules import Saved, kept_looks

from ppaint.trainer import PSDistillExactConfig, Recipe, recipe_settings
from ppaint.trainer.cross_fitting import choose_looks
from ppaint.trainer.training_table import training_table


@pytest.mark.parametrize(("way", "recipe"), [(FAMILY, Recipe.paper), (CANDIDATE, Recipe.recommended)])
@pytest.mark.parametrize("images", [50, 100, 160])
def test_arms_are_trained_by_the_recipes(way, recipe, images):
    arm = in_way(Regime("shipped", images, 0.25), 1, way)
    wanted = recipe_settings(recipe, images=images, parameters=1)
    trained = SETTING | {"max_steps": STEPS, "objective": arm.objective} | arm.options
    trained |= {"joint_fit": True} if trained.pop("estimator", "") == "joint" else {}
    assert trained == {name: value for name, value in wanted.items() if name not in ("eval_steps", "save_steps")}
    assert BedArm.from_name(arm.name) == arm


def test_the_look_that_is_kept_is_that_of_a_users_run(scores, tmp_path):
    args = PSDistillExactConfig(output_dir=str(tmp_path), use_cpu=True, folds=3)
    table = training_table(scores, held_out_fraction=0, seed=args.seed, held_out=set(scores.images))
    rng, signal = np.random.default_rng(0), np.nan_to_num(table.elo) / table.elo.std()
    looks = [rng.normal(size=signal.shape) + share * signal for share in (0.0, 0.3, 1.0, 1.0, 0.9)]
    pairs = {
        f"{side}_{part}": getattr(getattr(table, f"{side}_pairs"), part)
        for side in ("training", "held_out")
        for part in ("first", "second", "delta")
    }
    arrays = {"steps": np.arange(5), "mean": np.stack(looks), "elo": table.elo, "held_out": table.held_out}
    arrays |= {
        "confidence": table.confidence,
        "dimensions": np.array(table.dimensions),
        "reliability": table.reliability,
    }
    arrays |= {"evaluated": np.stack([one[None] for one in looks])[:, 0], "truth": signal[None]} | pairs
    _, best, good = choose_looks(looks, range(5), scores, args, table, 0.02)
    assert kept_looks(Saved(arrays | {"chance": 0.02}), folds=True) == good and best in good
    assert kept_looks(Saved(arrays | {"chance": 0.03}), folds=True) == [0]


def test_gains_are_paired_by_stand_in_and_a_lone_arm_is_left_out():
    rows = [
        {"arm": in_way(Regime("shipped", 50, 0.25), seed, way).name, "srcc": srcc, "srcc_start": 0.1, "label_srcc": 0.5}
        for seed, way, srcc in [
            (100, FAMILY, 0.5),
            (100, CANDIDATE, 0.6),
            (101, FAMILY, 0.7),
            (101, CANDIDATE, 0.72),
            (102, FAMILY, 0.9),
        ]
    ]
    (pairs,) = rows_by_regime(rows).values()
    found = figures_of(pairs)
    assert found["stand-ins"] == 2 and found["ahead"] == 2 and found["gain"] == pytest.approx(0.06)
    assert found["low"] < 0 < found["p"] < 0.5  # two stand-ins prove nothing
    assert [second_make(judge) for judge in ("shipped", "weak-0")] == ["shipped", "weak-1"]


def test_a_claim_holds_where_it_is_ahead_beyond_chance_and_without_headroom_where_nothing_is_lost():
    def claim(headroom, gain, low, p=0.01):
        return holds({"headroom": headroom, "gain": gain, "low": low, "p_holm": p})

    assert claim(0.05, 0.02, 0.001) and not claim(0.05, 0.02, -0.001) and not claim(0.05, 0.009, 0.005)
    assert not claim(0.05, 0.02, 0.001, 0.06) and not claim(float("nan"), -0.1, -0.2)
    assert claim(0.0, -0.002, -0.01) and not claim(0.0, -0.004, -0.01)


def test_regimes_that_are_claimed_stay_those_that_were_named():
    named = claimed()
    assert len(named) == 16 and sum(one >= 0.03 for one in named.values()) == 12
    arms = claim_arms()
    assert {arm.regime.name for arm in arms} == set(named) and {arm.seed for arm in arms} == set(range(100, 120))
    assert len(arms) == 16 * 20 * 2
    rng = np.random.default_rng(0)
    rows = [
        {
            "arm": arm.name,
            "srcc": 0.5 + 0.05 * (arm.objective == CANDIDATE[0]) + 0.01 * rng.normal(),
            "srcc_start": 0,
            "label_srcc": 0,
        }
        for arm in arms
    ]
    found = figures_by_regime(rows)
    assert list(found) == list(named) and all(holds(one) for one in found.values())
    assert {name for name, one in found.items() if "p_holm" in one} == {
        n for n, one in found.items() if claims_a_gain(one)
    }


def test_every_judgment_is_counted_and_the_first_schedule_that_is_enough_is_found():
    members, games = SCHEDULES[0]
    asked = [judgments_of(one) for one in SCHEDULES]
    assert asked == sorted(asked, reverse=True) and len(set(asked)) == len(asked)
    assert asked[0] == 2 * (203 + (BUDGET_IMAGES - members) * games + 128)  # the pool, outsiders, the self-check

    regime = next(iter({arm.regime for arm in budget_arms()}))
    srcc = {"family": [0.8, 0.796, 0.78, 0.7, 0.796, 0.5, 0.4], "recipe": [0.84, 0.83, 0.82, 0.8, 0.7, 0.6, 0.5]}
    rows = [
        {"arm": budget_arm(regime, seed, way, one, draw).name, "srcc_of_run": srcc[name][k] + 0.01 * seed}
        for name, way in (("family", FAMILY), ("recipe", CANDIDATE))
        for seed, draw in sorted({(arm.seed, arm.draw) for arm in budget_arms()})
        for k, one in enumerate(SCHEDULES)
    ]
    found = enough(curves(rows)[regime.judge])
    assert found["first"] == {"family": asked[4], "recipe": asked[3]}
    assert found["from_on"] == {"family": asked[1], "recipe": asked[3]}
    draws = len(curves(rows)[regime.judge]["family"][asked[0]])
    assert len(curves(rows[1:])[regime.judge]["family"][asked[0]]) == draws - 1  # one that is not whole does not count


def test_shuffled_judgments_are_those_of_other_pairs_either_way_round():
    forward = np.random.default_rng(0).normal(size=(9, 9, 2))
    found, (a, b) = shuffled_pairs(forward, np.random.default_rng(1)), np.triu_indices(9, 1)
    before, after = (
        {frozenset((tuple(x[i, j]), tuple(x[j, i]))) for i, j in zip(a, b, strict=True)} for x in (forward, found)
    )
    assert before == after and np.abs(found - forward)[a, b].min(axis=1).max() > 0
    assert (
        0.2
        < np.mean(
            [
                tuple(found[i, j]) in {tuple(forward[p, q]) for p, q in zip(a, b, strict=True)}
                for i, j in zip(a, b, strict=True)
            ]
        )
        < 0.8
    )


def test_own_ratings_help_as_a_prior_where_they_go_along_with_the_judgments_alone(scores):
    rng, n = np.random.default_rng(3), 400
    worth = rng.normal(size=n)
    told = worth + rng.normal(size=n)  # what the judgments say; half of it is kept under a prior of variance 1
    columns = np.tile((told / 2)[:, None], (1, 2))
    noisy = dataclasses.replace(scores, elo=columns, tau=np.full((n, 2), np.sqrt(0.5)))
    ratings = np.stack([worth + 0.5 * rng.normal(size=n), rng.normal(size=n)], axis=1)
    found = with_own_ratings(noisy, ratings)
    before, *after = (np.corrcoef(one, worth)[0, 1] for one in (columns[:, 0], found.elo[:, 0], found.elo[:, 1]))
    assert after[0] > before + 0.15 and abs(after[1] - before) < 0.02
    left = 0.25 / 1.25  # variance of the worth, the rating known
    assert found.tau[0] == pytest.approx([np.sqrt(1 / (1 + 1 / left)), np.sqrt(0.5)], rel=0.15)
