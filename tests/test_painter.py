"""Promises of the procedural painter: what it returns, and what a trait does to the picture."""

from functools import cache

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from ppaint.dataset_script.stand_in.latents import SCROLL_FORMATS, TRAITS, draw_latents
from ppaint.dataset_script.stand_in.painter import PAINTERS, paint
from ppaint.dataset_script.stand_in.painting_job import paint_many

USUAL = 0.8  # of the traits that are not looked at
LEVELS = (-2.0, -0.7, USUAL, 2.0)  # at one level it is the same picture for every trait


def painted(trait: str | None, value: float, category: str, seed: int, toning: float = 0.0) -> np.ndarray:
    traits = np.full(5, USUAL)
    if trait is not None:
        traits[TRAITS.index(trait)] = value
    scroll = paint(traits, toning, category, SCROLL_FORMATS[seed % 3], np.random.default_rng([seed, 31]))
    side = 192 / np.sqrt(scroll.width * scroll.height)
    small = scroll.resize((round(scroll.width * side), round(scroll.height * side)), Image.Resampling.BICUBIC)
    return np.asarray(small, dtype=float)


@cache
def usual(category: str, seed: int) -> np.ndarray:
    return painted(None, USUAL, category, seed)


def at_level(trait: str, level: float, category: str, seed: int) -> np.ndarray:
    return usual(category, seed) if level == USUAL else painted(trait, level, category, seed)


def dark_specks(picture: np.ndarray) -> float:
    grey = picture.mean(axis=2)
    return float((np.abs(grey - gaussian_filter(grey, 2.0)) ** 2).mean())


def inked_cells(picture: np.ndarray) -> float:
    grey = picture.mean(axis=2)[14:-14, 14:-14]
    dark = grey < 0.62 * np.percentile(grey, 80)
    cells = [part.mean() for rows in np.array_split(dark, 7) for part in np.array_split(rows, 7, axis=1)]
    return float((np.array(cells) > 0.03).mean())


def flat_ink(picture: np.ndarray) -> float:
    grey = picture.mean(axis=2)
    return float(np.percentile(grey, 1.0) / np.percentile(grey, 80))


def hard_outlines(picture: np.ndarray) -> float:
    grey = gaussian_filter(picture.mean(axis=2), 0.7)
    return float(np.abs(np.gradient(grey)).mean())


def worn_edge(picture: np.ndarray) -> float:
    grey = picture.mean(axis=2)
    edge = np.concatenate([grey[:3].ravel(), grey[-3:].ravel(), grey[:, :3].ravel(), grey[:, -3:].ravel()])
    return float((edge < 0.75 * np.median(edge)).mean())


FAULTS = {
    "composition": inked_cells,
    "brushwork": dark_specks,
    "ink_and_color": flat_ink,
    "artistic_conception": hard_outlines,
    "finish": worn_edge,
}


@pytest.mark.parametrize("category", PAINTERS)
@pytest.mark.parametrize("trait", TRAITS)
def test_each_trait_is_seen_at_low_resolution_in_each_category(trait, category):
    faults = [np.mean([FAULTS[trait](at_level(trait, level, category, seed)) for seed in range(5)]) for level in LEVELS]
    assert np.all(np.diff(faults) < 0), faults
    assert faults[0] > 1.05 * faults[-1]


@pytest.mark.parametrize("scroll_format", SCROLL_FORMATS)
def test_toning_darkens_the_paper_evenly_in_every_format(scroll_format):
    seed = SCROLL_FORMATS.index(scroll_format)
    paper = [np.percentile(painted(None, 0, "figure", seed, toning).mean(axis=2), 80) for toning in (-2, -1, 0, 1, 2)]
    steps = -np.diff(paper)
    assert np.all(steps > 10)
    assert 55 < paper[0] - paper[-1] < 85


@pytest.mark.parametrize("category", PAINTERS)
@pytest.mark.parametrize("scroll_format", SCROLL_FORMATS)
def test_every_category_and_format_is_painted(category, scroll_format):
    scroll = paint(np.zeros(5), 0.0, category, scroll_format, np.random.default_rng(1))
    assert scroll.mode == "RGB" and max(scroll.size) == 512
    assert scroll.size == {"hanging_scroll": (scroll.width, 512)}.get(scroll_format, scroll.size)


def test_a_scroll_follows_from_its_seed():
    first, second, other = (
        paint(np.zeros(5), 0.0, "figure", "album_leaf", np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.tobytes() == second.tobytes() != other.tobytes()


def test_paintings_do_not_depend_on_processes_or_on_their_neighbours():
    latents = draw_latents(3, np.random.default_rng(0))
    alone = paint_many(latents, "landscape", (4, 2), processes=1)
    finished: list[int] = []
    together = paint_many(latents, "landscape", (4, 2), processes=2, progress=finished.append)
    assert [a.tobytes() for a in alone] == [b.tobytes() for b in together]
    assert sum(finished) == 3
    last = paint(
        latents.traits[2], latents.toning[2], "landscape", latents.formats[2], np.random.default_rng([4, 2, 2])
    )
    assert last.tobytes() == alone[2].tobytes()


@pytest.mark.parametrize(
    ("traits", "toning", "category", "scroll_format", "said"),
    [
        (np.zeros(4), 0.0, "figure", "handscroll", "5 finite numbers"),
        (np.full(5, np.nan), 0.0, "figure", "handscroll", "5 finite numbers"),
        (np.zeros(5), np.inf, "figure", "handscroll", "finite"),
        (np.zeros(5), 0.0, "oil", "handscroll", "category"),
        (np.zeros(5), 0.0, "figure", "mural", "scroll_format"),
    ],
)
def test_what_cannot_be_painted_is_said(traits, toning, category, scroll_format, said):
    with pytest.raises(ValueError, match=said):
        paint(traits, toning, category, scroll_format, np.random.default_rng(0))


def test_no_processes_is_an_error():
    with pytest.raises(ValueError, match="processes"):
        paint_many(draw_latents(1, np.random.default_rng(0)), "figure", (0,), processes=0)
