"""Notes on predictions that are probably not what they should be; nothing is changed."""

import numpy as np
import pandas as pd
import pytest

from ppaint.eval_suite import ReferenceScores
from ppaint.eval_suite.prediction_notes import facet_ceilings, prediction_notes, score_columns_of

CATEGORIES, DIMENSIONS, PAINTINGS = ("landscape", "figure"), ("line", "overall"), 20


@pytest.fixture
def references():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        [(f"{category}_{place}", category) for category in CATEGORIES for place in range(PAINTINGS)],
        columns=["painting_id", "category"],
    )
    values = 5 + rng.normal(size=(len(table), len(DIMENSIONS)))
    errors = np.full_like(values, 0.3)
    return ReferenceScores(
        table, values, DIMENSIONS, "overall", "fused scores", ("srcc",), (), errors, "small", "small", False
    )


@pytest.fixture
def honest(references):
    return references.values + np.random.default_rng(1).normal(size=references.values.shape)


def test_honest_predictions_have_no_note(references, honest):
    assert prediction_notes(honest, references, facet_ceilings(references)) == ()


def test_a_reversed_dimension_is_asked_about(references, honest):
    honest[:, 1] *= -1
    [note] = prediction_notes(honest, references)
    assert note.startswith("the SRCC is negative in landscape, overall (-0.") and "figure, overall" in note
    assert note.endswith("are these scores reversed?") and "line" not in note


def test_a_reversed_system_is_one_note(references, honest):
    assert prediction_notes(-honest, references) == ("the SRCC is negative in every facet: are these scores reversed?",)


def test_what_is_above_the_noise_ceiling_of_its_facet_is_named(references, honest):
    honest[:PAINTINGS, 0] = references.values[:PAINTINGS, 0] + 0.1 * np.random.default_rng(2).normal(size=PAINTINGS)
    [note] = prediction_notes(honest, references, facet_ceilings(references))
    assert note.startswith("the SRCC is above the noise ceiling in landscape, line (0.9") and "figure" not in note


@pytest.mark.parametrize("scale, how", [(1.0, "equal to"), (2.5, "in the order of"), ("rounded", "in the order of")])
def test_a_column_of_the_release_is_recognised_also_on_another_scale(references, honest, scale, how):
    table = references.table.assign(line=references.values[:, 0], line_a=honest[:, 1], line_se=0.6)
    pasted = honest.copy()
    pasted[:, 1] = np.round(table["line_a"], 3) if scale == "rounded" else scale * table["line_a"]
    [note] = prediction_notes(pasted, references, columns=score_columns_of(table))
    assert note == f"overall: the predictions are {how} the column line_a of small"


def test_labels_turned_round_are_recognised_too(references):
    notes = prediction_notes(10 - references.values, references)
    assert notes[0] == "the SRCC is negative in every facet: are these scores reversed?"
    assert notes[1:] == tuple(
        f"{name}: the predictions are in the reversed order of the column {name} of small" for name in DIMENSIONS
    )


def test_the_own_column_is_named_before_another(references, honest):
    same = np.column_stack([references.values[:, 1], references.values[:, 1]])
    columns = {"line": same[:, 0], "overall": same[:, 1]}
    notes = prediction_notes(same, references, columns=columns)
    assert notes[-1] == "overall: the predictions are equal to the column overall of small"


def test_constants_and_abstentions_are_no_copies(references, honest):
    honest[:, 0] = 5.0
    honest[1:, 1] = np.nan
    honest[0, 1] = references.values[0, 1]
    assert prediction_notes(honest, references, facet_ceilings(references)) == ()


def test_the_ceiling_of_a_facet_is_the_root_of_its_reliability(references):
    found = facet_ceilings(references)
    inside = references.values[:PAINTINGS, 0]
    assert found["landscape", "line"] == pytest.approx(np.sqrt(1 - 0.09 / inside.var(ddof=1)))
    assert facet_ceilings(references, np.full_like(references.values, np.nan)) == {}
