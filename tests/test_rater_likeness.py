"""How alike every two raters answer: from lists, in parts, as from whole tables."""

import numpy as np
import pytest

from ppaint.preference_to_score.panel import rater_likeness
from ppaint.preference_to_score.panel.rater_likeness import RaterAnswers


def table_of(answers):
    table = np.full((answers.raters, answers.places), np.nan)
    table[answers.rater, answers.place] = answers.value
    return table


@pytest.mark.parametrize("rows", [256, 5])  # all raters at once, or a few at a time
@pytest.mark.parametrize("soft", [False, True])
def test_shares_and_correlations_are_those_of_the_whole_table(monkeypatch, rows, soft):
    monkeypatch.setattr(rater_likeness, "ROWS", rows)
    rng = np.random.default_rng(0)
    rater, place = np.nonzero(rng.random((17, 12)) < 0.6)
    value = rng.random(rater.size) if soft else rng.integers(1, 4, rater.size).astype(float)
    answers = RaterAnswers(rater, place, value, 17, 12)
    table, (share, both) = table_of(answers), answers.alike()
    linear, raw = answers.correlated(centred=True), answers.correlated(centred=False)
    for one in range(17):
        for other in range(17):
            seen = ~np.isnan(table[one]) & ~np.isnan(table[other])
            if one == other or not seen.any():
                assert both[one, other] == 0 and np.isnan(share[one, other]) and np.isnan(linear[one, other])
                continue
            x, y = table[one, seen], table[other, seen]
            assert (both[one, other], share[one, other]) == (seen.sum(), (x == y).mean())
            if seen.sum() > 1 and np.ptp(x) > 0 and np.ptp(y) > 0:
                assert linear[one, other] == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-9)
                assert raw[one, other] == pytest.approx(x @ y / np.sqrt((x @ x) * (y @ y)), abs=1e-12)
