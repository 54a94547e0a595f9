"""A dataset of preferences without images: eight sound formats, two programmes, eight attributes, 39 listeners.

The data are `attribute_pairs.csv` of the R package eba (Choisel and Wickelmaier, 2007): every listener compared all 28
pairs of eight reproductions (mono, stereo, ...) of two pieces of music. Written as a raw export (docs/raw-format.md):

- a programme is a category. The same eight names stand in both, and each listener heard both, so `paintings.csv` has a
  row for each name and category, and `pairs.csv` says of every row to which category it belongs. Ids need no change;
- nobody rated, so there is no `ratings.csv` and nothing to fuse: the dataset's default config is `scores`,
  the worths of the comparisons. The `rating_scale` that annotations.yaml asks for is used by nothing;
- there is nothing to look at: `file` is empty.

    python docs/examples/eba_soundquality.py DATA OUT

writes the export to OUT/raw and the dataset to OUT/ppaint.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer
import yaml

from ppaint.dataset_script import build_dataset

CONFIG = {
    "name": "eba-soundquality",
    "simulated": False,
    "headline": "naturalness",
    "rating_scale": [0, 1],
    "repeats": "forbid",
    "licence": "GPL-2.0-or-later",
    "citation": "S. Choisel and F. Wickelmaier (2007). Evaluation of multichannel reproduced sound: Scaling auditory "
    "attributes underlying listener preference. J. Acoust. Soc. Am. 121, 388-400.",
}
CHOICE = {"1": "a", "-1": "b", "0": "tie"}


def write_raw(data: Path, raw: Path) -> None:
    """Write the raw export."""
    with (data / "attribute_pairs.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    categories = list(dict.fromkeys(row["category"] for row in rows))
    dimensions = list(dict.fromkeys(row["dimension"] for row in rows))
    sounds = list(dict.fromkeys(row[side] for side in ("item_a", "item_b") for row in rows))
    raw.mkdir(parents=True)
    config = CONFIG | {"categories": categories, "dimensions": dimensions}
    (raw / "annotations.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    paintings = [[sound, category, ""] for category in categories for sound in sounds]
    pairs = [
        [row["item_a"], row["item_b"], row["listener"], row["category"], row["dimension"], CHOICE[row["choice"]]]
        for row in rows
    ]
    columns = ["painting_a", "painting_b", "expert_id", "category", "dimension", "choice"]
    for file, header, table in (
        ("paintings.csv", ["painting_id", "category", "file"], paintings),
        ("pairs.csv", columns, pairs),
    ):
        with (raw / file).open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows([header, *table])


def main(
    data: Annotated[Path, typer.Argument(help="The folder with attribute_pairs.csv.")],
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
