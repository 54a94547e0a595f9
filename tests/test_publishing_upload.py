"""An upload makes one commit, sends each large file once, and is carried on where it was stopped."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from ppaint.foundation.faults import InputFault
from ppaint.foundation.stopped import Stopped
from ppaint.hub.hub_repo import HubRepo
from ppaint.publishing.content import Content
from ppaint.publishing.plan import make_plan
from ppaint.publishing.upload import Sent, create_repo, send, set_tag

# huggingface_hub's own upload of a large file calls its client in an old way
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

LARGE = {"model.safetensors", "more.safetensors"}
PAUSE = Event()  # its wait is a real one where the library's sleep is none
NUMBERS = count(1)
CALLS = {
    "tree": "GET */tree/*",
    "validate-yaml": "POST /api/validate-yaml",
    "preupload": "POST */preupload/*",
    "batch": "POST *objects/batch",
    "PUT": "PUT /_lfs/*",
    "verify": "POST /_lfs/*/verify",
    "commit": "POST */commit/*",
}
FAULTS = {
    "403": {"kind": 403},
    "429": {"kind": 429, "retry_after": 0, "times": 2},
    "503": {"kind": 503, "retry_after": 0, "times": 2},
    "500": {"kind": 500},
    "dropped": {"kind": "dropped"},
    "cut_upload": {"kind": "cut_upload"},
    "lost": {"kind": "lost"},
    "lost_then": {"kind": "lost_then", "status": 503},
    "halfway": {"kind": "halfway"},
    "slow": {"kind": "slow", "seconds": 0.05},
    "spoiled": {"kind": "spoiled"},
    "spoiled_upload": {"kind": "spoiled_upload"},
}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch) -> None:
    """The library waits by itself before it makes a call again."""
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)


@pytest.fixture
def ann(hub) -> HfApi:
    hub.members("org", "ann", "ben")
    return HfApi(endpoint=hub.url, token="hf_ann")


def some_content(what: str = "model", owner: str = "org") -> Content:
    """Two small files, a card, and a large file that no other repo has."""
    name = f"{owner}/upload{next(NUMBERS)}"
    files = {
        "README.md": b"---\ntags:\n- painting\n---\n# A scorer\n",
        "config.json": b"{}\n",
        "a/notes.txt": b"some words\n",
        "model.safetensors": name.encode() * 500,
    }
    return Content(what, name, files, False)


def place(api: HfApi, content: Content, waits: list | None = None) -> HubRepo:
    wait = (lambda seconds: None) if waits is None else waits.append
    return HubRepo(content.name, api, wait=wait, kind=content.repo_type)


def publish(api: HfApi, content: Content, *, prune: bool = False, waits: list | None = None) -> Sent:
    hub = place(api, content, waits)
    create_repo(hub, content, private=False)
    return send(hub, content, make_plan(hub, content, prune=prune), message="Publish", prune=prune)


def until_done(api: HfApi, content: Content, times: int = 2) -> int:
    """Run it, and again where it stopped; how often it stopped."""
    for stopped in range(times):
        try:
            publish(api, content)
            return stopped
        except Stopped:
            pass
    publish(api, content)
    return times


def held(hub, content: Content) -> dict[str, bytes]:
    """What a repo holds, read past the Hub's calls; without what the Hub itself wrote."""
    repos = Path(hub.folder)
    repo = json.loads((repos / "repos" / f"{content.repo_type}s--{content.name.replace('/', '--')}.json").read_text())
    files = repo["commits"][repo["refs"]["main"]]["files"]
    return {path: (repos / "objects" / one["sha256"]).read_bytes() for path, one in files.items() if path[0] != "."}


def titles(api: HfApi, content: Content) -> list[str]:
    return [one.title for one in api.list_repo_commits(content.name, repo_type=content.repo_type)]


def head_of(api: HfApi, content: Content) -> str:
    return api.repo_info(content.name, repo_type=content.repo_type).sha


def completed(hub) -> Counter:
    """How often each object's upload was answered as done."""
    return Counter(one["call"] for one in hub.calls("PUT /_lfs/") if one["answer"] == 200 and one["whole"])


