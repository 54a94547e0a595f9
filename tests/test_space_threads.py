"""Whichever of a server's threads asks, images are opened and scored in one; faults, progress and nested calls are as without it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from ppaint.foundation.faults import Fault, InputFault
from ppaint.spaces_demo import compared_images, scored_files
from ppaint.spaces_demo.compared_images import compare_files
from ppaint.spaces_demo.one_thread import OneThread, in_image_thread
from ppaint.spaces_demo.scored_files import score_files
from ppaint.spaces_demo.served import Served

asked = ContextVar("asked")


def test_many_threads_are_answered_from_one():
    barrier, thread = threading.Barrier(8), OneThread()

    def ask(number: int) -> tuple[int, int]:
        barrier.wait(10)
        return thread.run(lambda: (number, threading.get_ident()))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert [number for number, _ in answers] == list(range(8))
    assert len({ident for _, ident in answers}) == 1


def test_what_is_raised_there_is_raised_here_and_the_next_is_answered():
    thread, fault = OneThread(), InputFault(Fault("a.png", "", "it is no image", "give one"))

    def fail() -> None:
        raise fault

    with pytest.raises(InputFault) as caught:
        thread.run(fail)
    assert caught.value is fault and thread.run(lambda: 1) == 1


def test_a_nested_call_does_not_wait_for_itself_and_context_variables_are_the_callers():
    asked.set("by me")
    inner = in_image_thread(lambda: (threading.current_thread().name, asked.get()))
    assert in_image_thread(inner)() == ("images", "by me")


@pytest.mark.parametrize("work", [score_files, compare_files])
def test_files_are_scored_and_compared_there(work, tmp_path, monkeypatch):
    opened, waited = [], []
    served = Served({})
    monkeypatch.setattr(served.model, "wait", lambda: waited.append(threading.current_thread().name))
    for module in (scored_files, compared_images):
        monkeypatch.setattr(
            module, "open_image", lambda *_, **__: opened.append(threading.current_thread().name) or 1 / 0
        )
    names = [tmp_path / name for name in ("a.png", "b.png")]
    with pytest.raises(ZeroDivisionError):
        work(served, names) if work is score_files else work(served, *names)
    # a model that is still being loaded is waited for elsewhere, so that others are served meanwhile
    assert opened == ["images"] and waited == [threading.current_thread().name]
