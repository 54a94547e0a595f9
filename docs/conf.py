"""The documentation as a site: ``sphinx-build -W docs docs/_build/html``, then open ``docs/_build/html/index.html``."""

import sys
from pathlib import Path

from pygments.lexers.special import TextLexer

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "ppaint"
author = "the authors of ppaint"
copyright = "the authors of ppaint, Apache-2.0"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    # of our own, in _extensions/
    "alive_links",
    "contents_from_start_page",
    "mathml_formulas",
    "repository_links",
    "room_pages",
]
exclude_patterns = ["_build", "examples"]

html_theme = "furo"
html_title = "ppaint"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_search_summary = False  # a summary is fetched, which browsers refuse on a file:// page
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4  # as on a code host
myst_url_schemes = {"http": None, "https": None, "mailto": None, "repository": None}

autodoc_typehints = "none"  # types stand in the docstrings
autosummary_generate = False  # room_pages writes the pages
numpydoc_show_class_members = False  # autodoc shows them
smartquotes = False  # types and options stay as they are typed


def setup(app):
    """Show blocks of CSV as plain text."""
    app.add_lexer("csv", TextLexer)
