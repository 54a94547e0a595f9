"""The tab that scores one image: five scores with standard deviations, and their place among the release's paintings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..images.opening import FORMATS, open_image
from .page_errors import as_page_error
from .part import State
from .part_status import show_live, show_status
from .placement_plot import draw_placement
from .served import Served
from .upload_guard import take_paths

if TYPE_CHECKING:
    from ..model_card.scorer import AestheticScorer
    from .model_calls import HeldModel
    from .release_scores import ReleaseScores

SIMULATED_NOTE = (
    "<strong>Simulated, and its bias was induced.</strong> This scorer was distilled from a tiny judge (about 2 million parameters) that "
    "learnt from procedurally painted scrolls and simulated experts, and whose own rating was taught a superficial cue on "
    "purpose. Its taste means nothing for real paintings: this page shows that the path works."
)
REAL_NOTE = "A score is the scorer's opinion, learnt without labels from its own comparisons. It is no appraisal."
DEVIATION_NOTE = (
    "The **standard deviation** is the width of the model's own distribution over the ten score tokens. It is not a "
    "confidence interval, and says nothing of how far experts would agree."
)
_HEADERS = ["dimension", "score", "std. deviation"]
_ABOVE = "scores above"  # a share of the release's paintings


def score_file(scorer: HeldModel, release: ReleaseScores | None, path: str | None) -> tuple[list[list[str]], Any, str]:
    """Score an uploaded file, for the page.

    Parameters
    ----------
    scorer : HeldModel
        The scorer.
    release : ReleaseScores or None
        Its scores of a release's paintings, where there is a release.
    path : str or None
        The file; None when the image was taken away.

    Returns
    -------
    rows : list of list of str
        One row per dimension.
    figure : matplotlib.figure.Figure or None
        The placement.
    note : str
        What was converted on opening, and whether the image is out of distribution; empty where nothing is to be said.

    Raises
    ------
    gradio.Error
        With the fault's own text, for a file that cannot be opened.
    """
    if path is None:
        return [], None if release is None else draw_placement(release), ""
    with as_page_error():
        opened = open_image(path, name=Path(path).name)
    table = scorer.run("score", [opened])
    mean, sd = table.mean[0], table.sd[0]
    rows = [
        [name.replace("_", " "), f"{m:.2f}", f"{s:.2f}"] for name, m, s in zip(table.dimensions, mean, sd, strict=True)
    ]
    figure = None
    if release is not None:
        for row, share in zip(rows, release.share_below(mean), strict=True):
            row.append(f"{100 * share:.0f} %")
        figure = draw_placement(release, mean)
    notes = [f"On opening: {'; '.join(opened.notes)}."] if opened.notes else []
    if table.out_of_distribution is not None and table.out_of_distribution[0]:
        notes.append(f"**{scorer.model.config.out_of_distribution.meaning()}**")
    return rows, figure, "\n\n".join(notes)


def build_score_tab(served: Served) -> None:
    """Lay out the tab within an open ``gr.Blocks``.

    Parameters
    ----------
    served : Served
        The scorer, and its scores of a release's paintings; without these there is no placement, and the page says so.
    """
    show_live(lambda: note_html(served.model.look()), [served.model], id="note")
    show_status([served.model, served.placement], id="score-status")
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=280):
            image = gr.Image(
                label=f"Drop a painting here ({', '.join(FORMATS)})",
                sources=["upload", "clipboard"],
                height=380,
                buttons=[],
                elem_id="painting",
            )
            note = gr.Markdown(elem_id="opening-note")
        take_paths(image)  # it is opened in one place only (`ppaint.images.opening`)
        with gr.Column(scale=3, min_width=320):
            table = gr.Dataframe(
                headers=_HEADERS,
                datatype="str",
                interactive=False,
                label="Scores",
                elem_id="scores",
                elem_classes="numbers",
                buttons=[],
            )
            gr.Markdown(DEVIATION_NOTE)
    where = gr.Markdown(visible=False)
    placement = gr.Plot(show_label=False, visible=False, elem_id="placement")

    def score(path: str | None) -> list[Any]:
        with as_page_error():
            held = served.model.wait()
        release = served.placement.look()
        rows, figure, said = score_file(held, release, path)
        scored = gr.Dataframe(
            rows, headers=_HEADERS if release is None else [*_HEADERS, _ABOVE], label=scale_text(held.model)
        )
        return [
            scored,
            gr.Plot(figure, visible=release is not None),
            said,
            gr.Markdown(_placement_text(release, served), visible=True),
        ]

    image.change(score, inputs=image, outputs=[table, placement, note, where], api_name="score", concurrency_id="model")


def note_html(held: HeldModel | None) -> str:
    """What a visitor has to know about the scores before reading them; nothing while the scorer is not there."""
    if held is None:
        return ""
    return SIMULATED_NOTE if held.model.config.simulated else REAL_NOTE


def scale_text(scorer: AestheticScorer) -> str:
    """What the scores' scale is."""
    return f"Scores ({scorer.config.stated_scale}; calibration: {scorer.config.calibration_note})"


def _placement_text(release: ReleaseScores | None, served: Served) -> str:
    """What the dots are: the same scorer's scores, so that like is set beside like."""
    if release is None and served.placement.state is State.NOT_NAMED:
        return "No release was given (`--dataset`), so the scores are not set beside those of other paintings."
    if release is None:
        return "The release's paintings have not been scored yet, so the scores are not set beside theirs."
    simulated = " (simulated paintings)" if release.simulated else ""
    return (
        f"### Where it falls\nEach dot is one of the {len(release.mean)} paintings of {release.release}{simulated}, "
        "**scored by this same scorer**, not by experts. “Scores above” is the share of these that score lower."
    )
