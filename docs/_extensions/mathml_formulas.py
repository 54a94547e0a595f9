"""Formulas as MathML, which browsers draw themselves: no script, and no request to another host.

The converter is docutils' own. Many machines have no font for formulas (with brackets that grow), so the site brings one along: STIX
Two Math, under the SIL Open Font License, out of the package ziamath. A browser reads it on pages with formulas only.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

logger = logging.getLogger(__name__)


def mathml_of(text: str, *, as_block: bool) -> str:
    """A formula in LaTeX as MathML. docutils takes ``x'`` for an apostrophe, so it is written as LaTeX understands it."""
    return tex2mathml(re.sub("'+", lambda found: "^{" + r"\prime" * len(found[0]) + "}", text), as_block=as_block)


def formula(writer, node: nodes.Element, *, as_block: bool) -> None:
    """Write one formula; what the converter does not know is a warning, and so ends a build with ``-W``."""
    text = node.astext()
    try:
        drawn = mathml_of(text, as_block=as_block)
    except Exception as error:  # MathError where a command is unknown, and others where a formula is malformed
        logger.warning("formula %r: %s", text, error, location=node, type="formula")
        drawn = writer.encode(text)
    if as_block:  # it may be wider than a small screen: then it scrolls, by keyboard too
        drawn = f'<div class="formula" tabindex="0" role="group" aria-label="formula">{drawn}</div>'
    writer.body.append(drawn)
    raise nodes.SkipNode


def in_text(writer, node: nodes.math) -> None:
    formula(writer, node, as_block=False)


def on_its_own(writer, node: nodes.math_block) -> None:
    formula(writer, node, as_block=True)


def bring_font(app: Sphinx, config: Config) -> None:
    package = Path(find_spec("ziamath").origin).parent
    config.html_static_path.append(str(package / "fonts" / "STIXTwoMath-Regular.ttf"))


def setup(app: Sphinx) -> dict:
    app.add_html_math_renderer("mathml", (in_text, None), (on_its_own, None))
    app.connect("config-inited", bring_font)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
