"""Formulas as MathML, which browsers draw themselves: no script, and no request to another host.

Many machines have no font for formulas (with brackets that grow), so the site brings one along: STIX
Two Math, under the SIL Open Font License, out of the package ziamath. A browser reads it on pages with formulas only.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

logger = logging.getLogger(__name__)
# The converter leaves no space about a function's name: n log v
FUNCTION = re.compile(r"<mi>[a-z]{2,}</mi>")
SPACED = r'<mrow><mspace width="0.17em" />\g<0><mspace width="0.17em" /></mrow>'


def mathml_of(text: str, *, as_block: bool) -> str:
    """A formula in LaTeX as MathML; a ``ValueError`` names a command that the converter does not know."""
    drawn = convert(text, display="block" if as_block else "inline")
    if unknown := re.findall(r"\\\w+", re.sub(r"<[^>]*>", " ", drawn)):
        raise ValueError(f"unknown: {', '.join(unknown)}")
    return FUNCTION.sub(SPACED, drawn)


def formula(writer, node: nodes.Element, *, as_block: bool) -> None:
    """Write one formula; what the converter does not know is a warning, and so ends a build with ``-W``."""
    text = node.astext()
    try:
        drawn = mathml_of(text, as_block=as_block)
    except Exception as error:  # the converter raises many kinds where a formula is malformed
        logger.warning("formula %r: %s", text, error, location=node, type="formula")
        drawn = writer.encode(text)
    if as_block:  # it may be wider than a small screen: then it scrolls, by keyboard too
        drawn = f'<div class="formula" tabindex="0" role="group" aria-label="formula">{drawn}</div>'
    writer.body.append(drawn)
    raise nodes.SkipNode


def in_text(writer, node: nodes.math) -> None:
    """Write a formula within a line."""
    formula(writer, node, as_block=False)


def on_its_own(writer, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    formula(writer, node, as_block=True)


def bring_font(app: Sphinx, config: Config) -> None:
    """Put the font among the site's files."""
    package = Path(find_spec("ziamath").origin).parent
    config.html_static_path.append(str(package / "fonts" / "STIXTwoMath-Regular.ttf"))


def setup(app: Sphinx) -> dict:
    """Tell Sphinx when to call what."""
    app.add_html_math_renderer("mathml", (in_text, None), (on_its_own, None))
    app.connect("config-inited", bring_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
