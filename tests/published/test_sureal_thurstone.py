"""Figures that others printed: Thurstone scores of 40 images in five groups that were never compared with one another."""

import pytest
from sureal_pairs import judged, needs_the_data, printed_scores

from ppaint.preference_to_score import thurstone

pytestmark = needs_the_data


def test_thurstone_scores_within_each_group_come_out_to_five_digits():
    # the reference is z-scored over all 40 images, so it has one factor in common, and a zero for each group to take out
    fit = thurstone(judged(), per_component=True)
    printed = printed_scores("thurstone_z", fit.component)
    factor = fit.scores @ printed / (fit.scores @ fit.scores)
    assert factor * fit.scores == pytest.approx(printed, abs=1e-5)


def test_the_disconnected_graph_is_refused_unless_asked_for_by_parts():
    with pytest.raises(ValueError, match="disconnected: it falls into 5 parts"):
        thurstone(judged())
