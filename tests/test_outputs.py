"""Where a command is to write is looked at before anything is read, loaded or computed."""

from __future__ import annotations

import socket

import pytest
import yaml

from ppaint.cli.main import main

NO_FOLDER = ("file", "file/run", "file/deep/run", "/proc/run")
LONG = "a" * 250  # its name is allowed, but not with what is added to it until the file is whole
NO_FILE = ("folder", "absent/out", "file/out", "/dev/null", "/proc/out", LONG, "山" * 90)
ABSENT = "/absent"  # inputs that are not there: a command that reads first names them and not the output
INTO_FOLDERS = {
    "judge": ["--images", ABSENT],
    "pseudo-label": ["--judgments", ABSENT],
    "quickstart": ["--model", ABSENT],
    "quickstart --images": ["--model", ABSENT, "--images", ABSENT],
    "reproduce": ["--model", ABSENT, "--annotations", ABSENT],
    "agreement": [ABSENT],
    "build": [ABSENT],
    "simulate": [],
}
INTO_FILES = {
    "score --out": [ABSENT, "--model", ABSENT],
    "evaluate --json": ["--predictions", ABSENT, "--dataset", ABSENT],
    "plan --json": ["--config", ABSENT],
    "design --out": ["--budget", "9", "--prior", ABSENT],
    "design --plot": ["--budget", "9", "--prior", ABSENT],
    "design --json": ["--budget", "9", "--prior", ABSENT],
}


@pytest.fixture
def place(tmp_path):
    (tmp_path / "file").write_text("a")
    (tmp_path / "folder").mkdir()
    return tmp_path


def refused(capsys, *words) -> str:
    """What a command that ends with status 2 says, on one line."""
    with pytest.raises(SystemExit) as ending:
        main([str(word) for word in words])
    assert ending.value.code == 2
    return " ".join(capsys.readouterr().err.split())


def untouched(place) -> bool:
    return sorted(path.name for path in place.rglob("*")) == ["file", "folder"]


@pytest.mark.parametrize("out", NO_FOLDER)
@pytest.mark.parametrize("command", INTO_FOLDERS)
def test_a_folder_that_cannot_be_made_is_refused_first(command, out, place, capsys):
    said = refused(capsys, command.split()[0], *INTO_FOLDERS[command], "--out", place / out)
    assert str(place / out) in said and "another --out" in said and untouched(place)


@pytest.mark.parametrize("out", NO_FOLDER)
def test_of_a_configuration_too(out, place, capsys, tmp_path_factory):
    config = tmp_path_factory.mktemp("config") / "run.yaml"
    config.write_text(yaml.safe_dump({"images": ABSENT, "pseudo_labels": ABSENT, "out": str(place / out)}))
    said = refused(capsys, "distill", "--config", config)
    assert str(place / out) in said and "another out" in said and untouched(place)


@pytest.mark.parametrize("out", NO_FILE)
@pytest.mark.parametrize("command", INTO_FILES)
def test_a_file_that_cannot_be_written_is_refused_first(command, out, place, capsys):
    name, option = command.split()
    said = refused(capsys, name, *INTO_FILES[command], option, place / out)
    assert str(place / out) in said and option in said and untouched(place)


@pytest.mark.parametrize("leads_to", ["absent", "link"])
@pytest.mark.parametrize("command", [*INTO_FILES, *(f"{name} --out" for name in INTO_FOLDERS if " " not in name)])
def test_a_link_that_leads_nowhere_is_refused_first(command, leads_to, place, capsys):
    (place / "link").symlink_to(place / leads_to)
    name, option = command.split()
    said = refused(capsys, name, *INTO_FILES.get(command, INTO_FOLDERS.get(name)), option, place / "link")
    assert str(place / "link") in said and option in said and (place / "link").is_symlink()


@pytest.mark.parametrize(
    "words",
    [
        ["score", "folder/../file", "--model", ABSENT, "--out"],
        ["plan", "--config", "file", "--json"],
        ["design", "--budget", "9", "--prior", "file", "--json"],
    ],
)
def test_what_is_read_is_not_replaced_by_the_result(words, place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    said = refused(capsys, *words, "file")
    assert "is what is read here" in said and (place / "file").read_text() == "a" and untouched(place)


@pytest.mark.parametrize("command", ["quickstart", "reproduce"])
def test_a_folder_of_other_things_is_refused_first(command, place, capsys):
    (place / "folder" / "thesis.docx").write_text("b")
    words = {"quickstart": ["--images", ABSENT], "reproduce": ["--annotations", ABSENT]}[command]
    said = refused(capsys, command, *words, "--model", ABSENT, "--out", place / "folder")
    assert "is not a run's folder" in said and [path.name for path in (place / "folder").iterdir()] == ["thesis.docx"]


def test_a_port_that_is_taken_is_refused_first(capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = refused(capsys, "demo", "--model", ABSENT, "--port", other.getsockname()[1])
    assert "another --port" in said
