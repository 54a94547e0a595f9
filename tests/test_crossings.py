"""Judgments that are missing in ways that labs' exports have them go through, from CSV to dataset, card and agreement."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from ppaint.cli.main import app
from ppaint.dataset_script import build_dataset, read_release

EXPERTS = [f"figure_expert_{number}" for number in range(3)]


@pytest.fixture
def facet(export):
    """The small export with one category and one dimension."""
    export.write_config(categories=["figure"], dimensions=["overall"])
    for file in ("paintings.csv", "experts.csv", "ratings.csv", "pairs.csv"):
        header, *rows = export.read(file)
        kept = [row for row in rows if any("figure" in cell for cell in row) and "brushwork" not in row]
        export.write(file, [header, *kept])
    return export


def leave_out(export, file, rule):
    """Remove the rows of which `rule` is true, given as a dict."""
    header, *rows = export.read(file)
    export.write(file, [header, *(row for row in rows if not rule(dict(zip(header, row, strict=True))))])


def through(export):
    """Build the dataset and measure agreement; gives the fused table, the card's text, and the figures of agreement."""
    home = export.folder.parent
    build_dataset(export.folder, home / "ppaint")
    result = CliRunner().invoke(
        app, ["agreement", str(export.folder), "--out", str(home / "agreement"), "--processes", "1"]
    )
    assert result.exit_code == 0, result.output
    assert "nan" not in result.output
    body = (home / "ppaint" / "README.md").read_text(encoding="utf-8")
    assert " nan" not in body
    figures = json.loads((home / "agreement" / "agreement.json").read_text(encoding="utf-8"))
    return read_release(home / "ppaint").fused.set_index("painting_id"), body, figures


def test_abstentions(facet):
    """One expert passes over every pair of one painting; one painting nobody judges."""
    facet.add("paintings.csv", "figure_9", "figure", "", "Judged by nobody")
    leave_out(facet, "pairs.csv", lambda row: row["expert_id"] == EXPERTS[0] and "figure_2" in row.values())
    fused, body, figures = through(facet)
    assert fused["overall"].isna().to_dict() == {name: name == "figure_9" for name in fused.index}
    assert (fused.drop("figure_9")["overall_se"] > 0).all() and np.isnan(fused.at["figure_9", "overall_se"])
    assert "figure / overall: not judged, so without a score: figure_9" in body
    assert "experts gave unequal numbers of comparisons (repeats not counted): 10 to 15" in body
    (record,) = figures["facets"]
    assert (record["comparisons_least"], record["comparisons_most"]) == (10, 15)
    assert record["w_preferences"] is None and record["kendalls_u"] > 0  # W needs the order of all, u does not
    assert any("Kendall's W of preferences" in note for note in figures["notes"])
    assert "Kendall's W of preferences" in body


def test_incomplete_ratings(facet):
    """One expert stops rating half way; one painting has no rating and is placed by its comparisons."""
    late = {f"figure_{number}" for number in (3, 4, 5)}
    leave_out(facet, "ratings.csv", lambda row: row["expert_id"] == EXPERTS[1] and row["painting_id"] in late)
    leave_out(facet, "ratings.csv", lambda row: row["painting_id"] == "figure_5")
    fused, body, figures = through(facet)
    assert fused[["overall", "overall_se", "overall_se_panel", "overall_a_se", "overall_b_se"]].notna().all(axis=None)
    assert "not rated, so that preferences alone place it on the scale: figure_5" in body
    assert "experts gave unequal numbers of ratings (repeats not counted): 3 to 5" in body
    (record,) = figures["facets"]
    assert (record["ratings_least"], record["ratings_most"]) == (3, 5) and record["icc_mean"] is not None


def test_experts_of_one_protocol(facet):
    """One expert only rates, one only compares."""
    leave_out(facet, "pairs.csv", lambda row: row["expert_id"] == EXPERTS[0])
    leave_out(facet, "ratings.csv", lambda row: row["expert_id"] == EXPERTS[1])
    fused, body, figures = through(facet)
    assert fused[["overall", "overall_se", "overall_se_panel"]].notna().all(axis=None)
    assert f"experts who judged under one protocol only: {EXPERTS[0]}, {EXPERTS[1]}" in body
    (record,) = figures["facets"]
    assert (record["experts_ratings"], record["experts_preferences"]) == (2, 2)
    given = {row["expert_id"]: (row["ratings"], row["comparisons"]) for row in figures["judgments"]}
    assert given == {EXPERTS[0]: (6, 0), EXPERTS[1]: (0, 15), EXPERTS[2]: (6, 15)}
