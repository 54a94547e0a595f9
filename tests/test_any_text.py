"""Whatever a terminal's encoding and a file's name: what a command says and writes is UTF-8, and never fails."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ppaint.cli.main import main
from ppaint.cli.score import Format, _write
from ppaint.cli.terminal import open_console, plain_table
from ppaint.foundation.any_text import as_utf8, write_utf8
from ppaint.foundation.whole_files import write_json
from ppaint.model_card import Prompts, ScorerConfig
from ppaint.model_card.scorer import ScoreTable
from ppaint.trainer import Judged, PseudoScores
from ppaint.trainer.pseudo_scores.named_scores import named_scores

CHINESE = "山水/千里江山图.png"
LATIN1 = os.fsdecode(b"caf\xe9.png") if sys.getfilesystemencoding() == "utf-8" else "caf\udce9.png"
UNDER_ASCII = CHINESE.encode().decode("ascii", "surrogateescape")  # as an ASCII locale gives the same name
NAMES = (CHINESE, LATIN1, UNDER_ASCII, "\ud83d.png", "plain.png")
IN_JSON = [CHINESE if name == UNDER_ASCII else name for name in NAMES]  # JSON can hold what is no UTF-8, as an escape
SHOWN = (CHINESE, "caf\\udce9.png", CHINESE, "\\ud83d.png", "plain.png")


@contextmanager
def terminal(encoding):
    """Standard output and error of another encoding; gives what was written, once the block ends."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2)]
    shown = []
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        yield shown
    for stream in streams:
        stream.flush()
        shown.append(stream.buffer.getvalue().decode("utf-8"))


anywhere = pytest.mark.parametrize("encoding", ["cp1252", "ascii", "gb18030", "utf-8"])


def table_of(names) -> ScoreTable:
    one = np.ones((len(names), 1))
    return ScoreTable(tuple(names), ("意境",), one, one / 5, one)


def config() -> ScorerConfig:
    return ScorerConfig(dimensions=["意境"], prompts=Prompts().to_dict())


@pytest.mark.parametrize("k", range(len(NAMES)))
def test_any_name_is_written_as_utf8(k, tmp_path):
    assert as_utf8(NAMES[k]).decode("utf-8") == SHOWN[k]
    write_json(tmp_path / "a.json", {"name": NAMES[k]})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["name"] in (NAMES[k], SHOWN[k])


@anywhere
@pytest.mark.parametrize("form", [form for form in Format if form is not Format.parquet])
def test_scores_of_any_names_reach_any_terminal(form, encoding):
    with terminal(encoding) as both:
        write_utf8(sys.stdout, sys.stderr)
        _write(table_of(NAMES), config(), form, None)
    shown = both[0]
    if form is Format.json:
        assert [row["name"] for row in json.loads(shown)["scores"]] == IN_JSON
    elif form is Format.jsonl:
        assert [json.loads(line)["name"] for line in shown.splitlines()] == IN_JSON
    else:
        assert all(name in shown for name in SHOWN) and "意境" in shown


@pytest.mark.parametrize("form", Format)
def test_scores_of_any_names_reach_a_file(form, tmp_path):
    _write(table_of(NAMES), config(), form, tmp_path / "scores")
    if form is Format.parquet:
        assert pd.read_parquet(tmp_path / "scores")["name"].tolist() == list(SHOWN)
        return
    text = (tmp_path / "scores").read_text(encoding="utf-8")
    if form is Format.csv:
        assert [row["name"] for row in csv.DictReader(io.StringIO(text))] == list(SHOWN)
    if form is Format.json:
        assert text.count(CHINESE) == 2 and [row["name"] for row in json.loads(text)["scores"]] == IN_JSON


@anywhere
def test_a_command_of_a_chinese_folder_says_so_on_any_terminal(encoding, tmp_path):
    with terminal(encoding) as both:
        main_of(["design", "--items", "5", "--budget", "5", "--out", str(tmp_path / "山水.csv")])
    assert f"wrote 5 pairs to {tmp_path / '山水.csv'}" in both[0] and (tmp_path / "山水.csv").is_file()


@anywhere
def test_a_fault_about_a_chinese_name_does_too(encoding, tmp_path):
    with terminal(encoding) as both:
        assert main_of(["score", str(tmp_path / "千里江山图.png"), "--model", "absent"]) == 2
    assert "千里江山图.png: no such file" in both[1]


def test_pseudo_scores_by_file_name_hold_any_name(tmp_path):
    half, judged = np.full((5, 1), 0.5), Judged((), (), np.ones((0, 1)), np.ones((0, 1)))
    images = tuple("abcde")
    scores = PseudoScores(
        images, ("overall",), half, half, half, np.ones(1), ("overall",), half[:, 0] > 0, ((),) * 5, judged, "p", "j"
    )
    named_scores(scores, dict(zip(images, NAMES, strict=True))).to_csv(tmp_path / "named.csv", index=False)
    with (tmp_path / "named.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["image"] for row in csv.DictReader(stream)] == list(SHOWN)


def main_of(words) -> int:
    with pytest.raises(SystemExit) as ending:
        main(words)
    return ending.value.code or 0


def test_a_table_in_a_pipe_is_neither_cut_nor_folded(capsys):
    name, title = "a long name of a painting " * 12, "a title " * 40
    open_console().print(plain_table(title, ["image", *(f"dimension {i}" for i in range(30))], [[name, *["1.0"] * 30]]))
    out = capsys.readouterr().out
    assert name in out and title.strip() in out and "dimension 29" in out
    assert len([line for line in out.splitlines() if "1.0" in line]) == 1


def test_a_table_in_a_file_is_not_cut_either(tmp_path):
    name = str(Path("scans") / ("long" * 60) / "scroll.png")
    _write(table_of([name]), config(), Format.table, tmp_path / "scores.txt")
    assert name in (tmp_path / "scores.txt").read_text(encoding="utf-8")


def test_the_version_is_the_first_line(capsys):
    assert main_of(["--version"]) == 0
    first, libraries = capsys.readouterr().out.splitlines()
    assert first.startswith("ppaint ") and "transformers" in libraries and "Python 3" in libraries
