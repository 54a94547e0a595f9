"""`ppaint judge` and `ppaint score` in two processes: what one process gives, bit for bit; one says what is wrong; a kill loses nothing."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ppaint.cli.main import main
from ppaint.model_card import Prompts, ScorerConfig
from ppaint.model_card.processes import ALONE
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("brushwork", "overall")
# What each of the two processes does: commands one after the other, their exit status and what they say.
SCRIPT = """
import contextlib, io, json, os, signal, sys
from ppaint.cli.main import main
import ppaint.trainer.code_version as code_version
import ppaint.trainer.judgments.asked_together as asked_together

if __name__ == "__main__":
    place, rank, commands = sys.argv[1], os.environ["RANK"], json.loads(sys.argv[2])
    found, versions, answer = [], code_version.versions_of_process, asked_together.answer
    for port, (change, words) in zip(json.loads(sys.argv[3]), commands, strict=True):
        os.environ["MASTER_PORT"] = port  # a command has a process group of its own
        if change == "versions" and rank == "1":
            code_version.versions_of_process = lambda: versions() | {"torch": "1.0"}
        if change == "kill" and rank == "1":
            asked = []
            def killed(*given):
                asked.append(1)
                if len(asked) == 6:
                    os.kill(os.getpid(), signal.SIGKILL)
                return answer(*given)
            asked_together.answer = killed
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main(words)
                code = 0
            except SystemExit as ending:
                code = ending.code or 0
        code_version.versions_of_process = versions
        found.append([code, out.getvalue(), err.getvalue()])
    with open(f"{place}/{rank}.json", "w") as stream:
        json.dump(found, stream)
