"""Errors of huggingface_hub's part for Xet storage, which raises plain ones: what they mean for the one who typed the command."""

from __future__ import annotations

import re
import traceback


def is_of_xet(error: BaseException) -> bool:
    """Whether the library's part for Xet raised an error; what it could not read on this machine is another matter.

    Its errors are plain ones (``ConnectionError``, ``RuntimeError``), so they are known by where they come from only.

    Parameters
    ----------
    error : BaseException
        As it was caught.
    """
    if isinstance(error, OSError) and error.filename is not None:
        return False
    return any("xet" in frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__))


def words_of_xet(error: BaseException) -> tuple[str, str]:
    """What failed, and what to do before the same command is run again.

    Parameters
    ----------
    error : BaseException

    Examples
    --------
    >>> said = "HTTP status client error (404 Not Found), domain: http://localhost/api/models/a/b/xet-write-token/main"
    >>> words_of_xet(ConnectionError(said))
    ('it has no Xet storage', 'set HF_HUB_DISABLE_XET=1')
    """
    said = " ".join(str(error).split())[:300] or type(error).__name__
    found = re.search(r"\((\d{3}) [^()]*\).*xet-(?:write|read)-token", said)
    status = int(found[1]) if found else None
    if status == 404:
        return "it has no Xet storage", "set HF_HUB_DISABLE_XET=1"
    if status in (401, 403):
        return f"not allowed with this token ({said})", "take a token that may write to it (`hf auth login`)"
    return f"its Xet storage failed ({said})", "check the network; if it stays so, set HF_HUB_DISABLE_XET=1"
