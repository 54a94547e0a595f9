"""ICC(2,1) and ICC(2,k), and the variance components behind them."""

import numpy as np
import pytest

from ppaint.preference_to_score import Ratings, intraclass_correlation, variance_components

# Shrout and Fleiss (1979), table 2: six targets, four judges
TEXTBOOK = np.array([[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], dtype=float)


def marks(table):
    rater, item = np.nonzero(~np.isnan(table))
    return Ratings.from_arrays(item, rater, table[rater, item])


def drawn(seed, n=40, raters=8, cells=(0.3, 0.5, 0.2)):
    """Ratings with components 4 (item), 1 (rater), 0.49 (item x rater) and 0.25 (noise), 0, 1 or 2 in a cell."""
    rng = np.random.default_rng(seed)
    counts = rng.choice([0, 1, 2], p=cells, size=(raters, n))
    rater, item = np.nonzero(counts)
    times = counts[rater, item]
    rater, item = np.repeat(rater, times), np.repeat(item, times)
    seen = (
        2 * rng.normal(size=n)[item] + rng.normal(size=raters)[rater] + 0.7 * rng.normal(size=(raters, n))[rater, item]
    )
    return Ratings.from_arrays(item, rater, seen + 0.5 * rng.normal(size=item.size))


def test_the_textbooks_figures_come_out_with_their_intervals():
    icc = intraclass_correlation(marks(TEXTBOOK))
    assert (round(icc.single, 2), round(icc.mean, 2)) == (0.29, 0.62)  # printed in their table 4
    # as R's psych::ICC prints them for these data
    assert (round(icc.single_low, 3), round(icc.single_high, 2)) == (0.019, 0.76)
    assert (round(icc.mean_low, 3), round(icc.mean_high, 2)) == (0.071, 0.93)


def test_a_complete_table_gives_the_analysis_of_variance():
    k, n = TEXTBOOK.shape
    level, item, rater = TEXTBOOK.mean(), TEXTBOOK.mean(0), TEXTBOOK.mean(1)
    rest = ((TEXTBOOK - item - rater[:, None] + level) ** 2).sum() / ((n - 1) * (k - 1))
    found = variance_components(marks(TEXTBOOK))
    assert found.item_by_rater == pytest.approx(rest) and np.isnan(found.noise) and found.complete
    assert found.item == pytest.approx((k * item.var(ddof=1) - rest) / k)
    assert found.rater == pytest.approx((n * rater.var(ddof=1) - rest) / n)


def test_missing_and_repeated_ratings_leave_the_components_unbiased():
    found = [variance_components(drawn(seed)) for seed in range(150)]
    values = np.array([[each.item, each.rater, each.item_by_rater, each.noise] for each in found])
    error = values.std(axis=0) / np.sqrt(len(values))
    assert (np.abs(values.mean(0) - [4, 1, 0.49, 0.25]) < 3 * error).all()
    assert not found[0].complete and found[0].repeated > 0


def test_without_repeats_taste_and_noise_are_one():
    found = [variance_components(drawn(seed, cells=(0.3, 0.7, 0))) for seed in range(60)]
    assert np.mean([each.item_by_rater for each in found]) == pytest.approx(0.74, abs=0.03)
    assert all(np.isnan(each.noise) and each.within == each.item_by_rater for each in found)


def test_intervals_cover_with_complete_and_with_missing_ratings():
    for missing in (0.0, 0.2):
        hits = []
        for seed in range(200):
            icc = intraclass_correlation(drawn([seed, 1], n=50, raters=5, cells=(missing, 1 - missing, 0)))
            hits.append(icc.single_low < 4 / 5.74 < icc.single_high)
        assert np.mean(hits) == pytest.approx(0.95, abs=0.04), missing


def test_level_and_unit_of_the_scale_do_what_they_should():
    plain, moved = intraclass_correlation(marks(TEXTBOOK)), intraclass_correlation(marks(3 * TEXTBOOK - 7))
    assert moved.single == pytest.approx(plain.single) and moved.components.item == pytest.approx(9 * 2.5555556)
    biased = TEXTBOOK + np.array([[0], [5], [0], [0]])
    assert intraclass_correlation(marks(biased)).components.item == pytest.approx(plain.components.item)


def test_items_nobody_rated_do_not_count():
    one = Ratings.from_arrays([0, 1, 2, 0, 1, 2], [0, 0, 0, 1, 1, 1], [1, 2, 5, 2, 2, 6])
    more = Ratings.from_arrays(
        [0, 1, 2, 0, 1, 2], [0, 0, 0, 1, 1, 1], [1, 2, 5, 2, 2, 6], items=range(9), raters=range(3)
    )
    assert variance_components(one) == pytest.approx(variance_components(more)) or str(variance_components(one)) == str(
        variance_components(more)
    )


@pytest.mark.parametrize(
    ("item", "rater", "message"),
    [
        ([0, 1, 2], [0, 0, 0], "two raters"),
        ([0, 1, 2, 3], ["ann", "ann", "bob", "bob"], "'bob' shares no item"),
        ([0, 1, 1, 2], ["ann", "ann", "bob", "bob"], "too few"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(item, rater, message):
    with pytest.raises(ValueError, match=message):
        variance_components(Ratings.from_arrays(item, rater, np.arange(len(item))))


def test_ratings_that_do_not_vary_are_refused():
    with pytest.raises(ValueError, match="do not vary"):
        intraclass_correlation(marks(np.full((3, 4), 5.0)))
