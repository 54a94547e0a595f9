"""Judgments of simulated releases without their paintings: the random streams are those of ``ppaint simulate``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ppaint.dataset_script.stand_in.experts import POPULATION, ExpertPanel, simulate_experts, truth_on_rating_scale
from ppaint.dataset_script.stand_in.latents import draw_latents
from ppaint.dataset_script.stand_in.simulate import (
    CATEGORIES,
    DIMENSIONS,
    EXPERTS,
    HEADLINE,
    PAINTINGS_A_CATEGORY,
    PAIRS_A_CATEGORY,
    RELEASE_LATENTS,
    STAND_IN_NEAR,
)
from ppaint.preference_to_score import Comparisons, Ratings

HEADLINE_PLACE = DIMENSIONS.index(HEADLINE)
SCALE = (POPULATION.low, POPULATION.high)


@dataclass(frozen=True)
class SimulatedFacet:
    """One facet's judgments and the truth behind them.

    Attributes
    ----------
    category, dimension : str
    comparisons : Comparisons
    ratings : Ratings
    truth : ndarray, shape (n,)
        On the rating scale: the population's expected rating.
    """

    category: str
    dimension: str
    comparisons: Comparisons
    ratings: Ratings
    truth: NDArray[np.float64]


def latent_quality(seed: int, category: int) -> NDArray:
    """Latent quality of a category's paintings, shape (n, D), as ``ppaint simulate`` draws it."""
    return draw_latents(PAINTINGS_A_CATEGORY, np.random.default_rng([seed, category, RELEASE_LATENTS])).quality


def simulated_panel(seed: int, category: int) -> tuple[NDArray, ExpertPanel]:
    """Latent quality (n, D) of a category's paintings, and its experts' judgments."""
    quality, rng = latent_quality(seed, category), np.random.default_rng([seed, category, EXPERTS])
    options = {"budget": PAIRS_A_CATEGORY, "near": STAND_IN_NEAR, "headline": HEADLINE_PLACE}
    return quality, simulate_experts(quality, rng, **options)


def simulated_facets(
    seed: int, change: Callable[[ExpertPanel, np.random.Generator], ExpertPanel] | None = None
) -> list[SimulatedFacet]:
    """The 15 facets of a seed's release; `change` alters each category's panel first (an adversary)."""
    facets = []
    for c, category in enumerate(CATEGORIES):
        quality, panel = simulated_panel(seed, c)
        if change is not None:
            panel = change(panel, np.random.default_rng([seed, c, 977]))
        truth = truth_on_rating_scale(quality)
        for k, dimension in enumerate(DIMENSIONS):
            facets.append(SimulatedFacet(category, dimension, *facet_tables(panel, k), truth[:, k]))
    return facets


def facet_tables(panel: ExpertPanel, dimension: int) -> tuple[Comparisons, Ratings]:
    """One dimension of a panel as the tables that estimators read; items and raters are numbered."""
    experts, n, _ = panel.ratings.shape
    comparisons = Comparisons.from_arrays(
        np.tile(panel.pairs[:, 0], experts),
        np.tile(panel.pairs[:, 1], experts),
        panel.first_preferred[:, :, dimension].astype(float).ravel(),
        rater=np.repeat(np.arange(experts), len(panel.pairs)),
        items=range(n),
    )
    ratings = Ratings.from_arrays(
        np.tile(np.arange(n), experts), np.repeat(np.arange(experts), n), panel.ratings[:, :, dimension].ravel()
    )
    return comparisons, ratings


def careless(panel: ExpertPanel, rng: np.random.Generator) -> ExpertPanel:
    """Expert 0 answers at random under both protocols."""
    ratings, preferred = panel.ratings.copy(), panel.first_preferred.copy()
    ratings[0] = rng.integers(SCALE[0], SCALE[1] + 1, ratings[0].shape)
    preferred[0] = rng.random(preferred[0].shape) < 0.5
    return replace(panel, ratings=ratings, first_preferred=preferred)


def reversed_in_ratings(panel: ExpertPanel, rng: np.random.Generator) -> ExpertPanel:
    """Expert 0 takes the top of the rating scale for its bottom; compares as before."""
    ratings = panel.ratings.copy()
    ratings[0] = sum(SCALE) - ratings[0]
    return replace(panel, ratings=ratings)


def reversed_in_both(panel: ExpertPanel, rng: np.random.Generator) -> ExpertPanel:
    """Expert 0 takes the top for the bottom in ratings, and the better for the worse in comparisons."""
    preferred = panel.first_preferred.copy()
    preferred[0] = ~preferred[0]
    return replace(reversed_in_ratings(panel, rng), first_preferred=preferred)


def middle_only(panel: ExpertPanel, rng: np.random.Generator) -> ExpertPanel:
    """Expert 0 uses the two middle ratings only; compares as before."""
    ratings = panel.ratings.copy()
    middle = (SCALE[0] + SCALE[1]) // 2
    ratings[0] = np.where(ratings[0] <= middle, middle, middle + 1)
    return replace(panel, ratings=ratings)


def copier(panel: ExpertPanel, rng: np.random.Generator) -> ExpertPanel:
    """Expert 0 hands in expert 1's answers under both protocols."""
    ratings, preferred = panel.ratings.copy(), panel.first_preferred.copy()
    ratings[0], preferred[0] = ratings[1], preferred[1]
    return replace(panel, ratings=ratings, first_preferred=preferred)


ADVERSARIES = {
    "careless": careless,
    "reversed in ratings": reversed_in_ratings,
    "reversed in both": reversed_in_both,
    "middle only": middle_only,
    "copier": copier,
}
