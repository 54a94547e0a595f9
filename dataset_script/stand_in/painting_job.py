"""Painting many scrolls on several processes, each scroll with a random stream of its own."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ...foundation.worker_pool import worker_pool
from .latents import Latents
from .painter import paint

CHUNK = 8


@contextmanager
def painting_pool(processes: int) -> Iterator[Executor | None]:
    """Workers that outlive one call of ``paint_many``.

    Parameters
    ----------
    processes : int
        1 makes no pool.

    Yields
    ------
    Executor or None

    Raises
    ------
    ValueError
        If ``processes`` is below 1.
    """
    if processes < 1:
        raise ValueError(f"processes is {processes}; at least one is needed")
    if processes == 1:
        yield None
        return
    with worker_pool(processes, [__name__]) as pool:
        yield pool


def paint_many(
    latents: Latents,
    category: str,
    seed_key: tuple[int, ...],
    processes: int = 2,
    progress: Callable[[int], None] | None = None,
    *,
    pool: Executor | None = None,
) -> list[Image.Image]:
    """Paint one scroll for each row of `latents`.

    Parameters
    ----------
    latents : Latents
        Traits, toning and formats of n scrolls.
    category : str
        "landscape", "flower_and_bird" or "figure".
    seed_key : tuple of int
        Scroll i is painted with ``np.random.default_rng([*seed_key, i])``, whatever the number of processes.
    processes : int
        Worker processes, started for this call; 1 paints in this process.
    progress : callable, optional
        Called with the number of scrolls just finished.
    pool : Executor, optional
        Workers that are there already (``painting_pool``), in place of ``processes``.

    Returns
    -------
    list of PIL.Image.Image
        RGB, in the order of `latents`.

    Raises
    ------
    ValueError
        If `processes` is below 1, or the painter does not know the category.

    Examples
    --------
    >>> from .latents import draw_latents
    >>> latents = draw_latents(2, np.random.default_rng(0))
    >>> [max(scroll.size) for scroll in paint_many(latents, "figure", (0, 1), processes=1)]
    [512, 512]
    """
    jobs = _jobs(latents, category, seed_key)
    with nullcontext(pool) if pool is not None else painting_pool(processes) as workers:
        painted = map(_paint_one, jobs) if workers is None else workers.map(_paint_one, jobs, chunksize=CHUNK)
        return list(map(partial(_report_one, progress=progress), painted))


def paint_to_files(
    latents: Latents,
    category: str,
    seed_key: tuple[int, ...],
    files: Sequence[Path],
    progress: Callable[[int], None] | None = None,
    *,
    pool: Executor | None = None,
) -> None:
    """The same scrolls as PNG files, written by whoever paints them.

    Parameters
    ----------
    latents, category, seed_key, progress, pool
        As for ``paint_many``; without a pool, in this process.
    files : sequence of Path
        One for each row of `latents`.
    """
    jobs = list(zip(_jobs(latents, category, seed_key), files, strict=True))
    for _ in map(_paint_to_file, jobs) if pool is None else pool.map(_paint_to_file, jobs, chunksize=CHUNK):
        if progress is not None:
            progress(1)


Job = tuple[np.ndarray, float, str, str, tuple[int, ...]]


def _jobs(latents: Latents, category: str, seed_key: tuple[int, ...]) -> list[Job]:
    return [
        (traits, float(toning), category, str(scroll_format), (*seed_key, i))
        for i, (traits, toning, scroll_format) in enumerate(
            zip(latents.traits, latents.toning, latents.formats, strict=True)
        )
    ]


def _paint_to_file(job: tuple[Job, Path]) -> None:
    painted, file = job
    # a sixth of the default's time, for 6 % more bytes
    _paint_one(painted).save(file, format="PNG", compress_level=1, compress_type=zlib.Z_RLE)


def _paint_one(job: Job) -> Image.Image:
    traits, toning, category, scroll_format, key = job
    return paint(traits, toning, category, scroll_format, np.random.default_rng(key))


def _report_one(image: Image.Image, progress: Callable[[int], None] | None) -> Image.Image:
    if progress is not None:
        progress(1)
    return image
