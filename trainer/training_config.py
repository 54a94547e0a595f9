"""The YAML file of a training run: its inputs and the trainer's settings, checked before anything is loaded."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ..foundation.faults import Fault, InputFault
from .estimator import Estimator, config_class
from .pseudo_scores.schedule_sizes import SMALLEST_SET
from .recipes import Recipe, recipe_settings, usual_recipe
from .setting_values import out_of_bounds, typed
from .tiny_judge import SMALL
from .yaml_settings import COMMAND_LINE, Setting, read_settings

INPUTS = ("model", "images", "pseudo_labels", "out", "title", "export", "base_repo", "recipe", "features")
NEEDED = ("images", "pseudo_labels", "out")


def read_config(
    path: Path | None, overrides: list[str], estimator: Estimator = Estimator.exact
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a YAML config with overrides, and check every key and value of it.

    Parameters
    ----------
    path : Path, optional
        None: the overrides alone.
    overrides : list of str
        ``KEY=VALUE``; a value is read as YAML.
    estimator : Estimator
        Whose fields are allowed.

    Returns
    -------
    inputs : dict
        ``model``, ``images``, ``pseudo_labels``, ``out``, ``title``, ``export``, ``base_repo``; ``recipe``, a `Recipe`,
        where one is named or there is no file.
    options : dict
        Fields of ``PSDistillExactConfig`` or ``PSDistillConfig``, those that are given; a recipe's are not among them,
        since they follow from images and model (`recipe_settings`).

    Raises
    ------
    InputFault
        All faults at once, each with its key: unreadable YAML, an unknown key, an input that is missing, a value of another
        type or out of its bounds, settings that do not go together.
    """
    arguments = config_class(estimator)
    known = {field.name for field in dataclasses.fields(arguments) if field.init} - {"output_dir"}
    given, faults = read_settings(path, overrides)
    place = COMMAND_LINE if path is None else str(path)
    settings: dict[str, Any] = {}
    for key, setting in given.items():
        try:
            if key == "recipe":
                settings[key] = _recipe(setting, estimator)
            elif key in INPUTS:
                settings[key] = _text(setting)
            elif key in known:
                settings[key] = _value(arguments, key, setting)
            else:
                fix = f"use one of {', '.join(INPUTS)}, or a field of {arguments.__name__} other than output_dir"
                faults.append(Fault(setting.place, key, "no such setting", fix))
        except ValueError as error:
            faults.append(Fault(setting.place, key, str(error), "fix that value"))
    if path is None and not settings.get("recipe"):
        settings["recipe"] = usual_recipe(estimator)
    refused = {fault.row for fault in faults}
    options = {key: value for key, value in settings.items() if key not in INPUTS}
    for key, complaint in out_of_bounds(options).items():
        faults.append(Fault(given[key].place, key, complaint, "fix that value"))
    faults += [
        Fault(place, key, "missing", f"add {key}=PATH" if path is None else f"add {key}: PATH")
        for key in NEEDED
        if not settings.get(key) and key not in refused
    ]
    faults += export_faults(place, settings)
    if not faults and (refusal := _refusal(arguments, options, settings.get("recipe"), estimator)):
        keys, reason = refusal
        place = given[keys[0]].place if len(keys) == 1 else place
        faults.append(Fault(place, ", ".join(keys), reason, "fix that value" if len(keys) < 2 else "fix one of them"))
    if faults:
        raise InputFault(faults)
    return {key: value for key, value in settings.items() if key in INPUTS}, options


def _value(arguments: type, key: str, setting: Setting) -> Any:
    """As the field's type; where a text is meant, a number is taken as it was written."""
    try:
        return typed(arguments, key, setting.value)
    except ValueError:
        if not setting.text or isinstance(setting.value, str):
            raise
        try:
            return typed(arguments, key, setting.text)
        except ValueError:
            pass
        raise


def _text(setting: Setting) -> str | None:
    """A path, a name or a title: as it was written, so that a folder may be called 2024 or no."""
    if isinstance(setting.value, list | dict):
        raise ValueError(f"must be a text, not {setting.value!r}")
    return setting.value if setting.value is None or isinstance(setting.value, str) else setting.text


def _recipe(setting: Setting, estimator: Estimator) -> Recipe | None:
    """The recipe of a name; None where the key is there and empty."""
    if not (name := _text(setting)):
        return None
    names = [one.value for one in Recipe if estimator is Estimator.exact or one is Recipe.paper]
    if name not in names:
        raise ValueError(f"must be {' or '.join(names)}, not {name!r}")
    return Recipe(name)


def _refusal(
    arguments: type, options: dict[str, Any], recipe: Recipe | None, estimator: Estimator
) -> tuple[list[str], str] | None:
    """Why the trainer's config does not take these settings together, and which of them it would do without."""
    any_size = {"images": SMALLEST_SET, "parameters": SMALL - 1, "estimator": estimator}

    def complaint(settings: dict[str, Any]) -> str:
        if recipe is not None:
            settings = recipe_settings(recipe, **any_size, given=settings)
        try:
            arguments(output_dir="checked-only", **settings)
        except Exception as error:  # the libraries behind it raise nearly anything: a missing package, a wrong word
            return str(error) or type(error).__name__
        return ""

    reason = complaint(options)
    if not reason:
        return None
    keys = [key for key in options if complaint({name: v for name, v in options.items() if name != key}) != reason]
    return keys, " ".join(reason.split())


def export_faults(place: str, settings: dict[str, Any]) -> list[Fault]:
    """What is wrong with the form in which the scorer is to be written: a published adapter names no local path.

    Parameters
    ----------
    place : str
        The file that the settings come from, or the command line.
    settings : dict
        All settings of the file, the overrides in it.

    Returns
    -------
    list of Fault
        Empty where nothing is wrong.

    Examples
    --------
    >>> [fault.row for fault in export_faults("c.yaml", {"export": "adapter", "model": "/models/qwen"})]
    ['lora_r', 'base_repo']
    >>> export_faults("c.yaml", {"export": "adapter", "lora_r": 16, "model": "Qwen/Qwen3-VL-8B-Instruct"})
    []
    """
    from ..model_card.exported_adapter import FORMS, is_repo_id  # loads torch, which a missing file need not wait for

    form, repo, model = settings.get("export", "merged"), settings.get("base_repo"), settings.get("model")
    faults = []
    if form not in FORMS:
        faults.append(Fault(place, "export", f"{form!r} is not a form of a scorer", f"use {' or '.join(FORMS)}"))
    if form == "adapter" and not settings.get("lora_r"):
        faults.append(
            Fault(place, "lora_r", "without adapters none can be exported", "set lora_r: 16, or export: merged")
        )
    if repo is not None and not is_repo_id(repo):
        faults.append(Fault(place, "base_repo", f"{repo!r} is not the name of a repo", "write ORG/NAME"))
    if repo is not None and form != "adapter":
        faults.append(Fault(place, "base_repo", "a merged scorer needs no base", "leave it out, or export: adapter"))
    if form == "adapter" and repo is None and not (model and is_repo_id(model)):
        what = "missing: the adapters would name a path of this machine as their base"
        faults.append(Fault(place, "base_repo", what, "add base_repo: ORG/NAME, where others find the base model"))
    return faults
