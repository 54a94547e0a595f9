"""At equal numbers of judgments, which protocol orders better? Read off the curves of reliability against cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

REFERENCES = {"srcc_truth": "the truth", "srcc_held_out": "the held-out experts' scores"}


@dataclass(frozen=True)
class EqualCost:
    """SRCC of both protocols' scores with one reference, at equal cost.

    Parameters
    ----------
    reference : str
        What the scores are compared with.
    ratings : float
        Ratings of each painting, over the panel.
    of_ratings : float
        SRCC of their mean.
    same_involvements : float
        SRCC of preferences where each painting takes part in as many comparisons as it has ratings; NaN off the curve.
    same_judgments : float
        The same where as many comparisons as ratings were made in all, so that a painting takes part in twice as many.
    needed : float
        Comparisons per painting from which preferences order as well as these ratings; NaN if they never do.
    all_judgments, of_all : float
        Comparisons per painting that there are, and the SRCC of all of them.
    """

    reference: str
    ratings: float
    of_ratings: float
    same_involvements: float
    same_judgments: float
    needed: float
    all_judgments: float
    of_all: float

    def sentence(self) -> str:
        """The answer as a sentence."""
        same, twice = (_figure(value) for value in (self.same_involvements, self.same_judgments))
        reached = (
            f"they order as well from {self.needed:.1f} comparisons per painting on"
            if np.isfinite(self.needed)
            else "they do not get there"
        )
        return (
            f"SRCC with {self.reference}: {self.ratings:.3g} ratings per painting give {self.of_ratings:.3f}; preferences "
            f"give {same} where a painting takes part in as many comparisons, {twice} for as many comparisons as "
            f"ratings in all; {reached}, and all {self.all_judgments:.3g} per painting give {self.of_all:.3f}."
        )


def equal_cost(table: pd.DataFrame, reference: str) -> EqualCost | None:
    """Compare the protocols at equal cost.

    Parameters
    ----------
    table : pandas.DataFrame
        As `AgreementReport.cost_table` gives it.
    reference : {"srcc_truth", "srcc_held_out"}

    Returns
    -------
    EqualCost or None
        None where either protocol has no such figure. Between two budgets the curve is a straight line in the logarithm
        of the cost.

    Examples
    --------
    >>> rows = [("ratings", 5, 5, 0.9), ("preferences", 4, 2, 0.5), ("preferences", 16, 8, 0.9), ("preferences", 64, 32, 1)]
    >>> table = pd.DataFrame(rows, columns=["protocol", "involvements", "judgments", "srcc_truth"])
    >>> found = equal_cost(table, "srcc_truth")
    >>> round(found.needed, 3), round(found.same_involvements, 3), round(found.same_judgments, 3)
    (8.0, 0.564, 0.764)
    """
    known = table[table[reference].notna()]
    ratings, preferences = (
        known[known["protocol"] == protocol].sort_values("involvements") for protocol in ("ratings", "preferences")
    )
    if ratings.empty or preferences.empty:
        return None
    spent, reached = (float(ratings[column].iloc[-1]) for column in ("involvements", reference))
    cost, srcc = preferences["judgments"].to_numpy(float), preferences[reference].to_numpy(float)
    return EqualCost(
        reference=REFERENCES[reference],
        ratings=spent,
        of_ratings=reached,
        same_involvements=_at(spent / 2, cost, srcc),
        same_judgments=_at(spent, cost, srcc),
        needed=_reached(reached, cost, srcc),
        all_judgments=float(cost[-1]),
        of_all=float(srcc[-1]),
    )


def _at(where: float, cost: np.ndarray, srcc: np.ndarray) -> float:
    inside = cost[0] * (1 - 1e-9) <= where <= cost[-1] * (1 + 1e-9)
    return float(np.interp(np.log(where), np.log(cost), srcc)) if inside else float("nan")


def _reached(level: float, cost: np.ndarray, srcc: np.ndarray) -> float:
    """The cost at which the curve reaches a level for the first time."""
    above = np.flatnonzero(srcc >= level)
    if not above.size:
        return float("nan")
    k = above[0]
    if k == 0:
        return float(cost[0])
    share = (level - srcc[k - 1]) / (srcc[k] - srcc[k - 1])
    return float(np.exp(np.log(cost[k - 1]) + share * np.log(cost[k] / cost[k - 1])))


def _figure(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "no figure (off the curve)"
