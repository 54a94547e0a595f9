"""All that one group publishes: the metric, a dataset, a scorer, a judge, a board and the Space, under names that belong together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..foundation.faults import Fault, InputFault
from .content import Content, Links, What
from .kinds import wanted_board, wanted_dataset, wanted_judge, wanted_metric, wanted_model, wanted_space
from .names import default_name
from .publish import Wanted
from .same_judge import judge_faults
from .same_release import release_faults


def everything(
    org: str,
    *,
    dataset: Path | None,
    model: Path | None,
    judge: Path | None,
    board: Path | None,
    names: Mapping[str, str],
) -> list[Wanted]:
    """What ``ppaint publish all`` publishes, in the order in which it is sent.

    Parameters
    ----------
    org : str
        The user or organisation.
    dataset, model, judge, board : Path or None
        Folders. The metric is always published, the Space where there is a model.
    names : mapping of str to str
        Names that were chosen, by kind.

    Returns
    -------
    list of Wanted

    Raises
    ------
    InputFault
        With the faults of all folders.
    """
    makers: dict[What, tuple[Path | None, Callable[[Path, str], Wanted]]] = {
        "dataset": (dataset, wanted_dataset),
        "model": (model, _scorer),
        "judge": (judge, wanted_judge),
        "board": (board, wanted_board),
    }
    wanted = [wanted_metric(_name("metric", org, names, simulated=False))]
    faults, simulated = _unused(names, {what for what, (folder, _) in makers.items() if folder}, bool(model)), []
    for what, (folder, make) in makers.items():
        if folder is None:
            continue
        try:
            content = _content(make(folder, f"{org}/{what}"))  # the name depends on what it is
            name = _name(what, org, names, simulated=content.simulated, of=content.made_from)
            wanted.append(make(folder, name))
            simulated.append(content.simulated)
        except InputFault as error:
            faults += error.faults
    if dataset is not None and not faults:
        faults += release_faults(dataset, str(dataset), model=model, board=board)
    if model is not None and judge is not None and not faults:
        faults += judge_faults(judge, model)
    if model is not None and not faults:
        of_space = any(simulated)
        wanted.append(wanted_space(_name("space", org, names, simulated=of_space), simulated=of_space))
    if faults:
        raise InputFault(faults)
    return wanted


def _unused(names: Mapping[str, str], given: set[What], with_space: bool) -> list[Fault]:
    """Names of what is not published."""
    there = {"metric", *given, *(["space"] if with_space else [])}
    fix = "leave it out, or give the folder"
    return [Fault("--name", kind, f"no {kind} is published", fix) for kind in names if kind not in there]


def _scorer(folder: Path, name: str) -> Wanted:
    wanted = wanted_model(folder, name)
    if wanted.what != "model":
        what, fix = (
            "the folder is not a scorer: this file is missing",
            "give a scorer's folder, or the judge as --judge",
        )
        raise InputFault(Fault(str(folder), "scorer_config.json", what, fix))
    return wanted


def _content(wanted: Wanted) -> Content:
    return wanted.make(Links())


def _name(what: What, org: str, names: Mapping[str, str], *, simulated: bool, of: str = "") -> str:
    name = default_name(what, org, simulated=simulated, of=of)
    return f"{org}/{names[what]}" if what in names else name
