r"""Bradley-Terry worths from paired comparisons, with Davidson's ties and a Gaussian prior on the log-worths.

With d the difference of two log-worths and nu >= 0 the tie parameter (Davidson, 1970),

    P(first) = e^(d/2) / Z,   P(second) = e^(-d/2) / Z,   P(tie) = nu / Z,   Z = e^(d/2) + e^(-d/2) + nu,

which for nu = 0 is Bradley and Terry's (1952) P(first) = 1 / (1 + e^-d). The log-likelihood is concave in the
log-worths and log nu; `newton_worths` climbs it with dense normal equations, `few_items` faster where nothing is tied,
`sparse_worths` where items are many.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from ..arrays import Floats
from .comparisons import Comparisons
from .connectivity import connected_parts
from .davidson_model import curvature
from .few_items import TABLE_UP_TO, fit_table
from .fit_options import check_fit_options
from .ford_condition import check_identified, check_ties_finite
from .newton_worths import fit_counts
from .pair_counts import count_pairs
from .sparse_worths import fit_sparse
from .worth_covariance import worth_covariance

DENSE_UP_TO = 100  # items; beyond it the sparse solver is the faster one
IDENTIFICATION = "mean zero within each connected part"


@dataclass(frozen=True)
class BradleyTerryResult:
    """Log-worths and how they were obtained.

    Attributes
    ----------
    items : tuple
        Ids of the items.
    log_worths : ndarray, shape (n,)
        Natural-log worths, mean zero within each connected part.
    standard_errors : ndarray, shape (n,), or None
        Of each log-worth relative to the mean of its part's items (the mean itself is fixed, not estimated); None
        where no errors were asked for.
    covariance : ndarray, shape (n, n), or None
        Of the log-worths; its rows sum to zero, and it is zero between parts. The tie parameter's uncertainty is
        included.
    log_likelihood : float
        Without the prior's term; summed over parts.
    converged : bool
        Always True: a fit that does not converge raises.
    iterations : int
        Newton steps taken (by the part that took most).
    prior_precision : float
        Of the Gaussian prior on each log-worth; 0 is maximum likelihood.
    ties : str
        ``"davidson"`` or ``"half"``.
    tie_parameter : float or tuple of float
        Davidson's nu; 0 where there are no ties. One for each part where there are several.
    errors : str or None
        ``"fisher"``, ``"sandwich"`` or None.
    cluster : str or None
        ``"rater"`` where the sandwich sums the scores of each rater first.
    never_won, never_lost : tuple
        Items whose log-worth only the prior keeps finite.
    component : ndarray of int, shape (n,)
        The connected part that each item lies in; 0 for all where the graph is connected. Log-worths of different
        parts cannot be compared.
    identification : str
        What fixes the level that the comparisons leave open.
    """

    items: tuple[Hashable, ...]
    log_worths: Floats
    standard_errors: Floats | None
    covariance: Floats | None
    log_likelihood: float
    converged: bool
    iterations: int
    prior_precision: float
    ties: str
    tie_parameter: float | tuple[float, ...]
    errors: str | None
    cluster: str | None
    never_won: tuple[Hashable, ...]
    never_lost: tuple[Hashable, ...]
    component: NDArray[np.int_]
    identification: str


def bradley_terry(
    comparisons: Comparisons,
    *,
    prior_precision: float = 0.0,
    ties: str = "davidson",
    errors: str | None = "fisher",
    cluster: str | None = None,
    per_component: bool = False,
) -> BradleyTerryResult:
    """Fit Bradley-Terry log-worths by maximum likelihood, or a posteriori under a Gaussian prior.

    Parameters
    ----------
    comparisons : Comparisons
        Their graph must be connected, unless `per_component`.
    prior_precision : float
        Precision (1 / variance) of an independent Gaussian prior, mean zero, on every log-worth; 0 is maximum
        likelihood.
    ties : {"davidson", "half"}
        Davidson's tie parameter, or half a win for either side (also for soft outcomes).
    errors : {"fisher", "sandwich", None}
        Inverse curvature, the robust sandwich from the residuals, or none: with many thousands of items ask for none,
        since the covariance takes the memory of n x n numbers and the time of inverting them.
    cluster : {None, "rater"}
        With ``errors="sandwich"``: take a rater's judgments as one draw, with the factor J / (J - 1) for J raters.
    per_component : bool
        Fit each connected part of the comparison graph alone, instead of refusing a disconnected one.

    Returns
    -------
    BradleyTerryResult

    Raises
    ------
    ValueError
        If the comparison graph is disconnected and not `per_component`; if an item was never compared; if without a
        prior the maximum does not exist (some items never lost, or never won, against the rest, or Davidson's tie
        parameter could grow without end); if all judgments are ties; if an option is unknown.
    RuntimeError
        If Newton's method does not converge.

    References
    ----------
    Bradley and Terry (1952), Biometrika 39, 324-345. Davidson (1970), JASA 65, 317-328. Ford (1957), American
    Mathematical Monthly 64, 28-33 (when the maximum exists).

    Examples
    --------
    >>> games = Comparisons.from_arrays(["a", "a", "a", "a"], ["b", "b", "b", "b"], [1, 1, 1, 0])
    >>> fit = bradley_terry(games)
    >>> float(round(fit.log_worths[0] - fit.log_worths[1], 6)) == round(float(np.log(3)), 6)
    True
    """
    check_fit_options(comparisons, prior_precision, errors, cluster)
    _check_outcomes(comparisons, ties)
    options = {"prior_precision": float(prior_precision), "ties": ties, "errors": errors, "cluster": cluster}
    if not per_component:
        try:
            check_identified(comparisons, prior=prior_precision > 0)
        except ValueError as error:
            fix = "; per_component=True fits each part alone" if "disconnected" in str(error) else ""
            raise ValueError(f"{error}{fix}") from None
        return _fit_connected(comparisons, **options)
    parts = connected_parts(comparisons)
    lonely = [part.items[0] for _, part in parts if not len(part)]
    if lonely:
        shown = ", ".join(repr(item) for item in lonely[:5]) + (", ..." if len(lonely) > 5 else "")
        some = "1 item was" if len(lonely) == 1 else f"{len(lonely)} items were"
        raise ValueError(f"{some} never compared ({shown}): leave what was never compared out of `items`")
    fits = []
    for _, part in parts:
        part = _own_raters(part) if len(parts) > 1 else part
        check_fit_options(part, prior_precision, errors, cluster)
        check_identified(part, prior=prior_precision > 0)
        fits.append(_fit_connected(part, **options))
    return fits[0] if len(parts) == 1 else _joined(comparisons.items, [positions for positions, _ in parts], fits)


def _check_outcomes(comparisons: Comparisons, ties: str) -> None:
    if ties not in ("davidson", "half"):
        raise ValueError(f"ties must be 'davidson' or 'half', not {ties!r}")
    y = comparisons.outcome
    decided = (y == 0) | (y == 1)
    if ties == "davidson" and not decided.all() and not (decided | (y == 0.5)).all():
        raise ValueError("outcomes other than 0, 0.5 and 1 are soft judgments: ask for ties='half'")


def _fit_connected(
    comparisons: Comparisons, *, prior_precision: float, ties: str, errors: str | None, cluster: str | None
) -> BradleyTerryResult:
    """Fit comparisons whose graph is connected and whose maximum exists."""
    if ties == "davidson" and (comparisons.outcome == 0.5).all():
        raise ValueError("every judgment is a tie: there is nothing to rank")
    if ties == "davidson" and prior_precision == 0:
        check_ties_finite(comparisons)
    n = len(comparisons.items)
    few = None
    if n <= TABLE_UP_TO and (ties == "half" or not (comparisons.outcome == 0.5).any()):
        few = fit_table(comparisons.credit_table, prior_precision)
    if few is not None:
        theta, log_tie, hessian = few.theta, -np.inf, few.hessian
        log_likelihood, iterations = few.log_likelihood, few.iterations
    elif n <= DENSE_UP_TO:
        fits = fit_counts(count_pairs(comparisons, ties=ties), prior_precision)
        theta, log_tie, hessian = fits.theta[0], fits.log_tie[0], None if errors is None else fits.hessian[0]
        log_likelihood, iterations = float(fits.log_likelihood[0]), fits.iterations
    else:
        fit = fit_sparse(comparisons, prior_precision, ties=ties)
        theta, log_tie, log_likelihood, iterations = fit.theta, fit.log_tie, fit.log_likelihood, fit.iterations
        hessian = (
            None if errors is None else curvature(count_pairs(comparisons, ties=ties), theta, log_tie, prior_precision)
        )
    covariance = None if errors is None else worth_covariance(hessian, comparisons, theta, log_tie, errors, cluster)
    return BradleyTerryResult(
        items=comparisons.items,
        log_worths=theta - theta.mean(),
        standard_errors=None if covariance is None else np.sqrt(np.maximum(np.diag(covariance), 0.0)),
        covariance=covariance,
        log_likelihood=log_likelihood,
        converged=True,
        iterations=iterations,
        prior_precision=prior_precision,
        ties=ties,
        tie_parameter=float(np.exp(log_tie)),
        errors=errors,
        cluster=cluster,
        never_won=comparisons.never_won() if prior_precision else (),  # without a prior Ford's condition excludes them
        never_lost=comparisons.never_lost() if prior_precision else (),
        component=np.zeros(n, dtype=int),
        identification=IDENTIFICATION,
    )


def _own_raters(part: Comparisons) -> Comparisons:
    """The part with those raters alone who judged in it, as if the rest of the table were not there."""
    if part.rater is None:
        return part
    there, rater = np.unique(part.rater, return_inverse=True)
    return replace(part, raters=tuple(part.raters[position] for position in there), rater=rater.reshape(-1))


def _joined(
    items: tuple[Hashable, ...], positions: list[NDArray], fits: list[BradleyTerryResult]
) -> BradleyTerryResult:
    """One result of the fits of all parts."""
    place = np.argsort(np.concatenate(positions))
    spread = np.ix_(place, place)
    bare = fits[0].errors is None
    lost = {item for fit in fits for item in fit.never_lost}
    won = {item for fit in fits for item in fit.never_won}
    return replace(
        fits[0],
        items=items,
        log_worths=np.concatenate([fit.log_worths for fit in fits])[place],
        standard_errors=None if bare else np.concatenate([fit.standard_errors for fit in fits])[place],
        covariance=None if bare else block_diag(*(fit.covariance for fit in fits))[spread],
        log_likelihood=sum(fit.log_likelihood for fit in fits),
        iterations=max(fit.iterations for fit in fits),
        tie_parameter=tuple(fit.tie_parameter for fit in fits),
        never_won=tuple(item for item in items if item in won),
        never_lost=tuple(item for item in items if item in lost),
        component=np.repeat(np.arange(len(fits)), [len(fit.items) for fit in fits])[place],
    )
