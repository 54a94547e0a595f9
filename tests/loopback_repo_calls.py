"""The calls of a loopback Hub about repositories: made, described, listed, downloaded from."""

from __future__ import annotations

from urllib.parse import unquote, urlencode

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse
from huggingface_hub.repocard import REGEX_YAML_BLOCK
from loopback_access import NOT_LOGGED_IN, Refused, commit_of, is_member, page_of, repo_of, repos_of, user_of
from loopback_repos import folder_hashes

A_PAGE, A_PAGE_EXPANDED = 100, 50  # the Hub lists 1000 on a page, and 50
calls = APIRouter()


@calls.get("/api/whoami-v2")
async def whoami(request: Request):
    if (user := user_of(request)) is None:
        raise Refused(401, NOT_LOGGED_IN)
    orgs = [{"name": org, "roleInOrg": "write"} for org, names in repos_of(request).members.items() if user in names]
    return {
        "type": "user",
        "id": user,
        "name": user,
        "fullname": user,
        "orgs": orgs,
        "auth": {"type": "access_token"},
    }


@calls.post("/api/validate-yaml")
async def validate_yaml(request: Request):
    head = REGEX_YAML_BLOCK.search((await request.json())["content"])
    if head is None:
        return {"errors": [], "warnings": [{"message": "empty or missing yaml metadata in repo card"}]}
    try:
        sound = isinstance(yaml.safe_load(head.group(2)), dict)
    except yaml.YAMLError:
        sound = False
    errors = [] if sound else [{"message": "invalid yaml metadata in repo card"}]
    return JSONResponse({"errors": errors, "warnings": []}, 400 if errors else 200)


@calls.post("/api/repos/create")
async def create(request: Request):
    user, wanted = user_of(request, writes=True), await request.json()
    namespace, kind = wanted.get("organization") or user, wanted.get("type") or "model"
    name = f"{namespace}/{wanted['name']}"
    if not is_member(request, user, namespace):
        raise Refused(403, f'You don\'t have the rights to create a {kind} under the namespace "{namespace}"')
    if (repo := repos_of(request).get(kind, name)) is not None:
        said = {"error": f"You already created this {kind} repo", "url": page_of(request, repo), "id": name}
        return JSONResponse(said, 409)
    private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
    if kind == "space" and not wanted.get("sdk"):
        raise Refused(400, "a Space needs an sdk")
    repo = repos_of(request).create(kind, name, user, private, wanted.get("sdk") if kind == "space" else None)
    return {"url": page_of(request, repo), "id": name, "name": name}


@calls.delete("/api/repos/delete")
async def delete(request: Request):
    user, wanted = user_of(request, writes=True), await request.json()
    namespace = wanted.get("organization") or user
    repo, user = repo_of(request, f"{wanted.get('type') or 'model'}s", namespace, wanted["name"], writes=True)
    if not is_member(request, user, namespace):
        raise Refused(403, "Forbidden: only its members may delete it")
    repos_of(request).remove(repo)
    return {}


@calls.put("/api/{kinds}/{namespace}/{name}/settings")
async def settings(request: Request, kinds: str, namespace: str, name: str):
    repo, user = repo_of(request, kinds, namespace, name, writes=True)
    if not is_member(request, user, namespace):
        raise Refused(403, "Forbidden: only its members may change it")
    wanted = await request.json()
    repo["gated"] = wanted.get("gated", repo["gated"])
    repo["private"] = wanted.get("visibility", "private" if repo["private"] else "public") == "private"
    repos_of(request).save(repo)
    return {}


@calls.get("/api/{kinds}/{namespace}/{name}")
@calls.get("/api/{kinds}/{namespace}/{name}/revision/{revision}")
async def info(request: Request, kinds: str, namespace: str, name: str, revision: str = "main"):
    repo, _ = repo_of(request, kinds, namespace, name)
    commit = commit_of(request, repo, revision)
    card = {}
    if (readme := commit["files"].get("README.md")) is not None:
        head = REGEX_YAML_BLOCK.search(repos_of(request).object(readme["sha256"]).read_text(encoding="utf-8"))
        card = (yaml.safe_load(head.group(2)) or {}) if head else {}
    siblings = [{"rfilename": path, **_described(path, entry)} for path, entry in sorted(commit["files"].items())]
    answer = {"_id": repo["name"], "id": repo["name"], "author": namespace, "sha": commit["oid"], "cardData": card}
    answer |= {key: repo[key] for key in ("private", "gated")} | {"disabled": False, "downloads": 0, "likes": 0}
    answer |= {"sdk": card.get("sdk", repo.get("sdk"))} if repo["kind"] == "space" else {}
    tags = [str(tag) for tag in card.get("tags") or ()]
    dates = {"createdAt": repo["created"], "lastModified": commit["date"]}
    return {**answer, **dates, "tags": tags, "siblings": siblings}


@calls.get("/api/{kinds}/{namespace}/{name}/refs")
async def refs(request: Request, kinds: str, namespace: str, name: str):
    repo, _ = repo_of(request, kinds, namespace, name)
    kept = {"branches": [], "tags": [], "converts": [], "pullRequests": []}
    for ref, oid in repo["refs"].items():
        group = {"refs/tags": "tags", "refs/pr": "pullRequests"}.get(ref.rpartition("/")[0], "branches")
        whole = ref if "/" in ref else f"refs/heads/{ref}"
        kept[group].append({"name": ref.rsplit("/", 1)[-1], "ref": whole, "targetCommit": oid})
    return kept


