"""How the page looks: the system's own fonts (nothing is fetched from elsewhere), colours that hold in light and dark."""

from __future__ import annotations

import gradio as gr

CSS = """
.gradio-container {width: 100% !important; min-width: 0 !important; max-width: 1080px !important; margin: 0 auto !important;}
.gradio-container main, .gradio-container .wrap, .gradio-container .contain {min-width: 0 !important; max-width: 100% !important;}
.note, #note {border-left: 4px solid #b3261e; background: #fbf1ee; color: #2b2a28; padding: 10px 14px; border-radius: 4px;}
.note *, #note * {color: #2b2a28;}
.numbers table, .numbers table * {font-family: system-ui, Arial, sans-serif; font-variant-numeric: tabular-nums;}
"""


def page_theme() -> gr.themes.Base:
    """Gradio's plain theme in the house's colours."""
    return gr.themes.Base(
        primary_hue="red",
        neutral_hue="stone",
        font=("system-ui", "Helvetica Neue", "Arial", "sans-serif"),
        font_mono=("ui-monospace", "Consolas", "monospace"),
    )
