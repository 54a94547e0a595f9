"""A board on the Hub: submissions by pull request, accepted by a commit, a comment and a close, each once."""

import importlib
import json
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from small_board import noisy, write_submission
from typer.testing import CliRunner

from ppaint.cli.main import app
from ppaint.eval_suite.leaderboard.board_place import hub_repo
from ppaint.eval_suite.leaderboard.checks import CheckedSubmission, check_submission
from ppaint.eval_suite.leaderboard.hub import status_on_hub, submit_to_hub
from ppaint.eval_suite.leaderboard.hub_accept import accept_pull_request, decline_on_hub
from ppaint.eval_suite.leaderboard.hub_copy import opened_board
from ppaint.eval_suite.leaderboard.new_board import new_board
from ppaint.eval_suite.reference_table import read_reference_table
from ppaint.foundation.faults import InputFault
from ppaint.foundation.stopped import Stopped

# huggingface_hub's own upload of a large file calls its client in an old way
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NUMBERS = count(1)
COMMIT, COMMENT, CLOSE = ("POST *commit/*", "POST *discussions/*/comment", "POST *discussions/*/status")


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Scores of one dimension for a dozen paintings: each submission that is accepted is evaluated."""
    path = tmp_path_factory.mktemp("references") / "refs.csv"
    scores = np.random.default_rng(9).normal(size=12)
    rows = [f"p{place:02d},landscape,{score:.6f}" for place, score in enumerate(scores)]
    path.write_text("\n".join(["painting_id,category,overall", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def references(table):
    return read_reference_table(table)


@pytest.fixture(scope="module")
def empty_board(tmp_path_factory, references) -> dict[str, bytes]:
    """The files of a board without an entry."""
    folder = tmp_path_factory.mktemp("board") / "board"
    new_board(folder, references, maintained_by="keeper")
    return {name: (folder / name).read_bytes() for name in ("board.yaml", "log.jsonl")}


@pytest.fixture
def keeper(hub) -> HfApi:
    return HfApi(endpoint=hub.url, token="hf_keeper")


@pytest.fixture
def ann(hub) -> HfApi:
    return HfApi(endpoint=hub.url, token="hf_ann")


@pytest.fixture
def board(hub, keeper, empty_board) -> str:
    """An empty board in the repo of an organisation that keeper belongs to."""
    namespace = f"board{next(NUMBERS)}"
    hub.members(namespace, "keeper", "other")
    repo = keeper.create_repo(f"{namespace}/leaderboard", repo_type="dataset").repo_id
    put(keeper, repo, empty_board)
    hub.calm()
    return repo


@pytest.fixture
def checked(tmp_path, references) -> CheckedSubmission:
    return submission(tmp_path / "sub", references)


def submission(folder: Path, references, system: str = "tiny", seed: int = 0) -> CheckedSubmission:
    write_submission(folder, references, noisy(references, 1.0, seed), system=system)
    return check_submission(folder, references)


def put(api: HfApi, repo: str, files: dict[str, bytes | None], **options):
    operations = [
        CommitOperationDelete(path) if content is None else CommitOperationAdd(path, content)
        for path, content in files.items()
    ]
    return api.create_commit(repo, operations, commit_message="by hand", repo_type="dataset", **options)


def content(api: HfApi, repo: str, path: str) -> bytes:
    return Path(api.hf_hub_download(repo, path, repo_type="dataset")).read_bytes()


def paths(api: HfApi, repo: str) -> list[str]:
    listed = api.list_repo_tree(repo, repo_type="dataset", recursive=True)
    return [one.path for one in listed if hasattr(one, "blob_id") and one.path != ".gitattributes"]


def log_lines(api: HfApi, repo: str) -> list[dict]:
    return [json.loads(line) for line in content(api, repo, "log.jsonl").splitlines()]


def requests(api: HfApi, repo: str) -> list[tuple[int, str, str]]:
    found = api.get_repo_discussions(repo, repo_type="dataset", discussion_status="all")
    return sorted((one.num, one.status, one.title) for one in found)


def comments(api: HfApi, repo: str, number: int) -> list[str]:
    events = api.get_discussion_details(repo, number, repo_type="dataset").events
    return [event.content for event in events[1:] if event.type == "comment"]


def accept(api: HfApi, repo: str, references, number: int = 1, confirm=lambda prepared: True):
    return accept_pull_request(repo, number, references, confirm, api=api)


def test_submit_status_accept_status(hub, keeper, ann, board, checked, references) -> None:
    before = log_lines(ann, board)
    assert str(status_on_hub(board, checked.id, api=ann)).startswith("unknown")
    sent = submit_to_hub(checked, board, api=ann)
    assert (sent.number, sent.already) == (1, False) and sent.url == f"{hub.url}/datasets/{board}/discussions/1"
    assert requests(ann, board) == [(1, "open", f"Submission {checked.id}: tiny")]
    assert status_on_hub(board, checked.id, api=ann).state == "waiting"
    assert paths(ann, board) == ["board.yaml", "log.jsonl"]

    asked = []
    answered = accept(keeper, board, references, confirm=lambda prepared: asked.extend(prepared) or True)
    assert [one.line.id for one in asked] == [checked.id] and len(answered.done) == 3
    assert status_on_hub(board, checked.id, api=ann).state == "accepted"
    names = [*(f"accepted/{checked.id}/{name}" for name in checked.files), f"evaluated/{checked.id}.json"]
    assert sorted(paths(ann, board)) == sorted(["board.yaml", "log.jsonl", *names])
    for name in checked.files:
        assert content(ann, board, f"accepted/{checked.id}/{name}") == (checked.folder / name).read_bytes()
    *old, line = log_lines(ann, board)
    assert old == before and line["previous"] == before[-1]["hash"]
    head = ann.list_repo_commits(board, repo_type="dataset", revision="refs/pr/1")[0].commit_id
    assert (line["event"], line["id"], line["pull_request"]) == ("accept", checked.id, {"number": 1, "commit": head})
    assert requests(ann, board)[0][1] == "closed"
    (said,) = comments(ann, board, 1)
    assert checked.id in said and line["hash"] in said and "entry 2" in said


def test_the_same_submission_again_is_reported_and_not_doubled(hub, keeper, ann, board, checked, references) -> None:
    submit_to_hub(checked, board, api=ann)
    again = submit_to_hub(checked, board, api=HfApi(endpoint=hub.url, token="hf_ben"))
    assert (again.number, again.already, again.status.state) == (1, True, "waiting")
    accept(keeper, board, references)
    again = submit_to_hub(checked, board, api=ann)
    assert (again.number, again.already, again.status.state) == (None, True, "accepted")
    assert len(requests(ann, board)) == 1


def test_a_title_alone_is_no_submission(ann, board, checked) -> None:
    put(ann, board, {"notes.txt": b"nothing"}, create_pr=True)
    ann.rename_discussion(board, 1, f"Submission {checked.id}: tiny", repo_type="dataset")
    assert status_on_hub(board, checked.id, api=ann).state == "unknown"
    assert submit_to_hub(checked, board, api=ann).number == 2


@pytest.mark.parametrize("fault", [{"kind": 503, "retry_after": 0}, {"kind": 429, "retry_after": 0}])
def test_a_busy_hub_is_asked_again(hub, ann, board, checked, fault) -> None:
    hub.fail(COMMIT, times=2, **fault)
    assert submit_to_hub(checked, board, api=ann).number == 1
    assert [one["answer"] for one in hub.calls("/commit/")] == [fault["kind"], fault["kind"], 200]
    assert len(requests(ann, board)) == 1


@pytest.mark.parametrize("kind", ["lost", "lost_then", "halfway"])
def test_a_lost_answer_makes_no_second_pull_request(hub, ann, board, checked, kind) -> None:
    hub.fail(COMMIT, kind, status=503, retry_after=0)
    sent = submit_to_hub(checked, board, api=ann)
    assert (sent.number, sent.already) == (1, False)
    assert len(requests(ann, board)) == 1 and len(hub.calls("/commit/")) == 1


def test_a_hub_that_stays_busy_is_left_and_asked_again_later(hub, ann, board, checked) -> None:
    hub.fail(COMMIT, 503, times=9, retry_after=0)
    with pytest.raises(Stopped, match="status 503.*nothing was handed in. To go on: .*run the same command again"):
        submit_to_hub(checked, board, api=ann)
    assert len(hub.calls("/commit/")) == 5 and requests(ann, board) == []
    hub.calm()
    assert submit_to_hub(checked, board, api=ann).number == 1


@pytest.mark.parametrize("headers", [{"Retry-After": "3600"}, {"RateLimit": '"api";r=0;t=3600'}])
def test_a_hub_that_asks_to_wait_for_an_hour_is_not_waited_for(hub, ann, board, checked, headers) -> None:
    hub.fail(COMMIT, 429, headers=headers)
    with pytest.raises(Stopped, match="status 429.*To go on: wait 3600 seconds, then"):
        submit_to_hub(checked, board, api=ann)


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"log.jsonl": b"{}\n"}, "log.jsonl"),
        ({"log.jsonl": None}, "log.jsonl"),
        ({"accepted/0123456789abcdef/predictions.csv": b"a"}, "accepted"),
        ({"board/README.md": b"first!"}, "board"),
        ({"inbox/0123456789abcdef/submission.yaml": b"a"}, "not one submission"),
        ({"inbox/loose.txt": b"a"}, "not one submission"),
        ({"notes.txt": b"a"}, "notes.txt"),
        ({"accepted.txt": b"a", "board.yaml": b"a"}, "accepted.txt"),
    ],
)
def test_a_pull_request_that_touches_anything_else_is_refused(
    keeper, ann, board, checked, references, files, named
) -> None:
    submit_to_hub(checked, board, api=ann)
    put(ann, board, files, revision="refs/pr/1")
    before = content(keeper, board, "log.jsonl")
    with pytest.raises(InputFault, match=named) as caught:
        accept(keeper, board, references)
    assert all(f"hub:{board}, pull request 1" in fault.file for fault in caught.value.faults)
    assert content(keeper, board, "log.jsonl") == before and requests(ann, board)[0][1] == "open"


def test_a_pull_request_may_not_change_what_waits_in_the_inbox(
    keeper, ann, board, checked, references, tmp_path
) -> None:
    waiting = {f"inbox/{checked.id}/{name}": (checked.folder / name).read_bytes() for name in checked.files}
    put(keeper, board, waiting)
    other = submission(tmp_path / "other", references, "other", 1)
    submit_to_hub(other, board, api=ann)
    put(ann, board, {f"inbox/{checked.id}/predictions.csv": b"a"}, revision="refs/pr/1")
    with pytest.raises(InputFault, match=f"inbox/{checked.id}.*is changed by it"):
        accept(keeper, board, references)


def test_what_the_board_got_since_is_not_the_pull_requests(keeper, ann, board, references, tmp_path) -> None:
    first, second = (submission(tmp_path / name, references, name, seed) for seed, name in enumerate("ab"))
    submit_to_hub(first, board, api=ann)
    submit_to_hub(second, board, api=ann)
    accept(keeper, board, references, 2)
    accept(keeper, board, references, 1)
    assert [line["id"] for line in log_lines(ann, board)[1:]] == [second.id, first.id]


def test_a_submission_with_faults_is_refused_with_all_of_them_and_the_place_on_the_hub(
    keeper, ann, board, checked, references
) -> None:
    submit_to_hub(checked, board, api=ann)
    yaml = (checked.folder / "submission.yaml").read_bytes()
    spoiled = yaml.replace(b"kind: model", b"kind: toy").replace(b"deterministic: true", b"deterministic: maybe")
    files = {f"inbox/{checked.id}/submission.yaml": spoiled, f"inbox/{checked.id}/run.py": b"1"}
    put(ann, board, files, revision="refs/pr/1")
    with pytest.raises(InputFault, match="run.py") as caught:
        accept(keeper, board, references)
    assert "/tmp" not in str(caught.value)
    put(ann, board, {f"inbox/{checked.id}/run.py": None}, revision="refs/pr/1")
    with pytest.raises(InputFault) as caught:
        accept(keeper, board, references)
    assert len(caught.value.faults) == 2 and f"hub:{board}, pull request 1" in str(caught.value)


def test_a_folder_whose_name_is_another_id_is_refused(keeper, ann, board, checked, references) -> None:
    files = {f"inbox/{'0' * 16}/{name}": (checked.folder / name).read_bytes() for name in checked.files}
    put(ann, board, files, create_pr=True)
    with pytest.raises(InputFault, match=f"not the id of what it holds, {checked.id}"):
        accept(keeper, board, references)


def test_a_file_in_the_place_of_a_submission_is_refused(keeper, ann, board, references) -> None:
    put(ann, board, {f"inbox/{'0' * 16}": b"a"}, create_pr=True)
    with pytest.raises(InputFault, match="is no folder"):
        accept(keeper, board, references)


def test_a_submission_as_parquet_comes_back_as_it_was(keeper, ann, board, references, tmp_path) -> None:
    folder = submission(tmp_path / "sub", references).folder
    pd.read_csv(folder / "predictions.csv").to_parquet(folder / "predictions.parquet")
    (folder / "predictions.csv").unlink()
    checked = check_submission(folder, references)
    submit_to_hub(checked, board, api=ann)
    accept(keeper, board, references)
    kept = content(keeper, board, f"accepted/{checked.id}/predictions.parquet")
    assert kept == (folder / "predictions.parquet").read_bytes()


def test_too_much_to_download_is_refused_before_it_is(hub, keeper, ann, board, checked, references) -> None:
    submit_to_hub(checked, board, api=ann)
    put(ann, board, {f"inbox/{checked.id}/{number}.txt": b"1" for number in range(30)}, revision="refs/pr/1")
    hub.calm()
    with pytest.raises(InputFault, match="more than 20 files"):
        accept(keeper, board, references)
    assert not hub.calls(".txt")


def test_two_maintainers_cannot_both_write(hub, keeper, ann, board, references, tmp_path) -> None:
    first, second = (submission(tmp_path / name, references, name, seed) for seed, name in enumerate("ab"))
    submit_to_hub(first, board, api=ann)
    submit_to_hub(second, board, api=ann)
    other = HfApi(endpoint=hub.url, token="hf_other")

    def meanwhile(prepared) -> bool:
        accept(other, board, references, 2)
        return True

    with pytest.raises(Stopped, match="someone else wrote to it meanwhile.*run the same command again"):
        accept(keeper, board, references, 1, meanwhile)
    assert [line["id"] for line in log_lines(ann, board)[1:]] == [second.id]
    assert status_on_hub(board, first.id, api=ann).state == "waiting" and comments(ann, board, 1) == []
    accept(keeper, board, references, 1)
    assert [line["id"] for line in log_lines(ann, board)[1:]] == [second.id, first.id]


def test_one_pull_request_that_two_accept_has_one_entry_and_one_receipt(
    hub, keeper, ann, board, checked, references
) -> None:
    submit_to_hub(checked, board, api=ann)
    other = HfApi(endpoint=hub.url, token="hf_other")

    def meanwhile(prepared) -> bool:
        time.sleep(1.1)  # a line of the same second would be the same line, and nobody would have written another one
        hub.fail(COMMENT, 403)
        with pytest.raises(Stopped):
            accept(other, board, references)
        put(keeper, board, {"reported.yaml": b"rows: []\n"})
        return True

    with pytest.raises(Stopped, match="someone else wrote"):
        accept(keeper, board, references, confirm=meanwhile)
    assert len(accept(keeper, board, references).done) == 2
    assert len(log_lines(ann, board)) == 2 and len(comments(ann, board, 1)) == 1


def test_a_torn_last_line_on_the_hub_is_cut_off_by_the_next_entry(keeper, ann, board, checked, references) -> None:
    put(keeper, board, {"log.jsonl": content(keeper, board, "log.jsonl") + b'{"torn'})
    submit_to_hub(checked, board, api=ann)
    answered = accept(keeper, board, references)
    assert len(answered.done) == 4 and len(log_lines(ann, board)) == 2


@pytest.mark.parametrize(("stopped_at", "done"), [(COMMIT, 3), (COMMENT, 2), (CLOSE, 1)])
def test_accept_started_again_does_what_is_missing(
    hub, keeper, ann, board, checked, references, stopped_at, done
) -> None:
    submit_to_hub(checked, board, api=ann)
    hub.fail(stopped_at, 403)
    with pytest.raises(Stopped, match="not allowed") as caught:
        accept(keeper, board, references)
    assert ("entry 2 of the log is written" in str(caught.value)) == (done < 3)
    assert len(accept(keeper, board, references).done) == done
    assert accept(keeper, board, references).done == ()
    assert len(log_lines(ann, board)) == 2 and len(comments(ann, board, 1)) == 1
    assert requests(ann, board)[0][1] == "closed"


@pytest.mark.parametrize(("call", "kind"), [(COMMIT, "lost"), (COMMENT, "lost"), (CLOSE, "lost"), (COMMIT, 503)])
def test_a_lost_or_late_answer_to_accept_does_nothing_twice(
    hub, keeper, ann, board, checked, references, call, kind
) -> None:
    submit_to_hub(checked, board, api=ann)
    hub.fail(call, kind, retry_after=0)
    assert len(accept(keeper, board, references).done) == 3
    assert len(log_lines(ann, board)) == 2 and len(comments(ann, board, 1)) == 1
    assert requests(ann, board)[0][1] == "closed"
    assert [event.type for event in ann.get_discussion_details(board, 1, repo_type="dataset").events].count(
        "status-change"
    ) == 1


def test_nothing_is_written_that_was_not_confirmed(keeper, ann, board, checked, references) -> None:
    submit_to_hub(checked, board, api=ann)
    assert accept(keeper, board, references, confirm=lambda prepared: False) is None
    assert len(log_lines(ann, board)) == 1 and requests(ann, board)[0][1] == "open"


def test_equal_predictions_of_another_system_are_refused_on_the_hub_too(
    keeper, ann, board, checked, references, tmp_path
) -> None:
    submit_to_hub(checked, board, api=ann)
    accept(keeper, board, references)
    copied = submission(tmp_path / "copied", references, "another")
    submit_to_hub(copied, board, api=ann)
    with pytest.raises(InputFault, match="those of another system, tiny 1"):
        accept(keeper, board, references, 2)


def test_what_was_merged_by_hand_or_closed_says_what_to_do(keeper, ann, board, references, tmp_path) -> None:
    first, second = (submission(tmp_path / name, references, name, seed) for seed, name in enumerate("ab"))
    submit_to_hub(first, board, api=ann)
    submit_to_hub(second, board, api=ann)
    keeper.merge_pull_request(board, 1, repo_type="dataset")
    assert status_on_hub(board, first.id, api=ann).state == "waiting"
    with pytest.raises(InputFault, match=f"merged by hand.*leaderboard accept hub:{board} ID"):
        accept(keeper, board, references, 1)
    ann.change_discussion_status(board, 2, "closed", repo_type="dataset")
    assert "was closed, and no entry was made" in str(status_on_hub(board, second.id, api=ann))
    with pytest.raises(InputFault, match="is closed, and nothing of it was accepted"):
        accept(keeper, board, references, 2)


def test_a_declined_submission_says_why(hub, keeper, ann, board, checked) -> None:
    submit_to_hub(checked, board, api=ann)
    hub.fail(COMMENT, 403)
    with pytest.raises(Stopped):
        decline_on_hub(board, checked.id, "the link leads nowhere", api=keeper)
    answered = decline_on_hub(board, checked.id, "the link leads nowhere", api=keeper)
    assert len(answered.done) == 2 and len(log_lines(ann, board)) == 2
    assert "the link leads nowhere" in comments(ann, board, 1)[0]
    found = status_on_hub(board, checked.id, api=ann)
    assert (found.state, found.reason) == ("declined", "the link leads nowhere")
    assert submit_to_hub(checked, board, api=ann).number == 2  # it may be handed in again
    assert status_on_hub(board, checked.id, api=ann).state == "waiting"


@pytest.mark.parametrize("number", [7, 1])
def test_a_number_that_is_no_pull_request_is_a_fault(keeper, ann, board, references, number) -> None:
    ann.create_discussion(board, "a question", repo_type="dataset")
    with pytest.raises(InputFault, match=f"--pr {number}: .*no (such )?pull request"):
        accept(keeper, board, references, number)


def test_a_board_of_another_release_and_a_repo_without_one_are_refused_before_anything_is_sent(
    hub, keeper, ann, board, checked, empty_board
) -> None:
    bare = keeper.create_repo(f"{board}-bare", repo_type="dataset").repo_id
    with pytest.raises(InputFault, match=f"hub:{bare}.*is no board"):
        submit_to_hub(checked, bare, api=ann)
    changed = checked.submission.model_copy(update={"release": "0" * 64})
    other = CheckedSubmission(checked.id, changed, checked.values, checked.files, checked.folder)
    with pytest.raises(InputFault, match="board of another release"):
        submit_to_hub(other, board, api=ann)
    assert not hub.calls("create_pr")


def test_no_network_no_repo_no_token_no_right_are_one_line_with_what_to_type(
    hub, keeper, ann, board, checked, references
) -> None:
    def stopped(call) -> str:
        with pytest.raises(Stopped) as caught:
            call()
        line = str(caught.value)
        assert "\n" not in line and "hf_" not in line
        return line

    unreachable = HfApi(endpoint="http://127.0.0.1:9", token="hf_ann")
    assert "out of reach" in stopped(lambda: submit_to_hub(checked, board, api=unreachable))
    assert "no such dataset repo" in stopped(lambda: submit_to_hub(checked, "org/nothing", api=ann))
    nobody = HfApi(endpoint=hub.url, token=False)
    assert "hf auth login" in stopped(lambda: submit_to_hub(checked, board, api=nobody))
    wrong = HfApi(endpoint=hub.url, token="nonsense")
    assert "the token is not valid" in stopped(lambda: submit_to_hub(checked, board, api=wrong))
    reader = HfApi(endpoint=hub.url, token="hf_read_ann")
    assert "not allowed with this token" in stopped(lambda: submit_to_hub(checked, board, api=reader))
    submit_to_hub(checked, board, api=ann)
    assert "not allowed with this token" in stopped(lambda: accept(ann, board, references))
    hub.fail("GET *", 503, times=99, retry_after=9999)
    assert "status 503" in stopped(lambda: status_on_hub(board, checked.id, api=ann))
    assert len(log_lines(keeper, board)) == 1 if not hub.calm() else True


def test_a_network_that_is_switched_off_or_answers_for_the_hub_is_said(hub, ann, board, checked, monkeypatch) -> None:
    wrong = HfApi(endpoint=hub.url, token="hf_ключ")
    with pytest.raises(Stopped, match="the token is none.*set HF_TOKEN anew"):
        submit_to_hub(checked, board, api=wrong)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(Stopped, match="HF_HUB_OFFLINE"):
        submit_to_hub(checked, board, api=ann)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    hub.fail("GET /api/datasets/*", 200, headers={"Content-Type": "text/html"}, message="<html>log in</html>")
    with pytest.raises(Stopped, match="no Hub.*HF_ENDPOINT"):
        submit_to_hub(checked, board, api=ann)


NO_NAMES = ("", "board", "a/b/c", "../x", "a/..", "a b/c", "a--b/c", "a/b.git", "a/b-", "a-/b", "a/b.", "a/b--c")


@pytest.mark.parametrize("name", [f"hub:{name}" for name in NO_NAMES])
def test_what_is_no_repos_name_is_a_fault(name) -> None:
    with pytest.raises(InputFault, match="hub:ORG/NAME"):
        hub_repo(name)


def ppaint(*words: object) -> str:
    """A command in this process: what it prints; faults and stops are raised."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_the_commands_take_a_board_on_the_hub(keeper, board, checked, references, table, tmp_path, monkeypatch) -> None:
    here, scores = f"hub:{board}", ("--references", table)
    monkeypatch.setenv("HF_TOKEN", "hf_ann")
    shown = ppaint("submit", checked.folder, *scores, "--to", here)
    assert f"receipt: {checked.id} was handed in (pull request 1" in shown and "rank 1 of 1" in shown
    assert f"to ask: ppaint submit --status {checked.id} --to {here}" in shown
    assert "waiting" in ppaint("submit", "--status", checked.id, "--to", here)
    assert "it is there already" in ppaint("submit", checked.folder, *scores, "--to", here)
    monkeypatch.setenv("HF_TOKEN", "hf_keeper")
    assert "entry 2 of the log" in ppaint("leaderboard", "accept", here, "--pr", 1, *scores, "--yes")
    assert "nothing was written" in ppaint("leaderboard", "accept", here, "--pr", 1, *scores, "--yes")
    assert "head of the log" in ppaint("leaderboard", "build", here)
    assert {"board/README.md", "board/forest.png", "board/leaderboard.json"} <= set(paths(keeper, board))
    assert "the chain of 2 entries is whole" in ppaint("leaderboard", "verify", here)
    assert "accepted" in ppaint("submit", "--status", checked.id, "--to", here)

    by_hand = submission(tmp_path / "by_hand", references, "by hand", 1)
    put(keeper, board, {f"inbox/{by_hand.id}/{name}": (by_hand.folder / name).read_bytes() for name in by_hand.files})
    assert f"{by_hand.id}: by hand 1 accepted" in ppaint("leaderboard", "accept", here, by_hand.id, *scores, "--yes")
    assert not any(path.startswith("inbox") for path in paths(keeper, board))
    ppaint("leaderboard", "withdraw", here, by_hand.id, "--reason", "a mistake", "--remove-files")
    assert not any(by_hand.id in path for path in paths(keeper, board))
    last = submission(tmp_path / "last", references, "last", 2)
    submit_to_hub(last, board)
    assert "declined: no code" in ppaint("leaderboard", "decline", here, last.id, "--reason", "no code")
    assert [line["event"] for line in log_lines(keeper, board)] == ["new", "accept", "accept", "withdraw", "decline"]


