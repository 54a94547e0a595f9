"""A copy of the tiny judge, under another name and in other files, from the annotations' CSV to the report."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from ppaint.foundation.progress_type import no_progress
from ppaint.model_card import AestheticScorer
from ppaint.model_card.loading import load_model, weights_hash
from ppaint.pipeline.protocol import Protocol, run_protocol
from ppaint.trainer.tiny_judge import WEIGHTS
from ppaint.trainer.tiny_judge.known_weights import JUDGE


def test_a_copied_judge_is_named_and_marked_from_the_csv_to_the_report(export, tmp_path):
    model, processor = load_model(WEIGHTS, device="cpu")
    copy = tmp_path / "qwen3-vl-8b"  # the name of a real model
    model.save_pretrained(copy, max_shard_size="2MB")
    processor.save_pretrained(copy)
    (tmp_path / "scrolls").mkdir()
    for i in range(14):
        grey = np.random.default_rng(i).integers(0, 256, (48, 40, 3), dtype=np.uint8)
        Image.fromarray(grey).save(tmp_path / "scrolls" / f"{i:02}.png")
    settings = Protocol(
        model=str(copy),
        annotations=export.folder,
        images=tmp_path / "scrolls",
        options={"max_steps": 1, "eval_steps": 1, "save_steps": 1},
        processes=1,
    )
    shown = run_protocol(settings, tmp_path / "run", no_progress)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["simulated"] and "tiny judge" in summary["note"]
    assert any(str(tmp_path / "run" / "report.md") in str(line) for line in shown)
    report = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    assert "painted pastiches" in report and JUDGE in report
    scorer = AestheticScorer.from_pretrained(tmp_path / "run" / "scorer", device="cpu")
    table = scorer.score(tmp_path / "scrolls" / "00.png")
    assert scorer.config.simulated and np.isfinite(table.mean).all()
    assert scorer.config.hashes["base weights"] == weights_hash(WEIGHTS, None)  # in one file or in many: one model
