"""The score in a completion, or none: an answer that cannot be read abstains, it is never given a score."""

from __future__ import annotations

import re

LOW, HIGH = 0.0, 9.0
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:\.\d+)?(?!\d|[.,]\d)")
_SCALE = re.compile(r"(?<=\d)\s*(?:/|out of)\s*9(?!\d|[.,]\d)", re.IGNORECASE)


def parse_score(text: str, *, tagged: bool = False) -> float | None:
    """The one number from 0 to 9 in an answer.

    Parameters
    ----------
    text : str
    tagged : bool
        Whether the answer must stand between ``<answer>`` and ``</answer>`` (the last such pair counts); what is
        outside is thinking.

    Returns
    -------
    float or None
        None where there is no number, more than one, or one outside the scale.

    Examples
    --------
    >>> parse_score("7"), parse_score("I would say 6.5 out of 9."), parse_score("score: 8/9")
    (7.0, 6.5, 8.0)
    >>> parse_score("between 6 and 7"), parse_score("12"), parse_score("-3"), parse_score("fine"), parse_score("7/10")
    (None, None, None, None, None)
    >>> parse_score("2 or 3? <answer>3</answer>", tagged=True), parse_score("3", tagged=True)
    (3.0, None)
    """
    if tagged:
        answers = _ANSWER.findall(text)
        if not answers:
            return None
        text = answers[-1]
    numbers = _NUMBER.findall(_SCALE.sub("", text))
    if len(numbers) != 1 or not LOW <= float(numbers[0]) <= HIGH:
        return None
    return float(numbers[0])
