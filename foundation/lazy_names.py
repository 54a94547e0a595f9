"""A room's public names, imported when they are first used, so that opening the room loads no heavy library."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

from .paused_collection import paused_collection


def lazy_names(room: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of a room.

    Parameters
    ----------
    room : str
        The room's own ``__name__``.
    homes : mapping of str to str
        Public name -> file of the room that defines it.

    Returns
    -------
    callable

    Examples
    --------
    >>> lazy_names("email", {"Parser": "parser"})("Parser").__name__
    'Parser'
    """

    def find(name: str) -> object:
        if name in homes:
            with paused_collection():
                return getattr(importlib.import_module(f".{homes[name]}", room), name)
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    return find
