"""What was published, loaded back as a user would, in a new process with an empty cache, and compared with what lies here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..foundation.stopped import Stopped
from .content import Content
from .loading_snippet import loading_snippet

_PROGRAM = "ppaint.publishing.load_back"
_AGAIN = "run the same command again"
# What would give the process another cache than the empty one, or keep it from the Hub, or send it there as someone else.
_NOT_PASSED_ON = re.compile(
    r"(HF|HUGGINGFACE|TRANSFORMERS|PPAINT)_(\w+_)?(CACHE|OFFLINE)|HF_HOME|HF_TOKEN(_PATH)?|HUGGING_FACE_HUB_TOKEN"
)


@dataclass(frozen=True)
class CheckedBack:
    """What came back as it lies here.

    Parameters
    ----------
    snippet : str
        The lines that loaded it; they can be run anywhere.
    lines : tuple of str
        What was compared and was equal.
    """

    snippet: str
    lines: tuple[str, ...]


def check_back(content: Content, commit: str, *, endpoint: str, token: str | bool | None = None) -> CheckedBack:
    """Load back what was published, and compare every file and what is made of them.

    Parameters
    ----------
    content : Content
        What should stand there.
    commit : str
        At which it stands.
    endpoint : str
        The Hub's address.
    token : str or bool, optional
        For what is private; that of the environment or the login by default, none where it is False.

    Returns
    -------
    CheckedBack

    Raises
    ------
    Stopped
        If something came back otherwise, with the first file, row or score that differs; or if it could not be loaded.
    """
    return check_all_back([(content, commit)], endpoint=endpoint, token=token)[0]


def check_all_back(
    published: Sequence[tuple[Content, str]], *, endpoint: str, token: str | bool | None = None
) -> tuple[CheckedBack, ...]:
    """The same of several, in one process: the libraries that load them take seconds to import.

    Parameters
    ----------
    published : sequence of (Content, str)
        Each content and its commit.
    endpoint, token
        As for `check_back`.

    Returns
    -------
    tuple of CheckedBack
        In their order.

    Raises
    ------
    Stopped
        For the first of them that did not come back as it should.
    """
    snippets = [loading_snippet(content.what, content.name, commit) for content, commit in published]
    with tempfile.TemporaryDirectory(prefix="ppaint-check-") as temporary:
        place, tasks = Path(temporary), []
        for number, (content, commit) in enumerate(published):
            local = (
                place / "local" / str(number) / content.name.split("/")[-1]
            )  # a metric's folder is named like its module
            work = place / "work" / str(number)
            _lay_out(content, local)
            work.mkdir(parents=True)
            task = {"what": content.what, "name": content.name, "repo_type": content.repo_type, "commit": commit}
            task |= {"snippet": snippets[number], "files": list(content.files), "local": str(local), "work": str(work)}
            tasks.append(task)
        told = _run(tasks, place, endpoint, token)
    for (content, commit), found in zip(published, told, strict=False):
        _stop_at(f"{content.name}@{commit[:12]} on {endpoint}", found)
    return tuple(CheckedBack(snippet, tuple(found["lines"])) for snippet, found in zip(snippets, told, strict=True))


def _run(tasks: list[dict], place: Path, endpoint: str, token: str | bool | None) -> list[dict]:
    """What the process found of each task; where it died, the last entry says of what."""
    from huggingface_hub import get_token

    (place / "tasks.json").write_text(json.dumps(tasks), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not _NOT_PASSED_ON.fullmatch(name)}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(place / "cache"), "PYTHONIOENCODING": "utf-8"}
    environment |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment |= {"HF_UPDATE_DOWNLOAD_COUNTS": "0"}  # a check is no use of it
    token = get_token() if token in (None, True) else token
    if token:
        environment["HF_TOKEN"] = str(token)
    done = subprocess.run(
        [sys.executable, "-m", _PROGRAM, str(place / "tasks.json"), str(place / "told.json")],
        cwd=place / "work",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        told = list(json.loads((place / "told.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        told = []
    return told if len(told) == len(tasks) else [*told, _death(done)]


def _stop_at(where: str, found: Mapping[str, Any]) -> None:
    if found["different"]:
        problem = f"{where}: it was published, and comes back different: {found['different']}"
        raise Stopped(problem, f"{_AGAIN}: what differs is sent again, and all is compared again")
    if found["stopped"]:
        raise Stopped(*found["stopped"])
    if found["failed"]:
        problem = f"{where}: it was published, and could not be loaded back ({found['failed']})"
        if "No space left" in found["failed"]:
            raise Stopped(
                problem, f"make room in {tempfile.gettempdir()}, or set TMPDIR to a larger place, then {_AGAIN}"
            )
        raise Stopped(problem, f"{_AGAIN}: what stands there is not sent again, and all is compared again")


def _lay_out(content: Content, folder: Path) -> None:
    """The files as they should come back: links to those of this machine, so that gigabytes are not copied."""
    for path, source in content.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            target.write_bytes(source)
        else:
            target.symlink_to(source.resolve())


def _death(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """How the process ended before it was done."""
    how = f"the process ended with status {done.returncode}"
    if done.returncode < 0:
        how = f"the process was ended by {signal.Signals(-done.returncode).name}, for lack of memory perhaps"
    said = [line.strip() for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]
    last = f"; its last words: {said[-1][:200]}" if said else ""
    return {"lines": [], "different": None, "failed": how + last, "stopped": None}
