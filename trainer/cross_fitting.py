"""Cross-fitting: one training without each fold of the images, chosen by what each says of the images that it left out.

With one training, a few images are held out for the stopping rule, and with few images that is too few to choose by. Here
every image is left out of one training, so that all of them say how good a look is, and whether any is better than the
starting model. The scorer has the mean of the trainings' weights. Where the labels may have nothing to do with the images, nothing
is trained.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate.utils import broadcast_object_list
from pydantic import BaseModel, Field
from transformers import TrainerCallback

from ..foundation.faults import Fault, InputFault
from ..foundation.whole_files import write_json
from ..model_card.checked_json import read_checked
from ..model_card.memory import release_memory
from .checkpoints import NEEDED
from .held_out import held_out_metrics, loss_by_image
from .image_states import image_states
from .label_evidence import EVIDENCE, chance_that_unrelated, images_to_test, why_start_is_kept, worth_keeping
from .left_out_distances import left_out_distances
from .mean_weights import put_mean_weights
from .out_of_fold import as_good_as_the_best, assign_folds, out_of_fold
from .ranking import policy_moments
from .run_identity import EVIDENCE_FILE, claim_checkpoints
from .training_table import TrainingTable, jointly_fitted, training_table

NEARLY_ALL = 0.9  # share of the images whose states are known; of fewer, the answers are taken
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CrossFitted:
    """What the folds' trainings agree on.

    Parameters
    ----------
    trainer : PSDistillExactTrainer
        The last fold's, with the mean of all folds' weights, and a log of what the left-out images said.
    step : int
        Of the best look; 0 where the starting model is kept.
    steps : tuple of int
        Of the looks whose weights are averaged: the best one, and those that are as good as it for all that is known.
    chance : float
        p-value of pseudo-scores having nothing to do with the images, as the starting model sees them.
    distances : ndarray, shape (n,), or None
        How far each image is from the others under the training that left it out, by the best look's weights
        (`left_out_distances`); None where the start was kept.
    """

    trainer: object
    step: int
    steps: tuple[int, ...]
    chance: float
    distances: np.ndarray | None = None

    @property
    def trained(self) -> bool:
        """Whether there was anything to train on: `chance` is low."""
        return self.chance <= EVIDENCE


class _Evidence(BaseModel):  # what `EVIDENCE_FILE` holds
    chance: float = Field(ge=0, le=1)


class WeightsOfEveryLook(TrainerCallback):
    """Older checkpoints keep their weights and lose what only a run that resumes needs: two thirds of their size."""

    def on_save(self, args, state, control, **_):
        """After a checkpoint was written."""
        if not state.is_world_process_zero:
            return
        for folder in Path(args.output_dir).glob("checkpoint-*"):
            if folder.name != f"checkpoint-{state.global_step}":
                for pattern, kind in NEEDED.items():
                    if kind in ("optimizer", "scheduler", "random numbers"):
                        for file in folder.glob(pattern):
                            file.unlink()


def cross_fit(make_trainer: Callable, args, scores) -> CrossFitted:
    """Train once without each fold, choose the looks that are good, and average their weights.

    Killed and started again, it resumes in the fold that it was in, and ends at the same weights.

    Parameters
    ----------
    make_trainer : callable
        ``make_trainer(folder, held_out, fold)`` gives a fresh PSDistillExactTrainer that writes its checkpoints to
        ``folder``, holds out the images of these hashes and looks at nothing.
    args : PSDistillExactConfig
        Of the whole run; ``folds`` of them.
    scores : PseudoScores, or a sequence of them

    Returns
    -------
    CrossFitted

    Raises
    ------
    InputFault
        If the model is sharded over devices, or ``args.output_dir`` holds another run.
    """
    everything = training_table(scores, held_out_fraction=0, seed=args.seed, use_confidence=args.use_confidence)
    check_folds(args, everything)
    fold = assign_folds(everything.images, everything.category, args.folds, args.seed)
    root, found, trainer, chance = Path(args.output_dir), [], None, 1.0
    for f in range(args.folds):
        left_out = {image for image, mine in zip(everything.images, fold, strict=True) if mine == f}
        trainer = None  # its model goes before the next is loaded
        release_memory()
        trainer = make_trainer(fold_folder(root, f), left_out, f)
        if trainer.is_fsdp_enabled:
            what = "folds are trained on whole models; this one is sharded over devices (FSDP)"
            raise InputFault(Fault("config", "folds", what, "set folds=0, or train adapters (lora_r) without FSDP"))
        if f == 0:
            root.mkdir(parents=True, exist_ok=True)
            with _without_empty(fold_folder(root, 0)):  # made by the trainer
                claim_checkpoints(root, args, trainer.core, everything, write=trainer.is_world_process_zero())
                chance = _agreed_chance(root, trainer, scores)
            if chance > EVIDENCE:  # whatever would be learnt, the start would be kept
                return _untrained(trainer, scores, args, everything, chance)
        trainer.add_callback(WeightsOfEveryLook)
        trainer.train_from_newest()
        found.append(_scores_of_every_look(trainer))
    steps = sorted(set.intersection(*(set(one) for one in found)))
    looks = [out_of_fold(np.stack([one[s] for one in found]), fold, everything.category) for s in steps]
    history, best, good = choose_looks(looks, steps, scores, args, everything, chance)
    step, log = steps[best], [row for row in trainer.state.log_history if "loss" in row]
    averaged, distances = tuple(steps[look] for look in good), None
    if step:
        distances = left_out_distances(trainer, [checkpoint(root, f, step) for f in range(args.folds)], fold)
        put_mean_weights(trainer, [[checkpoint(root, f, one) for one in averaged] for f in range(args.folds)])
    else:
        trainer = None
        release_memory()
        trainer = make_trainer(fold_folder(root, args.folds - 1), left_out, args.folds - 1)  # as it was before training
    trainer.state.log_history, trainer.state.best_global_step = log + history, step
    return CrossFitted(trainer, step, averaged, chance, distances)


@contextmanager
def _without_empty(folder: Path) -> Iterator[None]:
    """What fails in this block leaves no such folder, if it is empty."""
    try:
        yield
    except BaseException:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        raise


def _agreed_chance(root: Path, trainer, scores) -> float:
    """`chance_by_start`, found once by the main process: all processes, and a run that goes on, must hold the same."""
    known, chance = root / EVIDENCE_FILE, 1.0
    if trainer.is_world_process_zero():
        if known.is_file():
            chance = read_checked(known, _Evidence, "remove it: the starting model is looked at again").chance
        else:
            chance = chance_by_start(trainer, scores)
            write_json(known, {"chance": chance})
    return broadcast_object_list([chance])[0]


def _untrained(trainer, scores, args, table: TrainingTable, chance: float) -> CrossFitted:
    """The starting model, looked at and not trained."""
    history, *_ = choose_looks([_scores_of_start(trainer)], [0], scores, args, table, chance)
    trainer.state.log_history, trainer.state.best_global_step = history, 0
    return CrossFitted(trainer, 0, (0,), chance)


def chance_by_start(trainer, scores) -> float:
    """Whether pseudo-scores have to do with the images (`chance_that_unrelated`), by what a trainer's weights, as they are, make of these.

    The scores are those of `one_fit`, whatever is trained on. Where a model does not say which tokens are an image's, its
    answers stand in for the states.

    Parameters
    ----------
    trainer : PSDistillExactTrainer
    scores : PseudoScores, or a sequence of them
        Of all images of the trainer's table.

    Returns
    -------
    float
    """
    seed = trainer.args.seed
    told = one_fit(scores, seed)
    places = images_to_test(len(told.images), seed)
    states = image_states(trainer, places, as_seen=True)
    if np.isfinite(states).all(axis=1).mean() < NEARLY_ALL:
        states = trainer.reference[:, torch.from_numpy(places)].transpose(0, 1).flatten(1).double().cpu().numpy()
    return chance_that_unrelated(states, told.elo[places], told.category[places], seed=seed)


def one_fit(scores, seed: int) -> TrainingTable:
    """Pseudo-scores by one fit of all judgments, by which the starting model is compared with what was trained.

    Scores against a frozen pool lean on the starting model's own ratings: they go with its states even where every judgment
    is noise, and its own order agrees with them better than a scorer's that learnt from the judgments.

    Parameters
    ----------
    scores : PseudoScores, or a sequence of them
    seed : int

    Returns
    -------
    TrainingTable
        Of the same images in the same order as any table of `scores`.
    """
    return training_table(jointly_fitted(scores, held_out_fraction=0, seed=seed), held_out_fraction=0, seed=seed)


def check_folds(args, table: TrainingTable) -> None:
    """Refuse folds that leave nothing out, or too few images to train on.

    Raises
    ------
    InputFault
        It names the number of images.
    """
    smallest = int(np.bincount(table.category).min())
    left = smallest - -(-smallest // args.folds)  # the largest fold is left out
    if args.folds > smallest:
        what = f"{args.folds} folds of {smallest} images (of the smallest category) leave some training nothing to leave out"
        raise InputFault(Fault("config", "folds", what, f"set folds to at most {smallest}"))
    if left <= args.min_opponents:
        what = f"{args.folds} folds of {smallest} images leave {left} to train on; each is to meet {args.min_opponents} others"
        raise InputFault(Fault("config", "folds", what, "give more images, set more folds, or lower min_opponents"))


def fold_folder(root: Path, fold: int) -> Path:
    """Where a fold's checkpoints are."""
    return root / f"fold-{fold + 1}"


