"""From the files of a raw export to what the numerics take."""

import pandas as pd
import pytest
from small_release import build_small_release

from ppaint.dataset_script import facets_of, read_raw_export
from ppaint.foundation.faults import InputFault
from ppaint.preference_to_score import Comparisons, Ratings


def test_every_facet_holds_the_judgments_of_its_rows(tmp_path):
    build_small_release(tmp_path)
    raw = tmp_path / "raw"
    found = facets_of(raw)
    assert list(found) == [(c, d) for c in ("landscape", "figure") for d in ("line", "overall")]
    pairs, ratings = pd.read_csv(raw / "pairs.csv"), pd.read_csv(raw / "ratings.csv")
    for (category, dimension), facet in found.items():
        own = pairs[pairs["painting_a"].str.startswith(category) & (pairs["dimension"] == dimension)]
        by_hand = Comparisons.from_columns(own, first="painting_a", second="painting_b", rater="expert_id")
        for name in ("items", "raters"):
            assert getattr(facet.comparisons, name) == getattr(by_hand, name)
        assert (facet.comparisons.outcome == by_hand.outcome).all() and len(facet.comparisons) == len(own)
        marks = ratings[ratings["painting_id"].str.startswith(category) & (ratings["dimension"] == dimension)]
        by_hand = Ratings.from_columns(marks, item="painting_id", rater="expert_id", value="rating")
        assert (facet.ratings.table() == by_hand.table()).all() and facet.ratings.raters == by_hand.raters
    assert facets_of(read_raw_export(raw)).keys() == found.keys()


def test_a_folder_that_is_no_export_is_refused(tmp_path):
    with pytest.raises(InputFault):
        facets_of(tmp_path / "nothing")
