"""What sets each expert apart: bias, spread, inconsistency, agreement with the rest, and answers like another's."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ..arrays import Floats
from ..pairwise.comparisons import Comparisons, parts_of_edges
from ..pairwise.rater_counts import RaterCounts, count_by_rater
from ..ranks import ranks_of_estimates
from ..ratings.ratings import Ratings
from .item_jackknife import Estimates, jackknife_interval, leave_out
from .panel_worths import panel_worths, worths_of_each
from .rater_likeness import RaterAnswers

LEAST_ITEMS = 5  # shared with the others; below it an expert gets no figure
NOTHING = 1e-6  # of a spread: what rounding leaves where nothing varies
LEAST_FOR_INTERVALS = 10  # items; with fewer, leaving one out says little (and nothing of a correlation near 1)


@dataclass(frozen=True)
class ExpertProfiles:
    """One figure per expert, in the order of `raters`; NaN where an expert did not judge under that protocol.

    Attributes
    ----------
    raters : tuple
    bias : Estimates, shape (J,)
        Mean of the expert's ratings minus the others' mean rating of the same items; rating units.
    spread : Estimates, shape (J,)
        Standard deviation of the expert's ratings over that of another expert's (root mean square over the others).
    inconsistency : Estimates, shape (J,)
        Standard deviation of what is left of the expert's ratings once bias and spread are allowed for: the residual
        error of their straight line on the others' mean; rating units. Own taste is in it.
    agreement : Estimates, shape (J,)
        SRCC of the expert's ratings with the others' mean rating.
    side_bias : Estimates, shape (J,)
        Share of comparisons in which the side shown first was preferred (a tie is half); 0.5 is no bias.
    circularity : Estimates, shape (J,)
        Share of circular triads (a over b over c over a) among the triads that the expert decided in full; a coin
        gives 0.25. It is the inconsistency of preferences.
    preference_agreement : Estimates, shape (J,)
        SRCC of the expert's own Bradley-Terry worths with those of all the others' comparisons together.
    same_ratings, same_answers : ndarray, shape (J, J)
        Share of items that two experts rated alike, and of pairs that they answered alike, among those that both
        judged; NaN on the diagonal.
    both_rated, both_answered : ndarray of int, shape (J, J)
        How many items, and pairs, two experts both judged: what these shares rest on; 0 on the diagonal.
    rating_correlation, answer_correlation : ndarray, shape (J, J)
        Over the same items and pairs: linear correlation of two experts' ratings, and of their answers (1 and -1, a tie
        0, not centred: which side stands first is no matter); NaN on the diagonal and where it is not defined.
    n_ratings, n_comparisons : ndarray of int, shape (J,)
        Judgments of each expert.
    level : float
        Nominal coverage of the intervals.
    """

    raters: tuple[Hashable, ...]
    bias: Estimates
    spread: Estimates
    inconsistency: Estimates
    agreement: Estimates
    side_bias: Estimates
    circularity: Estimates
    preference_agreement: Estimates
    same_ratings: Floats
    same_answers: Floats
    both_rated: NDArray[np.int_]
    both_answered: NDArray[np.int_]
    rating_correlation: Floats
    answer_correlation: Floats
    n_ratings: NDArray[np.int_]
    n_comparisons: NDArray[np.int_]
    level: float

    def most_alike(self, protocol: str) -> tuple[tuple[Hashable | None, ...], NDArray[np.float64]]:
        """For each expert, the other who answered most alike, and in what share of what both judged.

        Alike is who surely gave the same answers most often: the lower end of the share's interval (Wilson's, 95 %)
        decides, so that one common judgment answered alike does not outdo thirty of forty. How many these are says
        `shared_with_most_alike`.

        Parameters
        ----------
        protocol : {"ratings", "preferences"}

        Returns
        -------
        others : tuple
            None where nobody judged the same things.
        share : ndarray, shape (J,)

        Examples
        --------
        >>> marks = Ratings.from_arrays(list("abab"), list("xxyy"), [1, 2, 1, 4])
        >>> expert_profiles(None, marks).most_alike("ratings")
        (('y', 'x'), array([0.5, 0.5]))
        """
        shares = self._shared(protocol)[0]
        nearest = self._nearest(protocol)
        others = tuple(None if k < 0 else self.raters[k] for k in nearest)
        return others, np.where(nearest < 0, np.nan, shares[np.arange(len(nearest)), nearest])

    def shared_with_most_alike(self, protocol: str) -> NDArray[np.int_]:
        """How many items, or pairs, each expert and the one of `most_alike` both judged: what the share rests on.

        Parameters
        ----------
        protocol : {"ratings", "preferences"}

        Returns
        -------
        ndarray of int, shape (J,)
            0 where nobody judged the same things.

        Examples
        --------
        >>> marks = Ratings.from_arrays(list("abab"), list("xxyy"), [1, 2, 1, 4])
        >>> expert_profiles(None, marks).shared_with_most_alike("ratings")
        array([2, 2])
        """
        nearest = self._nearest(protocol)
        return np.where(nearest < 0, 0, self._shared(protocol)[1][np.arange(len(nearest)), nearest])

    def _shared(self, protocol: str) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
        if protocol not in ("ratings", "preferences"):
            raise ValueError(f"protocol must be 'ratings' or 'preferences', not {protocol!r}")
        if protocol == "ratings":
            return self.same_ratings, self.both_rated
        return self.same_answers, self.both_answered

    def _nearest(self, protocol: str) -> NDArray[np.int_]:
        """Place of the expert who surely answered most alike; -1 where nobody judged the same things."""
        shares, both = self._shared(protocol)
        surely = np.where(np.isnan(shares), -1.0, np.maximum(_wilson(shares * both, both, 0.95).low, 0.0))
        return np.where(surely.max(1) < 0, -1, surely.argmax(1))


def expert_profiles(comparisons: Comparisons | None, ratings: Ratings | None, *, level: float = 0.95) -> ExpertProfiles:
    """Profile every expert of a panel against the others.

    An expert is always compared with the others alone, never against a mean that he is part of. Intervals are over items
    (`jackknife_interval`: one item left out at a time, on a log scale for spreads, logit for shares, Fisher's z for
    correlations, with Student's t), the panel and the fitted worths held as they are; that of `side_bias` is Wilson's.

    Parameters
    ----------
    comparisons : Comparisons or None
        With raters. Ties are half a win for either side.
    ratings : Ratings or None
        Raters are matched by id; those of both tables are profiled, sorted where the tables name different ones.
    level : float
        Nominal coverage of the intervals.

    Returns
    -------
    ExpertProfiles
        An expert with fewer than five items in common with the others has no figures (NaN), with fewer than ten no
        intervals; nor has one whose comparisons, or the others', do not connect the items an agreement of preferences.

    Raises
    ------
    ValueError
        If there is neither table, the comparisons name no raters, or there is only one rater.

    References
    ----------
    Kendall and Babington Smith (1940), Biometrika 31, 324-345 (circular triads). Wilson (1927), JASA 22, 209-212.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = np.tile(rng.normal(size=40), 4)
    >>> item, rater = np.tile(range(40), 4), np.repeat(list("wxyz"), 40)
    >>> value = 5 + 2 * quality + np.where(rater == "w", 1.5, 0) + 0.5 * rng.normal(size=160)
    >>> profiles = expert_profiles(None, Ratings.from_arrays(item, rater, value))
    >>> profiles.bias.value.round(1)
    array([ 1.7, -0.5, -0.6, -0.5])
    """
    if comparisons is None and ratings is None:
        raise ValueError("there are neither comparisons nor ratings to profile the experts by")
    if comparisons is not None and not comparisons.raters:
        raise ValueError("these comparisons name no raters")
    tables = [table.raters for table in (comparisons, ratings) if table is not None]
    raters = tables[0] if tables[0] == tables[-1] else tuple(sorted({*tables[0], *tables[-1]}))
    if len(raters) < 2:
        raise ValueError(f"only one expert ({raters[0]!r}): a profile is against the others")
    none = np.full(len(raters), np.nan)
    blank = Estimates(none, none, none)
    nobody = np.zeros(len(raters), dtype=int)
    shares = np.full((len(raters), len(raters)), np.nan)
    nothing = np.zeros(shares.shape, dtype=int)
    rated = dict.fromkeys(("bias", "spread", "inconsistency", "agreement"), blank)
    rated |= {"same_ratings": shares, "both_rated": nothing, "rating_correlation": shares, "n_ratings": nobody}
    compared = dict.fromkeys(("side_bias", "circularity", "preference_agreement"), blank)
    compared |= {"same_answers": shares, "both_answered": nothing, "answer_correlation": shares}
    compared |= {"n_comparisons": nobody}
    if ratings is not None:
        rated = _spread_out(_of_ratings(ratings, level), ratings.raters, raters)
    if comparisons is not None:
        compared = _spread_out(_of_comparisons(comparisons, level), comparisons.raters, raters)
    return ExpertProfiles(raters=raters, level=level, **rated, **compared)


def _of_ratings(ratings: Ratings, level: float) -> dict[str, Estimates | NDArray]:
    table = ratings.table()
    kinds = {"bias": "identity", "spread": "log", "inconsistency": "log", "agreement": "fisher"}
    value, low, high = np.full((3, len(kinds), len(table)), np.nan)
    there = ~np.isnan(table)
    seen = there.sum(0)
    for j in range(len(table)):
        shared = there[j] & (seen > 1)
        if shared.sum() < LEAST_ITEMS:
            continue
        others = table[:, shared]
        others[j] = np.nan
        figures = _rating_figures(table[j, shared], others)
        for k, (every, transform) in enumerate(zip(figures, kinds.values(), strict=True)):
            edge = _rank_edge(int(shared.sum())) if transform == "fisher" else NOTHING
            interval = _interval(every, transform, level, edge=edge)
            value[k, j], low[k, j], high[k, j] = interval.value, interval.low, interval.high
    figures = {name: Estimates(value[k], low[k], high[k]) for k, name in enumerate(kinds)}
    rater, item = np.nonzero(there)
    answers = RaterAnswers(rater, item, table[there], *table.shape)
    same, both = answers.alike()
    figures |= {"same_ratings": same, "both_rated": both, "rating_correlation": answers.correlated(centred=True)}
    return {**figures, "n_ratings": ratings.counts().sum(1)}


def _rating_figures(own: NDArray, others: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Bias, spread, inconsistency, agreement of one expert, ratings (n,), against the others', (J, n), NaN where missing.

    Each of shape (1 + G,): with all items, then with each group of items left out.
    """
    there = ~np.isnan(others)
    rest = np.where(there, others, 0.0).sum(0) / there.sum(0)
    kept = np.vstack([np.ones((1, own.size)), leave_out(own.size)])
    n = kept.sum(1)
    one, other = own - own.mean(), rest - rest.mean()  # about their own means, so that nothing cancels
    one_mean, other_mean = kept @ one / n, kept @ other / n
    squares, rest_squares = kept @ one**2 - n * one_mean**2, kept @ other**2 - n * other_mean**2
    cross = kept @ (one * other) - n * one_mean * other_mean
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = squares - np.where(rest_squares > 1e-12, cross**2 / rest_squares, 0.0)
        spread = np.sqrt(np.maximum(squares, 0.0) / (n - 1)) / _typical_spread(others, there, kept)
    spread = np.where(np.isfinite(spread), spread if np.ptp(own) > 0 else 0.0, np.nan)
    inconsistency = np.sqrt(np.maximum(residual, 0.0) / (n - 2))
    return own.mean() - rest.mean() + one_mean - other_mean, spread, inconsistency, _srcc_left_out(own, rest)


def _typical_spread(others: NDArray, there: NDArray, kept: NDArray) -> NDArray[np.float64]:
    """Root mean square over the others (J, n) of each one's standard deviation, for every choice of items (G, n)."""
    count = kept @ there.T.astype(float)
    level = np.where(there, others, 0.0).sum(1) / np.maximum(there.sum(1), 1)
    centred = np.where(there, others - level[:, None], 0.0)
    known = count > 1
    many = np.where(known, count, 2.0)
    variance = (kept @ (centred**2).T - (kept @ centred.T) ** 2 / many) / (many - 1)
    return np.sqrt(np.where(known, variance, 0.0).sum(1) / known.sum(1))


def _of_comparisons(comparisons: Comparisons, level: float) -> dict[str, Estimates | NDArray]:
    counts = count_by_rater(comparisons, ties="half")
    credit = counts.wins / (counts.wins + counts.losses)
    answers = RaterAnswers(counts.rater, counts.pair, credit, counts.n_raters, counts.first.size)
    who, raters = comparisons.rater, len(comparisons.raters)
    total = np.bincount(who, comparisons.weight, raters)
    first = np.bincount(who, comparisons.weight * comparisons.outcome, raters)
    same, both = answers.alike()
    return {
        "side_bias": _wilson(first, total, level),
        "circularity": _circularity(credit, counts, level),
        "preference_agreement": _worth_agreement(counts, level),
        "same_answers": same,
        "both_answered": both,
        "answer_correlation": replace(answers, value=2 * credit - 1).correlated(centred=False),
        "n_comparisons": np.rint(total).astype(int),
    }


def _worth_agreement(counts: RaterCounts, level: float) -> Estimates:
    """SRCC of each expert's worths with the worths of the others together, over the items that both sides compared."""
    raters = counts.n_raters
    mine, others = worths_of_each(counts), panel_worths(counts, 1 - np.eye(raters))
    answered = np.bincount(counts.pair, minlength=counts.first.size)  # by how many raters
    value, low, high = np.full((3, raters), np.nan)
    for j, (one, rest, own) in enumerate(zip(mine, others, counts.entries, strict=True)):
        left = answered.copy()
        left[counts.pair[own]] -= 1
        pair = np.flatnonzero(left > 0)
        both = _connected(counts, counts.pair[own]) & _connected(counts, pair)
        if both.sum() < LEAST_ITEMS:
            continue
        every = _srcc_left_out(one[both], rest[both])
        interval = _interval(every, "fisher", level, edge=_rank_edge(int(both.sum())))
        value[j], low[j], high[j] = interval.value, interval.low, interval.high
    return Estimates(value, low, high)


def _connected(counts: RaterCounts, pair: NDArray) -> NDArray[np.bool_]:
    """Which items these pairs compare; none where the pairs do not connect them."""
    n, first, second = counts.n_items, counts.first[pair], counts.second[pair]
    seen = np.zeros(n, dtype=bool)
    seen[first] = seen[second] = True
    if not pair.size:
        return seen
    return seen & (np.unique(parts_of_edges(first, second, n)[seen]).size == 1)


def _circularity(credit: NDArray, counts: RaterCounts, level: float) -> Estimates:
    """Circular among fully decided triads; those that hold an item stand on the diagonal of the matrices' cubes."""
    value, low, high = np.full((3, counts.n_raters), np.nan)
    for j, own in enumerate(counts.entries):
        beats = np.zeros((counts.n_items, counts.n_items))
        first, second, answers = counts.first[counts.pair[own]], counts.second[counts.pair[own]], credit[own]
        beats[first, second], beats[second, first] = answers > 0.5, answers < 0.5
        items = np.unique([first, second])  # the others are in no triad
        beats = beats[np.ix_(items, items)]
        decided = beats + beats.T
        circular = ((beats @ beats) * beats.T).sum(1)
        triads = ((decided @ decided) * decided).sum(1) / 2
        seen = triads > 0
        if seen.sum() < LEAST_ITEMS:
            continue
        all_circular, all_triads = circular.sum() / 3, triads.sum() / 3
        remaining = all_triads - triads[seen]
        if (remaining <= 0).any():
            continue
        every = np.append(all_circular / all_triads, (all_circular - circular[seen]) / remaining)
        interval = _interval(every, "logit", level, edge=0.5 / float(all_triads))
        value[j], low[j], high[j] = interval.value, interval.low, interval.high
    return Estimates(value, low, high)


def _interval(every: NDArray, transform: str, level: float, *, edge: float) -> Estimates:
    """From the figure with all items, then with each group left out (1 + G,); `edge` as for `jackknife_interval`."""
    if every.size <= LEAST_FOR_INTERVALS:
        nothing = np.array(np.nan)
        return Estimates(every[0], nothing, nothing)
    return jackknife_interval(every[0], every[1:], transform=transform, level=level, edge=edge)


def _rank_edge(items: int) -> float:
    """Half of the distance from 1 to the next rank correlation that there is, of two neighbours changed over."""
    return 6 / (items**3 - items)


def _wilson(hits: NDArray, total: NDArray, level: float) -> Estimates:
    z = norm.ppf(0.5 + level / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits / total
        centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
        half = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return Estimates(share, centre - half, centre + half)


def _srcc_left_out(x: NDArray, y: NDArray) -> NDArray[np.float64]:
    """Spearman's rho with all items, then with each group of items left out, (1 + G,); NaN where a side is constant."""
    kept = np.vstack([np.ones((1, x.size)), leave_out(x.size)])
    one, other = _ranks_left_out(x, kept), _ranks_left_out(y, kept)
    scale = np.sqrt((kept * one**2).sum(1) * (kept * other**2).sum(1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 0, (kept * one * other).sum(1) / scale, np.nan)


def _ranks_left_out(x: NDArray, kept: NDArray) -> NDArray[np.float64]:
    """Ranks among the items kept (G, n), minus their mean; each item that goes takes one place from those above it."""
    place = ranks_of_estimates(x)
    above = (place[:, None] > place) + 0.5 * (place[:, None] == place)
    ranks = place - (1 - kept) @ above.T
    return ranks - ((kept * ranks).sum(1) / kept.sum(1))[:, None]


def _spread_out(
    figures: dict[str, Estimates | NDArray], own: tuple[Hashable, ...], raters: tuple[Hashable, ...]
) -> dict[str, Estimates | NDArray]:
    """From the experts of one protocol to those of both."""
    if own == raters:
        return figures
    place = {name: k for k, name in enumerate(own)}
    where = np.array([place.get(name, -1) for name in raters])
    missing = where < 0

    def wide(values: NDArray) -> NDArray:
        taken = values[where]
        if values.ndim == 2:
            taken = taken[:, where]
            return np.where(missing[:, None] | missing, 0 if values.dtype.kind == "i" else np.nan, taken)
        return np.where(missing, 0 if values.dtype.kind == "i" else np.nan, taken)

    return {
        name: Estimates(wide(found.value), wide(found.low), wide(found.high))
        if isinstance(found, Estimates)
        else wide(found)
        for name, found in figures.items()
    }
