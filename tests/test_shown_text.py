"""Text of others in Markdown, LaTeX, CSV and plots is shown as it is, and is never a mark, a command or a formula."""

import csv
import io
import re

import pytest

from ppaint.eval_suite.shown_text import columns, csv_text, latex_text, markdown_link, markdown_text, plot_lines

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "[x](javascript:alert(1))",
    "![](https://example.org/pixel.png)",
    "`code` *bold* _it_ ~~no~~ $x$",
    "&lt;b&gt;",
    "two\nlines\r\n# heading",
    "https://example.org www.example.org",
    "\\input{/etc/passwd} 50% #1 ~ ^ {",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "bell\a \u202eright to left",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_text_is_markdown(text):
    shown = markdown_text(text)
    assert not re.search(r"[`*_\[\]<>|$\\\n\r]", shown)
    assert "://" not in shown and "www." not in shown
    assert not re.search(r"&(?!#\d+;)", shown)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_text_is_latex(text):
    bare = re.sub(r"\\(text\w+\{\}|[{}$&#%_]|char34)", "", latex_text(text)).replace("{-}", "")
    assert not re.search(r"[\\$&#%_^~\n]", bare)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_text_is_a_formula_of_a_spreadsheet(text):
    [[cell]] = csv.reader(io.StringIO(f'"{csv_text(text).replace(chr(34), chr(34) * 2)}"'))
    assert cell[0] not in "=+-@\t\r"


@pytest.mark.parametrize("target", ["javascript:alert(1)", "http://example.org", "data:text/html,x", "", "file:///etc"])
def test_only_https_is_a_link(target):
    assert markdown_link("a_b", target) == "a&#95;b"


def test_a_link_ends_where_it_should():
    assert markdown_link("x", 'https://a.org/) "t" <b>|') == "[x](https://a.org/%29%20%22t%22%20%3Cb%3E%7C)"


@pytest.mark.parametrize("text", ["one two three four", "x" * 50, "水墨山水画评分系统 tiny", "a  b", ""])
def test_lines_of_a_plot_are_no_wider_than_asked_and_lose_no_letter(text):
    lines = plot_lines(text, 10)
    assert max(map(columns, lines)) <= 10
    assert "".join(lines).replace(" ", "") == "".join(text.split())
