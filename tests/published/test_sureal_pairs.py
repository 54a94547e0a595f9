"""Figures that others printed: Bradley-Terry log-worths of 40 images in five groups never compared with one another."""

import pytest
from sureal_pairs import judged, needs_the_data, printed_scores

from ppaint.preference_to_score import bradley_terry

pytestmark = needs_the_data


def test_log_worths_within_each_group_come_out_to_five_digits():
    # the level of each group is open: the reference fixes it in a way of its own, here the mean is zero
    fit = bradley_terry(judged(), per_component=True)
    assert fit.log_worths == pytest.approx(printed_scores("bt_mle", fit.component), abs=1e-5)


def test_the_disconnected_graph_is_refused_unless_asked_for_by_parts():
    with pytest.raises(ValueError, match="disconnected: it falls into 5 parts.*per_component=True"):
        bradley_terry(judged())
