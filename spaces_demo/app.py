"""The Space: drop an image, see its scores. Run as a file (a Space does), or through ``ppaint demo``.

As a file it serves the scorer and the dataset that ``space.json`` beside it names, each at its commit. The environment may name others:
``PPAINT_MODEL`` (a scorer) and ``PPAINT_DATASET`` (a dataset, or nothing for none), each a folder, ``ORG/NAME`` or ``ORG/NAME@REVISION``.
It imports absolutely, so that it also runs from a folder of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr

from ppaint.dataset_script.release import RELEASE_FILE
from ppaint.foundation.faults import Fault, InputFault
from ppaint.model_card.scorer import AestheticScorer
from ppaint.spaces_demo.release_scores import ReleaseScores, score_release
from ppaint.spaces_demo.score_tab import REAL_NOTE, SIMULATED_NOTE, build_score_tab
from ppaint.spaces_demo.space_file import SPACE_FILE, NamedRepo, read_space_file
from ppaint.spaces_demo.upload_guard import end_on_signals, guard_inputs, private_upload_folder

MAX_FILE_SIZE = "32mb"
_CSS = """
.gradio-container {max-width: 1080px !important; margin: 0 auto !important;}
#note {border-left: 4px solid #b3261e; background: #fbf1ee; color: #2b2a28; padding: 10px 14px; border-radius: 4px;}
#note * {color: #2b2a28;}
#scores table, #scores table * {font-family: system-ui, Arial, sans-serif; font-variant-numeric: tabular-nums;}
"""


def build_demo(scorer: AestheticScorer, reference: ReleaseScores | None = None, *, loaded: str = "") -> gr.Blocks:
    """Build the page.

    Parameters
    ----------
    scorer : AestheticScorer
        What scores the images.
    reference : ReleaseScores, optional
        The same scorer's scores of a release's paintings (`score_release`), beside which an image's scores are shown.
    loaded : str
        A line that says where scorer and release come from.

    Returns
    -------
    gradio.Blocks
        To be started by `launch_demo`.
    """
    private_upload_folder()  # before any component is built
    with gr.Blocks(title="ppaint: aesthetic scores of paintings", analytics_enabled=False) as demo:
        gr.Markdown("# ppaint\nOne pass of a distilled vision-language model scores a painting in every dimension.")
        gr.Markdown(SIMULATED_NOTE if scorer.config.simulated else REAL_NOTE, elem_id="note")
        build_score_tab(scorer, reference)
        if loaded:
            gr.Markdown(loaded, elem_id="loaded")
    guard_inputs(demo)
    return demo.queue(max_size=32)


def launch_demo(demo: gr.Blocks, *, port: int | None = None, block: bool = True) -> str:
    """Start the page, with limits on what comes in and nothing of the file system going out.

    Uploads lie in a folder of this process's own, which is removed at its end; where the call blocks, also at SIGTERM.

    Parameters
    ----------
    demo : gradio.Blocks
        The page.
    port : int, optional
        The port; the first free one from 7860 by default.
    block : bool
        Whether to wait until the server is stopped.

    Returns
    -------
    str
        The page's address.
    """
    if block:
        end_on_signals()
    _, address, _ = demo.launch(
        server_port=port,
        max_file_size=MAX_FILE_SIZE,
        ssr_mode=False,
        share=False,
        mcp_server=False,  # one way in
        strict_cors=True,
        prevent_thread_lock=not block,
        quiet=not block,
        footer_links=["api"],
        css=_CSS,
        # the system's own fonts: nothing is fetched from elsewhere
        theme=gr.themes.Base(
            primary_hue="red",
            neutral_hue="stone",
            font=("system-ui", "Helvetica Neue", "Arial", "sans-serif"),
            font_mono=("ui-monospace", "Consolas", "monospace"),
        ),
    )
    return address


def main() -> None:
    """Serve the scorer and the dataset that the environment or ``space.json`` names."""
    try:
        model, dataset = served_repos(os.environ, Path(__file__).with_name(SPACE_FILE))
        scorer = AestheticScorer.from_pretrained(model.repo, revision=model.revision)
        loaded, reference = f"Scorer: `{NamedRepo(model.repo, scorer.commit)}`.", None
        if dataset is not None:
            folder, commit = dataset_folder(dataset)
            reference = score_release(scorer, folder)
            loaded += f" Paintings: `{NamedRepo(dataset.repo, commit)}`."
    except InputFault as error:  # the log of a Space shows it; a traceback would say less
        raise SystemExit(str(error)) from None
    launch_demo(build_demo(scorer, reference, loaded=loaded))


def served_repos(environment: Mapping[str, str], space_file: Path) -> tuple[NamedRepo, NamedRepo | None]:
    """Which scorer and dataset to serve: as the environment says, else as ``space.json`` does.

    Parameters
    ----------
    environment : mapping
        ``PPAINT_MODEL`` and ``PPAINT_DATASET`` count; an empty ``PPAINT_DATASET`` means no dataset.
    space_file : Path
        Is not read where the environment names both.

    Returns
    -------
    model : NamedRepo
    dataset : NamedRepo or None

    Raises
    ------
    InputFault
        If no scorer is named, or ``space.json`` is needed and is missing or damaged.
    """
    model, dataset = environment.get("PPAINT_MODEL"), environment.get("PPAINT_DATASET")
    if not model and not space_file.exists():
        what = f"no scorer is named, and there is no {SPACE_FILE} beside {Path(__file__).name}"
        fix = "set it to a scorer's folder or repo id (and PPAINT_DATASET to a dataset)"
        raise InputFault(Fault("PPAINT_MODEL", "", what, fix))
    asked = not model or (dataset is None and space_file.exists())
    stated = read_space_file(space_file) if asked else {}
    scorer = NamedRepo.read(model) if model else stated["model"]
    if scorer is None:
        raise InputFault(Fault(SPACE_FILE, "model", "it names no scorer", "set PPAINT_MODEL to a scorer's repo id"))
    if dataset is None:
        return scorer, stated.get("dataset")
    return scorer, NamedRepo.read(dataset) if dataset else None


def dataset_folder(dataset: NamedRepo) -> tuple[Path, str | None]:
    """Where a dataset lies: its own folder, or a repo's snapshot.

    Parameters
    ----------
    dataset : NamedRepo

    Returns
    -------
    folder : Path
    commit : str or None
        None for a folder.

    Raises
    ------
    InputFault
        If there is no such folder, and no such repo or revision within reach.
    """
    if Path(dataset.repo).is_dir():
        if dataset.revision is not None:
            what = f"a folder has no revisions, and {dataset.revision!r} was asked for"
            raise InputFault(Fault(dataset.repo, "revision", what, "leave the revision out, or give a repo id"))
        return Path(dataset.repo), None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = ["paintings/*", RELEASE_FILE]
    try:
        folder = snapshot_download(
            dataset.repo, repo_type="dataset", revision=dataset.revision, allow_patterns=patterns
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        what = f"no such folder, and no such dataset within reach ({type(error).__name__})"
        raise InputFault(Fault(str(dataset), "", what, "give a dataset's folder or repo id, or none")) from error
    return Path(folder), Path(folder).name  # the cache names a snapshot by its commit


if __name__ == "__main__":
    main()
