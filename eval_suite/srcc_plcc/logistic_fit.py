"""PLCC after the 4-parameter logistic fit of the Video Quality Experts Group (VQEG)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from .correlation import checked_values, is_constant, plcc, within_reach
from .pair_counts import VALUES_AT_A_TIME

PARAMETERS = 4
STEEPEST = 0.01  # bounds of the curve's width, in standard deviations of the predictions; beyond them it is a step or
FLATTEST = 100.0  # a straight line to six digits
TAIL = 8.0  # so many widths beyond its middle the curve is an exponential to three digits
FARTHEST = 1000.0  # how far beyond the predictions the middle may lie, in the same unit


@dataclass(frozen=True)
class LogisticFit:
    """The curve ``b2 + (b1 - b2) / (1 + exp(-(x - b3) / b4))`` fitted by least squares.

    Parameters
    ----------
    b1, b2 : float
        The curve's limits towards high and low predictions, in the unit of the references; ``b1 < b2`` where it falls.
    b3, b4 : float
        Its middle and its width (> 0), in the unit of the predictions.
    fitted : ndarray, shape (n,)
        The curve at the predictions.
    correlation : float
        PLCC of the curve with the references; negative where the curve falls, so that an order turned round stays visible.
    rmse : float
        Root mean squared error of the curve, in the unit of the references.
    ends_at : tuple of str
        What the curve has become where it ended at a bound of the search, or shows one end of its S alone: its parameters say no more
        than that.
    """

    b1: float
    b2: float
    b3: float
    b4: float
    fitted: NDArray[np.float64]
    correlation: float
    rmse: float
    ends_at: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, float]:
        """``b1`` to ``b4`` by their names."""
        return {"b1": self.b1, "b2": self.b2, "b3": self.b3, "b4": self.b4}

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences where the curve falls, or ended at a bound.

        Examples
        --------
        >>> import numpy as np
        >>> x = np.arange(20.0)
        >>> fit_logistic(x, 3 - 2 * np.tanh(x - 9)).notes
        ('the logistic curve falls: high predictions go with low references',)
        """
        falls = ("the logistic curve falls: high predictions go with low references",) if self.correlation < 0 else ()
        return (*falls, *(f"the logistic curve {what}" for what in self.ends_at))


def fit_logistic(predictions: ArrayLike, references: ArrayLike) -> LogisticFit:
    """Fit VQEG's monotonic 4-parameter logistic curve from predictions to references.

    The two limits enter linearly, so only middle and width are searched: a grid, then a polish from its best points. Hence it
    does not depend on a starting guess, and it is never worse than a straight line (beyond the sixth digit).

    Parameters
    ----------
    predictions, references : array_like, shape (n,)
        At least five finite values each.

    Returns
    -------
    LogisticFit
        The curve and how well it fits.

    Raises
    ------
    ValueError
        If there are fewer than five items, either side is constant, or as `checked_values`.

    References
    ----------
    VQEG, "Final report from the Video Quality Experts Group on the validation of objective models of video quality
    assessment, phase II" (2003).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-3, 3, 30)
    >>> fit = fit_logistic(x, 1 + 9 / (1 + np.exp(-x / 0.5)))
    >>> round(fit.b1, 3), round(fit.b2, 3), round(fit.b4, 3)
    (10.0, 1.0, 0.5)
    """
    x, y = checked_values(predictions, references)
    if x.size <= PARAMETERS:
        raise ValueError(f"a curve with {PARAMETERS} parameters needs {PARAMETERS + 1} items or more, got {x.size}")
    if is_constant(x) or is_constant(y):
        raise ValueError("no curve can be fitted: the predictions or the references are constant")
    ([x], exponent_x), ([y], exponent_y) = within_reach(x), within_reach(y)
    centre, unit = x.mean(), x.std()
    z = (x - centre) / unit
    target = (y - y.mean()) / y.std()
    middle, width = _search(z, target)
    basis = expit((z - middle) / width)
    rise = np.dot(basis - basis.mean(), y - y.mean()) / np.dot(basis - basis.mean(), basis - basis.mean())
    bottom = y.mean() - rise * basis.mean()
    fitted = bottom + rise * basis
    return LogisticFit(
        b1=float(np.ldexp(bottom + rise, exponent_y)),
        b2=float(np.ldexp(bottom, exponent_y)),
        b3=float(np.ldexp(centre + unit * middle, exponent_x)),
        b4=float(np.ldexp(unit * width, exponent_x)),
        fitted=np.ldexp(fitted, exponent_y),
        correlation=float(plcc(basis, y)),
        rmse=float(np.ldexp(np.sqrt(np.mean((fitted - y) ** 2)), exponent_y)),
        ends_at=_bounds_reached(middle, width, z),
    )


