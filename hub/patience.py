"""No call to the Hub waits for ever: most of the library's own set no limit to how long a Hub may say nothing."""

from __future__ import annotations

PATIENCE = 60.0  # seconds without a byte


def limit_waiting() -> None:
    """Let the library's calls end where the Hub says nothing for a minute; a limit of their own stays theirs.

    To be called before a call, since the library opens its session anew now and then. It is added to the session that is there, which may be
    one that a user set up (a proxy, a certificate).
    """
    from huggingface_hub import get_session

    session = get_session()
    hooks = session.event_hooks
    if _limited not in hooks["request"]:
        session.event_hooks = {**hooks, "request": [*hooks["request"], _limited]}


def _limited(request) -> None:
    """Of a request that is about to be sent: the library gives "no limit" itself, so a limit of the session would not count."""
    given = request.extensions.get("timeout") or {}
    parts = ("connect", "read", "write", "pool")
    request.extensions["timeout"] = {part: PATIENCE if given.get(part) is None else given[part] for part in parts}
