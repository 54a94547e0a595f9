"""What a plan says of a repo: every file once, by hashes, and nothing is written or downloaded for it."""

import json
from itertools import count
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from ppaint.foundation.faults import InputFault
from ppaint.foundation.stopped import Stopped
from ppaint.hub.hub_repo import HubRepo
from ppaint.publishing.content import Content, Links, Place
from ppaint.publishing.linked import simulated_there
from ppaint.publishing.plan import make_plan

# huggingface_hub's own upload of a large file calls its client in an old way
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NUMBERS = count(1)
LARGE = b"weights" * 300


@pytest.fixture
def ann(hub) -> HfApi:
    return HfApi(endpoint=hub.url, token="hf_ann")


@pytest.fixture
def content() -> Content:
    files = {"README.md": b"---\npretty_name: P\n---\n", "a/one.json": b"1", "two.csv": b"", "x.safetensors": LARGE}
    return Content("model", f"ann/plan{next(NUMBERS)}", files, False)


def place(api: HfApi, content: Content) -> HubRepo:
    return HubRepo(content.name, api, wait=lambda seconds: None, kind=content.repo_type)


def made(api: HfApi, content: Content, files: dict[str, bytes], **options) -> str:
    api.create_repo(content.name, repo_type=content.repo_type, exist_ok=True, **options)
    added = [CommitOperationAdd(path, held) for path, held in files.items()]
    return api.create_commit(content.name, added, commit_message="by hand", repo_type=content.repo_type).oid


def paths(files) -> list[str]:
    return [one.path for one in files]


def test_a_repo_that_is_not_there_gets_every_file(ann, content) -> None:
    plan = make_plan(place(ann, content), content, prune=True)
    assert plan.head is None and not plan.empty
    assert paths(plan.new) == sorted(content.files) and not (plan.changed or plan.same or plan.only_there)
    assert plan.bytes_to_send == sum(map(len, content.files.values()))
    assert not ann.repo_exists(content.name)


def test_each_file_is_new_or_changed_or_the_same_or_there_only(hub, ann, content, tmp_path) -> None:
    there = {"README.md": content.files["README.md"], "a/one.json": b"2", "x.safetensors": LARGE, "old/山.txt": b"abc"}
    head = made(ann, content, there)
    (tmp_path / "weights").write_bytes(LARGE)
    content.files["x.safetensors"] = tmp_path / "weights"
    hub.calm()
    kept, pruned = (make_plan(place(ann, content), content, prune=prune) for prune in (False, True))
    for plan in (kept, pruned):
        assert (plan.head, paths(plan.new), paths(plan.changed)) == (head, ["two.csv"], ["a/one.json"])
        assert paths(plan.same) == ["README.md", "x.safetensors"]
        assert paths(plan.only_there) == [".gitattributes", "old/山.txt"] and plan.bytes_to_send == 1
    assert kept.removed == () and paths(pruned.removed) == ["old/山.txt"]
    assert all("/resolve/" not in one["call"] and one["call"].startswith("GET") for one in hub.calls())
    assert all(head in one["call"] for one in hub.calls("/tree/"))
    assert kept.lines() == (
        "new                           0 B  two.csv",
        "changed                       1 B  a/one.json",
        "same                         23 B  README.md",
        "same                       2.1 kB  x.safetensors",
        "on the Hub only, stays      686 B  .gitattributes",
        "on the Hub only, stays        3 B  old/山.txt",
        f"model {content.name} (at commit {head[:12]}): 1 new, 1 changed, 2 same, 2 on the Hub only (0 removed); 1 B to send",
    )
    assert pruned.lines()[-2].split() == ["on", "the", "Hub", "only,", "stays", "686", "B", ".gitattributes"]
    assert pruned.lines()[-1].endswith("2 same, 2 on the Hub only (1 removed); 1 B to send")


def test_nothing_is_to_be_done_where_all_is_there(ann, content) -> None:
    made(ann, content, dict(content.files))
    assert make_plan(place(ann, content), content, prune=True).empty
    made(ann, content, {"more.txt": b"1"})
    assert make_plan(place(ann, content), content, prune=False).empty
    assert not make_plan(place(ann, content), content, prune=True).empty


