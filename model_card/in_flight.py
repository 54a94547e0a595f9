"""Keeping a GPU busy: copies that do not wait for the work under way, and results read while the next batch runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TypeVar

import torch

Launched = TypeVar("Launched")
Result = TypeVar("Result")


def onto(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on the device. From the CPU to a GPU it goes through pinned memory and queues up behind the work there.

    A plain copy would first wait for all that the GPU was asked to do, and leave it idle while the next work is prepared.

    Examples
    --------
    >>> onto(torch.ones(2), torch.device("cpu")).tolist()
    [1.0, 1.0]
    """
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def in_side_stream(device: torch.device, work: Callable[[], Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """What ``work`` makes of things on the CPU; on a GPU in its own stream, parallel to the running passes.

    Parameters
    ----------
    device : torch.device
    work : callable
        Copies to the device and computes there; it may wait for its own copies.

    Returns
    -------
    dict of str to Tensor
        Ready for whoever uses them next in the current stream.

    Examples
    --------
    >>> in_side_stream(torch.device("cpu"), lambda: {"ones": torch.ones(2)})["ones"].tolist()
    [1.0, 1.0]
    """
    if device.type != "cuda":
        return dict(work())
    with torch.cuda.stream(_side_stream(device)):
        made = dict(work())
    here = torch.cuda.current_stream(device)
    here.wait_stream(_side_stream(device))
    for tensor in made.values():
        if tensor.is_cuda:
            tensor.record_stream(here)  # its memory is not given to the next batch before it was read here
    return made


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def read_behind(launched: Iterable[Launched], read: Callable[[Launched], Result]) -> Iterator[Result]:
    """Results of batches, each read once the next one is under way: reading waits for the device, launching does not.

    Parameters
    ----------
    launched : iterable
        Batches as they are started; what they give may not be finished on the device.
    read : callable
        Brings what one batch gave to the CPU.

    Yields
    ------
    Result
        In the order of the batches.

    Examples
    --------
    >>> def batches():
    ...     for name in "ab":
    ...         print("launch", name)
    ...         yield name
    >>> for result in read_behind(batches(), str.upper):
    ...     print("read", result)
    launch a
    launch b
    read A
    read B
    """
    under_way: list[Launched] = []
    for one in launched:
        under_way.append(one)
        if len(under_way) > 1:
            yield read(under_way.pop(0))
    for one in under_way:
        yield read(one)
