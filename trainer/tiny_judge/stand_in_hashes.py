"""Perceptual hashes of the stand-ins' scrolls, painted as ``ppaint simulate`` paints them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...dataset_script.stand_in.latents import draw_latents
from ...dataset_script.stand_in.painting_job import paint_many
from ...dataset_script.stand_in.simulate import CATEGORIES, PAINTINGS_A_CATEGORY, RELEASE_LATENTS, RELEASE_SCROLLS
from ...foundation.job_pool import run_jobs
from ...foundation.progress_type import Progress
from ...images.perceptual_hash import perceptual_hash


def stand_in_hashes(seeds: Iterable[int], *, processes: int = 2, progress: Progress | None = None) -> list[int]:
    """Perceptual hashes of every scroll of the stand-ins of some seeds.

    Parameters
    ----------
    seeds : iterable of int
    processes : int
        Worker processes.
    progress : callable, optional
        Called as ``progress(what, done, total)``, with categories of stand-ins.

    Returns
    -------
    list of int
        64-bit hashes.
    """
    jobs = [(seed, c) for seed in seeds for c in range(len(CATEGORIES))]
    found = run_jobs(category_hashes, jobs, "stand-ins' hashes", processes, progress)
    return [value for hashes in found for value in hashes]


def category_hashes(job: tuple[int, int]) -> list[int]:
    """Hashes of one category (by number) of one seed's stand-in."""
    seed, c = job
    latents = draw_latents(PAINTINGS_A_CATEGORY, np.random.default_rng([seed, c, RELEASE_LATENTS]))
    scrolls = paint_many(latents, CATEGORIES[c], (seed, c, RELEASE_SCROLLS), processes=1)
    return [perceptual_hash(scroll) for scroll in scrolls]
