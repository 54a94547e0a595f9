"""The tab that scores images: one with bars and its place among the release's paintings, several in a table that can be sorted."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..foundation.faults import InputFault
from ..foundation.whole_files import write_text
from ..images.image_header import FORMATS
from .examples import example_image, shown_examples
from .limits import limits_text
from .page_errors import as_page_error
from .part import State
from .part_status import show_live, show_status
from .score_tables import faults_table, many_table, one_table
from .scored_files import MAX_FILES, ScoredFiles, score_sources, sources_of
from .served import Served
from .upload_guard import private_upload_folder, take_paths

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
TAUGHT_NOTE = (
    "A score is the scorer's opinion, learnt without labels from another model's comparisons. It is no appraisal."
)
DEVIATION_NOTE = (
    "The **standard deviation** is the width of the model's own distribution over the ten score tokens. It is not a "
    "confidence interval, and says nothing of how far experts would agree."
)
RELEASE_BUTTON = "Score the release's paintings"
_MODEL = {"concurrency_id": "model", "concurrency_limit": 1, "api_visibility": "private"}


def build_score_tab(served: Served) -> None:
    """Lay out the tab within an open ``gr.Blocks``.

    Parameters
    ----------
    served : Served
        The scorer, and its scores of a release's paintings; without these there is no placement, and the page says so.
    """
    show_live(lambda: note_html(served.model.look()), [served.model], id="score-note")
    status = show_status([served.model, served.placement], id="score-status", needed=served.model)
    _offer_release_scores(served, status)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=280):
            files = gr.File(
                label=f"Up to {MAX_FILES} paintings",
                file_count="multiple",
                height=200,
                elem_id="score-files",
            )
            examples = gr.Gallery(
                label="Or choose a painting of the release",
                columns=4,
                height="auto",
                object_fit="cover",
                allow_preview=False,
                interactive=False,
                buttons=[],
                visible=False,
                elem_id="score-examples",
            )
        take_paths(files)  # they are opened in one place only (`ppaint.images.opening`)
        with gr.Column(scale=3, min_width=320):
            results = _lay_out_results()
            gr.Markdown(DEVIATION_NOTE, elem_id="score-deviation")
    gr.Markdown(
        "### Limits\n" + "\n".join(f"- {line}" for line in (f"Formats: {', '.join(FORMATS)}.", *limits_text())),
        elem_id="score-limits",
    )
    _fill_examples(served, examples)
    progress_on = results[0]

    def score(paths: list[str] | None, progress: gr.Progress = gr.Progress()) -> list[Any]:
        if not paths:
            return nothing_shown()
        return _scored(served, sources_of(paths), progress)

    def score_example(chosen: gr.SelectData, progress: gr.Progress = gr.Progress()) -> list[Any]:
        with as_page_error():
            source = example_image(served.dataset.wait(), chosen.index)
        return _scored(served, [source], progress)

    files.change(score, files, results, show_progress_on=progress_on, **_MODEL)
    examples.select(score_example, None, results, show_progress_on=progress_on, **_MODEL)


def _offer_release_scores(served: Served, status: gr.HTML) -> None:
    """A button that makes the release's scores where the page could not make them by itself: on ZeroGPU only a visitor's call has a GPU."""
    button = gr.Button(RELEASE_BUTTON, visible=served.can_score_release(), size="sm", elem_id="score-release")
    timer = gr.Timer(1.0, active=served.placement.state is State.WAITED_FOR)

    def look() -> tuple[Any, Any]:
        waits = served.placement.state is State.WAITED_FOR
        return gr.Button(visible=served.can_score_release()), gr.Timer(active=waits)

    timer.tick(look, None, [button, timer], queue=False, show_progress="hidden", api_visibility="private")

    def score_release(progress: gr.Progress = gr.Progress()) -> tuple[Any, Any]:
        with as_page_error():
            made = served.score_release(lambda what, done, total: progress((done, total), desc=what, unit="paintings"))
        said = (
            f"The {len(made.mean)} paintings of {made.release} are scored: score an image to see its place among them."
        )
        return gr.Button(visible=False), gr.HTML(_hint(said), visible=True)

    # a queue of its own: a visitor with an image does not wait for a whole release
    calls = {"concurrency_id": "release", "concurrency_limit": 1, "api_visibility": "private"}
    button.click(score_release, None, [button, status], show_progress_on=status, **calls)


def _lay_out_results() -> list[gr.components.Component]:
    """What shows scores, empty at first; in the order in which `results_of` gives them."""
    scale = gr.HTML(_hint("Scores appear here."), elem_id="score-scale", min_height=24)
    bars = gr.Plot(show_label=False, visible=False, elem_id="score-bars")
    table = gr.Dataframe(
        datatype="str",
        interactive=False,
        show_label=False,
        visible=False,
        elem_id="score-table",
        elem_classes="numbers",
        buttons=[],
    )
    said = gr.HTML(visible=False, elem_id="score-said")
    csv = gr.DownloadButton("Download CSV", visible=False, size="sm", elem_id="score-csv")
    faults = gr.Dataframe(
        datatype="str",
        interactive=False,
        label="Files that were not scored",
        visible=False,
        wrap=True,
        elem_id="score-faults",
        buttons=[],
    )
    placement = gr.Plot(show_label=False, visible=False, elem_id="score-placement")
    where = gr.HTML(visible=False, elem_id="score-where")
    return [scale, bars, table, said, csv, faults, placement, where]


def _fill_examples(served: Served, shown: gr.Gallery) -> None:
    """Put the release's paintings into the gallery once the release is there."""
    timer = gr.Timer(1.0, active=served.dataset.state is not State.NOT_NAMED)

    def look() -> tuple[Any, Any]:
        state, release = served.dataset.state, served.dataset.look()
        try:
            pictures = [] if release is None else shown_examples(release)
        except InputFault:  # an image of the release is broken: the release's scores name it, and there are no examples
            return gr.skip(), gr.Timer(active=False)
        gallery = gr.Gallery([(str(path), name) for path, name in pictures], visible=True) if pictures else gr.skip()
        return gallery, gr.Timer(active=state is State.WAITED_FOR)

    timer.tick(look, None, [shown, timer], queue=False, show_progress="hidden", api_visibility="private")


