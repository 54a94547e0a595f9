"""The metric's page on the Hub: a table of scores in, every figure with its interval out.

`evaluate.utils.launch_gradio_widget` needs a Gradio of before version 4, so the page is built here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import evaluate
import gradio as gr

HEADERS = ["prediction", "reference", "group (optional)", "item (optional)"]
FIGURES = ["figure", "value", "low", "high", "interval"]
EXAMPLE = [[3.1, 2.9, "", ""], [4.5, 5.1, "", ""], [6.2, 6.0, "", ""], [5.0, 4.4, "", ""], [8.8, 9.0, "", ""]]


def build_page(metric: evaluate.Metric) -> gr.Blocks:
    """Build the page.

    Parameters
    ----------
    metric : evaluate.Metric
        The metric of this folder.

    Returns
    -------
    gradio.Blocks
        To be launched.
    """

    def compute(table: list[list[Any]], resamples: float) -> tuple[list[list[str]], str]:
        return figures(metric, table, resamples)

    with gr.Blocks(title="SRCC and PLCC with intervals", analytics_enabled=False) as page:
        gr.Markdown("# SRCC and PLCC with intervals\n" + metric.description)
        table = gr.Dataframe(EXAMPLE, headers=HEADERS, type="array", column_count=4, interactive=True, label="Scores")
        resamples = gr.Number(
            2000, label="Bootstrap resamples (0: no intervals)", precision=0, minimum=0, maximum=20000
        )
        button = gr.Button("Compute", variant="primary")
        found = gr.Dataframe(headers=FIGURES, datatype="str", interactive=False, label="Figures")
        note = gr.Markdown()
        button.click(compute, inputs=[table, resamples], outputs=[found, note], api_name="compute")
        gr.Markdown(_readme())
    return page


def figures(metric: evaluate.Metric, table: list[list[Any]], resamples: float | None) -> tuple[list[list[str]], str]:
    """Compute what the page shows.

    Parameters
    ----------
    metric : evaluate.Metric
        The metric of this folder.
    table : list of list
        One row per prediction: prediction, reference, group, item. Empty rows are left out; a label column that is empty is none.
    resamples : float or None
        Of the bootstrap; None where the field is empty, which is refused.

    Returns
    -------
    rows : list of list of str
        Figure, value, ends of its interval, and how that was made.
    note : str
        What the figures rest on, and which have no value and why.

    Raises
    ------
    gradio.Error
        Where the table cannot be used, with the row.
    """
    rows = [(number, row) for number, row in enumerate(table, 1) if any(_text(cell) for cell in row)]
    try:
        if resamples is None:
            raise ValueError("the number of resamples is missing; 0 is for no intervals")
        predictions, references = ([_number(row, k, number) for number, row in rows] for k in (0, 1))
        labels = {name: _labels([row for _, row in rows], k) for name, k in (("groups", 2), ("items", 3))}
        result = metric.compute(predictions=predictions, references=references, resamples=int(resamples), **labels)
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from error
    shown = []
    for name in ("srcc", "plcc", "krcc", "plcc_logistic", "rmse", "bias", "slope"):
        ends = result.get(f"{name}_interval")
        how = result.get("interval_methods", {}).get(name, "")
        shown.append(
            [name, f"{result[name]:.4f}", *(f"{end:.4f}" for end in ends or ()), *([how] if ends else [""] * 3)]
        )
    counts = f"Rows: {result['n_rows']}, items: {result['n_items']}, groups: {result['n_groups']}."
    return shown, " ".join([counts, *(f"{sentence}." for sentence in result["undefined"])])


def _text(cell: Any) -> str:
    """A cell without blanks around it; nothing for an empty one."""
    return "" if cell is None or cell != cell else str(cell).strip()


def _number(row: list[Any], place: int, number: int) -> float:
    try:
        return float(_text(row[place]))
    except (ValueError, IndexError):
        raise ValueError(f"row {number}: the {HEADERS[place]} is not a number") from None


def _labels(rows: list[list[Any]], place: int) -> list[str | None] | None:
    """The labels of a column; None where it is empty, and a missing one among others is left for the metric to refuse."""
    labels = [_text(row[place]) or None if place < len(row) else None for row in rows]
    return labels if any(labels) else None


def _readme() -> str:
    """The folder's own description, without its head of metadata."""
    text = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    return text.split("---\n", 2)[-1]


if __name__ == "__main__":
    build_page(evaluate.load(str(Path(__file__).parent / "srcc_plcc.py"))).launch()
