"""The ranking objective written out in numpy, pair by pair: what the tests expect, without the functions under test."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

VALUES = np.arange(10.0)


def probabilities(log_probs) -> np.ndarray:
    """Of the ten score tokens, in float64; shape (n, 10)."""
    return np.exp(np.asarray(log_probs, dtype=np.float64))


def moments(log_probs) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the score of each image: sum p v, and sum p v^2 less the square of the mean."""
    mean = probabilities(log_probs) @ VALUES
    return mean, probabilities(log_probs) @ VALUES**2 - mean**2


def fidelity(score: float, image: int, opponent: int, log_probs, elo) -> float:
    """f_ij, if image i is given this score."""
    mean, variance = moments(log_probs)
    target = 1 / (1 + 10 ** (-(float(elo[image]) - float(elo[opponent])) / 400))
    order = norm.cdf((score - mean[opponent]) / math.sqrt(variance[image] + variance[opponent] + 1e-3))
    return math.sqrt(order * target + 1e-6) + math.sqrt((1 - order) * (1 - target) + 1e-6)


def ranking_reward(log_probs, elo, weight) -> np.ndarray:
    """r_i(v) = sum_j w_ij f_ij(v) / sum_j w_ij; shape (n, 10)."""
    n = len(elo)
    total = np.zeros((n, 10))
    for i in range(n):
        for v in range(10):
            total[i, v] = sum(
                float(weight[i, j]) * fidelity(v, i, j, log_probs, elo) for j in range(n) if weight[i, j] > 0
            )
    return total / np.asarray(weight, dtype=np.float64).sum(1, keepdims=True)


def fidelity_loss_parts(log_probs, elo, confidence) -> tuple[float, float]:
    """sum_ij c_i c_j (1 - f_ij) at the means of the scores, and sum_ij c_i c_j, over all i != j."""
    mean, _ = moments(log_probs)
    top = bottom = 0.0
    for i in range(len(elo)):
        for j in range(len(elo)):
            if i != j:
                weight = float(confidence[i]) * float(confidence[j])
                top += weight * (1 - fidelity(mean[i], i, j, log_probs, elo))
                bottom += weight
    return top, bottom


def kl_divergence(log_probs, reference) -> np.ndarray:
    """sum_v p(v) (log p(v) - log q(v)) of each image."""
    log_p, log_q = np.asarray(log_probs, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    return (np.exp(log_p) * (log_p - log_q)).sum(-1)
