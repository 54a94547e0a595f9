"""The scale of a distilled scorer: its base model's, and where there is none, that is said."""

import numpy as np
import pytest

from ppaint.model_card.calibration import anchor_to_base
from ppaint.model_card.scorer_config import Calibration

AFTER = np.array([[1.0], [2.0], [4.0], [8.0]])
BEFORE = 3 + 2 * AFTER


def test_the_map_gives_the_base_models_mean_and_spread():
    found = anchor_to_base(["line"], AFTER, BEFORE)
    assert found.maps["line"].slope == pytest.approx(2) and found.maps["line"].intercept == pytest.approx(3)
    assert found.remarks() == [] and "base model's own" in found.note()


@pytest.mark.parametrize("which", ["after", "before"])
def test_an_image_without_a_score_is_left_out_and_counted(which):
    after, before = AFTER.copy(), BEFORE.copy()
    {"after": after, "before": before}[which][2] = np.nan
    found = anchor_to_base(["line"], after, before)
    kept = [0, 1, 3]
    expected = anchor_to_base(["line"], AFTER[kept], BEFORE[kept]).maps
    assert found.maps == expected and found.left_out == {"line": 1}
    assert "1 training image without a finite pointwise score in line" in found.note()


@pytest.mark.parametrize(
    ("after", "before", "why"),
    [
        (AFTER, np.full((4, 1), 7.0), "the base model gave all training images one score (7)"),
        (np.full((4, 1), 2.5), BEFORE, "the distilled model gave all training images one score (2.5)"),
        (AFTER, 7 + 1e-7 * AFTER, "the base model gave all training images one score (7)"),
        (AFTER, np.array([[5.0], [np.nan], [np.nan], [np.nan]]), "1 training images have a finite pointwise score"),
        (AFTER, np.full((4, 1), np.nan), "0 training images have a finite pointwise score"),
    ],
)
def test_a_dimension_without_a_scale_is_not_calibrated_and_the_others_are(after, before, why):
    both = anchor_to_base(["line", "ink"], np.hstack([after, AFTER]), np.hstack([before, BEFORE]))
    assert both.maps == {"ink": Calibration(slope=2.0, intercept=3.0)} and both.without == {"line": why}
    alone = anchor_to_base(["line"], after, before)
    assert alone.note() == f"none: the readout's own 0 to 9 scale; line is not calibrated: {why}"
