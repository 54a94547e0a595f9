"""A dataset folder with images, written by hand: nothing is fused, so that it is there at once."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

CATEGORIES, DIMENSIONS, PAINTINGS = ("landscape", "figure"), ("brushwork", "overall"), 12


def picture(seed: int) -> Image.Image:
    """A small picture, unlike all others; the larger its number, the lighter."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(
        np.clip(rng.normal(60 + 6 * (seed % 24), 20 + seed % 7, (40, 48, 3)), 0, 255).astype(np.uint8)
    )


def png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, format="PNG")
    return content.getvalue()


def draw_release(
    folder: Path, *, categories=CATEGORIES, dimensions=DIMENSIONS, paintings=PAINTINGS, missing=()
) -> Path:
    """Categories of a dozen paintings; the score of one goes with how light it is. Paintings of ``missing`` have no image."""
    facts = {
        "name": "drawn-simulated",
        "simulated": True,
        "categories": list(categories),
        "dimensions": list(dimensions),
        "headline": "overall",
        "rating_scale": [1, 10],
    }
    folder.mkdir(parents=True)
    (folder / "ppaint_release.json").write_text(json.dumps(facts), encoding="utf-8")
    for place, category in enumerate(categories):
        ids = [f"{category}_{i:02d}" for i in range(paintings)]
        seeds = range(place * paintings, (place + 1) * paintings)
        cells = [
            None if name in missing else {"bytes": png(picture(seed)), "path": f"{name}.png"}
            for name, seed in zip(ids, seeds, strict=True)
        ]
        kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        scores = {name: [3 + 0.2 * (seed % 24) + 0.1 * k for seed in seeds] for k, name in enumerate(dimensions)}
        for table, columns in (("paintings", {"image": pa.array(cells, type=kind)}), ("fused", scores)):
            (folder / table).mkdir(exist_ok=True)
            path = folder / table / f"{category}-00000-of-00001.parquet"
            pq.write_table(pa.table({"painting_id": ids, **columns}), path)
    return folder


def write_pictures(folder: Path, count: int) -> Path:
    """A folder of the first pictures."""
    folder.mkdir(parents=True)
    for seed in range(count):
        picture(seed).save(folder / f"{seed:02d}.png")
    return folder
