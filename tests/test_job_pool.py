"""One pool of jobs: same results in one process or several, and its workers keep numpy to one thread."""

import ast
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import ppaint.foundation
from ppaint.foundation import job_pool, single_thread
from ppaint.foundation.faults import Fault, InputFault
from ppaint.foundation.job_pool import part_done, run_jobs
from ppaint.foundation.stopwatch import processor_seconds
from ppaint.trainer.pseudo_scores.pseudo_labels import NoUsableSignal


def worker_state(_: int) -> tuple[int, int, int]:
    """In a worker: places of two modules in the order of loading, and the threads that are not Python's own."""
    np.ones((300, 300)) @ np.ones((300, 300))
    loaded = list(sys.modules)
    threads = len(list(Path("/proc/self/task").iterdir())) - threading.active_count()
    return loaded.index(single_thread.__name__), loaded.index("numpy"), threads


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads of a library are counted in /proc")
def test_a_worker_and_its_server_set_their_threads_before_numpy_is_loaded():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_job_pool import worker_state; from ppaint.foundation.job_pool import run_jobs\n"
        "print(run_jobs(worker_state, [0, 1], 'looking', processes=2))\n"
    )
    three = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "3")  # two threads more
    call = [sys.executable, "-c", code, str(Path(__file__).parent)]
    found = subprocess.run(call, env=os.environ | three, capture_output=True, text=True, check=True).stdout
    for place_of_setting, place_of_numpy, threads in ast.literal_eval(found):
        assert place_of_setting < place_of_numpy and threads == 0


def test_what_has_no_module_is_done_too():
    assert run_jobs(str.upper, ["a", "b"], "letters", processes=2) == ["A", "B"]


def test_the_ground_room_imports_nothing_at_its_top():
    tree = ast.parse(Path(ppaint.foundation.__file__).read_text(encoding="utf-8"))
    assert [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)] == []


@pytest.mark.parametrize("processes", [1, 2])
def test_results_are_in_the_order_of_the_jobs_and_each_is_reported(processes):
    reported = []
    results = run_jobs(np.sqrt, [4.0, 9.0, 16.0], "roots", processes, lambda *state: reported.append(state))
    assert results == [2.0, 3.0, 4.0]
    assert reported == [("roots", done, 3) for done in (1, 2, 3)]


def half_done_until_seen(job: Path) -> None:
    """Says that it is half done, and goes on once this was seen."""
    part_done(0.5)
    while not job.exists():
        time.sleep(0.01)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_long_job_says_how_far_it_is(tmp_path, monkeypatch, processes):
    monkeypatch.setattr(job_pool, "LOOK", 0.02)
    jobs, reported = [tmp_path / "seen", tmp_path / "seen too"], []

    def watch(what, done, total):
        reported.append(done)
        if done % 1 == 0.5 and processes == 1 or done == 1.0 and processes == 2:
            for job in jobs:
                job.touch()

    run_jobs(half_done_until_seen, jobs, "waiting", processes, watch)
    assert reported == sorted(reported) and reported[-1] == 2
    assert reported == [0.5, 1, 1.5, 2] if processes == 1 else 1.0 in reported
    part_done(0.7)  # outside of a job nobody is told
    assert reported[-1] == 2


def takes_value_errors_for_granted(job: int) -> str:
    """Work that goes on without what failed with a ValueError."""
    try:
        part_done(0.5)
    except ValueError:
        return "degenerate"
    return "whole"


def test_an_error_of_who_watches_is_no_error_of_the_work():
    def fail(what, done, total):
        raise ValueError(f"cannot show {done}")

    with pytest.raises(ValueError, match="cannot show 0.5"):
        run_jobs(takes_value_errors_for_granted, [1], "watched", 1, fail)
    assert run_jobs(takes_value_errors_for_granted, [1], "watched") == ["whole"]


def refuse(place: int) -> int:
    """A worker's bad input."""
    faults = [Fault("pairs.csv", f"row {place}", "painting p7 is compared with itself", "remove the row")] * 2
    raise (NoUsableSignal if place else InputFault)(faults)


@pytest.mark.parametrize(("place", "kind"), [(0, InputFault), (1, NoUsableSignal)])
def test_a_fault_comes_out_of_a_worker_with_all_that_it_names(place, kind):
    with pytest.raises(kind) as caught:
        run_jobs(refuse, [place, place], "refusing", processes=2)
    assert [fault.row for fault in caught.value.faults] == [f"row {place}"] * 2
    assert str(caught.value).count("Fix: remove the row.") == 2


def stay(folder: Path) -> None:
    """In a worker: leave its number, and work for long."""
    (folder / str(os.getpid())).touch()
    time.sleep(120)


def fail_or_leave(job: tuple[int, Path]) -> None:
    """In a worker: the first job fails, the others leave a file."""
    number, folder = job
    if number == 0:
        raise OSError("no")
    time.sleep(0.05)
    (folder / str(number)).touch()


def test_after_a_job_that_failed_no_other_is_begun(tmp_path):
    with pytest.raises(OSError, match="no"):
        run_jobs(fail_or_leave, [(number, tmp_path) for number in range(200)], "failing", processes=2)
    assert len(list(tmp_path.iterdir())) < 100


def compute(seconds: float) -> None:
    """In a worker: keep a processor busy."""
    while time.process_time() < seconds:
        pass


def test_what_workers_computed_is_counted_once_they_have_ended():
    before = processor_seconds()
    run_jobs(compute, [1.0, 1.0], "computing", processes=2)
    assert processor_seconds() - before >= 1.9  # of each worker, its start included


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="processes are looked up in /proc")
def test_workers_end_with_a_process_that_is_killed(tmp_path):
    """They would wait for its next job for ever, and hold their memory."""
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from test_job_pool import stay; from ppaint.foundation.job_pool import run_jobs\n"
        "if __name__ == '__main__': run_jobs(stay, [Path(sys.argv[2])] * 2, 'staying', processes=2)\n"
    )
    (tmp_path / "asking.py").write_text(code)
    (tmp_path / "workers").mkdir()
    asked = [sys.executable, str(tmp_path / "asking.py"), str(Path(__file__).parent), str(tmp_path / "workers")]
    with subprocess.Popen(asked) as asking:
        begun = comes_true(lambda: len(list((tmp_path / "workers").iterdir())) == 2)
        asking.kill()
    workers = [int(file.name) for file in (tmp_path / "workers").iterdir()]
    assert begun and comes_true(lambda: not any(map(is_running, workers)))


def comes_true(condition, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
