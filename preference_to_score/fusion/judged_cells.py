"""Both protocols' judgments, laid out by cells: what one expert thinks of one item that he or she judged.

An expert's score of an item that he or she did not judge follows the common score, and says nothing. So the arithmetic runs over
judged cells alone, and an expert's block of the curvature has the size of what he or she judged: a study of thousands of
raters, ten items each, takes memory and time in proportion to its judgments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..pairwise.comparisons import Comparisons
from ..pairwise.rater_counts import RaterCounts, count_by_rater
from ..ratings.ratings import Ratings


@dataclass(frozen=True)
class Block:
    """Experts who judged equally many items: G of them, m items each.

    Attributes
    ----------
    cells : slice
        Where their cells are, G times m of them.
    entries : slice
        Where their m x m matrices are among those of all experts, laid flat.
    shape : (int, int)
        G and m.
    """

    cells: slice
    entries: slice
    shape: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Judgments:
    """Judgments of J experts on n items, in C cells; experts who judged equally many items stand together.

    Attributes
    ----------
    counts : RaterCounts
        What each expert answered on each pair; E entries.
    first, second : ndarray of int, shape (E,)
        The two cells that each entry compares.
    expert, item : ndarray of int, shape (C,)
        Of each cell.
    rated : tuple of (cell, level, weight)
        Each (K,): rated cells, the position of the rating among the scale's levels, and how many there are of it. More than
        one entry only where an expert rated an item repeatedly and differently.
    n_levels : int
    """

    counts: RaterCounts
    first: NDArray[np.int_]
    second: NDArray[np.int_]
    expert: NDArray[np.int_]
    item: NDArray[np.int_]
    rated: tuple[tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.float64]], ...]
    n_levels: int

    @property
    def n_items(self) -> int:
        """n."""
        return self.counts.n_items

    @property
    def n_experts(self) -> int:
        """J."""
        return self.counts.n_raters

    @property
    def n_cells(self) -> int:
        """C."""
        return self.item.size

    @property
    def unjudged(self) -> int:
        """Pairs of an expert and an item that he or she did not judge."""
        return self.n_experts * self.n_items - self.n_cells

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The experts by how many items they judged."""
        judged = np.bincount(self.expert, minlength=self.n_experts)
        sizes, many = np.unique(judged[judged > 0], return_counts=True)
        cell = entry = 0
        found = []
        for m, group in zip(sizes.tolist(), many.tolist(), strict=True):
            found.append(Block(slice(cell, cell + group * m), slice(entry, entry + group * m * m), (group, m)))
            cell, entry = cell + group * m, entry + group * m * m
        return tuple(found)

    @cached_property
    def places(self) -> tuple[NDArray[np.int_], NDArray[np.int_], NDArray[np.int_]]:
        """Where in the experts' matrices, laid flat, the diagonal is (C,), and each entry's two sides above and below it (E,)."""
        size = np.bincount(self.expert, minlength=self.n_experts)[self.expert]  # of the block, by cell
        new = np.concatenate([[True], self.expert[1:] != self.expert[:-1]])
        starts = np.flatnonzero(new)
        own = np.arange(self.n_cells) - starts[np.cumsum(new) - 1]  # the cell's place among the expert's cells
        row = np.concatenate([[0], np.cumsum(size)[:-1]])  # where the cell's row of its matrix begins
        return row + own, row[self.first] + own[self.second], row[self.second] + own[self.first]

    @cached_property
    def matrix_items(self) -> NDArray[np.int_]:
        """Item of the row times n plus item of the column, for each entry of the experts' matrices laid flat, (S,)."""
        found = []
        for block in self.blocks:
            item = self.item[block.cells].reshape(block.shape)
            found.append((item[:, :, None] * self.n_items + item[:, None, :]).reshape(-1))
        return np.concatenate(found)

    @cached_property
    def matrix_expert(self) -> NDArray[np.int_]:
        """Whose matrix each entry is of, (S,)."""
        size = np.bincount(self.expert, minlength=self.n_experts)[self.expert]
        return np.repeat(self.expert, size)

    @cached_property
    def sides(self) -> csr_array:
        """Signed incidence of cells and entries, (C, E)."""
        entries = np.arange(len(self.counts))
        place = (np.concatenate([self.first, self.second]), np.concatenate([entries, entries]))
        signs = np.repeat([1.0, -1.0], entries.size)
        return csr_array((signs, place), shape=(self.n_cells, entries.size))

    @cached_property
    def of_items(self) -> csr_array:
        """Incidence of items and cells, (n, C)."""
        cells = np.arange(self.n_cells)
        return csr_array((np.ones(cells.size), (self.item, cells)), shape=(self.n_items, cells.size))

    def matrices(self, flat: NDArray) -> Iterator[tuple[Block, NDArray]]:
        """Each block with its matrices, (..., G, m, m), out of all of them laid flat, (..., S)."""
        for block in self.blocks:
            group, m = block.shape
            yield block, flat[..., block.entries].reshape(*flat.shape[:-1], group, m, m)

    def times(self, flat: NDArray, values: NDArray) -> NDArray[np.float64]:
        """Every expert's matrix times his or her cells of `values`, (C,) or (C, R)."""
        out = np.empty(values.shape)
        for block, matrices in self.matrices(flat):
            own = values[block.cells].reshape(*block.shape, -1)
            out[block.cells] = (matrices @ own).reshape(out[block.cells].shape)
        return out

    def table(self, values: NDArray, elsewhere: NDArray) -> NDArray[np.float64]:
        """Values of the cells, (C,), as a table (J, n), with those of the items `elsewhere`, (n,)."""
        found = np.tile(elsewhere, (self.n_experts, 1))
        found[self.expert, self.item] = values
        return found


