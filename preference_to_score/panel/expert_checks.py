"""Experts whose answers stand out so far that a reader of the scores should know their names.

Nobody is dropped for it: a flag is a reason to look. The rules are stated here, and how often they name an honest
expert is measured in ``benchmarks/adversarial_releases.py``.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from .expert_profiles import ExpertProfiles
from .item_jackknife import Estimates

NARROW = 0.5  # of the others' spread: an expert who surely uses less of the scale than that
ALIKE = 0.5  # of the usual share of differing answers: two experts who surely differ less than that

AGAINST = "runs against the others"
CHANCE = "agrees with the others no better than chance"
MIDDLE = "uses a narrow part of the scale"
COPY = "answers like another"


@dataclass(frozen=True)
class ExpertFlag:
    """One expert, and what stands out.

    Attributes
    ----------
    rater : hashable
    protocol : str
        ``"ratings"`` or ``"preferences"``.
    what : str
        `AGAINST`, `CHANCE`, `MIDDLE` or `COPY`.
    figure : float
        The figure it rests on: agreement with the others (SRCC), spread over the others', or share of equal answers.
    other : hashable or None
        Whose answers they are like, for `COPY`.
    """

    rater: Hashable
    protocol: str
    what: str
    figure: float
    other: Hashable | None = None

    def __str__(self) -> str:
        figure = {AGAINST: "SRCC", CHANCE: "SRCC", MIDDLE: "spread over the others'", COPY: "share of equal answers"}
        like = "" if self.other is None else f" ({self.other})"
        return f"{self.rater} {self.what}{like} in {self.protocol}: {figure[self.what]} {self.figure:.2f}"


def expert_checks(profiles: ExpertProfiles) -> tuple[ExpertFlag, ...]:
    """Flag the experts of a panel who stand out.

    With the profiles' 95 % intervals, an expert

    - *runs against the others* where the whole interval of the agreement with them lies below 0 (a reversed scale, or
      the worse taken for the better);
    - *agrees no better than chance* where it holds 0 and ends below the others' median agreement (careless, or judging
      something else; with a handful of items every interval holds 0, which says nothing of the expert);
    - *uses a narrow part of the scale* where the whole interval of the spread lies below half of the others';
    - *answers like another* where the two surely (Wilson's upper bound, at 97.5 % for all pairs of experts together)
      differ in less than half of the share of judgments in which the other pairs typically (median) do. Both are
      named: who copied, the answers do not tell.

    Parameters
    ----------
    profiles : ExpertProfiles

    Returns
    -------
    tuple of ExpertFlag
        In the order of the experts; empty where nobody stands out.

    Examples
    --------
    >>> from ppaint.preference_to_score import Ratings
    >>> from ppaint.preference_to_score import expert_profiles
    >>> rng = np.random.default_rng(0)
    >>> value = np.clip(np.rint(5.5 + 2 * rng.normal(size=40) + 0.7 * rng.normal(size=(4, 40))), 1, 10)
    >>> value[2] = 11 - value[2]
    >>> marks = Ratings.from_arrays(np.tile(range(40), 4), np.repeat(list("wxyz"), 40), value.ravel())
    >>> [str(flag) for flag in expert_checks(expert_profiles(None, marks))]
    ['y runs against the others in ratings: SRCC -0.87']
    """
    found: list[ExpertFlag] = []
    for protocol, agreement in (("ratings", profiles.agreement), ("preferences", profiles.preference_agreement)):
        found += _agreement_flags(profiles, protocol, agreement)
    for position in np.flatnonzero(profiles.spread.high < NARROW):
        found.append(ExpertFlag(profiles.raters[position], "ratings", MIDDLE, float(profiles.spread.value[position])))
    for protocol, shares in (("ratings", profiles.same_ratings), ("preferences", profiles.same_answers)):
        found += _copy_flags(profiles, protocol, shares)
    order = {name: position for position, name in enumerate(profiles.raters)}
    return tuple(sorted(found, key=lambda flag: order[flag.rater]))


def _agreement_flags(profiles: ExpertProfiles, protocol: str, agreement: Estimates) -> list[ExpertFlag]:
    found = []
    for position, name in enumerate(profiles.raters):
        value, low, high = (float(part[position]) for part in (agreement.value, agreement.low, agreement.high))
        others = np.delete(agreement.value, position)
        others = others[~np.isnan(others)]
        if high < 0:  # neither where there is no figure
            found.append(ExpertFlag(name, protocol, AGAINST, value))
        elif low <= 0 <= high and others.size and high < np.median(others):
            found.append(ExpertFlag(name, protocol, CHANCE, value))
    return found


def _copy_flags(profiles: ExpertProfiles, protocol: str, shares: NDArray) -> list[ExpertFlag]:
    shared = profiles.both_rated if protocol == "ratings" else profiles.both_answered
    experts, found = len(profiles.raters), []
    differ = 1 - shares[np.triu_indices(experts, 1)]
    level = 1 - 0.025 / max((~np.isnan(differ)).sum(), 1)  # many experts make many pairs, and some are alike by chance
    for one in range(experts):
        for other in np.flatnonzero(~np.isnan(shares[one])):
            others = _without(differ, experts, one, other)
            bound = _wilson_upper(1 - shares[one, other], shared[one, other], level)
            if others.size and bound < ALIKE * np.median(others):
                name, like = profiles.raters[one], profiles.raters[int(other)]
                found.append(ExpertFlag(name, protocol, COPY, float(shares[one, other]), like))
    return found


def _without(differ: NDArray, experts: int, one: int, other: int) -> NDArray[np.float64]:
    """Shares of differing answers over the other pairs of experts, where there are any."""
    row, column = np.triu_indices(experts, 1)
    kept = ~((row == min(one, other)) & (column == max(one, other))) & ~np.isnan(differ)
    return differ[kept]


def _wilson_upper(share: float, total: int, level: float) -> float:
    z = norm.ppf(level)
    half = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return float((share + z**2 / (2 * total) + half) / (1 + z**2 / total))
