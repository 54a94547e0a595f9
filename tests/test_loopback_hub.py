"""The loopback Hub answers huggingface_hub's own clients as the Hub does, and goes wrong as it is told."""

import subprocess
import sys
import urllib.error
import urllib.request
from itertools import count
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from loopback_repos import Repos, folder_hashes

# huggingface_hub's own upload of a large file calls its client in an old way
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NUMBERS = count(1)
LARGE = b"PAR1" + bytes(range(256)) * 40
COMMIT, PUT = "POST *commit/*", "PUT /_lfs/*"


@pytest.fixture
def keeper(hub) -> HfApi:
    return HfApi(endpoint=hub.url, token="hf_keeper")


@pytest.fixture
def ann(hub) -> HfApi:
    return HfApi(endpoint=hub.url, token="hf_ann")


@pytest.fixture
def repo(hub, keeper) -> str:
    """A dataset repo of an organisation that keeper belongs to and ann does not."""
    namespace = f"org{next(NUMBERS)}"
    hub.members(namespace, "keeper")
    return keeper.create_repo(f"{namespace}/data", repo_type="dataset").repo_id


def add(api: HfApi, repo: str, files: dict[str, bytes], title: str = "some files", **options):
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return api.create_commit(repo, operations, commit_message=title, repo_type="dataset", **options)


def paths(api: HfApi, repo: str, revision: str = "main", **options) -> list[str]:
    listed = api.list_repo_tree(repo, repo_type="dataset", revision=revision, **options)
    return [one.path for one in listed if one.path != ".gitattributes"]


def read(api: HfApi, repo: str, path: str, revision: str = "main") -> bytes:
    return Path(api.hf_hub_download(repo, path, repo_type="dataset", revision=revision)).read_bytes()


def test_what_is_committed_comes_back(hub, keeper, ann, repo) -> None:
    add(keeper, repo, {"a/b/log.jsonl": b"{}\n", "山 水.csv": b"x\n", "x.parquet": LARGE})
    assert paths(ann, repo, recursive=True) == ["a", "a/b", "a/b/log.jsonl", "x.parquet", "山 水.csv"]
    assert paths(ann, repo) == ["a", "x.parquet", "山 水.csv"]
    assert paths(ann, repo, path_in_repo="a/b") == ["a/b/log.jsonl"]
    assert [read(ann, repo, path) for path in ("a/b/log.jsonl", "山 水.csv", "x.parquet")] == [b"{}\n", b"x\n", LARGE]
    assert [one.path for one in ann.get_paths_info(repo, ["a", "x.parquet", "no"], repo_type="dataset")] == [
        "a",
        "x.parquet",
    ]
    assert len(hub.calls("PUT /_lfs")) == 1


def test_a_folder_is_downloaded_at_one_commit(keeper, ann, repo, tmp_path) -> None:
    first = add(keeper, repo, {"a/one": b"1", "a/two": b"1"}).oid
    add(keeper, repo, {"a/one": b"2", "a/two": b"2"})
    ann.snapshot_download(repo, repo_type="dataset", revision=first, local_dir=tmp_path, allow_patterns="a/*")
    assert [(tmp_path / "a" / name).read_bytes() for name in ("one", "two")] == [b"1", b"1"]


def test_an_unchanged_file_is_neither_sent_nor_committed_again(hub, keeper, repo) -> None:
    first = add(keeper, repo, {"log": b"{}\n", "x.parquet": LARGE})
    hub.calm()
    again = add(keeper, repo, {"log": b"{}\n", "x.parquet": LARGE})
    assert again.oid == first.oid
    assert not hub.calls("/commit/") and not hub.calls("PUT")


def test_content_that_another_repo_has_is_not_sent_again(hub, keeper, repo) -> None:
    add(keeper, repo, {"x.parquet": LARGE})
    hub.calm()
    add(keeper, repo, {"y.parquet": LARGE})
    assert hub.calls("objects/batch") and not hub.calls("PUT")


def test_a_part_of_a_file_can_be_asked_for(hub, keeper, repo) -> None:
    add(keeper, repo, {"x.parquet": LARGE})
    address = f"{hub.url}/datasets/{repo}/resolve/main/x.parquet"
    for asked, content in (("bytes=2-5", LARGE[2:6]), ("bytes=-3", LARGE[-3:])):
        with urllib.request.urlopen(urllib.request.Request(address, headers={"Range": asked}), timeout=20) as answer:
            assert (answer.status, answer.read()) == (206, content)
            assert answer.headers["Content-Range"].endswith(f"/{len(LARGE)}")
            assert answer.headers["X-Linked-Size"] == str(len(LARGE)) and answer.headers["X-Repo-Commit"]
    with pytest.raises(urllib.error.HTTPError, match="416"):
        urllib.request.urlopen(urllib.request.Request(address, headers={"Range": "bytes=999999-"}), timeout=20)


