"""A system that abstains: figures on what it answered, beside them with its medians, and none where it answered too little."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ppaint.eval_suite import ReferenceScores, evaluate_answered, evaluate_values

CATEGORIES, DIMENSIONS, PAINTINGS = ("landscape", "figure"), ("line", "tone", "overall"), 12


@pytest.fixture
def references():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        [(f"{category}_{place}", category) for category in CATEGORIES for place in range(PAINTINGS)],
        columns=["painting_id", "category"],
    )
    values = rng.normal(size=(len(table), len(DIMENSIONS)))
    figures = ("srcc", "plcc", "rmse")
    return ReferenceScores(
        table, values, DIMENSIONS, "overall", "reference scores", figures, (), None, "some", "some.csv", False
    )


@pytest.fixture
def values(references):
    return references.values + np.random.default_rng(1).normal(size=references.values.shape)


def test_a_complete_system_is_evaluated_as_ever(references, values):
    found = evaluate_answered(values, references, resamples=50)
    assert found.coverage == 1.0 and found.with_medians is None
    assert found.answered == evaluate_values(values, references, resamples=50)


def test_figures_are_on_what_was_answered_and_beside_them_with_the_median_of_the_facet(references, values):
    gaps = values.copy()
    gaps[[0, 3, 4], 0] = np.nan
    found = evaluate_answered(gaps, references, resamples=20)
    kept = [k for k in range(PAINTINGS) if k not in (0, 3, 4)]
    truth = references.values
    facet = found.answered.figures["srcc"]["landscape"]["line"]
    assert facet.value == pytest.approx(stats.spearmanr(values[kept, 0], truth[kept, 0])[0])
    assert facet.low < facet.value < facet.high
    filled = values.copy()
    filled[[0, 3, 4], 0] = np.median(values[kept, 0])
    assert found.with_medians.figures == evaluate_values(filled, references, resamples=20).figures
    assert found.coverage == pytest.approx(1 - 3 / values.size)
    assert found.per_facet["landscape"]["line"] == (9, 12) and found.per_facet["figure"]["line"] == (12, 12)
    assert found.answered.left_out == ("landscape, line: 3 of 12 paintings have no answer",)
    assert found.with_medians.left_out == ()


@pytest.mark.parametrize("answers", [0, 1, 2])
def test_a_facet_with_fewer_than_three_answers_is_undefined_and_so_is_every_mean_it_belongs_to(
    references, values, answers
):
    gaps = values.copy()
    gaps[answers:PAINTINGS, 1] = np.nan
    found = evaluate_answered(gaps, references, resamples=20)
    for evaluation in (found.answered, found.with_medians):
        for name in references.statistics:
            cells = evaluation.figures[name]
            for row, column in (("landscape", "tone"), ("landscape", "mean"), ("mean", "tone"), ("mean", "mean")):
                assert np.isnan(cells[row][column].value), (name, row, column)
            for row, column in (("landscape", "line"), ("figure", "tone"), ("figure", "mean"), ("mean", "overall")):
                assert np.isfinite(cells[row][column].value), (name, row, column)
        assert list(evaluation.figures["srcc"]) == [*CATEGORIES, "mean"]
        assert list(evaluation.figures["srcc"]["landscape"]) == [*DIMENSIONS, "mean"]
        [why] = evaluation.undefined
        assert why.startswith(f"landscape, tone: undefined, because {answers} of 12 paintings were answered")
    assert np.isnan(found.answered.headline.value)


def test_three_answers_are_enough(references, values):
    gaps = values.copy()
    gaps[3:PAINTINGS, 1] = np.nan
    found = evaluate_answered(gaps, references, resamples=0)
    assert np.isfinite(found.answered.headline.value) and np.isfinite(found.with_medians.headline.value)


def test_a_system_that_never_answers_has_no_figure(references, values):
    found = evaluate_answered(np.full_like(values, np.nan), references, resamples=20)
    assert found.coverage == 0.0 and len(found.answered.undefined) == len(CATEGORIES) * len(DIMENSIONS)
    assert np.isnan(found.answered.headline.value) and np.isnan(found.with_medians.headline.value)
    assert found.as_dict()["answered"]["headline"]["value"] is None


def test_paintings_without_a_reference_are_told_from_those_without_an_answer(references, values):
    references.values[:2, 0] = np.nan
    gaps = values.copy()
    gaps[1:4, 0] = np.nan
    found = evaluate_answered(gaps, references, resamples=0)
    assert found.answered.left_out == (
        "landscape, line: 2 of 12 paintings have no reference score",
        "landscape, line: 3 of 12 paintings have no answer",
    )
    kept = slice(4, PAINTINGS)
    wanted = stats.spearmanr(values[kept, 0], references.values[kept, 0])[0]
    assert found.answered.figures["srcc"]["landscape"]["line"].value == pytest.approx(wanted)


def test_one_dimension_alone_has_its_figures_and_no_headline(references, values):
    gaps = values[:, [2]].copy()
    gaps[5] = np.nan
    found = evaluate_answered(gaps, references.only(["overall"]), resamples=0)
    assert np.isnan(found.answered.headline.value) and np.isfinite(found.answered.headline_dimension_srcc.value)
    thin = gaps.copy()
    thin[2:PAINTINGS] = np.nan
    found = evaluate_answered(thin, references.only(["overall"]), resamples=0)
    assert list(found.answered.figures["srcc"]["landscape"]) == ["overall"]
    assert np.isnan(found.answered.headline_dimension_srcc.value)
