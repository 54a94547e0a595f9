"""A bad expert is flagged by name, an honest one is not, and the fused scores move less than the plain mean."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from ppaint.preference_to_score import (
    Comparisons,
    Ratings,
    expert_checks,
    expert_profiles,
    joint_scale,
    mean_opinion_score,
    worths_on_scale,
)
from ppaint.preference_to_score.panel.expert_checks import AGAINST, CHANCE, COPY, MIDDLE

PATH = Path(__file__).resolve().parents[1] / "benchmarks" / "simulated_judgments.py"
_SPEC = importlib.util.spec_from_file_location("simulated_judgments", PATH)
simulated = sys.modules["simulated_judgments"] = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(simulated)

# what expert 0 is flagged for in which protocol; one of them is enough
EXPECTED = {
    "careless": {(CHANCE, "ratings"), (CHANCE, "preferences"), (AGAINST, "ratings"), (AGAINST, "preferences")},
    "reversed in ratings": {(AGAINST, "ratings")},
    "reversed in both": {(AGAINST, "ratings"), (AGAINST, "preferences")},
    "middle only": {(MIDDLE, "ratings")},
    "copier": {(COPY, "ratings"), (COPY, "preferences")},
}


@pytest.fixture(scope="module")
def facets():
    """A few facets of one release, clean and under every adversary."""
    chosen = slice(0, 15, 5)
    found = {name: simulated.simulated_facets(70, change)[chosen] for name, change in simulated.ADVERSARIES.items()}
    return found | {"clean": simulated.simulated_facets(70)[chosen]}


def flags(facet):
    return expert_checks(expert_profiles(facet.comparisons, facet.ratings))


def scores(facet):
    a = worths_on_scale(facet.comparisons, facet.ratings).scores
    b = joint_scale(facet.comparisons, facet.ratings, simulated.SCALE).scores
    return mean_opinion_score(facet.ratings).scores, (a + b) / 2


@pytest.mark.parametrize("name", EXPECTED)
def test_the_bad_expert_is_flagged_by_name_for_what_he_did(facets, name):
    for facet in facets[name]:
        own = {(flag.what, flag.protocol) for flag in flags(facet) if flag.rater == 0}
        assert own and own <= EXPECTED[name]


def test_nobody_is_flagged_in_an_honest_panel(facets):
    assert not any(flags(facet) for facet in facets["clean"])


def test_both_copies_are_named_with_the_other(facets):
    found = {(flag.rater, flag.other) for flag in flags(facets["copier"][0]) if flag.what == COPY}
    assert found == {(0, 1), (1, 0)}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_fused_scores_move_less_than_the_mean_opinion_score(facets, name):
    moved = []
    for clean, attacked in zip(facets["clean"], facets[name], strict=True):
        pairs = zip(scores(clean), scores(attacked), strict=True)
        moved.append([np.sqrt(((one - other) ** 2).mean()) for one, other in pairs])
    mos, fused = np.mean(moved, axis=0)
    assert fused < mos


def test_two_experts_are_not_called_copies_for_want_of_others_to_compare_with():
    value = np.tile(np.arange(20) % 7 + 1, 2)
    marks = Ratings.from_arrays(np.tile(range(20), 2), np.repeat([0, 1], 20), value)
    assert not expert_checks(expert_profiles(None, marks))


def panel_of(experts, kind, seed, items=12):
    """Experts of one noise, each drawn alone; expert 0 careless, reversed, or with the answers of expert 1."""
    rng = np.random.default_rng([seed, items, experts])
    quality = np.linspace(-2.5, 2.5, items)
    one, two = np.triu_indices(items, 1)
    won = (quality[one] - quality[two] + 0.6 * rng.normal(size=(experts, one.size)) > 0).astype(float)
    mark = np.clip(np.rint(5.5 + 1.6 * quality + 0.6 * rng.normal(size=(experts, items))), 1, 10)
    if kind == "careless":
        won[0], mark[0] = rng.random(one.size) < 0.5, rng.integers(1, 11, items)
    if kind == "reversed":
        won[0], mark[0] = 1 - won[0], 11 - mark[0]
    if kind == "copy":
        won[0], mark[0] = won[1], mark[1]
    games = Comparisons.from_arrays(
        np.tile(one, experts), np.tile(two, experts), won.ravel(), rater=np.repeat(range(experts), one.size)
    )
    return games, Ratings.from_arrays(np.tile(range(items), experts), np.repeat(range(experts), items), mark.ravel())


@pytest.mark.parametrize("experts", [3, 4, 5])
@pytest.mark.parametrize("kind", ["honest", "careless", "reversed", "copy"])
def test_in_a_small_panel_the_bad_expert_is_named_and_no_honest_one(experts, kind):
    named = {"honest": set(), "careless": {0}, "reversed": {0}, "copy": {0, 1}}[kind]
    for seed in range(3):
        found = expert_checks(expert_profiles(*panel_of(experts, kind, seed)))
        assert {flag.rater for flag in found} == named
        assert all((flag.what == COPY) == (kind == "copy") for flag in found)


def test_an_honest_expert_is_not_against_others_who_are_as_often_with_as_against_him():
    for seed in range(8):
        games, marks = panel_of(3, "reversed", seed, items=20)
        assert {flag.rater for flag in expert_checks(expert_profiles(games, marks))} == {0}


def test_one_common_judgment_answered_alike_is_no_twin_and_what_is_shared_is_told():
    item = [*range(40), *range(40), 0]
    rater = ["x"] * 40 + ["y"] * 40 + ["z"]
    value = [*(i % 5 for i in range(40)), *(i % 5 + (i % 4 == 3) for i in range(40)), 0]
    profiles = expert_profiles(None, Ratings.from_arrays(item, rater, value))
    others, share = profiles.most_alike("ratings")
    assert others[0] == "y" and share[0] == 0.75 and profiles.shared_with_most_alike("ratings")[0] == 40
    assert others[2] == "x" and share[2] == 1 and profiles.shared_with_most_alike("ratings")[2] == 1
    assert profiles.most_alike("preferences")[0] == (None, None, None)
    assert profiles.shared_with_most_alike("preferences").tolist() == [0, 0, 0]