def test_a_commit_on_an_older_head_is_refused(keeper, repo) -> None:
    head = keeper.dataset_info(repo).sha
    add(keeper, repo, {"log": b"1"}, parent_commit=head)
    with pytest.raises(HfHubHTTPError, match="412"):
        add(keeper, repo, {"log": b"2"}, parent_commit=head)
    assert read(keeper, repo, "log") == b"1"


def test_files_and_folders_are_deleted(keeper, repo) -> None:
    add(keeper, repo, {"a/one": b"1", "a/two": b"1", "b": b"1"})
    gone = [CommitOperationDelete("a/"), CommitOperationDelete("b")]
    keeper.create_commit(repo, gone, commit_message="gone", repo_type="dataset")
    assert paths(keeper, repo) == []
    with pytest.raises(EntryNotFoundError):
        keeper.create_commit(repo, [CommitOperationDelete("b")], commit_message="gone", repo_type="dataset")


def test_a_pull_request_has_its_own_revision_and_changes_nothing_else(keeper, ann, repo) -> None:
    add(keeper, repo, {"log": b"1"})
    asked = add(ann, repo, {"inbox/x.parquet": LARGE, "inbox/y": b"2"}, "Submission", create_pr=True)
    assert (asked.pr_num, asked.pr_revision) == (1, "refs/pr/1")
    assert paths(ann, repo) == ["log"] and paths(ann, repo, "refs/pr/1") == ["inbox", "log"]
    assert read(keeper, repo, "inbox/x.parquet", "refs/pr/1") == LARGE
    assert keeper.dataset_info(repo, revision="refs/pr/1").sha == asked.oid
    add(ann, repo, {"inbox/y": b"3"}, revision="refs/pr/1")
    assert read(keeper, repo, "inbox/y", "refs/pr/1") == b"3" and read(keeper, repo, "inbox/y", asked.oid) == b"2"
    titles = [one.title for one in keeper.list_repo_commits(repo, repo_type="dataset", revision="refs/pr/1")]
    assert titles == ["some files", "Submission", "some files", "initial commit"]


def test_who_may_not_push_may_ask(ann, repo) -> None:
    with pytest.raises(HfHubHTTPError, match="create_pr=1"):
        add(ann, repo, {"log": b"1"})
    add(ann, repo, {"log": b"1"}, create_pr=True)


def test_pull_requests_are_discussed_and_closed(keeper, ann, repo) -> None:
    for number in range(7):
        add(ann, repo, {f"file {number}": b"1"}, f"Submission {number}", create_pr=True)
    keeper.comment_discussion(repo, 3, "thank you", repo_type="dataset")
    keeper.change_discussion_status(repo, 3, "closed", repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match="403"):
        HfApi(endpoint=keeper.endpoint, token="hf_ben").change_discussion_status(repo, 4, "closed", repo_type="dataset")
    ann.change_discussion_status(repo, 5, "closed", comment="mine", repo_type="dataset")
    still = [one.num for one in keeper.get_repo_discussions(repo, repo_type="dataset", discussion_status="open")]
    assert still == [7, 6, 4, 2, 1]
    whole = keeper.get_discussion_details(repo, 3, repo_type="dataset")
    assert (whole.status, whole.author, whole.is_pull_request) == ("closed", "ann", True)
    assert [(event.type, event.author) for event in whole.events] == [
        ("comment", "ann"),
        ("commit", "ann"),
        ("comment", "keeper"),
        ("status-change", "keeper"),
    ]
    assert whole.events[2].content == "thank you"


def test_merging_takes_what_the_pull_request_changed_and_keeps_what_came_since(keeper, ann, repo) -> None:
    add(keeper, repo, {"log": b"1", "old": b"1"})
    add(ann, repo, {"inbox/y": b"2"}, create_pr=True)
    add(keeper, repo, {"log": b"2"})
    with pytest.raises(HfHubHTTPError, match="403"):
        ann.merge_pull_request(repo, 1, repo_type="dataset")
    keeper.merge_pull_request(repo, 1, repo_type="dataset")
    assert paths(keeper, repo) == ["inbox", "log", "old"] and read(keeper, repo, "log") == b"2"
    assert keeper.get_discussion_details(repo, 1, repo_type="dataset").status == "merged"


