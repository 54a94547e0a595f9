"""Figures that R's eba package gives for 39 listeners: weak transitivity violations exactly, Kendall's u to 1e-6."""

import pytest
from eba_tables import needs_the_data, read

from ppaint.preference_to_score import Comparisons, kendalls_u, transitivity_violations

pytestmark = needs_the_data


def published():
    """(programme, dimension) -> (weak violations, u)."""
    rows = (row for row in read("reference_R_scales.csv") if row["source"] == "attribute")
    return {(row["category"], row["dimension"]): (row["weak_violations"], row["kendall_u"]) for row in rows}


@pytest.fixture(scope="module")
def facets():
    facets = {}
    for row in read("attribute_pairs.csv"):
        facets.setdefault((row["category"], row["dimension"]), []).append(row)
    return {
        key: Comparisons.from_columns(
            {name: [row[name] for row in rows] for name in rows[0]}, first="item_a", second="item_b", rater="listener"
        )
        for key, rows in facets.items()
    }


@pytest.mark.parametrize("facet", published(), ids=" ".join)
def test_weak_violations_are_exact_and_u_is_right_to_six_digits(facet, facets):
    weak, u = published()[facet]
    found = transitivity_violations(facets[facet])
    assert found.weak == int(weak) and found.triads == 56
    assert found.weak <= found.moderate <= found.strong
    agreement = kendalls_u(facets[facet])
    assert agreement.u == pytest.approx(float(u), abs=1e-6)
    assert (agreement.pairs, agreement.judgments) == (28, 28 * 39)
    assert agreement.least == pytest.approx(-1 / 39)


def test_all_sixteen_facets_are_there():
    assert len(published()) == 16
