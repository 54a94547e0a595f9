"""Absolute ratings: which rater gave which item which value."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Floats
from ..pairwise.comparisons import index_ids, read_column


@dataclass(frozen=True)
class Ratings:
    """Ratings, indexed and checked; build it with `from_arrays`.

    Attributes
    ----------
    items, raters : tuple
        Ids; `item` and `rater` hold positions in them.
    item, rater : ndarray of int, shape (m,)
    value : ndarray of float, shape (m,)
        In units of the rating scale.
    """

    items: tuple[Hashable, ...]
    raters: tuple[Hashable, ...]
    item: NDArray[np.int_]
    rater: NDArray[np.int_]
    value: Floats

    @classmethod
    def from_arrays(
        cls,
        item: ArrayLike,
        rater: ArrayLike,
        value: ArrayLike,
        *,
        items: Sequence[Hashable] | None = None,
        raters: Sequence[Hashable] | None = None,
    ) -> Ratings:
        """Check and index the ratings.

        Parameters
        ----------
        item, rater : array_like, shape (m,)
            Ids.
        value : array_like, shape (m,)
            Finite numbers. A missing rating is a row that is not there.
        items, raters : sequence, optional
            All ids in the order wanted; by default those that occur, sorted.

        Returns
        -------
        Ratings

        Raises
        ------
        ValueError
            If there is no rating, the columns differ in length, a value is not finite, or an id is unknown.

        Examples
        --------
        >>> Ratings.from_arrays(["b", "a"], ["x", "x"], [7, 4]).table()
        array([[4., 7.]])
        """
        item, rater, value = np.asarray(item), np.asarray(rater), np.asarray(value, dtype=float)
        if not item.shape == rater.shape == value.shape or item.ndim != 1:
            raise ValueError(
                f"the columns of ratings must be of one length: {item.shape}, {rater.shape}, {value.shape}"
            )
        if not item.size:
            raise ValueError("there are no ratings")
        if not np.isfinite(value).all():
            where = int(np.flatnonzero(~np.isfinite(value))[0])
            raise ValueError(f"rating {where} is {value[where]}: leave a missing rating out instead")
        item_ids, item_index = index_ids(item, items, "item")
        rater_ids, rater_index = index_ids(rater, raters, "rater")
        return cls(item_ids, rater_ids, item_index, rater_index, value)

    @classmethod
    def from_columns(
        cls,
        table: Mapping[str, ArrayLike],
        *,
        item: str = "item",
        rater: str = "rater",
        value: str = "value",
        items: Sequence[Hashable] | None = None,
        raters: Sequence[Hashable] | None = None,
    ) -> Ratings:
        """Read ratings from anything with named columns: a data frame, an Arrow table, a dict of lists.

        Parameters
        ----------
        table : mapping
            ``table[name]`` is the column of that name.
        item, rater, value : str
            Names of the columns.
        items, raters : sequence, optional
            As for `from_arrays`, whose faults come up here too, as does a missing column.

        Returns
        -------
        Ratings

        Examples
        --------
        >>> table = {"item": ["b", "a"], "listener": ["x", "x"], "stars": [7, 4]}
        >>> Ratings.from_columns(table, rater="listener", value="stars").table()
        array([[4., 7.]])
        """
        columns = (read_column(table, name) for name in (item, rater, value))
        return cls.from_arrays(*columns, items=items, raters=raters)

    def __len__(self) -> int:
        return self.value.size

    def counts(self) -> NDArray[np.int_]:
        """Number of ratings that each rater gave each item, shape (n_raters, n_items).

        Examples
        --------
        >>> Ratings.from_arrays([0, 0, 1], ["x", "x", "y"], [1, 2, 3]).counts()
        array([[2, 0],
               [0, 1]])
        """
        shape = (len(self.raters), len(self.items))
        return np.bincount(self._cell(), minlength=shape[0] * shape[1]).reshape(shape)

    def table(self) -> NDArray[np.float64]:
        """Mean rating of each rater for each item, shape (n_raters, n_items); NaN where there is none.

        Examples
        --------
        >>> Ratings.from_arrays([0, 0, 1], ["x", "x", "y"], [1, 2, 3]).table()
        array([[1.5, nan],
               [nan, 3. ]])
        """
        counts = self.counts()
        total = np.bincount(self._cell(), self.value, counts.size).reshape(counts.shape)
        return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)

    def without_variance(self) -> tuple[Hashable, ...]:
        """Raters who rated more than one item and gave all of them the same value.

        Examples
        --------
        >>> Ratings.from_arrays([0, 1, 0, 1], ["x", "x", "y", "y"], [5, 5, 4, 6]).without_variance()
        ('x',)
        """
        flat = []
        for position, name in enumerate(self.raters):
            own = self.rater == position
            if len(set(self.item[own].tolist())) > 1 and np.ptp(self.value[own]) == 0:
                flat.append(name)
        return tuple(flat)

    def _cell(self) -> NDArray[np.int_]:
        return self.rater * len(self.items) + self.item
