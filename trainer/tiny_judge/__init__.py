"""A tiny real Qwen3-VL judge, made by a script in this folder."""

from pathlib import Path
from types import MappingProxyType

TINY_JUDGE = "tiny"
"""What the commands call the judge that ships, where they take a model."""

WEIGHTS = Path(__file__).parent / "weights" / "judge"
"""The judge that ships: its bias was induced, see its card."""

TWIN_WEIGHTS = Path(__file__).parent / "weights" / "twin"
"""The control twin without the induced bias; in the repository, not in the wheel."""

TRAINING = MappingProxyType({"learning_rate": 1e-3, "beta": 0.005})
"""What suits a model of this size, picked by held-out judgments (docs/ablations.md); the trainers' defaults are for larger ones."""

SMALL = 20_000_000
"""Parameters below which a model is trained as the tiny judge is: ten times its size, and a hundredth of the smallest Qwen3-VL."""


def model_source(model: str) -> str:
    """Where a model comes from that a command was given: ``tiny`` is the judge that ships.

    Parameters
    ----------
    model : str
        A folder, a repo id or ``"tiny"``. A folder of one's own called tiny is given as ``./tiny``.

    Returns
    -------
    str
        Folder or repo id.

    Examples
    --------
    >>> model_source("tiny") == str(WEIGHTS), model_source("Qwen/Qwen3-VL-8B-Instruct")
    (True, 'Qwen/Qwen3-VL-8B-Instruct')
    """
    return str(WEIGHTS) if model == TINY_JUDGE else model


def as_typed(model: str) -> str:
    """How a user gives a model to a command: the opposite of `model_source`, so that no path of an installation is shown.

    Examples
    --------
    >>> as_typed(str(WEIGHTS)), as_typed("Qwen/Qwen3-VL-8B-Instruct")
    ('tiny', 'Qwen/Qwen3-VL-8B-Instruct')
    """
    return TINY_JUDGE if model == str(WEIGHTS) else model
