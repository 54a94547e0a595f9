"""Regimes of the test bed: which judge, how it answers, how many images, and what is wrong with its answers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from judgments_at_hand import JudgmentsAtHand, hard_answers
from test_bed_data import load_judge
from test_bed_pairs import own_scores

from ppaint.preference_to_score import ELO_PER_LOGIT
from ppaint.trainer import Judged, PseudoScores, build_pool, rate_images

CONSISTENT = 1.0  # standard deviation of consistent noise, in those of the judge's own scores
TRUTH_SHARPNESS = 3.0  # log-odds a unit of latent quality, as the tiny judge was taught


@dataclass(frozen=True)
class Regime:
    """Judgments as a kind of judge would give them.

    Parameters
    ----------
    judge : str
        ``shipped``, ``twin``, or a rung and its make, such as ``weak-0``.
    images : int
        Unlabelled images: the first so many of the seed's 200.
    sharpness : float
        0: the log-odds as they are. Else one hard answer per order, with probability sigmoid(sharpness x log-odds).
    wrong : str
        ``"consistent"``: every image is seen better or worse than it is, alike in all its judgments.
        ``"permuted"``: every image has the judgments of another: nothing is known, without a contradiction.
        ``"shuffled"``: every pair has the judgments of another pair: nothing is known, and they contradict one another.
    """

    judge: str
    images: int = 160
    sharpness: float = 0.0
    wrong: str = ""

    @property
    def name(self) -> str:
        """For files and tables."""
        answers = f"votes-{self.sharpness:g}" if self.sharpness else "log-odds"
        return "_".join(filter(None, (self.judge, f"n{self.images}", answers, self.wrong)))

    @property
    def says_nothing(self) -> bool:
        """Whether the judgments have nothing to do with the images."""
        return self.wrong in ("permuted", "shuffled")

    @classmethod
    def from_name(cls, name: str) -> Regime:
        """The regime of a name."""
        judge, images, answers, *wrong = name.split("_")
        sharpness = float(answers.removeprefix("votes-")) if answers.startswith("votes-") else 0.0
        return cls(judge, int(images[1:]), sharpness, wrong[0] if wrong else "")


@cache
def saved_pairs(judge: str, seed: int, work: Path) -> dict:
    """What test_bed_data.py saved of a judge and a seed."""
    with np.load(work / "judgments" / judge / f"seed-{seed}.npz") as saved:
        return {name: saved[name] for name in saved.files}


def regime_table(regime: Regime, seed: int, work: Path, draw: int = 0) -> JudgmentsAtHand:
    """The judgments of a regime; ``draw`` is that of its votes, noise or permutation.

    Every judgment is drawn, whether it is asked for or not: all methods see the same answers. On the claims' seeds only
    those that were asked for are there (`test_bed_asked.py`); to ask for another one is an error.
    """
    saved = saved_pairs(regime.judge, seed, work)
    n, dimensions = regime.images, tuple(map(str, saved["dimensions"]))
    forward = answers(regime, seed, saved["forward"], draw)
    images = tuple(map(str, saved["images"][:n]))
    return JudgmentsAtHand(forward, saved["ratings"][:n], images, dimensions, str(saved["judge"]))


def answers(regime: Regime, seed: int, forward: np.ndarray, draw: int = 0) -> np.ndarray:
    """A judge's log-odds as a regime has them, (n, n, D); NaN where the judge was not asked."""
    n, every = regime.images, forward
    forward = every[:n, :n].astype(float)
    rng = np.random.default_rng([seed, draw, 16])
    if regime.wrong == "consistent":
        worth = own_scores(forward)
        offset = CONSISTENT * worth.std(axis=0) * rng.normal(size=worth.shape)
        forward = forward + offset[:, None] - offset[None]
    elif regime.wrong == "permuted":
        order = rng.permutation(n)
        forward = forward[order][:, order]
    elif regime.wrong == "shuffled":
        forward = shuffled_pairs(forward, rng)
    if regime.sharpness:
        uniform = np.random.default_rng([seed, draw, 17]).random((len(every),) * 2 + (every.shape[2],))
        forward = np.where(np.isnan(forward), np.nan, hard_answers(forward, regime.sharpness, uniform[:n, :n]))
    return forward


def shuffled_pairs(forward: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Both answers about a pair given to another pair, either way round; (n, n, D)."""
    first, second = np.triu_indices(len(forward), 1)
    taken, turned = rng.permutation(len(first)), rng.random(len(first)) < 0.5
    a, b = np.where(turned, second, first)[taken], np.where(turned, first, second)[taken]
    found = forward.copy()
    found[first, second], found[second, first] = forward[a, b], forward[b, a]
    return found


def pseudo_scores(
    regime: Regime, seed: int, work: Path, *, size: int = 32, games: int = 12, draw: int = 0, judging=None
):
    """Pool and pseudo-scores of a regime by the schedule that users run.

    Returns
    -------
    pool : ReferencePool
    scores : PseudoScores
    """
    judging = regime_table(regime, seed, work, draw) if judging is None else judging
    images = list(judging.images)
    pool = build_pool(judging, images, size=size, seed=seed)
    return pool, rate_images(judging, pool, images, games=games, seed=seed, stop_without_signal=False)


def with_labels(scores: PseudoScores, worth: np.ndarray) -> PseudoScores:
    """The same images with other labels, which are certain: scores, and judgments that follow from them.

    Parameters
    ----------
    scores : PseudoScores
    worth : ndarray, shape (n, D)
        Natural-log worths.

    Returns
    -------
    PseudoScores
    """
    place = {image: i for i, image in enumerate(scores.images)}
    first, second = (np.array([place[one] for one in side]) for side in (scores.judged.first, scores.judged.second))
    delta = worth[first] - worth[second]
    return dataclasses.replace(
        scores,
        elo=(worth - worth.mean(axis=0)) * ELO_PER_LOGIT,
        tau=np.zeros_like(worth),
        confidence=np.ones_like(worth),
        reliability=np.ones(worth.shape[1]),
        kept=scores.dimensions,
        judged=Judged(scores.judged.first, scores.judged.second, delta, -delta),
    )


def own_labels(scores: PseudoScores, regime: Regime, seed: int, work: Path) -> PseudoScores:
    """The judge's own noise-free scores (log-odds of all pairs of the regime's images) as labels: a ceiling."""
    forward = saved_pairs(regime.judge, seed, work)["forward"][: regime.images, : regime.images]
    return with_labels(scores, own_scores(forward))


def true_labels(scores: PseudoScores, regime: Regime, seed: int, work: Path) -> PseudoScores:
    """The latent truth as labels: a ceiling of the student."""
    return with_labels(scores, TRUTH_SHARPNESS * saved_pairs(regime.judge, seed, work)["truth"][: regime.images])


def label_srcc(scores: PseudoScores, regime: Regime, seed: int, work: Path) -> list[float]:
    """SRCC of pseudo-scores with the truth, by dimension."""
    from scipy.stats import spearmanr

    truth = saved_pairs(regime.judge, seed, work)["truth"][: regime.images]
    return [float(spearmanr(scores.elo[:, k], truth[:, k]).statistic) for k in range(truth.shape[1])]


def fresh_model(regime: Regime, work: Path):
    """The judge's own model, to be trained, and its processor."""
    import copy

    judge = load_judge(regime.judge, work)
    return copy.deepcopy(judge.model), judge.processor
