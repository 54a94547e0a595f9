"""A model trained on its own pseudo-scores, by either estimator, and the scorer's folder written."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..foundation.disk_full import disk_full_as_fault
from ..foundation.left_overs import clear_left_overs
from ..foundation.progress_type import Progress
from ..model_card.loading import load_model
from .distillation_job import Distillation
from .estimator import Estimator
from .label_evidence import why_start_is_kept
from .run_identity import unclaimed_if_nothing_comes
from .scorer_folder import Distilled, HowTrained, write_scorer_folder
from .tiny_judge.known_weights import simulated_because

if TYPE_CHECKING:
    from .cross_fitting import CrossFitted

# How the exact trainer comes by the gradient of each objective, as the card says it.
ESTIMATES = {
    "policy": "exact expectation over the ten score tokens",
    "fidelity": "on the exact means over the ten score tokens, differentiated through both images of a pair",
    "judgments": "a Bradley-Terry loss of the exact means on the judgments, without the pool",
    "soft_labels": "cross-entropy over the ten score tokens on soft pseudo-scores",
}


def distil(job: Distillation, report: Progress | None = None) -> Distilled:
    """Train the judge's own model on its pseudo-scores, and write the scorer's folder.

    Started again after it was killed, it resumes from the newest complete checkpoint and ends at the same weights.

    Parameters
    ----------
    job : Distillation
    report : callable, optional
        ``report(what, done, total)`` at each step.

    Returns
    -------
    Distilled

    Raises
    ------
    InputFault
        If ``job.out`` holds another run, an image is missing, or the disk is full; what was there stays.
    """
    import torch
    from transformers.utils import logging as transformers_logging

    args = job.training_arguments()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # tied weights are reported as missing when a checkpoint is read
    full_precision = None if args.lora_r else torch.float32  # small steps of all weights would be lost in bf16
    commit = job.judge.commit_of(job.model)  # the weights that judged, also where their repo has newer ones by now
    loading = {"device": args.device, "dtype": full_precision, "revision": commit}
    model, processor = load_model(job.model, **loading)
    if simulated_because(str(job.model), model):  # a copy of the tiny judge is marked however it is reached
        job = replace(job, card=replace(job.card, simulated=True))
    fitted: CrossFitted | None = None
    with unclaimed_if_nothing_comes(Path(args.output_dir)) if args.process_index == 0 else nullcontext():
        if args.process_index == 0:
            clear_left_overs(job.out, of=("scorer", ".scorer"))
            shutil.rmtree(job.out / ".scorer.building", ignore_errors=True)  # as older versions called it
        with disk_full_as_fault(job.out, then="run it again: it resumes from the newest checkpoint"):
            if getattr(args, "folds", 0):
                loaded = [(model, processor)]
                del model, processor  # the first fold takes them, and they go when it is done
                fitted = _cross_fitted(job, args, loaded, loading, report)
                trainer = fitted.trainer
            else:
                trainer = _trainer(job, args, model, processor, _bars(report))
                trainer.train_from_newest()
    left_out = None if fitted is None else fitted.distances
    return write_scorer_folder(trainer, job, _how_trained(job.estimator, args, fitted), left_out)


def _bars(report: Progress | None, more: str = "") -> list:
    """What shows the steps of a training; ``more`` says which one it is."""
    from .training_bar import TrainingBar

    return [] if report is None else [TrainingBar(lambda what, done, total: report(what + more, done, total))]


def _cross_fitted(job: Distillation, args, loaded: list, loading: dict, report: Progress | None):
    """What cross-fitting ends with; ``loaded`` holds a model that is there already."""
    from .cross_fitting import cross_fit
    from .training_table import jointly_fitted

    if args.joint_fit:  # once: every image is left out of one training, and all are in the labels
        scores = jointly_fitted(job.labels.scores, held_out_fraction=0, seed=args.seed)
        job = replace(job, labels=replace(job.labels, scores=scores))

    def make_trainer(folder: Path, held_out: set[str], fold: int):
        model, processor = loaded.pop() if loaded else load_model(job.model, **loading)
        # nothing is held out beyond the fold, and all looks are kept: one is chosen when all folds are trained
        its_own = job.training_arguments(output_dir=str(folder), held_out_fraction=0.0, save_total_limit=None)
        bars = _bars(report, f", fold {fold + 1} of {args.folds}")
        return _trainer(job, its_own, model, processor, bars, held_out=held_out)

    return cross_fit(make_trainer, args, job.labels.scores)


def _trainer(job: Distillation, args, model, processor, callbacks: list, held_out: set[str] | None = None):
    """The estimator's trainer, on a model of its own."""
    labels, given = job.labels, {"prompts": job.judge.prompts, "callbacks": callbacks}
    if job.estimator is Estimator.sampled:
        from .psdistill_trainer import PSDistillTrainer

        images = job.images_by_hash or {}  # TRL's passes start from pixels
        return PSDistillTrainer(model, args, processor, images, labels.scores, features=labels.features, **given)
    from .psdistill_exact_trainer import PSDistillExactTrainer

    given["images"] = job.images_by_hash
    return PSDistillExactTrainer(model, args, processor, labels.features, labels.scores, held_out=held_out, **given)


def _how_trained(estimator: Estimator, args, fitted: CrossFitted | None = None) -> HowTrained:
    if estimator is Estimator.sampled:
        completions = args.num_generations
        estimate = f"estimated from {completions} sampled completions per image"
        return HowTrained("PSDistillTrainer", "policy", estimate, {"completions per image": completions})
    trained = fitted is None or fitted.trained
    estimate, more = ESTIMATES[args.objective], {}
    if args.sampled_answers:
        drawn = args.sampled_answers
        estimate = f"estimated from {drawn} answers per image and dimension, drawn from the one pass of a step"
        more["answers per image and dimension"] = drawn
    if args.joint_fit:
        estimate += "; learnt from one fit of all judgments" if trained else ""
        more["joint fit"] = True
    if args.label_spread:
        more["spread of noisy pseudo-scores"] = args.label_spread
    if fitted is not None:
        if trained:
            estimate += f"; trained {args.folds} times, each time without one fold of the images"
        more |= {
            "folds": args.folds,
            "averaged steps": list(fitted.steps),
            "chance that pseudo-scores and images are unrelated": fitted.chance,
        }
    return HowTrained("PSDistillExactTrainer", args.objective, estimate, more, _how_chosen(fitted), trained)


def _how_chosen(fitted: CrossFitted | None) -> str:
    """What the card says of the choice of the weights."""
    if fitted is None:
        return HowTrained.chosen
    if fitted.step:
        others = [step for step in fitted.steps if step != fitted.step]
        which = f"steps {', '.join(map(str, fitted.steps))} were" if others else "step {step} were"
        why = "; {step} is the best, the others are no worse beyond chance" if others else ""
        return (
            f"the weights of {which} averaged over the trainings, picked by the log-loss of the judgments of images "
            f"that each training had left out{why}; they order these better than the starting model (pseudo-scores "
            f"have to do with the images: permutation test, p = {fitted.chance:.1g})"
        )
    return f"the starting model was kept: {why_start_is_kept(fitted.chance)}"
