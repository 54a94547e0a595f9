"""The README's Python blocks, for the tests that run them."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
HUB = "Qwen/Qwen3-VL-8B-Instruct"


def python_blocks() -> list[str]:
    """In their order."""
    return re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)


def blocks_after_the_quickstart() -> list[str]:
    """Those that use what the quickstart made."""
    return [block for block in python_blocks() if "run/" in block]


def blocks_with_a_hub() -> list[str]:
    """Those that load a model from a hub."""
    return [block for block in python_blocks() if HUB in block]