def test_what_is_not_there_says_what_is_missing(hub, ann, repo) -> None:
    with pytest.raises(RepositoryNotFoundError, match="404"):
        ann.dataset_info("nobody/nothing")
    with pytest.raises(RepositoryNotFoundError, match="401"):
        HfApi(endpoint=hub.url, token=False).dataset_info("nobody/nothing")
    with pytest.raises(RevisionNotFoundError):
        ann.dataset_info(repo, revision="v9")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(repo, "no.csv", repo_type="dataset", endpoint=hub.url)
    assert not ann.file_exists(repo, "no.csv", repo_type="dataset")


def test_a_private_and_a_gated_repo_are_for_members(keeper, ann, repo) -> None:
    add(keeper, repo, {"log": b"1"})
    keeper.update_repo_settings(repo, repo_type="dataset", gated="auto")
    with pytest.raises(GatedRepoError):
        read(ann, repo, "log")
    keeper.update_repo_settings(repo, repo_type="dataset", private=True)
    with pytest.raises(RepositoryNotFoundError):
        ann.dataset_info(repo)
    assert read(keeper, repo, "log") == b"1"


def test_a_wrong_token_and_one_that_may_only_read_are_refused(hub, repo) -> None:
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        HfApi(endpoint=hub.url, token="no").dataset_info(repo)
    reader = HfApi(endpoint=hub.url, token="hf_read_keeper")
    assert reader.dataset_info(repo).id == repo
    with pytest.raises(HfHubHTTPError, match="403"):
        add(reader, repo, {"log": b"1"})
    with pytest.raises(HfHubHTTPError, match="401"):
        add(HfApi(endpoint=hub.url, token=False), repo, {"log": b"1"}, create_pr=True)


def test_a_space_has_its_kind_and_a_page_from_the_start(hub, keeper, repo) -> None:
    name = keeper.create_repo(repo, repo_type="space", space_sdk="gradio").repo_id
    assert keeper.space_info(name).sdk == "gradio"
    assert set(keeper.list_repo_files(name, repo_type="space")) == {".gitattributes", "README.md"}
    call = urllib.request.Request(f"{hub.url}/api/spaces/{name}/xet-write-token/main")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(call, timeout=20)


def test_a_file_that_is_ignored_is_left_out(keeper, repo) -> None:
    add(keeper, repo, {".gitignore": b"*.log\n"})
    add(keeper, repo, {"a.log": b"1", "b.txt": b"1"})
    assert paths(keeper, repo) == [".gitignore", "b.txt"]


def test_a_call_says_whether_its_answer_went_out_whole(hub, keeper, repo) -> None:
    hub.calm()
    hub.fail("GET */refs", "slow_answer", seconds=0.01)
    hub.fail("GET */refs", "halfway")
    keeper.list_repo_refs(repo, repo_type="dataset")
    with pytest.raises(Exception, match="closed"):
        keeper.list_repo_refs(repo, repo_type="dataset")
    assert [(one["answer"], one["whole"]) for one in hub.calls("/refs")] == [(200, True), (200, False)]


def test_a_repo_is_made_once_and_only_in_ones_own_namespaces(keeper, ann, repo) -> None:
    keeper.create_repo(repo, repo_type="dataset", exist_ok=True)
    with pytest.raises(HfHubHTTPError, match="409"):
        keeper.create_repo(repo, repo_type="dataset")
    with pytest.raises(HfHubHTTPError, match="403"):
        ann.create_repo(f"{repo}-of-ann", repo_type="dataset")
    assert ann.whoami()["name"] == "ann"
    mine = ann.create_repo(f"ann/model{next(NUMBERS)}", private=True).repo_id
    assert ann.model_info(mine).private
    ann.delete_repo(mine)
    assert not ann.repo_exists(mine)


def test_a_card_that_is_no_yaml_is_refused_before_anything_is_sent(hub, keeper, repo) -> None:
    with pytest.raises(ValueError, match="Invalid metadata"):
        add(keeper, repo, {"README.md": b"---\na: [\n---\n"})
    assert not hub.calls("/commit/")
    add(keeper, repo, {"README.md": b"---\npretty_name: Board\n---\n"})
    assert keeper.dataset_info(repo).card_data["pretty_name"] == "Board"


def test_a_tag_stays_where_it_was_set(keeper, repo) -> None:
    add(keeper, repo, {"log": b"1"})
    keeper.create_tag(repo, tag="v1", repo_type="dataset")
    add(keeper, repo, {"log": b"2"})
    assert read(keeper, repo, "log", "v1") == b"1"
    assert [one.name for one in keeper.list_repo_refs(repo, repo_type="dataset").tags] == ["v1"]