def _scored(served: Served, sources: Sequence[tuple[str, Any]], progress: gr.Progress) -> list[Any]:
    """Score files, and show what came of them."""
    with as_page_error():
        scored = score_sources(
            served, sources, progress=lambda what, done, total: progress((done, total), desc=what), thumbnails=True
        )
        return results_of(served, scored)


def nothing_shown() -> list[Any]:
    """The results, as they are before any file came."""
    hidden = [gr.update(visible=False, value=None) for _ in range(7)]
    return [gr.update(value=_hint("Scores appear here.")), *hidden]


def results_of(served: Served, scored: ScoredFiles) -> list[Any]:
    """What the page shows of scored files, one update a component.

    Parameters
    ----------
    served : Served
        Whose scorer scored them.
    scored : ScoredFiles

    Returns
    -------
    list of updates
        Of the scale, the bars, the table, what is said, the CSV, the faults, the placement, and what its dots are.
    """
    scale, bars, table, said, csv, faults, placement, where = nothing_shown()
    held, release = served.model.wait(), served.placement.look()
    entries = [entry for entry in scored.entries if "scores" in entry]
    if len(entries) < len(scored.entries):
        faults = gr.update(value=faults_table(scored.entries), visible=True)
    if not entries:
        return [gr.update(value=_hint("No file could be scored.")), bars, table, said, csv, faults, placement, where]
    scale = gr.update(value=_scale_html(held.model, [entry["name"] for entry in entries]))
    if len(entries) == 1:
        (entry,) = entries
        cells, datatype = one_table(entry)
        bars = gr.update(value=_bars(entry, held), visible=True)
        if release is not None:
            placement = gr.update(value=_placement(release, entry), visible=True)
        where = gr.update(value=placement_html(release, served), visible=True)
        said = gr.update(value=said_html(entry, held), visible=True)
    else:
        cells, datatype = many_table(scored.entries, scored.thumbnails)
    table = gr.update(value=cells, datatype=datatype, visible=True)
    csv = gr.update(value=str(_csv_file(scored)), visible=True)
    return [scale, bars, table, said, csv, faults, placement, where]


