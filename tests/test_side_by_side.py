"""Batches of a small judge are asked side by side in threads: the same bits, in the same order, as one after another."""

import threading
import time
from contextlib import closing

import numpy as np
import pytest
import torch
from known_judge import KnownJudge, features_of, known_images
from PIL import Image

from ppaint.images import open_image
from ppaint.model_card import Judge
from ppaint.model_card.side_by_side import in_order, passes_at_once
from ppaint.trainer import Judging, JudgmentStore
from ppaint.trainer.judgments.judgment_store import RATINGS
from ppaint.trainer.tiny_judge import WEIGHTS

DIMENSIONS = ("brushwork", "overall")
ANSWERS = ("plan.bin", "judgments.bin", RATINGS)


@pytest.fixture
def two_threads():
    """As on two cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [
        open_image(Image.fromarray(rng.integers(0, 255, (64 + 32 * (i % 3), 96, 3), dtype=np.uint8)), name=str(i))
        for i in range(12)
    ]


def test_results_are_in_order_whoever_ends_first_and_seconds_add_up(two_threads):
    begun = time.perf_counter()
    done = list(in_order(lambda seconds: time.sleep(seconds) or seconds, [0.2, 0.01, 0.1], 2))
    whole = time.perf_counter() - begun
    assert [(item, result) for item, result, _ in done] == [(0.2, 0.2), (0.01, 0.01), (0.1, 0.1)]
    assert sum(seconds for *_, seconds in done) <= whole < 0.31 + 0.2


def test_each_thread_has_its_share_of_torchs_threads_and_all_come_back(two_threads):
    found = [threads for _, threads, _ in in_order(lambda _: torch.get_num_threads(), range(4), 2)]
    assert found == [1] * 4 and torch.get_num_threads() == 2


def test_a_fault_ends_it_and_what_has_begun_is_waited_for(two_threads):
    ended, before = [], set(threading.enumerate())

    def work(item):
        if item == 1:
            raise ValueError("no")
        time.sleep(0.05)
        ended.append(item)

    with pytest.raises(ValueError, match="no"), closing(in_order(work, range(9), 2)) as results:
        list(results)
    assert set(ended) <= {0, 2} and torch.get_num_threads() == 2
    assert set(threading.enumerate()) <= before


def test_only_a_small_model_on_a_cpu_is_asked_so(two_threads):
    judge = Judge.from_pretrained(WEIGHTS, dimensions=DIMENSIONS)
    assert judge.passes_at_once == 2
    torch.set_num_threads(1)
    assert judge.passes_at_once == 1
    torch.set_num_threads(64)
    assert judge.passes_at_once == 8
    with torch.device("meta"):
        assert passes_at_once(torch.nn.Linear(10, 10)) == 1
        large = torch.nn.Linear(5000, 5000)
    assert passes_at_once(large.to_empty(device="cpu")) == 1


def test_answers_and_what_is_stored_are_the_same_bytes(two_threads, images, tmp_path):
    judge, stored = Judge.from_pretrained(WEIGHTS, dimensions=DIMENSIONS, batch_size=8), {}
    names = [image.sha256 for image in images]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[:i]]
    for threads in (1, 2):
        torch.set_num_threads(threads)
        features = judge.features(images)
        assert not any(feature.tokens.requires_grad for feature in features)
        with JudgmentStore(tmp_path / str(threads), judge.fingerprint, judge.dimensions) as store:
            judging = Judging(store, judge, features)
            answers = judging.ask(pairs).forward, judging.rate(names)
        stored[threads] = [(tmp_path / str(threads) / name).read_bytes() for name in ANSWERS] + [
            values.tobytes() for values in (*answers, *(feature.tokens.numpy() for feature in features))
        ]
    assert stored[1] == stored[2]


class ShortOfMemory(KnownJudge):
    """Has memory for one batch of eight pairs at a time, and where ``room`` is less, for no more pairs than that."""

    passes_at_once, room = 2, 8

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self._busy, self.most = threading.Lock(), 0

    def compare(self, pairs):
        if not self._busy.acquire(blocking=False):
            raise MemoryError
        try:
            if len(pairs) > self.room:
                raise MemoryError
            time.sleep(0.02)
            self.most = max(self.most, len(pairs))
            return super().compare(pairs)
        finally:
            self._busy.release()


@pytest.mark.parametrize("room", [8, 3])
def test_where_memory_is_short_it_goes_on_one_after_another_and_only_then_in_smaller_batches(tmp_path, room):
    worths = known_images(8)
    judge, alone = ShortOfMemory(worths, batch_size=8), KnownJudge(worths, batch_size=8)
    judge.room = room
    pairs = [(a, b) for a in worths for b in worths if a < b]
    with JudgmentStore(tmp_path / "short", judge.fingerprint, judge.dimensions) as store:
        found = Judging(store, judge, features_of(worths)).ask(pairs)
    with JudgmentStore(tmp_path / "alone", alone.fingerprint, alone.dimensions) as store:
        expected = Judging(store, alone, features_of(worths)).ask(pairs)
    np.testing.assert_array_equal(found.forward, expected.forward)
    assert judge.most == (8 if room == 8 else 2)
