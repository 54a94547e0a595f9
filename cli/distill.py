"""``ppaint distill``: train a model on its own pseudo-scores, and write the scorer's folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from ..trainer.estimator import Estimator, config_class

INPUTS = ("model", "images", "pseudo_labels", "out", "title", "export", "base_repo")
NEEDED = ("images", "pseudo_labels", "out")


def distill(
    config: Annotated[Path, typer.Option(help="A YAML file, for example trainer/configs/tiny_cpu.yaml.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="KEY=VALUE, each replaces the file's value: learning_rate=1e-4")
    ] = None,
    estimator: Annotated[
        Estimator, typer.Option(help="exact: a sum over the score tokens; sampled: TRL's GRPO, the paper's family.")
    ] = Estimator.exact,
) -> None:
    """Train a model on its own pseudo-scores (PSDistill) and write a scorer's folder, OUT/scorer.

    Started again after it was killed, it resumes from the newest complete checkpoint and ends at the same weights.
    """
    inputs, options = read_config(config, overrides or [], estimator)
    from ..images.image_folder import by_hash, open_folder
    from ..model_card.judge import Judge
    from ..trainer.distillation import distil
    from ..trainer.distillation_job import CardText, Distillation, Export
    from ..trainer.pseudo_scores.labelled_set import PseudoLabels, compute_features
    from ..trainer.pseudo_scores.pseudo_labels import PseudoScores
    from ..trainer.tiny_judge import TINY_JUDGE, model_source
    from .terminal import progress_bars

    model = model_source(str(inputs.get("model") or TINY_JUDGE))
    scores = PseudoScores.load(Path(inputs["pseudo_labels"]) / "pseudo_scores")
    with progress_bars() as report:
        opened = open_folder(Path(inputs["images"]), report)
        check_same_images(inputs["images"], set(by_hash(opened)), scores)
        judge = Judge.from_pretrained(model, dimensions=scores.dimensions)
        check_same_judge(model, judge, scores)
        features = compute_features(judge, opened, report, "vision features")
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
            images=opened,
            estimator=estimator,
            seed=options.pop("seed", 0),
            options=options,
            export=export,
        )
        done = distil(job, report)
    for line in history_lines(done.history):
        typer.echo(line)
    typer.echo(f"kept the checkpoint of step {done.kept_step}, by held-out judgments; scorer in {done.folder}")


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
        ``model``, ``images``, ``pseudo_labels``, ``out``, ``title``, ``export``, ``base_repo``.
    options : dict
        Fields of ``PSDistillExactConfig`` or ``PSDistillConfig``.

    Raises
    ------
    InputFault
        All faults at once: unreadable YAML, an unknown key, an input that is missing, a value that a field refuses.
    """
    import yaml

    from ..foundation.faults import Fault, InputFault

    if not path.is_file():
        raise InputFault(Fault(str(path), "", "there is no such file", "give a YAML file; see trainer/configs"))
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what = f"not readable as YAML ({str(error).splitlines()[0]})"
        raise InputFault(Fault(str(path), "", what, "fix the file")) from error
    if not isinstance(settings, dict):
        raise InputFault(Fault(str(path), "", "the file is not a list of KEY: VALUE", "see trainer/configs"))
    faults = []
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals:
            faults.append(Fault("command line", override, "an override without =", "write KEY=VALUE"))
        else:
            try:
                settings[key.strip()] = yaml.safe_load(value)
            except yaml.YAMLError:
                faults.append(Fault("command line", override, "the value is not readable as YAML", "quote it"))
    arguments = config_class(estimator)
    fields = {field.name: field for field in dataclasses.fields(arguments) if field.init}
    for key in settings:
        if key not in INPUTS and key not in fields or key == "output_dir":
            known = f"one of {', '.join(INPUTS)}, or a field of {arguments.__name__} other than output_dir"
            faults.append(Fault(str(path), str(key), "no such setting", f"use {known}"))
    faults += [Fault(str(path), key, "missing", f"add {key}: PATH") for key in NEEDED if not settings.get(key)]
    faults += export_faults(path, settings)
    options = {key: _number(value) for key, value in settings.items() if key in fields and key not in INPUTS}
    if not faults:
        try:
            arguments(output_dir="checked-only", **options)
        except (ValueError, TypeError) as error:
            faults.append(Fault(str(path), "", str(error), "fix that value"))
    if faults:
        raise InputFault(faults)
    return {key: value for key, value in settings.items() if key in INPUTS}, options


def export_faults(path: Path, settings: dict[str, Any]) -> list:
    """What is wrong with the form in which the scorer is to be written: a published adapter names no local path.

    Examples
    --------
    >>> [fault.row for fault in export_faults(Path("c.yaml"), {"export": "adapter", "model": "/models/qwen"})]
    ['lora_r', 'base_repo']
    >>> export_faults(Path("c.yaml"), {"export": "adapter", "lora_r": 16, "model": "Qwen/Qwen3-VL-8B-Instruct"})
    []
    """
    from ..foundation.faults import Fault
    from ..model_card.exported_adapter import FORMS, is_repo_id

    form, repo, model = settings.get("export", "merged"), settings.get("base_repo"), settings.get("model")
    faults = []
    if form not in FORMS:
        faults.append(Fault(str(path), "export", f"{form!r} is not a form of a scorer", f"use {' or '.join(FORMS)}"))
    if form == "adapter" and not settings.get("lora_r"):
        faults.append(
            Fault(str(path), "lora_r", "without adapters none can be exported", "set lora_r: 16, or export: merged")
        )
    if repo is not None and not is_repo_id(repo):
        faults.append(Fault(str(path), "base_repo", f"{repo!r} is not the name of a repo", "write ORG/NAME"))
    if repo is not None and form != "adapter":
        faults.append(
            Fault(str(path), "base_repo", "a merged scorer needs no base", "leave it out, or export: adapter")
        )
    if form == "adapter" and repo is None and not (model and is_repo_id(model)):
        what = "missing: the adapters would name a path of this machine as their base"
        faults.append(Fault(str(path), "base_repo", what, "add base_repo: ORG/NAME, where others find the base model"))
    return faults


def check_same_images(folder, found: set[str], scores) -> None:
    """Every image that has a pseudo-score must be in the folder, pixel for pixel."""
    from ..foundation.faults import Fault, InputFault

    missing = [image for image in scores.images if image not in found]
    if missing:
        what = f"{len(missing)} of the {len(scores.images)} images with a pseudo-score are not here, or have changed"
        fix = f"give the folder that was judged (the first that is missing has the pixel hash {missing[0][:16]})"
        raise InputFault(Fault(str(folder), "", what, fix))


def check_same_judge(model: str, judge, scores) -> None:
    """A model is distilled from its own judgments; another's are refused."""
    from ..foundation.faults import Fault, InputFault

    if not judge.is_own(scores.judge):
        what = "the pseudo-scores are another model's, or were made with other prompts"
        raise InputFault(Fault(model, "", what, "distil the model that judged, or judge again with this one"))


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


def _number(value: Any) -> Any:
    """YAML 1.1 reads ``3e-4`` as a text; a text that is a number is meant as one."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value
