"""A tiny real Qwen3-VL judge, made by a script in this folder."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights" / "judge"
"""The judge that ships: its bias was induced, see its card."""

TWIN_WEIGHTS = Path(__file__).parent / "weights" / "twin"
"""The control twin without the induced bias; in the repository, not in the wheel."""