def test_a_large_file_of_one_other_byte_and_the_same_size_is_changed(ann, content) -> None:
    made(ann, content, dict(content.files))
    content.files["x.safetensors"] = b"v" + LARGE[1:]
    content.files["README.md"] = content.files["README.md"].replace(b"P", b"Q")
    assert paths(make_plan(place(ann, content), content, prune=True).changed) == ["README.md", "x.safetensors"]


def test_a_long_list_is_read_to_its_end(hub, ann, content) -> None:
    many = {f"a/{number:03d}.txt": b"1" for number in range(110)}
    made(ann, content, many)
    content.files.update(many)
    hub.calm()
    plan = make_plan(place(ann, content), content, prune=True)
    assert len(plan.same) == 110 and len(hub.calls("/tree/")) == 2


@pytest.mark.parametrize(
    ("what", "marks"),
    [
        ("dataset", {"board.yaml": b"1"}),
        ("board", {"ppaint_release.json": b"1"}),
        ("judge", {"scorer_config.json": b"1", "config.json": b"1"}),
        ("space", {"srcc_plcc.py": b"1", "app.py": b"1"}),
        ("metric", {"ppaint/spaces_demo/__init__.py": b"1", "app.py": b"1"}),
    ],
)
def test_the_place_of_another_thing_is_not_written_to(ann, what, marks) -> None:
    content = Content(what, f"ann/plan{next(NUMBERS)}", {"README.md": b"1", "app.py": b"2"}, False)
    made(ann, content, marks, **({"space_sdk": "gradio"} if content.repo_type == "space" else {}))
    with pytest.raises(Stopped, match=f"{content.name}: this repo holds .*nothing was sent. To go on: take another"):
        make_plan(place(ann, content), content, prune=False)


def test_a_thing_with_its_own_mark_is_at_home(ann) -> None:
    files = {"scorer_config.json": b"2"}
    content = Content("model", f"ann/plan{next(NUMBERS)}", files, False)
    made(ann, content, {"scorer_config.json": b"1"})
    assert paths(make_plan(place(ann, content), content, prune=False).changed) == ["scorer_config.json"]


@pytest.mark.parametrize("held", ["config.json", "adapter_config.json"])
def test_a_scorer_is_not_put_over_a_judge_or_another_model(ann, held) -> None:
    content = Content("model", f"ann/plan{next(NUMBERS)}", {"scorer_config.json": b"1", held: b"2"}, False)
    made(ann, content, {held: b"1"})
    with pytest.raises(Stopped, match=f"{content.name}: this repo holds a model that is no scorer.*take another"):
        make_plan(place(ann, content), content, prune=False)
    judge = Content("judge", content.name, {held: b"2"}, False)
    assert paths(make_plan(place(ann, judge), judge, prune=False).changed) == [held]


def test_a_space_of_another_kind_is_not_written_to(ann) -> None:
    content = Content("space", f"ann/plan{next(NUMBERS)}", {"README.md": b"1"}, False)
    ann.create_repo(content.name, repo_type="space", space_sdk="docker")
    with pytest.raises(Stopped, match="a Space of another kind .docker, not gradio"):
        make_plan(place(ann, content), content, prune=False)


def test_a_name_that_a_repo_of_another_type_has_is_free(ann, content) -> None:
    ann.create_repo(content.name, repo_type="dataset")
    assert make_plan(place(ann, content), content, prune=False).head is None


def test_a_file_where_a_folder_is_needs_prune(ann, content) -> None:
    made(ann, content, {"a": b"1"})
    with pytest.raises(Stopped, match="a is a file on the one side and a folder on the other.*add --prune"):
        make_plan(place(ann, content), content, prune=False)
    assert paths(make_plan(place(ann, content), content, prune=True).removed) == ["a"]


