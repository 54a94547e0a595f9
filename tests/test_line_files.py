"""A store of format 1 (JSON lines) is read and gone on with in its own files: nothing is lost, nothing is asked twice."""

import json

import numpy as np
import pandas as pd
import pytest
from known_judge import Killed, KnownJudge, MortalJudge, features_of, known_images
from store_formats import begin_format_1

from ppaint.images import InputFault
from ppaint.trainer import Judging, JudgmentStore

WORTHS = known_images(8, d=2)
DIMENSIONS = ("brushwork", "overall")
PAIRS = [(a, b) for i, a in enumerate(WORTHS) for b in list(WORTHS)[i + 1 :]]


def make_judge(**changes):
    return KnownJudge(WORTHS, bias=0.7, noise=0.3, dimensions=DIMENSIONS, **{"batch_size": 10, **changes})


def ask(folder, judge, pairs=PAIRS, **options):
    if not (folder / "store.json").exists():
        begin_format_1(folder, judge.fingerprint, judge.dimensions)
    with JudgmentStore(folder, judge.fingerprint, judge.dimensions) as store:
        return Judging(store, judge, features_of(WORTHS), **options).ask(pairs)


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
    assert (tmp_path / "whole/judgments.jsonl").read_bytes() == (tmp_path / "killed/judgments.jsonl").read_bytes()


@pytest.mark.parametrize("cut", [1, 30, 400, 1500])
def test_a_torn_end_is_discarded_and_asked_again(tmp_path, cut):
    whole = ask(tmp_path, make_judge())
    path = tmp_path / "judgments.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    judge = make_judge()
    again = ask(tmp_path, judge)
    np.testing.assert_array_equal(whole.forward, again.forward)
    assert path.read_bytes() == content
    assert len(judge.asked) in (6, 16)  # the last batch (of 56 in tens), or the last two


def test_a_torn_plan_is_made_again(tmp_path):
    whole = ask(tmp_path, make_judge(), PAIRS[:5])
    plan = tmp_path / "plan.jsonl"
    ask(tmp_path, make_judge(), PAIRS[5:])
    (tmp_path / "judgments.jsonl").write_bytes(
        b"".join((tmp_path / "judgments.jsonl").read_bytes().splitlines(True)[:10])
    )
    plan.write_bytes(plan.read_bytes()[:-7])
    again = ask(tmp_path, make_judge())
    np.testing.assert_array_equal(whole.forward, again.forward[:5])


def test_an_unreadable_row_in_the_middle_is_named(tmp_path):
    ask(tmp_path, make_judge())
    path = tmp_path / "judgments.jsonl"
    lines = path.read_bytes().splitlines(True)
    lines[3] = b"not json\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(InputFault, match="row 4"):
        ask(tmp_path, make_judge())


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


def test_another_judges_store_is_refused(tmp_path):
    ask(tmp_path, make_judge())
    with pytest.raises(InputFault, match="another judge's"):
        ask(tmp_path, KnownJudge(WORTHS, dimensions=DIMENSIONS))


def test_a_batch_that_does_not_fit_is_split_and_the_split_is_kept(tmp_path):
    class Small(KnownJudge):
        def compare(self, pairs):
            if len(pairs) > 6:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
            return super().compare(pairs)

    small = Small(WORTHS, dimensions=DIMENSIONS, batch_size=10)
    begin_format_1(tmp_path / "a", small.fingerprint, DIMENSIONS)
    with JudgmentStore(tmp_path / "a", small.fingerprint, DIMENSIONS) as store:
        Judging(store, small, features_of(WORTHS)).ask(PAIRS[:10])
    assert small.batches == [5, 5, 5, 5]
    lines = (tmp_path / "a/judgments.jsonl").read_bytes().splitlines(True)
    (tmp_path / "a/judgments.jsonl").write_bytes(b"".join(lines[:7]))  # killed within the second half
    roomy = KnownJudge(WORTHS, dimensions=DIMENSIONS, batch_size=10)
    ask(tmp_path / "a", roomy, PAIRS[:10])
    assert roomy.batches == [5, 5, 5]


def test_rows_can_be_read_by_hand(tmp_path):
    ask(tmp_path, make_judge())
    row = json.loads((tmp_path / "judgments.jsonl").read_text().splitlines()[0])
    assert set(row) == {"batch", "first", "second", "log_odds"}


def test_zeros_that_a_power_cut_left_are_cut_off(tmp_path):
    whole = ask(tmp_path, make_judge())
    path = tmp_path / "judgments.jsonl"
    content = path.read_bytes()
    path.write_bytes(content + b"\0" * 900)
    np.testing.assert_array_equal(ask(tmp_path, make_judge()).forward, whole.forward)
    assert path.read_bytes() == content


@pytest.mark.parametrize("change", [{"log_odds": [1.0]}, {"log_odds": ["a", "b"]}, {"log_odds": None}])
def test_a_row_that_was_changed_is_named(tmp_path, change):
    ask(tmp_path, make_judge())
    path = tmp_path / "judgments.jsonl"
    lines = path.read_text().splitlines()
    lines[13] = json.dumps(json.loads(lines[13]) | change)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputFault, match="row 14: not a row"):
        ask(tmp_path, make_judge())


FOREIGN = {
    "a plan of other things": ("plan.jsonl", b'{"recipe": "eggs"}\n', "plan.jsonl, row 1: not a row"),
    "a plan that splits what is not there": ("plan.jsonl", b'{"split": 7, "batches": []}\n', "row 1: not a row"),
    "a table in place of the plan": ("plan.jsonl", b"first,second\na,b\n", "row 1: not readable"),
    "a text without a line's end": ("ratings.jsonl", b"my notes, not to be lost", "row 1: not readable"),
    "answers to another plan": ("judgments.jsonl", b'{"batch": 99, "first": "a"}\n', "does not belong to the batch"),
    "rows that are no objects": ("judgments.jsonl", b"3\n", "row 1: not a row"),
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


def test_its_files_stay_lines_and_both_formats_give_the_same(tmp_path):
    lines, records = ask(tmp_path / "1", make_judge()), None
    judge = make_judge()
    with JudgmentStore(tmp_path / "2", judge.fingerprint, DIMENSIONS) as store:
        records = Judging(store, judge, features_of(WORTHS)).ask(PAIRS)
        assert store.format == 2
        second = pd.read_parquet(store.export())
    with JudgmentStore.open_finished(tmp_path / "1") as store:
        assert store.format == 1 and len(store) == 56
        pd.testing.assert_frame_equal(pd.read_parquet(store.export()), second)
    np.testing.assert_array_equal(lines.forward, records.forward)
    assert {path.name for path in (tmp_path / "1").glob("*.*l*")} >= {"plan.jsonl", "judgments.jsonl"}
    assert not list((tmp_path / "1").glob("*.bin")) and not list((tmp_path / "2").glob("[pj]*.jsonl"))


def test_files_of_both_formats_in_one_folder_are_refused(tmp_path):
    ask(tmp_path, make_judge())
    (tmp_path / "plan.bin").write_bytes(b"")
    with pytest.raises(InputFault, match="the folder holds plan.bin, which is not a file of format 1"):
        ask(tmp_path, make_judge())


def test_a_split_into_other_pairs_is_refused(tmp_path):
    ask(tmp_path, make_judge())
    with (tmp_path / "plan.jsonl").open("a") as file:
        file.write(json.dumps({"split": 5, "batches": [{"number": 6, "pairs": [["a", "b"]]}]}) + "\n")
    with pytest.raises(InputFault, match="plan.jsonl, row 2: not a row"):
        ask(tmp_path, make_judge())
