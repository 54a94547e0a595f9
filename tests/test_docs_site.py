"""The docs as a site: what its build refuses, where its links lead, and the built site in a browser.

The whole site is built by ``.ci/run``, without a warning; ``PPAINT_SITE`` says where it then lies.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the docs extra is not installed")

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SITE = os.environ.get("PPAINT_SITE")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module", autouse=True)
def extensions():
    """The site's own extensions, as docs/conf.py finds them."""
    sys.path.insert(0, str(DOCS / "_extensions"))
    yield
    sys.path.remove(str(DOCS / "_extensions"))


# --- what the build refuses

SOUND = """<html><head><link rel="stylesheet" href="own.css"><style>a { background: url(own.png) }</style></head>
<body><h1 id="top">A</h1><a href="#top">up</a> <a href="#">up</a> <a href="other.html#ĳ%20b">other</a>
<a href="https://example.org/x">outside</a> <img src="data:image/png;base64,AAAA"></body></html>"""
PLANTED = {
    '<a href="gone.html">x</a>': "page.html: gone.html leads nowhere",
    '<a href="other.html#gone">x</a>': "page.html: other.html#gone names a place that other.html does not have",
    '<a href="#gone">x</a>': "page.html: #gone names a place that page.html does not have",
    '<img src="gone.png">': "page.html: gone.png leads nowhere",
    '<img src="https://example.org/a.png">': "page.html: asks for https://example.org/a.png",
    '<script src="//example.org/a.js"></script>': "page.html: asks for //example.org/a.js",
    '<link rel="preconnect" href="https://example.org">': "page.html: asks for https://example.org",
    "<style>@import 'https://example.org/a.css';</style>": "page.html: asks for https://example.org/a.css",
}


@pytest.fixture
def site(tmp_path):
    (tmp_path / "page.html").write_text(SOUND, encoding="utf-8")
    (tmp_path / "other.html").write_text('<p id="ĳ b">B</p>', encoding="utf-8")
    (tmp_path / "own.css").write_text("p { color: red }", encoding="utf-8")
    return tmp_path


def test_a_sound_site_has_no_fault(site):
    from alive_links import faults_of

    assert faults_of(site) == []


@pytest.mark.parametrize("wrong", PLANTED)
def test_a_dead_link_or_a_request_to_another_host_is_a_fault(site, wrong):
    from alive_links import faults_of

    (site / "page.html").write_text(SOUND.replace("</body>", f"{wrong}</body>"), encoding="utf-8")
    assert faults_of(site) == [PLANTED[wrong]]


def test_styles_and_scripts_are_looked_through_too(site):
    from alive_links import faults_of

    (site / "own.css").write_text("@font-face { src: url('https://example.org/f.woff') }", encoding="utf-8")
    (site / "own.js").write_text('// see https://example.org\nfetch("https://example.org/a.json")', encoding="utf-8")
    assert faults_of(site) == [
        "own.css: asks for https://example.org/f.woff",
        "own.js: asks for https://example.org/a.json",
    ]


# --- pages, links and formulas


def test_the_start_page_lists_every_page_once():
    from contents_from_start_page import lists_of

    lists = lists_of((DOCS / "index.md").read_text(encoding="utf-8"))
    listed = re.findall(r"^([\w-]+)$", lists, re.MULTILINE)
    assert sorted(listed) == sorted(path.stem for path in DOCS.glob("*.md") if path.stem != "index")


