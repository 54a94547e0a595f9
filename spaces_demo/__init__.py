"""The Gradio Space."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app import build_demo, launch_demo
    from .release_scores import ReleaseScores, score_release

_HOME = {
    "ReleaseScores": "release_scores",
    "build_demo": "app",
    "launch_demo": "app",
    "score_release": "release_scores",
}
__all__ = ["ReleaseScores", "build_demo", "launch_demo", "score_release"]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
