"""What a page serves: what cannot be served at all is said before the page, what cannot be loaded where it is needed."""

import pytest
from conftest import SmallExport
from small_scorer import write_small_scorer
from typer.testing import CliRunner

from ppaint.cli.main import app as command
from ppaint.dataset_script import build_dataset
from ppaint.images import InputFault
from ppaint.spaces_demo import Served
from ppaint.spaces_demo.app import main
from ppaint.spaces_demo.space_file import NamedRepo


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_small_scorer(tmp_path_factory.mktemp("model") / "scorer")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    build_dataset(SmallExport(folder / "raw").folder, folder / "ppaint")
    return folder / "ppaint"


def test_a_space_that_cannot_serve_ends_with_the_reason_and_no_traceback(tmp_path, monkeypatch):
    monkeypatch.delenv("PPAINT_MODEL", raising=False)
    with pytest.raises(
        SystemExit, match="^PPAINT_MODEL: there is nothing to serve, and there is no space.json .*Fix: "
    ):
        main()
    monkeypatch.setenv("PPAINT_MODEL", str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match="nowhere: there is no such folder. Fix: give a folder, ORG/NAME"):
        main()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "{}/nowhere"], "there is no such folder"),
        (["--model", "{}", "--dataset", "{}/file"], "it is no folder"),
        (["--model", "{}", "--revision", "v1"], "a folder has no revisions"),
        ([], "there is nothing to serve"),
    ],
)
def test_what_cannot_be_served_at_all_is_one_clear_fault_before_the_page(options, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    done = CliRunner().invoke(command, ["demo", *(option.format(tmp_path) for option in options)])
    assert isinstance(done.exception, InputFault) and said in str(done.exception)


def served(**named):
    found = Served({part: NamedRepo(str(path)) for part, path in named.items()})
    found.load()
    return found


def test_what_is_no_scorer_or_no_release_is_said_where_it_is_needed_and_the_rest_is_served(dataset, tmp_path):
    found = served(model=tmp_path, dataset=dataset)
    assert "scorer_config.json: the folder is not a scorer" in str(found.model.fault)
    assert found.placement.fault == found.model.fault and found.dataset.wait().name
    found = served(model=tmp_path, dataset=tmp_path)
    assert "not a built ppaint dataset" in str(found.dataset.fault)


def test_a_release_without_images_is_one_clear_fault(folder, tmp_path):
    export = SmallExport(tmp_path / "raw")
    header, *rows = export.read("paintings.csv")
    export.write("paintings.csv", [header, *([name, category, "", title] for name, category, _, title in rows)])
    build_dataset(export.folder, tmp_path / "ppaint")
    found = served(model=folder, dataset=tmp_path / "ppaint")
    (fault,) = found.placement.fault.faults
    assert fault.file == str(tmp_path / "ppaint") and "none of the release's 12 paintings has an image" in fault.what
