"""An upload makes one commit, sends each large file once, and is carried on where it was stopped."""

import json
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from ppaint.foundation.stopped import Stopped
from ppaint.hub.hub_repo import HubRepo
from ppaint.publishing.content import Content
from ppaint.publishing.plan import make_plan
from ppaint.publishing.upload import Sent, create_repo, send

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


def completed(hub) -> Counter:
    """How often each object's upload was answered as done."""
    return Counter(one["call"] for one in hub.calls("PUT /_lfs/") if one["answer"] == 200 and one["whole"])


def assert_as_undisturbed(hub, api: HfApi, content: Content) -> None:
    assert held(hub, content) == dict(content.files)
    assert titles(api, content) == ["Publish", "initial commit"]
    uploads = completed(hub)
    assert len(uploads) <= 1 and max(uploads.values(), default=1) == 1
    made = [one for one in hub.calls("/commit/") if one["answer"] == 200 and one["whole"]]
    assert len(made) <= 1
    hub.calm()
    again = publish(api, content)
    assert (again.files, again.bytes, again.done) == (0, 0, ()) and again.commit == api.repo_info(content.name).sha
    assert all(one["call"].startswith("GET ") and one["sent"] == 0 for one in hub.calls())


def test_a_content_goes_up_in_one_commit(hub, ann) -> None:
    content = some_content()
    sent = publish(ann, content)
    assert sent.url == f"{hub.url}/{content.name}/commit/{sent.commit}" and sent.files == 4
    assert sent.bytes == sum(map(len, content.files.values()))
    assert sent.done == (f"4 new in commit {sent.commit[:12]}",)
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
    assert stopped <= 1
    assert_as_undisturbed(hub, ann, content)
