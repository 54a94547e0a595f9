"""``ppaint demo``: the Space, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..model_card.scorer import AestheticScorer
    from ..spaces_demo.release_scores import ReleaseScores


def demo(
    model: Annotated[str, typer.Option(help="A scorer's folder, or its repo id.")] = "run/scorer",
    revision: Annotated[
        str | None, typer.Option(help="A branch, tag or commit of the scorer's repo; its newest state by default.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="For a scorer that is an adapter: the base model's folder or repo.")
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="A dataset folder to compare scores with; by default `ppaint` next to the scorer, if it exists."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port; the first free one from 7860 by default.")
    ] = None,
) -> None:
    """Serve a web page: drop an image, see its scores and where they fall among the release's paintings."""
    import os

    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from ..foundation.free_port import check_port_is_free

    if port is not None:  # before the release is scored for the page
        check_port_is_free(port)
    from ..dataset_script.release import RELEASE_FILE
    from ..model_card.scorer import AestheticScorer
    from .terminal import show_commit

    scorer = AestheticScorer.from_pretrained(model, revision=revision, base=base)
    show_commit(model, scorer.commit)
    neighbour = Path(model).parent / "ppaint"
    folder = dataset or (neighbour if (neighbour / RELEASE_FILE).is_file() else None)
    reference = None if folder is None else _score_release(scorer, folder)
    from ..spaces_demo.app import build_demo, launch_demo

    page = build_demo(scorer, reference)
    try:
        launch_demo(page, port=port)
    except OSError as error:  # gradio's word for a port that is taken
        from ..foundation.faults import Fault, InputFault

        raise InputFault(Fault(f"port {port}", "", str(error).splitlines()[0], "give another --port")) from error


def _score_release(scorer: AestheticScorer, folder: Path) -> ReleaseScores:
    """Score the release's paintings, with a progress bar."""
    from ..spaces_demo.release_scores import score_release
    from .terminal import progress_bars

    with progress_bars() as report:
        return score_release(scorer, folder, progress=report)
