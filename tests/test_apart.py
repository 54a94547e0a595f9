"""Copies that lie apart from the heap are the same values, and go when nothing asks for them any more."""

from pathlib import Path

import pytest
import torch

from ppaint.model_card.apart import set_apart

STATUS = Path("/proc/self/statm")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int64])
def test_values_shapes_and_types_stay(dtype):
    whole = (torch.arange(24).reshape(4, 6) - 7).to(dtype)
    given = [whole.T, whole[1:3, ::2], whole[0, 0], whole[:0], whole]
    copies = set_apart(given)
    for one, copy in zip(given, copies, strict=True):
        assert copy.dtype == dtype and copy.shape == one.shape and copy.is_contiguous() and torch.equal(copy, one)
    copies[4].zero_()
    assert whole.abs().sum() > 0 and copies[0].abs().sum() > 0


def test_a_gradient_is_left_behind_and_nothing_is_fine():
    weights = torch.ones(3, requires_grad=True)
    [copy] = set_apart([weights * 2])
    assert not copy.requires_grad and copy.tolist() == [2.0, 2.0, 2.0]
    assert set_apart([]) == [] and set_apart([torch.zeros(0, 5)])[0].shape == (0, 5)


@pytest.mark.skipif(not STATUS.is_file(), reason="memory is looked up in /proc")
def test_the_memory_is_the_systems_again_when_the_last_tensor_is_gone():
    def mapped() -> int:
        return int(STATUS.read_text().split()[0]) * 4096

    large, before = torch.ones(8_000_000), mapped()
    first, second = set_apart([large, large[:5]])
    assert mapped() - before >= large.nbytes
    del first
    assert second.tolist() == [1.0] * 5
    del second
    assert mapped() - before < large.nbytes / 2
