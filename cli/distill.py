"""``ppaint distill``: train a model on its own pseudo-scores, or on a teacher's, and write the scorer's folder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..trainer.estimator import Estimator

if TYPE_CHECKING:
    from ..model_card.judge import Judge
    from ..trainer.scorer_folder import Distilled


def distill(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="KEY=VALUE, each replaces the file's value: images=FOLDER recipe=paper learning_rate=1e-4"),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="A YAML file, for example trainer/configs/tiny_cpu.yaml; without one, the recommended recipe."
        ),
    ] = None,
    estimator: Annotated[
        Estimator, typer.Option(help="exact: a sum over the score tokens; sampled: TRL's GRPO, the paper's family.")
    ] = Estimator.exact,
) -> None:
    """Train a model on its own pseudo-scores (PSDistill) and write a scorer's folder, OUT/scorer.

    Where a model behind a server judged (`ppaint judge --endpoint`), the pseudo-scores are a teacher's: any local model is
    trained on them, and its config and card name the teacher.

    images=FOLDER, pseudo_labels=FOLDER and out=FOLDER are needed, here or in the file. recipe=recommended and recipe=paper set
    the trainer by the number of images and the model's size; settings that are given by name go before them. features=FOLDER
    takes the vision features that `ppaint judge` made of the same images (its OUT/features), or keeps them there for the next time.

    If it is killed and started again, it resumes from the newest complete checkpoint and ends at the same weights.
    """
    from ..foundation.scratch_folder import scratch_folder
    from ..foundation.whole_folders import check_folder_can_be_written
    from ..trainer.training_config import read_config

    inputs, options = read_config(config, overrides or [], estimator)
    check_folder_can_be_written(inputs["out"], "out")
    from ..images.image_folder import look_at_folder
    from ..model_card.encoded_images import encode_images
    from ..model_card.judge import Judge
    from ..trainer.distillation import distil
    from ..trainer.distillation_job import CardText, Distillation, Export
    from ..trainer.pseudo_scores.labelled_set import PseudoLabels
    from ..trainer.pseudo_scores.pseudo_labels import PseudoScores
    from ..trainer.tiny_judge import TINY_JUDGE, as_typed, model_source
    from .terminal import progress_bars

    model = model_source(str(inputs.get("model") or TINY_JUDGE))
    scores = PseudoScores.load(Path(inputs["pseudo_labels"]) / "pseudo_scores")
    with progress_bars() as report, ExitStack() as held:
        sources = look_at_folder(inputs["images"], report)
        check_enough_images(inputs["images"], len(sources), scores)
        judge = Judge.from_pretrained(model, dimensions=scores.dimensions)
        if scores.teacher is None:
            check_same_judge(model, judge, scores)
        else:
            check_dimensions(model, scores.dimensions)
            typer.echo(
                f"the teacher is another model: {scores.teacher.words()}; {as_typed(model)} is trained on its judgments"
            )
        if recipe := inputs.get("recipe"):
            options = _recipe_options(recipe, len(scores.images), judge, estimator, options)
        folder = inputs.get("features") or held.enter_context(scratch_folder(inputs["out"], "features"))
        features = encode_images(judge, sources, folder, report=report)
        check_same_images(inputs["images"], set(features), scores)
        labels = PseudoLabels.load(inputs["pseudo_labels"], judge, features)
        card = CardText(
            title=inputs.get("title") or "PSDistill scorer",
            headline="overall" if "overall" in scores.dimensions else None,
        )
        export = Export(inputs.get("export", "merged"), inputs.get("base_repo"))
        job = Distillation(
            model,
            judge,
            labels,
            Path(inputs["out"]),
            card,
            images=features.images,
            estimator=estimator,
            seed=options.pop("seed", 0),
            options=options,
            export=export,
        )
        done = distil(job, report)
    _show(done)


def _recipe_options(recipe: str, images: int, judge: Judge, estimator: Estimator, given: dict) -> dict:
    """The settings of a recipe for so many images and this model, those that were given before them; said in a sentence."""
    from ..trainer.recipes import recipe_sentence, recipe_settings
    from ..trainer.tiny_judge.known_weights import parameter_count

    size = parameter_count(judge.model)
    options = recipe_settings(recipe, images=images, parameters=size, estimator=estimator, given=given)
    if estimator is Estimator.exact:  # of the sampled trainer a recipe sets nothing
        typer.echo(recipe_sentence(recipe, options, size))
    return options


def _show(done: Distilled) -> None:
    """The training in a few lines, which weights were kept, and where."""
    for line in history_lines(done.history):
        typer.echo(line)
    averaged = done.config.training.get("averaged steps")
    whose = "held-out judgments" if averaged is None else "judgments of left-out images"
    steps = averaged or [done.kept_step]
    which = f"mean weights of steps {', '.join(map(str, steps))}" if len(steps) > 1 else f"weights of step {steps[0]}"
    kept = f"kept the {which}, by {whose}" if done.kept_step else "kept the starting model"
    typer.echo(f"{kept}; scorer in {done.folder}")


def check_enough_images(folder, files: int, scores) -> None:
    """Before a large folder is opened: there are at least as many images as pseudo-scores."""
    from ..foundation.faults import Fault, InputFault

    missing = len(scores.images) - files
    if missing > 0:
        what = f"at least {missing} of the {len(scores.images)} images with a pseudo-score are not here"
        raise InputFault(Fault(str(folder), "", what, "give the folder that was judged"))


def check_same_images(folder, found: set[str], scores) -> None:
    """Every image that has a pseudo-score must be in the folder, pixel for pixel."""
    from ..foundation.faults import Fault, InputFault

    missing = [image for image in scores.images if image not in found]
    if missing:
        what = f"{len(missing)} of the {len(scores.images)} images with a pseudo-score are not here, or have changed"
        fix = f"give the folder that was judged (the first that is missing has the pixel hash {missing[0][:16]})"
        raise InputFault(Fault(str(folder), "", what, fix))


def check_same_judge(model: str, judge, scores) -> None:
    """A model is distilled from its own judgments; those of another local model are refused."""
    from ..foundation.faults import Fault, InputFault

    if not judge.is_own(scores.judge):
        what = "the pseudo-scores are another model's, or were made with other prompts"
        fix = "distil the model that judged, or judge again with this one; if a server judged, run `ppaint pseudo-label` again"
        raise InputFault(Fault(model, "", what, fix))


def check_dimensions(model: str, dimensions: Sequence[str]) -> None:
    """A student that is a scorer already has dimensions of its own, and is not taught others."""
    from ..foundation.faults import Fault, InputFault
    from ..model_card.scorer_config import FILE_NAME, ScorerConfig, find_file

    try:
        find_file(model, FILE_NAME)
    except InputFault:
        return  # a model that is no scorer answers about any dimension
    known = ScorerConfig.load(model).dimensions
    if strange := [name for name in dimensions if name not in known]:
        what = f"it is a scorer of {', '.join(known)}; the teacher judged {', '.join(strange)} too"
        fix = "give the model that the scorer was made from, or let the teacher judge the scorer's dimensions alone"
        raise InputFault(Fault(model, FILE_NAME, what, fix))


def history_lines(history: list[dict]) -> list[str]:
    """The label-free looks of a training log, one line each.

    Examples
    --------
    >>> history_lines([{"step": 0, "eval_log_loss": 0.69, "eval_srcc": 0.1}, {"step": 10, "loss": 0.2}])
    ['step    0: held-out judgments log-loss 0.6900, SRCC to pseudo-scores 0.100']
    """
    return [
        f"step {row['step']:>4}: held-out judgments log-loss {row['eval_log_loss']:.4f}, "
        f"SRCC to pseudo-scores {row['eval_srcc']:.3f}"
        for row in history
        if "eval_log_loss" in row
    ]
