"""Who calls a loopback Hub, which repository is meant, and what is refused."""

from __future__ import annotations

from urllib.parse import unquote

from fastapi import Request
from loopback_repos import Repos

NOT_LOGGED_IN = "Invalid username or password."


class Refused(Exception):
    def __init__(self, status: int, message: str, code: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **headers}


def user_of(request: Request, *, writes: bool = False) -> str | None:
    """Who calls; None without a token, which no writing call may be."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    name = token.removeprefix("hf_read_").removeprefix("hf_")
    if token and (not token.startswith("hf_") or not name.isalnum()):
        raise Refused(401, "Invalid credentials in Authorization header")
    if writes and not token:
        # The real one sends no code with this 401; its clients know by the https address. This address is http.
        raise Refused(401, NOT_LOGGED_IN, "RepoNotFound")
    if writes and token.startswith("hf_read_"):
        raise Refused(403, "Forbidden: this token may only read")
    return name or None


def repos_of(request: Request) -> Repos:
    return request.app.state.repos


def is_member(request: Request, user: str | None, namespace: str) -> bool:
    return user is not None and (user == namespace or user in repos_of(request).members.get(namespace, ()))


def repo_of(
    request: Request, kinds: str, namespace: str, name: str, *, writes: bool = False
) -> tuple[dict, str | None]:
    """The repository of a call, and who calls; one that the caller may not see is answered as if there were none."""
    user = user_of(request, writes=writes)
    repo = repos_of(request).get(kinds.removesuffix("s"), f"{namespace}/{unquote(name)}")
    if repo is None or (repo["private"] and not is_member(request, user, namespace)):
        raise Refused(404 if user else 401, "Repository not found" if user else NOT_LOGGED_IN, "RepoNotFound")
    return repo, user


def commit_of(request: Request, repo: dict, revision: str) -> dict:
    if (commit := repos_of(request).at(repo, unquote(revision))) is None:
        raise Refused(404, f"Invalid rev id: {unquote(revision)}", "RevisionNotFound")
    return commit


def page_of(request: Request, repo: dict) -> str:
    """The address of a repository's page."""
    prefix = "" if repo["kind"] == "model" else f"{repo['kind']}s/"
    return f"{str(request.base_url).rstrip('/')}/{prefix}{repo['name']}"


def may_push(request: Request, repo: dict, user: str, ref: str) -> bool:
    """Members push anywhere, the author of a pull request to it."""
    if is_member(request, user, repo["name"].split("/")[0]):
        return True
    number = ref.removeprefix("refs/pr/")
    return ref != number and number.isdigit() and repo["discussions"][int(number) - 1]["author"] == user
