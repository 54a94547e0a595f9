"""The YAML file of a training run: its inputs and the trainer's settings, checked before anything is loaded."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from ..foundation.faults import Fault, InputFault
from .estimator import Estimator, config_class

INPUTS = ("model", "images", "pseudo_labels", "out", "title", "export", "base_repo")
NEEDED = ("images", "pseudo_labels", "out")


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


def export_faults(path: Path, settings: dict[str, Any]) -> list[Fault]:
    """What is wrong with the form in which the scorer is to be written: a published adapter names no local path.

    Parameters
    ----------
    path : Path
        The file that the settings come from.
    settings : dict
        All settings of the file, the overrides in it.

    Returns
    -------
    list of Fault
        Empty where nothing is wrong.

    Examples
    --------
    >>> [fault.row for fault in export_faults(Path("c.yaml"), {"export": "adapter", "model": "/models/qwen"})]
    ['lora_r', 'base_repo']
    >>> export_faults(Path("c.yaml"), {"export": "adapter", "lora_r": 16, "model": "Qwen/Qwen3-VL-8B-Instruct"})
    []
    """
    from ..model_card.exported_adapter import FORMS, is_repo_id  # loads torch, which a missing file need not wait for

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


def _number(value: Any) -> Any:
    """YAML 1.1 reads ``3e-4`` as a text; a text that is a number is meant as one."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value
