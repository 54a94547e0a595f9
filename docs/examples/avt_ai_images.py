"""A dataset of ratings with images: 146 pictures by image generators, three dimensions, 27 raters, repeats kept.

The data are `ratings_t1.csv` and `images/` of AVT's AI image study (Goering et al., 2023). Written as a raw export
(docs/raw-format.md):

- one category, since one panel rated all images on one scale and they may be ranked together; the generator
  stands in the column `source`;
- nine ratings are repeats, and the study's published means keep them. So annotations.yaml says `repeats: keep`; with
  `repeats: forbid` each of the nine is a fault with its row;
- `midjourney/p25` was rated but its image is missing: its `file` is empty;
- five raters stopped early, and the published means leave them out. Nothing is left out here: `experts.csv` says how
  many ratings each gave, so that a reader can.

    python docs/examples/avt_ai_images.py DATA OUT

writes the export to OUT/raw and the dataset to OUT/ppaint.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
import yaml

from ppaint.dataset_script import build_dataset

CATEGORY = "generated"
CONFIG = {
    "name": "avt-ai-images",
    "simulated": False,
    "categories": [CATEGORY],
    "dimensions": ["image_appeal", "realism", "prompt_matching"],
    "headline": "image_appeal",
    "rating_scale": [1, 5],
    "repeats": "keep",
    "licence": "GPL-3.0",
    "citation": "S. Goering, R. R. Ramachandra Rao, R. Merten and A. Raake (2023). Analysis of Appeal for Realistic "
    "AI-Generated Photos. IEEE Access 11.",
}


def write_raw(data: Path, raw: Path) -> None:
    """Write the raw export."""
    with (data / "ratings_t1.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    (raw / "images").mkdir(parents=True)
    (raw / "annotations.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False), encoding="utf-8")
    paintings = []
    for key in sorted({row["image_key"] for row in rows}):
        file = f"images/{key.replace('/', '_')}.jpg"
        if (data / file).is_file():
            shutil.copyfile(data / file, raw / file)
        else:
            file = ""
        paintings.append([key, CATEGORY, file, key.partition("/")[0]])
    given = Counter(row["user_ID"] for row in rows)
    experts = [[rater, CATEGORY, count] for rater, count in given.items()]
    ratings = [[row["image_key"], row["user_ID"], row["dimension"], row["rating"]] for row in rows]
    for name, header, table in (
        ("paintings.csv", ["painting_id", "category", "file", "source"], paintings),
        ("experts.csv", ["expert_id", "category", "ratings_given"], experts),
        ("ratings.csv", ["painting_id", "expert_id", "dimension", "rating"], ratings),
    ):
        with (raw / name).open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows([header, *table])


def main(
    data: Annotated[Path, typer.Argument(help="The folder with ratings_t1.csv and images/.")],
    out: Annotated[Path, typer.Argument(help="A folder to make.")],
) -> None:
    """Write the raw export to OUT/raw and the dataset to OUT/ppaint."""
    write_raw(data, out / "raw")
    built = build_dataset(out / "raw", out / "ppaint")
    typer.echo(f"wrote {built.folder}: {built.rows}")
    for note in built.notes:
        typer.echo(f"note: {note}")


if __name__ == "__main__":
    typer.run(main)
