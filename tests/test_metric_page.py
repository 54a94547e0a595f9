"""The metric loads offline from its folder alone, its page on the Hub starts from there too, and shows what the metric says.

One process does both, without torch and transformers: the folder's requirements do not name them, and `evaluate` imports them
where they are installed.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from written_content import write_content

from ppaint.eval_suite.srcc_plcc.app import EXAMPLE, figures
from ppaint.eval_suite.srcc_plcc.srcc_plcc import SrccPlcc, agreement
from ppaint.publishing.content import Links
from ppaint.publishing.contents.metric import metric_content

FOLDER = Path(__file__).parents[1] / "eval_suite" / "srcc_plcc"
PREDICTIONS, REFERENCES = ([row[k] for row in EXAMPLE] for k in (0, 1))


@pytest.fixture
def metric(tmp_path):
    return SrccPlcc(cache_dir=str(tmp_path))


# As a user has it, who has what the folder's requirements name and no ppaint: the metric by `evaluate`, and then its page.
PROGRAM = """
import json, runpy, sys
from importlib.machinery import PathFinder
class Others(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.split(".")[0] in ("torch", "transformers", "ppaint")
        return None if hidden else super().find_spec(name, path, target)
finders = [finder for finder in sys.meta_path if "__editable__" not in repr(finder)]
sys.meta_path[:] = [Others if finder is PathFinder else finder for finder in finders]
import evaluate
metric = evaluate.load("./elsewhere/srcc_plcc")
result = metric.compute(predictions=[1, 2, 3, 4, 5.5], references=[1, 3, 2, 5, 4], groups=list("aaaaa"))
printed = {}
for name, code in json.load(open("blocks.json")).items():
    found = {}
    exec(code, found)
    printed[name] = found["result"]["srcc"]
ours = [name for name in sys.modules if name.startswith(("ppaint", "torch", "transformers"))]
with open("loaded.json", "w") as file:
    json.dump({"srcc": result["srcc"], "printed": printed, "ours": ours}, file)
runpy.run_path("elsewhere/srcc_plcc/app.py", run_name="__main__")
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What a process gives that has a copy of the folder: the metric's figure there, and what its page answered."""
    place = tmp_path_factory.mktemp("alone")
    for home in ("elsewhere", "eval_suite"):
        shutil.copytree(FOLDER, place / home / "srcc_plcc")
    write_content(metric_content("org/srcc_plcc", Links()), place)
    code = {"in the repository": FOLDER / "README.md", "published": place / "org" / "srcc_plcc" / "README.md"}
    found = {
        name: path.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0] for name, path in code.items()
    }
    (place / "blocks.json").write_text(json.dumps(found))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = {"PYTHONPATH", "PYTHONHOME"}
    environment = {key: value for key, value in os.environ.items() if key not in ours and not key.startswith("HF_")}
    environment |= {"HF_HOME": str(place / "cache"), "HF_HUB_OFFLINE": "1", "GRADIO_SERVER_PORT": str(port)}
    with (place / "log").open("wb") as log:
        page = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=place, env=environment, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            for _ in range(600):
                assert page.poll() is None, (place / "log").read_text()
                try:
                    client.get("/config")
                    break
                except httpx.TransportError:
                    time.sleep(0.2)
            data = [{"headers": list("prtg"), "data": EXAMPLE}, 100]
            event = client.post("/gradio_api/call/compute", json={"data": data}).json()["event_id"]
            told = client.get(f"/gradio_api/call/compute/{event}").text
    finally:
        page.kill()
        page.wait()
    return SimpleNamespace(told=told, **json.loads((place / "loaded.json").read_text()))


def test_it_loads_offline_from_a_copy_of_its_folder_alone(alone):
    assert alone.ours == [], "the folder does not stand alone"
    assert alone.srcc == pytest.approx(0.8)


def test_the_cards_code_runs_as_printed_in_the_repository_and_as_published(alone):
    assert alone.printed == {"in the repository": pytest.approx(0.9), "published": pytest.approx(0.9)}


def test_the_page_starts_from_a_copy_of_its_folder_and_answers(alone):
    assert alone.told.startswith("event: complete"), alone.told
    table, note = json.loads(alone.told.split("data: ", 1)[1])
    expected = agreement(PREDICTIONS, REFERENCES, resamples=100)
    assert table["data"][0][:4] == ["srcc", *(f"{x:.4f}" for x in (expected["srcc"], *expected["srcc_interval"]))]
    assert note == "Rows: 5, items: 5, groups: 1."


def test_groups_items_and_figures_without_a_value_are_shown(metric):
    rows = [[k, k % 3, "a" if k < 4 else "b", f"i{k}"] for k in range(4)] + [[1, k, "b", f"i{k}"] for k in range(4)]
    shown, note = figures(metric, [*rows, ["", None, float("nan"), " "]], 0)
    expected = agreement(*([row[k] for row in rows] for k in (0, 1)), groups=[row[2] for row in rows], resamples=0)
    assert {name: value for name, value, *_ in shown}["rmse"] == f"{expected['rmse']:.4f}"
    assert all(rest == ["", "", ""] for _, _, *rest in shown)
    assert note.startswith("Rows: 8, items: 4, groups: 2. ")
    assert note.endswith(
        "group 'b': srcc, plcc, krcc, slope, plcc_logistic undefined, because the predictions are constant."
    )


@pytest.mark.parametrize(
    ("rows", "resamples", "why"),
    [
        ([], 0, "there are no predictions"),
        ([[1, 2, "", ""], ["", "", "", ""], ["x", 2, "", ""]], 0, "row 3: the prediction is not a number"),
        ([[1, None, "", ""]], 0, "row 1: the reference is not a number"),
        ([[1, 2, "a", ""], [2, 3, "", ""]], 0, "group"),
        ([["inf", 2, "", ""]], 0, "not finite"),
        ([[1, 2, "", ""]], None, "the number of resamples is missing"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_reason(metric, rows, resamples, why):
    with pytest.raises(gr.Error, match=why):
        figures(metric, rows, resamples)
