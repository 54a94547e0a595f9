"""The Gradio Space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foundation.lazy_names import lazy_names

if TYPE_CHECKING:
    from .app import build_demo, launch_demo
    from .release_scores import ReleaseScores, score_release
    from .served import Served

_HOME = {
    "ReleaseScores": "release_scores",
    "Served": "served",
    "build_demo": "app",
    "launch_demo": "app",
    "score_release": "release_scores",
}
__all__ = ["ReleaseScores", "Served", "build_demo", "launch_demo", "score_release"]
__getattr__ = lazy_names(__name__, _HOME)
