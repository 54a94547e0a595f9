"""The calls of a loopback Hub about discussions and pull requests."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from loopback_access import Refused, is_member, repo_of, repos_of
from loopback_repos import comment_of

DISCUSSIONS_A_PAGE = 5
calls = APIRouter()
PLACE = "/api/{kinds}/{namespace}/{name}/discussions"


def _described(repo: dict, discussion: dict) -> dict:
    return {
        "num": discussion["num"],
        "title": discussion["title"],
        "author": {"name": discussion["author"]},
        "createdAt": discussion["created"],
        "status": discussion["status"],
        "repo": {"name": repo["name"], "type": repo["kind"]},
        "isPullRequest": discussion["is_pull_request"],
    }


def _discussion_of(repo: dict, number: str) -> dict:
    if not number.isdigit() or not 0 < int(number) <= len(repo["discussions"]):
        raise Refused(404, "Discussion not found", "EntryNotFound")
    return repo["discussions"][int(number) - 1]


@calls.get(PLACE)
async def listing(request: Request, kinds: str, namespace: str, name: str, p: int = 0):
    repo, _ = repo_of(request, kinds, namespace, name)
    query, found = request.query_params, []
    for one in reversed(repo["discussions"]):
        kind = "pull_request" if one["is_pull_request"] else "discussion"
        state = "open" if one["status"] in ("open", "draft") else "closed"
        if query.get("type", "all") in ("all", kind) and query.get("status", "all") in ("all", state):
            found += [_described(repo, one)] if query.get("author", one["author"]) == one["author"] else []
    start = p * DISCUSSIONS_A_PAGE
    return {"discussions": found[start : start + DISCUSSIONS_A_PAGE], "count": len(found), "start": start}


@calls.post(PLACE)
async def open_one(request: Request, kinds: str, namespace: str, name: str):
    repo, user = repo_of(request, kinds, namespace, name, writes=True)
    sent = await request.json()
    one = repos_of(request).discuss(
        repo, sent["title"], sent["description"], user, pull_request=bool(sent.get("pullRequest"))
    )
    if one["is_pull_request"]:
        one["status"] = "draft"
        repo["refs"][f"refs/pr/{one['num']}"] = repo["refs"]["main"]
    repos_of(request).save(repo)
    return {"num": one["num"]}


@calls.get(PLACE + "/{number}")
async def details(request: Request, kinds: str, namespace: str, name: str, number: str):
    repo, _ = repo_of(request, kinds, namespace, name)
    one = _discussion_of(repo, number)
    more = {}
    if one["is_pull_request"]:
        more = {"changes": {"base": "refs/heads/main", "mergeCommitId": one["merge"]}, "filesWithConflicts": []}
    return {**_described(repo, one), "events": one["events"], **more}


@calls.post(PLACE + "/{number}/{what}")
async def change(request: Request, kinds: str, namespace: str, name: str, number: str, what: str):
    repo, user = repo_of(request, kinds, namespace, name, writes=True)
    one, sent = _discussion_of(repo, number), json.loads(await request.body() or b"{}") or {}
    if what != "comment" and not (is_member(request, user, namespace) or (user == one["author"] and what != "merge")):
        raise Refused(403, "Forbidden: only its author and the repository's members may do this")
    event = None
    if sent.get("comment"):
        event = repos_of(request).say(repo, one, "comment", user, comment_of(sent["comment"], user))
    if what == "title":
        event = repos_of(request).say(repo, one, "title-change", user, {"from": one["title"], "to": sent["title"]})
        one["title"] = sent["title"]
    elif what in ("status", "merge"):
        if what == "merge":
            one["merge"] = repos_of(request).merge(repo, one, user)
        one["status"] = sent.get("status", "merged")
        event = repos_of(request).say(repo, one, "status-change", user, {"status": one["status"]})
    repos_of(request).save(repo)
    return {{"comment": "newMessage", "status": "newStatus", "title": "newTitle"}.get(what, "merged"): event}
