"""The Space: drop an image, see its scores. Run as a file (a Space does), or through ``ppaint demo``.

As a file it reads two environment variables: ``PPAINT_MODEL``, a scorer's folder or repo id, and ``PPAINT_DATASET``, a dataset
folder or a dataset's repo id (optional). It imports absolutely, so that it also runs from a folder of its own.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr

from ppaint.dataset_script.release import RELEASE_FILE
from ppaint.model_card.scorer import AestheticScorer
from ppaint.spaces_demo.release_scores import ReleaseScores, score_release
from ppaint.spaces_demo.score_tab import REAL_NOTE, SIMULATED_NOTE, build_score_tab
from ppaint.spaces_demo.upload_guard import end_on_signals, guard_inputs, private_upload_folder

MAX_FILE_SIZE = "32mb"
_CSS = """
.gradio-container {max-width: 1080px !important; margin: 0 auto !important;}
#note {border-left: 4px solid #b3261e; background: #fbf1ee; color: #2b2a28; padding: 10px 14px; border-radius: 4px;}
#note * {color: #2b2a28;}
#scores table, #scores table * {font-family: system-ui, Arial, sans-serif; font-variant-numeric: tabular-nums;}
"""


def build_demo(scorer: AestheticScorer, reference: ReleaseScores | None = None) -> gr.Blocks:
    """Build the page.

    Parameters
    ----------
    scorer : AestheticScorer
        What scores the images.
    reference : ReleaseScores, optional
        The same scorer's scores of a release's paintings (`score_release`), beside which an image's scores are shown.

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
    """Serve the model and dataset that the environment names."""
    model = os.environ.get("PPAINT_MODEL")
    if not model:
        raise SystemExit("set PPAINT_MODEL to a scorer's folder or repo id (and PPAINT_DATASET to a dataset)")
    scorer = AestheticScorer.from_pretrained(model)
    dataset = os.environ.get("PPAINT_DATASET")
    reference = score_release(scorer, _dataset_folder(dataset)) if dataset else None
    launch_demo(build_demo(scorer, reference))


def _dataset_folder(dataset: str) -> Path:
    """A local folder, or a snapshot of a dataset repo."""
    if Path(dataset).is_dir():
        return Path(dataset)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(dataset, repo_type="dataset", allow_patterns=["paintings/*", RELEASE_FILE]))


if __name__ == "__main__":
    main()
