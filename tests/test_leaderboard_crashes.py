"""What a killed `accept` leaves, and two at once: no entry is lost or doubled, and the chain is whole."""

import os
import shutil
import signal
import sys
import threading
import warnings

import pytest
from small_board import board_of_four, handed_in, noisy, scores

from ppaint.eval_suite.leaderboard import accept as accept_file
from ppaint.eval_suite.leaderboard.accept import accept, prepare
from ppaint.eval_suite.leaderboard.history import status, waiting_ids
from ppaint.eval_suite.leaderboard.log import read_log, writing
from ppaint.eval_suite.leaderboard.tidy import tidy
from ppaint.eval_suite.leaderboard.verify import verify


@pytest.fixture(scope="module")
def references():
    return scores()


@pytest.fixture(scope="module")
def four(tmp_path_factory, references):
    return board_of_four(tmp_path_factory.mktemp("four"), references)


@pytest.fixture
def board(four, tmp_path):
    """A board of four systems, which a test may change."""
    return shutil.copytree(four, tmp_path / "board")


def test_two_accept_at_once_are_both_in_and_the_chain_is_whole(board, tmp_path, references):
    ids = [handed_in(board, tmp_path, references, noisy(references, 1, 70 + k), system=f"new {k}") for k in range(4)]
    both = threading.Barrier(2)
    found = []

    def run(chosen):
        found.append(accept(board, chosen, references, lambda prepared: both.wait(20) is not None))

    threads = [threading.Thread(target=run, args=(chosen,)) for chosen in (ids[:3], ids[1:])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line.id for one in found for line in one.accepted) == sorted(ids)
    assert sorted(id_ for one in found for id_ in one.there_already) == sorted(ids[1:3])
    assert verify(board, references=references).faults == () and waiting_ids(board) == []


WRITES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree"}


def killed_at(step: int) -> None:
    """From now on this process is killed before the so manieth time that it changes a file or folder."""
    count = [0]

    def hook(event, arguments):
        written = event == "open" and isinstance(arguments[1], str) and set("wa+") & set(arguments[1])
        if event in WRITES or written:
            count[0] += 1
            if count[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork")
def test_killed_at_any_step_of_accept_nothing_is_lost_or_doubled(board, tmp_path, references):
    ids = {handed_in(board, tmp_path, references, noisy(references, 1, 80), system="new")}
    before = {line.id for line in read_log(board)}
    kept = shutil.copytree(board, tmp_path / "kept")
    this, states = os.getpid(), []

    def kill_in_turn(prepared):
        """Once checked and evaluated: a child of this process writes, and is killed one step later each time."""
        for step in range(1, 200):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of threads that a fork leaves behind; the child only writes files
                child = os.fork()
            if child == 0:
                killed_at(step)
                return True
            _, how = os.waitpid(child, 0)
            if not os.WIFSIGNALED(how):
                return False
            with writing(board):
                lines, _ = tidy(board)
            accepted = {line.id for line in lines} - before
            assert accepted | set(waiting_ids(board)) == ids and not accepted & set(waiting_ids(board)), step
            assert sum(line.id in ids for line in lines) == len(accepted)
            found = verify(board)
            assert found.faults == () and found.notes == (), (step, found)
            states.append(len(accepted))
            shutil.rmtree(board)
            shutil.copytree(kept, board)
        return False

    try:
        accept(board, None, references, kill_in_turn)
    finally:
        if os.getpid() != this:
            os._exit(0)
    assert set(states) == {0, 1} and states == sorted(states) and len(states) > 10, states
    assert verify(board, references=references).faults == ()


def test_killed_while_a_line_is_written_the_submission_still_waits(board, tmp_path, references):
    id_ = handed_in(board, tmp_path, references, noisy(references, 1, 9), system="new")
    ready = prepare(board, board / "inbox" / id_, references)
    with (board / "log.jsonl").open("ab") as file:
        file.write(ready.line.text().encode()[:500])
    accept_file.write_whole(board, ready.files)
    assert status(board, id_).state == "waiting"
    found = accept(board, None, references, lambda prepared: True)
    assert "500 bytes" in found.notes[0] and [line.id for line in found.accepted] == [id_]
    assert verify(board).faults == ()