def note_html(held: HeldModel | None) -> str:
    """What a visitor has to know about the scores before reading them; nothing while the scorer is not there."""
    if held is None:
        return ""
    config = held.model.config
    note = SIMULATED_NOTE if config.simulated else REAL_NOTE if config.teacher is None else TAUGHT_NOTE
    return f'<p class="note">{note}</p>'


def scale_text(scorer: AestheticScorer) -> str:
    """What the scores' scale is."""
    return f"{scorer.config.stated_scale}; calibration: {scorer.config.calibration_note}"


def _scale_html(scorer: AestheticScorer, names: Sequence[str]) -> str:
    what = f"<strong>{escape(names[0])}</strong>" if len(names) == 1 else f"<strong>{len(names)} images</strong>"
    return f'<p role="status">Scores of {what} ({escape(scale_text(scorer))}).</p>'


def _hint(text: str) -> str:
    return f'<p role="status">{escape(text)}</p>'


def said_html(entry: dict[str, Any], held: HeldModel) -> str:
    """What is to be said of one image: what was converted on opening, whether it is out of distribution.

    Parameters
    ----------
    entry : dict
        Of a file that was scored, see `scored_files.score_files`.
    held : HeldModel
        The scorer.

    Returns
    -------
    str
        HTML; all of it is text from outside or about it, and escaped.
    """
    from ..model_card.out_of_distribution import UNKNOWN

    lines = [f"On opening: {escape('; '.join(entry['notes']))}."] if entry["notes"] else []
    unlike = entry["out_of_distribution"]
    if unlike is None:
        lines.append(escape(UNKNOWN))
    elif unlike["marked"]:
        meaning = held.model.config.out_of_distribution.meaning()
        lines.append(f"<strong>Distance {unlike['distance']:.2f}. {escape(meaning)}</strong>")
    else:
        lines.append(
            f"Not out of distribution: its distance from the images that the scorer was trained on is {unlike['distance']:.2f} of the threshold."
        )
    return "".join(f"<p>{line}</p>" for line in lines)


def placement_html(release: ReleaseScores | None, served: Served) -> str:
    """What the dots are: the same scorer's scores, so that like is set beside like."""
    if release is None and served.placement.state is State.NOT_NAMED:
        return "<p>No release was given (<code>--dataset</code>), so the scores are not set beside those of other paintings.</p>"
    if release is None:
        return "<p>The release's paintings have not been scored yet, so the scores are not set beside theirs.</p>"
    simulated = " (simulated paintings)" if release.simulated else ""
    return (
        f"<p>Each dot is one of the {len(release.mean)} paintings of {escape(release.release)}{simulated}, "
        "<strong>scored by this same scorer</strong>, not by experts. “Above” is the share of these that score lower.</p>"
    )


def _bars(entry: dict[str, Any], held: HeldModel) -> Any:
    from .score_bars import draw_bars  # matplotlib takes most of a second to import, for which the page does not wait

    scores = {name: (score["mean"], score["sd"]) for name, score in entry["scores"].items()}
    return draw_bars(scores, held.model.config.scale, held.model.config.stated_scale)


def _placement(release: ReleaseScores, entry: dict[str, Any]) -> Any:
    import numpy as np

    from .placement_plot import draw_placement

    return draw_placement(release, np.array([score["mean"] for score in entry["scores"].values()]))


def _csv_file(scored: ScoredFiles) -> Path:
    """The scores as `ppaint score` writes them, where the page may serve them from; cleared away with the uploads."""
    path = Path(tempfile.mkdtemp(dir=private_upload_folder())) / "scores.csv"
    write_text(path, scored.table.to_csv())
    return path
