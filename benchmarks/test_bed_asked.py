"""The claims' judgments: only the pairs that the arms of the claims ask for, each judged once.

    python benchmarks/test_bed_asked.py --work runs/test_bed --processes 2

All pairs of 200 images take 4 CPU minutes a seed and judge; what the schedules ask for takes half a minute. A judge is asked
as the schedules ask, regime after regime, and its answers are kept: arms look them up, and ask for nothing else. Resumable by
seed and judge.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from judgments_at_hand import JudgmentsAtHand
from resumable import in_pieces
from test_bed_data import encode, features_of, judge_folder, load_judge
from test_bed_pairs import all_pairs
from test_bed_regimes import Regime, answers, pseudo_scores

from ppaint.foundation.whole_files import written_file
from ppaint.model_card.loading import weights_hash

BATCH = 16


class AsksTheJudge(JudgmentsAtHand):
    """Judgments of a regime where a judge is asked for what is not at hand yet.

    Parameters
    ----------
    regime : Regime
    seed, draw : int
    raw : ndarray, shape (200, 200, D)
        Log-odds that the judge has given; NaN elsewhere. Filled in place.
    judge : Judge
    features : list of VisionFeatures
    ratings : ndarray
    """

    def __init__(self, regime: Regime, seed: int, draw: int, raw: np.ndarray, judge, features, ratings) -> None:
        self.regime, self.seed, self.draw, self.raw, self.one, self.features = regime, seed, draw, raw, judge, features
        images = [one.sha256 for one in features[: regime.images]]
        super().__init__(
            answers(regime, seed, raw, draw), ratings[: regime.images], images, judge.dimensions, judge.fingerprint
        )

    def ask(self, pairs):
        """As the parent's, after the judge was asked for both orders of what is missing."""
        both = [(self.place[a], self.place[b]) for a, b in pairs]
        wanted = dict.fromkeys(both + [two[::-1] for two in both])
        missing = [two for two in wanted if np.isnan(self.raw[two]).all()]
        missing.sort(key=lambda two: (self.features[two[0]].n_tokens + self.features[two[1]].n_tokens, two))
        for start in range(0, len(missing), BATCH):
            chunk = missing[start : start + BATCH]
            self.raw[tuple(np.array(chunk).T)] = self.one.compare(
                [(self.features[a], self.features[b]) for a, b in chunk]
            )
        if missing:
            self.forward = answers(self.regime, self.seed, self.raw, self.draw)
        return super().ask(pairs)


def judge_asked(name: str, work: Path, wanted: dict[str, list[tuple[str, int]]]) -> dict:
    """Judge what the arms of one ``judge_seed-S`` ask for; ``judgments/JUDGE/seed-S.npz`` holds it."""
    judge_name, seed = name.split("_seed-")
    judge, scrolls = load_judge(judge_name, work), features_of(int(seed), judge_name, work)
    features = scrolls["unlabelled"]
    n, ratings = len(features), judge.rate(features)
    raw = np.full((n, n, len(judge.dimensions)), np.nan, dtype=np.float32)
    regimes = [(Regime.from_name(regime), draw) for regime, draw in wanted[name]]
    whole = max((regime.images for regime, _ in regimes if regime.wrong), default=0)
    if whole:  # noise of an image is in units of the judge's own scores, for which all pairs are needed
        raw[:whole, :whole] = all_pairs(judge, features[:whole])
    for regime, draw in regimes:
        pseudo_scores(
            regime,
            int(seed),
            work,
            draw=draw,
            judging=AsksTheJudge(regime, int(seed), draw, raw, judge, features, ratings),
        )
    path = work / "judgments" / judge_name / f"seed-{seed}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            forward=raw,
            ratings=ratings,
            images=np.array([one.sha256 for one in features]),
            truth=scrolls["truth"],
            dimensions=np.array(judge.dimensions),
            judge=np.array(judge.fingerprint),
        )
    asked = int((~np.isnan(raw).all(axis=2)).sum())
    return {
        "judge": judge_name,
        "seed": int(seed),
        "ordered_pairs": asked,
        "weights_sha256": weights_hash(judge_folder(judge_name, work), judge.model),
    }


def main(
    work: Annotated[Path, typer.Option(help="Folder of the test bed.")] = Path("runs/test_bed"),
    processes: Annotated[int, typer.Option()] = 2,
) -> None:
    """Paint, encode and judge what the claims need."""
    from test_bed_claims import claim_arms

    arms = claim_arms()
    wanted: dict[str, dict] = defaultdict(dict)
    for arm in arms:
        wanted[f"{arm.regime.judge}_seed-{arm.seed}"][arm.regime.name, arm.draw] = None
    judges = sorted({arm.regime.judge for arm in arms})
    seeds = sorted({arm.seed for arm in arms})
    in_pieces(
        partial(encode, work=work, judges=judges), seeds, work / "encoded" / "_".join(judges), processes, "scrolls"
    )
    asked = {name: list(pairs) for name, pairs in wanted.items()}
    in_pieces(partial(judge_asked, work=work, wanted=asked), list(wanted), work / "asked", processes, "judgments")


if __name__ == "__main__":
    typer.run(main)
