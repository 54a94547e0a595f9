"""Why a figure has no value: sentences for the reader of a table in which it is missing."""

from __future__ import annotations

from collections.abc import Mapping

from numpy.typing import ArrayLike

from .correlation import NEARLY_CONSTANT, is_constant, is_nearly_constant


def why_without_value(
    figures: Mapping[str, float],
    predictions: ArrayLike,
    references: ArrayLike,
    *,
    called: str = "references",
    rows: str = "rows",
) -> list[str]:
    """One sentence for each reason for which figures of a group are NaN.

    Parameters
    ----------
    figures : mapping of str to float
        Name -> figure of the group.
    predictions, references : array_like, shape (n,)
        The values that the figures were made of.
    called : str
        What the references are called.
    rows : str
        What the rows are called.

    Returns
    -------
    list of str
        Empty where every figure has a value.

    Examples
    --------
    >>> why_without_value({"srcc": float("nan"), "rmse": 1.0}, [2, 2, 2], [1, 2, 3])
    ['srcc undefined, because the predictions are constant']
    >>> why_without_value({"plcc": 0.9, "slope": float("nan")}, [2, 2 + 1e-9, 2], [1, 3, 2])[0][:56]
    'slope undefined, because the predictions hardly differ ('
    """
    reasons: dict[str, list[str]] = {}
    sides = {"predictions": predictions, called: references}
    constant = [name for name, values in sides.items() if is_constant(values)]
    for name, value in figures.items():
        if value == value:
            continue
        if constant:
            why = f"the {' and the '.join(constant)} are constant"
        elif name == "slope" and is_nearly_constant(predictions, references):
            why = f"the predictions hardly differ (they span less than {NEARLY_CONSTANT:g} of what the {called} span)"
        else:
            why = f"{len(predictions)} {rows} are too few"
        reasons.setdefault(why, []).append(name)
    return [f"{', '.join(names)} undefined, because {why}" for why, names in reasons.items()]
