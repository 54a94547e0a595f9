"""A better pool, tried: every image's own noise estimated from its residuals, and all comparisons weighted by it."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import expit, log_expit

from ppaint.preference_to_score import ELO_PER_LOGIT, outsider_prior_precision
from ppaint.trainer import PseudoScores, ReferencePool
from ppaint.trainer.pseudo_scores.pseudo_labels import empirical_reliability


def image_noise(first, second, squared_residual, n: int, ridge: float = 4.0) -> np.ndarray:
    """v_i >= 0 with E r_ij^2 = v_i + v_j, least squares; pulled towards their mean as ``ridge`` more comparisons would.

    Parameters
    ----------
    first, second : ndarray of int, shape (m,)
    squared_residual : ndarray, shape (m,)
    n : int
    ridge : float

    Returns
    -------
    ndarray, shape (n,)
    """
    rows = np.zeros((len(first) + n, n))
    rows[np.arange(len(first)), first] = rows[np.arange(len(first)), second] = 1
    typical = squared_residual.mean() / 2
    rows[len(first) + np.arange(n), np.arange(n)] = np.sqrt(ridge)
    found, _ = nnls(rows, np.concatenate([squared_residual, np.full(n, typical * np.sqrt(ridge))]))
    return found


def joint_fit(first, second, p, weight, prior: np.ndarray) -> np.ndarray:
    """Weighted maximum a posteriori worths of all images at once."""
    n = len(prior)

    def loss(theta):
        d = theta[first] - theta[second]
        value = -(weight * (p * log_expit(d) + (1 - p) * log_expit(-d))).sum() + (prior * theta**2).sum() / 2
        g = weight * (expit(d) - p)
        return value, np.bincount(first, g, n) - np.bincount(second, g, n) + prior * theta

    return minimize(loss, np.zeros(n), jac=True, method="L-BFGS-B", options={"gtol": 1e-9, "maxiter": 2000}).x


def reweighted(scores: PseudoScores, pool: ReferencePool, rounds: int = 5) -> PseudoScores:
    """Pseudo-scores from one weighted fit of pool and outsiders together, each comparison weighted by its images' noise.

    Parameters
    ----------
    scores : PseudoScores
    pool : ReferencePool
        Gives the prior's precision.
    rounds : int
        Of fitting and estimating the noise again.

    Returns
    -------
    PseudoScores
        Errors are sandwich errors of the weighted fit.
    """
    place = {image: i for i, image in enumerate(scores.images)}
    first = np.array([place[a] for a in scores.judged.first])
    second = np.array([place[b] for b in scores.judged.second])
    n, elo, tau = len(scores.images), np.empty_like(scores.elo), np.empty_like(scores.tau)
    games = np.bincount(first, minlength=n) + np.bincount(second, minlength=n)
    for k in range(len(scores.dimensions)):
        p = scores.judged.probability[:, k]
        prior = np.array([outsider_prior_precision(pool.fit(k), each) for each in games])
        weight = np.ones(len(p))
        for _ in range(rounds):
            theta = joint_fit(first, second, p, weight, prior)
            residual = p - expit(theta[first] - theta[second])
            noise = image_noise(first, second, residual**2, n)
            level = noise[first] + noise[second]
            weight = 1 / np.maximum(level, 0.05 * level.mean())
            weight *= len(weight) / weight.sum()
        theta = joint_fit(first, second, p, weight, prior)
        tau[:, k] = sandwich(first, second, p, weight, prior, theta) * ELO_PER_LOGIT
        elo[:, k] = (theta - theta[scores.in_pool].mean()) * ELO_PER_LOGIT
    confidence, reliability = empirical_reliability(elo, tau)
    return dataclasses.replace(scores, elo=elo, tau=tau, confidence=confidence, reliability=reliability)


def sandwich(first, second, p, weight, prior, theta) -> np.ndarray:
    """Standard errors of the joint fit from its residuals."""
    n, d = len(prior), theta[first] - theta[second]
    curve, gain = weight * expit(d) * expit(-d), (weight * (p - expit(d))) ** 2
    bread, meat = np.diag(prior).astype(float), np.zeros((n, n))
    for matrix, value in ((bread, curve), (meat, gain)):
        np.add.at(matrix, (first, first), value)
        np.add.at(matrix, (second, second), value)
        np.add.at(matrix, (first, second), -value)
        np.add.at(matrix, (second, first), -value)
    inverse = np.linalg.inv(bread)
    spare = len(p) / max(len(p) - n + 1, 1)
    return np.sqrt(np.diag(inverse @ meat @ inverse) * spare)