def plcc_logistic(predictions: ArrayLike, references: ArrayLike) -> float:
    """PLCC of the references with the predictions after the 4-parameter logistic fit.

    Parameters
    ----------
    predictions, references
        As for `fit_logistic`, but as few as one value.

    Returns
    -------
    float
        The correlation (negative where the fitted curve falls); NaN where no curve can be fitted: fewer than five items, or
        either side constant.

    Examples
    --------
    >>> round(plcc_logistic([1, 2, 3, 4, 5, 6], [1, 1.1, 2, 8, 9, 9.1]), 3)
    1.0
    >>> plcc_logistic([1, 2, 3], [1, 2, 3])
    nan
    """
    fit = fit_where_possible(predictions, references)
    return float("nan") if fit is None else fit.correlation


def fit_where_possible(predictions: ArrayLike, references: ArrayLike) -> LogisticFit | None:
    """The fit, or None where no curve can be fitted.

    Parameters
    ----------
    predictions, references
        As for `plcc_logistic`.

    Returns
    -------
    LogisticFit or None

    Examples
    --------
    >>> fit_where_possible([1, 2, 3], [1, 2, 3]) is None
    True
    """
    x, y = checked_values(predictions, references)
    if x.size <= PARAMETERS or is_constant(x) or is_constant(y):
        return None
    return fit_logistic(x, y)


def _bounds_reached(middle: float, width: float, z: NDArray[np.float64]) -> tuple[str, ...]:
    """Where the search ended at a bound (to within a thousandth of it), or so far outside that the middle has no meaning."""
    found = []
    if width < 1.001 * STEEPEST:
        found.append("ended at a bound: it is a step")
    if width > 0.999 * FLATTEST:
        found.append("ended at a bound: it is a straight line")
    if max(middle - z.max(), z.min() - middle) > min(TAIL * width, 0.999 * FARTHEST):
        found.append("has its middle far outside the predictions: it is one end of an S, an exponential")
    return tuple(found)


def _search(z: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float]:
    """Middle and width (both in standard deviations) of the curve that explains most of the standardised target."""
    # middles far outside the data too: there the curve is one end of an S, in the limit an exponential
    outside = np.geomspace(0.2, FARTHEST, 12)
    distinct = np.unique(z)
    gaps = (distinct[1:] + distinct[:-1]) / 2
    inside = gaps[np.unique(np.linspace(0, gaps.size - 1, 64).round().astype(int))]
    middles = np.concatenate([inside, np.linspace(z.min(), z.max(), 17), z.max() + outside, z.min() - outside])
    low, high = z.min() - FARTHEST, z.max() + FARTHEST
    widths = np.geomspace(STEEPEST, FLATTEST, 33)
    together = max(1, VALUES_AT_A_TIME // z.size)  # curves that are tried at a time
    parts = [slice(start, start + together) for start in range(0, middles.size, together)]
    loss = np.stack(
        [
            np.concatenate(
                [_unexplained(middles[part], np.full(middles[part].size, width), z, target) for part in parts]
            )
            for width in widths
        ]
    )
    bounds = [(low, high), (np.log(STEEPEST), np.log(FLATTEST))]
    best = (np.inf, 0.0, 1.0)
    for start in np.argsort(loss, axis=None, kind="stable")[:4]:
        row, column = np.unravel_index(start, loss.shape)
        found = minimize(
            lambda p: _unexplained(np.array([p[0]]), np.exp([p[1]]), z, target)[0],
            x0=[middles[column], np.log(widths[row])],
            method="Nelder-Mead",
            bounds=bounds,
            options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 2000, "maxfev": 2000},
        )
        best = min(best, (float(found.fun), float(found.x[0]), float(np.exp(found.x[1]))))
    return best[1], best[2]


def _unexplained(
    middle: NDArray[np.float64], width: NDArray[np.float64], z: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The share of the target's variance that each curve (shape (k,)) leaves, its limits fitted; 1 where it is flat."""
    basis = expit((z[None, :] - middle[:, None]) / width[:, None])
    basis -= basis.mean(axis=1, keepdims=True)
    length = np.einsum("kn,kn->k", basis, basis)
    shared = basis @ target
    # a curve that is flat over the data to 8 digits is half rounding
    usable = length > 1e-16 * z.size
    return 1.0 - np.where(usable, shared**2 / np.where(usable, length, 1.0), 0.0) / np.dot(target, target)
