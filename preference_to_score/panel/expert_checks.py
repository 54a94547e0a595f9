"""Experts whose answers stand out so far that a reader of the scores should know their names.

Nobody is dropped for it: a flag is a reason to look. The rules are stated here, and how often they name an honest
expert is measured in ``benchmarks/adversarial_releases.py``.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from .expert_profiles import LEAST_ITEMS, ExpertProfiles
from .item_jackknife import Estimates

NARROW = 0.5  # of the others' spread: an expert who surely uses less of the scale than that
ALIKE = 0.5  # of the usual share of differing answers: two experts who surely differ less than that
HARDLY = 0.1  # of the usual number of differing answers: two experts who differ no more than that
BY_CHANCE = 0.005  # at most, that any two experts of a panel who do not copy hardly differ
RELATED = 3.0  # standard errors from no correlation: two experts who surely agree better than chance
CLEARLY = 0.75  # correlation that says so as well, of the few items of which three standard errors are out of reach

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
    shared : int or None
        Judgments that both gave, for `COPY`: what the share rests on.
    """

    rater: Hashable
    protocol: str
    what: str
    figure: float
    other: Hashable | None = None
    shared: int | None = None

    def __str__(self) -> str:
        figure = {AGAINST: "SRCC", CHANCE: "SRCC", MIDDLE: "spread over the others'", COPY: "share of equal answers"}
        like = "" if self.other is None else f" ({self.other})"
        of = "" if self.shared is None else f" of {self.shared}"
        return f"{self.rater} {self.what}{like} in {self.protocol}: {figure[self.what]} {self.figure:.2f}{of}"


