"""Judgments are stored immediately: nothing is lost, nothing is asked twice, nothing is made up."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pandas as pd
import pytest
from known_judge import Killed, KnownJudge, MortalJudge, features_of, known_images
from store_formats import records_of

from ppaint.foundation.record_file import MAGIC
from ppaint.images import InputFault
from ppaint.trainer import Judging, JudgmentStore
from ppaint.trainer.judgments.judgment_store import Batch
from ppaint.trainer.judgments.record_files import OF_BATCH

WORTHS = known_images(8, d=2)
DIMENSIONS = ("brushwork", "overall")
PAIRS = [(a, b) for i, a in enumerate(WORTHS) for b in list(WORTHS)[i + 1 :]]


def make_judge(**changes):
    return KnownJudge(WORTHS, bias=0.7, noise=0.3, dimensions=DIMENSIONS, **{"batch_size": 10, **changes})


def ask(folder, judge, pairs=PAIRS, **options):
    with JudgmentStore(folder, judge.fingerprint, judge.dimensions) as store:
        return Judging(store, judge, features_of(WORTHS), **options).ask(pairs)


def test_both_orders_are_asked_and_the_position_bias_cancels(tmp_path):
    judge = KnownJudge(WORTHS, bias=0.7, dimensions=DIMENSIONS)
    judged = ask(tmp_path, judge)
    truth = np.array([WORTHS[a] - WORTHS[b] for a, b in PAIRS])
    np.testing.assert_allclose(judged.delta, truth, atol=1e-12)
    np.testing.assert_allclose(judged.position_bias, 0.7)
    assert len(judge.asked) == len(set(judge.asked)) == 2 * len(PAIRS)


def test_a_second_run_asks_nothing(tmp_path):
    first = ask(tmp_path, make_judge())
    judge = make_judge()
    again = ask(tmp_path, judge)
    assert judge.asked == []
    np.testing.assert_array_equal(first.forward, again.forward)


def test_a_killed_run_goes_on_and_ends_in_the_same_judgments(tmp_path):
    judge = make_judge()
    whole = ask(tmp_path / "whole", judge)
    mortal = MortalJudge(WORTHS, bias=0.7, noise=0.3, dimensions=DIMENSIONS, batch_size=10)
    with pytest.raises(Killed):
        ask(tmp_path / "killed", mortal)
    heir = make_judge()
    again = ask(tmp_path / "killed", heir)
    assert mortal.asked + heir.asked == judge.asked  # in the same batches, nothing twice
    np.testing.assert_array_equal(whole.forward, again.forward)
    assert (tmp_path / "whole/judgments.bin").read_bytes() == (tmp_path / "killed/judgments.bin").read_bytes()


def test_an_end_torn_at_any_byte_is_discarded_and_asked_again(tmp_path):
    whole = ask(tmp_path, make_judge())
    path = tmp_path / "judgments.bin"
    content, last = path.read_bytes(), len(records_of(path)[-1])
    before = len(records_of(path)[-2])
    for cut in [*range(1, last + 1), last + 1, last + before - 1, len(content) - 8, len(content) - 5, len(content)]:
        path.write_bytes(content[:-cut])
        judge = make_judge()
        again = ask(tmp_path, judge)
        np.testing.assert_array_equal(whole.forward, again.forward)
        assert path.read_bytes() == content
        lost = 6 if cut <= last else 16 if cut <= last + before else 56  # the last batch (of 56 in tens), and so on
        assert len(judge.asked) == lost, cut


def test_zeros_in_place_of_a_torn_end_are_discarded(tmp_path):
    whole = ask(tmp_path, make_judge())
    path = tmp_path / "judgments.bin"
    content, last = path.read_bytes(), len(records_of(path)[-1])
    for kept in range(last):
        path.write_bytes(content[: len(content) - last + kept] + b"\0" * (last - kept))
        judge = make_judge()
        np.testing.assert_array_equal(whole.forward, ask(tmp_path, judge).forward)
        assert path.read_bytes() == content and len(judge.asked) in ((6,) if kept < last - 8 else (0, 6))


def test_a_torn_plan_is_made_again(tmp_path):
    whole = ask(tmp_path, make_judge(), PAIRS[:5])
    plan, answers = tmp_path / "plan.bin", tmp_path / "judgments.bin"
    before, kept = answers.read_bytes(), plan.read_bytes()
    ask(tmp_path, make_judge(), PAIRS[5:])
    content = plan.read_bytes()
    for cut in range(1, len(content) - len(kept) + 1):
        answers.write_bytes(before)
        plan.write_bytes(content[:-cut])
        with JudgmentStore.open_finished(tmp_path) as store:
            assert len(store) == 10 and plan.read_bytes() == kept
    judge = make_judge()
    again = ask(tmp_path, judge)
    np.testing.assert_array_equal(whole.forward, again.forward[:5])
    assert len(judge.asked) == 46


@pytest.mark.parametrize("name", ["plan.bin", "judgments.bin"])
def test_a_byte_changed_anywhere_before_the_end_is_named_and_nothing_is_cut_off(tmp_path, name):
    ask(tmp_path, make_judge(), PAIRS[:14])
    ask(tmp_path, make_judge())
    path = tmp_path / name
    content, records = path.read_bytes(), records_of(path)
    assert len(records) > 1
    for place in range(len(content) - len(records[-1])):
        path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        changed = path.read_bytes()
        where = "byte 0" if place < 8 else r"record \d \(at byte \d+\)"
        with pytest.raises(InputFault, match=rf"{name}, {where}: .*put back the file that ppaint wrote"):
            JudgmentStore.open_finished(tmp_path)
        assert path.read_bytes() == changed


def test_a_damaged_record_in_the_middle_is_named(tmp_path):
    ask(tmp_path, make_judge())
    path = tmp_path / "judgments.bin"
    records = records_of(path)
    start = 8 + sum(map(len, records[:3]))
    content = bytearray(path.read_bytes())
    content[start + 50] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputFault, match=rf"record 4 \(at byte {start}\): its content is damaged"):
        ask(tmp_path, make_judge())


def test_another_judges_store_is_refused(tmp_path):
    ask(tmp_path, make_judge())
    with pytest.raises(InputFault, match="another judge's"):
        ask(tmp_path, KnownJudge(WORTHS, dimensions=DIMENSIONS))


def test_two_runs_at_once_on_one_store_are_refused(tmp_path):
    with JudgmentStore(tmp_path, "f", DIMENSIONS), pytest.raises(InputFault, match="another run"):
        JudgmentStore(tmp_path, "f", DIMENSIONS)


def test_an_abstention_stays_one(tmp_path):
    class Silent(KnownJudge):
        def compare(self, pairs):
            answers = super().compare(pairs)
            answers[0, 1] = np.nan
            return answers

    judge = Silent(WORTHS, dimensions=DIMENSIONS, batch_size=10)
    judged = ask(tmp_path, judge)
    again = ask(tmp_path, judge)
    np.testing.assert_array_equal(judged.forward, again.forward)
    with JudgmentStore(tmp_path, judge.fingerprint, DIMENSIONS) as store:
        assert store.abstentions.tolist() == [0, 6]
    assert np.isnan(judged.delta[:, 1]).sum() in range(3, 7)
    assert not np.isnan(judged.delta[:, 0]).any()


def test_what_is_no_log_odds_is_refused_and_nothing_is_stored(tmp_path):
    with JudgmentStore(tmp_path, "judge-1", DIMENSIONS) as store:
        [batch] = store.plan(PAIRS[:2], batch_size=8)
        for wrong, words in ((np.full((2, 2), np.inf), "infinite"), (np.zeros((2, 1)), "shape")):
            with pytest.raises(ValueError, match=words):
                store.record(batch, wrong)
        assert len(store) == 0
        store.record(batch, np.zeros((2, 2)))
        assert len(store) == 2


def test_a_batch_that_does_not_fit_is_split_and_the_split_is_kept(tmp_path):
    class Small(KnownJudge):
        def compare(self, pairs):
            if len(pairs) > 6:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
            return super().compare(pairs)

    small = Small(WORTHS, dimensions=DIMENSIONS, batch_size=10)
    with JudgmentStore(tmp_path / "a", small.fingerprint, DIMENSIONS) as store:
        Judging(store, small, features_of(WORTHS)).ask(PAIRS[:10])
    assert small.batches == [5, 5, 5, 5]
    path = tmp_path / "a/judgments.bin"
    records = records_of(path)
    assert len(records) == 4
    path.write_bytes(path.read_bytes()[: 8 + len(records[0]) + len(records[1]) // 2])  # killed within the second half
    roomy = KnownJudge(WORTHS, dimensions=DIMENSIONS, batch_size=10)
    ask(tmp_path / "a", roomy, PAIRS[:10])
    assert roomy.batches == [5, 5, 5]


def test_another_error_is_not_taken_for_a_full_memory(tmp_path):
    class Broken(KnownJudge):
        def compare(self, pairs):
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        ask(tmp_path, Broken(WORTHS, dimensions=DIMENSIONS))


def test_export_is_one_row_an_ordered_pair(tmp_path):
    judge = make_judge()
    judged = ask(tmp_path, judge)
    with JudgmentStore.open_finished(tmp_path) as store:
        table = pd.read_parquet(store.export())
    assert list(table) == ["first", "second", "brushwork_log_odds", "overall_log_odds"]
    row = table[(table["first"] == PAIRS[0][0]) & (table["second"] == PAIRS[0][1])]
    assert row["overall_log_odds"].item() == judged.forward[0, 1]


def test_without_a_judge_only_what_is_stored_can_be_had(tmp_path):
    judged = ask(tmp_path, make_judge(), PAIRS[:4])
    with JudgmentStore.open_finished(tmp_path) as store:
        np.testing.assert_array_equal(Judging(store).ask(PAIRS[:4]).delta, judged.delta)
        with pytest.raises(InputFault, match="missing"):
            Judging(store).ask(PAIRS)
        with pytest.raises(InputFault, match="pointwise"):
            Judging(store).rate(list(WORTHS))


def test_ratings_are_stored_exactly(tmp_path):
    judge = make_judge()
    with JudgmentStore(tmp_path, judge.fingerprint, DIMENSIONS) as store:
        said = Judging(store, judge, features_of(WORTHS)).rate(list(WORTHS))
    with JudgmentStore.open_finished(tmp_path) as store:
        np.testing.assert_array_equal(Judging(store).rate(list(WORTHS)), said)


def test_shuffled_answers_keep_their_sizes_and_leave_the_store_alone(tmp_path):
    judge = make_judge()
    true = ask(tmp_path, judge)
    before = (tmp_path / "judgments.bin").read_bytes()
    wrong = ask(tmp_path, judge, shuffle_seed=1)
    np.testing.assert_allclose(np.sort(np.abs(wrong.delta), axis=0), np.sort(np.abs(true.delta), axis=0))
    assert abs(np.corrcoef(wrong.delta[:, 0], true.delta[:, 0])[0, 1]) < 0.5
    np.testing.assert_array_equal(ask(tmp_path, judge, shuffle_seed=1).delta, wrong.delta)
    assert (tmp_path / "judgments.bin").read_bytes() == before


def test_a_shuffled_answer_is_the_same_whenever_it_is_asked(tmp_path):
    judge = make_judge()
    with JudgmentStore(tmp_path, judge.fingerprint, DIMENSIONS) as store:
        judging = Judging(store, judge, features_of(WORTHS), shuffle_seed=1)
        first = judging.ask(PAIRS[:6])
        later = judging.ask([PAIRS[9], PAIRS[2][::-1]])
    np.testing.assert_array_equal(later.delta[1], -first.delta[2])


def test_progress_is_told_in_ordered_pairs(tmp_path):
    told = []
    ask(tmp_path, make_judge(), on_batch=lambda done, wanted: told.append((done, wanted)))
    assert told[0] == (0, 56) and told[-1] == (56, 56)


def test_records_can_be_read_by_hand(tmp_path):
    """As the docs of the files say, with numpy and json alone."""
    judged = ask(tmp_path, make_judge())
    head = 16
    plan = records_of(tmp_path / "plan.bin")[0][head:]
    length = int.from_bytes(plan[:4], "little")
    said = json.loads(plan[4 : 4 + length])
    assert set(said) == {"request", "images", "pairs", "number", "size"} and sorted(said["images"]) == list(WORTHS)
    first, second = np.frombuffer(plan[4 + length :], "<u4").reshape(2, said["pairs"])
    names, answers = np.array(said["images"]), []
    for number, record in enumerate(records_of(tmp_path / "judgments.bin")):
        assert np.frombuffer(record[head : head + 8], "<u8")[0] == number
        answers.append(np.frombuffer(record[head + 16 :], "<f8").reshape(-1, len(DIMENSIONS)))
    found = dict(zip(zip(names[first], names[second], strict=True), np.concatenate(answers), strict=True))
    np.testing.assert_array_equal(judged.forward, [found[pair] for pair in PAIRS])


PARTS = {"revision": "sha256:1", "prompts": "p", "dimensions": "brushwork\noverall", "dtype": "torch.float32"}


@pytest.mark.parametrize(
    "part, value, words",
    [
        ("revision", "sha256:2", r"\(different: model weights\)"),
        ("prompts", "q", r"\(different: prompts\)"),
        ("dtype", "torch.bfloat16", r"dtype \(torch.float32 then; torch.bfloat16 now\)"),
        ("dimensions", "overall", r"dimensions \(brushwork, overall then; overall now\)"),
    ],
)
def test_a_store_says_what_differs(tmp_path, part, value, words):
    judge = make_judge()
    with JudgmentStore(tmp_path, judge.fingerprint, DIMENSIONS, parts=PARTS) as store:
        Judging(store, judge, features_of(WORTHS)).ask(PAIRS[:5])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputFault, match=words):
        JudgmentStore(tmp_path, "another", DIMENSIONS, parts=PARTS | {part: value})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_store_from_before_the_parts_still_opens_and_still_refuses(tmp_path):
    ask(tmp_path, make_judge())
    header = (tmp_path / "store.json").read_bytes()
    assert set(json.loads(header)) == {"format", "fingerprint", "dimensions"}
    with JudgmentStore(tmp_path, make_judge().fingerprint, DIMENSIONS, parts=PARTS, images=WORTHS) as store:
        assert len(store) == 56
    assert (tmp_path / "store.json").read_bytes() == header
    with pytest.raises(InputFault, match=r"different: fingerprint\)"):
        JudgmentStore(tmp_path, "another", DIMENSIONS, parts=PARTS)


def test_a_store_of_other_images_is_refused(tmp_path):
    judge = make_judge()
    with JudgmentStore(tmp_path, judge.fingerprint, DIMENSIONS, images=WORTHS) as store:
        Judging(store, judge, features_of(WORTHS)).ask(PAIRS[:5])
    with JudgmentStore(tmp_path, judge.fingerprint, DIMENSIONS, images=reversed(WORTHS)):
        pass  # the order is not asked for
    with pytest.raises(InputFault, match=r"other images \(8 images then, 7 now\)"):
        JudgmentStore(tmp_path, judge.fingerprint, DIMENSIONS, images=list(WORTHS)[1:])


def test_a_store_in_which_nothing_was_asked_belongs_to_nobody(tmp_path):
    JudgmentStore(tmp_path, "one", DIMENSIONS, parts=PARTS).close()
    with JudgmentStore(tmp_path, "another", ["overall"]) as store:
        assert store.fingerprint == "another"
    with JudgmentStore.open_finished(tmp_path) as store:
        assert store.fingerprint == "another" and store.dimensions == ("overall",)


def as_file(content):
    """A file of one sound record."""
    head = struct.pack("<QI", len(content), zlib.crc32(content))
    return MAGIC + head + struct.pack("<I", zlib.crc32(head)) + content


def text(said):
    """A record of the plan, as far as it is text."""
    content = json.dumps(said).encode()
    return len(content).to_bytes(4, "little") + content


FOREIGN = {
    "a header that is a list": ("store.json", b"[1, 2]\n", "not one that ppaint wrote"),
    "a header of other things": ("store.json", b'{"dimensions": "overall"}\n', "fingerprint and dimensions"),
    "a header that is torn": ("store.json", b'{"format": 1, "finger', "not readable as JSON"),
    "a header of a later format": (
        "store.json",
        b'{"format": 3, "fingerprint": "", "dimensions": []}',
        "written in format 3; this version of ppaint reads formats 1 and 2",
    ),
    "a plan of other things": ("plan.bin", as_file(b"recipe: eggs"), r"plan.bin, record 1 \(at byte 8\): not a record"),
    "a plan that splits what is not there": (
        "plan.bin",
        as_file(text({"split": [7], "number": 8, "size": 1})),
        "not a rec",
    ),
    "a plan with an image without a name": (
        "plan.bin",
        as_file(
            text({"request": "r", "images": ["a"], "pairs": 1, "number": 0, "size": 1})
            + bytes([0, 0, 0, 0, 1, 0, 0, 0])
        ),
        "not a record",
    ),
    "a plan of batches of nothing": (
        "plan.bin",
        as_file(text({"request": "r", "images": [], "pairs": 0, "number": 0, "size": 0})),
        "not a record",
    ),
    "a table in place of the plan": ("plan.bin", b"first,second\na,b\n", "byte 0: not a file that ppaint wrote"),
    "a plan that is cut down to words": ("plan.bin", b"my notes", "byte 0: not a file that ppaint wrote"),
    "a text without a line's end": ("ratings.jsonl", b"my notes, not to be lost", "row 1: not readable"),
    "answers to another plan": (
        "judgments.bin",
        as_file(OF_BATCH.pack(99, 10, 0)),
        "not belong to the batch of the plan",
    ),
    "answers about other images": (
        "judgments.bin",
        as_file(OF_BATCH.pack(0, 10, 0) + bytes(160)),
        "not belong to the b",
    ),
    "answers that are no record": ("judgments.bin", as_file(b"3"), "record 1 .*: not a record that ppaint wrote"),
    "a list in place of answers": ("judgments.bin", b"3\n", "byte 0: not a file that ppaint wrote"),
    "ratings of another length": (
        "ratings.jsonl",
        b'{"image": "a", "log_probabilities": [[1, 2]]}\n',
        "row 1: not a row",
    ),
    "ratings that are words": ("ratings.jsonl", b'{"image": "a", "log_probabilities": "high"}\n', "row 1: not a row"),
    "ratings without bounds": (
        "ratings.jsonl",
        json.dumps({"image": "a", "log_probabilities": [[float("inf")] * 10] * 2}).encode() + b"\n",
        "row 1: not a row",
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_foreign_file_is_named_and_left_as_it_is(tmp_path, case):
    name, content, words = FOREIGN[case]
    ask(tmp_path, make_judge())
    (tmp_path / name).write_bytes(content)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for open_it in (lambda: ask(tmp_path, make_judge()), lambda: JudgmentStore.open_finished(tmp_path)):
        with pytest.raises(InputFault, match=words):
            open_it()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "change", [lambda c: c[:-8], lambda c: c + bytes(8), lambda c: c[:-8] + struct.pack("<d", np.inf)]
)
def test_a_record_that_was_changed_is_named(tmp_path, change):
    ask(tmp_path, make_judge())
    path = tmp_path / "judgments.bin"
    records = records_of(path)
    records[1] = as_file(change(records[1][16:]))[8:]  # with checksums that are right
    path.write_bytes(MAGIC + b"".join(records))
    with pytest.raises(InputFault, match=r"record 2 \(at byte \d+\): not a record"):
        ask(tmp_path, make_judge())


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    ask(tmp_path, make_judge())
    (tmp_path / "ratings.jsonl").mkdir()
    with pytest.raises(InputFault, match="ratings.jsonl: cannot be read"):
        ask(tmp_path, make_judge())


def test_answers_without_a_header_are_nobodys(tmp_path):
    ask(tmp_path, make_judge())
    (tmp_path / "store.json").unlink()
    with pytest.raises(InputFault, match="no store.json that says which judge"):
        ask(tmp_path, make_judge())


def test_other_files_beside_them_do_not_disturb(tmp_path):
    judge = make_judge()
    whole = ask(tmp_path, judge)
    (tmp_path / "notes.txt").write_text("mine")
    np.testing.assert_array_equal(ask(tmp_path, make_judge()).forward, whole.forward)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_zeros_that_a_power_cut_left_are_cut_off(tmp_path):
    whole = ask(tmp_path, make_judge())
    path = tmp_path / "judgments.bin"
    content = path.read_bytes()
    path.write_bytes(content + b"\0" * 900)
    np.testing.assert_array_equal(ask(tmp_path, make_judge()).forward, whole.forward)
    assert path.read_bytes() == content


WRITER = """
import sys
import numpy as np
from ppaint.trainer import JudgmentStore
images = [f"{i:064x}" for i in range(200)]
pairs = [(a, b) for a in images for b in images if a != b]
with JudgmentStore(sys.argv[1], "judge", ["overall"]) as store:
    for batch in store.plan(pairs, 32):
        store.record(batch, np.array([[int(a, 16) + int(b, 16) / 1000] for a, b in batch.pairs]))
        print(len(store), flush=True)