@calls.get("/api/{kinds}/{namespace}/{name}/commits/{revision}")
async def commits(request: Request, kinds: str, namespace: str, name: str, revision: str):
    repo, _ = repo_of(request, kinds, namespace, name)
    listed = [
        {key: commit[old] for key, old in (("id", "oid"), ("title", "title"), ("message", "text"), ("date", "date"))}
        | {"authors": [{"user": commit["author"]}]}
        for commit in repos_of(request).history(repo, commit_of(request, repo, revision)["oid"])
    ]
    return _paged(request, listed, 50)


@calls.post("/api/{kinds}/{namespace}/{name}/tag/{revision}")
async def tag(request: Request, kinds: str, namespace: str, name: str, revision: str):
    repo, user = repo_of(request, kinds, namespace, name, writes=True)
    ref = f"refs/tags/{(await request.json())['tag']}"
    if not is_member(request, user, namespace):
        raise Refused(403, "Forbidden: only its members may set tags")
    if ref in repo["refs"]:
        raise Refused(409, "Tag reference exists already")
    repo["refs"][ref] = commit_of(request, repo, revision)["oid"]
    repos_of(request).save(repo)
    return {}


@calls.get("/api/{kinds}/{namespace}/{name}/tree/{revision}")
@calls.get("/api/{kinds}/{namespace}/{name}/tree/{revision}/{path:path}")
async def tree(request: Request, kinds: str, namespace: str, name: str, revision: str, path: str = ""):
    repo, _ = repo_of(request, kinds, namespace, name)
    commit, inside = commit_of(request, repo, revision), unquote(path).strip("/")
    query = {key: request.query_params.get(key, "").lower() in ("true", "1") for key in ("recursive", "expand")}
    listed = [
        one
        for one in _everything(commit, query["expand"])
        if one["path"] != inside
        and f"{one['path']}/".startswith(f"{inside}/" if inside else "")
        and (query["recursive"] or "/" not in one["path"][len(inside) :].strip("/"))
    ]
    if inside and not listed:
        raise Refused(404, f"{inside} does not exist on {unquote(revision)!r}", "EntryNotFound")
    return _paged(request, listed, A_PAGE_EXPANDED if query["expand"] else A_PAGE)


@calls.post("/api/{kinds}/{namespace}/{name}/paths-info/{revision}")
async def paths_info(request: Request, kinds: str, namespace: str, name: str, revision: str):
    repo, _ = repo_of(request, kinds, namespace, name)
    if "json" in request.headers.get("content-type", ""):
        paths = (await request.json())["paths"]
    else:
        paths = (await request.form()).getlist("paths")
    wanted = {path.strip("/") for path in paths}
    return [one for one in _everything(commit_of(request, repo, revision), False) if one["path"] in wanted]


def _described(path: str, entry: dict) -> dict:
    lfs = {"lfs": {"oid": entry["sha256"], "sha256": entry["sha256"], "size": entry["size"], "pointerSize": 130}}
    return {"path": path, "size": entry["size"], "oid": entry["oid"], "blobId": entry["oid"]} | (
        lfs if entry["lfs"] else {}
    )


def _everything(commit: dict, expand: bool) -> list[dict]:
    """The folders and files of a commit, as the tree call lists them."""
    last = {"id": commit["oid"], "title": commit["title"], "date": commit["date"]}
    more = {"lastCommit": last} if expand else {}
    found = [{"type": "file", **_described(path, entry), **more} for path, entry in commit["files"].items()]
    folders = folder_hashes(commit["files"])
    found += [
        {"type": "directory", "path": path, "size": 0, "oid": oid, **more} for path, oid in folders.items() if path
    ]
    return sorted(found, key=lambda one: one["path"])


def _paged(request: Request, listed: list, size: int) -> JSONResponse:
    start = int(request.query_params.get("cursor", 0))
    headers = {}
    if start + size < len(listed):
        query = urlencode({**request.query_params, "cursor": start + size})
        headers["Link"] = f'<{str(request.base_url).rstrip("/")}{request.url.path}?{query}>; rel="next"'
    return JSONResponse(listed[start : start + size], headers=headers)


@calls.api_route("/{namespace}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
@calls.api_route("/{kinds}/{namespace}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
async def resolve(request: Request, namespace: str, name: str, revision: str, path: str, kinds: str = "models"):
    repo, user = repo_of(request, kinds, namespace, name)
    if repo["gated"] and not is_member(request, user, namespace):
        raise Refused(403 if user else 401, f"Access to {kinds[:-1]} {repo['name']} is restricted", "GatedRepo")
    commit = commit_of(request, repo, revision)
    if (entry := commit["files"].get(unquote(path))) is None:
        raise Refused(404, "Entry not found", "EntryNotFound", **{"X-Repo-Commit": commit["oid"]})
    etag = f'"{entry["sha256" if entry["lfs"] else "oid"]}"'
    headers = {"X-Repo-Commit": commit["oid"], "ETag": etag, "Accept-Ranges": "bytes"}
    if entry["lfs"]:
        headers |= {"X-Linked-Size": str(entry["size"]), "X-Linked-ETag": etag}
    return FileResponse(
        repos_of(request).object(entry["sha256"]), headers=headers, media_type="application/octet-stream"
    )
