"""Batches are launched before the ones ahead of them are read, in order, and nothing is lost on the way."""

import numpy as np
import pytest
import torch
from PIL import Image

from ppaint.model_card.in_flight import in_side_stream, onto, read_behind
from ppaint.trainer.tiny_judge.architecture import build_processor

CPU = torch.device("cpu")


def logged(count: int, log: list[str]):
    for k in range(count):
        log.append(f"launch {k}")
        yield k


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_each_batch_is_read_once_in_order_and_after_the_next_was_launched(count):
    log: list[str] = []

    def read(k: int) -> int:
        log.append(f"read {k}")
        return 10 * k

    assert list(read_behind(logged(count, log), read)) == [10 * k for k in range(count)]
    for k in range(count - 1):
        assert log.index(f"launch {k + 1}") < log.index(f"read {k}")
        assert k + 2 >= count or log.index(f"read {k}") < log.index(f"launch {k + 2}")  # no more than one is waiting


def test_a_fault_of_a_batch_is_not_swallowed():
    def read(k: int) -> int:
        if k == 1:
            raise ValueError("batch 1")
        return k

    results = read_behind(iter(range(3)), read)
    assert next(results) == 0
    with pytest.raises(ValueError, match="batch 1"):
        next(results)


def test_on_a_cpu_a_tensor_stays_where_it_is():
    tensor = torch.arange(3.0)
    assert onto(tensor, CPU) is tensor
    assert in_side_stream(CPU, lambda: {"made": tensor})["made"] is tensor


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_what_is_made_beside_a_gpus_work_is_whole_when_it_is_used():
    device = torch.device("cuda", torch.cuda.current_device())
    sums = []
    for k in range(20):  # nothing waits in between, and each result's memory is free for the next as soon as it may be
        made = in_side_stream(device, lambda k=k: {"made": torch.full((1 << 20,), float(k)).to(device) * 2})["made"]
        torch.cuda._sleep(20_000_000)
        sums.append((made + onto(torch.ones(1 << 20), device)).double().sum())
        del made
    assert [float(total) for total in sums] == [(2 * k + 1) * (1 << 20) for k in range(20)]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_pixels_made_on_a_gpu_are_those_of_the_cpu_to_rounding():
    processor = build_processor(("overall",))
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (331, 207, 3), dtype=np.uint8))
    here, there = (
        processor.image_processor([noise], return_tensors="pt", device=torch.device(kind)) for kind in ("cpu", "cuda")
    )
    assert here["image_grid_thw"].tolist() == there["image_grid_thw"].tolist()
    torch.testing.assert_close(there["pixel_values"].cpu(), here["pixel_values"], atol=2 / 127.5, rtol=0)
