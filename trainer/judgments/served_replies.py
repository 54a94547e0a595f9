"""What a server's replies say: which of two images, or which digit. What cannot be read says nothing."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ...model_card.endpoint import Reply, Token
from ...model_card.prompts import DIGITS
from ..score_answers import parse_score

FLOOR = math.log(1e-10)  # servers write -9999 for what is hardly possible
PRIOR_OF_DIGITS = 0.1  # of each of the ten: together one vote


def read_letter(text: str, letters: Sequence[str]) -> str | None:
    """The one of the answers that a text consists of; None for anything else.

    Parameters
    ----------
    text : str
    letters : sequence of str
        The answers, such as A and B.

    Returns
    -------
    str or None

    Examples
    --------
    >>> [read_letter(text, "AB") for text in ("A", " **B**.", "Answer: A", "The answer is B.", "Painting (A)")]
    ['A', 'B', 'A', 'B', 'A']
    >>> [read_letter(text, "AB") for text in ("A painting of hills", "A or B", "Das linke Bild", "a", "")]
    [None, None, None, None, None]
    """
    either = "|".join(re.escape(letter) for letter in letters)
    form = rf"\W*(?:(?i:(?:the\s+)?answer(?:\s+is)?)\W+)?(?:(?i:painting|image)\W+)?({either})\W*"
    found = re.fullmatch(form, text, re.ASCII)
    return found[1] if found else None


def why_unread(reply: Reply, read: object) -> str:
    """Why a reply does not count; empty where it does."""
    if reply.refused:
        return "refused"
    if reply.cut_off:
        return "cut off"
    return "unreadable" if reply.garbled or read is None else ""


def pair_log_odds(reply: Reply, letters: Sequence[str]) -> tuple[float, str]:
    """Log-odds of the first answer against the second, by the log-probabilities where the answer's letter stands.

    An answer that is not among the alternatives that the server gives has the most that it can have: the probability of
    the least of them, or what they leave.

    Parameters
    ----------
    reply : Reply
    letters : sequence of str
        The first answer and the second.

    Returns
    -------
    float
        NaN where it cannot be read.
    str
        Why not.

    Examples
    --------
    >>> halves = Token("A", {"A": math.log(0.6), " A": math.log(0.1), "B": math.log(0.2)})
    >>> odds, _ = pair_log_odds(Reply("A", (halves,)), "AB")
    >>> round(math.exp(odds), 6)
    3.5
    >>> sure = Token("A", {"A": math.log(0.9), "The": math.log(0.05)})
    >>> round(math.exp(pair_log_odds(Reply("A", (sure,)), "AB")[0]), 6)
    18.0
    >>> pair_log_odds(Reply("Das linke Bild", (halves,)), "AB")
    (nan, 'unreadable')
    """
    letter = read_letter(reply.text, letters)
    if why := why_unread(reply, letter):
        return math.nan, why
    place = next((token for token in reply.tokens or () if token.text.strip() == letter), None)
    if place is None:
        return math.nan, "no log-probabilities of the answer"
    given = _summed(place)
    known = [math.exp(value) for value in place.alternatives.values()]
    most = min([*known, max(1.0 - sum(known), 0.0)])
    one, other = (max(math.log(given.get(name, most) or 1e-300), FLOOR) for name in letters)
    return one - other, ""


def votes_log_odds(first: int, second: int) -> float:
    """Log-odds of votes, with half a vote added to either side: ``log((k + 1/2) / (K - k + 1/2))`` for k of K.

    It is the log of the odds of the posterior mean under Jeffreys' prior, finite where all votes agree, and its bias is of
    order 1/K^2 where they do not (Haldane 1956; Anscombe 1956).

    Parameters
    ----------
    first, second : int

    Returns
    -------
    float

    Examples
    --------
    >>> [round(votes_log_odds(k, 5 - k), 3) for k in range(6)]
    [-2.398, -1.099, -0.336, 0.336, 1.099, 2.398]
    """
    return math.log((first + 0.5) / (second + 0.5))


def votes_error(first: int, second: int) -> float:
    """Standard error of ``votes_log_odds``, by the binomial distribution: ``sqrt(1/(k + 1/2) + 1/(K - k + 1/2))``.

    Gart and Zweifel (1967).

    Examples
    --------
    >>> round(votes_error(3, 2), 3), round(votes_error(5, 0), 3)
    (0.828, 1.477)
    """
    return math.sqrt(1 / (first + 0.5) + 1 / (second + 0.5))


def digit_probabilities(reply: Reply) -> np.ndarray | None:
    """What the ten digits hold where the answer's digit stands, not renormalised; None where no digit's are given.

    Parameters
    ----------
    reply : Reply

    Returns
    -------
    ndarray, shape (10,), or None
    """
    number = None if reply.garbled else parse_score(reply.text)
    place = next((token for token in reply.tokens or () if token.text.strip() in DIGITS), None)
    if (
        number is None or place is None or float(place.text) != number
    ):  # 7.5, say: its first digit alone says something else
        return None
    given = _summed(place)
    weights = np.array([given.get(digit, 0.0) for digit in DIGITS])
    return weights if weights.sum() > 0 else None


def rating_of_probabilities(reply: Reply) -> tuple[np.ndarray, str]:
    """Log-probabilities of the ten digits, renormalised; NaN, and why, where they cannot be read."""
    if why := why_unread(reply, parse_score(reply.text) if not reply.garbled else None):
        return np.full(10, np.nan), why
    weights = digit_probabilities(reply)
    if weights is None:
        return np.full(10, np.nan), "no log-probabilities of a digit"
    weights = np.maximum(weights / weights.sum(), math.exp(FLOOR))
    return np.log(weights / weights.sum()), ""


def rating_of_votes(votes: Mapping[int, int] | Counter[int]) -> np.ndarray:
    """Log-probabilities of the ten digits by votes, a tenth of a vote added to each.

    Examples
    --------
    >>> float((np.exp(rating_of_votes(Counter({7: 5}))) @ np.arange(10)).round(3))  # (5 x 7 + 4.5) / 6
    6.583
    """
    counts = np.array([votes.get(digit, 0) + PRIOR_OF_DIGITS for digit in range(10)])
    return np.log(counts / counts.sum())


def read_vote(reply: Reply) -> tuple[int | None, str]:
    """The digit of a rating, rounded where it has a fraction; None, and why, where there is none."""
    number = None if reply.garbled else parse_score(reply.text)
    why = why_unread(reply, number)
    return (None, why) if why or number is None else (round(number), "")


def _summed(place: Token) -> dict[str, float]:
    """Probabilities by what the alternatives say, spaces around it aside."""
    given: dict[str, float] = {}
    for text, log_p in place.alternatives.items():
        given[text.strip()] = given.get(text.strip(), 0.0) + math.exp(log_p)
    return given
