"""Paired comparisons: which items were compared, and which side the rater preferred."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..arrays import Floats


def index_ids(values: ArrayLike, ids: Sequence[Hashable] | None, what: str) -> tuple[tuple[Hashable, ...], NDArray]:
    """Turn ids into positions.

    Parameters
    ----------
    values : array_like, shape (m,)
        Ids, in any order, repeats allowed.
    ids : sequence or None
        All ids that may occur, in the order wanted; None takes the sorted distinct ones.
    what : str
        What the ids name, for messages.

    Returns
    -------
    ids : tuple
        The ids, in order.
    index : ndarray of int, shape (m,)
        Position of each value in `ids`.

    Raises
    ------
    ValueError
        If an id occurs twice in `ids`, or a value is not among them.

    Examples
    --------
    >>> index_ids(["b", "a", "b"], None, "item")
    (('a', 'b'), array([1, 0, 1]))
    """
    found, inverse = _distinct(np.asarray(values))
    if ids is None:
        return tuple(found.tolist()), inverse
    ids = tuple(ids)
    place = {name: position for position, name in enumerate(ids)}
    if len(place) != len(ids):
        raise ValueError(f"an {what} id is listed twice among the {len(ids)} given")
    unknown = [name for name in found.tolist() if name not in place]
    if unknown:
        raise ValueError(f"unknown {what} {unknown[0]!r} ({len(unknown)} unknown in all): it is not among those given")
    places = np.array([place[name] for name in found.tolist()], dtype=int)
    as_it_is = (places == np.arange(places.size)).all()
    return ids, inverse if as_it_is else places[inverse]


def _distinct(values: NDArray) -> tuple[NDArray, NDArray[np.int_]]:
    """The distinct values, sorted, and the position of each value among them; whole numbers close together by table."""
    if values.dtype.kind == "i" and values.size:
        low, high = int(values.min()), int(values.max())
        if high - low < 4 * values.size:
            offset = np.subtract(values, low, dtype=np.int64)
            there = np.zeros(high - low + 1, dtype=bool)
            there[offset] = True
            if there.all():
                return np.arange(low, high + 1).astype(values.dtype), offset
            return (np.flatnonzero(there) + low).astype(values.dtype), (np.cumsum(there) - 1)[offset]
    found, inverse = np.unique(values, return_inverse=True)
    return found, inverse.reshape(-1)


def parts_of_edges(first: NDArray, second: NDArray, n: int) -> NDArray[np.int_]:
    """Label of the connected part that each of n items lies in, shape (n,), where these edges, (m,), join two items each.

    Examples
    --------
    >>> parts_of_edges(np.array([0, 1]), np.array([1, 2]), 4)
    array([0, 0, 0, 1])
    """
    edges = coo_array((np.ones(first.size), (first, second)), shape=(n, n))
    return connected_components(edges, directed=False)[1].astype(int)


def read_column(table: Mapping[str, ArrayLike], name: str) -> NDArray:
    """One named column of a table as an array.

    Parameters
    ----------
    table : mapping
        Anything with named columns: ``table[name]`` gives one.
    name : str

    Returns
    -------
    ndarray, shape (m,)

    Raises
    ------
    ValueError
        If there is no such column; the message names those that there are, where the table can say.

    Examples
    --------
    >>> read_column({"rating": [1, 2]}, "rating")
    array([1, 2])
    >>> read_column({"rating": [1, 2]}, "score")
    Traceback (most recent call last):
    ...
    ValueError: the table has no column 'score'; it has: rating
    """
    try:
        return np.asarray(table[name])
    except (KeyError, ValueError, IndexError) as error:
        there = getattr(table, "column_names", None) or getattr(table, "columns", None)
        there = table.keys() if there is None and hasattr(table, "keys") else there
        listed = "" if there is None else f"; it has: {', '.join(str(each) for each in there)}"
        raise ValueError(f"the table has no column {name!r}{listed}") from error


CHOICES = {"a": 1.0, "tie": 0.5, "b": 0.0}  # credit of the first side, as the raw annotation format writes choices


def _credit_of_choices(value: NDArray, name: str, ties: bool | None) -> NDArray[np.float64]:
    """Credit of the first side from a column of choices; what may mean two things is refused."""
    if value.dtype.kind in "OSU" and any(isinstance(each, str) and each in CHOICES for each in value.tolist()):
        for where, each in enumerate(value.tolist()):
            if each not in CHOICES:
                raise ValueError(f"{name} {each!r} of comparison {where} is not one of a, b, tie")
        return np.array([CHOICES[each] for each in value.tolist()])
    try:
        number = value.astype(float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"the column {name!r} holds neither numbers nor a, b and tie ({error}): write 1 where the first was preferred, "
            "0 for a tie, -1 where the second was"
        ) from error
    bad = ~((number >= -1) & (number <= 1))
    if bad.any():
        where = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"choice {number[where]} of comparison {where} is not between -1 and 1: write 1 where the first was "
            "preferred, 0 for a tie, -1 where the second was"
        )
    if not ties and (number == 0).any() and np.isin(number, (0, 1)).all():
        raise ValueError(
            f"the column {name!r} holds {int((number == 0).sum())} times 0 and {int((number == 1).sum())} times 1, and no -1: "
            f"if 0 is 'the second was preferred', read it as outcome={name!r}; if it is a tie, say so with ties=True"
        )
    return (number + 1) / 2


@dataclass(frozen=True)
class Comparisons:
    """Judgments "is the first better than the second?", indexed and checked; build it with `from_arrays`.

    Attributes
    ----------
    items : tuple
        Ids of the items; every other field refers to positions in it.
    first, second : ndarray of int, shape (m,)
        The two sides of each judgment.
    outcome : ndarray of float, shape (m,)
        Credit of the first side: 1 it was preferred, 0 the second was, 0.5 a tie; in between for a soft judge.
    weight : ndarray of float, shape (m,)
        How many such judgments the row stands for (a frequency).
    raters : tuple
        Ids of the raters; empty where none were given.
    rater : ndarray of int, shape (m,), or None
        Position of each judgment's rater in `raters`.
    """

    items: tuple[Hashable, ...]
    first: NDArray[np.int_]
    second: NDArray[np.int_]
    outcome: Floats
    weight: Floats
    raters: tuple[Hashable, ...] = ()
    rater: NDArray[np.int_] | None = None

    @classmethod
    def from_arrays(
        cls,
        first: ArrayLike,
        second: ArrayLike,
        outcome: ArrayLike,
        *,
        rater: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        items: Sequence[Hashable] | None = None,
        raters: Sequence[Hashable] | None = None,
    ) -> Comparisons:
        """Check and index the judgments.

        Parameters
        ----------
        first, second : array_like, shape (m,)
            Ids of the two sides.
        outcome : array_like, shape (m,)
            Credit of the first side, in [0, 1]: 1 it was preferred, 0 the second was, 0.5 a tie. A column of 1, 0 and -1 is
            no credit; `from_columns` reads it.
        rater : array_like, shape (m,), optional
            Id of the rater of each judgment.
        weight : array_like, shape (m,), optional
            Frequency of each row, above 0; 1 if not given.
        items, raters : sequence, optional
            All ids in the order wanted; by default those that occur, sorted.

        Returns
        -------
        Comparisons

        Raises
        ------
        ValueError
            If there is no judgment, the columns differ in length, an outcome is not in [0, 1], a weight is not above
            0, an id is unknown, or an item is compared with itself.

        Examples
        --------
        >>> games = Comparisons.from_arrays(["a", "b"], ["b", "c"], [1, 0.5], rater=["x", "y"])
        >>> games.items, games.first, games.raters
        (('a', 'b', 'c'), array([0, 1]), ('x', 'y'))
        """
        first, second = np.asarray(first), np.asarray(second)
        outcome = np.asarray(outcome, dtype=float)
        weight = np.ones(outcome.shape) if weight is None else np.asarray(weight, dtype=float)
        columns = {"first": first, "second": second, "outcome": outcome, "weight": weight}
        if rater is not None:
            columns["rater"] = np.asarray(rater)
        shapes = {name: column.shape for name, column in columns.items()}
        if len(set(shapes.values())) != 1 or first.ndim != 1:
            raise ValueError(f"the columns of comparisons must be of one length, got {shapes}")
        if not first.size:
            raise ValueError("there are no comparisons")
        for name, bad in (
            ("outcome", ~((outcome >= 0) & (outcome <= 1))),
            ("weight", ~((weight > 0) & np.isfinite(weight))),
        ):
            if bad.any():
                allowed = "between 0 and 1" if name == "outcome" else "above 0"
                where = int(np.flatnonzero(bad)[0])
                raise ValueError(f"{name} {columns[name][where]} of comparison {where} is not {allowed}")
        ids, sides = index_ids(np.concatenate([first, second]), items, "item")
        left, right = sides[: first.size], sides[first.size :]
        if (left == right).any():
            where = int(np.flatnonzero(left == right)[0])
            raise ValueError(f"comparison {where} sets {ids[left[where]]!r} against itself")
        who, rater_index = ((), None) if rater is None else index_ids(columns["rater"], raters, "rater")
        return cls(ids, left, right, outcome, weight, who, rater_index)

    @classmethod
    def from_columns(
        cls,
        table: Mapping[str, ArrayLike],
        *,
        first: str = "first",
        second: str = "second",
        choice: str = "choice",
        outcome: str | None = None,
        ties: bool | None = None,
        rater: str | None = None,
        weight: str | None = None,
        items: Sequence[Hashable] | None = None,
        raters: Sequence[Hashable] | None = None,
    ) -> Comparisons:
        """Read the judgments from anything with named columns: a data frame, an Arrow table, a dict of lists.

        Parameters
        ----------
        table : mapping
            ``table[name]`` is the column of that name.
        first, second : str
            Names of the columns that hold the two sides' ids.
        choice : str
            Name of the column that holds 1 (the first was preferred), 0 (a tie) or -1 (the second was); a soft judge's
            may lie in between. Or it holds ``"a"``, ``"tie"`` and ``"b"``, as the raw annotation format has it.
        outcome : str, optional
            Name of a column in [0, 1] to read instead of `choice`: the credit of the first side, 0.5 for a tie.
        ties : bool, optional
            What a 0 in `choice` means where there is no -1. Most such tables write 1 and 0 for won and lost, which is an
            `outcome`; so they are refused, unless ``ties=True`` says that 0 is a tie indeed.
        rater, weight : str, optional
            Names of the columns of raters and frequencies.
        items, raters : sequence, optional
            As for `from_arrays`.

        Returns
        -------
        Comparisons

        Raises
        ------
        ValueError
            If a column is missing, a choice is none of these or may mean two things, or as for `from_arrays`.

        Examples
        --------
        >>> table = {"left": ["a", "b", "c"], "right": ["b", "c", "a"], "choice": [1, 0, -1], "who": ["x", "x", "x"]}
        >>> Comparisons.from_columns(table, first="left", second="right", rater="who").outcome
        array([1. , 0.5, 0. ])
        >>> won = {"first": ["a", "b"], "second": ["b", "c"], "won": [1, 0]}
        >>> Comparisons.from_columns(won, outcome="won").outcome
        array([1., 0.])
        """
        names = {"first": first, "second": second, "rater": rater, "weight": weight}
        given = {what: read_column(table, name) for what, name in names.items() if name is not None}
        if outcome is None:
            credit = _credit_of_choices(read_column(table, choice), choice, ties)
        else:
            credit = read_column(table, outcome)
        left, right = given.pop("first"), given.pop("second")
        return cls.from_arrays(left, right, credit, items=items, raters=raters, **given)

    def __len__(self) -> int:
        return self.first.size

    def aggregated(self) -> Comparisons:
        """The same judgments with equal rows merged, their weights added; nothing is lost.

        Rows are equal that hold the same rater, sides and outcome, whichever side stands first. They come out sorted.

        Examples
        --------
        >>> games = Comparisons.from_arrays([0, 1, 0], [1, 0, 1], [1, 0, 0.5]).aggregated()
        >>> games.first, games.second, games.outcome, games.weight
        (array([0, 0]), array([1, 1]), array([0.5, 1. ]), array([1., 2.]))
        """
        flip = self.first > self.second
        low, high = np.where(flip, self.second, self.first), np.where(flip, self.first, self.second)
        credit = np.where(flip, 1 - self.outcome, self.outcome)
        who = np.zeros_like(low) if self.rater is None else self.rater
        rows = np.lexsort((credit, high, low, who))
        keys = (who, low, high, credit)
        new = np.concatenate([[True], np.any([np.diff(key[rows]) != 0 for key in keys], axis=0)])
        kept = rows[new]
        weight = np.bincount(np.cumsum(new) - 1, self.weight[rows])
        merged = {"first": low[kept], "second": high[kept], "outcome": credit[kept], "weight": weight}
        return replace(self, **merged, rater=None if self.rater is None else who[kept])

    def take(self, rows: ArrayLike) -> Comparisons:
        """The judgments in `rows` (a mask or positions), with the same items and raters.

        Examples
        --------
        >>> games = Comparisons.from_arrays([0, 1], [1, 2], [1, 0])
        >>> len(games.take([True, False])), games.take([0]).items
        (1, (0, 1, 2))
        """
        rows = np.asarray(rows)
        if rows.dtype != bool:
            rows = rows.astype(int)
        kept = {name: getattr(self, name)[rows] for name in ("first", "second", "outcome", "weight")}
        return replace(self, **kept, rater=None if self.rater is None else self.rater[rows])

    def of_rater(self, position: int) -> Comparisons:
        """The judgments of the rater at `position` in `raters`; where there are no raters, a ValueError.

        Examples
        --------
        >>> games = Comparisons.from_arrays([0, 1], [1, 2], [1, 0], rater=["x", "y"])
        >>> games.of_rater(1).first
        array([1])
        """
        if self.rater is None:
            raise ValueError("these comparisons name no raters")
        return self.take(self.rater == position)

    @cached_property
    def credit_table(self) -> Floats:
        """What the row's item won against the column's, half of each tie included, shape (n_items, n_items).

        Examples
        --------
        >>> Comparisons.from_arrays([0, 1, 0], [1, 0, 1], [1, 1, 0.5]).credit_table
        array([[0. , 1.5],
               [1.5, 0. ]])
        """
        n, won = len(self.items), self.weight * self.outcome
        code = self.first * n + self.second
        lost = np.bincount(code, self.weight - won, n * n).reshape(n, n)
        return np.bincount(code, won, n * n).reshape(n, n) + lost.T

    def components(self) -> NDArray[np.int_]:
        """Label of the connected part of the comparison graph that each item lies in, shape (n_items,).

        Examples
        --------
        >>> Comparisons.from_arrays([0, 2], [1, 3], [1, 0]).components()
        array([0, 0, 1, 1])
        """
        return parts_of_edges(self.first, self.second, len(self.items))

    def never_won(self) -> tuple[Hashable, ...]:
        """Items that gathered no credit at all (items never compared included).

        Examples
        --------
        >>> Comparisons.from_arrays([0, 1], [1, 2], [1, 1]).never_won()
        (2,)
        """
        return self._named(self._credit(self.outcome, 1 - self.outcome) == 0)

    def never_lost(self) -> tuple[Hashable, ...]:
        """Items that lost no credit at all (items never compared included).

        Examples
        --------
        >>> Comparisons.from_arrays([0, 1], [1, 2], [1, 1]).never_lost()
        (0,)
        """
        return self._named(self._credit(1 - self.outcome, self.outcome) == 0)

    def repeated(self) -> int:
        """Number of judgments beyond the first of the same rater on the same two items (either side first).

        A row counts as often as its weight says, so merged and split rows give the same number (rounded to a whole one).

        Examples
        --------
        >>> Comparisons.from_arrays([0, 1, 0], [1, 0, 2], [1, 1, 1], rater=["x", "x", "x"]).repeated()
        1
        >>> Comparisons.from_arrays([0], [1], [1], weight=[3.0]).repeated()
        2
        """
        low, high = np.minimum(self.first, self.second), np.maximum(self.first, self.second)
        who = np.zeros_like(low) if self.rater is None else self.rater
        _, where = np.unique(np.stack([who, low, high]), axis=1, return_inverse=True)
        return round(np.maximum(np.bincount(where.ravel(), self.weight) - 1, 0).sum())

    def _credit(self, to_first: NDArray, to_second: NDArray) -> NDArray:
        n = len(self.items)
        return np.bincount(self.first, self.weight * to_first, n) + np.bincount(self.second, self.weight * to_second, n)

    def _named(self, mask: NDArray) -> tuple[Hashable, ...]:
        return tuple(item for item, hit in zip(self.items, mask, strict=True) if hit)
