"""What all tests share: caches of their own, no network, no display, and a small sound export to spoil."""

from __future__ import annotations

import csv
import gc
import os
import shutil
import sys
import tempfile
from functools import cache
from importlib.util import cache_from_source, find_spec
from itertools import combinations
from pathlib import Path

# The libraries read these when they are imported, so they are set here and not in a fixture. Without a cache of its own a
# test could be served an older dataset called ppaint.
_CACHE = tempfile.mkdtemp(prefix="ppaint-tests-")
os.environ |= {
    "HF_HOME": _CACHE,
    "HF_DATASETS_CACHE": f"{_CACHE}/datasets",
    "PPAINT_CACHE": f"{_CACHE}/ppaint",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "MPLBACKEND": "Agg",
    "TOKENIZERS_PARALLELISM": "false",
    # Matrices here are small: threads of numpy's and torch's would only spin, in every worker process again.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_TORCH = find_spec("torch")
if sys.dont_write_bytecode and not (_TORCH and Path(cache_from_source(_TORCH.origin)).is_file()):
    # Nothing is compiled (pip does that when it installs, uv does not), and nothing may be written beside the sources. Every
    # worker and every program that a test starts would compile torch and transformers anew, 15 seconds of a CPU each. So
    # bytecode is kept elsewhere for as long as the tests run.
    sys.dont_write_bytecode = False
    sys.pycache_prefix = f"{_CACHE}/bytecode"
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import typer.testing  # noqa: E402
import yaml  # noqa: E402
from PIL import Image  # noqa: E402

pytest_plugins = ["space_server"]  # the one server of the Space
# Its runner would read every option of every command anew for each call, a tenth of a second.
typer.testing._get_command = cache(typer.testing._get_command)

# Files whose tests take longest, by their seconds of a CPU. They are handed out first, or one of them would run alone in the
# end. All files of the Space's server go with the first: more than a minute together.
LONGEST = (
    "spaces_demo",
    "quickstart",
    "score_run",
    "reproduce",
    "psdistill_trainer",
    "judge_and_score_together",
    "several_processes",
    "ask_by_processor",
    "plan_command",
    "publish_command",
    "published_check",
    "distil_in_python",
    "tiny_judge",
    "flop_count",
    "gpu_benchmark",
    "build",
    "zero_gpu",
    "packaging",
    "teacher",
    "endpoint_judge",
    "pool_check",
    "tutorials",
    "image_stream",
    "judgment_store",
    "space_board",
    "painter",
    "doctests",
    "psdistill_exact_trainer",
    "leaderboard_hub",
    "submission_command",
    "examples",
    "agreement_command",
    "exported_forms",
)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One more than there are cores: a test that waits for a program or a server would leave a core idle.

    None beside this one where there is only one file: a file's tests share their fixtures, and so a process.
    """
    places = {argument.split("::")[0] for argument in config.args}
    return 0 if len(places) == 1 and places.pop().endswith(".py") else (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; all else stays in its order."""
    place = {f"test_{name}.py": k for k, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


def pytest_collection() -> None:
    """No look for garbage while libraries are imported: next to nothing of it is, and the looks take seconds."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What the imports made stays to the end, so it is not looked through again; each training run asks for a full look."""
    gc.enable()
    gc.freeze()
    # Looks through all else are made rarer: little is old by then, so it soon grows by the quarter that calls for one.
    gc.set_threshold(700, 10, 100)


@pytest.fixture(autouse=True, scope="module")
def stays_unlooked() -> None:
    """What the files before have left (imports, caches, reports) is not looked through at each training run of this one either."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    gc.unfreeze()  # libraries complain at the end of what was never given back
    shutil.rmtree(_CACHE, ignore_errors=True)


class SmallExport:
    """A sound raw export of two categories, two dimensions, three experts and six paintings a category."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.folder = folder
        rng = np.random.default_rng(seed)
        (folder / "images").mkdir(parents=True)
        self.config = {
            "name": "pilot",
            "simulated": False,
            "categories": ["landscape", "figure"],
            "dimensions": ["brushwork", "overall"],
            "headline": "overall",
            "rating_scale": [1, 10],
            "repeats": "forbid",
            "licence": "CC-BY-4.0",
            "citation": "A pilot, 2026.",
        }
        paintings, experts, ratings, pairs = [], [], [], []
        for category in self.config["categories"]:
            ids = [f"{category}_{i}" for i in range(6)]
            who = [f"{category}_expert_{j}" for j in range(3)]
            for name in ids:
                pixels = rng.integers(0, 256, (48, 40, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / "images" / f"{name}.png")
                paintings.append([name, category, f"images/{name}.png", f"Title of {name}"])
            experts += [[expert, category, "painter"] for expert in who]
            quality = np.linspace(-2, 2, len(ids))
            for dimension in self.config["dimensions"]:
                for expert in who:
                    seen = quality + rng.normal(0, 0.7, len(ids))
                    marks = np.clip(np.rint(5.5 + 1.6 * seen), 1, 10).astype(int)
                    ratings += [[name, expert, dimension, str(mark)] for name, mark in zip(ids, marks, strict=True)]
                    for i, j in combinations(range(len(ids)), 2):
                        gap = quality[i] - quality[j] + rng.normal(0, 1.2)
                        choice = "tie" if abs(gap) < 0.2 else "a" if gap > 0 else "b"
                        pairs.append([ids[i], ids[j], expert, dimension, choice])
        self.write_config()
        self.write("paintings.csv", [["painting_id", "category", "file", "title"], *paintings])
        self.write("experts.csv", [["expert_id", "category", "training"], *experts])
        self.write("ratings.csv", [["painting_id", "expert_id", "dimension", "rating"], *ratings])
        self.write("pairs.csv", [["painting_a", "painting_b", "expert_id", "dimension", "choice"], *pairs])

    def write_config(self, **changes: object) -> None:
        """Write annotations.yaml with these changes; a key set to None is left out."""
        self.config |= changes
        values = {key: value for key, value in self.config.items() if value is not None}
        (self.folder / "annotations.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")

    def keep(self, category: str, *dimensions: str) -> SmallExport:
        """Leave out the other category, and all dimensions but these: a quarter of the facets to fuse, or half."""
        for file in ("paintings.csv", "experts.csv", "ratings.csv", "pairs.csv"):
            header, *rows = self.read(file)
            here = header.index("category") if "category" in header else 0
            rows = [row for row in rows if row[here].startswith(category)]
            if "dimension" in header:
                rows = [row for row in rows if row[header.index("dimension")] in dimensions]
            self.write(file, [header, *rows])
        self.write_config(categories=[category], dimensions=list(dimensions), headline=dimensions[-1])
        return self

    def read(self, file: str) -> list[list[str]]:
        """The rows of a table; row 1, the header, is at place 0."""
        with (self.folder / file).open(encoding="utf-8", newline="") as handle:
            return list(csv.reader(handle))

    def write(self, file: str, rows: list[list[str]]) -> None:
        """Write a table."""
        with (self.folder / file).open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle, lineterminator="\n").writerows(rows)

    def set(self, file: str, row: int, column: str, value: str) -> None:
        """Change one cell; rows count as a spreadsheet counts them."""
        rows = self.read(file)
        rows[row - 1][rows[0].index(column)] = value
        self.write(file, rows)

    def add(self, file: str, *cells: str) -> int:
        """Add a row; gives its number."""
        rows = [*self.read(file), list(cells)]
        self.write(file, rows)
        return len(rows)

    def add_column(self, file: str, column: str, values: list[str] | str) -> None:
        """Add a column."""
        rows = self.read(file)
        values = [values] * (len(rows) - 1) if isinstance(values, str) else values
        self.write(file, [[*row, cell] for row, cell in zip(rows, [column, *values], strict=True)])


@pytest.fixture
def export(tmp_path: Path) -> SmallExport:
    """A small sound export, for a test to spoil."""
    return SmallExport(tmp_path / "raw")


@pytest.fixture(scope="session")
def pictures():
    """The forty images of ``small_exact_run.py``; nobody changes them, nor what is made of them below."""
    from small_exact_run import draw_pictures

    return draw_pictures()


@pytest.fixture(scope="session")
def features(pictures):
    """What the small run's model sees of them."""
    from small_exact_run import see

    return see(pictures)


@pytest.fixture(scope="session")
def scores(features, tmp_path_factory: pytest.TempPathFactory):
    """Their pseudo-scores, by a judge who knows two directions of the features."""
    from small_exact_run import judged

    return judged(features, tmp_path_factory.mktemp("judged"))


@pytest.fixture(scope="session")
def hub_process(tmp_path_factory: pytest.TempPathFactory):
    """A Hub on this machine, one for all tests of a process; see ``loopback_hub.py``."""
    import huggingface_hub
    from loopback_hub import LoopbackHub

    hub = LoopbackHub(tmp_path_factory.mktemp("hub"))
    yield hub
    huggingface_hub.close_session()  # one for all tests: each new one reads all certificates
    hub.stop()


@pytest.fixture
def hub(hub_process, monkeypatch: pytest.MonkeyPatch):
    """That Hub in place of the real one for clients in this process, nobody logged in, nothing yet asked or going wrong."""
    from huggingface_hub import constants

    # They were read from the environment when the library was imported.
    addresses = (hub_process.url, f"{hub_process.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}")
    for name, address in zip(("ENDPOINT", "HUGGINGFACE_CO_URL_TEMPLATE"), addresses, strict=True):
        monkeypatch.setattr(constants, name, address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if (
        "transformers.utils.hub" in sys.modules
    ):  # it keeps a client of its own, with the address of when it was first asked
        monkeypatch.setattr("transformers.utils.hub._hf_api", None)
    hub_process.calm()
    return hub_process
