"""Names and addresses that no Hub can have are a fault, before the client fails with an error of its own; a silent Hub is left."""

import importlib
import socket

import pytest
from huggingface_hub import HfApi, get_session

from ppaint.foundation.faults import InputFault
from ppaint.foundation.stopped import Stopped
from ppaint.hub import patience
from ppaint.hub.hub_repo import TRIES, HubRepo, checked_repo_name


@pytest.mark.parametrize(
    "endpoint",
    ["http://[::1", "http://127.0.0.1:99999", "http://127.0.0.1:x", "huggingface.co", "ftp://a.b", "http://"],
)
def test_an_address_at_which_no_hub_can_be(endpoint):
    with pytest.raises(InputFault, match="HF_ENDPOINT.*no address of a Hub"):
        HubRepo("org/name", HfApi(endpoint=endpoint))


@pytest.mark.parametrize("name", ["org/name", "o/n", "Org-1/a.b_c-d"])
def test_names_that_repos_have(name):
    assert checked_repo_name(name) == name


def test_a_hub_that_says_nothing_is_left_after_a_while(monkeypatch):
    monkeypatch.setattr(patience, "PATIENCE", 0.1)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and reads none
        waited = []
        hub = HubRepo("org/name", HfApi(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}"), waited.append)
        with pytest.raises(Stopped, match="out of reach .*timed out"):
            hub.head()
    assert waited == []  # what took so long may yet be done: it is not asked again
    hooks = get_session().event_hooks["request"]
    assert hooks.count(patience._limited) == 1


@pytest.mark.parametrize(
    ("own", "kind", "again"),
    [(None, "ReadTimeout", False), (10.0, "ReadTimeout", True), (None, "ConnectTimeout", True)],
)
def test_what_the_library_itself_gave_up_soon_is_asked_again(monkeypatch, own, kind, again):
    request = get_session().build_request("GET", "http://127.0.0.1/", timeout=own)
    patience._limited(request)
    client = importlib.import_module(type(get_session()).__module__.split(".")[0])  # httpx, or what follows it
    waited, hub = [], HubRepo("org/name", HfApi(endpoint="http://127.0.0.1:1"))
    hub.wait = waited.append

    def call():
        raise getattr(client, kind)("timed out", request=request)

    with pytest.raises(Stopped, match="timed out"):
        hub.ask("nothing was done", call)
    assert len(waited) == (TRIES - 1 if again else 0)


def test_a_limit_of_the_librarys_own_stays():
    request = get_session().build_request("GET", "http://127.0.0.1/", timeout=3.0)
    patience._limited(request)
    assert set(request.extensions["timeout"].values()) == {3.0}
    request = get_session().build_request("GET", "http://127.0.0.1/", timeout=None)
    patience._limited(request)
    assert set(request.extensions["timeout"].values()) == {patience.PATIENCE}
