"""Processes that others started, as /proc tells."""

from __future__ import annotations

from pathlib import Path


def below(root: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, ahead = [], list(children.get(root, []))
    while ahead:
        found.append(ahead.pop())
        ahead += children.get(found[-1], [])
    return found
