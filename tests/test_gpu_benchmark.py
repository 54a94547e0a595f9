"""benchmarks/gpu.py: one command measures every part, is resumed, says in words what failed, and claims no GPU on a CPU."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from ppaint.trainer.cost.model_shapes import read_shapes

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
# TRL and peft ask transformers 5 for activation checkpointing under names that it is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing.*` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def gpu():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import gpu

        yield gpu


def call(gpu, *arguments: object) -> str:
    app = typer.Typer()
    app.command()(gpu.main)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.fixture(scope="module")
def tried(gpu, tmp_path_factory):
    """All parts with the tiny judge: what was printed, and the file."""
    file = tmp_path_factory.mktemp("gpu") / "gpu.json"
    said = call(gpu, "--tiny", "--out", file)
    return said, file


def test_every_part_runs_on_a_cpu_and_says_nothing_of_a_gpu(gpu, tried):
    said, file = tried
    assert gpu.NO_GPU in said and "met" not in said
    found = json.loads(file.read_text(encoding="utf-8"))
    assert set(found["parts"]) == {"matrix-rate", "judge 128", "scorer 128", "exact 128", "sampled 128"}
    assert not [part for part in found["parts"].values() if "failed" in part]
    assert found["device"].startswith("CPU") and found["model"] == "the tiny judge" and found["note"] == gpu.NO_GPU
    assert found["versions"]["torch"] == version("torch")


def test_both_sides_of_the_judge_are_asked_the_same(tried):
    judge = json.loads(tried[1].read_text(encoding="utf-8"))["parts"]["judge 128"]
    assert judge["largest difference of log-odds"] < 1e-3 < judge["log-odds, largest"]


def test_bars_follow_from_the_parts(tried):
    found = json.loads(tried[1].read_text(encoding="utf-8"))
    parts, bars = found["parts"], found["bars"]
    share = parts["scorer 128"]["TFLOP an image, floor"] * parts["scorer 128"]["ours"]["best"]
    share /= parts["matrix-rate"]["TFLOP a second"]
    assert bars["128 px: scorer's share of its floor"]["figure"] == pytest.approx(share)
    trainers = bars["128 px: exact / sampled trainer, images a second"]
    assert trainers["figure"] == pytest.approx(parts["exact 128"]["every image new"] / parts["sampled 128"]["best"])
    assert all(row["met"] == (row["figure"] >= row["bar"]) for row in bars.values())


def test_a_second_call_measures_only_what_is_missing_and_what_failed(gpu, tried, tmp_path):
    found = json.loads(tried[1].read_text(encoding="utf-8"))
    kept = found["parts"].pop("exact 128")
    found["parts"]["matrix-rate"] = {"failed": "out of memory"}
    file = tmp_path / "gpu.json"
    file.write_text(json.dumps(found), encoding="utf-8")
    said = call(gpu, "--tiny", "--out", file, "--part", "matrix-rate", "--part", "exact", "--part", "scorer")
    again = json.loads(file.read_text(encoding="utf-8"))["parts"]
    assert said.count("measured before") == 1 and again["scorer 128"] == found["parts"]["scorer 128"]
    assert "failed" not in again["matrix-rate"] and again["exact 128"]["tried"].keys() == kept["tried"].keys()


def test_a_part_that_fails_is_said_in_words_and_the_rest_goes_on(gpu, tmp_path):
    file = tmp_path / "gpu.json"
    call(gpu, "--tiny", "--out", file, "--part", "scorer", "--part", "matrix-rate", "--side", 9600)
    parts = json.loads(file.read_text(encoding="utf-8"))["parts"]
    assert "limit" in parts["scorer 9600"]["failed"] and "TFLOP a second" in parts["matrix-rate"]


def test_no_part_is_started_after_the_minutes_are_over(gpu, tmp_path):
    assert "left for the next call" in call(gpu, "--tiny", "--minutes", 0, "--part", "judge")


def test_results_of_another_device_or_version_are_not_mixed(gpu, tried, tmp_path):
    found = json.loads(tried[1].read_text(encoding="utf-8"))
    file = tmp_path / "gpu.json"
    file.write_text(json.dumps(found | {"device": "another"}), encoding="utf-8")
    assert "measured with another device" in " ".join(call(gpu, "--tiny", "--out", file).replace("│", " ").split())
    assert json.loads(file.read_text(encoding="utf-8"))["device"] == "another"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_nothing_but_the_trial_is_offered(gpu):
    assert "there is no GPU here" in call(gpu, "--part", "matrix-rate")


def test_a_batch_that_does_not_fit_is_noted_and_the_best_of_the_rest_counts(gpu):
    from gpu_parts import best_of
    from gpu_setting import Device

    def rate(batch: int) -> float:
        if batch > 8:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
        return 10.0 / batch

    found = best_of((4, 8, 16, 32), rate, Device("cpu"))
    assert found == {"best": 2.5, "batch": 4, "tried": {"4": 2.5, "8": 1.25, "16": "out of memory"}}
    with pytest.raises(MemoryError, match="in every batch that was tried"):
        best_of((16,), rate, Device("cpu"))


def test_at_8b_the_model_is_the_published_one_with_the_tiny_judges_tokenizer(gpu):
    from gpu_setting import Device, Setting

    setting = Setting(Device("cpu"), gpu.DIMENSIONS, tiny=False)
    costs = setting.costs(512)
    assert sum(p.numel() for p in costs.model.parameters()) == 8_767_123_696
    assert costs.visual == 256
    mine, theirs = setting.shapes, read_shapes("qwen3-vl-8b", gpu.DIMENSIONS)
    for ours, published in ((mine.rate, theirs.rate), (mine.compare, theirs.compare)):
        start = published.around - ours.around  # of all questions: the template's own tokens are the same
        apart = [b - a + start for a, b in zip(ours.questions, published.questions, strict=True)]
        assert max(apart) <= 3 and min(apart) >= -1
        assert ours.head == published.head and start in (0, 2)  # Qwen's vocabulary has no token for " 0" and " 9"
