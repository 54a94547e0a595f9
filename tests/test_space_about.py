"""The About tab: what answers, what is simulated, what the paper reports and we did not measure, what becomes of an upload, how to use and cite it."""

import asyncio
import re
import shlex
from html import unescape
from types import SimpleNamespace

import gradio as gr
import pytest
import yaml
from test_imports import ROOT
from typer.testing import CliRunner

from ppaint.cli.main import app as command
from ppaint.eval_suite.reported_figures import REPORTED, UNKNOWN
from ppaint.spaces_demo import Served
from ppaint.spaces_demo.about_tab import build_about_tab, paper_html, served_html, simulated_html, use_html
from ppaint.spaces_demo.space_file import NamedRepo

COMMIT = "c" * 40
ORG = {"model": "org/scorer", "dataset": "org/data", "judge": "org/<judge>", "board": "org/board"}


def served_by(named, *, simulated=False):
    """A page's parts, there but for the judge: repos on a Hub, of which this tab asks no more than these facts."""
    served = Served({part: NamedRepo(name) for part, name in named.items()})
    things = {
        "model": SimpleNamespace(model=SimpleNamespace(config=SimpleNamespace(simulated=simulated))),
        "dataset": Release(simulated),
        "board": SimpleNamespace(board=SimpleNamespace(facts=SimpleNamespace(simulated=simulated))),
    }
    for part in things.keys() & named.keys():
        getattr(served, part).commit = COMMIT
        getattr(served, part).load(lambda part=part: things[part])
    return served


class Release(dict):
    """What this tab reads of a release."""

    def __init__(self, simulated):
        super().__init__(configs={"ratings": {}, "fused": {}}, default_config="fused")
        self.simulated, self.name = simulated, "<b>data</b>"


def code_of(html):
    """The blocks of code, by what stands above them."""
    return {
        unescape(title): unescape(code)
        for title, code in re.findall(r"<p>([^<]*)</p><div [^>]*><pre><code>(.*?)</code>", html, re.S)
    }


def test_it_says_which_repos_answer_at_which_commits_and_what_is_not_there():
    served = served_by({part: ORG[part] for part in ("model", "dataset", "judge")})
    html = served_html(served)
    assert "org/scorer" in html and html.count(COMMIT) == 2 and "Loading the judge org/&lt;judge&gt; …" in html
    assert "start it with --board (PPAINT_BOARD)" in html


def test_what_is_simulated_is_said_of_each_part_and_nothing_before_it_is_known():
    html = simulated_html(served_by(ORG, simulated=True))
    for said in ("&lt;b&gt;data&lt;/b&gt;", "its bias was induced", "leaderboard's figures are of a simulated release"):
        assert said in html
    assert simulated_html(Served({"model": NamedRepo("org/scorer")})) == ""
    real = simulated_html(served_by(ORG))
    assert "Nothing that is loaded here says that it was simulated" in real and "note" not in real


def test_each_figure_of_the_paper_stands_with_its_source_and_none_as_measured():
    html = unescape(paper_html())
    for one in REPORTED:
        value = f"{one.value:,}" if isinstance(one.value, int) else str(one.value)
        assert f"<td>{one.what}</td><td>{value}</td><td>{one.mark}</td>" in html
    assert "We measured none of these figures" in html and all(line in html for line in UNKNOWN)


def test_the_snippets_name_what_answers_at_its_commit():
    code = code_of(use_html(served_by(ORG)))
    assert f"load_dataset('org/data', revision=\"{COMMIT}\", name=\"fused\")  # also 'ratings'" in code["Load the data"]
    assert f"from_pretrained('org/scorer', revision=\"{COMMIT}\")" in code["Score images in Python"]
    compiled = [compile(code[title], title, "exec") for title in ("Load the data", "Score images in Python")]
    assert len(compiled) == 2
    options = shlex.split(code["Run this page yourself"])
    assert options[:4] == ["ppaint", "demo", "--model", f"org/scorer@{COMMIT}"] and "org/<judge>" in options
    told = CliRunner().invoke(command, ["demo", "--help"]).output
    assert all(option in told for option in options if option.startswith("--"))


def test_it_is_cited_as_the_citation_file_says():
    cited = code_of(use_html(served_by({"model": "org/scorer"})))["Cite"]
    told = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    for text in (told["title"], told["authors"][0]["name"], told["version"], told["references"][0]["title"]):
        assert text in cited
    assert "arXiv:2605.19776" in cited and cited.count("{") == cited.count("}")


@pytest.mark.parametrize("named", [ORG, {"board": "org/board"}])
def test_the_tab_stands_before_anything_is_loaded(named):
    async def build():
        with gr.Blocks() as page:
            build_about_tab(Served({part: NamedRepo(name) for part, name in named.items()}))
        return {block.elem_id: block for block in page.blocks.values() if getattr(block, "elem_id", None)}

    found = asyncio.run(build())
    assert {f"about-{name}" for name in ("served", "simulated", "paper", "uploads", "use")} <= found.keys()
    assert "deleted within the hour" in found["about-uploads"].value
    assert "At most 50 files" in found["about-uploads"].value
