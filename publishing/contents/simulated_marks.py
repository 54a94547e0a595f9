"""Words and names by which ppaint's own writers mark what is simulated, found again in a card whose flag says nothing of it."""

from __future__ import annotations

import re

from ..content import SIMULATED_ENDING

SIMULATED = "simulated"
_MARK = re.compile(r"\*\*simulated\b|\(simulated\b|\bsimulated:|\w-simulated\b", re.I)


def marks_itself(text: str) -> bool:
    """Whether a text has one of the marks that ppaint writes; to speak of simulated things is none.

    Examples
    --------
    >>> [marks_itself(text) for text in ("A scorer (simulated)", "on ppaint-simulated", "Simulated: the judge is tiny.")]
    [True, True, True]
    >>> marks_itself("Nothing here was simulated.")
    False
    """
    return _MARK.search(text) is not None


def named_simulated(repo: object) -> bool:
    """Whether a repo's name, with or without a commit, says that it is simulated.

    Examples
    --------
    >>> named_simulated("org/judge-tiny-simulated@0000"), named_simulated("Qwen/Qwen3-VL-8B-Instruct")
    (True, False)
    """
    return str(repo).partition("@")[0].endswith(SIMULATED_ENDING)
