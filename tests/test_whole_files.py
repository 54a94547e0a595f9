"""A file is written whole or not at all, and what a killed program left of it goes when it is written again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppaint.foundation.whole_files import check_can_be_written, write_json, write_text, written_file
from ppaint.foundation.whole_folders import check_folder_can_be_written, written_whole
from ppaint.images import InputFault


def gone_process() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_was_there_stays_when_writing_breaks_off(tmp_path):
    write_text(tmp_path / "scores.csv", "old")
    with pytest.raises(RuntimeError), written_file(tmp_path / "scores.csv") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"scores.csv": "old"}


def test_the_temporary_name_keeps_the_suffix(tmp_path):
    with written_file(tmp_path / "plot.png") as temporary:
        temporary.write_bytes(b"")
        assert temporary.suffix == ".png" and temporary.parent == tmp_path


@pytest.mark.parametrize("make", [write_text, None], ids=["file", "folder"])
def test_what_a_killed_program_left_is_cleared_and_what_a_living_one_writes_stays(make, tmp_path):
    dead, alive = (tmp_path / f".out.{number}.partial" for number in (gone_process(), os.getppid()))
    other = tmp_path / f".elsewhere.{gone_process()}.partial"
    for path in (dead, alive, other):
        path.mkdir() if make is None else path.write_text("half")
    if make is None:
        with written_whole(tmp_path / "out") as partial:
            (partial / "table").write_text("whole")
    else:
        make(tmp_path / "out", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"out", alive.name, other.name}


def test_json_holds_no_number_that_is_not_finite(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "figures.json", {"srcc": float("nan")})
    assert list(tmp_path.iterdir()) == []
    write_json(tmp_path / "figures.json", {"意境": 1})
    assert (tmp_path / "figures.json").read_bytes() == '{\n "意境": 1\n}\n'.encode()


def cannot_be_written(folder):
    """Places where no file can be written; root ignores rights, so these are not about rights."""
    (folder / "file").write_text("a")
    (folder / "here").mkdir()
    return {
        folder / "here": "is a folder",
        folder / "none" / "out.csv": "its folder does not exist",
        folder / "file" / "out.csv": "is not a folder",
        folder / "file" / "below" / "out.csv": "",
        Path("/dev/null"): "is not a file",
        Path("/proc/out.csv"): "cannot be written there",
        folder / ("long" * 100): "cannot be written there",
        folder / "nul\0.csv": "cannot be written there",
    }


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    for path, what in cannot_be_written(tmp_path).items():
        with pytest.raises(InputFault) as caught:
            check_can_be_written(path, "--json")
        (fault,) = caught.value.faults
        assert what in fault.what and "--json" in fault.fix
    check_can_be_written(tmp_path / "out.csv")
    check_can_be_written(tmp_path / "file")  # an older one is replaced
    assert {path.name for path in tmp_path.iterdir()} == {"file", "here"}


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_text("a")
    for path in ("file", "file/run", "file/deep/run", "/proc/run", "long" * 100, "nul\0"):
        with pytest.raises(InputFault) as caught:
            check_folder_can_be_written(tmp_path / path, "out")
        (fault,) = caught.value.faults
        assert fault.what and "another out" in fault.fix
    for path in (".", "new", "new/deep/run"):
        check_folder_can_be_written(tmp_path / path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