"""


def in_two_processes(place: Path, commands) -> list:
    """What the processes give, by rank: for each command its status, output and errors; None where one was killed."""
    place.mkdir()
    (place / "script.py").write_text(SCRIPT)
    with contextlib.ExitStack() as held:
        free = [held.enter_context(socket.socket()) for _ in commands]
        for one in free:
            one.bind(("127.0.0.1", 0))
        ports = [str(one.getsockname()[1]) for one in free]
    here = os.environ | {"MASTER_ADDR": "127.0.0.1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    words = [sys.executable, str(place / "script.py"), str(place), json.dumps(commands), json.dumps(ports)]
    started = [subprocess.Popen(words, env=here | {"RANK": str(k), "LOCAL_RANK": str(k)}) for k in range(2)]
    try:
        for process in started:
            process.wait(timeout=300)
    finally:
        for process in started:
            process.kill()
            process.wait()
    files = [place / f"{k}.json" for k in range(2)]
    return [json.loads(file.read_text()) if file.exists() else None for file in files]


def run(*words) -> int:
    with pytest.raises(SystemExit) as ending:
        main([str(word) for word in words])
    return int(ending.value.code or 0)


def judge_words(place: Path, out: Path, images: str = "images") -> list[str]:
    words = ["judge", "--images", place / images, "--out", out, "--model", place / "model", "--batch-size", "8"]
    return [str(word) for word in (*words, "--dimension", "brushwork", "--dimension", "overall", "--opponents", "4")]


def score_words(place: Path, out: Path, images: str = "images", *more: str) -> list[str]:
    words = ["score", place / images, "--model", place / "model", "--out", out, "--format", "csv", "--batch-size", "4"]
    return [*map(str, words), *more]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    processor = build_processor(DIMENSIONS)
    model = build_tiny_model(processor, seed=2, hidden_size=32, text_layers=1, vision_layers=2)
    model.save_pretrained(folder / "model")
    processor.save_pretrained(folder / "model")
    ScorerConfig(dimensions=list(DIMENSIONS), prompts=Prompts().to_dict()).save(folder / "model")
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    for i in range(18):
        pixels = rng.integers(0, 256, (64 + 16 * (i % 3), 96, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{i:02d}.png")
    (folder / "images" / "again.png").write_bytes((folder / "images" / "03.png").read_bytes())
    (folder / "images" / "notes.txt").write_text("no image")
    shutil.copytree(folder / "images", folder / "broken")
    for name in ("01.png", "12.png"):
        path = folder / "broken" / name
        path.write_bytes(path.read_bytes()[:-100])
    return folder


@pytest.fixture(scope="module")
def alone(place):
    assert run(*judge_words(place, place / "alone")) == 0
    assert run(*score_words(place, place / "alone.csv")) == 0
    return place / "alone"


@pytest.fixture(scope="module")
def together(place, alone):
    """What two processes give for: judge, score, judge again, a broken image in both, other versions, a command for one process."""
    commands = [
        ("", judge_words(place, place / "both")),
        ("", score_words(place, place / "both.csv")),
        ("", judge_words(place, place / "both")),
        ("", judge_words(place, place / "no", "broken")),
        ("", score_words(place, place / "some.csv", "broken")),
        ("", score_words(place, place / "none.csv", "broken", "--strict")),
        ("versions", judge_words(place, place / "versions")),
        ("", ["pseudo-label", "--judgments", str(place / "both"), "--out", str(place / "labels")]),
        ("", judge_words(place, place / "one", "model")),
    ]
    return in_two_processes(place / "two", commands)


def same_judgments(one: Path, other: Path) -> bool:
    names = ("judgments.bin", "ratings.jsonl", "judgments.parquet", "plan.bin")
    return all((one / "judgments" / name).read_bytes() == (other / "judgments" / name).read_bytes() for name in names)


def test_judgments_and_scores_are_those_of_one_process_bit_for_bit(place, alone, together):
    assert [[status for status, _, _ in process[:3]] for process in together] == [[0, 0, 0], [0, 0, 0]]
    assert same_judgments(place / "both", alone)
    assert (place / "both.csv").read_bytes() == (place / "alone.csv").read_bytes()
    assert not list(place.glob("both.csv.*"))
    stored = {file.name: file.read_bytes() for file in (place / "both/features").rglob("*.safetensors")}
    assert stored == {file.name: file.read_bytes() for file in (alone / "features").rglob("*.safetensors")}


def test_the_first_process_shows_and_the_other_is_silent(together):
    first, other = together
    assert all(out == err == "" for _, out, err in other[:7])
    (_, out, err), (_, _, scored), (_, again, _) = first[:3]
    assert "judgments of 18 images" in out and err.count("same picture as another file") == 1
    assert err.count("1 file was passed over") == 1 and scored.count("1 file was passed over") == 1
    counts = [
        line.partition(" s of judging")[2].partition("encoding ")[2] for line in out.splitlines() if "encoding" in line
    ]
    assert counts == ["18 images"] and out.split(" ordered pairs")[0] == again.split(" ordered pairs")[0]


def test_what_is_wrong_with_images_is_said_once_by_the_first(place, together):
    first, other = together
    assert [process[3][0] for process in together] == [2, 2]
    assert first[3][2].count("01.png") == 1 and first[3][2].count("12.png") == 1
    assert [process[4][0] for process in together] == [2, 0]  # the first has the table, and says what is not in it
    assert "2 images have no row" in first[4][2] and len((place / "some.csv").read_text().splitlines()) == 18
    assert [process[5][0] for process in together] == [2, 2] and first[5][2].count("12.png") == 1
    assert not (place / "none.csv").exists()


def test_other_versions_are_refused_before_anything_is_written(place, together):
    first, _ = together
    assert first[6][0] == 2 and "different versions (torch" in first[6][2] and "and 1.0)" in first[6][2]
    assert not (place / "versions").exists()


def test_a_command_for_one_process_is_refused_in_several(place, together):
    for process in together:
        assert process[7][0] == 2 and "`ppaint pseudo-label` runs in one" in process[7][2]
    assert not (place / "labels").exists()
    assert together[0][8][0] == 2 and "holds no image" in together[0][8][2]


def test_one_that_is_killed_ends_the_other_and_one_process_goes_on(place, alone, tmp_path):
    first, other = in_two_processes(tmp_path / "two", [("kill", judge_words(place, tmp_path / "out"))])
    assert other is None
    ((status, _, err),) = first
    assert status == 1 and "another process of this run has ended" in " ".join(err.split())
    stored = (tmp_path / "out/judgments/judgments.bin").read_bytes()
    assert stored and (alone / "judgments/judgments.bin").read_bytes().startswith(stored)
    assert run(*judge_words(place, tmp_path / "out")) == 0
    assert same_judgments(tmp_path / "out", alone)


def test_one_process_is_a_team_of_one():
    assert ALONE.first and ALONE.gather(lambda: 1) == [1] and ALONE.share("a") == "a" and not ALONE.broken