def test_every_public_name_has_one_page_and_every_docstring_one_place(tmp_path):
    import importlib

    from room_pages import described, files_table, modules_of, names_tables, remove_others

    homes: dict[int, str] = {}
    rooms = (
        "ppaint.foundation",
        "ppaint.images",
        "ppaint.dataset_script",
        "ppaint.eval_suite",
    )  # load no model's library
    tables = {room: names_tables(room, homes, tmp_path) for room in rooms}
    for room in rooms:
        files = files_table(room, homes, tmp_path)
        for name in getattr(importlib.import_module(room), "__all__", []):
            assert re.search(rf"\b{name}\b", tables[room]), name
        for module in modules_of(room):
            assert f"{module.removeprefix(f'{room}.')}" in files
            for name, _ in described(module):
                home = homes.get(id(getattr(importlib.import_module(module), name)))
                kind, page = ("files", module) if home is None else ("names", home)
                text = (tmp_path / kind / f"{page}.rst").read_text(encoding="utf-8")
                assert re.search(rf"(:: |``){name if home is None else home.split('.')[-1]}\b", text), name
    pages = {path.stem for path in (tmp_path / "names").iterdir()}
    assert "ppaint.images.InputFault" in pages and "ppaint.eval_suite.EvaluationInputError" not in pages
    left = tmp_path / "files" / "ppaint.images.a_file_that_was_moved.rst"
    left.write_text("an earlier build wrote it")
    remove_others(tmp_path)
    assert not left.exists() and pages == {path.stem for path in (tmp_path / "names").iterdir()}


def test_every_command_has_its_help():
    from room_pages import help_texts
    from typer.main import get_command

    from ppaint.cli.main import app

    text = help_texts()
    for name in get_command(app).commands:
        assert f"Usage: ppaint {name} " in text
    assert "Usage: ppaint leaderboard accept " in text and "\x1b" not in text


def test_a_formula_becomes_mathml_and_an_unknown_command_is_named():
    from mathml_formulas import mathml_of

    drawn = html.unescape(mathml_of(r"\frac{1}{p_i' C \bar x_i}", as_block=True))
    assert drawn.startswith("<math") and 'display="block"' in drawn and "<mfrac>" in drawn
    assert "<mi>′</mi>" in drawn and re.search(r"<msub><mover>.*</mover><mi>i</mi></msub>", drawn)
    assert 'display="inline"' in mathml_of("x", as_block=False)
    with pytest.raises(ValueError, match=r"unknown: \\foo$"):
        mathml_of(r"\log \foo x", as_block=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Builds two real pages, without the API reference; gives the text of the first."""
    from sphinx.application import Sphinx

    def build(**settings: str) -> tuple[str, str]:
        out = tmp_path_factory.mktemp("site")
        chosen = {"include_patterns": ["pair-design.md"], "root_doc": "pair-design", "html_theme": "basic"}
        chosen["extensions"] = ["myst_parser", "mathml_formulas", "repository_links"]
        chosen["suppress_warnings"] = ["myst.xref_missing"]  # the other pages are not built here
        app = Sphinx(DOCS, DOCS, out, out / "doctrees", "html", confoverrides=chosen | settings, status=None)
        app.build()
        return (out / "pair-design.html").read_text(encoding="utf-8"), out

    return build


def test_a_link_out_of_docs_goes_to_the_checkout_or_to_the_address_that_is_given(built):
    text, out = built()
    (link,) = re.findall(r'href="([^"]*pair_designs\.json)"', text)
    assert (out / link).resolve() == ROOT / "benchmarks" / "results" / "pair_designs.json"
    assert text.count("<math") > 10 and "MathJax" not in text
    text, _ = built(repository_address="https://example.org/ORG/NAME/blob/main/")
    assert 'href="https://example.org/ORG/NAME/blob/main/benchmarks/results/pair_designs.json"' in text


# --- the whole site


@pytest.mark.skipif(SITE is None, reason="PPAINT_SITE names no built site (.ci/run builds it)")
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)")
def test_in_a_browser_the_site_asks_nobody_fits_a_small_screen_and_its_search_answers():
    from playwright.sync_api import sync_playwright

    pages = [
        "index",
        "api",
        "genindex",
        "pair-design",
        "submit-and-compare",
        "reference/names/ppaint.preference_to_score.bradley_terry",
    ]
    said, asked = [], []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 900})
            for name in pages:
                page.goto(f"{Path(SITE).resolve().as_uri()}/{name}.html")
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
        page.goto(f"{Path(SITE).resolve().as_uri()}/search.html?q=bradley_terry")
        page.locator("#search-results li").first.wait_for()
        found = page.locator("#search-results").inner_text()
        browser.close()
    assert "ppaint.preference_to_score.bradley_terry" in found and said == []
    assert asked and all(address.startswith(("file:", "data:")) for address in asked)
