"""Stopping rules, compared on saved trajectories: each looks at what a user has, and names the look that it keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import rankdata
from test_bed_srcc import mean_srcc

from ppaint.preference_to_score import ELO_PER_LOGIT
from ppaint.trainer.held_out import loss_by_image, order_log_loss
from ppaint.trainer.label_evidence import worth_keeping
from ppaint.trainer.out_of_fold import as_good_as_the_best
from ppaint.trainer.training_table import JudgedPairs, TrainingTable


class Saved:
    """A trajectory, and what its rules need of it.

    Parameters
    ----------
    arrays : dict of ndarray
        As ``trajectory_arrays`` makes them.
    """

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        a = self.arrays = arrays
        self.looks = len(a["steps"])  # the averaged models come after them
        self.held = np.flatnonzero(a["held_out"])
        self.mean, self.elo = a["mean"].astype(float), a["elo"]
        self.srcc = np.array([mean_srcc(one, a["truth"]) for one in a["evaluated"]])

    @classmethod
    def read(cls, path: Path) -> Saved:
        """A trajectory of a file."""
        with np.load(path) as saved:
            return cls({name: saved[name] for name in saved.files})

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def table(self) -> TrainingTable:
        """What it was trained on, as far as a rule looks at it; the images' names are not kept."""
        a = self.arrays
        pairs = {
            side: JudgedPairs(*(a[f"{side}_{part}"] for part in ("first", "second", "delta")))
            for side in ("training", "held_out")
        }
        return TrainingTable(
            images=tuple(map(str, range(len(self.elo)))),
            dimensions=tuple(map(str, a["dimensions"])),
            category=np.zeros(len(self.elo), dtype=int),
            elo=self.elo,
            confidence=a["confidence"],
            held_out=a["held_out"],
            training_pairs=pairs["training"],
            held_out_pairs=pairs["held_out"],
            reliability=a["reliability"],
        )

    def held_out_games(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Held-out image, its opponent, and the log-odds that the former is better; each image once per game."""
        a = self.arrays
        first, second, delta = a["held_out_first"], a["held_out_second"], a["held_out_delta"]
        is_first = a["held_out"][first]
        mine, other = np.where(is_first, first, second), np.where(is_first, second, first)
        return mine, other, np.where(is_first[:, None], delta, -delta)


Rule = Callable[[Saved], np.ndarray]  # a loss for every look, the lower the better


def log_loss_of_trained(saved: Saved) -> np.ndarray:
    """Today's: sigmoid(slope (score of the held-out image - score of the trained opponent))."""
    first, second, delta = saved.held_out_games()
    return np.array(
        [
            np.mean([order_log_loss(s[first, k] - s[second, k], delta[:, k]).loss for k in range(s.shape[1])])
            for s in saved.mean
        ]
    )


def log_loss_of_frozen(saved: Saved, ridge: float = 0.0) -> np.ndarray:
    """The opponent's worth as it was fitted, and one affine map from the scorer's scores to worths, by dimension."""
    first, second, delta = saved.held_out_games()
    worth = saved.elo / ELO_PER_LOGIT
    out = []
    for scores in saved.mean:
        losses = [_affine_loss(scores[first, k], worth[second, k], expit(delta[:, k])) for k in range(scores.shape[1])]
        out.append(np.mean(losses))
    return np.array(out)


def _affine_loss(score: np.ndarray, opponent: np.ndarray, p: np.ndarray) -> float:
    spread = score.std() or 1.0
    x = (score - score.mean()) / spread

    def loss(parameters):
        slope, shift = parameters
        d = slope * x + shift - opponent
        value = -np.mean(p * log_expit(d) + (1 - p) * log_expit(-d))
        gain = expit(d) - p
        return value, np.array([np.mean(gain * x), np.mean(gain)])

    return float(minimize(loss, [1.0, 0.0], jac=True, bounds=[(0, None), (None, None)], method="L-BFGS-B").fun)


def log_loss_of_ranks(saved: Saved) -> np.ndarray:
    """Scores as normal ranks among all images of the table, opponents by the ranks of their frozen worths."""
    from scipy.special import ndtri

    first, second, delta = saved.held_out_games()
    n = len(saved.elo)
    frozen = ndtri((rankdata(saved.elo, axis=0) - 0.5) / n)
    out = []
    for scores in saved.mean:
        ranks = ndtri((rankdata(scores, axis=0) - 0.5) / n)
        out.append(
            np.mean(
                [order_log_loss(ranks[first, k] - frozen[second, k], delta[:, k]).loss for k in range(scores.shape[1])]
            )
        )
    return np.array(out)


def held_out_order(saved: Saved) -> np.ndarray:
    """1 - SRCC of the held-out images' scores with their own E, mean over dimensions: the simplest rival."""
    return 1 - np.array([srcc_by_dimension(s[saved.held], saved.elo[saved.held]).mean() for s in saved.mean])


def srcc_by_dimension(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """SRCC of two tables (n, D), by dimension; 0 where one is constant."""
    a, b = (rankdata(x, axis=0) for x in (scores, labels))
    a, b = a - a.mean(0), b - b.mean(0)
    size = np.sqrt((a**2).sum(0) * (b**2).sum(0))
    return np.divide((a * b).sum(0), size, out=np.zeros(a.shape[1]), where=size > 0)


def pearson_of_held_out(saved: Saved) -> np.ndarray:
    """1 - correlation of the held-out images' scores with their own E, pooled over dimensions after centring."""
    out = []
    e = saved.elo[saved.held] - saved.elo[saved.held].mean(0)
    for scores in saved.mean:
        s = scores[saved.held] / scores.std(0)
        s = s - s.mean(0)
        out.append(1 - (s * e).sum() / np.sqrt((s**2).sum() * (e**2).sum()))
    return np.array(out)


def standardised_sum(*rules: Rule) -> Rule:
    """Several rules, each in units of its own spread over the looks."""

    def combined(saved: Saved) -> np.ndarray:
        parts = [rule(saved) for rule in rules]
        return sum((one - one.mean()) / (one.std() or 1.0) for one in parts)

    return combined


RULES: dict[str, Rule] = {
    "today": log_loss_of_trained,
    "frozen, affine": log_loss_of_frozen,
    "ranks, frozen": log_loss_of_ranks,
    "held-out SRCC": held_out_order,
    "held-out correlation": pearson_of_held_out,
    "today + frozen": standardised_sum(log_loss_of_trained, log_loss_of_frozen),
    "today + SRCC": standardised_sum(log_loss_of_trained, held_out_order),
    "ranks + SRCC": standardised_sum(log_loss_of_ranks, held_out_order),
}


def chosen(saved: Saved, rule: Rule, candidates: np.ndarray) -> int:
    """The look that a rule keeps out of some."""
    return int(candidates[np.argmin(rule(saved)[candidates])])


def kept_looks(saved: Saved, folds: bool) -> list[int]:
    """The looks whose weights a user's run averages: with folds those that are as good as the best, by evidence; else the
    one with the lowest log-loss of held-out judgments."""
    if not folds:
        return [chosen(saved, log_loss_of_trained, np.arange(saved.looks))]
    if saved.looks == 1:  # nothing was trained
        return [0]
    look = chosen(saved, log_loss_of_trained, np.arange(1, saved.looks))
    if not kept_by_evidence(saved, look):
        return [0]
    losses = np.stack([loss_by_image(saved.table, scores) for scores in saved.mean[1 : saved.looks]])
    return sorted({look, *(1 + np.flatnonzero(as_good_as_the_best(losses))).tolist()})


def kept_by_evidence(saved: Saved, look: int) -> bool:
    """Whether a look is kept rather than the start, as cross-fitting decides it."""
    start, trained = (saved.mean[i][saved.held] for i in (0, look))
    told = saved.arrays.get("told", saved.elo)  # in older files the labels are such a fit themselves
    alone = np.zeros(len(saved.held), dtype=int)
    return worth_keeping(start, trained, told[saved.held], alone, chance=float(saved.arrays["chance"]))
