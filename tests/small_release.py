"""A small raw export without images, built for real: what tests of the evaluation are made on."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from ppaint.dataset_script import build_dataset

CATEGORIES = ("landscape", "figure")
DIMENSIONS = ("line", "overall")
EXPERTS = 3
PAINTINGS = 10


def build_small_release(folder: Path) -> Path:
    """Two categories of ten paintings, three experts each, two dimensions; returns the dataset folder."""
    rng = np.random.default_rng(0)
    ratings, pairs, paintings = [], [], []
    for category in CATEGORIES:
        names = [f"{category}_{place:02d}" for place in range(PAINTINGS)]
        paintings += [(name, category, "") for name in names]
        quality = rng.normal(size=(PAINTINGS, len(DIMENSIONS)))
        for expert in (f"simulated_{category}_{number}" for number in range(EXPERTS)):
            taste = quality + 0.4 * rng.normal(size=quality.shape)
            for column, dimension in enumerate(DIMENSIONS):
                marks = np.clip(np.rint(5.5 + 1.6 * taste[:, column] + 0.8 * rng.normal(size=PAINTINGS)), 1, 10)
                ratings += [(name, expert, dimension, int(mark)) for name, mark in zip(names, marks, strict=True)]
                for one, other in combinations(range(PAINTINGS), 2):
                    gap = taste[one, column] - taste[other, column] + 0.7 * rng.normal()
                    pairs.append((names[one], names[other], expert, dimension, "a" if gap > 0 else "b"))
    raw = folder / "raw"
    raw.mkdir()
    for name, rows, columns in (
        ("paintings", paintings, ["painting_id", "category", "file"]),
        ("ratings", ratings, ["painting_id", "expert_id", "dimension", "rating"]),
        ("pairs", pairs, ["painting_a", "painting_b", "expert_id", "dimension", "choice"]),
    ):
        pd.DataFrame(rows, columns=columns).to_csv(raw / f"{name}.csv", index=False)
    config = {
        "name": "small-simulated",
        "simulated": True,
        "categories": list(CATEGORIES),
        "dimensions": list(DIMENSIONS),
        "headline": "overall",
        "rating_scale": [1, 10],
        "repeats": "forbid",
        "licence": "CC0-1.0",
        "citation": "none",
    }
    (raw / "annotations.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    build_dataset(raw, folder / "small")
    return folder / "small"
