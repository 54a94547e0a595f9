"""What was published, loaded back as a user would, in a new process with an empty cache, and compared with what lies here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..foundation.stopped import Stopped
from .content import Content
from .loading_snippet import loading_snippet

_PROGRAM = "ppaint.publishing.load_back"
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


def check_back(content: Content, commit: str, *, endpoint: str, token: str | None = None) -> CheckedBack:
    """Load back what was published, and compare every file and what is made of them.

    Parameters
    ----------
    content : Content
        What should stand there.
    commit : str
        At which it stands.
    endpoint : str
        The Hub's address.
    token : str, optional
        For what is private; that of the environment or the login by default.

    Returns
    -------
    CheckedBack

    Raises
    ------
    Stopped
        If something came back otherwise, with the first file, row or score that differs; or if it could not be loaded.
    """
    from huggingface_hub import get_token

    snippet = loading_snippet(content.what, content.name, commit)
    with tempfile.TemporaryDirectory(prefix="ppaint-check-") as temporary:
        place = Path(temporary)
        local = place / "local" / content.name.split("/")[-1]  # a metric's folder is named like its module
        _lay_out(content, local)
        task = {"what": content.what, "name": content.name, "repo_type": content.repo_type, "commit": commit}
        task |= {"snippet": snippet, "local": str(local), "files": list(content.files)}
        (place / "task.json").write_text(json.dumps(task), encoding="utf-8")
        (place / "work").mkdir()
        environment = {name: value for name, value in os.environ.items() if not _NOT_PASSED_ON.fullmatch(name)}
        environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(place / "cache"), "PYTHONIOENCODING": "utf-8"}
        environment |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        environment |= {"HF_UPDATE_DOWNLOAD_COUNTS": "0"}  # a check is no use of it
        if (token := token or get_token()) is not None:
            environment["HF_TOKEN"] = token
        call = [sys.executable, "-m", _PROGRAM, str(place / "task.json"), str(place / "told.json")]
        done = subprocess.run(
            call,
            cwd=place / "work",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        told = _told(place / "told.json", done)
    where = f"{content.name}@{commit[:12]} on {endpoint}"
    if told["different"]:
        problem = f"{where}: it was published, and is not what came back: {told['different']}"
        raise Stopped(problem, "run the same command again: what differs is sent again, and all is compared again")
    if told["stopped"]:
        raise Stopped(*told["stopped"])
    if told["failed"]:
        problem = f"{where}: it was published, and could not be loaded back ({told['failed']})"
        raise Stopped(
            problem, "run the same command again: what stands there is not sent again, and all is compared again"
        )
    return CheckedBack(snippet, tuple(told["lines"]))


def _lay_out(content: Content, folder: Path) -> None:
    """The files as they should come back: links to those of this machine, so that gigabytes are not copied."""
    for path, source in content.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            target.write_bytes(source)
        else:
            target.symlink_to(source.resolve())


def _told(result: Path, done: subprocess.CompletedProcess[bytes]) -> dict:
    """What the process found; what it died of, where it wrote nothing."""
    try:
        return dict(json.loads(result.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        said = [line.strip() for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]
        how = f"the process ended with status {done.returncode}"
        if done.returncode < 0:
            how = f"the process was ended by {signal.Signals(-done.returncode).name}, for lack of memory perhaps"
        last = f"; its last words: {said[-1][:200]}" if said else ""
        return {"lines": [], "different": None, "failed": how + last, "stopped": None}