print("done", flush=True)
"""


def test_killed_again_and_again_while_it_writes_it_keeps_all_that_was_stored(tmp_path):
    rng, stored, killed = np.random.default_rng(0), 0, 0
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
            said = [writer.stdout.readline()]
            time.sleep(rng.uniform(0.01, 0.2))
            writer.send_signal(signal.SIGKILL)
            said += writer.stdout.read().splitlines()
        killed += "done" not in said
        promised = max([stored, *(int(line) for line in said if line.strip().isdigit())])
        with JudgmentStore.open_finished(tmp_path) as store:
            stored = len(store)
            assert promised <= stored <= promised + 32 and (stored % 32 == 0 or stored == 39800)
    assert killed >= 3
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.endswith("done\n")
    with JudgmentStore.open_finished(tmp_path) as store:
        images = [f"{i:064x}" for i in range(200)]
        pairs = [(a, b) for a in images for b in images if a != b]
        np.testing.assert_array_equal(store.log_odds(pairs)[:, 0], [int(a, 16) + int(b, 16) / 1000 for a, b in pairs])
    numbers = [struct.unpack_from("<Q", record, 16)[0] for record in records_of(tmp_path / "judgments.bin")]
    assert numbers == list(range(len(numbers)))  # every batch once, in the plan's order


def test_names_and_numbers_come_back_exactly(tmp_path):
    names = ["", " ", "\n", '"', "\\u0041", "Ä" * 64, "\ud800", "0" * 64, "a,b", "a", "A"]
    values = [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, np.nan, -1 / 3]
    pairs = [(a, b) for a in names for b in names if a != b]
    answers = np.random.default_rng(1).choice(values, (len(pairs), 2))
    with JudgmentStore(tmp_path, "judge", DIMENSIONS) as store:
        for batch in store.plan(pairs, 7):
            store.record(batch, answers[[pairs.index(pair) for pair in batch.pairs]])
    with JudgmentStore(tmp_path, "judge", DIMENSIONS) as store:
        assert store.log_odds(pairs).tobytes() == answers.tobytes()
        assert list(store.plan(pairs, 99)) == []


def test_many_are_looked_up_as_one_by_one(tmp_path):
    judge = make_judge()
    ask(tmp_path, judge, PAIRS[:9])
    with JudgmentStore(tmp_path, judge.fingerprint, DIMENSIONS) as store:
        batch = next(iter(store.plan([("00000001", "new"), (PAIRS[12])], 1)))
        store.record(batch, np.zeros((1, 2)))  # asked in one order only
        every = [*PAIRS, ("00000001", "new"), ("new", "00000001"), ("absent", "new")]
        assert store.answered_all(every).tolist() == [store.answered(pair) for pair in every]
        assert store.answered_all(every, both_orders=True).sum() == 9 and store.answered_all(every).sum() == 10
        forward, backward = store.both_log_odds(PAIRS[:9])
        np.testing.assert_array_equal(forward, np.concatenate([store.log_odds([pair]) for pair in PAIRS[:9]]))
        np.testing.assert_array_equal(backward, store.log_odds([pair[::-1] for pair in PAIRS[:9]]))
        with pytest.raises(KeyError, match="absent"):
            store.log_odds([PAIRS[0], ("absent", "new")])
        with pytest.raises(ValueError, match="batch 99 is not one"):
            store.record(Batch(99, (("a", "b"),)), np.zeros((1, 2)))


def test_the_first_answer_counts_where_a_pair_stands_in_two_plans(tmp_path):
    with JudgmentStore(tmp_path, "judge", ["overall"]) as store:
        one = next(iter(store.plan([("a", "b"), ("b", "c")], 2)))
        other = next(iter(store.plan([("b", "c"), ("a", "b"), ("c", "a")], 3)))
        store.record(other, np.array([[1.0], [2.0], [np.nan]]))
        store.record(one, np.array([[3.0], [4.0]]))
    with JudgmentStore.open_finished(tmp_path) as store:
        assert len(store) == 3 and store.abstentions.tolist() == [1]
        assert store.log_odds([("a", "b"), ("b", "c")]).tolist() == [[2.0], [1.0]]
        assert pd.read_parquet(store.export())["overall_log_odds"].tolist()[:2] == [1.0, 2.0]
