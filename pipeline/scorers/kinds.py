"""Which kind of scorer is which class."""

from __future__ import annotations

import importlib

from ...foundation.faults import Fault, InputFault
from .options import Options
from .protocol import Scorer

# kind -> file of this sub-package, class, and the options that mean something to it besides --dimensions
KINDS = {
    "distilled": ("distilled", "DistilledScorer", ("model", "revision", "base", "compiled")),
    "pointwise": ("pointwise", "PointwiseScorer", ("model", "revision", "compiled")),
    "tournament": ("tournament", "TournamentScorer", ("model", "revision", "compiled", "pool_size", "opponents")),
    "endpoint": (
        "endpoint",
        "EndpointScorer",
        (
            "endpoint",
            "model",
            "key_env",
            "logprobs",
            "concurrency",
            "answer_tokens",
            "max_side",
            "max_calls",
            "max_tokens",
            "timeout",
        ),
    ),
    "python": ("python", "PythonScorer", ("function",)),
    "statistics": ("statistics", "StatisticsScorer", ()),
    "ridge": ("ridge", "RidgeScorer", ("model", "revision")),
}
OPTION_NAMES = {"compiled": "--compile", "pool_size": "--pool", "logprobs": "--logprobs/--no-logprobs"}
_ALWAYS = ("kind", "dimensions", "references", "tell")


def open_scorer(options: Options) -> Scorer:
    """Load a scorer.

    Parameters
    ----------
    options : Options

    Returns
    -------
    Scorer

    Raises
    ------
    InputFault
        If there is no such kind, an option was given that means nothing to it, or it cannot be loaded.
    """
    if options.kind not in KINDS:
        fix = f"choose from {', '.join(KINDS)}"
        raise InputFault(Fault("--scorer", "", f"there is no kind {options.kind!r}", fix))
    file, name, taken = KINDS[options.kind]
    usual = Options()
    faults = [
        Fault(
            OPTION_NAMES.get(field, "--" + field.replace("_", "-")),
            "",
            f"means nothing to the scorer {options.kind!r}",
            f"leave it out; this scorer takes {_listed(taken)}",
        )
        for field, value in vars(options).items()
        if field not in (*_ALWAYS, *taken) and value != getattr(usual, field)
    ]
    if faults:
        raise InputFault(faults)
    return getattr(importlib.import_module(f".{file}", __package__), name)(options)


def _listed(taken: tuple[str, ...]) -> str:
    return ", ".join(OPTION_NAMES.get(field, "--" + field.replace("_", "-")) for field in ("dimensions", *taken))
