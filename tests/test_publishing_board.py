"""A board as it is published: its log, what that names and the page of its last entry; nothing on the Hub is ever lost."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import pytest
from datasets import load_dataset
from huggingface_hub import CommitOperationAdd, DatasetCard, HfApi
from small_board import board_of_four, handed_in, noisy, scores, write_submission
from typer.testing import CliRunner
from written_content import blocks, write_content

from ppaint.cli.main import app
from ppaint.eval_suite.leaderboard.accept import decline, withdraw
from ppaint.eval_suite.leaderboard.build import build
from ppaint.eval_suite.leaderboard.checks import check_submission
from ppaint.eval_suite.leaderboard.hub import submit_to_hub
from ppaint.eval_suite.leaderboard.hub_accept import accept_pull_request
from ppaint.eval_suite.leaderboard.log import LOG_FILE, read_log
from ppaint.eval_suite.leaderboard.new_board import new_board
from ppaint.eval_suite.leaderboard.verify import verify
from ppaint.foundation.faults import InputFault
from ppaint.foundation.stopped import Stopped
from ppaint.hub.hub_repo import HubRepo
from ppaint.publishing.card_schema import front_matter, front_matter_faults
from ppaint.publishing.content import Links, Place
from ppaint.publishing.contents.board import board_content, board_goes_on
from ppaint.publishing.outside_checks import check_content

# huggingface_hub's own upload of a large file calls its client in an old way
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NAME = "org/board-simulated"
LINKS = Links(dataset=Place("org/ppaint-simulated", "0" * 40))
NUMBERS = count(1)


@pytest.fixture(scope="module")
def references():
    return scores(simulated=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory, references) -> Path:
    return board_of_four(tmp_path_factory.mktemp("board"), references)


@pytest.fixture
def board(built, tmp_path) -> Path:
    """A copy to go on with."""
    return Path(shutil.copytree(built, tmp_path / "board"))


def faults(board: Path) -> list[tuple[str, str]]:
    with pytest.raises(InputFault) as caught:
        board_content(board, NAME, LINKS)
    assert all(fault.fix for fault in caught.value.faults)
    return [(fault.file.removeprefix(f"{board}/"), fault.what) for fault in caught.value.faults]


def test_the_log_what_it_names_and_the_page_are_sent_and_neither_inbox_nor_lock(board, tmp_path, references):
    expected = {path.relative_to(board).as_posix() for path in board.rglob("*") if path.is_file()} - {".lock"}
    waits = handed_in(board, tmp_path, references, noisy(references, 2.0, 9), system="S9")
    (board / "accepted" / "notes.txt").write_text("x")
    content = board_content(board, NAME, LINKS)
    check_content(content)
    assert content.files.keys() == expected | {"README.md"} and content.simulated and content.repo_type == "dataset"
    names = {"accepted/notes.txt", f"inbox/{waits}/predictions.csv", f"inbox/{waits}/submission.yaml"}
    assert {*content.left_out} - {".lock"} == names
    assert content.notes == (f"1 in the inbox, not sent: accept or decline first what is to be known ({waits})",)


def test_what_is_published_is_a_board_for_every_command(built, tmp_path):
    folder = write_content(board_content(built, NAME, LINKS), tmp_path)
    found = verify(folder, head=read_log(built)[-1].hash)
    assert (found.entries, found.faults, found.notes) == (5, (), ())


def test_the_card_has_commands_for_its_repo_and_no_figure(built, tmp_path, monkeypatch):
    content = board_content(built, NAME, LINKS)
    card = DatasetCard(content.read("README.md").decode())
    assert card.data.pretty_name == "pilot leaderboard (simulated)" and "simulated" in card.data.tags
    assert not [*front_matter_faults("board", front_matter(card.content), "README.md")]
    commands = "".join(blocks(content, "sh"))
    assert f"ppaint submit mine --dataset ppaint --to hub:{NAME}\n" in commands and "ORG/" not in card.content
    assert f"ppaint leaderboard verify hub:{NAME}\n" in commands
    assert (
        f"hf download org/ppaint-simulated --repo-type dataset --revision {'0' * 40} --local-dir ppaint\n" in commands
    )
    assert "S0" not in card.text, "a row on the card would be stale with the next entry"
    write_content(content, tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(blocks(content, "python")[0], names)
    assert len(names["rows"]) == 8 and {*names["rows"]["system"]} == {"S0", "S1", "S2", "S3"}


def test_a_page_that_is_missing_or_of_an_older_entry_is_to_be_built_again(board, tmp_path, references):
    waits = handed_in(board, tmp_path, references, noisy(references, 2.0, 9), system="S9")
    decline(board, waits, "no link")
    assert faults(board) == [("board/leaderboard.json", "is of entry 5, and the log has 6")]
    build(board)
    board_content(board, NAME, LINKS)
    (board / "board" / "leaderboard.md").write_text("# mine")
    (board / "board" / "cost.png").unlink()
    assert [file for file, _ in faults(board)] == ["board/leaderboard.md", "board/cost.png"]
    shutil.rmtree(board / "board")
    assert faults(board) == [("board", "the board was never built")]


def test_what_is_not_what_was_accepted_is_refused(board, tmp_path):
    id_ = read_log(board)[1].id
    (board / "accepted" / id_ / "predictions.csv").write_text("x")
    assert [file for file, _ in faults(board)] == [f"accepted/{id_}/predictions.csv"]
    assert faults(tmp_path / "nothing")[0][1] == "is no board: it has no log"


def test_a_torn_line_of_the_log_is_refused(board):
    with (board / "log.jsonl").open("a") as file:
        file.write('{"seq":')
    assert faults(board) == [("log.jsonl", "ends with a line that was never completed")]


def test_deleted_predictions_are_not_sent_and_who_publishes_is_told(board):
    id_ = read_log(board)[1].id
    withdraw(board, id_, "by mistake", remove_files=True)
    build(board)
    content = board_content(board, NAME, LINKS)
    assert (
        not [path for path in content.files if id_ in path]
        and id_ in content.notes[0]
        and "--prune" in content.notes[0]
    )


@pytest.fixture
def repo(hub) -> HubRepo:
    """An empty repo on the Hub."""
    namespace = f"boards{next(NUMBERS)}"
    hub.members(namespace, "keeper")
    api = HfApi(endpoint=hub.url, token="hf_keeper")
    return HubRepo(api.create_repo(f"{namespace}/board-simulated", repo_type="dataset").repo_id, api)


def put(repo: HubRepo, board: Path) -> str:
    operations = [CommitOperationAdd(name, board / name) for name in ("board.yaml", "log.jsonl")]
    return repo.api.create_commit(repo.name, operations, commit_message="x", repo_type="dataset").oid


def test_a_folder_goes_on_from_what_the_hub_has(repo, board, tmp_path, references):
    board_goes_on(board, HubRepo(f"{repo.name}-2", repo.api))  # there is no such repo yet
    board_goes_on(board, repo)  # there is nothing in it yet
    put(repo, board)
    board_goes_on(board, repo)  # the same log
    decline(board, handed_in(board, tmp_path, references, noisy(references, 2.0, 9), system="S9"), "no link")
    board_goes_on(board, repo)  # the folder has one more
    (board / LOG_FILE).write_text("".join((board / LOG_FILE).read_text().splitlines(True)[:1]))
    with pytest.raises(InputFault, match="would be lost"):
        board_goes_on(board, repo)


def test_lines_that_only_the_hub_has_are_never_lost(repo, board, built, tmp_path, references):
    decline(board, handed_in(board, tmp_path, references, noisy(references, 2.0, 9), system="S9"), "no link")
    put(repo, board)
    with pytest.raises(InputFault) as caught:
        board_goes_on(built, repo)
    (fault,) = caught.value.faults
    assert (fault.file, fault.row) == (f"{built}/log.jsonl", "line 5") and "has 1 more (decline " in fault.what
    assert f"hf download {repo.name} --repo-type dataset" in fault.fix
    other = Path(shutil.copytree(built, tmp_path / "other"))
    decline(other, handed_in(other, tmp_path, references, noisy(references, 3.0, 8), system="S8"), "no link")
    with pytest.raises(InputFault, match=r"log\.jsonl, line 6: goes on otherwise than hub:boards\d+/board-simulated"):
        board_goes_on(other, repo)


def test_a_board_goes_on_from_what_was_accepted_on_the_hub(repo, hub, monkeypatch, built, tmp_path, references):
    monkeypatch.setenv("HF_TOKEN", "hf_keeper")
    content = board_content(built, repo.name, LINKS)
    operations = [CommitOperationAdd(path, content.read(path)) for path in content.files]
    repo.api.create_commit(repo.name, operations, commit_message="x", repo_type="dataset")
    (command,) = [line for block in blocks(content, "sh") for line in block.splitlines() if " verify " in line]
    checked_there = CliRunner().invoke(app, command.split()[1:])
    assert (checked_there.exit_code, command) == (0, f"ppaint leaderboard verify hub:{repo.name}"), checked_there.output
    values = noisy(references, 0.9, 7)
    checked = check_submission(write_submission(tmp_path / "sub", references, values, system="S9"), references)
    handed = submit_to_hub(checked, repo.name, api=HfApi(endpoint=hub.url, token="hf_ann"))
    accept_pull_request(repo.name, handed.number, references, lambda prepared: True, api=repo.api)
    with pytest.raises(InputFault, match=f"has 1 more .accept {checked.id}.: they would be lost"):
        board_goes_on(built, repo)
    copy = tmp_path / "copy"
    repo.api.snapshot_download(repo.name, repo_type="dataset", local_dir=copy)
    board_goes_on(copy, repo)
    assert faults(copy) == [("board/leaderboard.json", "is of entry 5, and the log has 6")]
    build(copy)
    again = board_content(copy, repo.name, LINKS)
    check_content(again)
    assert again.files.keys() - content.files.keys() == {
        *(f"accepted/{checked.id}/{name}" for name in ("predictions.csv", "submission.yaml")),
        f"evaluated/{checked.id}.json",
    }
    assert again.read("README.md") == content.read("README.md") and again.notes == ()
    assert board_content(copy, repo.name, Links()).notes == (
        "README.md is sent as it is made of board.yaml, and not as it lies in the folder",
    )


def test_another_board_or_a_damaged_log_on_the_hub_is_refused(repo, board, tmp_path, references):
    another = tmp_path / "another"
    new_board(another, references, name="another")
    put(repo, another)
    with pytest.raises(InputFault, match="line 1: is of another board than hub:"):
        board_goes_on(board, repo)
    (another / "log.jsonl").write_text("{}\n")
    put(repo, another)
    with pytest.raises(InputFault, match=r"^hub:boards\d+/board-simulated/log\.jsonl, line 1: "):
        board_goes_on(board, repo)


def test_a_hub_that_does_not_let_one_look_stops_it(hub, board):
    with pytest.raises(Stopped):
        board_goes_on(board, HubRepo("org/nothing", HfApi(endpoint=hub.url, token=False)))


def test_the_board_is_a_csv_that_datasets_reads_without_its_other_files(built, tmp_path):
    folder = write_content(board_content(built, NAME, LINKS), tmp_path)
    assert list(load_dataset(str(folder))) == ["rows"]
