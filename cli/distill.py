"""``ppaint distill``: train a model on its own pseudo-scores, and write the scorer's folder."""

from __future__ import annotations

import dataclasses
import os
import shutil
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from transformers import TrainingArguments

INPUTS = ("model", "images", "pseudo_labels", "out", "title")
NEEDED = ("images", "pseudo_labels", "out")


class Estimator(StrEnum):
    """How the gradient of the objective is estimated."""

    exact = "exact"
    sampled = "sampled"


def distill(
    config: Annotated[Path, typer.Option(help="A YAML file; trainer/configs/tiny_cpu.yaml is one.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="KEY=VALUE, each in place of the file's: learning_rate=1e-4")
    ] = None,
    estimator: Annotated[
        Estimator, typer.Option(help="exact: a sum over the score tokens; sampled: TRL's GRPO, the paper's family.")
    ] = Estimator.exact,
) -> None:
    """Train a model on its own pseudo-scores (PSDistill) and write a scorer's folder, OUT/scorer.

    Started again after it was killed, it goes on from the newest complete checkpoint and ends at the same weights.
    """
    inputs, args = read_config(config, overrides or [], estimator)
    from ..model_card.judge import Judge
    from ..trainer.pseudo_labels import PseudoScores
    from .judge import tiny_judge
    from .label_free import CardText, by_hash, compute_features, distil_scorer, open_folder
    from .progress_bars import progress_bars

    model = str(inputs.get("model") or tiny_judge())
    scores = PseudoScores.load(Path(inputs["pseudo_labels"]) / "pseudo_scores")
    with progress_bars() as report:
        opened = open_folder(Path(inputs["images"]), report)
        check_same_images(inputs["images"], set(by_hash(opened)), scores)
        judge = Judge.from_pretrained(model, dimensions=scores.dimensions)
        check_same_judge(model, judge.fingerprint, scores)
        features = compute_features(judge, opened, report, "vision features")
        labels = load_labels(Path(inputs["pseudo_labels"]), scores, judge, features)
        card = CardText(
            title=inputs.get("title") or "PSDistill scorer",
            simulated=Path(model).resolve() == Path(tiny_judge()),
            headline="overall" if "overall" in scores.dimensions else None,
        )
        out, seed = Path(inputs["out"]), args.pop("seed", 0)
        if estimator is Estimator.sampled:
            done = distil_sampled(model, judge, labels, opened, out, report, card, seed=seed, options=args)
        else:
            done = distil_scorer(model, judge, labels, out, report, card, seed=seed, options=args)
    for line in history_lines(done.history):
        typer.echo(line)
    typer.echo(f"kept the checkpoint of step {done.kept_step}, by held-out judgments; scorer in {done.folder}")


def distil_sampled(model, judge, labels, opened, out: Path, report, card, *, seed: int, options: dict[str, Any]):
    """As ``distil_scorer``, with the sampled trainer.

    Parameters
    ----------
    model : str
        What the judge was loaded from; TRL loads the reference policy from there too.
    judge : Judge
    labels : PseudoLabels
    opened : sequence of OpenedImage
        TRL's passes start from pixels.
    out : Path
        ``out/checkpoints`` is gone on with; ``out/scorer`` is the result.
    report : callable
    card : CardText
    seed : int
    options : dict
        Further fields of ``PSDistillConfig``.

    Returns
    -------
    Distilled
    """
    import torch
    from transformers.utils import logging as transformers_logging

    from ..model_card.card import write_scorer_card
    from ..model_card.loading import load_model
    from ..trainer.psdistill_config import PSDistillConfig
    from ..trainer.psdistill_trainer import PSDistillTrainer
    from .label_free import Distilled, _readout_means, _scorer_config, by_hash, training_text
    from .training_bar import TrainingBar

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # tied weights are reported as missing when a checkpoint is read
    settings = {"report_to": []} | options
    args = PSDistillConfig(output_dir=str(out / "checkpoints"), seed=seed, **settings)
    full_precision = None if args.lora_r else torch.float32  # small steps of all weights would be lost in bf16
    fresh, processor = load_model(model, device=args.device, dtype=full_precision)
    trainer = PSDistillTrainer(
        fresh,
        args,
        processor,
        by_hash(opened),
        labels.scores,
        prompts=judge.prompts,
        features=labels.features,
        callbacks=[TrainingBar(report)],
    )
    trainer.train_from_newest()
    history, kept = list(trainer.state.log_history), trainer.state.best_global_step
    final, building = out / "scorer", out / ".scorer.building"
    shutil.rmtree(building, ignore_errors=True)
    trainer.save_plain(building)
    after = _readout_means(trainer, judge, labels)
    kept_step = int(trainer.state.global_step if kept is None else kept)
    args.objective = "policy"
    config = _scorer_config(judge, labels, after, card, args, kept_step)
    config.training |= {"trainer": "PSDistillTrainer", "completions an image": args.num_generations}
    config.save(building)
    how = f"estimated from {args.num_generations} sampled completions an image"
    training = training_text(labels, args, kept_step).replace("exact expectation over the ten score tokens", how)
    write_scorer_card(
        building, config, title=card.title, location=str(final), training=training, evaluation=card.evaluation
    )
    shutil.rmtree(final, ignore_errors=True)
    os.replace(building, final)
    return Distilled(final, history, kept_step, config, training)


def read_config(
    path: Path, overrides: list[str], estimator: Estimator = Estimator.exact
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a YAML config with overrides, and check every key and value of it.

    Parameters
    ----------
    path : Path
    overrides : list of str
        ``KEY=VALUE``; a value is read as YAML.
    estimator : Estimator
        Whose fields are allowed.

    Returns
    -------
    inputs : dict
        ``model``, ``images``, ``pseudo_labels``, ``out``, ``title``.
    options : dict
        Fields of ``PSDistillExactConfig`` or ``PSDistillConfig``.

    Raises
    ------
    InputFault
        All faults at once: unreadable YAML, an unknown key, an input that is missing, a value that a field refuses.
    """
    import yaml

    from ..images.faults import Fault, InputFault

    if not path.is_file():
        raise InputFault(Fault(str(path), "", "there is no such file", "give a YAML file; see trainer/configs"))
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what = f"not readable as YAML ({str(error).splitlines()[0]})"
        raise InputFault(Fault(str(path), "", what, "mend the file")) from error
    if not isinstance(said, dict):
        raise InputFault(Fault(str(path), "", "the file is not a list of KEY: VALUE", "see trainer/configs"))
    faults = []
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            faults.append(Fault("command line", override, "an override without =", "write KEY=VALUE"))
        else:
            said[key.strip()] = yaml.safe_load(value)
    arguments = config_class(estimator)
    fields = {field.name: field for field in dataclasses.fields(arguments) if field.init}
    for key in said:
        if key not in INPUTS and key not in fields or key == "output_dir":
            known = f"one of {', '.join(INPUTS)}, or a field of {arguments.__name__} other than output_dir"
            faults.append(Fault(str(path), str(key), "no such setting", f"use {known}"))
    faults += [Fault(str(path), key, "missing", f"add {key}: PATH") for key in NEEDED if not said.get(key)]
    options = {key: _number(value) for key, value in said.items() if key in fields and key not in INPUTS}
    if not faults:
        try:
            arguments(output_dir="checked-only", **options)
        except (ValueError, TypeError) as error:
            faults.append(Fault(str(path), "", str(error), "mend that value"))
    if faults:
        raise InputFault(faults)
    return {key: value for key, value in said.items() if key in INPUTS}, options


def check_same_images(folder, found: set[str], scores) -> None:
    """Every image that has a pseudo-score must be in the folder, pixel for pixel."""
    from ..images.faults import Fault, InputFault

    missing = [image for image in scores.images if image not in found]
    if missing:
        what = f"{len(missing)} of the {len(scores.images)} images with a pseudo-score are not here, or have changed"
        mend = f"give the folder that was judged (the first that is missing has the pixel hash {missing[0][:16]})"
        raise InputFault(Fault(str(folder), "", what, mend))


def check_same_judge(model: str, fingerprint: str, scores) -> None:
    """A model is distilled from its own judgments; another's are refused."""
    from ..images.faults import Fault, InputFault

    if fingerprint != scores.judge:
        what = "the pseudo-scores are another model's, or were made with other prompts"
        raise InputFault(Fault(model, "", what, "distil the model that judged, or judge again with this one"))


def load_labels(folder: Path, scores, judge, features):
    """What `ppaint pseudo-label` wrote, with the features that training needs."""
    from ..model_card.readout import moments
    from ..trainer.judge_fitness import judge_fitness
    from ..trainer.pseudo_labels import PoolSelfCheck
    from ..trainer.reference_pool import ReferencePool
    from .label_free import PseudoLabels

    pool, check = ReferencePool.load(folder / "pool"), PoolSelfCheck.load(folder / "fitness")
    pointwise, _ = moments(judge.rate([features[image] for image in scores.images]))
    fitness = judge_fitness(scores, pool, pointwise, check)
    return PseudoLabels(pool, scores, check, fitness, pointwise, features)


def history_lines(history: list[dict]) -> list[str]:
    """The label-free looks of a training log, a line each.

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


def config_class(estimator: Estimator) -> type[TrainingArguments]:
    """The training arguments that an estimator takes."""
    if estimator is Estimator.sampled:
        from ..trainer.psdistill_config import PSDistillConfig

        return PSDistillConfig
    from ..trainer.psdistill_exact_config import PSDistillExactConfig

    return PSDistillExactConfig


def _number(value: Any) -> Any:
    """YAML 1.1 reads ``3e-4`` as a text; a text that is a number is meant as one."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value
