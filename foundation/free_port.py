"""Whether a port of this machine is free, asked before the work whose result is to be served there."""

from __future__ import annotations

import socket

from .faults import Fault, InputFault


def check_port_is_free(port: int, option: str = "--port") -> None:
    """Refuse a port that another program listens on, or that may not be used.

    Parameters
    ----------
    port : int
    option : str
        How the user names it: what the fix says to change.

    Raises
    ------
    InputFault

    Examples
    --------
    >>> with socket.socket() as other:
    ...     other.bind(("127.0.0.1", 0))
    ...     other.listen()
    ...     try:
    ...         check_port_is_free(other.getsockname()[1])
    ...     except InputFault as error:
    ...         print(error.faults[0].fix)
    give another --port
    """
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            what = f"cannot be used ({error.strerror})"
            raise InputFault(Fault(f"port {port}", "", what, f"give another {option}")) from error
