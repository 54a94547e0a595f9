"""The simulated stand-in as a raw annotation export: scrolls painted, experts asked, the truth written beside it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import yaml

from ...foundation.progress_type import Progress, counted, no_progress
from ...foundation.whole_folders import written_whole
from .experts import POPULATION, ExpertPanel, simulate_experts, truth_on_rating_scale
from .latents import Latents, draw_latents
from .painting_job import paint_to_files, painting_pool

NAME = "ppaint-simulated"
CATEGORIES = ("landscape", "flower_and_bird", "figure")
DIMENSIONS = ("composition", "brushwork", "ink_and_color", "artistic_conception", "overall")
HEADLINE = "overall"

# The last word of each random stream's key (seed, category, stream). Painting i of a stream of scrolls is drawn from
# (seed, category, stream, i), so latents have streams of their own: numpy takes (s, c, 0) and (s, c, 0, 0) for the same.
RELEASE_SCROLLS, UNLABELLED_SCROLLS, RELEASE_LATENTS, UNLABELLED_LATENTS, EXPERTS = 1, 2, 3, 4, 5

PAINTINGS_A_CATEGORY, PAIRS_A_CATEGORY, STAND_IN_NEAR = 50, 612, 12
_LICENCE = "CC0-1.0"
_CITATION = (
    "Simulated stand-in of the ppaint project: painted and judged by programs, with the shape of PPaint and none of its "
    'data. PPaint itself: "Preferences Order, Ratings Anchor: From Fused Expert Aesthetic Ground Truth to '
    'Self-Distillation", arXiv 2605.19776.'
)
_TRUTH_README = """# Latent truth of a simulated stand-in

