"""How the page looks: the system's own fonts (nothing is fetched from elsewhere), colours that hold in light and dark."""

from __future__ import annotations

import gradio as gr

CSS = """
.gradio-container {width: 100% !important; min-width: 0 !important; max-width: 1080px !important; margin: 0 auto !important;}
.gradio-container main, .gradio-container .wrap, .gradio-container .contain {min-width: 0 !important; max-width: 100% !important;}
.note, #note {border-left: 4px solid #b3261e; background: #fbf1ee; color: #2b2a28; padding: 10px 14px; border-radius: 4px;}
.note *, #note * {color: #2b2a28;}
#score-table img {max-height: 56px; max-width: 96px; margin: 2px 0;}
.numbers table, .numbers table * {font-family: system-ui, Arial, sans-serif; font-variant-numeric: tabular-nums;}
.scrolls {overflow-x: auto; margin: 8px 0;}
.scrolls table {border-collapse: collapse; font-variant-numeric: tabular-nums;}
.scrolls caption {text-align: left; font-weight: 600; padding: 4px 0;}
.scrolls th, .scrolls td {text-align: left; vertical-align: top; padding: 4px 10px; border: 1px solid var(--border-color-primary);}
.scrolls td {white-space: nowrap;}
.scrolls.wraps td {white-space: normal; overflow-wrap: anywhere; min-width: 7em;}
.scrolls pre {white-space: pre-wrap; overflow-wrap: anywhere;}
#board-plots img {display: block; width: 100%; max-width: 860px; height: auto; margin: 8px auto; border-radius: 4px;}
#truth-gallery .grid-container, #score-examples .grid-container {grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)) !important;}
#truth-gallery .caption-label {max-width: 100%; right: 0; bottom: 0; white-space: normal; overflow-wrap: anywhere; line-height: 1.2;}
"""


def page_theme() -> gr.themes.Base:
    """Gradio's plain theme in the house's colours."""
    return gr.themes.Base(
        primary_hue="red",
        neutral_hue="stone",
        font=("system-ui", "Helvetica Neue", "Arial", "sans-serif"),
        font_mono=("ui-monospace", "Consolas", "monospace"),
    )
