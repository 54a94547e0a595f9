"""``ppaint demo``: the Space, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_PLACE = "a folder, ORG/NAME or ORG/NAME@REVISION"


def demo(
    model: Annotated[
        str | None, typer.Option(help=f"A scorer: {_PLACE}; by default `run/scorer`, if it exists.")
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="A branch, tag or commit of the scorer's repo; its newest state by default.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="For a scorer that is an adapter: the base model's folder or repo.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help=f"A dataset: {_PLACE}; by default `ppaint` next to the scorer, if it exists."),
    ] = None,
    judge: Annotated[str | None, typer.Option(help=f"A judge, for comparisons: {_PLACE}.")] = None,
    board: Annotated[
        str | None, typer.Option(help=f"A leaderboard: {_PLACE}; hub:ORG/NAME always means the Hub.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port; the first free one from 7860 by default.")
    ] = None,
) -> None:
    """Serve a web page: score paintings, see where they fall among the release's, read a leaderboard."""
    import os

    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from ..foundation.faults import Fault, InputFault
    from ..foundation.free_port import check_port_is_free

    if port is not None:
        check_port_is_free(port)
    from ..dataset_script.release import RELEASE_FILE
    from ..spaces_demo.served import Served
    from ..spaces_demo.served_repos import check_folder
    from ..spaces_demo.space_file import NamedRepo

    if model is None and Path("run/scorer").is_dir():
        model = "run/scorer"
    if dataset is None and model is not None and (Path(model).parent / "ppaint" / RELEASE_FILE).is_file():
        dataset = str(Path(model).parent / "ppaint")
    given = {"model": model, "dataset": dataset, "judge": judge, "board": board}
    named = {part: None if text is None else NamedRepo.read(text) for part, text in given.items()}
    if revision is not None and named["model"] is not None:
        named["model"] = NamedRepo(named["model"].repo, revision)
    if not any(named.values()):
        what = "there is nothing to serve: no scorer is named, and there is no folder run/scorer"
        raise InputFault(Fault("--model", "", what, "give --model, --dataset or --board"))
    for one in filter(None, named.values()):
        check_folder(one)
    from ..spaces_demo.app import launch_demo

    try:
        launch_demo(Served(named, base=base), port=port)
    except OSError as error:  # gradio's word for a port that is taken
        raise InputFault(Fault(f"port {port}", "", str(error).splitlines()[0], "give another --port")) from error
