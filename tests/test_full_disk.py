"""A disk that fills up while judgments are written: a clear end, and a store that is gone on with."""

from pathlib import Path

import numpy as np
import pytest
from known_judge import KnownJudge, features_of, known_images
from small_disk import small_disk
from store_formats import records_of

from ppaint.foundation.journal import append_lines, replace_text
from ppaint.images import InputFault
from ppaint.trainer import Judging, JudgmentStore

DIMENSIONS = tuple(
    f"dimension_{k}" for k in range(12)
)  # so many that answers take more room than what stands beside them
WORTHS = known_images(8, d=12)
PAIRS = [(a, b) for i, a in enumerate(WORTHS) for b in list(WORTHS)[i + 1 :]]


def work(folder: Path, ratings_first: bool = True):
    judge = KnownJudge(WORTHS, bias=0.7, noise=0.3, dimensions=DIMENSIONS, batch_size=10)
    with JudgmentStore(folder, judge.fingerprint, judge.dimensions) as store:
        judging = Judging(store, judge, features_of(WORTHS))
        if ratings_first:
            judging.rate(list(WORTHS))
        judged = judging.ask(PAIRS)
        judging.rate(list(WORTHS))
        return judged, judge


def rate(folder: Path) -> None:
    judge = KnownJudge(WORTHS, bias=0.7, noise=0.3, dimensions=DIMENSIONS, batch_size=10)
    with JudgmentStore(folder, judge.fingerprint, judge.dimensions) as store:
        Judging(store, judge, features_of(WORTHS)).rate(list(WORTHS))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    judged, _ = work(folder)
    return folder, judged


@pytest.mark.parametrize(
    "full, size, ratings_first",
    [
        ("ratings.jsonl", 700, True),
        ("plan.bin", 500, False),
        ("judgments.bin", 1800, False),  # a batch and a half
        ("judgments.bin", 4321, True),
    ],
)
def test_a_run_on_a_full_disk_ends_in_words_and_is_gone_on_with(tmp_path, whole, full, size, ratings_first):
    cut, complete = tmp_path / "cut", whole[0]
    if full == "judgments.bin" and ratings_first:  # the ratings still had room
        rate(cut)
    with pytest.raises(InputFault) as ended, small_disk(size):
        work(cut, ratings_first)
    assert f"{full}: could not be written (File too large)" in str(ended.value)
    assert "it resumes from what is stored" in str(ended.value)
    for path in cut.glob("*.jsonl"):
        assert path.read_bytes()[-1:] in (b"", b"\n")  # whole lines only
    for path in cut.glob("*.bin"):
        assert not path.stat().st_size or records_of(path)  # whole records only
    with JudgmentStore.open_finished(cut) as store:
        stored = len(store)
    judged, heir = work(cut, ratings_first)
    np.testing.assert_array_equal(judged.forward, whole[1].forward)
    for name in ("plan.bin", "ratings.jsonl", "judgments.bin"):
        assert (cut / name).read_bytes() == (complete / name).read_bytes()
    assert len(heir.asked) == 56 - stored


def test_the_same_process_may_try_again(tmp_path, whole):
    judge = KnownJudge(WORTHS, bias=0.7, noise=0.3, dimensions=DIMENSIONS, batch_size=10)
    with JudgmentStore(tmp_path, judge.fingerprint, judge.dimensions) as store:
        judging = Judging(store, judge, features_of(WORTHS))
        judging.rate(list(WORTHS))
        with pytest.raises(InputFault, match=r"judgments\.bin: could not be written"), small_disk(4500):
            judging.ask(PAIRS)
        judging.ask(PAIRS)
    assert (tmp_path / "judgments.bin").read_bytes() == (whole[0] / "judgments.bin").read_bytes()


def test_the_table_of_judgments_is_whole_or_not_there(tmp_path, whole):
    with JudgmentStore.open_finished(whole[0]) as store:
        with pytest.raises(InputFault, match=r"judgments\.parquet: could not be written"), small_disk(1000):
            store.export()
        assert not list(whole[0].glob("*.parquet")) and not list(whole[0].glob("*.tmp"))
        assert store.export().is_file()


def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "rows.jsonl"
    append_lines(path, [{"a": 1}])
    with pytest.raises(InputFault, match="could not be written"), small_disk(20):
        append_lines(path, [{"a": 2}, {"a": 3}, {"a": 4}])
    assert path.read_text() == '{"a": 1}\n'


def test_a_small_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "said.json"
    replace_text(path, "old")
    with pytest.raises(InputFault, match="could not be written"), small_disk(10):
        replace_text(path, "new " * 10)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["said.json"]
