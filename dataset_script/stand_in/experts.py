"""Simulated experts: one panel per category, who compare and rate the same paintings with the same taste.

Expert j sees painting i at theta_ij = q_i + u_ij: the latent quality, plus that expert's own taste, which is the same
under both protocols (and partly the same over dimensions). What differs between the protocols is noise and, for
ratings, how the expert uses the scale:

    compares    the first is preferred where  theta_aj - theta_bj + pair noise_j > 0
    rates       round(centre + unit * (slope_j theta_ij + bias_j + rating noise_j)), kept on the scale

The noise of each kind differs between experts (their discrimination). Choices are forced: this stand-in has no ties,
though the raw format allows them. The noise is set so that Kendall's W over the facets comes out near the reported
0.795 (preferences) and 0.697 (ratings); everything here is ours, nothing is the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ...preference_to_score.design.pair_design import locally_dense_pairs


@dataclass(frozen=True)
class ExpertPopulation:
    """The population that panels are drawn from; lengths are in units of the latent quality's standard deviation.

    Attributes
    ----------
    taste : float
        Standard deviation of an expert's own taste.
    taste_shared : float
        Share of its variance that is the same over an expert's dimensions.
    pair_noise : float
        Typical standard deviation of the noise on a difference of two paintings.
    rating_noise : float
        Typical standard deviation of the noise on a rating.
    noise_spread : float
        Standard deviation, over experts, of the log of either noise.
    slope_spread : float
        Standard deviation, over experts and dimensions, of the log of the slope with which the scale is used.
    bias_spread : float
        Standard deviation, over experts and dimensions, of the bias.
    personal : float
        Share of the variance of log slope and bias that is the same over an expert's dimensions.
    low, high : int
        Ends of the rating scale.
    unit : float
        Rating steps of one standard deviation of quality, for an expert of slope 1.
    """

    taste: float = 0.465
    taste_shared: float = 0.3
    pair_noise: float = 0.5
    rating_noise: float = 0.47
    noise_spread: float = 0.15
    slope_spread: float = 0.2
    bias_spread: float = 0.4
    personal: float = 0.5
    low: int = 1
    high: int = 10
    unit: float = 1.6

    @property
    def centre(self) -> float:
        """Rating of a painting of quality 0 by an expert without bias."""
        return (self.low + self.high) / 2


POPULATION = ExpertPopulation()


@dataclass(frozen=True)
class ExpertPanel:
    """All judgments of one category's panel of J experts on n paintings in D dimensions.

    Attributes
    ----------
    ratings : ndarray of int, shape (J, n, D)
    pairs : ndarray of int, shape (P, 2)
        Paintings compared, in the order shown (first, second); one design for all experts and dimensions.
    first_preferred : ndarray of bool, shape (J, P, D)
    taste : ndarray, shape (J, n, D)
        Each expert's own taste u_ij.
    slope, bias : ndarray, shape (J, D)
    pair_noise, rating_noise : ndarray, shape (J,)
    """

    ratings: NDArray[np.int_]
    pairs: NDArray[np.int_]
    first_preferred: NDArray[np.bool_]
    taste: NDArray[np.float64]
    slope: NDArray[np.float64]
    bias: NDArray[np.float64]
    pair_noise: NDArray[np.float64]
    rating_noise: NDArray[np.float64]


def simulate_experts(
    quality: NDArray,
    rng: np.random.Generator,
    *,
    experts: int = 5,
    budget: int = 612,
    near: int = 12,
    headline: int = -1,
    population: ExpertPopulation = POPULATION,
) -> ExpertPanel:
    """Draw a panel and let it rate and compare the paintings of one category.

    Parameters
    ----------
    quality : ndarray, shape (n, D)
        Latent quality, standard normal, one column per dimension.
    rng : numpy.random.Generator
    experts : int
        Size of the panel.
    budget : int
        Pairs that each expert compares in each dimension.
    near : int
        Rank distance up to which all pairs are compared; the order is that of the mean rating of `headline`.
    headline : int
        Column of the headline dimension.
    population : ExpertPopulation

    Returns
    -------
    ExpertPanel

    Raises
    ------
    ValueError
        If `quality` is not a table, or the budget does not fit the number of paintings.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> panel = simulate_experts(rng.normal(size=(50, 5)), rng)
    >>> panel.ratings.shape, panel.pairs.shape, panel.first_preferred.shape
    ((5, 50, 5), (612, 2), (5, 612, 5))
    >>> int(panel.ratings.min()) >= 1, int(panel.ratings.max()) <= 10
    (True, True)
    """
    quality = np.asarray(quality, dtype=float)
    if quality.ndim != 2:
        raise ValueError(
            f"quality must have one row per painting and one column per dimension, got shape {quality.shape}"
        )
    n, dimensions = quality.shape
    taste = population.taste * _partly_shared(rng, experts, n, dimensions, population.taste_shared)
    habits = _partly_shared(rng, experts, 2, dimensions, population.personal)
    slope = np.exp(population.slope_spread * habits[:, 0])
    bias = population.bias_spread * habits[:, 1]
    pair_noise = population.pair_noise * np.exp(population.noise_spread * rng.normal(size=experts))
    rating_noise = population.rating_noise * np.exp(population.noise_spread * rng.normal(size=experts))
    seen = quality + taste
    felt = slope[:, None] * seen + bias[:, None] + rating_noise[:, None, None] * rng.normal(size=seen.shape)
    ratings = np.clip(np.rint(population.centre + population.unit * felt), population.low, population.high)
    order = np.argsort(ratings[:, :, headline].mean(0), kind="stable")
    pairs = order[locally_dense_pairs(n, near, budget, rng)]
    pairs = np.where(rng.random((budget, 1)) < 0.5, pairs, pairs[:, ::-1])
    difference = seen[:, pairs[:, 0]] - seen[:, pairs[:, 1]]
    first_preferred = difference + pair_noise[:, None, None] * rng.normal(size=difference.shape) > 0
    return ExpertPanel(ratings.astype(int), pairs, first_preferred, taste, slope, bias, pair_noise, rating_noise)


def truth_on_rating_scale(quality: NDArray, population: ExpertPopulation = POPULATION) -> NDArray[np.float64]:
    """The rating that the expert population gives on average to paintings of known quality.

    The expectation is over bias, slope, taste and noise, with rounding and the ends of the scale as they are, so at
    the ends it differs from the rating of an average expert.

    Parameters
    ----------
    quality : ndarray
        Latent quality, any shape.
    population : ExpertPopulation

    Returns
    -------
    ndarray
        In rating units, of the same shape.

    Examples
    --------
    >>> truth_on_rating_scale(np.array([-2.5, 0.0, 2.5])).round(2)
    array([1.83, 5.5 , 9.17])
    """
    quality = np.asarray(quality, dtype=float)
    node, mass = np.polynomial.hermite_e.hermegauss(15)
    mass = mass / mass.sum()
    slope = np.exp(population.slope_spread * node)[:, None]
    noise = population.rating_noise * np.exp(population.noise_spread * node)[None, :]
    weight = mass[:, None] * mass[None, :]
    spread = np.sqrt((slope * population.taste) ** 2 + population.bias_spread**2 + noise**2)
    steps = (np.arange(population.low, population.high) + 0.5 - population.centre) / population.unit
    mean = slope[..., None] * quality.reshape(-1)[None, None, :]
    above = [(weight[..., None] * ndtr((mean - step) / spread[..., None])).sum((0, 1)) for step in steps]
    return (population.low + np.sum(above, axis=0)).reshape(quality.shape)


def _partly_shared(rng: np.random.Generator, experts: int, n: int, dimensions: int, share: float) -> NDArray:
    """Standard normals (experts, n, dimensions); `share` of the variance is the same over dimensions."""
    common = rng.normal(size=(experts, n, 1))
    own = rng.normal(size=(experts, n, dimensions))
    return np.sqrt(share) * common + np.sqrt(1 - share) * own
