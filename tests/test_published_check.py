"""What was published comes back as it lies here, in a new process with an empty cache; what does not is named."""

import shutil
from itertools import count
from pathlib import Path

import pyarrow.parquet
import pytest
from conftest import SmallExport
from datasets import load_dataset
from huggingface_hub import CommitOperationAdd, HfApi

from ppaint.dataset_script import build_dataset
from ppaint.foundation.stopped import Stopped
from ppaint.model_card import Prompts, ScorerConfig
from ppaint.publishing.content import Content
from ppaint.publishing.load_back import COMPARE, DifferentError, in_words, load_back
from ppaint.publishing.loading_snippet import loading_snippet
from ppaint.publishing.published_check import check_back
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


def test_a_private_dataset_comes_back_in_all_its_configs(hub, dataset, monkeypatch, tmp_path):
    content = content_of("dataset", dataset)
    commit = push(hub, content, private=True)
    push(hub, content, **{"ratings/landscape-00000-of-00001.parquet": b"a later push"})
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")  # of the caller; nothing of it counts there
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "other"))
    hub.fail("GET */resolve/*", 503, retry_after=0)
    checked = check_back(content, commit, endpoint=hub.url, token="hf_ann")
    files, *tables = checked.lines
    assert f"{len(content.files)} files" in files and "SHA-256 equal" in files
    equal = "in 1 split equal to the local Parquet"
    assert [line for line in tables if equal not in line] == []
    rows = {"fused": 6, "ratings": 18, "pairs": 45, "paintings": 6}
    assert [line.split(" in ")[0] for line in tables] == [f"load_dataset, {name}: {n} rows" for name, n in rows.items()]
    assert (
        f'"{content.name}", "{commit}"' in checked.snippet
        and "load_dataset(name, config, revision=commit)" in checked.snippet
    )
    assert not (tmp_path / "other").exists()


def test_a_model_scores_ten_images_as_the_local_one_to_the_last_digit(hub, scorer):
    content = content_of("model", scorer)
    commit = push(hub, content, **{"notes.txt": b"not part of it"})
    checked = check_back(content, commit, endpoint=hub.url)
    files, scores = checked.lines
    assert "1 more in the repo (notes.txt), not part of it" in files
    assert "10 images in 2 dimensions, scores equal to the last digit" in scores
    assert f'AestheticScorer.from_pretrained("{content.name}", revision="{commit}")' in checked.snippet


def test_a_metric_gives_the_figures_of_the_local_one(hub):
    content = content_of("metric", METRIC, "ann/srcc_plcc", simulated=False)
    checked = check_back(content, push(hub, content), endpoint=hub.url)
    assert "figures of a table of 5 rows equal (srcc 0.8" in checked.lines[1]


def test_what_may_not_be_read_is_said_in_one_line(hub, tmp_path):
    content = content_of("board", tmp_path, "ann/nowhere-simulated")
    with pytest.raises(Stopped) as caught:
        check_back(content, "a" * 40, endpoint=hub.url)
    said = str(caught.value)
    assert said.startswith(f"ann/nowhere-simulated on {hub.url}: no token: the repo is private, or there is none")
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
