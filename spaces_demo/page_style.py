"""How the page looks: the system's own fonts (nothing is fetched from elsewhere), colours that hold in light and dark."""

from __future__ import annotations

import gradio as gr

CSS = """
.gradio-container {width: 100% !important; min-width: 0 !important; max-width: 1080px !important; margin: 0 auto !important;}
.gradio-container main, .gradio-container .wrap, .gradio-container .contain {min-width: 0 !important; max-width: 100% !important;}
.note, #note {border-left: 4px solid #b3261e; background: #fbf1ee; color: #2b2a28; padding: 10px 14px; border-radius: 4px;}
.note *, #note * {color: inherit !important;}
.dark .note, .dark #note {border-left-color: #f2867b; background: #3b231f; color: #f6e9e4;}
.gradio-container .html-container {padding: 0 !important;}
.gradio-container nav a:not(.active) {color: var(--body-text-color);}
.gradio-container .file-preview button {color: var(--body-text-color);}
.dark .file-preview a {color: var(--link-text-color);}
.gradio-container footer .divider {display: none;}
.gradio-container footer > * {color: var(--body-text-color);}
.gradio-container :focus-visible {outline: 3px solid #c2410c !important; outline-offset: 2px;}
.dark :focus-visible {outline-color: #fdba74 !important;}
#score-table img {max-height: 56px; max-width: 96px; margin: 2px 0;}
.numbers, .numbers .cell-wrap, .numbers .cell-wrap * {font-family: system-ui, Arial, sans-serif !important; font-variant-numeric: tabular-nums;}
#score-bars, #score-placement {overflow-x: auto !important;}
#score-bars *, #score-placement * {justify-content: flex-start !important;}
#score-bars img, #score-placement img {width: 100%; height: auto; min-width: 560px; max-width: none;}
.scrolls {overflow-x: auto; margin: 8px 0;}
.scrolls table {border-collapse: collapse; font-variant-numeric: tabular-nums;}
.scrolls caption {text-align: left; font-weight: 600; padding: 4px 0;}
.scrolls caption span {display: inline-block; position: sticky; left: 0; max-width: min(100%, 80vw);}
.scrolls th, .scrolls td {text-align: left; vertical-align: top; padding: 4px 10px; border: 1px solid var(--border-color-primary);}
.scrolls th, .scrolls td {white-space: nowrap;}
.scrolls.wraps td {white-space: normal; overflow-wrap: break-word; min-width: 9em; max-width: 36em;}
.scrolls pre {white-space: pre-wrap; overflow-wrap: anywhere;}
#board-plots .picture {overflow-x: auto; margin: 8px 0;}
#board-plots img {display: block; width: 100%; min-width: 620px; max-width: 860px; height: auto; margin: 0 auto; border-radius: 4px;}
#score-examples .grid-wrap {max-height: none; overflow: visible;}
#truth-gallery .grid-wrap, #score-examples .grid-wrap {padding-top: 34px;}
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
    ).set(  # what Gradio shows faint has less contrast than a text needs (4.5)
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_300",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_hover_dark="*primary_800",
        link_text_color="*secondary_700",
        link_text_color_dark="*secondary_300",
    )
