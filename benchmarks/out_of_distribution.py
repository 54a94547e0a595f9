"""How often a scorer marks an image as out of distribution: images like its training images, and others.

    python benchmarks/out_of_distribution.py SCORER "new landscape scrolls=FOLDER" "museum paintings=FOLDER" ...

Noise, text, blank images and gradients are made here. Images of the training set itself, the held-out ones among them,
are no test: the measure was made from them.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw

from ppaint.images import list_images, open_image
from ppaint.model_card import AestheticScorer
from ppaint.model_card.card import markdown_table

RESULTS = Path(__file__).parent / "results" / "out_of_distribution.json"
SHAPES = ((512, 300), (400, 400), (300, 512))  # height and width, as scrolls have them


def noise(rng: np.random.Generator, shape: tuple[int, int]) -> Image.Image:
    """Every pixel drawn by itself."""
    return Image.fromarray(rng.integers(0, 256, (*shape, 3), dtype=np.uint8))


def blank(rng: np.random.Generator, shape: tuple[int, int]) -> Image.Image:
    """One colour."""
    return Image.fromarray(np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), (*shape, 3)).copy())


def gradient(rng: np.random.Generator, shape: tuple[int, int]) -> Image.Image:
    """From one colour at the top to another at the bottom."""
    top, bottom = rng.integers(0, 256, (2, 3))
    share = np.linspace(0, 1, shape[0])[:, None, None] * np.ones((1, shape[1], 1))
    return Image.fromarray((top * (1 - share) + bottom * share).astype(np.uint8))


def text(rng: np.random.Generator, shape: tuple[int, int]) -> Image.Image:
    """Black letters on white, line under line."""
    page = Image.new("RGB", shape[::-1], "white")
    for y in range(10, shape[0] - 12, 14):
        letters = rng.integers(97, 123, shape[1] // 8)
        ImageDraw.Draw(page).text((10, y), "".join(map(chr, letters)), fill="black")
    return page


def main(
    scorer: Annotated[Path, typer.Argument(help="A scorer's folder.")],
    sets: Annotated[list[str], typer.Argument(help="NAME=FOLDER of images.")],
    most: Annotated[int, typer.Option(help="Images of a folder, at most.")] = 160,
) -> None:
    """Print the table of docs/scorer.md, and write its figures to benchmarks/results."""
    loaded = AestheticScorer.from_pretrained(scorer)
    images = {}
    for named in sets:
        name, _, folder = named.partition("=")
        images[name] = [open_image(path) for path in list_images(folder)[:most]]
    for k, make in enumerate((noise, blank, gradient, text)):
        made = [make(np.random.default_rng([k, i]), SHAPES[i % len(SHAPES)]) for i in range(30)]
        images[f"{make.__name__} (made)"] = made
    rows, figures = [], {}
    for name, some in images.items():
        distance = loaded.score(some).distance
        low, middle, high = np.quantile(distance, [0.05, 0.5, 0.95])
        figures[name] = {"images": len(some), "flagged": float((distance > 1).mean()), "median": float(middle)}
        rows.append(
            [name, str(len(some)), f"{100 * (distance > 1).mean():.1f} %", f"{middle:.2f} ({low:.2f} to {high:.2f})"]
        )
    print(markdown_table(["images", "how many", "marked", "distance: median (5 % to 95 %)"], rows))
    result = {
        "simulated": loaded.config.simulated,
        "measure": loaded.config.out_of_distribution.model_dump(),
        "sets": figures,
        "versions": {package: version(package) for package in ("ppaint", "torch", "transformers", "numpy")},
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