def test_a_copy_in_which_nothing_changed_sends_nothing_and_a_lost_answer_is_looked_for(hub, keeper, board) -> None:
    with opened_board(f"hub:{board}", api=keeper) as opened:
        assert opened.send("nothing") is False
        (opened.folder / "board").mkdir()
        (opened.folder / "board" / "README.md").write_text("a page", encoding="utf-8")
        hub.fail(COMMIT, "lost")
        assert opened.send("a page") is True and opened.send("a page") is False
    assert content(keeper, board, "board/README.md") == b"a page" and len(hub.calls("/commit/")) == 1
    with opened_board(f"hub:{board}", api=keeper) as opened:
        (opened.folder / "board" / "README.md").unlink()
        hub.fail(COMMIT, "lost")
        assert opened.send("gone") is True
    assert paths(keeper, board) == ["board.yaml", "log.jsonl"]


def test_a_folder_is_opened_as_it_is_and_sends_nothing(tmp_path) -> None:
    with opened_board(tmp_path) as opened:
        (opened.folder / "log.jsonl").write_text("{}", encoding="utf-8")
        assert opened.folder == tmp_path and opened.send("nothing") is False


def test_a_damaged_board_is_named_by_its_place_on_the_hub(keeper, board, checked, table, monkeypatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_keeper")
    put(keeper, board, {"log.jsonl": content(keeper, board, "log.jsonl").replace(b'"seq":1', b'"seq":2')})
    with pytest.raises(InputFault, match=f"hub:{board}/log.jsonl, line 1"):
        ppaint("leaderboard", "build", f"hub:{board}")
    with pytest.raises(InputFault, match=f"hub:{board}/log.jsonl, line 1"):
        ppaint("leaderboard", "verify", f"hub:{board}")


def test_a_folder_has_no_pull_requests(tmp_path, table) -> None:
    with pytest.raises(InputFault, match="--pr 3: .*give hub:ORG/NAME"):
        ppaint("leaderboard", "accept", tmp_path, "--pr", 3, "--references", table)


def test_a_command_that_the_hub_stops_prints_one_line_and_exits_with_status_1(hub, tmp_path) -> None:
    call = [sys.executable, "-m", "ppaint", "submit", "--status", "0" * 16, "--to", "hub:org/nothing"]
    done = subprocess.run(
        call, env=hub.environment("ann", tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and done.stdout == ""
    line, *others = done.stderr.splitlines()
    assert others == [] and line.startswith("error: org/nothing on http://127.0.0.1:") and "To go on: " in line


def test_the_librarys_own_bars_are_not_shown_and_come_back(hub, keeper, board, capsys, monkeypatch) -> None:
    bars = importlib.import_module("huggingface_hub.utils.tqdm")
    monkeypatch.setattr(bars, "HF_HUB_DISABLE_PROGRESS_BARS", None)
    monkeypatch.setattr(bars, "progress_bar_states", {"_global": True})
    with opened_board(f"hub:{board}", api=keeper) as opened:
        (opened.folder / "board").mkdir()
        (opened.folder / "board" / "cost.png").write_bytes(b"\x89PNG" * 99)
        opened.send("a plot")
    assert capsys.readouterr().err == "" and not bars.are_progress_bars_disabled()