def assert_as_undisturbed(hub, api: HfApi, content: Content) -> None:
    assert held(hub, content) == {path: content.read(path) for path in content.files}
    assert titles(api, content) == ["Publish", "initial commit"]
    uploads = completed(hub)
    assert len(uploads) <= len(LARGE & content.files.keys()) and max(uploads.values(), default=1) == 1
    made = [one for one in hub.calls("/commit/") if one["answer"] == 200 and one["whole"]]
    assert len(made) <= 1
    hub.calm()
    again = publish(api, content)
    assert (again.files, again.bytes, again.done) == (0, 0, ()) and again.commit == head_of(api, content)
    assert all(one["call"].startswith("GET ") and one["sent"] == 0 for one in hub.calls())


@pytest.mark.parametrize(
    ("what", "path", "done"),
    [
        ("model", "", "4 new"),
        ("judge", "", "4 new"),
        ("dataset", "datasets/", "4 new"),
        ("board", "datasets/", "4 new"),
        ("space", "spaces/", "3 new, 1 changed"),  # the Hub itself puts a README into a new Space
        ("metric", "spaces/", "3 new, 1 changed"),
    ],
)
def test_a_content_of_each_kind_goes_up_in_one_commit(hub, ann, what, path, done) -> None:
    content = some_content(what)
    sent = publish(ann, content)
    assert sent.url == f"{hub.url}/{path}{content.name}/commit/{sent.commit}" and sent.files == 4
    assert sent.bytes == sum(map(len, content.files.values()))
    assert sent.done == (f"{done} in commit {sent.commit[:12]}",)
    assert [one["answer"] for one in hub.calls("PUT ")] == [200]
    assert_as_undisturbed(hub, ann, content)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_whatever_goes_wrong_at_a_call_the_repo_ends_as_undisturbed(hub, ann, call, fault) -> None:
    content = some_content()
    ann.create_repo(content.name)
    hub.calm()
    hub.fail(CALLS[call], **FAULTS[fault])
    stopped = until_done(ann, content)
    assert stopped == (fault == "403") or (stopped, fault) == (1, "spoiled_upload")
    assert any(fnmatchcase(one["call"].split("?")[0], CALLS[call]) for one in hub.calls())
    assert_as_undisturbed(hub, ann, content)


def head_commit(hub, content: Content) -> str:
    path = Path(hub.folder) / "repos" / f"{content.repo_type}s--{content.name.replace('/', '--')}.json"
    repo = json.loads(path.read_text(encoding="utf-8"))
    return repo["commits"][repo["refs"]["main"]]["title"]


CHILD = """
import json, sys
from huggingface_hub import HfApi
from ppaint.hub.hub_repo import HubRepo
from ppaint.publishing.content import Content
from ppaint.publishing.plan import make_plan
from ppaint.publishing.upload import send
name, files = sys.argv[1], {path: held.encode() for path, held in json.loads(sys.argv[2]).items()}
content = Content("model", name, files, False)
hub = HubRepo(name, HfApi(), kind="model")
send(hub, content, make_plan(hub, content, prune=False), message="Publish", prune=False)
"""