def test_long_lists_come_in_pages(hub, keeper, repo) -> None:
    add(keeper, repo, {f"a file/{number:02d}": b"1" for number in range(60)})
    hub.calm()
    assert len(paths(keeper, repo, recursive=True, expand=True)) == 61
    assert len(hub.calls("/tree/")) == 2


def test_hashes_are_those_of_git(tmp_path) -> None:
    repos = Repos(tmp_path / "hub")
    contents = {"a/b": b"1", "a.txt": b"2", "a-z": b"3", "a/c/山": b"4", "z": b""}
    files = {path: repos.regular(content) for path, content in contents.items()}
    work = tmp_path / "work"
    for path, content in contents.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_bytes(content)

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=work, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", ".")
    assert folder_hashes(files)[""] == git("write-tree")
    assert folder_hashes(files)["a"] == git("write-tree", "--prefix=a/")
    assert files["a/b"]["oid"] == git("hash-object", "a/b")


def test_a_hub_started_again_goes_on(tmp_path) -> None:
    before = Repos(tmp_path)
    made = before.create("dataset", "org/data", "keeper", False)
    oid = before.commit(made, "main", {"log": before.regular(b"1")}, "one", "keeper")
    before.save(made)
    after = Repos(tmp_path)
    assert after.at(after.get("dataset", "org/data"), "main")["oid"] == oid


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_a_status_is_answered_as_often_as_asked_and_nothing_is_done(hub, keeper, repo, status) -> None:
    hub.fail(COMMIT, status, skip=1, retry_after=7)
    add(keeper, repo, {"log": b"1"})
    with pytest.raises(HfHubHTTPError, match=str(status)) as caught:
        add(keeper, repo, {"log": b"2"})
    assert caught.value.response.headers["Retry-After"] == "7"
    assert read(keeper, repo, "log") == b"1"
    add(keeper, repo, {"log": b"2"})
    assert [one["answer"] for one in hub.calls("/commit/")] == [200, status, 200]


@pytest.mark.parametrize(
    ("kind", "done"),
    [
        ("dropped", False),
        ("cut_upload", False),
        ("spoiled_upload", False),
        ("lost", True),
        ("lost_then", True),
        ("halfway", True),
    ],
)
def test_a_connection_that_ends_does_what_was_asked_or_not(hub, keeper, repo, kind, done) -> None:
    hub.fail(COMMIT, kind)
    with pytest.raises(Exception, match="disconnected|reset|closed|500|Broken|no JSON"):
        add(keeper, repo, {"log": b"1" * 100_000})
    assert paths(keeper, repo) == (["log"] if done else [])


def test_an_upload_that_is_cut_off_is_sent_again(hub, keeper, repo, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    for kind in ("cut_upload", "lost", 503):
        hub.fail(PUT, kind)
    content = LARGE * 100
    add(keeper, repo, {"x.parquet": content})
    assert read(keeper, repo, "x.parquet") == content
    assert [one["answer"] for one in hub.calls("PUT")] == ["dropped", "dropped", 503, 200]


def test_a_download_that_ends_halfway_goes_on_from_there(hub, keeper, repo, monkeypatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    add(keeper, repo, {"x.parquet": LARGE})
    hub.fail("GET */resolve/*", "halfway")
    assert read(keeper, repo, "x.parquet") == LARGE
    assert [one["answer"] for one in hub.calls("GET /datasets")] == [200, 206]


def test_content_can_be_spoiled_and_answers_come_late(hub, keeper, repo) -> None:
    add(keeper, repo, {"log": b"12"})
    hub.fail("GET */resolve/*", "spoiled")
    hub.fail("GET */tree/*", "slow", seconds=0.05)
    assert read(keeper, repo, "log") == b"02"
    assert paths(keeper, repo) == ["log"]


def test_a_process_of_its_own_finds_the_hub_by_its_environment(hub, keeper, repo, tmp_path) -> None:
    add(keeper, repo, {"log": b"1"})
    environment = hub.environment("ann", tmp_path)
    assert environment["HF_ENDPOINT"] == hub.url and environment["HF_TOKEN"] == "hf_ann"
    program = (
        "import sys; from huggingface_hub import hf_hub_download as get; print(get(*sys.argv[1:], repo_type='dataset'))"
    )
    call = [sys.executable, "-c", program, repo, "log"]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    place = Path(done.stdout.strip())
    assert place.is_relative_to(tmp_path) and place.read_bytes() == b"1"


def test_a_fault_of_an_unknown_kind_is_no_fault(hub) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        hub.fail(COMMIT, "sometimes")
