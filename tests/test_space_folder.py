"""The Space runs from a copied folder: `app.py` beside the few rooms that it needs, no installed ppaint."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from ppaint.model_card import Prompts, ScorerConfig
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "foundation",
    "preference_to_score",
    "images",
    "dataset_script",
    "model_card",
    "eval_suite",
    "trainer",
    "spaces_demo",
)
DIMENSIONS = ("brushwork", "overall")
# The installed ppaint is hidden: an editable install answers through a finder of its own, a wheel lies in site-packages.
PROGRAM = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in repr(finder)]
import app
from ppaint.model_card import AestheticScorer
page = app.build_demo(AestheticScorer.from_pretrained("scorer", device="cpu"))
rooms = {name: module for name, module in sys.modules.items() if name.startswith("ppaint.")}
print(*sorted({name.split(".")[1] for name in rooms}))
print(*{str(getattr(module, "__file__", None) or list(module.__path__)[0]) for module in rooms.values()}, sep="\\n")
print(type(page).__name__)
import runpy
try:
    runpy.run_path("app.py", run_name="__main__")
except SystemExit as stopped:
    print(stopped)
"""


@pytest.fixture(scope="module")
def needed() -> set[str]:
    """The rooms that the page imports, by the import graph."""
    names = [f"ppaint.{room}" for room in ROOMS]
    graph = grimp.build_graph(*names, cache_dir=None)
    files = graph.find_upstream_modules("ppaint.spaces_demo.app") | {"ppaint.spaces_demo.app"}
    return {name.split(".")[1] for name in files}


@pytest.fixture(scope="module")
def space(tmp_path_factory, needed) -> Path:
    """The copied folder, with a small scorer in it."""
    folder = tmp_path_factory.mktemp("space")
    shutil.copy(ROOT / "spaces_demo" / "app.py", folder)
    for room in needed:
        shutil.copytree(ROOT / room, folder / "ppaint" / room, ignore=shutil.ignore_patterns("__pycache__"))
    processor = build_processor(DIMENSIONS)
    build_tiny_model(processor, seed=3, hidden_size=32, text_layers=1, vision_layers=2).save_pretrained(
        folder / "scorer"
    )
    processor.save_pretrained(folder / "scorer")
    ScorerConfig(dimensions=list(DIMENSIONS), prompts=Prompts().to_dict(), simulated=True).save(folder / "scorer")
    return folder


def test_the_page_needs_few_rooms(needed):
    assert needed <= {"foundation", "images", "dataset_script", "model_card", "spaces_demo"}


def test_the_page_is_built_from_the_copied_folder_alone(space, needed):
    environment = {
        key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME", "PPAINT_MODEL"}
    }
    # -S would hide the dependencies too; what is hidden is ppaint alone
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=space, env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    rooms, *places, page, stopped = result.stdout.splitlines()
    assert set(rooms.split()) <= needed
    assert all(Path(place).is_relative_to(space) for place in places)
    assert page == "Blocks"
    assert stopped.startswith("set PPAINT_MODEL")  # as a Space starts it, it asks for its model
