"""The tab that says what is simulated, what the paper reports, what answers here, what happens to an upload, and how to use it all elsewhere."""

from __future__ import annotations

import shlex
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from .html_table import html_table
from .limits import limits_text
from .part import Part, State
from .part_status import show_live, status_html
from .score_tab import SIMULATED_NOTE
from .space_file import NamedRepo
from .truth_tab import SIMULATED_RELEASE

if TYPE_CHECKING:
    from ..dataset_script.release import ReleaseTables
    from .model_calls import HeldModel
    from .served import Served

_WHAT = (
    "**PPaint** is a dataset of Chinese paintings that the same experts judged twice: by preferences between two paintings, and by ratings. "
    "**PSDistill** lets a vision-language model compare images, turns its answers into scores, and trains the same model on them, without labels, into a "
    "scorer that needs one pass for an image. Both are of [arXiv 2605.19776](https://arxiv.org/abs/2605.19776). **ppaint** is an independent implementation; "
    "the paper's authors did not write it, and their data and weights are not in it."
)
_UPLOADS = (
    "An image that you upload is scored, and that is all that this page does with it. It lies in a temporary folder "
    "of this page's server that no other user of that machine may read, is **deleted within the hour**, and goes with the folder when the server ends. Neither the image nor its scores "
    "are stored. The two files of a submission that is checked are treated in the same way; to hand it in is another step, `ppaint submit`, under your own account."
)
_CITE = """@misc{{ppaint_paper,
  title  = {{Preferences Order, Ratings Anchor: From Fused Expert Aesthetic Ground Truth to Self-Distillation}},
  note   = {{arXiv:2605.19776; take the authors' names from there}},
  year   = {{2026}},
  url    = {{https://arxiv.org/abs/2605.19776}}
}}

@software{{ppaint,
  title   = {{ppaint: PPaint and PSDistill, Hugging Face-native}},
  author  = {{{{The ppaint maintainers}}}},
  year    = {{2026}}{version}
}}"""
_NO_WORDS = "Nothing that is loaded here says that it was simulated."


def build_about_tab(served: Served) -> None:
    """Lay out the tab within an open ``gr.Blocks``.

    Parameters
    ----------
    served : Served
        All that the page serves.
    """
    parts = [served.model, served.dataset, served.judge, served.board]
    gr.Markdown(f"## About\n{_WHAT}")
    gr.Markdown("### What answers here")
    show_live(lambda: served_html(served), parts, id="about-served")
    gr.Markdown("### What is simulated, and what was induced")
    show_live(lambda: simulated_html(served), parts, id="about-simulated")
    gr.Markdown("### What the paper reports")
    gr.HTML(paper_html(), elem_id="about-paper", container=False)
    gr.Markdown("### What happens to an uploaded image")
    gr.Markdown(f"{_UPLOADS}\n\n" + "\n".join(f"- {line}" for line in limits_text()), elem_id="about-uploads")
    gr.Markdown("### Use it elsewhere, and cite it")
    show_live(lambda: use_html(served), parts, id="about-use")


def served_html(served: Served) -> str:
    """Which scorer, release, judge and board answer, each at its commit; or how far they are, or what is wrong with them.

    Parameters
    ----------
    served : Served

    Returns
    -------
    str
        HTML; names and faults in it are text.
    """
    rows, others = [], []
    for part in (served.model, served.dataset, served.judge, served.board):
        if part.state is State.READY:
            where = "a folder of the server" if Path(part.named.repo).is_dir() else "the Hub"
            rows.append([part.what, part.named.repo, part.commit or "no commit: the folder as it is", where])
        elif part.state is State.NOT_NAMED:
            rows.append([part.what, "none", "", part.needed])
        else:
            others.append(part)
    headers = ["part", "repo or folder", "commit", "where it lies"]
    table = html_table("Scorer, release, judge and board", headers, rows, wraps=True) if rows else ""
    return table + status_html(others)