def test_without_a_token_or_with_a_wrong_one_it_is_said_what_to_do(hub, content) -> None:
    for token, words in ((False, "you are not logged in.*hf auth login"), ("wrong", "token is not valid")):
        with pytest.raises(Stopped, match=f"{words}"):
            make_plan(place(HfApi(endpoint=hub.url, token=token), content), content, prune=False)


def test_a_repo_that_was_renamed_is_not_written_to(hub, ann, content) -> None:
    answer = {"message": json.dumps({"id": "ann/other", "sha": "0" * 40}), "headers": {"content-type": "text/json"}}
    hub.fail(f"GET /api/models/{content.name}", 200, **answer)
    with pytest.raises(Stopped, match=f"{content.name}: this repo is called ann/other now; nothing was sent"):
        make_plan(place(ann, content), content, prune=False)


def test_a_gated_repo_says_where_to_ask(hub, ann, content) -> None:
    made(ann, content, {"log": b"1"})
    hub.fail("GET */tree/*", 403, headers={"X-Error-Code": "GatedRepo"})
    with pytest.raises(Stopped, match="is gated.*To go on: ask for access on its page .http"):
        make_plan(place(ann, content), content, prune=False)


def test_a_private_repo_of_others_looks_as_if_there_were_none(hub, ann, content) -> None:
    made(ann, content, {"log": b"1"}, private=True)
    ben = HfApi(endpoint=hub.url, token="hf_ben")
    assert make_plan(place(ben, content), content, prune=False).head is None


def test_a_hub_out_of_reach_is_said_at_once(content) -> None:
    api = HfApi(endpoint="http://127.0.0.1:9", token="hf_ann")
    with pytest.raises(Stopped, match="out of reach.*nothing was sent. To go on: check the network"):
        make_plan(place(api, content), content, prune=False)


def test_a_file_that_is_gone_is_a_fault(ann, content, tmp_path) -> None:
    content.files["gone.json"] = tmp_path / "gone.json"
    with pytest.raises(InputFault, match="gone.json: cannot be read .No such file"):
        make_plan(place(ann, content), content, prune=False)


def test_a_plan_is_made_on_the_contents_own_repo(ann, content) -> None:
    with pytest.raises(ValueError, match="cannot be planned on dataset"):
        make_plan(HubRepo(content.name, ann), content, prune=False)


def test_hashes_are_those_of_the_file_that_is_sent(ann, content, tmp_path) -> None:
    path = Path(tmp_path / "one")
    path.write_bytes(b"1")
    made(ann, content, {"a/one.json": b"1"})
    content.files["a/one.json"] = path
    assert paths(make_plan(place(ann, content), content, prune=False).same) == ["a/one.json"]


@pytest.mark.parametrize(
    "left", ["model.safetensors", "adapter_config.json", "chat_template.jinja", ".eval_results/old.yaml"]
)
def test_what_an_earlier_model_left_would_be_loaded_with_the_new_one_and_needs_prune(ann, content, left) -> None:
    made(ann, content, {left: b"1", "notes.md": b"2"})
    with pytest.raises(Stopped, match=f"only the Hub has would be loaded.*: {left}; nothing was sent.*--prune"):
        make_plan(place(ann, content), content, prune=False)
    assert left in paths(make_plan(place(ann, content), content, prune=True).removed)


def test_what_a_linked_repo_says_is_told_apart_from_a_hub_that_is_busy(
    hub, ann, content, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("ppaint.hub.hub_repo.FIRST_WAIT", 0.0)
    head = made(ann, content, {"scorer_config.json": b'{"simulated": true}'})
    links = Links(model=Place(content.name, head))
    hub.fail("* /*/scorer_config.json", 503, times=50)
    with pytest.raises(Stopped):
        simulated_there(links, ann)
    hub.calm()
    assert simulated_there(links, ann)
    damaged = made(ann, content, {"scorer_config.json": b'{"simulated": tr'})
    with pytest.raises(InputFault, match="scorer_config.json: not readable as JSON"):
        simulated_there(Links(model=Place(content.name, damaged)), ann)