def checkpoint(root: Path, fold: int, step: int) -> Path:
    """Where a fold's weights of a step are."""
    return fold_folder(root, fold) / f"checkpoint-{step}"


def choose_looks(looks, steps, scores, args, table: TrainingTable, chance: float) -> tuple[list[dict], int, list[int]]:
    """The look with the best order of left-out images and those that are as good (`as_good_as_the_best`), if the best one is
    worth keeping (`worth_keeping`); else the start.

    Parameters
    ----------
    looks : sequence of ndarray, each (n, D)
        Scores of left-out images; the first is the starting model's, which may be the only one.
    steps : sequence of int
    scores : PseudoScores, or a sequence of them
    args : PSDistillExactConfig
    table : TrainingTable
        Of all images.
    chance : float
        `chance_that_unrelated`.

    Returns
    -------
    history : list of dict
        One row per look, named as the looks of one training are.
    best : int
        Place of the best look; 0 where the start is kept.
    good : list of int
        Places of the looks whose weights are averaged, in order.
    """
    all_left_out = training_table(
        scores,
        held_out_fraction=0,
        seed=args.seed,
        use_confidence=args.use_confidence,
        held_out=set(table.images),
    )
    metrics = [held_out_metrics(all_left_out, look) for look in looks]
    history = [
        {"step": step} | {f"eval_{name}": value for name, value in one.items()}
        for step, one in zip(steps, metrics, strict=True)
    ]
    best = int(np.argmin([one["log_loss"] for one in metrics[1:]])) + 1 if looks[1:] else 0
    told = one_fit(scores, args.seed)
    if not worth_keeping(looks[0], looks[best], told.elo, told.category, chance=chance):
        logger.warning("the starting model is kept: %s", why_start_is_kept(chance))
        return history, 0, [0]
    good = as_good_as_the_best(np.stack([loss_by_image(all_left_out, look) for look in looks[1:]]))
    return history, best, sorted({best, *(1 + np.flatnonzero(good)).tolist()})


def _scores_of_every_look(trainer) -> dict[int, np.ndarray]:
    """Scores of all images at every checkpoint, and by the starting model (step 0); each (n, D)."""
    places = torch.arange(len(trainer.table.images))
    found = {0: _scores_of_start(trainer)}
    for folder in Path(trainer.args.output_dir).glob("checkpoint-*"):
        trainer._load_from_checkpoint(str(folder))
        trainer.model.eval()
        with torch.no_grad():
            mean = policy_moments(trainer._in_chunks(places))[0]
        found[int(folder.name.removeprefix("checkpoint-"))] = mean.double().cpu().numpy().T
    return found


def _scores_of_start(trainer) -> np.ndarray:
    return policy_moments(trainer.reference)[0].double().cpu().numpy().T
