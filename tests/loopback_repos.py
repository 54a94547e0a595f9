"""Repositories as the Hub keeps them, in a folder: git objects by their real hashes, commits, refs, discussions."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

# What the Hub writes into a new repository: these files go through LFS, all others are regular up to 10 MB.
LFS_PATTERNS = tuple(
    f"*.{ending}"
    for ending in ("7z arrow bin gz h5 msgpack npy npz parquet pkl pt pth safetensors tar zip zst").split()
)
OF_DATASETS = tuple(f"*.{ending}" for ending in "flac jpeg jpg mp3 ogg png tiff wav webp".split())
LARGEST_REGULAR = 10 * 1024 * 1024


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def git_hash(kind: str, content: bytes) -> bytes:
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)) + content).digest()


def folder_hashes(files: dict[str, dict]) -> dict[str, str]:
    """The git hash of each folder, the root's under ``""``: equal exactly where all below is equal."""
    below: dict = {}
    for path, entry in files.items():
        *folders, name = path.split("/")
        here = below
        for folder in folders:
            here = here.setdefault(folder, {})
        here[name] = entry["oid"]
    hashes = {}

    def of(here: dict, path: str) -> bytes:
        lines = []
        for name, inside in here.items():
            if isinstance(inside, dict):
                lines.append((f"{name}/", b"40000 ", name, of(inside, f"{path}/{name}" if path else name)))
            else:
                lines.append((name, b"100644 ", name, bytes.fromhex(inside)))
        text = b"".join(mode + name.encode() + b"\0" + sha for _, mode, name, sha in sorted(lines))
        hashes[path] = git_hash("tree", text).hex()
        return bytes.fromhex(hashes[path])

    of(below, "")
    return hashes


