"""What the Space opens: files that were uploaded to this server, and no other path that a client may name.

Gradio looks at a path only where the client sent ``meta`` beside it, and says for each path something else. So every input is looked at
here first, before Gradio or anyone opens, copies or fetches anything, and whatever is no upload gets one same refusal.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import stat
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ..foundation.faults import Fault, InputFault

if TYPE_CHECKING:
    import gradio as gr

REFUSAL = "This is no image that was uploaded to this page, or it is no longer there. Fix: upload the image (again)."
_META = {"_type": "gradio.FileData"}


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
    if not isinstance(path, str) or not path or os.path.normpath(path) != path:
        _refuse()
    folder = private_upload_folder()
    # by its letters first: nothing is looked up outside the folder
    if not Path(path).is_relative_to(folder) or Path(path) == folder:
        _refuse()
    try:
        *inner, file = Path(path).relative_to(folder).parts
        for part in inner:
            folder /= part
            if not stat.S_ISDIR(folder.lstat().st_mode):
                _refuse()
        found = (folder / file).lstat()
    except (OSError, ValueError):  # not there, too long, a NUL, half a surrogate pair
        _refuse()
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        _refuse()
    return path


def guard_inputs(page: gr.Blocks) -> None:
    """Have every input of every event of a page go through `uploaded_path`, whichever way it came in.

    Parameters
    ----------
    page : gradio.Blocks
        A page whose events take images alone.
    """
    inner = (
        page.preprocess_data
    )  # all of Gradio's entries come together here, before it opens, copies or fetches anything

    async def guarded(block_fn: Any, inputs: list[Any], *others: Any, **named: Any) -> list[Any]:
        # what else the client sent (another file within it, a url) ends here
        checked = [None if value is None else {"path": uploaded_path(value), "meta": dict(_META)} for value in inputs]
        return await inner(block_fn, checked, *others, **named)

    page.preprocess_data = guarded


def _refuse() -> NoReturn:
    """Refuse, with nothing of the path in the answer or on the server's log."""
    import gradio as gr

    raise gr.Error(REFUSAL, print_exception=False) from None
