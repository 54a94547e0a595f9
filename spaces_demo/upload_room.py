"""How much is uploaded: files and bytes of a request, how many at once, bytes of all that lies there; and what is old goes, whoever left it.

Gradio bounds one file, takes a thousand of them, and deletes those that it knows of. The folders that files lay in, and what its own faults leave
behind, are not among these.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .busy import answer, route_of
from .limits import (
    FOLDER_BYTES,
    FULL,
    MAX_FILES,
    SILENT_SECONDS,
    TOO_MANY_BYTES,
    TOO_MANY_UPLOADS,
    UPLOAD_BYTES,
    UPLOADS_AT_ONCE,
)
from .upload_form import CUT_OFF, UploadForm, WrongForm

if TYPE_CHECKING:
    from .asgi_types import ASGIApp, Message, Receive, Scope, Send

STOOD_STILL = f"Nothing came in for {SILENT_SECONDS} seconds. Upload again."
_UPLOAD = re.compile(r"/gradio_api/upload/?")
_OLD = re.compile(
    r"[0-9a-f]{64}|tmp\w+"
)  # a folder named by its file's hash; an upload never finished, or a file made for one answer
_MEASURE_SECONDS = 10
_ENTRY_BYTES = 4096  # what a file or folder takes beside its content
_PROGRESS_KEPT = 10_000  # uploads whose progress Gradio keeps; the page asks for that of its own and forgets it


class UploadRoom:
    """ASGI middleware that bounds uploads.

    Parameters
    ----------
    app : callable
        What comes next.
    folder : Path
        The upload folder.
    files, request_bytes, folder_bytes : int
        What one request may bring, and what may lie there in all.
    at_once : int
        How many uploads may be under way: each holds its files open.
    silent : float
        Seconds without a byte after which an upload is given up.
    """

    def __init__(
        self,
        app: ASGIApp,
        folder: Path,
        files: int = MAX_FILES,
        request_bytes: int = UPLOAD_BYTES,
        folder_bytes: int = FOLDER_BYTES,
        at_once: int = UPLOADS_AT_ONCE,
        silent: float = SILENT_SECONDS,
    ) -> None:
        self._app, self._folder = app, folder
        self._files, self._request_bytes, self._folder_bytes = files, request_bytes, folder_bytes
        self._at_once, self._silent, self._under_way = at_once, silent, 0
        self._taken = 0  # at least what lies there: it is measured again when it seems full,
        self._measured = float("-inf")  # but not all the time

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an upload on within the limits, or refuse it."""
        if scope["type"] != "http" or scope["method"] != "POST" or not _UPLOAD.fullmatch(route_of(scope)):
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared[:20]) > self._request_bytes:
            return await answer(send, 413, TOO_MANY_BYTES)
        try:
            form = UploadForm(headers.get(b"content-type", b""), self._files)
        except WrongForm as error:
            return await answer(send, 400, str(error))
        if self._under_way >= self._at_once:
            return await answer(send, 503, TOO_MANY_UPLOADS, retry_after=60)
        if not await self._has_room(0):
            return await answer(send, 503, FULL, retry_after=600)
        self._under_way += 1
        try:
            return await self._app(scope, self._counted(receive, form), send)
        finally:
            self._under_way -= 1

    def _counted(self, receive: Receive, form: UploadForm) -> Receive:
        """The same messages, as long as they stay within the limits."""
        from gradio.route_utils import (
            MultiPartException,  # Gradio deletes what it has written, and answers with its text
        )

        size = 0

        async def counted() -> Message:
            nonlocal size
            try:
                message = await asyncio.wait_for(receive(), self._silent)
            except TimeoutError:
                raise MultiPartException(STOOD_STILL) from None
            if message["type"] == "http.disconnect":
                raise MultiPartException(CUT_OFF)
            content, before = message.get("body", b""), form.files
            size += len(content)
            if size > self._request_bytes:
                raise MultiPartException(TOO_MANY_BYTES)
            try:
                form.read(content)
            except WrongForm as error:
                raise MultiPartException(str(error)) from None
            if not message.get("more_body", False) and not form.is_whole():
                raise MultiPartException(CUT_OFF)
            self._taken += (form.files - before) * 2 * _ENTRY_BYTES
            if not await self._has_room(len(content)):
                raise MultiPartException(FULL)
            self._taken += len(content)
            return message

        return counted

    async def _has_room(self, more: int) -> bool:
        if self._taken + more > self._folder_bytes and time.monotonic() > self._measured + _MEASURE_SECONDS:
            self._measured = time.monotonic()
            self._taken = await asyncio.to_thread(bytes_in, self._folder)
        return self._taken + more <= self._folder_bytes


def bytes_in(folder: Path) -> int:
    """The room that a folder's files take, and an entry's for each file and folder.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    int

    Examples
    --------
    >>> bytes_in(Path("nowhere"))
    0
    """
    total = 0
    for place, folders, files in os.walk(folder):
        total += _ENTRY_BYTES * (len(folders) + len(files))
        for file in files:
            try:
                total += os.lstat(os.path.join(place, file)).st_size
            except OSError:  # deleted meanwhile
                continue
    return total


def delete_leftovers(folder: Path, age: float, kept: Collection[str] = ()) -> int:
    """Delete uploads, finished or not, and files made for one answer, that are older than an age.

    Parameters
    ----------
    folder : Path
    age : float
        Seconds since it was last changed, renamed or linked.
    kept : collection of str
        Files that stay: those of the page itself.

    Returns
    -------
    int
        How many files were deleted.
    """
    before, deleted = time.time() - age, 0
    for top in _entries(folder):
        is_folder = top.is_dir(follow_symlinks=False)
        if not _OLD.fullmatch(top.name):
            continue
        if is_folder:
            deleted += sum(_delete(inner, before, kept) for inner in _entries(top.path))
            if _is_older(top, before):
                with suppress(OSError):  # it is not empty
                    os.rmdir(top.path)
        else:
            deleted += _delete(top, before, kept)
    return deleted


def deleting(folder: Path, every: float, age: float) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """A lifespan for Gradio's server within which leftovers are deleted.

    Parameters
    ----------
    folder : Path
        The upload folder.
    every, age : float
        Seconds: how often, and what is older than that.

    Returns
    -------
    callable
        For ``launch(app_kwargs={"lifespan": ...})``.
    """

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async def again_and_again() -> None:
            while True:
                await asyncio.sleep(every)
                blocks = app.get_blocks().blocks.values()
                kept = set().union(*(getattr(block, "keep_in_cache", ()) for block in blocks))
                await asyncio.to_thread(delete_leftovers, folder, age, kept)
                _forget_progress()

        task = asyncio.create_task(again_and_again())
        try:
            yield
        finally:
            task.cancel()

    return lifespan


def _forget_progress(most: int = _PROGRESS_KEPT) -> None:
    """Drop what Gradio keeps of uploads' progress where no one came to ask for it: a request could add to it without end."""
    from gradio.routes import file_upload_statuses as progress

    for kept in (progress._statuses, progress._signals):
        if len(kept) > most:
            kept.clear()


def _entries(folder: str | Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


def _delete(entry: os.DirEntry, before: float, kept: Collection[str]) -> bool:
    if entry.path in kept or entry.is_dir(follow_symlinks=False) or not _is_older(entry, before):
        return False
    with suppress(OSError):  # deleted meanwhile
        os.unlink(entry.path)
        return True
    return False


def _is_older(entry: os.DirEntry, moment: float) -> bool:
    try:
        return os.lstat(entry.path).st_ctime < moment
    except OSError:
        return False