class Repos:
    """All repositories of a Hub. Plain dictionaries, so that they can be written as they are.

    Parameters
    ----------
    folder : Path
        Holds the objects and what is said about them; a Hub started again on the same folder goes on where it stopped.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for inside in ("objects", "repos"):
            (folder / inside).mkdir(parents=True, exist_ok=True)
        found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "repos").glob("*.json"))]
        self.repos: dict[str, dict] = {f"{repo['kind']}s/{repo['name']}": repo for repo in found}
        members = folder / "members.json"
        self.members: dict[str, list[str]] = (
            json.loads(members.read_text(encoding="utf-8")) if members.is_file() else {}
        )

    def save(self, repo: dict) -> None:
        """Keep what was changed in a repository."""
        self._write(self._place(repo), repo)

    def let_in(self, members: dict[str, list[str]]) -> None:
        """Who may write in a namespace."""
        self.members |= members
        self._write(self.folder / "members.json", self.members)

    def remove(self, repo: dict) -> None:
        del self.repos[f"{repo['kind']}s/{repo['name']}"]
        self._place(repo).unlink()

    def _place(self, repo: dict) -> Path:
        return self.folder / "repos" / f"{repo['kind']}s--{repo['name'].replace('/', '--')}.json"

    def _write(self, path: Path, content: dict) -> None:
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(content), encoding="utf-8")
        beside.replace(path)

    def object(self, sha256: str) -> Path:
        return self.folder / "objects" / sha256

    def keep(self, content: bytes) -> str:
        sha256 = hashlib.sha256(content).hexdigest()
        self.object(sha256).write_bytes(content)
        return sha256

    def regular(self, content: bytes) -> dict:
        """The entry of a file that lies in git itself."""
        oid = git_hash("blob", content).hex()
        return {"sha256": self.keep(content), "size": len(content), "oid": oid, "lfs": False}

    def large(self, sha256: str) -> dict:
        """The entry of a file that was uploaded beside git, which keeps only a pointer to it."""
        size = self.object(sha256).stat().st_size
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
        return {"sha256": sha256, "size": size, "oid": git_hash("blob", pointer).hex(), "lfs": True}

    def get(self, kind: str, name: str) -> dict | None:
        return self.repos.get(f"{kind}s/{name}")

    def create(self, kind: str, name: str, author: str, private: bool, sdk: str | None = None) -> dict:
        repo = {
            "kind": kind,
            "name": name,
            "private": private,
            "sdk": sdk,
            "gated": False,
            "created": now(),
            "commits": {},
            "refs": {},
            "discussions": [],
        }
        patterns = (*LFS_PATTERNS, *(OF_DATASETS if kind == "dataset" else ()))
        attributes = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns)
        files = {".gitattributes": self.regular(attributes.encode())}
        if kind == "space":
            files["README.md"] = self.regular(f"---\ntitle: {name}\nsdk: {sdk}\n---\n".encode())
        self.commit(repo, "main", files, "initial commit", author)
        self.repos[f"{kind}s/{name}"] = repo
        self.save(repo)
        return repo

    def is_large(self, repo: dict, path: str, size: int) -> bool:
        patterns = (*LFS_PATTERNS, *(OF_DATASETS if repo["kind"] == "dataset" else ()))
        return size > LARGEST_REGULAR or any(fnmatch(path.rsplit("/", 1)[-1], pattern) for pattern in patterns)

    def commit(
        self, repo: dict, ref: str, files: dict[str, dict], title: str, author: str, *, text: str = "", parents=None
    ) -> str:
        """A commit of these files, all there are; the ref moves to it."""
        if parents is None:
            parents = [repo["refs"][ref]] if ref in repo["refs"] else []
        date, tree = now(), folder_hashes(files)[""]
        lines = [
            f"tree {tree}",
            *(f"parent {parent}" for parent in parents),
            f"author {author} {date}",
            "",
            title,
            text,
        ]
        oid = git_hash("commit", "\n".join(lines).encode()).hex()
        repo["commits"][oid] = {
            "oid": oid,
            "number": len(repo["commits"]),
            "parents": parents,
            "title": title,
            "text": text,
            "author": author,
            "date": date,
            "files": files,
        }
        repo["refs"][ref] = oid
        return oid

    def at(self, repo: dict, revision: str) -> dict | None:
        """The commit of a branch, tag, pull request or hash."""
        for ref in (revision, revision.removeprefix("refs/heads/"), f"refs/tags/{revision}"):
            if ref in repo["refs"]:
                return repo["commits"][repo["refs"][ref]]
        begins = [commit for oid, commit in repo["commits"].items() if len(revision) >= 7 and oid.startswith(revision)]
        return begins[0] if len(begins) == 1 else None

    def history(self, repo: dict, oid: str) -> list[dict]:
        """A commit and all before it, the newest first."""
        seen, waiting = set(), [oid]
        while waiting:
            if (one := waiting.pop()) not in seen:
                seen.add(one)
                waiting += repo["commits"][one]["parents"]
        return sorted((repo["commits"][one] for one in seen), key=lambda commit: -commit["number"])

    def discuss(self, repo: dict, title: str, text: str, author: str, *, pull_request: bool) -> dict:
        """Open a discussion or pull request, with its first comment."""
        discussion = {
            "num": len(repo["discussions"]) + 1,
            "title": title,
            "author": author,
            "created": now(),
            "status": "open",
            "is_pull_request": pull_request,
            "merge": None,
            "events": [],
        }
        repo["discussions"].append(discussion)
        self.say(repo, discussion, "comment", author, comment_of(text, author))
        return discussion

    def say(self, repo: dict, discussion: dict, kind: str, author: str, data: dict) -> dict:
        """Add an event to a discussion."""
        number = f"{repo['name']} {discussion['num']} {len(discussion['events'])}"
        oid = hashlib.sha256(number.encode()).hexdigest()[:24]
        event = {"id": oid, "type": kind, "createdAt": now(), "author": {"name": author}, "data": data}
        discussion["events"].append(event)
        return event

    def merge(self, repo: dict, discussion: dict, author: str) -> str:
        """What a pull request changed since it left main, on top of main."""
        head, main = (repo["commits"][repo["refs"][ref]] for ref in (f"refs/pr/{discussion['num']}", "main"))
        of_main = {commit["oid"] for commit in self.history(repo, main["oid"])}
        base = next(commit for commit in self.history(repo, head["oid"]) if commit["oid"] in of_main)
        files = {
            path: entry for path, entry in main["files"].items() if path in head["files"] or path not in base["files"]
        }
        files |= {path: entry for path, entry in head["files"].items() if entry != base["files"].get(path)}
        title, parents = f"{discussion['title']} (#{discussion['num']})", [main["oid"], head["oid"]]
        return self.commit(repo, "main", files, title, author, parents=parents)


def comment_of(text: str, author: str) -> dict:
    latest = {"raw": text, "html": f"<p>{text}</p>", "updatedAt": now(), "author": {"name": author}}
    return {"edited": False, "hidden": False, "latest": latest, "history": [latest]}
