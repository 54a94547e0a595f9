"""The figures that no change of structure may change. ``python tests/golden_figures.py`` writes them anew, as JSON.

A change that is meant to change a figure writes the file anew in the same commit, and its message says why.
"""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from small_exact_run import PROCESSOR, draw_pictures, judged, make, new_model, see
from small_release import build_small_release
from transformers import AutoModelForImageTextToText

from ppaint.eval_suite import ReleaseTables, evaluate_scores, read_release
from ppaint.preference_to_score import Comparisons, Ratings, fuse_facet
from ppaint.trainer import PSDistillConfig, PSDistillTrainer

FILE = Path(__file__).with_suffix(".json")
PACKAGES = ("torch", "transformers", "trl", "numpy", "scipy", "pandas", "pyarrow")
# A high rate from the first step on: a wrong step shows in the next figures.
TRAINING = {"learning_rate": 3e-3, "warmup_steps": 0, "save_strategy": "no", "load_best_model_at_end": False}
# Parts of the names of logged figures that tell of the machine.
_TIMES = ("runtime", "per_second", "step_time", "total_flos")


def release_tables(folder: Path) -> dict:
    """Every table of a small release, decoded: file -> column -> values."""
    return _small_release()[0]


def fused_facet(folder: Path) -> dict:
    """What `fuse_facet` returns for one facet: ten items, four experts, a tie and a missing rating among their answers."""
    rng = np.random.default_rng(11)
    items, experts = 10, 4
    quality = rng.normal(size=items)
    taste = quality + 0.4 * rng.normal(size=(experts, items))
    first, second = np.triu_indices(items, 1)
    outcome = (taste[:, first] - taste[:, second] + 0.7 * rng.normal(size=(experts, len(first))) > 0).astype(float)
    outcome[0, 0] = 0.5
    games = Comparisons.from_arrays(
        np.tile(first, experts),
        np.tile(second, experts),
        outcome.ravel(),
        rater=np.repeat(range(experts), len(first)),
    )
    marks = np.clip(np.rint(5.5 + 1.6 * taste + 0.8 * rng.normal(size=taste.shape)), 1, 10)
    given = np.ones(marks.shape, dtype=bool)
    given[1, 3] = False
    expert, item = np.nonzero(given)
    facet = fuse_facet(games, Ratings.from_arrays(item, expert, marks[given]), (1, 10))
    return _plain(
        {field.name: getattr(facet, field.name) for field in fields(facet)} | {"report": asdict(facet.report)}
    )


def evaluation(folder: Path) -> dict:
    """What `evaluate_scores` returns for noisy predictions of the small release."""
    release = _small_release()[1]
    truth = release.references()
    noisy = 0.5 * truth + np.random.default_rng(1).normal(size=truth.shape)
    categories = list(release.fused["category"])
    return _plain(
        evaluate_scores(noisy, truth, categories, release.dimensions, release.headline, resamples=200).as_dict()
    )


def exact_policy(folder: Path) -> list:
    """Losses and held-out metrics that the exact trainer logs, with the paper's objective."""
    return _logged(_exact(folder, objective="policy"))


def exact_fidelity(folder: Path) -> list:
    """Losses and held-out metrics that the exact trainer logs, with the fidelity loss."""
    return _logged(_exact(folder, objective="fidelity"))


def sampled(folder: Path) -> list:
    """Losses and held-out metrics that the sampled trainer logs."""
    start = folder / "start"  # on the disk: TRL takes the reference policy from there
    new_model().save_pretrained(start)
    model = AutoModelForImageTextToText.from_pretrained(start, dtype=torch.float32)
    images, features, scores = _small_input()
    args = PSDistillConfig(
        output_dir=str(folder / "run"),
        use_cpu=True,
        seed=5,
        per_device_train_batch_size=32,
        gradient_accumulation_steps=2,
        num_generations=4,
        block_size=8,
        max_completion_length=3,
        max_steps=3,
        eval_steps=3,
        logging_steps=1,
        report_to=[],
        activation_checkpointing=False,
        **TRAINING | {"learning_rate": 1e-2},
    )
    return _logged(PSDistillTrainer(model, args, PROCESSOR, images, scores, features=features))


SECTIONS: dict[str, Callable[[Path], dict | list]] = {
    "release_tables": release_tables,
    "fuse_facet": fused_facet,
    "evaluate_scores": evaluation,
    "exact_policy": exact_policy,
    "exact_fidelity": exact_fidelity,
    "sampled": sampled,
}
TRAINED = ("exact_policy", "exact_fidelity", "sampled")


@cache
def _small_release() -> tuple[dict, ReleaseTables]:
    """A small release's tables, decoded, and the same as the evaluation reads them; built once."""
    with tempfile.TemporaryDirectory() as folder:
        built = build_small_release(Path(folder))
        tables = {
            path.relative_to(built).as_posix(): {
                str(column): _plain(values.tolist()) for column, values in pd.read_parquet(path).items()
            }
            for path in sorted(built.rglob("*.parquet"))
        }
        release = read_release(built)
        assert len(release.fused)  # tables are read when they are first asked for: before the folder goes
        return tables, release


@cache
def _small_input() -> tuple:
    """Images, their features and pseudo-scores; made once."""
    images = draw_pictures()
    features = see(images)
    with tempfile.TemporaryDirectory() as folder:
        return images, features, judged(features, Path(folder) / "judged")


def _exact(folder: Path, **options: object):
    _, features, scores = _small_input()
    return make(folder, features, scores, max_steps=4, **TRAINING, **options)


def _logged(trainer) -> list:
    trainer.train()
    return [
        {name: _plain(value) for name, value in row.items() if not any(part in name for part in _TIMES)}
        for row in trainer.state.log_history
    ]


def _plain(value: object) -> object:
    """As JSON holds it: lists, plain numbers, and None for what has no value."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value


def _commit() -> str:
    place = Path(__file__).parent
    return subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=place, capture_output=True, text=True, check=True
    ).stdout.strip()


def write() -> None:
    """Compute every section and write the JSON."""
    made_with = {"commit": _commit()} | {name: version(name) for name in PACKAGES}
    figures: dict[str, object] = {"made_with": made_with}
    for name, compute in SECTIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = compute(Path(folder))
    parts = [
        f'"{name}": {json.dumps(value, separators=(",", ":"), allow_nan=False)}' for name, value in figures.items()
    ]
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write()