@pytest.mark.parametrize(
    ("call", "kind", "skip"),
    [
        ("batch", "slow", 0),  # after preupload
        ("verify", "slow", 0),  # after a PUT
        ("PUT", "slow", 1),  # while a second one is under way
        ("commit", "slow", 0),  # the commit was sent, and not made
        ("commit", "slow_answer", 0),  # it was made, and not answered
        ("tree", "slow", 1),  # it was answered
    ],
)
def test_a_killed_upload_is_carried_on(hub, ann, tmp_path, call, kind, skip) -> None:
    content = some_content()
    content.files["more.safetensors"] = b"more of " + content.files["model.safetensors"]
    ann.create_repo(content.name)
    hub.calm()
    hub.fail(CALLS[call], kind, seconds=30, skip=skip)
    files = json.dumps({path: held.decode() for path, held in content.files.items()})
    environment = hub.environment("ann", tmp_path)
    process = subprocess.Popen([sys.executable, "-c", CHILD, content.name, files], env=environment)
    pattern, until = CALLS[call], time.monotonic() + 60
    while sum(fnmatchcase(one["call"].split("?")[0], pattern) for one in hub.calls()) <= skip:
        assert process.poll() is None and time.monotonic() < until
        PAUSE.wait(0.02)
    made = (call, kind) in (("commit", "slow_answer"), ("tree", "slow"))
    while made and head_commit(hub, content) != "Publish":
        assert time.monotonic() < until
        PAUSE.wait(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert (head_commit(hub, content) == "Publish") == made
    assert until_done(ann, content) == 0
    assert_as_undisturbed(hub, ann, content)


def test_a_commit_is_tried_five_times_as_late_as_the_hub_asks_and_the_large_file_goes_up_once(hub, ann) -> None:
    content, waits = some_content(), []
    hub.fail(CALLS["commit"], 503, retry_after=7, times=5)
    with pytest.raises(Stopped, match="status 503.*nothing was committed .large files that went up stay.*wait 7 sec"):
        publish(ann, content, waits=waits)
    assert waits == [7.0] * 4 and len(hub.calls("/commit/")) == 5
    assert until_done(ann, content) == 0
    assert_as_undisturbed(hub, ann, content)


def test_where_a_lost_commit_cannot_be_looked_for_that_is_said_and_the_next_run_finds_it(hub, ann) -> None:
    content = some_content()
    ann.create_repo(content.name)
    hub.calm()
    hub.fail(CALLS["commit"], "lost")
    hub.fail(f"GET /api/models/{content.name}", 503, skip=2, retry_after=0, times=5)
    with pytest.raises(Stopped, match="status 503.*; whether it was done is not known. To go on: .*run the same"):
        publish(ann, content)
    assert until_done(ann, content) == 0
    assert_as_undisturbed(hub, ann, content)


def test_a_page_of_a_server_in_between_is_waited_out(hub, ann) -> None:
    content, waits = some_content(), []
    page = {"content-type": "text/html"}
    hub.fail(CALLS["validate-yaml"], 503, message="<html>busy</html>", headers=page)
    publish(ann, content, waits=waits)
    assert waits == [1.0]
    assert_as_undisturbed(hub, ann, content)


def test_large_files_with_one_content_go_up_once(hub, ann, tmp_path) -> None:
    content = some_content()
    large = tmp_path / "of this machine"
    large.write_bytes(content.read("model.safetensors"))
    content.files.update({"model.safetensors": large, "b/model.safetensors": large})
    publish(ann, content)
    assert_as_undisturbed(hub, ann, content)


def test_what_only_the_hub_has_goes_with_prune_and_not_otherwise(hub, ann) -> None:
    content = some_content()
    publish(ann, content)
    by_hand(ann, content, {"old/notes.txt": b"1"})
    assert publish(ann, content).files == 0 and "old/notes.txt" in held(hub, content)
    sent = publish(ann, content, prune=True)
    assert (sent.files, sent.bytes, sent.done) == (1, 0, (f"1 removed in commit {sent.commit[:12]}",))
    assert held(hub, content) == dict(content.files)
    assert ann.file_exists(content.name, ".gitattributes")
    assert publish(ann, content, prune=True).files == 0


def by_hand(api: HfApi, content: Content, files: dict[str, bytes | None]) -> None:
    made = [
        CommitOperationDelete(path) if data is None else CommitOperationAdd(path, data) for path, data in files.items()
    ]
    api.create_commit(content.name, made, commit_message="by hand", repo_type=content.repo_type)


@pytest.fixture
def ben(hub, ann) -> HfApi:
    return HfApi(endpoint=hub.url, token="hf_ben")


@pytest.fixture
def changed(hub, ann) -> Content:
    """A content that was published, and of which one small and one large file are others now."""
    content = some_content()
    publish(ann, content)
    content.files["config.json"] = b'{"a": 1}\n'
    content.files["model.safetensors"] = content.name.encode() * 501
    hub.calm()
    return content


def test_a_push_in_between_that_touches_no_planned_file_is_built_on(hub, ann, ben, changed) -> None:
    here = place(ann, changed)
    plan = make_plan(here, changed, prune=False)
    by_hand(ben, changed, {"other.txt": b"1"})
    sent = send(here, changed, plan, message="Publish", prune=False)
    assert sent.files == 2 and held(hub, changed) == {**changed.files, "other.txt": b"1"}
    assert titles(ann, changed) == ["Publish", "by hand", "Publish", "initial commit"]
    assert [one["answer"] for one in hub.calls("/commit/main")] == [200, 412, 200] and len(completed(hub)) == 1


@pytest.mark.parametrize(
    ("pushed", "prune", "named"),
    [
        ({"config.json": b"[]"}, False, "changed config.json;"),
        ({"a/notes.txt": None, "README.md": b"---\na: 1\n---\n"}, False, "changed README.md, a/notes.txt;"),
        ({"other.txt": b"1"}, True, "changed other.txt;"),
    ],
)
def test_a_push_in_between_that_touches_a_planned_file_is_shown(hub, ann, ben, changed, pushed, prune, named) -> None:
    here = place(ann, changed)
    plan = make_plan(here, changed, prune=prune)
    by_hand(ben, changed, pushed)
    before = held(hub, changed)
    with pytest.raises(Stopped, match=f"someone else wrote to it meanwhile and {named} nothing was committed.*plans"):
        send(here, changed, plan, message="Publish", prune=prune)
    assert held(hub, changed) == before
    publish(ann, changed, prune=prune)
    assert held(hub, changed) == dict(changed.files) and all(count == 1 for count in completed(hub).values())


def test_a_push_in_between_of_the_very_same_is_enough(hub, ann, ben, changed) -> None:
    here = place(ann, changed)
    plan = make_plan(here, changed, prune=False)
    by_hand(ben, changed, {path: changed.files[path] for path in ("config.json", "model.safetensors")})
    hub.calm()
    sent = send(here, changed, plan, message="Publish", prune=False)
    assert sent.commit == head_of(ann, changed) and titles(ann, changed)[0] == "by hand"
    assert not completed(hub) and not hub.calls("/commit/main")


def test_a_head_that_never_stands_still_is_left(hub, ann, changed) -> None:
    hub.fail(CALLS["commit"], 412, times=9)
    with pytest.raises(Stopped, match="others keep writing to it; nothing was committed"):
        publish(ann, changed)
    assert len(hub.calls("/commit/main")) == 5


def test_a_plan_of_before_its_repo_was_made_is_carried_out(hub, ann, ben) -> None:
    content = some_content("space")
    here = place(ann, content)
    plan = make_plan(here, content, prune=True)
    assert plan.head is None and create_repo(here, content, private=False) is True
    assert ann.repo_info(content.name, repo_type="space").sdk == "gradio"
    assert "README.md" in held(hub, content)
    sent = send(here, content, plan, message="Publish", prune=True)
    assert sent.files == 4 and held(hub, content) == dict(content.files)
    assert create_repo(here, content, private=False) is False


def test_a_new_repo_that_someone_else_filled_first_is_not_written_over(ann, ben) -> None:
    content = some_content()
    here = place(ann, content)
    plan = make_plan(here, content, prune=False)
    ben.create_repo(content.name)
    by_hand(ben, content, {"README.md": b"---\na: 1\n---\n"})
    with pytest.raises(Stopped, match="changed README.md; nothing was committed"):
        send(here, content, plan, message="Publish", prune=False)


def test_a_repo_is_made_private_and_a_public_one_is_not_made_so_in_silence(ann) -> None:
    content = some_content()
    here = place(ann, content)
    assert create_repo(here, content, private=True) and ann.repo_info(content.name).private
    assert create_repo(here, content, private=False) is False and ann.repo_info(content.name).private
    public = some_content()
    ann.create_repo(public.name)
    with pytest.raises(Stopped, match="is there and public, and --private was given; nothing was changed"):
        create_repo(place(ann, public), public, private=True)


@pytest.mark.parametrize("kind", ["lost", "lost_then", 503, "dropped", "halfway"])
def test_a_repo_is_made_once_though_the_answer_is_lost(hub, ann, kind) -> None:
    content = some_content()
    hub.fail("POST /api/repos/create", kind, status=503, retry_after=0)
    assert create_repo(place(ann, content), content, private=False) is True
    assert ann.repo_info(content.name).id == content.name


def test_a_tag_is_set_once_and_never_moved(hub, ann) -> None:
    content = some_content()
    first = publish(ann, content).commit
    here = place(ann, content)
    hub.fail("POST */tag/*", "lost")
    assert set_tag(here, "v1", first) is True and set_tag(here, "v1", first) is False
    assert len(hub.calls("/tag/")) == 1
    content.files["config.json"] = b"[]\n"
    second = publish(ann, content).commit
    with pytest.raises(Stopped, match=f"v1 is at commit {first[:12]} and not at {second[:12]}; it was not moved"):
        set_tag(here, "v1", second)
    assert ann.repo_info(content.name, revision="v1").sha == first
    for tag in ("", "a b", "../x", "main", "v1.lock", "x" * 200):
        with pytest.raises(InputFault, match="is not a valid name of a tag"):
            set_tag(here, tag, first)


LFS_JSON = {"content-type": "application/vnd.git-lfs+json"}


@pytest.mark.parametrize(
    ("call", "fault", "words"),
    [
        ("batch", {"kind": 403, "message": "Private repository storage limit reached"}, "takes no more .Private repos"),
        ("PUT", {"kind": 507}, "takes no more .*settings/billing"),
        ("commit", {"kind": 413, "message": "Payload too large"}, "takes no more .Payload too large"),
        ("commit", {"kind": 402, "message": "Payment required"}, "takes no more"),
        ("preupload", {"kind": 403, "message": "you need a write token"}, "not allowed with this token .you need"),
        ("PUT", {"kind": 400, "message": "no such hash"}, "status 400 .no such hash"),
    ],
)
def test_what_the_hub_refuses_is_said_in_its_words_and_nothing_is_committed(hub, ann, call, fault, words) -> None:
    content = some_content()
    hub.fail(CALLS[call], **fault)
    with pytest.raises(Stopped, match=f"{content.name} on .*{words}") as caught:
        publish(ann, content)
    assert "nothing was committed" in str(caught.value) and "run the same command again" in str(caught.value)
    assert titles(ann, content) == ["initial commit"]


def test_a_large_file_that_the_hub_does_not_take_is_said(hub, ann) -> None:
    content = some_content()
    refused = [{"oid": "0" * 64, "size": 1, "error": {"code": 422, "message": "this organisation is full"}}]
    hub.fail(CALLS["batch"], 200, message=json.dumps({"objects": refused}), headers=LFS_JSON)
    with pytest.raises(Stopped, match="does not take it .*this organisation is full.*nothing was committed"):
        publish(ann, content)


def test_a_card_that_the_hub_refuses_is_a_fault_and_one_that_it_complains_of_is_told(hub, ann) -> None:
    content = some_content()
    content.files["README.md"] = b"---\na: [\n---\n"
    with pytest.raises(InputFault, match="README.md: the Hub does not take its metadata .- invalid yaml"):
        publish(ann, content)
    assert not hub.calls("/preupload/")
    content.files["README.md"] = b"# no metadata\n"
    sent = publish(ann, content)
    assert sent.done[0] == "the Hub says of README.md: - empty or missing yaml metadata in repo card"


def test_a_file_that_a_gitignore_leaves_out_is_said(ann) -> None:
    content = some_content()
    ann.create_repo(content.name)
    by_hand(ann, content, {".gitignore": b"a/*.txt\n"})
    with pytest.raises(Stopped, match="not in it as they were planned: a/notes.txt.*gitignore.*remove it there"):
        publish(ann, content)


def test_who_may_not_write_is_told_what_to_do(hub, ann) -> None:
    content = some_content()
    for token, words in (
        (False, "you are not logged in.*no repo was made. To go on: log in with `hf auth login`, or set HF_TOKEN"),
        ("hf_read_ann", "only read.*take a token that may write to org"),
        ("hf_carl", "You don't have the rights.*org is no such organisation or user, or this token may"),
    ):
        with pytest.raises(Stopped, match=words):
            publish(HfApi(endpoint=hub.url, token=token), content)
    nowhere = some_content(owner="nobody")
    with pytest.raises(Stopped, match="nobody is no such organisation.*To go on: correct the name"):
        publish(ann, nowhere)
    ann.create_repo(content.name)
    with pytest.raises(Stopped, match="not allowed with this token .*only read.; nothing was committed"):
        publish(HfApi(endpoint=hub.url, token="hf_read_ann"), content)
    assert titles(ann, content) == ["initial commit"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "it has no Xet storage; nothing was committed.*set HF_HUB_DISABLE_XET=1, then run"),
        (403, "not allowed with this token .*403 Forbidden.*take a token that may write"),
    ],
)
def test_what_fails_about_xet_is_said_with_what_to_set(hub, ann, monkeypatch, status, words) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    if status:
        hub.fail("GET */xet-write-token/*", status)
    with pytest.raises(Stopped, match=words):
        publish(ann, some_content())
