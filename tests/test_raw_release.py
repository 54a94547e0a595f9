"""`ppaint validate`, `simulate`, `build`: what they say is true, and hints name options of the command that was run."""

from __future__ import annotations

import pytest
from datasets import load_dataset
from typer.testing import CliRunner

from ppaint.cli.main import app
from ppaint.dataset_script.loading_call import loading_path
from ppaint.images import InputFault


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_validate_warns_of_a_reversed_scale_before_anything_is_built(export):
    assert "warning" not in run("validate", export.folder).stdout
    rows = export.read("ratings.csv")
    turned = [[*row[:3], str(11 - int(row[3]))] if row[2] == "overall" else row for row in rows[1:]]
    export.write("ratings.csv", [rows[0], *turned])
    said = " ".join(run("validate", export.folder).stdout.split())
    assert "warning: in 2 of 4 facets the ratings run against the preferences" in said
    assert "landscape / overall (-0." in said and "ppaint build --reverse-ratings turns it round" in said
    (export.folder / "pairs.csv").unlink()
    assert "warning" not in run("validate", export.folder).stdout


@pytest.mark.parametrize("name", ["[2024] pilot", "csv", "a::b", "pilot.py", "pilot"])
def test_build_promises_no_call_that_fails(export, monkeypatch, name):
    (export.folder / "pairs.csv").unlink()
    monkeypatch.chdir(export.folder.parent)
    result = run("build", export.folder, "--out", name, "--processes", 1)
    assert result.exit_code == 0, result.output
    last = result.stdout.strip().splitlines()[-1]
    path, why_not = loading_path(name)
    if path:
        assert last == f"wrote {name}; load it with load_dataset({path!r})"
        assert len(load_dataset(path)["figure"]) == 6
    else:
        assert last == f"wrote {name}; {why_not}" and "load_dataset(" not in last
        with pytest.raises((FileNotFoundError, RuntimeError)):
            load_dataset(name)


def test_a_folder_that_stands_there_is_refused_with_options_that_the_command_has(export, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("kept", encoding="utf-8")
    for words, replaceable in (
        (("build", export.folder), True),
        (("agreement", export.folder), True),
        (("simulate",), False),
    ):
        fault = run(*words, "--out", out).exception
        assert isinstance(fault, InputFault) and "remove the folder or give another --out" in str(fault)
        assert ("--overwrite" in str(fault)) is replaceable
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("command", ["build", "agreement", "simulate"])
@pytest.mark.parametrize("out", ["file", "file/under", "a" * 300, "a" * 300 + "/under", "new/" + "a" * 300])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch, command, out):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    raw = ["no-such-export"] if command != "simulate" else []  # it would be the fault, were the work begun first
    fault = run(command, *raw, "--out", out).exception
    assert isinstance(fault, InputFault) and "another --out" in str(fault) and "no-such-export" not in str(fault)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
