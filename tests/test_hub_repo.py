"""Names and addresses that no Hub can have are a fault, before the client fails with an error of its own."""

import pytest
from huggingface_hub import HfApi

from ppaint.foundation.faults import InputFault
from ppaint.hub.hub_repo import HubRepo, checked_repo_name


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
