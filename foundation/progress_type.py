"""How a long function tells what it has done; who shows it decides the caller."""

from __future__ import annotations

from collections.abc import Callable

# called as progress(what, done, total)
Progress = Callable[[str, int, int], None]
