"""The calls of a loopback Hub that bring content: preupload, LFS, commit."""

from __future__ import annotations

import base64
import hashlib
import json
from fnmatch import fnmatch
from urllib.parse import unquote

from fastapi import APIRouter, Request
from loopback_access import Refused, commit_of, may_push, page_of, repo_of, repos_of
from loopback_repos import Repos

calls = APIRouter()


@calls.post("/api/{kinds}/{namespace}/{name}/preupload/{revision}")
async def preupload(request: Request, kinds: str, namespace: str, name: str, revision: str, create_pr: str = ""):
    repo, user = repo_of(request, kinds, namespace, name, writes=True)
    _check_push(request, repo, user, unquote(revision), create_pr)
    there, answers = commit_of(request, repo, revision)["files"], []
    sent = await request.json()
    ignored = sent.get("gitIgnore", "")
    if not ignored and ".gitignore" in there:
        ignored = repos_of(request).object(there[".gitignore"]["sha256"]).read_text(encoding="utf-8")
    for file in sent["files"]:
        large, entry = repos_of(request).is_large(repo, file["path"], file["size"]), there.get(file["path"])
        oid = None if entry is None else entry["sha256" if entry["lfs"] else "oid"]
        answer = {
            "path": file["path"],
            "uploadMode": "lfs" if large else "regular",
            "shouldIgnore": any(fnmatch(file["path"], pattern) for pattern in ignored.split()),
            "oid": oid,
        }
        answers.append(answer)
    return {"files": answers}


def _check_push(request: Request, repo: dict, user: str, ref: str, create_pr: str) -> None:
    if not create_pr and not may_push(request, repo, user, ref):
        raise Refused(403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request")


@calls.post("/{namespace}/{name}.git/info/lfs/objects/batch")
@calls.post("/{kinds}/{namespace}/{name}.git/info/lfs/objects/batch")
async def batch(request: Request, namespace: str, name: str, kinds: str = "models"):
    repo, user = repo_of(request, kinds, namespace, name, writes=True)
    wanted = await request.json()
    if "ref" in wanted and not may_push(request, repo, user, wanted["ref"]["name"]):
        raise Refused(403, "Authorization error.")
    base, objects = str(request.base_url), []
    for one in wanted["objects"]:
        objects.append({"oid": one["oid"], "size": one["size"], "authenticated": True})
        if not repos_of(request).object(one["oid"]).exists():
            upload, verify = f"{base}_lfs/{one['oid']}", f"{base}_lfs/{one['oid']}/verify"
            objects[-1]["actions"] = {"upload": {"href": upload}, "verify": {"href": verify}}
    return {"transfer": "basic", "objects": objects}


@calls.put("/_lfs/{oid}")
async def put(request: Request, oid: str):
    content = await request.body()
    if hashlib.sha256(content).hexdigest() != oid:
        raise Refused(400, "the content is not what its hash says")
    repos_of(request).keep(content)
    return {}


@calls.post("/_lfs/{oid}/verify")
async def verify(request: Request, oid: str):
    sent, kept = await request.json(), repos_of(request).object(oid)
    if sent["oid"] != oid or not kept.exists() or kept.stat().st_size != sent["size"]:
        raise Refused(404, "the object was not uploaded whole")
    return {}


@calls.post("/api/{kinds}/{namespace}/{name}/commit/{revision}")
async def commit(request: Request, kinds: str, namespace: str, name: str, revision: str, create_pr: str = ""):
    try:
        lines = [json.loads(line) for line in (await request.body()).splitlines()]
    except ValueError as error:
        raise Refused(400, "a line of the commit is no JSON") from error
    repo, user = repo_of(request, kinds, namespace, name, writes=True)
    ref, header = unquote(revision), lines[0]["value"]
    _check_push(request, repo, user, ref, create_pr)
    head = commit_of(request, repo, revision)
    if header.get("parentCommit") not in (None, head["oid"]):
        raise Refused(412, "A commit has happened since. Please refresh and try again.")
    files = dict(head["files"])
    for line in lines[1:]:
        _apply(repos_of(request), files, line["key"], line["value"])
    title, text, number = header["summary"], header.get("description", ""), None
    if create_pr:
        discussion = repos_of(request).discuss(repo, title, text, user, pull_request=True)
        number, ref = discussion["num"], f"refs/pr/{discussion['num']}"
    oid = repos_of(request).commit(repo, ref, files, title, user, text=text, parents=[head["oid"]])
    if ref.startswith("refs/pr/"):
        discussion = repo["discussions"][int(ref.rsplit("/", 1)[-1]) - 1]
        repos_of(request).say(repo, discussion, "commit", user, {"subject": title, "oid": oid})
    repos_of(request).save(repo)
    page = page_of(request, repo)
    asked = f"{page}/discussions/{number}" if number else None
    return {"success": True, "commitOid": oid, "commitUrl": f"{page}/commit/{oid}", "pullRequestUrl": asked}


def _apply(repos: Repos, files: dict[str, dict], key: str, value: dict) -> None:
    """One line of a commit."""
    path = value["path"]
    if ".." in path.split("/") or path.startswith("/") or ".git" in path.split("/"):
        raise Refused(400, f"Invalid path: {path}")
    if key == "file":
        files[path] = repos.regular(base64.b64decode(value["content"]))
    elif key == "lfsFile":
        if not repos.object(value["oid"]).exists():
            raise Refused(400, f"LFS pointer pointed to a file that does not exist: {path}")
        files[path] = repos.large(value["oid"])
    elif key == "deletedFile":
        if files.pop(path, None) is None:
            raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    elif key == "deletedFolder":
        inside = [one for one in files if one.startswith(f"{path.rstrip('/')}/")]
        if not inside:
            raise Refused(404, f"A folder with this name doesn't exist: {path}", "EntryNotFound")
        for one in inside:
            del files[one]
    else:
        raise Refused(400, f"Unknown operation: {key}")
