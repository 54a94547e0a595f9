"""Vision features in memory of their own, outside of the heap."""

from __future__ import annotations

import mmap
from collections.abc import Sequence

import torch

ALIGNED = 64  # bytes


def set_apart(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Copies of tensors on the CPU, together in one block of memory that is the system's again as soon as the last of them is gone.

    Small tensors that stay lie in the heap between the large ones of passes that come and go, and what those leave is then in pieces: with
    features that come and go for hours, a process takes more and more.

    Parameters
    ----------
    tensors : sequence of Tensor

    Returns
    -------
    list of Tensor
        Of the same values, shapes and types; contiguous, without a gradient.

    Examples
    --------
    >>> one, other = set_apart([torch.ones(2, 3), torch.arange(4, dtype=torch.bfloat16)])
    >>> one.shape, other.dtype, other.tolist()
    (torch.Size([2, 3]), torch.bfloat16, [0.0, 1.0, 2.0, 3.0])
    """
    starts, end = [], 0
    for tensor in tensors:
        starts.append(end)
        end += -(-tensor.nbytes // ALIGNED) * ALIGNED
    if not end:  # nothing can be mapped for nothing
        return [tensor.detach().clone() for tensor in tensors]
    block, copies = mmap.mmap(-1, end), []
    for tensor, start in zip(tensors, starts, strict=True):
        if not tensor.numel():
            copies.append(tensor.detach().clone())
            continue
        copy = torch.frombuffer(block, dtype=tensor.dtype, count=tensor.numel(), offset=start).view(tensor.shape)
        copies.append(copy.copy_(tensor.detach()))
    return copies
