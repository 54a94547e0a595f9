"""What was published comes back as it lies here, in a new process with an empty cache; what does not is named."""

import shutil
from itertools import count
from pathlib import Path

import pyarrow.parquet
import pytest
from conftest import SmallExport
from datasets import load_dataset
from huggingface_hub import CommitOperationAdd, HfApi
from small_board import scores

from ppaint.dataset_script import build_dataset
from ppaint.eval_suite.leaderboard.new_board import new_board
from ppaint.foundation.stopped import Stopped
from ppaint.model_card import Prompts, ScorerConfig
from ppaint.publishing.content import Content
from ppaint.publishing.load_back import COMPARE, DifferentError, in_words, load_back
from ppaint.publishing.loading_snippet import loading_snippet
from ppaint.publishing.published_check import check_all_back, check_back
from ppaint.publishing.space_folder import space_code
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of huggingface_hub
METRIC = Path(__file__).resolve().parents[1] / "eval_suite" / "srcc_plcc"
DIMENSIONS = ["brushwork", "overall"]
NUMBERS = count(1)


def content_of(what, folder, name="", simulated=True):
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files = {path: file for path, file in files.items() if "__pycache__" not in path}
    return Content(what, name or f"ann/{what}-{next(NUMBERS)}-simulated", files, simulated, source=str(folder))


def push(hub, content, private=False, **changed):
    api = HfApi(endpoint=hub.url, token="hf_ann")
    kind = content.repo_type
    sdk = {"space_sdk": "gradio"} if kind == "space" else {}
    api.create_repo(content.name, repo_type=kind, private=private, exist_ok=True, **sdk)
    files = {path: content.read(path) for path in content.files} | changed
    added = [CommitOperationAdd(path, bytes_) for path, bytes_ in files.items()]
    return api.create_commit(content.name, added, repo_type=kind, commit_message="published").oid


def here(content, commit, folder, files=None):
    """The task of `load_back`, for a call in this process."""
    task = {"what": content.what, "name": content.name, "repo_type": content.repo_type, "commit": commit}
    task |= {"local": str(folder), "files": files or list(content.files)}
    return load_back(task | {"snippet": loading_snippet(content.what, content.name, commit)})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    build_dataset(SmallExport(folder / "raw").keep("landscape", "overall").folder, folder / "ppaint")
    card = folder / "ppaint" / "README.md"  # as an editor may leave it: the Hub reads it all the same
    card.write_text(card.read_text().replace("\n---\n\n", "\n# ----\n--- \n\n", 1))
    return folder / "ppaint"


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    return write_scorer(tmp_path_factory.mktemp("scorer"), seed=3)


def write_scorer(folder, seed):
    processor = build_processor(tuple(DIMENSIONS))
    build_tiny_model(processor, seed=seed).save_pretrained(folder)
    processor.save_pretrained(folder)
    ScorerConfig(dimensions=DIMENSIONS, prompts=Prompts().to_dict(), simulated=True).save(folder)
    return folder


# --- in a new process


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board") / "board"
    new_board(folder, scores(simulated=True))
    return folder


def small_space(folder, *left_out):
    """A Space whose page shows nothing: what it carries is found as that of the real one is."""
    folder.mkdir()
    (folder / "app.py").write_text(
        "from ppaint.foundation.faults import InputFault\nfrom ppaint.images import FORMATS\n"
    )
    files = {path: file for path, file in space_code(folder / "app.py").files.items() if path not in left_out}
    readme = {"README.md": b"---\nsdk: gradio\n---\n"}
    return Content("space", f"ann/space-{next(NUMBERS)}-simulated", files | readme, True)


@pytest.fixture
def one_of_each(hub, dataset, scorer, board, tmp_path):
    """What stands on the Hub, with its commit: a private dataset, a model, a metric, a Space, a board."""
    parts = {"dataset": dataset, "model": scorer, "board": board}
    contents = {what: content_of(what, folder) for what, folder in parts.items()}
    contents["metric"] = content_of("metric", METRIC, "ann/srcc_plcc", simulated=False)
    contents["space"] = small_space(tmp_path / "space")
    return {what: (content, push(hub, content, private=what == "dataset")) for what, content in contents.items()}


def test_each_kind_comes_back_as_it_lies_here(hub, one_of_each, monkeypatch, tmp_path):
    push(
        hub,
        one_of_each["dataset"][0],
        **{"ratings/landscape-00000-of-00001.parquet": b"a later push", "more.txt": b"more"},
    )
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")  # of the caller, as HF_HUB_OFFLINE is; nothing of it counts there
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "other"))
    hub.fail("GET */resolve/*", 503, retry_after=0)
    order = ("space", "metric", "dataset", "model", "board")  # a Space's modules do not stay for those after it
    checked = check_all_back([one_of_each[what] for what in order], endpoint=hub.url, token="hf_ann")
    found = dict(zip(order, checked, strict=True))
    assert not (tmp_path / "other").exists()
    for what, (content, commit) in one_of_each.items():
        assert found[what].snippet == loading_snippet(content.what, content.name, commit)
        assert content.name in found[what].snippet and commit in found[what].snippet
        assert found[what].lines[0].startswith(f"{len(content.files)} files, ")
        assert found[what].lines[0].endswith("SHA-256 equal")
    rows = {"fused": 6, "ratings": 18, "pairs": 45, "paintings": 6}
    equal = "in 1 split equal to the local Parquet"
    assert list(found["dataset"].lines[1:]) == [f"load_dataset, {name}: {n} rows {equal}" for name, n in rows.items()]
    assert "10 images in 2 dimensions, scores equal to the last digit" in found["model"].lines[1]
    assert "figures of a table of 5 rows equal (srcc 0.8" in found["metric"].lines[1]
    assert "1 line of the log in one chain" in found["board"].lines[1]
    assert "modules of ppaint beside it import, from the Space's own folder" in found["space"].lines[1]