def lay_out(comparisons: Comparisons, ratings: Ratings, levels: NDArray) -> Judgments:
    """Lay both tables out by cells.

    Parameters
    ----------
    comparisons : Comparisons
        With raters.
    ratings : Ratings
        Of the same items and raters, in the same order.
    levels : ndarray, shape (n_levels,)
        The values that a rating may take.

    Returns
    -------
    Judgments

    Examples
    --------
    >>> games = Comparisons.from_arrays(list("ab"), list("bc"), [1, 0], rater=list("xy"))
    >>> marks = Ratings.from_arrays(list("abc"), list("xxy"), [1, 2, 1], items="abc")
    >>> judged = lay_out(games, marks, np.array([1.0, 2.0]))
    >>> judged.expert, judged.item, judged.first, judged.second
    (array([0, 0, 1, 1]), array([0, 1, 1, 2]), array([0, 2]), array([1, 3]))
    """
    n, counts = len(ratings.items), count_by_rater(comparisons)
    low, high = counts.first[counts.pair], counts.second[counts.pair]
    marks = ratings.rater * n + ratings.item
    code = np.unique(np.concatenate([counts.rater * n + low, counts.rater * n + high, marks]))
    expert, item = code // n, code % n
    many = np.bincount(expert, minlength=len(ratings.raters))[expert]
    order = np.lexsort((item, expert, many))
    place = np.empty(code.size, dtype=int)
    place[order] = np.arange(code.size)

    def cells(of: NDArray) -> NDArray[np.int_]:
        return place[np.searchsorted(code, of)]

    return Judgments(
        counts=counts,
        first=cells(counts.rater * n + low),
        second=cells(counts.rater * n + high),
        expert=expert[order],
        item=item[order],
        rated=_rated(cells(marks), np.searchsorted(levels, ratings.value), len(levels)),
        n_levels=len(levels),
    )


def _rated(cell: NDArray, level: NDArray, n_levels: int) -> tuple[tuple[NDArray, NDArray, NDArray], ...]:
    """Distinct ratings of each cell with their numbers, no cell twice in one entry."""
    code, times = np.unique(cell * n_levels + level, return_counts=True)
    cell, level = code // n_levels, code % n_levels
    new = np.concatenate([[True], cell[1:] != cell[:-1]])
    nth = np.arange(cell.size) - np.flatnonzero(new)[np.cumsum(new) - 1]  # among the distinct ratings of its cell
    return tuple(
        (cell[nth == k], level[nth == k], times[nth == k].astype(float)) for k in range(int(nth.max(initial=-1)) + 1)
    )
