"""The golden figures are what they were: nothing missing, nothing more, nothing moved."""

import json
import math

import pytest
from golden_figures import FILE, SECTIONS, TRAINED

# TRL 1.16 and peft 0.21 ask transformers 5 for activation checkpointing under names that it is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing.*` is deprecated:FutureWarning")
GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))


def flat(value, place=""):
    """Place -> value, for every value that holds no others."""
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for name, one in pairs for k, v in flat(one, f"{place}/{name}").items()}
    return {place: value}


def is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def differing(found, golden, tolerance):
    """Places whose values differ; numbers may by the tolerance, relative to them, or by a tenth of it."""
    return {
        place: (found[place], value)
        for place, value in golden.items()
        if not (
            math.isclose(found[place], value, rel_tol=tolerance, abs_tol=tolerance / 10)
            if is_number(value) and is_number(found[place])
            else found[place] == value
        )
    }


def test_the_file_holds_every_section_and_says_with_what_it_was_made():
    assert GOLDEN.keys() == {"made_with", *SECTIONS}
    assert {"commit", "torch", "numpy"} <= GOLDEN["made_with"].keys()
    assert FILE.stat().st_size < 150_000


@pytest.mark.parametrize("section", SECTIONS)
def test_figures_are_what_they_were(section, tmp_path):
    found, golden = flat(json.loads(json.dumps(SECTIONS[section](tmp_path)))), flat(GOLDEN[section])
    assert sorted(found) == sorted(golden)
    assert not differing(found, golden, 1e-4 if section in TRAINED else 1e-9)


def test_a_moved_figure_is_noticed():
    golden = {"/loss": 0.5, "/small": 0.0, "/elo": 1500.0, "/name": "overall", "/none": None}
    assert not differing(golden, golden, 1e-9)
    for place, value in (
        ("/loss", 0.5 + 1e-8),
        ("/elo", 1500.00001),
        ("/small", 2e-10),
        ("/name", "line"),
        ("/none", 0.0),
    ):
        assert differing(golden | {place: value}, golden, 1e-9).keys() == {place}
