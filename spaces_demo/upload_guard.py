"""What comes in: files that were uploaded to this server and no other path that a client may name, and plain values.

Gradio looks at a path only where the client sent ``meta`` beside it, and says for each path something else. So every input is looked at
here first, before Gradio or anyone opens, copies or fetches anything, and whatever is no upload gets one same refusal.
"""

from __future__ import annotations

import atexit
import math
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..foundation.faults import Fault, InputFault

if TYPE_CHECKING:
    import gradio as gr

REFUSAL = "This is no file that was uploaded to this page, or it is no longer there. Fix: upload the file (again)."
NOT_PLAIN = "This input takes a text, a number, or a list of these. Fix: send one, of at most 10,000 characters."
NOT_TAKEN = "An input does not take this value. Fix: choose or enter one that the page offers."
FILE, FILES, PLAIN = "file", "files", "plain"  # what an input takes
_META = {"_type": "gradio.FileData"}
_LONGEST_TEXT, _LONGEST_LIST = 10_000, 1_000
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # half a character, which no answer could hold
_LARGEST_WHOLE = 2**53  # beyond it the page's own JavaScript has no whole numbers


@cache
def private_upload_folder() -> Path:
    """Make this process's own upload folder, and have Gradio use it.

    Gradio's default is one folder for all of its servers and users on the machine. This one has mode 0700, lies in ``GRADIO_TEMP_DIR``
    where that was set, and is removed when the process ends. Gradio reads ``GRADIO_TEMP_DIR`` when a component is built.

    Returns
    -------
    Path
        The folder, without links in its path; the same one at every call.

    Raises
    ------
    InputFault
        If it cannot be made.

    Examples
    --------
    >>> oct(private_upload_folder().stat().st_mode & 0o777)
    '0o700'
    """
    parent = os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()
    try:
        Path(parent).mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="ppaint-uploads-", dir=parent)).resolve()
    except OSError as error:
        what = f"no folder for uploads can be made in it ({error.strerror})"
        raise InputFault(Fault(parent, "", what, "set GRADIO_TEMP_DIR to a folder that may be written")) from error
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    # Gradio also serves what lies here; its default is a folder below the working directory
    os.environ["GRADIO_EXAMPLES_CACHE"] = str(folder / "examples")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def end_on_signals() -> None:
    """Have the process end in order, and so remove its uploads, when it is told to stop (SIGTERM) or its terminal is closed.

    Python's default would end it on the spot. Signals belong to the main thread; in another one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def uploaded_path(value: object) -> str:
    """The path of an uploaded file, out of what a client sent.

    Parameters
    ----------
    value : object
        What was sent for the image: a mapping with a ``path``.

    Returns
    -------
    str
        The path, of a regular file below this process's upload folder. It is written out in full, leads through no link, and has no
        second name elsewhere.

    Raises
    ------
    gradio.Error
        With `REFUSAL`, for whatever else was sent.
    """
    path = value.get("path") if isinstance(value, dict) else None
    if not isinstance(path, str) or not is_upload(path, private_upload_folder()):
        _refuse()
    return path


def is_upload(path: str, folder: Path) -> bool:
    """Whether a path leads to a regular file below an upload folder: written out in full, through no link, with no second name elsewhere.

    Parameters
    ----------
    path : str
        As a client named it.
    folder : Path
        Without links in its path.

    Examples
    --------
    >>> is_upload("/etc/passwd", Path("/uploads"))
    False
    """
    if not path or os.path.normpath(path) != path:
        return False
    # by its letters first: nothing is looked up outside the folder
    if not Path(path).is_relative_to(folder) or Path(path) == folder:
        return False
    try:
        *inner, file = Path(path).relative_to(folder).parts
        for part in inner:
            folder /= part
            if not stat.S_ISDIR(folder.lstat().st_mode):
                return False
        found = (folder / file).lstat()
    except (OSError, ValueError):  # not there, too long, a NUL, half a surrogate pair
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def guard_inputs(page: gr.Blocks, api: Mapping[str, Sequence[str]] | None = None) -> None:
    """Have every input of every event of a page looked at first, whichever way it came in.

    Files go through `uploaded_path`, and of a session's own state nothing is taken from the client. All else has to be a plain value:
    an input that is not known to take files takes none. What a component does not take is refused without the value on the log. Of what was
    chosen on the page (``gr.SelectData``) the place and the row's texts are taken; its ``value`` is None.

    Parameters
    ----------
    page : gradio.Blocks
        The page, complete.
    api : mapping of str to sequence of str, optional
        For each API name that has no components: what each of its inputs takes (`FILE`, `FILES` or `PLAIN`).
    """
    import gradio as gr

    # all of Gradio's entries come together here, before it opens, copies or fetches anything
    inner, call = page.preprocess_data, page.call_function

    async def guarded(block_fn: Any, inputs: list[Any], *others: Any, **named: Any) -> list[Any]:
        kinds = (api or {}).get(block_fn.api_name) or [_kind(block) for block in block_fn.inputs]
        if len(inputs) != len(kinds):
            _refuse(f"This function takes {len(kinds)} inputs, and {len(inputs)} were given.")
        checked = [_checked(value, kind) for value, kind in zip(inputs, kinds, strict=True)]
        try:
            return await inner(block_fn, checked, *others, **named)
        except Exception as error:
            if isinstance(error, gr.Error) and not error.print_exception:
                raise  # one of ours
            _refuse(NOT_TAKEN)  # the component's own refusal, which would stand on the log with the value

    async def called(
        block_fn: Any,
        processed_input: list[Any],
        iterator: Any = None,
        requests: Any = None,
        event_id: str | None = None,
        event_data: Any = None,
        *others: Any,
        **named: Any,
    ) -> Any:
        if block_fn.collects_event_data:
            event_data._data = _chosen(event_data._data)
        return await call(block_fn, processed_input, iterator, requests, event_id, event_data, *others, **named)

    page.preprocess_data, page.call_function = guarded, called


def take_paths(component: gr.components.Component) -> None:
    """Have a component hand its function the path of the uploaded file (or a list of them), and open or copy nothing itself.

    Parameters
    ----------
    component : gradio.File or gradio.Image
        Set on the instance, since gradio writes a stub file beside any module that subclasses a component.
    """

    def paths(payload: Any) -> str | list[str] | None:
        if payload is None:
            return None
        # looked at again at this public place of Gradio's, should a version of it take another way
        if isinstance(files := getattr(payload, "root", payload), list):
            return [uploaded_path({"path": file.path}) for file in files]
        return uploaded_path({"path": files.path})

    component.preprocess = paths


def _kind(component: Any) -> str:
    """What a component takes."""
    import gradio as gr

    if isinstance(component, gr.Image):
        return FILE
    if isinstance(component, gr.File):
        return FILE if component.file_count == "single" else FILES
    return PLAIN


def _checked(value: Any, kind: str) -> Any:
    """A value as it may go on; what else the client sent with it (another file within it, a url) ends here."""
    if kind == PLAIN:
        return _plain(value)
    if value is None:
        return None
    if kind == FILE:
        return {"path": uploaded_path(value), "meta": dict(_META)}
    if not isinstance(value, list):
        _refuse()
    return [{"path": uploaded_path(file), "meta": dict(_META)} for file in value]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        if len(value) > _LONGEST_LIST or any(isinstance(inner, list) for inner in value):
            _refuse(NOT_PLAIN)
        return [_plain(inner) for inner in value]
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT and not _SURROGATE.search(value):
        return value
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) <= _LARGEST_WHOLE):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    _refuse(NOT_PLAIN)


def _chosen(data: Any) -> dict[str, Any]:
    """Of what was chosen on the page: its place, and the texts of its row."""
    place, row = (data.get("index"), data.get("row_value")) if isinstance(data, dict) else (None, None)
    places = place if isinstance(place, list) else [place]
    if not 1 <= len(places) <= 2 or not all(type(one) is int and 0 <= one <= _LARGEST_WHOLE for one in places):
        _refuse(NOT_TAKEN)
    return {"index": place, "value": None, "row_value": _plain(row)}


def _refuse(told: str = REFUSAL) -> NoReturn:
    """Refuse, with nothing of the path in the answer or on the server's log."""
    import gradio as gr

    raise gr.Error(told, print_exception=False) from None
