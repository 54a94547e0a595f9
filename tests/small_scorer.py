"""A small scorer's folder with a card and figures, made without training: what tests of publishing publish."""

from pathlib import Path

import numpy as np

from ppaint.model_card import Calibration, Prompts, ScorerConfig
from ppaint.model_card.card import write_scorer_card
from ppaint.model_card.card_data import CardFigures
from ppaint.model_card.model_files import files_hash
from ppaint.model_card.out_of_distribution import DistanceMeasure
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ["brushwork", "overall"]
ROWS = ("landscape", "figure", "mean")


def figures_of(folder: Path, release_sha256: str = "a" * 64) -> CardFigures:
    """Figures that differ from cell to cell, measured on the files of the folder."""

    def table(start: float) -> dict:
        cells = [(row, column) for row in ROWS for column in (*DIMENSIONS, "mean")]
        found: dict = {}
        for k, (row, column) in enumerate(cells):
            value = start + k / 100
            cell = {"value": value, "low": value - 0.1, "high": value + 0.05, "level": 0.95}
            found.setdefault(row, {})[column] = cell
        return found

    return CardFigures.measured(
        release="ppaint-simulated",
        release_sha256=release_sha256,
        simulated=True,
        references="fused scores",
        categories=["landscape", "figure"],
        dimensions=DIMENSIONS,
        headline="overall",
        srcc=table(0.5),
        plcc=table(0.6),
        files=files_hash(folder),
        run="b" * 64,
    )


def write_small_scorer(folder: Path, release_sha256: str = "a" * 64) -> Path:
    """A small scorer that was measured."""
    processor = build_processor(tuple(DIMENSIONS))
    small = {"hidden_size": 32, "text_layers": 1, "vision_layers": 2}
    build_tiny_model(processor, seed=3, **small).save_pretrained(folder)
    processor.save_pretrained(folder)
    states = np.random.default_rng(0).normal(size=(40, 32))
    config = ScorerConfig(
        dimensions=DIMENSIONS,
        prompts=Prompts().to_dict(),
        calibration={"overall": Calibration(slope=2.0, intercept=-1.0)},
        simulated=True,
        headline="overall",
        base_revision="example/base@" + "0" * 40,
        out_of_distribution=DistanceMeasure.fit(states[:20], states[20:]).save(folder),
        versions={"ppaint": "0.1.0"},
    )
    config.save(folder)
    text = {"title": "A small scorer", "training": "On sixteen images.", "evaluation": "Beside no baseline."}
    write_scorer_card(folder, config, location=str(folder), figures=figures_of(folder, release_sha256), **text)
    return folder