def test_a_space_that_takes_a_module_from_elsewhere_is_refused_and_what_else_was_pushed_is_said(hub, tmp_path):
    content = small_space(tmp_path / "space", "ppaint/foundation/faults.py")
    whole = small_space(tmp_path / "whole")
    published = [(one, push(hub, one, **{"notes.txt": b"mine"})) for one in (whole, content)]
    with pytest.raises(Stopped) as caught:
        check_all_back(published, endpoint=hub.url)
    assert str(caught.value).startswith(f"{content.name}@{published[1][1][:12]} on {hub.url}: it was published, and ")
    assert "ppaint.foundation" in str(caught.value) and "\n" not in str(caught.value)


def test_a_process_that_was_ended_is_said_with_the_one_it_was_busy_with(hub, tmp_path):
    whole, deadly = small_space(tmp_path / "whole"), small_space(tmp_path / "deadly")
    (tmp_path / "deadly" / "app.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    with pytest.raises(Stopped) as caught:
        check_all_back([(one, push(hub, one)) for one in (whole, deadly)], endpoint=hub.url)
    assert str(caught.value).startswith(f"{deadly.name}@")
    assert "could not be loaded back (the process was ended by SIGKILL, for lack of memory perhaps" in str(caught.value)


def test_what_may_not_be_read_is_said_in_one_line(hub, tmp_path):
    content = content_of("board", tmp_path, "ann/nowhere-simulated")
    with pytest.raises(Stopped) as caught:
        check_back(content, "a" * 40, endpoint=hub.url, token=False)
    said = str(caught.value)
    assert said.startswith(
        f"ann/nowhere-simulated on {hub.url}: you are not logged in, and this needs a login, or there is no such repo"
    )
    assert "it was published, and not loaded back. To go on: " in said
    assert "Traceback" not in said and "\n" not in said


# --- the comparison, in this process


def test_a_judge_rates_ten_images_as_the_local_one(hub, scorer):
    content = content_of("judge", scorer)
    told = here(content, push(hub, content), scorer)
    assert told["different"] is None and told["failed"] is None
    assert "ratings of 10 images equal to the last digit" in told["lines"][1]


@pytest.mark.parametrize("spoiled", ["scorer_config.json", "model.safetensors"])
def test_an_object_that_comes_back_spoiled_is_named(hub, scorer, spoiled):
    content = content_of("judge", scorer)
    commit = push(hub, content)
    hub.fail(f"GET */resolve/*/{spoiled}", "spoiled")
    told = here(content, commit, scorer)
    assert told["lines"] == [] and told["different"].startswith(f"{spoiled} came back with SHA-256 ")


def test_a_file_that_is_not_there_is_named(hub, scorer):
    content = content_of("judge", scorer)
    commit = push(hub, content)
    told = here(content, commit, scorer, [*content.files, "more.txt", "most.txt"])
    assert told["different"] == "more.txt is not there and 1 more"


def tables_of(folder):
    return {config: load_dataset(str(folder), config) for config in ("fused", "ratings", "pairs", "paintings")}


def test_a_row_that_differs_is_named(dataset, tmp_path):
    other = shutil.copytree(dataset, tmp_path / "other")
    file = other / "ratings" / "landscape-00000-of-00001.parquet"
    table = pyarrow.parquet.read_table(file)
    marks = table["rating"].to_pylist()
    column = pyarrow.array([*marks[:3], marks[3] + 1, *marks[4:]], table.schema.field("rating").type)
    pyarrow.parquet.write_table(table.set_column(table.column_names.index("rating"), "rating", column), file)
    with pytest.raises(DifferentError) as caught:
        list(COMPARE["dataset"]({"tables": tables_of(dataset)}, other))
    assert (
        str(caught.value) == f"ratings, landscape, row 4, rating: {marks[3]} came back, and here it is {marks[3] + 1}"
    )


def test_missing_values_and_no_number_are_equal_to_themselves_and_rows_are_counted(tmp_path):
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: one\n  data_files:\n  - split: a\n    path: a.parquet\n---\n"
    )
    table = pyarrow.table({"score": [1.0, float("nan"), None], "name": ["x", None, "z"]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    loaded = {"tables": {"one": load_dataset(str(tmp_path))}}
    assert list(COMPARE["dataset"](loaded, tmp_path)) == [
        "load_dataset, one: 3 rows in 1 split equal to the local Parquet"
    ]
    pyarrow.parquet.write_table(table.slice(0, 2), tmp_path / "a.parquet")
    with pytest.raises(DifferentError, match="one, a: 3 rows came back, and here there are 2"):
        list(COMPARE["dataset"](loaded, tmp_path))


def test_a_score_that_differs_is_named(hub, scorer, tmp_path):
    content = content_of("model", scorer)
    told = here(content, push(hub, content), write_scorer(tmp_path / "other", seed=4), ["scorer_config.json"])
    assert told["different"].startswith("image 1, brushwork: ") and " came back, and here it is " in told["different"]


def test_what_cannot_be_loaded_is_told_in_its_own_words(hub, scorer):
    content = content_of("model", scorer)
    commit = push(hub, content, **{"config.json": b"{}"})
    files = [path for path in content.files if path != "config.json"]
    told = here(content, commit, scorer, files)
    assert told["failed"].startswith(content.name) and "no model could be loaded" in told["failed"]
    assert in_words(ValueError("\n one\n two")) == "ValueError: one"
