"""The metric as it is published: named like its module, with all that it needs, and its card runs as printed."""

from __future__ import annotations

from importlib.metadata import requires, version
from pathlib import Path

import pytest
from huggingface_hub import SpaceCard
from packaging.requirements import Requirement
from written_content import blocks

from ppaint.eval_suite import srcc_plcc
from ppaint.foundation.faults import InputFault
from ppaint.publishing.content import Links, Place
from ppaint.publishing.contents.metric import metric_content
from ppaint.publishing.outside_checks import check_content

FOLDER = Path(srcc_plcc.__file__).parent
LINKS = Links(dataset=Place("org/ppaint-simulated"), board=Place("org/ppaint-leaderboard"))


def wanted(text: str) -> dict[str, set[str]]:
    found = [Requirement(line) for line in text.splitlines()]
    return {one.name: {str(part) for part in one.specifier} for one in found}


def test_the_module_its_siblings_its_page_and_what_they_need_and_never_simulated():
    content = metric_content("org/srcc_plcc", LINKS)
    check_content(content)
    assert content.repo_type == "space" and not content.simulated
    expected = {path.name for path in FOLDER.iterdir() if path.is_file()}
    assert content.files.keys() == expected >= {"srcc_plcc.py", "README.md", "app.py", "requirements.txt"}


def test_requirements_have_the_ranges_of_ppaint_itself_and_the_folders_own_file_says_the_same():
    text = metric_content("org/srcc_plcc", Links()).read("requirements.txt").decode()
    ours = wanted("\n".join(line for line in requires("ppaint") if ";" not in line))
    assert wanted(text) == {name: ours[name] for name in ("numpy", "scipy", "datasets", "evaluate")}
    assert wanted((FOLDER / "requirements.txt").read_text()) == wanted(text)


def test_the_card_has_the_installed_gradio_and_names_its_neighbours():
    card = SpaceCard(metric_content("org/srcc_plcc", LINKS).read("README.md").decode())
    assert card.data.sdk == "gradio" and card.data.sdk_version == version("gradio")
    assert "https://huggingface.co/datasets/org/ppaint-simulated" in card.text and "ORG/" not in card.text


def test_the_block_of_the_card_names_the_repo():  # that it runs as printed is shown in test_metric_page
    (code,) = blocks(metric_content("org/srcc_plcc", LINKS), "python")
    assert 'metric = evaluate.load("org/srcc_plcc")\n' in code and "./" not in code


@pytest.mark.parametrize("name", ["org/ppaint-metric", "org/srcc_plcc-simulated", "srcc", "org/"])
def test_another_name_is_refused(name):
    with pytest.raises(InputFault, match=r"publish it as \w+/srcc_plcc\.$"):
        metric_content(name, Links())
