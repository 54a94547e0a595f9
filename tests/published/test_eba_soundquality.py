"""Figures that R's eba package gives for 39 listeners: 128 log-worths, their errors, 16 log-likelihoods."""

import numpy as np
import pytest
from eba_tables import needs_the_data, read

from ppaint.preference_to_score import Comparisons, bradley_terry

pytestmark = needs_the_data


def published():
    """(programme, dimension) -> the rows of its eight items."""
    facets = {}
    for row in read("reference_R_scales.csv"):
        if row["source"] == "attribute":
            facets.setdefault((row["category"], row["dimension"]), []).append(row)
    return facets


@pytest.fixture(scope="module")
def judged():
    facets = {}
    for row in read("attribute_pairs.csv"):
        facets.setdefault((row["category"], row["dimension"]), []).append(row)
    return facets


@pytest.mark.parametrize("facet", published(), ids=" ".join)
def test_log_worths_errors_and_log_likelihood_come_out(facet, judged):
    printed = published()[facet]
    table = {name: [row[name] for row in judged[facet]] for name in ("item_a", "item_b", "choice")}
    items = [row["item"] for row in printed]
    fit = bradley_terry(Comparisons.from_columns(table, first="item_a", second="item_b", items=items))
    column = {
        name: np.array([float(row[name]) for row in printed])
        for name in ("bt_logworth_meanzero", "se_logworth_meanzero", "bt_loglik")
    }
    assert fit.log_worths == pytest.approx(column["bt_logworth_meanzero"], abs=1e-7)
    assert fit.standard_errors == pytest.approx(column["se_logworth_meanzero"], abs=1e-5)
    assert fit.log_likelihood == pytest.approx(column["bt_loglik"][0], abs=1e-8)


def test_all_128_log_worths_are_there():
    facets = published()
    assert len(facets) == 16 and all(len(rows) == 8 for rows in facets.values())
