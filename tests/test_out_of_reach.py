"""A repo that cannot be read: each loader says whether it is gated, private, without that revision or without that file, and what to do."""

from itertools import count
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from ppaint.foundation.faults import InputFault
from ppaint.model_card import AestheticScorer
from ppaint.model_card.judge import Judge
from ppaint.spaces_demo.served_repos import dataset_snapshot
from ppaint.spaces_demo.space_file import NamedRepo

LOADERS = {
    "scorer": ("model", lambda repo, revision: AestheticScorer.from_pretrained(repo, revision=revision)),
    "judge": ("model", lambda repo, revision: Judge.from_pretrained(repo, dimensions=["overall"], revision=revision)),
    "release or board": ("dataset", lambda repo, revision: dataset_snapshot(NamedRepo(repo, revision))),
}

NUMBERS = count()  # the Hub is one for all tests of a process


@pytest.fixture(params=LOADERS)
def loader(request, hub, tmp_path, monkeypatch):
    """A repo of its own kind with one file, and what loads from it."""
    kind, load = LOADERS[request.param]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    name, api = f"ann/out-of-reach-{next(NUMBERS)}", HfApi(endpoint=hub.url, token="hf_ann")
    api.create_repo(name, repo_type=kind, exist_ok=True)
    api.upload_file(path_or_fileobj=b"text", path_in_repo="other.txt", repo_id=name, repo_type=kind)
    return api, name, kind, load


def fault_of(loader, revision=None, name=None):
    _, own, _, load = loader
    with pytest.raises(InputFault) as told:
        load(name or own, revision)
    (fault,) = told.value.faults
    return fault


def test_a_gated_repo_says_to_ask_for_access(loader):
    api, name, kind, _ = loader
    api.update_repo_settings(name, repo_type=kind, gated="auto")
    fault = fault_of(loader)
    assert fault.what == "the repo is gated"
    assert "ask for access on its page, then log in (`hf auth login`), or set HF_TOKEN" in fault.fix


def test_a_private_repo_or_none_says_that_it_may_be_private_and_how_to_log_in(loader):
    api, name, kind, _ = loader
    api.update_repo_settings(name, repo_type=kind, private=True)
    for other in (name, "ann/nowhere"):
        fault = fault_of(loader, name=other)
        assert fault.what == f"no such folder, and no such {kind} repo on the Hub, or it is private"
        assert "for a private one log in" in fault.fix and fault.file == other


def test_a_revision_that_is_not_there_is_named(loader):
    fault = fault_of(loader, "v9")
    assert fault.file == f"{loader[1]}@v9" and fault.what == "the repo is there, and has no revision 'v9'"


def test_a_repo_without_the_file_is_said_to_hold_none(loader):
    api, name, kind, load = loader
    if kind == "dataset":  # all files that are there come; what reads them says what is missing
        assert Path(load(name, None)[0], "other.txt").read_text() == "text"
    else:
        assert "the repo is there, and has no" in fault_of(loader).what


def test_no_hub_within_reach_is_said(loader, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "repo within reach" in fault_of(loader).what
