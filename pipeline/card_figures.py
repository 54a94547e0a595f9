"""What a run measured of its scorer, as the scorer's card keeps it: with what it was held against, and which files it is of."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ..eval_suite.reference_scores import ReferenceScores
from ..eval_suite.srcc_plcc.intervals import Interval
from ..eval_suite.suite import Evaluation
from ..foundation.run_folder import RUN_FILE, check_run_folder
from ..model_card.card_data import CardFigure, CardFigures
from ..model_card.model_files import files_hash


def card_figures(evaluation: Evaluation, references: ReferenceScores, scorer: Path, run: Path) -> CardFigures:
    """The figures of a scorer for its card.

    Parameters
    ----------
    evaluation : Evaluation
        Of this scorer.
    references : ReferenceScores
        What it was held against.
    scorer : Path
        The scorer's folder, as it was measured.
    run : Path
        The run's folder.

    Returns
    -------
    CardFigures
    """
    tables = {
        name: {
            row: {column: _figure(interval) for column, interval in cells.items()}
            for row, cells in evaluation.figures[name].items()
        }
        for name in ("srcc", "plcc")
    }
    return CardFigures.measured(
        release=references.name,
        release_sha256=references.sha256,
        simulated=references.simulated,
        references=evaluation.references,
        categories=list(evaluation.categories),
        dimensions=list(evaluation.dimensions),
        headline=evaluation.headline_dimension,
        files=files_hash(scorer),
        run=run_hash(run),
        **tables,
    )


def run_hash(run: Path) -> str:
    """SHA-256 of a run's identity: of what ``run.json`` says."""
    identity = json.dumps(check_run_folder(run), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(f"{RUN_FILE} {identity}".encode()).hexdigest()


def _figure(interval: Interval) -> CardFigure:
    found = interval.as_dict()
    return CardFigure(**{name: found[name] for name in ("value", "low", "high", "level")})
