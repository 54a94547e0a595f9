"""How long a Hub may say nothing: most calls of the library set no limit, and would wait for ever."""

from __future__ import annotations

PATIENCE = 120.0  # seconds without a byte


def limit_waiting() -> None:
    """Let the library's calls end where the Hub says nothing for two minutes; a limit of their own stays theirs.

    It is added to the library's session, which may be one that a user set up (a proxy, a certificate), and holds for all that this process
    asks by it. To be called before each call: the library opens its session anew now and then (where it does so within a call that it
    makes again by itself, that one has no limit).
    """
    from huggingface_hub import get_session

    session = get_session()
    hooks = session.event_hooks
    if _limited not in hooks["request"]:
        session.event_hooks = {**hooks, "request": [*hooks["request"], _limited]}


def patience_ran_out(error: Exception) -> bool:
    """Whether a call ended by this limit, and not by one that the library set: what took so long may yet be done.

    Parameters
    ----------
    error : Exception
        Of the library's client.

    Returns
    -------
    bool
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}  # by name: which client it is is the library's business
    if "TimeoutException" not in kinds or "ConnectTimeout" in kinds:
        return False
    return error.request.extensions.get("timeout", {}).get("read") == PATIENCE


def _limited(request) -> None:
    """Of a request that is about to be sent: the library gives "no limit" itself, so a limit of the session would not count."""
    given = request.extensions.get("timeout") or {}
    parts = ("connect", "read", "write", "pool")
    request.extensions["timeout"] = {part: PATIENCE if given.get(part) is None else given[part] for part in parts}
