"""Scores of images as a table: joined, cut, and as rows and text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..foundation.any_text import readable
from ..foundation.table_text import LineEnds
from ..foundation.whole_files import written_file


@dataclass(frozen=True)
class ScoreTable:
    """Scores of images.

    Parameters
    ----------
    names : tuple of str
        One an image, n in all.
    dimensions : tuple of str
        D in all.
    mean : ndarray, shape (n, D)
        Score: the expectation over the score tokens, on the scorer's calibrated scale.
    sd : ndarray, shape (n, D)
        Standard deviation of the score tokens' distribution, on the same scale.
    mass : ndarray, shape (n, D)
        Probability that the model gave to the ten score tokens together.
    distance : ndarray, shape (n,), or None
        How unlike the training images an image is: its distance over the scorer's threshold. None where the scorer was
        made without a measure of it.
    """

    names: tuple[str, ...]
    dimensions: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    mass: np.ndarray
    distance: np.ndarray | None = None

    @property
    def out_of_distribution(self) -> np.ndarray | None:
        """Whether each image is out of distribution (distance above 1), shape (n,); None where it is not known."""
        return None if self.distance is None else self.distance > 1

    @classmethod
    def join(cls, parts: Sequence[ScoreTable]) -> ScoreTable:
        """The tables of several calls of one scorer as one; at least one.

        Examples
        --------
        >>> a, b = (ScoreTable((name,), ("overall",), *[np.array([[5.0]])] * 3) for name in "ab")
        >>> ScoreTable.join([b, a]).take([1, 0]).names
        ('a', 'b')
        """
        first, *others = parts
        if not others:
            return first
        mean, sd, mass = (np.concatenate([getattr(part, name) for part in parts]) for name in ("mean", "sd", "mass"))
        distance = None if first.distance is None else np.concatenate([part.distance for part in parts])
        return cls(tuple(name for part in parts for name in part.names), first.dimensions, mean, sd, mass, distance)

    def take(self, places: Sequence[int]) -> ScoreTable:
        """The images at these places, in this order."""
        at = np.asarray(places, dtype=np.intp)
        distance = None if self.distance is None else self.distance[at]
        names = tuple(self.names[place] for place in at)
        return ScoreTable(names, self.dimensions, self.mean[at], self.sd[at], self.mass[at], distance)

    def rows(self) -> list[dict]:
        """One flat dictionary per image: ``name``, each dimension and ``<dimension>_sd``, ``distance``, ``out_of_distribution``.

        The last two are None where they are not known. (A dimension that is itself called ``distance`` keeps its name; the
        distance then stands under ``training_distance``.)

        Examples
        --------
        >>> one = np.array([[5.0]])
        >>> ScoreTable(("a.png",), ("overall",), one, one / 5, one / 5, np.array([1.5])).rows()
        [{'name': 'a.png', 'overall': 5.0, 'overall_sd': 1.0, 'distance': 1.5, 'out_of_distribution': True}]
        """
        distance_name = "training_distance" if "distance" in self.dimensions else "distance"
        table = []
        for i, name in enumerate(self.names):
            row: dict = {"name": name}
            for k, dimension in enumerate(self.dimensions):
                row[dimension] = float(self.mean[i, k])
                row[f"{dimension}_sd"] = float(self.sd[i, k])
            row[distance_name] = None if self.distance is None else float(self.distance[i])
            row["out_of_distribution"] = None if self.distance is None else bool(self.distance[i] > 1)
            table.append(row)
        return table

    def to_csv(self) -> str:
        """The rows as CSV text with a heading; an empty field where something is not known.

        Examples
        --------
        >>> one = np.array([[5.0]])
        >>> print(ScoreTable(("a.png",), ("overall",), one, one / 5, one).to_csv(), end="")
        name,overall,overall_sd,distance,out_of_distribution
        a.png,5.0,1.0,,
        """
        out = io.StringIO()
        rows = self.rows()
        names = [*rows[0]] if rows else ["name"]
        writer = csv.DictWriter(LineEnds(out), names, lineterminator="\r\n")  # pandas cannot hold every file's name
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()

    def to_json_lines(self) -> str:
        """The rows as JSON, one in a line; null where something is not known.

        Examples
        --------
        >>> one = np.array([[5.0]])
        >>> print(ScoreTable(("a.png",), ("overall",), one, one / 5, one).to_json_lines(), end="")
        {"name": "a.png", "overall": 5.0, "overall_sd": 1.0, "distance": null, "out_of_distribution": null}
        """
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows())

    def to_parquet(self, path: Path) -> None:
        """Write the rows as a Parquet file, completely or not at all.

        Parameters
        ----------
        path : Path
        """
        import pyarrow.parquet

        rows = [row | {"name": readable(row["name"])} for row in self.rows()]  # a file's name need not be text
        with written_file(path) as temporary:
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), temporary)