def simulated_html(served: Served) -> str:
    """What is simulated of that which is served, and what was induced in it.

    Parameters
    ----------
    served : Served

    Returns
    -------
    str
        HTML.
    """
    lines, scorer, release, board = [], served.model.look(), served.dataset.look(), served.board.look()
    if release is not None and release.simulated:
        lines.append(f"<p>{escape(release.name)}: {SIMULATED_RELEASE}</p>")
    if scorer is not None and scorer.model.config.simulated:
        lines.append(f"<p>{SIMULATED_NOTE}</p>")
    if board is not None and board.board.facts.simulated:
        lines.append("<p>The leaderboard's figures are of a simulated release: they rank no one on real paintings.</p>")
    if not lines:
        parts = (served.model, served.dataset, served.board)
        return "" if any(part.state is State.WAITED_FOR for part in parts) else f"<p>{_NO_WORDS}</p>"
    return f'<div class="note">{"".join(lines)}</div>'


def paper_html() -> str:
    """What is reported of the paper, each figure with its source, and what the paper does not tell.

    Returns
    -------
    str
        HTML.
    """
    from ..eval_suite.reported_figures import PAPER, REPORTED, UNKNOWN

    rows = [
        [one.what, f"{one.value:,}" if isinstance(one.value, int) else str(one.value), one.mark] for one in REPORTED
    ]
    unknown = "".join(f"<li>{escape(line)}</li>" for line in UNKNOWN)
    return (
        f"<p><strong>We measured none of these figures.</strong> [paper]: stands in the abstract of {PAPER}; [reported]: reported by third parties who read it.</p>"
        + html_table(f"Reported of {PAPER}", ["what", "reported", "source"], rows, wraps=True)
        + f"<p>Not known to us, so that equal names may stand for unequal figures:</p><ul>{unknown}</ul>"
    )


def use_html(served: Served) -> str:
    """How to load, score, ask and serve what is served here, and how to cite it.

    Parameters
    ----------
    served : Served

    Returns
    -------
    str
        HTML; the names of repos in it are text.
    """
    blocks = []
    if served.dataset.state is State.READY:
        blocks.append(("Load the data", _load_release(served.dataset)))
    if served.model.state is State.READY:
        blocks.append(("Score images in Python", _load_scorer(served.model)))
    options = [
        f"{option} {_shell(part)}"
        for option, part in (
            ("--model", served.model),
            ("--dataset", served.dataset),
            ("--judge", served.judge),
            ("--board", served.board),
        )
        if part.named is not None
    ]
    blocks.append(("Run this page yourself", f"ppaint demo {' '.join(options)}"))
    blocks.append(
        (
            "Ask this page from a program (“Use via API” at the foot of the page has every function)",
            'from gradio_client import Client, handle_file\n\npage = Client("THIS PAGE\'S ADDRESS")\n'
            'print(page.predict(files=[handle_file("scroll.png")], api_name="/score"))',
        )
    )
    blocks.append(("Cite", _CITE.format(version=_version_line())))
    return "".join(
        f'<p>{escape(title)}</p><div class="scrolls" role="region" tabindex="0" aria-label="{escape(title)}"><pre><code>{escape(code)}</code></pre></div>'
        for title, code in blocks
    )


def _load_release(part: Part[ReleaseTables]) -> str:
    first, *others = sorted(part.look()["configs"], key=lambda config: config != part.look()["default_config"])
    also = f"  # also {', '.join(map(repr, others))}" if others else ""
    return f'from datasets import load_dataset\n\ndata = load_dataset({_named(part)}, name="{first}"){also}'


def _load_scorer(part: Part[HeldModel]) -> str:
    return (
        "from ppaint.model_card import AestheticScorer\n\n"
        f'scorer = AestheticScorer.from_pretrained({_named(part)})\nprint(scorer.score(["scroll.png"]).rows())'
    )


def _named(part: Part) -> str:
    """A part as arguments of a function that loads it, at its commit."""
    return repr(part.named.repo) + ("" if part.commit is None else f', revision="{part.commit}"')


def _shell(part: Part) -> str:
    """A part as an option of the command takes it."""
    return shlex.quote(str(NamedRepo(part.named.repo, part.commit or part.named.revision)))


def _version_line() -> str:
    """Of the package; a Space has its files alone, which say no version."""
    try:
        return f",\n  version = {{{version('ppaint')}}}"
    except PackageNotFoundError:
        return ""
