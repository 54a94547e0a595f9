"""How agreement, reliability and truth grow with the number of judgments, for each protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Floats
from ..pairwise.comparisons import Comparisons
from ..pairwise.pair_counts import distinct_pairs
from ..pairwise.rater_counts import RaterCounts, count_by_rater
from ..ranks import ranks_of_estimates, srcc_of_estimates
from ..ratings.mean_opinion_score import weighted_means
from ..ratings.ratings import Ratings
from .agreement import kendalls_w
from .panel_lines import standardised
from .panel_worths import panel_worths, worths_of_each
from .split_half import compare_halves, panel_splits

# judgments about an item over the whole panel, a comparison counted for both of its items
BUDGETS = (2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0, 60.0, 80.0, 120.0, 160.0, 240.0)
MOST_SUBSETS = 60  # of the panel, for one number of raters


@dataclass(frozen=True)
class CostCurve:
    """One protocol; arrays of shape (L,), one entry per budget. A figure that is not available is NaN.

    Attributes
    ----------
    steps : tuple of str
        What the entry is: a budget in involvements, or a number of raters; ``"rest"`` for all that the raters who are not
        held out gave; ``"all"`` for all there is.
    involvements : ndarray
        Judgments that an item takes part in, over the whole panel: a comparison counts for both of its items.
    judgments : ndarray
        Judgments given per item, over the whole panel: a comparison counts once, so for preferences it is half of
        `involvements`; for ratings the two are the same.
    raters : ndarray of int
        Who judged.
    w : ndarray
        Kendall's W of these raters' own orders. With fewer raters chance makes it larger.
    rank_correlation : ndarray
        Mean SRCC of two of these raters' own orders, (k W - 1) / (k - 1): as W, but without that effect.
    split_half : ndarray
        Reliability of these raters' joint scores, stepped up by Horst's formula.
    srcc_held_out : ndarray
        SRCC of the joint scores of the raters that are not held out with the full data of those that are.
    srcc_truth : ndarray
        SRCC of these raters' joint scores with the truth; NaN where none is given.
    srcc_truth_sd : ndarray
        Its standard deviation over draws, or over subsets of the panel.
    """

    steps: tuple[str, ...]
    involvements: Floats
    judgments: Floats
    raters: NDArray[np.int_]
    w: Floats
    rank_correlation: Floats
    split_half: Floats
    srcc_held_out: Floats
    srcc_truth: Floats
    srcc_truth_sd: Floats


@dataclass(frozen=True)
class ReliabilityAgainstCost:
    """Both protocols of one facet.

    Attributes
    ----------
    ratings, preferences : CostCurve
        Ratings grow by raters, 1 to J, since one rating of an item is the least there is; preferences by the number of
        comparisons of each rater, the panel being whole. The last entry of each is all there is.
    held_out : int
        Raters held out for `srcc_held_out`; the budget of that figure comes from the other raters, so it ends earlier.
    draws, seed : int
        Of the thinned comparisons.
    """

    ratings: CostCurve
    preferences: CostCurve
    held_out: int
    draws: int
    seed: int


def reliability_against_cost(
    comparisons: Comparisons,
    ratings: Ratings,
    *,
    truth: ArrayLike | None = None,
    budgets: Sequence[float] = BUDGETS,
    draws: int = 6,
    seed: int = 0,
) -> ReliabilityAgainstCost:
    """Thin out the judgments of both protocols and see what is left of agreement, reliability and truth.

    A rating is one judgment about one item; a comparison is one judgment about two. So a budget can be counted in two
    ways, and both are given: `involvements` favours ratings, `judgments` favours preferences.

    Parameters
    ----------
    comparisons : Comparisons
        With raters; weights, if any, whole numbers. A tie is half a win for either side.
    ratings : Ratings
        Of the same items and raters, in the same order.
    truth : array_like, shape (n,), optional
        Known scores of the items.
    budgets : sequence of float
        Involvements per item over the panel; those that the data do not reach are left out, and all there is is added.
    draws : int
        Seeded draws of the comparisons at each budget.
    seed : int

    Returns
    -------
    ReliabilityAgainstCost

    Raises
    ------
    ValueError
        If items or raters differ, there are fewer than two raters, weights are not whole, or `truth` is of another length.

    Notes
    -----
    Each rater keeps the same number of comparisons, drawn at random from those that the rater made. Their graph may fall
    apart; the prior on the log-worths (precision 0.1) then still places every item, the missing ones in the middle. The
    held-out raters' scores are the mean of their standardised mean ratings and log-worths; every choice of J // 2 held-out
    raters is made.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> quality = rng.normal(size=12)
    >>> first, second = np.tile(np.triu_indices(12, 1), 3)
    >>> games = Comparisons.from_arrays(first, second,
    ...     quality[first] - quality[second] + rng.normal(size=198) > 0, rater=np.repeat([0, 1, 2], 66))
    >>> marks = Ratings.from_arrays(np.tile(range(12), 3), np.repeat([0, 1, 2], 12),
    ...     np.tile(quality, 3) + rng.normal(size=36))
    >>> found = reliability_against_cost(games, marks, truth=quality, budgets=(4, 12))
    >>> found.preferences.involvements, found.preferences.judgments, found.ratings.judgments
    (array([ 4., 12., 22., 33.]), array([ 2. ,  6. , 11. , 16.5]), array([1., 2., 3.]))
    """
    if comparisons.items != ratings.items or comparisons.raters != ratings.raters:
        raise ValueError("comparisons and ratings must list the same items and raters, in the same order")
    if len(ratings.raters) < 2:
        raise ValueError("reliability needs at least two raters")
    given = None if truth is None else np.asarray(truth, dtype=float)
    if given is not None and given.shape != (len(ratings.items),):
        raise ValueError(f"truth must have one value for each of the {len(ratings.items)} items, got {given.shape}")
    panel = _panel(comparisons, ratings, given, seed)
    return ReliabilityAgainstCost(
        ratings=_rating_curve(panel),
        preferences=_preference_curve(panel, budgets, draws),
        held_out=panel.raters - panel.judging,
        draws=draws,
        seed=seed,
    )


@dataclass(frozen=True)
class _Panel:
    """What both curves are made from."""

    table: NDArray[np.float64]  # (J, n) ratings, NaN where missing
    rated: NDArray[np.float64]  # (J,) ratings of each rater per item
    counts: RaterCounts
    pair: NDArray[np.int_]  # (m,) of each judgment, its place among the pairs
    credit: NDArray[np.float64]  # (m,) of that pair's first item
    owned: list[NDArray[np.int_]]  # (J,) each rater's judgments, one of weight w standing there w times
    truth: Floats | None
    holdouts: NDArray[np.float64]  # (H, J), 1 where held out
    references: NDArray[np.float64]  # (H, n), the full data of the held-out
    seed: int

    @property
    def raters(self) -> int:
        return len(self.table)

    @property
    def judging(self) -> int:
        """Raters that are not held out."""
        return self.raters - int(self.holdouts[0].sum())


@dataclass(frozen=True)
class _Row:
    """One entry of a curve, before the means."""

    step: str
    involvements: float
    judgments: float
    raters: int
    w: list[float]
    split_half: list[float]
    held_out: list[float]
    truth: list[float]


def _panel(comparisons: Comparisons, ratings: Ratings, truth: NDArray | None, seed: int) -> _Panel:
    weight = np.rint(comparisons.weight)
    if not np.allclose(weight, comparisons.weight):
        raise ValueError("a weight is not a whole number: comparisons that stand for a fraction cannot be drawn")
    table, n = ratings.table(), len(ratings.items)
    raters = len(table)
    counts = count_by_rater(comparisons, ties="half")
    every = np.repeat(np.arange(len(comparisons)), weight.astype(int))
    holdouts = _subsets(raters, max(raters // 2, 1), seed)
    worths = panel_worths(counts, holdouts)
    return _Panel(
        table=table,
        rated=ratings.counts().sum(1) / n,
        counts=counts,
        pair=distinct_pairs(comparisons)[2],
        credit=np.where(comparisons.first > comparisons.second, 1 - comparisons.outcome, comparisons.outcome),
        owned=[every[comparisons.rater[every] == j] for j in range(raters)],
        truth=truth,
        holdouts=holdouts,
        references=(standardised(weighted_means(table, holdouts)) + standardised(worths)) / 2,
        seed=seed,
    )


def _subsets(n_raters: int, size: int, seed: int) -> NDArray[np.float64]:
    """Choices of `size` raters, 1 where chosen, (S, J): all, or the seeded draws that are the most."""
    every = list(combinations(range(n_raters), size)) if n_raters <= 16 else []
    if every and len(every) <= MOST_SUBSETS:
        chosen = np.zeros((len(every), n_raters))
        for row, each in enumerate(every):
            chosen[row, list(each)] = 1
        return chosen
    rng = np.random.default_rng([seed, n_raters, size])
    return (rng.permuted(np.tile(np.arange(n_raters), (MOST_SUBSETS, 1)), axis=1) < size).astype(float)


def _rating_curve(panel: _Panel) -> CostCurve:
    rows = []
    for size in range(1, panel.raters + 1):
        subsets = _subsets(panel.raters, size, panel.seed)
        against = [_srcc(each, panel.truth) for each in weighted_means(panel.table, subsets)]
        w, halves, held = [], [], []
        for chosen in subsets.astype(bool) if size > 1 else ():
            own = panel.table[chosen]
            w.append(_w(own))
            halves.append(_split_half(size, lambda weights, own=own: weighted_means(own, weights)))
        for held_out, reference in zip(panel.holdouts, panel.references, strict=True):
            within = subsets[~(subsets * held_out).any(1)]
            held += [_srcc(each, reference) for each in weighted_means(panel.table, within)]
        spent = float((subsets @ panel.rated).mean())
        step = "all" if size == panel.raters else f"{size:g}"
        rows.append(_Row(step, spent, spent, size, w, halves, held, against))
    return _curve(rows)


def _preference_curve(panel: _Panel, budgets: Sequence[float], draws: int) -> CostCurve:
    n, raters = panel.counts.n_items, panel.raters
    whole = 2 * sum(rows.size for rows in panel.owned) / n
    rest = whole * panel.judging / raters  # what the raters that are not held out gave
    rows = []
    for place, (step, budget) in enumerate(_steps(budgets, rest, whole).items()):
        rng = np.random.default_rng([panel.seed, place])
        w, halves, held, against = [], [], [], []
        for _ in range(1 if step == "all" else draws):
            drawn = _thinned(panel, budget * n / (2 * raters), rng)
            w.append(_w(worths_of_each(drawn)))
            [near] = panel_worths(drawn, np.ones((1, raters)))
            halves.append(
                _split_half(raters, lambda weights, drawn=drawn, near=near: panel_worths(drawn, weights, start=near))
            )
            against.append(_srcc(near, panel.truth))
        for _ in range(0 if budget > rest else 1 if step == "rest" else draws):
            scores = panel_worths(_thinned(panel, budget * n / (2 * panel.judging), rng), 1 - panel.holdouts)
            held += [_srcc(each, reference) for each, reference in zip(scores, panel.references, strict=True)]
        rows.append(_Row(step, budget, budget / 2, raters, w, halves, held, against))
    return _curve(rows)


def _steps(budgets: Sequence[float], rest: float, whole: float) -> dict[str, float]:
    """The budgets within reach, and what the raters that are not held out, and all raters, gave."""
    wanted = sorted(float(budget) for budget in budgets)
    steps = {f"{budget:g}": budget for budget in wanted if budget < 0.95 * rest}
    steps["rest"] = rest
    steps |= {f"{budget:g}": budget for budget in wanted if 1.05 * rest < budget < 0.95 * whole}
    return steps | {"all": whole}


def _thinned(panel: _Panel, each: float, rng: np.random.Generator) -> RaterCounts:
    """Draw `each` comparisons of every rater, without replacement; all of a rater who has no more."""
    kept = [rng.permutation(own)[: max(round(each), 1)] for own in panel.owned]
    rows, pairs = np.concatenate(kept), panel.counts.first.size
    rater = np.repeat(np.arange(panel.raters), [len(some) for some in kept])
    code, entry = np.unique(rater * pairs + panel.pair[rows], return_inverse=True)
    wins = np.bincount(entry, panel.credit[rows], code.size)
    losses = np.bincount(entry, 1 - panel.credit[rows], code.size)
    drawn = {"rater": code // pairs, "pair": code % pairs, "wins": wins, "ties": np.zeros(code.size), "losses": losses}
    return replace(panel.counts, **drawn)


def _split_half(n_raters: int, scores: Callable[[NDArray], NDArray]) -> float:
    halves, enumerated = panel_splits(n_raters)
    both = scores(np.vstack([halves, 1 - halves]))
    try:
        return compare_halves(both[: len(halves)], both[len(halves) :], halves, enumerated).reliability
    except ValueError:  # no half's scores vary: a few comparisons, all ties
        return float("nan")


def _w(scores: NDArray) -> float:
    """Kendall's W over the items that all of these raters placed."""
    try:
        return kendalls_w(ranks_of_estimates(scores[:, ~np.isnan(scores).any(0)], axis=1))
    except ValueError:  # too few items in common, or no order at all
        return float("nan")


def _srcc(scores: NDArray, truth: NDArray | None) -> float:
    return float("nan") if truth is None else srcc_of_estimates(scores, truth, least=3)


def _curve(rows: list[_Row]) -> CostCurve:
    raters = np.array([row.raters for row in rows])
    w = _means([row.w for row in rows])
    with np.errstate(invalid="ignore", divide="ignore"):
        pairwise = np.where(raters > 1, (raters * w - 1) / (raters - 1), np.nan)
    return CostCurve(
        steps=tuple(row.step for row in rows),
        involvements=np.array([row.involvements for row in rows]),
        judgments=np.array([row.judgments for row in rows]),
        raters=raters,
        w=w,
        rank_correlation=pairwise,
        split_half=_means([row.split_half for row in rows]),
        srcc_held_out=_means([row.held_out for row in rows]),
        srcc_truth=_means([row.truth for row in rows]),
        srcc_truth_sd=np.array([np.std(known) if len(known := _known(row.truth)) else np.nan for row in rows]),
    )


def _means(columns: list[list[float]]) -> NDArray[np.float64]:
    return np.array([np.mean(known) if len(known := _known(column)) else np.nan for column in columns])


def _known(values: list[float]) -> list[float]:
    return [value for value in values if not np.isnan(value)]
