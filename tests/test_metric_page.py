"""The metric's page on the Hub starts from its folder alone, and shows what the metric says."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import gradio as gr
import httpx
import pytest

from ppaint.eval_suite.srcc_plcc.app import EXAMPLE, figures
from ppaint.eval_suite.srcc_plcc.srcc_plcc import SrccPlcc, agreement

FOLDER = Path(__file__).parents[1] / "eval_suite" / "srcc_plcc"
PREDICTIONS, REFERENCES = ([row[k] for row in EXAMPLE] for k in (0, 1))


@pytest.fixture
def metric(tmp_path):
    return SrccPlcc(cache_dir=str(tmp_path))


def test_the_page_starts_from_a_copy_of_its_folder_and_answers(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "space")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
        "GRADIO_SERVER_PORT": str(port),
    }
    with (tmp_path / "log").open("wb") as log:
        page = subprocess.Popen(
            [sys.executable, tmp_path / "space" / "app.py"], cwd=tmp_path, env=environment, stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            for _ in range(600):
                assert page.poll() is None, (tmp_path / "log").read_text()
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
    assert told.startswith("event: complete"), told
    table, note = json.loads(told.split("data: ", 1)[1])
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
