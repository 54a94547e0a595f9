"""Whether the judge that is published beside a scorer is the one that the scorer was made from."""

from __future__ import annotations

from pathlib import Path

from ..foundation.faults import Fault
from ..model_card.scorer_config import BASE_WEIGHTS, ScorerConfig
from .contents.model_folder import hash_of_weights


def judge_faults(judge: Path, scorer: Path) -> list[Fault]:
    """The fault of a judge with other weights than those that a scorer's config names as its base.

    Parameters
    ----------
    judge, scorer : Path
        Folders, both of them looked through already.

    Returns
    -------
    list of Fault
        Empty also where the config names none, as those that older versions wrote: the scorer's content says so in a note.
    """
    wanted = ScorerConfig.load(scorer).hashes.get(BASE_WEIGHTS)
    if wanted is None or (found := hash_of_weights(judge)) == wanted:
        return []
    what = f"its weights are {found[:16]}, and the scorer {scorer} was made from {wanted[:16]}"
    return [
        Fault(str(judge), "weights", what, "give the judge that the scorer was distilled from, or leave out --judge")
    ]
