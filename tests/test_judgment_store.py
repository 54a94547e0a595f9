"""Judgments are stored immediately: nothing is lost, nothing is asked twice, nothing is made up."""

import json

import numpy as np
import pandas as pd
import pytest
from known_judge import KnownJudge, features_of, known_images

from ppaint.images import InputFault
from ppaint.trainer import Judging, JudgmentStore

WORTHS = known_images(8, d=2)
DIMENSIONS = ("brushwork", "overall")
PAIRS = [(a, b) for i, a in enumerate(WORTHS) for b in list(WORTHS)[i + 1 :]]


def make_judge(**changes):
    return KnownJudge(WORTHS, bias=0.7, noise=0.3, dimensions=DIMENSIONS, **{"batch_size": 10, **changes})


def ask(folder, judge, pairs=PAIRS, **options):
    with JudgmentStore(folder, judge.fingerprint, judge.dimensions) as store:
        return Judging(store, judge, features_of(WORTHS), **options).ask(pairs)


class Killed(BaseException):
    """The end of a run in the middle of its work."""


class MortalJudge(KnownJudge):
    """Dies before it answers its n-th batch."""

    lives = 3

    def compare(self, pairs):
        if len(self.batches) == self.lives:
            raise Killed
        return super().compare(pairs)


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
    lines = (tmp_path / "a/judgments.jsonl").read_bytes().splitlines(True)
    (tmp_path / "a/judgments.jsonl").write_bytes(b"".join(lines[:7]))  # killed within the second half
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
    before = (tmp_path / "judgments.jsonl").read_bytes()
    wrong = ask(tmp_path, judge, shuffle_seed=1)
    np.testing.assert_allclose(np.sort(np.abs(wrong.delta), axis=0), np.sort(np.abs(true.delta), axis=0))
    assert abs(np.corrcoef(wrong.delta[:, 0], true.delta[:, 0])[0, 1]) < 0.5
    np.testing.assert_array_equal(ask(tmp_path, judge, shuffle_seed=1).delta, wrong.delta)
    assert (tmp_path / "judgments.jsonl").read_bytes() == before


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


def test_rows_can_be_read_by_hand(tmp_path):
    ask(tmp_path, make_judge())
    row = json.loads((tmp_path / "judgments.jsonl").read_text().splitlines()[0])
    assert set(row) == {"batch", "first", "second", "log_odds"}


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


FOREIGN = {
    "a header that is a list": ("store.json", b"[1, 2]\n", "not one that ppaint wrote"),
    "a header of other things": ("store.json", b'{"dimensions": "overall"}\n', "fingerprint and dimensions"),
    "a header that is torn": ("store.json", b'{"format": 1, "finger', "not readable as JSON"),
    "a header of a later format": (
        "store.json",
        b'{"format": 2, "fingerprint": "", "dimensions": []}',
        "written in format 2",
    ),
    "a plan of other things": ("plan.jsonl", b'{"recipe": "eggs"}\n', "plan.jsonl, row 1: not a row"),
    "a plan that splits what is not there": ("plan.jsonl", b'{"split": 7, "batches": []}\n', "row 1: not a row"),
    "a table in place of the plan": ("plan.jsonl", b"first,second\na,b\n", "row 1: not readable"),
    "a text without a line's end": ("ratings.jsonl", b"my notes, not to be lost", "row 1: not readable"),
    "answers to another plan": ("judgments.jsonl", b'{"batch": 99, "first": "a"}\n', "does not belong to the batch"),
    "rows that are no objects": ("judgments.jsonl", b"3\n", "row 1: not a row"),
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


@pytest.mark.parametrize("change", [{"log_odds": [1.0]}, {"log_odds": ["a", "b"]}, {"log_odds": None}])
def test_a_row_that_was_changed_is_named(tmp_path, change):
    ask(tmp_path, make_judge())
    path = tmp_path / "judgments.jsonl"
    lines = path.read_text().splitlines()
    lines[13] = json.dumps(json.loads(lines[13]) | change)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputFault, match="row 14: not a row"):
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
    path = tmp_path / "judgments.jsonl"
    content = path.read_bytes()
    path.write_bytes(content + b"\0" * 900)
    np.testing.assert_array_equal(ask(tmp_path, make_judge()).forward, whole.forward)
    assert path.read_bytes() == content
