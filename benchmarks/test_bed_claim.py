"""One training of the claims: the look that a user's run keeps is scored, and no other.

On the seeds that choose, every look is scored on the evaluated scrolls, so that rules can be compared. Here the rule is
settled, and 3 x 300 scrolls are scored once.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from test_bed_arm import (
    COMMIT,
    BedArm,
    all_left_out,
    evaluated,
    fold_pass,
    labels_of,
    make_trainer,
    mean_of,
    start_scores,
    trajectory_arrays,
)
from test_bed_regimes import label_srcc
from test_bed_rules import Saved, kept_looks
from test_bed_srcc import mean_srcc

from ppaint.dataset_script.stand_in.simulate import DIMENSIONS
from ppaint.model_card import Judge
from ppaint.model_card.moments import moments


def train_claim(name: str, work: Path) -> dict:
    """Train an arm as a user would; the SRCC of the start and of what was kept, by category."""
    arm = BedArm.from_name(name)
    scores = labels_of(arm, work)
    watched, truth = evaluated(arm.seed, arm.regime.judge, work)
    start = start_scores(arm.seed, arm.regime.judge, work)
    folds = bool(arm.options.get("folds"))
    if folds:
        trained = fold_pass(arm, scores, work)
        trainer, states = trained.trainer, trained.states
        for look, mean in zip(trainer.looks, trained.means, strict=True):
            look["mean"] = mean
        trainer.table = all_left_out(scores, arm)
    else:
        trainer = make_trainer(arm, scores, work, watch=False)
        trainer.train()
        states = [trainer.states]
    arrays = trajectory_arrays(trainer, scores, {}, truth)
    saved = Saved(arrays | ({"chance": np.array(trained.chance)} if folds else {}))
    looks = kept_looks(saved, folds)
    kept = start
    if looks != [0]:
        trainer.put(mean_of([one[look] for one in states for look in looks]))
        kept, _ = moments(Judge(trainer.core, trainer.processor, DIMENSIONS).rate(watched))
    return {
        "arm": name,
        "commit": COMMIT,
        "label_srcc": float(np.mean(label_srcc(scores, arm.regime, arm.seed, work))),
        "kept_dimensions": list(scores.kept),
        "pairs": len(scores.judged),
        "kept_steps": saved.arrays["steps"][looks].tolist(),
        "srcc_start": mean_srcc(start, truth),
        "srcc": mean_srcc(kept, truth),
        "srcc_by_category": [
            mean_srcc(k[None], t[None]) for k, t in zip(kept.reshape(truth.shape), truth, strict=True)
        ],
    }
