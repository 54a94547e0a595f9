"""Experts whose answers stand out so far that a reader of the scores should know their names.

Nobody is dropped for it: a flag is a reason to look. The rules are stated here, and how often they name an honest
expert is measured in ``benchmarks/adversarial_releases.py``.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom

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


@dataclass(frozen=True, eq=False)
class _Likeness:
    """How often every two experts differ under one protocol, and how often experts usually do."""

    protocol: str
    shared: NDArray[np.int_]  # (J, J) judgments of both
    same: NDArray[np.float64]  # (J, J) share of them answered alike
    telling: NDArray[np.bool_]  # (J, J) who surely agree better than chance; above the diagonal alone
    every: NDArray[np.float64]  # (L,) share of differing answers of these, rising
    pairs: int  # of experts who judged the same things

    def usual(self, one: int, others: NDArray, differ: NDArray) -> NDArray[np.float64]:
        """Share in which other pairs of experts typically (median) differ, for pairs that differ so much; NaN where none can say."""
        size = self.every.size
        if not size:
            return np.full(others.size, np.nan)
        own = self.telling[one, others]
        middle = np.array([(size - 1) // 2, size // 2])
        left_out = np.searchsorted(self.every, differ)  # a pair that tells is not among the others
        rest = np.array([(size - 2) // 2, (size - 1) // 2])
        places = np.where(own, rest[:, None] + (rest[:, None] >= left_out), middle[:, None])
        low, high = self.every[np.minimum(places, size - 1)]
        return np.where(own & (size == 1), np.nan, (low + high) / 2)


def _copy_flags(profiles: ExpertProfiles) -> list[ExpertFlag]:
    found, names = [], profiles.raters
    both = [_likeness(profiles, protocol) for protocol in ("ratings", "preferences")]
    for one in range(len(names) - 1):
        others = one + 1 + np.flatnonzero(np.any([each.shared[one, one + 1 :] > 0 for each in both], axis=0))
        for other, each in _alike(both, one, others):
            share, shared = float(each.same[one, other]), int(each.shared[one, other])
            found.append(ExpertFlag(names[one], each.protocol, COPY, share, names[other], shared))
            found.append(ExpertFlag(names[other], each.protocol, COPY, share, names[one], shared))
    return found


def _likeness(profiles: ExpertProfiles, protocol: str) -> _Likeness:
    ratings = protocol == "ratings"
    same = profiles.same_ratings if ratings else profiles.same_answers
    shared = profiles.both_rated if ratings else profiles.both_answered
    related = profiles.rating_correlation if ratings else profiles.answer_correlation
    telling, pairs, differing = np.zeros(shared.shape, dtype=bool), 0, []
    for one in range(len(shared) - 1):
        rest = slice(one + 1, None)
        free = np.maximum(shared[one, rest] - ratings, 0)  # a mean is taken out of ratings
        with np.errstate(invalid="ignore"):
            surely = related[one, rest] >= np.minimum(RELATED / np.sqrt(np.maximum(free, 1)), CLEARLY)
        telling[one, rest] = surely & (free >= LEAST_ITEMS)
        differing.append(1 - same[one, rest][telling[one, rest]])
        pairs += int(np.count_nonzero(shared[one, rest]))
    return _Likeness(protocol, shared, same, telling, np.sort(np.concatenate(differing)), max(pairs, 1))


def _alike(both: list[_Likeness], one: int, others: NDArray) -> list[tuple[int, _Likeness]]:
    """Which of the others answer like one expert, and under which protocols."""
    number = np.array([each.shared[one, others] for each in both])
    differ = np.array([1 - each.same[one, others] for each in both])
    usual = np.array([each.usual(one, others, mine) for each, mine in zip(both, differ, strict=True)])
    known = (number > 0) & ~np.isnan(usual)
    level = np.array([1 - 0.025 / each.pairs for each in both])[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        surely = known & (_wilson_upper(differ, number, level) < ALIKE * usual)
        differing = np.where(known, np.rint(number * differ), 0)
        hardly = known.any(0) & (differing.sum(0) <= HARDLY * np.where(known, number * usual, 0).sum(0))
        # that nothing differs is the least likely of what counts: where even that may be chance, so is the rest
        most = np.where(known, np.array([each.pairs for each in both])[:, None], 1).max(0)
        hardly &= np.where(known, (1 - usual) ** number, 1.0).prod(0) * most <= BY_CHANCE
    found = []
    for k in np.flatnonzero(surely.any(0) | hardly):
        of = np.flatnonzero(known[:, k])
        named = [p for p in of if surely[p, k]]
        if hardly[k]:
            few = ([int(values[p, k]) for p in of] for values in (differing, number))
            chance = _so_few(*few, [float(usual[p, k]) for p in of])
            if chance * max(both[p].pairs for p in of) <= BY_CHANCE:
                named += [p for p in of if p not in named]
        found += [(int(others[k]), both[p]) for p in named]
    return found


def _so_few(differing: list[int], number: list[int], usual: list[float]) -> float:
    """Chance of no more differing answers in all, if each one differs with the usual chance of its protocol."""
    total = sum(differing)
    if len(number) == 1:
        return float(binom.cdf(total, number[0], usual[0]))
    first = np.arange(total + 1)
    return float((binom.pmf(first, number[0], usual[0]) * binom.cdf(total - first, number[1], usual[1])).sum())


def _wilson_upper(share: NDArray, total: NDArray, level: NDArray) -> NDArray[np.float64]:
    z = ndtri(level)
    half = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return (share + z**2 / (2 * total) + half) / (1 + z**2 / total)
