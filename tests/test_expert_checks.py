"""A bad expert is flagged by name, an honest one is not, and the fused scores move less than the plain mean."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from ppaint.preference_to_score import (
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