def expert_checks(profiles: ExpertProfiles) -> tuple[ExpertFlag, ...]:
    """Flag the experts of a panel who stand out.

    With the profiles' 95 % intervals, an expert

    - *runs against the others* where the whole interval of the agreement with them lies below 0 (a reversed scale, or
      the worse taken for the better), and more of them answer the other way than the same way: beside one reversed
      expert in a panel of three, an honest one has as many with as against;
    - *agrees no better than chance* where it holds 0 and ends below the others' median agreement (careless, or judging
      something else; with a handful of items every interval holds 0, which says nothing of the expert);
    - *uses a narrow part of the scale* where the whole interval of the spread lies below half of the others';
    - *answers like another* where the two surely (Wilson's upper bound, at 97.5 % for all pairs of experts together)
      differ in less than half of the share of judgments in which other pairs of experts typically (median) do; or where
      they hardly differ (a tenth of that number, both protocols together) and as few differences would be chance in
      0.5 % of panels at most. Both are named: who copied, the answers do not tell.

    What is typical is learnt from pairs of experts who surely agree better than chance. An expert who answers at random,
    or the other way, says nothing of how far two honest ones differ: in a panel of three with one such, nobody does, and
    copies are not looked for in that protocol.

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
    found += _copy_flags(profiles)
    order = {name: position for position, name in enumerate(profiles.raters)}
    return tuple(sorted(found, key=lambda flag: order[flag.rater]))


def _agreement_flags(profiles: ExpertProfiles, protocol: str, agreement: Estimates) -> list[ExpertFlag]:
    found = []
    for position, name in enumerate(profiles.raters):
        value, low, high = (float(part[position]) for part in (agreement.value, agreement.low, agreement.high))
        others = np.delete(agreement.value, position)
        others = others[~np.isnan(others)]
        if high < 0 and _mostly_against(profiles, protocol, position):  # neither where there is no figure
            found.append(ExpertFlag(name, protocol, AGAINST, value))
        elif low <= 0 <= high and others.size and high < np.median(others):
            found.append(ExpertFlag(name, protocol, CHANCE, value))
    return found


def _mostly_against(profiles: ExpertProfiles, protocol: str, position: int) -> bool:
    """Whether more of the others answer the other way than the same way, as far as they judged the same things."""
    table = profiles.rating_correlation if protocol == "ratings" else profiles.answer_correlation
    known = table[position][~np.isnan(table[position])]
    return bool(not known.size or np.sign(known).sum() < 0)  # where nobody judged the same things, the interval decides


@dataclass(frozen=True)
class _Likeness:
    """How often every two experts differ under one protocol, and how often experts usually do."""

    protocol: str
    shared: NDArray[np.int_]  # (J, J) judgments of both
    differ: NDArray[np.float64]  # (J, J) share of them
    usual: NDArray[np.float64]  # (J, J) that of the other pairs of experts; NaN where none can say


def _copy_flags(profiles: ExpertProfiles) -> list[ExpertFlag]:
    found, names = [], profiles.raters
    both = [_likeness(profiles, protocol) for protocol in ("ratings", "preferences")]
    for one, other in combinations(range(len(names)), 2):
        for each in _alike(both, one, other):
            share, shared = 1 - float(each.differ[one, other]), int(each.shared[one, other])
            found.append(ExpertFlag(names[one], each.protocol, COPY, share, names[other], shared))
            found.append(ExpertFlag(names[other], each.protocol, COPY, share, names[one], shared))
    return found


def _likeness(profiles: ExpertProfiles, protocol: str) -> _Likeness:
    ratings = protocol == "ratings"
    differ = 1 - (profiles.same_ratings if ratings else profiles.same_answers)
    shared = profiles.both_rated if ratings else profiles.both_answered
    related = profiles.rating_correlation if ratings else profiles.answer_correlation
    free = np.maximum(shared - ratings, 0)  # a mean is taken out of ratings
    with np.errstate(invalid="ignore"):
        telling = related >= np.minimum(RELATED / np.sqrt(np.maximum(free, 1)), CLEARLY)
    telling &= free >= LEAST_ITEMS
    upper = np.triu(telling, 1)
    every = np.sort(differ[upper])
    usual = np.full(differ.shape, np.median(every) if every.size else np.nan)
    for one, other in zip(*np.nonzero(upper), strict=True):
        rest = np.delete(every, np.searchsorted(every, differ[one, other]))
        usual[one, other] = usual[other, one] = np.median(rest) if rest.size else np.nan
    return _Likeness(protocol, shared, differ, usual)


def _alike(both: list[_Likeness], one: int, other: int) -> list[_Likeness]:
    """Under which protocols two experts answer like each other."""
    known = [each for each in both if each.shared[one, other] > 0 and not np.isnan(each.usual[one, other])]
    pairs = [max(int((np.triu(each.shared, 1) > 0).sum()), 1) for each in known]
    found = [
        each
        for each, total in zip(known, pairs, strict=True)
        if _wilson_upper(each.differ[one, other], each.shared[one, other], 1 - 0.025 / total)
        < ALIKE * each.usual[one, other]
    ]
    number = [int(each.shared[one, other]) for each in known]
    differing = [round(n * float(each.differ[one, other])) for n, each in zip(number, known, strict=True)]
    usual = [float(each.usual[one, other]) for each in known]
    if known and sum(differing) <= HARDLY * np.dot(number, usual):
        if _so_few(differing, number, usual) * max(pairs) <= BY_CHANCE:
            found += [each for each in known if each not in found]
    return found


def _so_few(differing: list[int], number: list[int], usual: list[float]) -> float:
    """Chance of no more differing answers in all, if each one differs with the usual chance of its protocol."""
    total = sum(differing)
    if len(number) == 1:
        return float(binom.cdf(total, number[0], usual[0]))
    first = np.arange(total + 1)
    return float((binom.pmf(first, number[0], usual[0]) * binom.cdf(total - first, number[1], usual[1])).sum())


def _wilson_upper(share: float, total: int, level: float) -> float:
    z = norm.ppf(level)
    half = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return float((share + z**2 / (2 * total) + half) / (1 + z**2 / total))
