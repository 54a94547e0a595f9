"""One training of the test bed, with everything that a stopping rule may look at kept at every look.

An arm is named ``REGIME@seed-S@LABELS@OBJECTIVE@OPTIONS``; its trajectory is a file of arrays, so that rules are compared
without training anew. Some 35 CPU seconds an arm.
"""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import torch
from test_bed_data import features_of, load_judge
from test_bed_labels import HELD_OUT, blended, held_back, joint, random_design, with_own_ratings
from test_bed_regimes import (
    Regime,
    fresh_model,
    label_srcc,
    own_labels,
    pseudo_scores,
    regime_table,
    true_labels,
)
from test_bed_rules import Saved, kept_looks
from test_bed_srcc import mean_srcc
from test_bed_views import views_of

from ppaint.dataset_script.stand_in.simulate import DIMENSIONS
from ppaint.foundation.whole_files import written_file
from ppaint.model_card import Judge
from ppaint.model_card.moments import moments
from ppaint.trainer import PSDistillExactConfig, PSDistillExactTrainer, PseudoScores, ranking
from ppaint.trainer import training_table as training_table_module
from ppaint.trainer.cross_fitting import chance_by_start, one_fit
from ppaint.trainer.held_out import held_out_metrics
from ppaint.trainer.label_evidence import EVIDENCE
from ppaint.trainer.out_of_fold import assign_folds, out_of_fold
from ppaint.trainer.training_table import training_table


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, cwd=Path(__file__).parents[1]).stdout.strip()


_CHANGED = "-changed" if _git("status", "--porcelain", "--", "*.py") else ""
COMMIT = f"{_git('rev-parse', '--short', 'HEAD')}{_CHANGED}" if _git("rev-parse", "HEAD") else "not in a git checkout"
SETTING = {"learning_rate": 1e-3, "beta": 0.005}
STEPS, LOOK_EVERY = 60, 10
FITTED_JOINTLY = ("joint", "rated")  # estimators
AVERAGED = (3, 5)  # weights of the last so many looks are averaged, and looked at as one model
OF_BED = (
    "games",
    "size",
    "design",
    "estimator",
    "views",
    "folds",
    "held_back",
    "refit",
)  # options that are not the trainer's


@dataclass(frozen=True)
class BedArm:
    """What is trained, on what.

    Parameters
    ----------
    regime : Regime
    seed : int
    labels : str
        ``"pool"``: pseudo-scores. ``"own"`` and ``"truth"``: the ceilings' labels.
    objective : str
    options : dict
        ``games``, ``size``, ``design`` (``"random"``) and ``estimator`` (``"joint"``; ``"rated"``: that, with the judge's own
        ratings as the prior) of the pseudo-scores; ``held_back``: 1 for
        training on scores as far apart as the pool's prior leaves them; ``views``: 1 for
        training on views of the images; all others are fields of ``PSDistillExactConfig``.
    draw : int
        Of votes, noise or permutation.
    """

    regime: Regime
    seed: int
    labels: str = "pool"
    objective: str = "fidelity"
    options: dict = field(default_factory=dict)
    draw: int = 0

    @property
    def name(self) -> str:
        """For files."""
        options = ",".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return f"{self.regime.name}@seed-{self.seed}.{self.draw}@{self.labels}@{self.objective}@{options}"

    @classmethod
    def from_name(cls, name: str) -> BedArm:
        """The arm of a name."""
        regime, seed, labels, objective, options = name.split("@")
        seed, draw = seed.removeprefix("seed-").split(".")
        pairs = (one.split("=") for one in options.split(",") if one)
        given = {key: _read(value) for key, value in pairs}
        return cls(Regime.from_name(regime), int(seed), labels, objective, given, int(draw))


def _read(value: str):
    """A number, a truth value or a word."""
    try:
        return json.loads(value.lower())
    except json.JSONDecodeError:
        return value


