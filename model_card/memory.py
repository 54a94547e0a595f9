"""Batches sized to memory, which shrink when it runs out: the run continues, with a warning."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TypeVar

from ..foundation.faults import Fault, InputFault
from ..foundation.free_memory import give_back_free_memory
from .side_by_side import in_order

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Result = TypeVar("Result")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a batch did not fit into memory, on a GPU or on the CPU.

    Examples
    --------
    >>> out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate")), out_of_memory(RuntimeError("shape"))
    (True, False)
    """
    text = str(error).lower()
    text_says_so = "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    return isinstance(error, MemoryError) or text_says_so


def in_shrinking_batches(
    items: Sequence[Item],
    size: int,
    work: Callable[[Sequence[Item]], Result],
    *,
    what: str = "images",
    on_shrink: Callable[[int], None] | None = None,
    at_once: int = 1,
) -> Iterator[Result]:
    """The work's results batch by batch; when one does not fit into memory, it and all that follow get half the size.

    Parameters
    ----------
    items : sequence, length n
    size : int
        Items a batch while memory lasts: the batches are then ``items[0:size]``, ``items[size:2 * size]`` and so on.
    work : callable
        Given one batch, a slice of the items; it is called again with less after it ran out of memory, so it should
        change nothing outside before it returns.
    what : str
        What the items are, in the plural, for the warning.
    on_shrink : callable, optional
        Called with each new size, so that the caller's next batches have it.
    at_once : int
        Batches side by side (`in_order`) while memory lasts.

    Yields
    ------
    Result
        What ``work`` returned, in the order of the items.

    Raises
    ------
    InputFault
        If one item alone does not fit; it names the item where the item has a name.

    Examples
    --------
    >>> def at_most_two(chunk):
    ...     if len(chunk) > 2:
    ...         raise MemoryError
    ...     return list(chunk)
    >>> list(in_shrinking_batches("abcdefg", 5, at_most_two))
    [['a', 'b'], ['c', 'd'], ['e', 'f'], ['g']]
    >>> list(in_shrinking_batches("abcdefg", 3, list))
    [['a', 'b', 'c'], ['d', 'e', 'f'], ['g']]
    """
    start = 0
    if at_once > 1 and len(items) > size:  # a single batch has all threads to itself
        chunks = [items[place : place + size] for place in range(0, len(items), size)]
        with closing(in_order(partial(attempt, work, what=what), chunks, at_once)) as done:
            for chunk, (fits, result), _ in done:
                if not fits:
                    break  # from here on one after another
                start += len(chunk)
                yield result
    while start < len(items):
        chunk = items[start : start + size]
        fits, result = attempt(work, chunk, what=what)
        if fits:
            start += len(chunk)
            yield result
        else:
            size = smaller(len(chunk), what)
            if on_shrink is not None:
                on_shrink(size)


def attempt(
    work: Callable[[Sequence[Item]], Result], chunk: Sequence[Item], *, what: str = "images"
) -> tuple[bool, Result | None]:
    """Do the work on one batch: ``(True, result)``, or ``(False, None)`` when it does not fit into memory.

    Raises
    ------
    InputFault
        If the batch is a single item and does not fit.

    Examples
    --------
    >>> attempt(len, "abc")
    (True, 3)
    """
    try:
        return True, work(chunk)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
    # not until here, where the error and with it the failed pass's tensors are gone, can their memory be given back
    release_memory()
    if len(chunk) == 1:
        problem = f"one of the {what} alone does not fit into memory ({reason})"
        fix = "use smaller images or a smaller model, end other programs, or take a device with more memory"
        raise InputFault(Fault(_name(chunk[0], what), "", problem, fix))
    return False, None


def smaller(size: int, what: str = "images") -> int:
    """Half the size of a batch that did not fit, with a warning.

    Examples
    --------
    >>> smaller(5)
    3
    """
    half = (size + 1) // 2
    logger.warning("out of memory with %d %s per pass: continuing with %d", size, what, half)
    return half


def rows_that_fit(one_row: Callable[[], object], device) -> int:
    """How many rows a forward pass may have on a GPU, from its free memory and what one pass of the longest row took.

    Parameters
    ----------
    one_row : callable
        Runs a pass of one row, the longest there is.
    device : torch.device
        A CUDA device.

    Returns
    -------
    int
    """
    import torch

    one_row()  # the first pass also loads kernels and their workspaces, which later ones do not
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    one_row()
    torch.cuda.synchronize(device)
    taken = torch.cuda.max_memory_allocated(device) - before
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    rows = batch_for(torch.cuda.mem_get_info(device)[0] + cached, taken)
    logger.info("a row takes %.1f MB on the GPU: %d rows per pass", taken / 1e6, rows)
    return rows


def batch_for(free: int, taken: int, *, share: float = 0.8, most: int = 256) -> int:
    """Rows per pass for so much free memory and so much taken by one row, both in bytes.

    A power of two, so that a run that is resumed with a little more or less memory free makes the same batches; a part
    of the memory is left for what does not grow with the rows.

    Examples
    --------
    >>> batch_for(60_000_000_000, 500_000_000), batch_for(60_000_000_000, 1), batch_for(1, 500_000_000)
    (64, 256, 1)
    """
    rows = int(share * free / max(taken, 1))
    return min(most, 1 << (rows.bit_length() - 1)) if rows else 1


def release_memory() -> None:
    """Give cached memory of a GPU back, so that the next, smaller batch finds it whole; and free memory beside it to the system."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    give_back_free_memory()


def _name(item, what: str) -> str:
    return str(getattr(item, "name", None) or getattr(item, "sha256", None) or what)
