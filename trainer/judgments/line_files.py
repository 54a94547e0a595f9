"""The files of a store of format 1, which is read and gone on with as it is: JSON lines that name both images of each pair.

- ``plan.jsonl``: one line per request with its batches of ordered pairs, one line per split
- ``judgments.jsonl``: one line per ordered pair, with its batch's number and a log-odds per dimension
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...foundation.faults import Fault, InputFault
from ...foundation.journal import append_lines, foreign, read_lines, truncate
from .json_numbers import as_array, as_json
from .judgment_columns import JudgmentColumns

PLAN, ANSWERS = "plan.jsonl", "judgments.jsonl"


class LineFiles:
    """Reads a store of format 1 into columns, and adds to it.

    Parameters
    ----------
    folder : Path
    held : JudgmentColumns
        Filled by ``read``; what is added to the files is to be added there by the caller.
    width : int
        Dimensions.
    fix : str
        What to do about a file that is not ours.
    """

    def __init__(self, folder: Path, held: JudgmentColumns, width: int, fix: str) -> None:
        self._plan, self._answers = folder / PLAN, folder / ANSWERS
        self._held, self._width, self._fix = held, width, fix

    def add_plan(self, key: str, batches: Sequence[tuple[int, int]], first: NDArray, second: NDArray, fresh) -> None:
        """A request's batches as (number, size), with the numbers of the images of their pairs."""
        names, rows, start = self._held.images.names, [], 0
        for number, size in batches:
            sides = (side[start : start + size].tolist() for side in (first, second))
            rows.append({"number": number, "pairs": [(names[a], names[b]) for a, b in zip(*sides, strict=True)]})
            start += size
        append_lines(self._plan, [{"request": key, "batches": rows}])

    def add_splits(self, replaced: Mapping[int, Sequence[tuple[int, int]]]) -> None:
        """Batches that others, as (number, size), stand in place of."""
        rows = []
        for large, parts in replaced.items():
            pairs, start, batches = self._held.pairs_of(large), 0, []
            for number, size in parts:
                batches.append({"number": number, "pairs": pairs[start : start + size]})
                start += size
            rows.append({"split": large, "batches": batches})
        append_lines(self._plan, rows)

    def add_answers(self, number: int, log_odds: NDArray) -> None:
        """The answers of a batch, synced."""
        rows = [
            {"batch": number, "first": first, "second": second, "log_odds": as_json(row)}
            for (first, second), row in zip(self._held.pairs_of(number), log_odds, strict=True)
        ]
        append_lines(self._answers, rows)

    def read(self) -> None:
        """Fill the columns.

        Raises
        ------
        InputFault
            If a file is damaged, or not ours.
        """
        for number, (row, _) in enumerate(read_lines(self._plan, self._fix), start=1):
            try:
                self._take_plan(row)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise foreign(self._plan, number, self._fix) from error
        self._read_answers()

    def _take_plan(self, row: dict) -> None:
        batches = [(int(b["number"]), [(first, second) for first, second in b["pairs"]]) for b in row["batches"]]
        sizes = [(number, len(pairs)) for number, pairs in batches]
        pairs = [pair for _, some in batches for pair in some]
        if "split" in row:
            if self._held.pairs_of(row["split"]) != tuple(pairs):
                raise ValueError("not the pairs of the batch that was split")
            self._held.replace({row["split"]: sizes})
            return
        self._held.images.add(name for pair in pairs for name in pair)
        self._held.add_batches(
            *self._held.images.find_pairs(pairs), [size for _, size in sizes], [number for number, _ in sizes]
        )
        self._held.plans[row["request"]] = [number for number, _ in sizes]

    def _read_answers(self) -> None:
        rows = list(read_lines(self._answers, self._fix))
        position, end = 0, 0
        while position < len(rows):
            number = rows[position][0].get("batch")
            known = isinstance(number, int) and number in self._held
            expected = self._held.pairs_of(number) if known else ()
            chunk = rows[position : position + len(expected)]
            pairs = tuple((row.get("first"), row.get("second")) for row, _ in chunk)
            if not expected or pairs != expected[: len(pairs)]:
                what = "the row does not belong to the batch of the plan"
                raise InputFault(Fault(str(self._answers), f"row {position + 1}", what, self._fix))
            if len(chunk) < len(expected):  # the batch in flight when the run was killed
                truncate(self._answers, end)
                break
            values = [
                as_array(row.get("log_odds"), (self._width,), self._answers, position + i + 1, self._fix)
                for i, (row, _) in enumerate(chunk)
            ]
            self._held.accept(number, np.stack(values))
            position, end = position + len(chunk), chunk[-1][1]
