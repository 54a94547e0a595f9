"""Small references made without a build, and submissions to them: what tests of the leaderboard are made on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ppaint.eval_suite import ReferenceScores

CATEGORIES = ("landscape", "figure")
DIMENSIONS = ("line", "overall")
PAINTINGS = 12  # of a category


def small_references(seed: int = 0, *, simulated: bool = False) -> ReferenceScores:
    """Two categories of twelve paintings, two dimensions; the errors are a third of the spread."""
    rng = np.random.default_rng(seed)
    rows = [(f"{category}_{place:02d}", category) for category in CATEGORIES for place in range(PAINTINGS)]
    return ReferenceScores(
        table=pd.DataFrame(rows, columns=["painting_id", "category"]),
        values=rng.normal(5, 1, (len(rows), len(DIMENSIONS))),
        dimensions=DIMENSIONS,
        headline="overall",
        called="fused scores",
        statistics=("srcc", "plcc"),
        notes=(),
        errors=np.full((len(rows), len(DIMENSIONS)), 1 / 3),
        name="small-simulated" if simulated else "small",
        source="small",
        simulated=simulated,
    )


def noisy(references: ReferenceScores, noise: float, seed: int = 1) -> np.ndarray:
    """Scores that agree with the references more or less."""
    return references.values + np.random.default_rng(seed).normal(0, noise, references.values.shape)


def submission_yaml(references: ReferenceScores, **changes: str) -> str:
    """The text of a sound ``submission.yaml``; a keyword replaces the text of a key, and None leaves it out."""
    lines = {
        "format": "1",
        "system": "a small system",
        "version": '"1"',
        "supersedes": "null",
        "release": references.sha256,
        "dimensions": f"[{', '.join(references.dimensions)}]",
        "kind": "model",
        "access": "open_weights",
        "model": "{id: ORG/NAME, revision: 0123abc, parameters: 8.8e9}",
        "base_model": "null",
        "training": "{labels: none, ppaint: images, categories: [landscape], data: not disclosed}",
        "teacher": "{id: null, revision: null}",
        "made_with": "{ppaint: null, weights_sha256: null, prompt_sha256: null, software: null}",
        "deterministic": "true",
        "cost": "{passes_per_image: 5, seconds_per_image: 0.12, device: H200}",
        "simulated": "true" if references.simulated else "false",
        "link": "https://arxiv.org/abs/1234.56789",
        "licence": "cc-by-4.0",
        "notes": "null",
    } | changes
    return "".join(f"{key}: {text}\n" for key, text in lines.items() if text is not None)


def predictions_table(references: ReferenceScores, values: np.ndarray) -> pd.DataFrame:
    """Scores in the references' order as a table of predictions."""
    table = references.table[["painting_id", "category"]].copy()
    table[list(references.dimensions[-values.shape[1] :])] = values
    return table


def write_submission(
    folder: Path, references: ReferenceScores, values: np.ndarray | None = None, **changes: str
) -> Path:
    """A sound submission's folder, but for the changes to its ``submission.yaml``; returns the folder."""
    folder.mkdir(parents=True)
    values = noisy(references, 1.0) if values is None else values
    predictions_table(references, values).to_csv(folder / "predictions.csv", index=False)
    (folder / "submission.yaml").write_text(submission_yaml(references, **changes), encoding="utf-8")
    return folder