Written beside the export, never into it. `latents.csv` (and `unlabelled.csv` for scrolls without labels) hold, for each
painting, its latent quality in every dimension (standard normal) and `<dimension>_truth`: the rating that the population
of simulated experts gives it on average, with their shifts, scales, tastes and noise.
"""


def simulate(
    out: str | Path,
    seed: int,
    unlabelled: int = 0,
    progress: Progress | None = None,
    *,
    paintings: int = PAINTINGS_A_CATEGORY,
    processes: int = 2,
) -> None:
    """Write a simulated raw annotation export, its latent truth, and scrolls without labels.

    Parameters
    ----------
    out : str or Path
        The export. Beside it are written ``<out>-truth`` (``latents.csv``, ``unlabelled.csv``) and, if asked for,
        ``<out>-unlabelled`` (``<category>/<painting_id>.png``). Either all of them are written or none.
    seed : int
        Not negative; the same seed gives the same files.
    unlabelled : int
        Scrolls a category to paint without labels, from streams of their own: the release does not depend on it.
    progress : callable, optional
        Called as ``progress(what, done, total)``.
    paintings : int
        Scrolls a category in the release; 50 is the stand-in's shape. With fewer than 36, all pairs are compared.
    processes : int
        Worker processes that paint; does not change what is painted.

    Raises
    ------
    InputFault
        If one of the folders exists and is not empty, or cannot be made.
    ValueError
        If a number is out of range.
    """
    if seed < 0 or unlabelled < 0 or paintings < 2:
        raise ValueError(f"seed {seed}, unlabelled {unlabelled}, paintings {paintings}: not negative, and 2 paintings")
    out = Path(out)
    with ExitStack() as folders:
        raw = folders.enter_context(written_whole(out))  # entered first, so it takes its name last
        truth = folders.enter_context(written_whole(out.with_name(f"{out.name}-truth")))
        unlabelled_folder = out.with_name(f"{out.name}-unlabelled")
        scrolls = folders.enter_context(written_whole(unlabelled_folder)) if unlabelled else None
        pool = folders.enter_context(painting_pool(processes))
        _write_release(raw, truth, seed, paintings, pool, progress)
        if scrolls is not None:
            _write_unlabelled(scrolls, truth, seed, unlabelled, pool, progress)
        (truth / "README.md").write_text(_TRUTH_README, encoding="utf-8")


def _write_release(
    raw: Path, truth: Path, seed: int, paintings: int, pool: Executor | None, progress: Progress | None
) -> None:
    (raw / "images").mkdir()
    about, experts, ratings, pairs, latents = [], [], [], [], []
    for index, category in enumerate(CATEGORIES):
        drawn = draw_latents(paintings, np.random.default_rng([seed, index, RELEASE_LATENTS]))
        ids = [f"{category}_{number:03d}" for number in range(1, paintings + 1)]
        key = (seed, index, RELEASE_SCROLLS)
        _paint(drawn, category, key, [raw / "images" / f"{name}.png" for name in ids], pool, progress)
        budget = min(PAIRS_A_CATEGORY, paintings * (paintings - 1) // 2)
        rng = np.random.default_rng([seed, index, EXPERTS])
        panel = simulate_experts(
            drawn.quality, rng, budget=budget, near=STAND_IN_NEAR, headline=DIMENSIONS.index(HEADLINE)
        )
        who = [f"simulated_{category}_{number}" for number in range(1, len(panel.ratings) + 1)]
        experts += [(expert, category, "simulated") for expert in who]
        about += _about(drawn, category, ids)
        ratings += _ratings(panel, ids, who)
        pairs += _pairs(panel, ids, who)
        latents += _latents(drawn, category, ids)
    painted = ("painting_id", "category", "file", "title", "artist", "period", "source", "licence")
    _write_csv(raw / "paintings.csv", painted, about)
    _write_csv(raw / "experts.csv", ("expert_id", "category", "kind"), experts)
    _write_csv(raw / "ratings.csv", ("painting_id", "expert_id", "dimension", "rating"), ratings)
    _write_csv(raw / "pairs.csv", ("painting_a", "painting_b", "expert_id", "dimension", "choice"), pairs)
    (raw / "annotations.yaml").write_text(_annotations(), encoding="utf-8")
    _write_csv(truth / "latents.csv", _latent_columns(), latents)


def _write_unlabelled(
    folder: Path, truth: Path, seed: int, count: int, pool: Executor | None, progress: Progress | None
) -> None:
    latents = []
    for index, category in enumerate(CATEGORIES):
        (folder / category).mkdir()
        drawn = draw_latents(count, np.random.default_rng([seed, index, UNLABELLED_LATENTS]))
        ids = [f"{category}_unlabelled_{number:04d}" for number in range(1, count + 1)]
        files = [folder / category / f"{name}.png" for name in ids]
        _paint(drawn, category, (seed, index, UNLABELLED_SCROLLS), files, pool, progress, " (unlabelled)")
        latents += _latents(drawn, category, ids)
    _write_csv(truth / "unlabelled.csv", _latent_columns(), latents)


def _paint(
    latents: Latents,
    category: str,
    key: tuple[int, ...],
    files: Sequence[Path],
    pool: Executor | None,
    progress: Progress | None,
    kind: str = "",
) -> None:
    finished = counted(progress or no_progress, f"painting {category}{kind}", len(files))
    paint_to_files(latents, category, key, files, finished, pool=pool)


def _about(latents: Latents, category: str, ids: Sequence[str]) -> list[tuple[str, ...]]:
    rows = []
    for name, scroll_format in zip(ids, latents.formats, strict=True):
        title = f"Simulated {category.replace('_', ' ')} {name[-3:]}, {str(scroll_format).replace('_', ' ')}"
        rows.append((name, category, f"images/{name}.png", title, "a program", "", "simulated by ppaint", _LICENCE))
    return rows


def _ratings(panel: ExpertPanel, ids: Sequence[str], who: Sequence[str]) -> list[tuple[object, ...]]:
    return [
        (name, expert, dimension, int(panel.ratings[j, i, d]))
        for i, name in enumerate(ids)
        for j, expert in enumerate(who)
        for d, dimension in enumerate(DIMENSIONS)
    ]


def _pairs(panel: ExpertPanel, ids: Sequence[str], who: Sequence[str]) -> list[tuple[str, ...]]:
    return [
        (ids[first], ids[second], expert, dimension, "a" if panel.first_preferred[j, p, d] else "b")
        for p, (first, second) in enumerate(panel.pairs)
        for j, expert in enumerate(who)
        for d, dimension in enumerate(DIMENSIONS)
    ]


def _latents(latents: Latents, category: str, ids: Sequence[str]) -> list[tuple[object, ...]]:
    truth = truth_on_rating_scale(latents.quality)
    return [(name, category, *map(float, latents.quality[i]), *map(float, truth[i])) for i, name in enumerate(ids)]


def _latent_columns() -> tuple[str, ...]:
    return ("painting_id", "category", *DIMENSIONS, *(f"{dimension}_truth" for dimension in DIMENSIONS))


def _annotations() -> str:
    config = {
        "name": NAME,
        "simulated": True,
        "categories": list(CATEGORIES),
        "dimensions": list(DIMENSIONS),
        "headline": HEADLINE,
        "rating_scale": [POPULATION.low, POPULATION.high],
        "repeats": "forbid",
        "licence": _LICENCE,
        "citation": _CITATION,
        "tags": ["chinese-painting"],
    }
    return yaml.safe_dump(config, sort_keys=False, width=120)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