def labels_of(arm: BedArm, work: Path) -> PseudoScores:
    """The pseudo-scores of an arm, by what its options say of schedule and estimator."""
    schedule = {key: arm.options[key] for key in ("games", "size") if key in arm.options}
    fraction = 0 if arm.options.get("folds") else HELD_OUT
    if arm.options.get("design") == "random":
        return random_design(arm.regime, arm.seed, work, draw=arm.draw, games=schedule["games"], fraction=fraction)
    _, scores = pseudo_scores(arm.regime, arm.seed, work, draw=arm.draw, **schedule)
    if arm.options.get("estimator") in FITTED_JOINTLY:
        scores = joint(scores, arm.seed, fraction)
    if arm.options.get("estimator") == "rated":
        ratings = moments(regime_table(arm.regime, arm.seed, work, arm.draw).rate(scores.images))[0]
        scores = with_own_ratings(scores, ratings)
    if arm.options.get("held_back"):
        return held_back(scores)
    if arm.options.get("estimator") in FITTED_JOINTLY:
        return scores
    if arm.labels == "pool":
        return scores
    return {"own": own_labels, "truth": true_labels}[arm.labels](scores, arm.regime, arm.seed, work)


@cache
def evaluated(seed: int, judge: str, work: Path) -> tuple[list, np.ndarray]:
    """Features of the evaluated scrolls of every category, and their truth (3, each, D)."""
    scrolls = features_of(seed, judge, work)
    return scrolls["evaluated"], scrolls["evaluated_truth"].reshape(3, scrolls["each"], -1)


@cache
def start_scores(seed: int, judge: str, work: Path) -> np.ndarray:
    """The starting model's scores of the evaluated scrolls."""
    return moments(load_judge(judge, work).rate(evaluated(seed, judge, work)[0]))[0]


@cache
def training_features(seed: int, judge: str, work: Path) -> dict:
    """Features of the unlabelled scrolls, by hash."""
    return {one.sha256: one for one in features_of(seed, judge, work)["unlabelled"]}


class Trajectory(PSDistillExactTrainer):
    """A trainer that writes no checkpoint, and keeps weights and scores of every look in memory."""

    views = None

    def watch(self, features, start: np.ndarray) -> None:
        """What is scored at every look besides the training images, and the starting model's scores of it."""
        self.watched, self.start, self.looks, self.states = features, start, [], []

    def evaluate(self, *args, **kwargs):
        """As the parent's, and everything is kept."""
        metrics = super().evaluate(*args, **kwargs)
        self.states.append({name: p.detach().clone() for name, p in self.core.named_parameters()})
        self.looks.append(self.look() | {"step": self.state.global_step})
        return metrics

    def show_views(self, views: dict[str, list], seed: int) -> None:
        """From now on every training pass shows a view of each image, drawn anew, or the image itself."""
        self.views = [views[image] for image in self.table.images]
        self.draw_view = np.random.default_rng([seed, 20])

    def log_probs(self, model, places):
        """As the parent's; in training, of views where there are any."""
        if self.views is None or not torch.is_grad_enabled():
            return super().log_probs(model, places)
        whole, self.features = self.features, list(self.features)
        for i in places.tolist():
            which = self.draw_view.integers(len(self.views[i]) + 1)
            self.features[i] = self.views[i][which - 1] if which else whole[i]
        try:
            return super().log_probs(model, places)
        finally:
            self.features = whole

    def look(self) -> dict:
        """Scores of all images of the table, and of the evaluated scrolls, by the weights as they are."""
        self.model.eval()
        with torch.no_grad():
            log_probs = self._in_chunks(torch.arange(len(self.table.images)))
            mean, variance = ranking.policy_moments(log_probs)
            kl = ranking.kl_divergence(log_probs, self.reference).mean()
            scores = self.start
            if self.states[1:] and self.watched:
                scores, _ = moments(Judge(self.core, self.processor, DIMENSIONS).rate(self.watched))
        return {"mean": mean.T.numpy(), "variance": variance.T.numpy(), "kl": float(kl), "evaluated": scores}

    def averaged(self, last: int) -> dict:
        """A look at the mean of the last weights."""
        kept = {name: p.detach().clone() for name, p in self.core.named_parameters()}
        self.put(mean_of(self.states[-last:]))
        found = self.look()
        self.put(kept)
        return found

    @torch.no_grad()
    def put(self, state: dict) -> None:
        for name, parameter in self.core.named_parameters():
            parameter.copy_(state[name])

    def _save_checkpoint(self, model, trial) -> None:
        """Nothing: an arm is short enough to be trained again."""


