"""Out of memory: the batch shrinks with a warning, and the run continues."""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from known_judge import KnownJudge, features_of, known_images
from PIL import Image

from ppaint.images import InputFault, open_image
from ppaint.model_card import Judge, vision_features
from ppaint.model_card.memory import attempt, batch_for, in_shrinking_batches
from ppaint.trainer import Judging, JudgmentStore
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

WORTHS = known_images(8)
PAIRS = [(a, b) for i, a in enumerate(WORTHS) for b in list(WORTHS)[i + 1 :]]


class Room:
    """Work that fits up to a number of items, and remembers what it was given."""

    def __init__(self, fits):
        self.fits, self.given = fits, []

    def __call__(self, chunk):
        self.given.append(len(chunk))
        if len(chunk) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return list(chunk)


@pytest.fixture(scope="module")
def setting():
    processor = build_processor(("overall",))
    images = [Image.fromarray(np.full((96, 64 + 32 * i, 3), 40 * i, dtype=np.uint8)) for i in range(5)]
    return build_tiny_model(processor, hidden_size=32, text_layers=1, vision_layers=2), processor, images


def test_with_room_the_batches_are_plain_slices():
    room = Room(fits=4)
    assert list(in_shrinking_batches(range(10), 4, room)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_batch_that_does_not_fit_is_halved_and_so_are_those_after_it(caplog):
    room, sizes = Room(fits=3), []
    with caplog.at_level(logging.WARNING):
        parts = list(in_shrinking_batches(range(20), 8, room, what="paintings", on_shrink=sizes.append))
    assert [x for part in parts for x in part] == list(range(20))
    assert room.given == [8, 4, *[2] * 10] and sizes == [4, 2]
    assert caplog.messages == [
        "out of memory with 8 paintings per pass: continuing with 4",
        "out of memory with 4 paintings per pass: continuing with 2",
    ]


def test_one_item_that_does_not_fit_is_named():
    image = open_image(Image.new("RGB", (32, 32)), name="huge.tif")
    with pytest.raises(InputFault, match=r"huge\.tif: one of the images alone does not fit into memory") as caught:
        list(in_shrinking_batches([image, image], 2, Room(fits=0)))
    assert "smaller" in str(caught.value)


def test_another_error_is_left_alone():
    def broken(_chunk):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        attempt(broken, [1, 2])


def test_the_failed_pass_is_let_go_of_before_the_next():
    """What the failed pass held must be free by then: a traceback that is kept would keep its tensors."""
    alive = []

    class Tensor:
        def __del__(self):
            alive.remove(self.name)

    def work(chunk):
        assert alive == []
        held = Tensor()
        held.name = len(chunk)
        alive.append(held.name)
        if len(chunk) > 1:
            raise MemoryError
        return len(chunk)

    assert list(in_shrinking_batches("abcd", 4, work)) == [1, 1, 1, 1]


def test_vision_features_go_on_in_smaller_batches(setting, monkeypatch):
    model, processor, images = setting
    whole = vision_features(model, processor, images)
    seen, real = [], model.get_image_features

    def small(pixels, grid, **options):
        seen.append(len(grid))
        if len(grid) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(pixels, grid, **options)

    monkeypatch.setattr(model, "get_image_features", small)
    told = []
    parts = vision_features(model, processor, images, batch_size=4, on_batch=told.append)
    assert seen == [4, 2, 2, 1] and told == [2, 2, 1]
    for one, other in zip(whole, parts, strict=True):
        assert one.sha256 == other.sha256
        torch.testing.assert_close(one.tokens, other.tokens, atol=1e-5, rtol=0)


def test_ratings_go_on_in_smaller_batches_and_do_not_fail_twice(setting, monkeypatch):
    model, processor, images = setting
    judge = Judge(model, processor, ("overall",), batch_size=4)
    features = judge.features(images)
    whole, seen, real = judge.rate(features), [], model.forward

    def small(**inputs):
        seen.append(len(inputs["input_ids"]))
        if seen[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(**inputs)

    monkeypatch.setattr(model, "forward", small)
    np.testing.assert_allclose(judge.rate(features), whole, atol=1e-5)
    judge.rate(features)
    assert seen == [4, 2, 2, 1, 2, 2, 1]


class SmallJudge(KnownJudge):
    """Has memory for six pairs."""

    tried = 0

    def compare(self, pairs):
        self.tried += 1
        if len(pairs) > 6:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().compare(pairs)


def test_the_whole_plan_shrinks_at_once_and_is_resumed_so(tmp_path, caplog):
    small = SmallJudge(WORTHS, batch_size=16)
    with JudgmentStore(tmp_path, small.fingerprint, small.dimensions) as store:
        judging = Judging(store, small, features_of(WORTHS))
        judging.ask(PAIRS[:20])
        assert small.tried - len(small.batches) == 2  # 16, then 8: not once a batch
        judging.ask(PAIRS[20:])
        assert small.tried - len(small.batches) == 2  # nor for a request that comes later
    assert max(small.batches) == 4 and "out of memory with 16 ordered pairs per pass: continuing with 8" in caplog.text
    answers, plan = ((tmp_path / name) for name in ("judgments.bin", "plan.bin"))
    rows, planned = answers.read_bytes(), plan.read_bytes()
    answers.write_bytes(rows[: len(rows) // 3])  # killed on the way
    heir = SmallJudge(WORTHS, batch_size=16)
    with JudgmentStore(tmp_path, heir.fingerprint, heir.dimensions) as store:
        again = Judging(store, heir, features_of(WORTHS))
        again.ask(PAIRS[:20])
        again.ask(PAIRS[20:])
        assert heir.tried == len(heir.batches)
    assert answers.read_bytes() == rows and plan.read_bytes() == planned


def test_a_single_pair_that_does_not_fit_ends_the_run_in_words(tmp_path):
    class Tiny(KnownJudge):
        def compare(self, pairs):
            raise MemoryError

    with JudgmentStore(tmp_path, "known-0.0-0.0", ("overall",)) as store, pytest.raises(InputFault, match="alone"):
        Judging(store, Tiny(WORTHS), features_of(WORTHS)).ask(PAIRS[:3])


def test_batches_sized_to_memory_are_powers_of_two_and_never_none():
    assert [batch_for(free, 10) for free in (0, 13, 100, 500, 10**9)] == [1, 1, 8, 32, 256]


def test_on_a_cpu_the_automatic_size_is_the_default(setting):
    model, processor, _ = setting
    assert Judge(model, processor, ("overall",), batch_size="auto").batch_size == 32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_automatic_size_fits(setting):
    _, processor, images = setting
    judge = Judge(build_tiny_model(processor).cuda(), processor, ("overall",), batch_size="auto")
    features = judge.features(images)
    assert judge.batch_size > 32
    assert judge.compare([(features[0], features[1])] * judge.batch_size).shape == (judge.batch_size, 1)


REALLY = """
import resource, torch
from ppaint.model_card.memory import in_shrinking_batches
torch.zeros(1)
now = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (now + 500 * 2**20,) * 2)
print(list(in_shrinking_batches(range(10), 8, lambda rows: len(torch.zeros(len(rows), 100, 2**18)), what="rows")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads its own size from /proc")
def test_a_memory_that_is_really_full():
    """A hundred megabytes a row, and room for less than five hundred more: as the CPU's own allocator says it."""
    ended = subprocess.run([sys.executable, "-c", REALLY], capture_output=True, text=True, timeout=120)
    assert ended.stdout == "[4, 4, 2]\n", ended.stderr
    assert "out of memory with 8 rows per pass: continuing with 4" in ended.stderr