def make_trainer(arm: BedArm, scores: PseudoScores, work: Path, watch: bool = True) -> Trajectory:
    """The trainer of an arm, ready to train."""
    options = {key: value for key, value in arm.options.items() if key not in OF_BED}
    model, processor = fresh_model(arm.regime, work)
    steps = options.pop("max_steps", STEPS)
    args = PSDistillExactConfig(
        output_dir=str(work / "unused"),
        seed=arm.seed,
        report_to=[],
        objective=arm.objective,
        max_steps=steps,
        eval_steps=max(1, steps * LOOK_EVERY // STEPS),
        save_strategy="no",
        load_best_model_at_end=False,
        **SETTING | options,
    )
    features = training_features(arm.seed, arm.regime.judge, work)
    trainer = Trajectory(model, args, processor, features, scores)
    watched = evaluated(arm.seed, arm.regime.judge, work)[0] if watch else []
    trainer.watch(watched, start_scores(arm.seed, arm.regime.judge, work))
    if arm.options.get("views"):
        trainer.show_views(dict(zip(features, views_of(arm.seed, arm.regime.judge, work), strict=True)), arm.seed)
    return trainer


def train_arm(name: str, work: Path) -> dict:
    """Train an arm; its figures, its trajectory in ``trajectories/NAME.npz``."""
    arm = BedArm.from_name(name)
    if arm.options.get("folds"):
        return train_folds(name, work)
    started, regime, scores = time.perf_counter(), arm.regime, labels_of(arm, work)
    trainer = make_trainer(arm, scores, work)
    _, truth = evaluated(arm.seed, regime.judge, work)
    trainer.train()
    looks = trainer.looks
    averages = {last: trainer.averaged(last) for last in AVERAGED}
    arrays = trajectory_arrays(trainer, scores, averages, truth)
    save_trajectory(work / "trajectories" / f"{name}.npz", arrays)
    saved = Saved(arrays)
    (kept,) = kept_looks(saved, folds=False)
    return {
        "arm": name,
        "commit": COMMIT,
        "label_srcc": float(np.mean(label_srcc(scores, regime, arm.seed, work))),
        "reliability": scores.reliability.tolist(),
        "kept_dimensions": list(scores.kept),
        "pairs": len(scores.judged),
        "steps": [look["step"] for look in looks],
        "srcc": [mean_srcc(look["evaluated"], truth) for look in looks],
        "kept_steps": [looks[kept]["step"]],
        "srcc_kept": float(saved.srcc[kept]),
        "srcc_averaged": {str(last): mean_srcc(look["evaluated"], truth) for last, look in averages.items()},
        "kl": [look["kl"] for look in looks],
        "log_loss": [row["eval_log_loss"] for row in trainer.state.log_history if "eval_log_loss" in row],
        "seconds": round(time.perf_counter() - started, 1),
    }


def trajectory_arrays(trainer: Trajectory, scores, averages: dict, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Everything that a rule may look at, and what it is measured by (``evaluated``, ``truth``)."""
    table, looks = trainer.table, [*trainer.looks, *averages.values()]
    columns = [scores.dimensions.index(name) for name in table.dimensions]
    arrays = {
        "steps": np.array([look["step"] for look in trainer.looks]),
        "averaged": np.array(list(averages)),  # the last looks are these averages
        "mean": np.stack([look["mean"] for look in looks]).astype(np.float32),
        "variance": np.stack([look["variance"] for look in looks]).astype(np.float32),
        "kl": np.array([look["kl"] for look in looks]),
        "evaluated": np.stack([look["evaluated"] for look in looks]).astype(np.float32),
        "truth": truth.astype(np.float32),
        "elo": table.elo,
        "tau": scores.tau[:, columns],
        "confidence": table.confidence,
        "held_out": table.held_out,
        "reliability": table.reliability,
        "in_pool": scores.in_pool,
        "dimensions": np.array(table.dimensions),
    }
    for side, pairs in (("training", table.training_pairs), ("held_out", table.held_out_pairs)):
        arrays |= {f"{side}_first": pairs.first, f"{side}_second": pairs.second, f"{side}_delta": pairs.delta}
    return arrays


def save_trajectory(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """A file of arrays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_file(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def train_folds(name: str, work: Path) -> dict:
    """Train once without each fold of the images; every image is then scored by weights that it did not train.

    The scorer is the mean of the folds' weights. The trajectory has the same form as that of one training, with all images
    held out: scores of an image are those of its fold's weights, standardised by that fold's scores of all images.
    """
    started, arm = time.perf_counter(), BedArm.from_name(name)
    scores = labels_of(arm, work)
    one = fold_pass(arm, scores, work)
    if "refit" in arm.options and len(one.steps) > 1:
        before = one.chance  # labels of the second pass hold what was learnt from them
        look = 1 + int(np.argmin([held_out_metrics(all_left_out(scores, arm), m)["log_loss"] for m in one.means[1:]]))
        one = fold_pass(arm, blended(scores, one.means[look], arm.options["refit"]), work)
        one.chance = before
    trainer = one.trainer
    watched, truth = evaluated(arm.seed, arm.regime.judge, work)
    trainer.watch(watched, start_scores(arm.seed, arm.regime.judge, work))
    found = []
    for i, step in enumerate(one.steps):
        trainer.states = one.states[0][: i + 1]
        trainer.put(mean_of([state[i] for state in one.states]))
        found.append(trainer.look() | {"step": step})
    averages = {last: averaged_over_folds(trainer, one.states, last) for last in AVERAGED}
    for look, mean in zip(found, one.means, strict=True):
        look["mean"] = mean
    trainer.looks, trainer.table = found, all_left_out(scores, arm)
    more = {"chance": np.array(one.chance), "told": one_fit(scores, arm.seed).elo}
    arrays = trajectory_arrays(trainer, scores, averages, truth) | more
    save_trajectory(work / "trajectories" / f"{name}.npz", arrays)
    kept = kept_looks(Saved(arrays), folds=True)
    trainer.put(mean_of([state[i] for state in one.states for i in kept]))
    return {
        "arm": name,
        "commit": COMMIT,
        "label_srcc": float(np.mean(label_srcc(scores, arm.regime, arm.seed, work))),
        "reliability": scores.reliability.tolist(),
        "kept_dimensions": list(scores.kept),
        "pairs": len(scores.judged),
        "steps": [look["step"] for look in found],
        "srcc": [mean_srcc(look["evaluated"], truth) for look in found],
        "kept_steps": [found[i]["step"] for i in kept],
        "srcc_kept": mean_srcc(found[0]["evaluated"] if kept == [0] else trainer.look()["evaluated"], truth),
        "chance": one.chance,
        "kl": np.mean(one.kls, axis=0).tolist(),
        "seconds": round(time.perf_counter() - started, 1),
    }


@dataclass
class FoldPass:
    """Trainings without each fold: weights of every look, scores of left-out images, KL, and the last trainer."""

    states: list
    means: list
    kls: list
    steps: list
    trainer: Trajectory
    chance: float


def fold_pass(arm: BedArm, scores: PseudoScores, work: Path) -> FoldPass:
    """One training without each fold; where there is nothing to be learnt, and no evidence of it, the start is looked at, and no more."""
    folds, alone = int(arm.options["folds"]), np.zeros(len(scores.images), dtype=int)
    fold = assign_folds(scores.images, alone, folds, arm.seed)
    states, means, kls, chance = [], [], [], 1.0
    for f in range(folds):
        with holding_out(fold == f):
            trainer = make_trainer(arm, scores, work, watch=False)
        if f == 0:
            chance = chance_by_start(trainer, scores)
        ends = arm.regime.says_nothing and chance > EVIDENCE  # as a user's run does
        trainer.evaluate() if ends else trainer.train()
        states.append(trainer.states)
        means.append(np.stack([look["mean"] for look in trainer.looks]).astype(float))
        kls.append([look["kl"] for look in trainer.looks])
        if ends:
            fold = np.zeros_like(fold)
            break
    steps = [look["step"] for look in trainer.looks]
    left_out = [out_of_fold(np.stack([one[i] for one in means]), fold, alone) for i in range(len(steps))]
    return FoldPass(states, left_out, kls, steps, trainer, chance)


def all_left_out(scores: PseudoScores, arm: BedArm):
    """The table of a cross-fitted run: every image is left out of one training."""
    with holding_out(np.ones(len(scores.images), dtype=bool)):
        return training_table(scores, held_out_fraction=0.5, seed=arm.seed)


def averaged_over_folds(trainer: Trajectory, states: list, last: int) -> dict:
    """A look at the mean of the folds' last weights."""
    trainer.put(mean_of([state for one in states for state in one[-last:]]))
    return trainer.look()


def mean_of(states: list[dict]) -> dict:
    """The mean of some weights."""
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


@contextmanager
def holding_out(which: np.ndarray):
    """Within this context a trainer holds out these images of its (one) set of pseudo-scores."""
    original = training_table_module.choose_held_out
    training_table_module.choose_held_out = lambda *_: which
    try:
        yield
    finally:
        training_table_module.choose_held_out = original
