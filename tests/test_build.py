"""The built dataset loads as promised, without the export, holds what was judged, and comes out the same twice."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import SmallExport
from datasets import load_dataset
from PIL import Image
from small_release import build_small_release

from ppaint.dataset_script import BuildReport, build_dataset, read_raw_export, read_release
from ppaint.dataset_script.agreement_report import agreement_report
from ppaint.dataset_script.build import with_ratings_reversed
from ppaint.dataset_script.scale_direction import scale_warnings
from ppaint.dataset_script.schema import FUSED_SUFFIXES, SCORE_SUFFIXES
from ppaint.foundation.file_hash import file_sha256
from ppaint.images import InputFault, open_image
from ppaint.preference_to_score import Comparisons, bradley_terry


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def card(folder: Path) -> tuple[dict, str]:
    _, head, body = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), body


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuildReport, dict[str, bytes]]:
    """A small release: built, and its export deleted. One painting has no image, one is CMYK, one is a JPEG."""
    home = tmp_path_factory.mktemp("release")
    export = SmallExport(home / "raw")
    images = export.folder / "images"
    with Image.open(images / "figure_1.png") as picture:
        picture.save(images / "figure_1.jpg")
        picture.convert("CMYK").save(images / "cmyk.jpg")
    export.set("paintings.csv", 9, "file", "images/figure_1.jpg")
    export.set("paintings.csv", 8, "file", "images/cmyk.jpg")
    export.set("paintings.csv", 2, "file", "")
    files = content(export.folder)
    report = build_dataset(export.folder, home / "ppaint", processes=1)
    shutil.rmtree(export.folder)
    return home, report, files


@pytest.fixture
def beside(built, monkeypatch):
    """The working directory is the one that holds ./ppaint."""
    monkeypatch.chdir(built[0])


def test_default_config_is_fused_with_one_split_a_category(beside):
    fused = load_dataset("ppaint")
    assert {split: len(rows) for split, rows in fused.items()} == {"landscape": 6, "figure": 6}
    columns = ["painting_id", "category", "image"]
    columns += [dimension + suffix for dimension in ("brushwork", "overall") for suffix in FUSED_SUFFIXES]
    assert fused["landscape"].column_names == columns
    row = fused["figure"][0]
    assert isinstance(row["image"], Image.Image) and row["image"].mode == "RGB"
    assert row["overall"] == pytest.approx((row["overall_a"] + row["overall_b"]) / 2)
    assert all(row[f"overall{suffix}"] > 0 for suffix in FUSED_SUFFIXES)


@pytest.mark.parametrize(("config", "rows"), [("paintings", 12), ("fused", 12), ("ratings", 72), ("pairs", 180)])
@pytest.mark.parametrize("streaming", [False, True])
def test_every_config_loads_and_streams(beside, config, rows, streaming):
    loaded = load_dataset("ppaint", config, streaming=streaming)
    assert list(loaded) == ["landscape", "figure"] and sum(1 for split in loaded.values() for _ in split) == rows


def test_judgments_are_those_of_the_export(beside, built):
    for config in ("ratings", "pairs"):
        loaded = load_dataset("ppaint", config, split="landscape+figure").to_list()
        header, *rows = (line.split(",") for line in built[2][f"{config}.csv"].decode().splitlines())
        told = [dict(zip(header, row, strict=True)) for row in rows]
        assert [{key: str(row[key]) for key in header} for row in loaded] == told


def test_images_are_kept_byte_for_byte_or_written_anew_and_said(beside, built):
    paintings = load_dataset("ppaint", "paintings", split="landscape+figure").with_format(None)
    rows = paintings.cast_column("image", paintings.features["image"].__class__(decode=False)).to_list()
    by_id = {row["painting_id"]: row for row in rows}
    assert by_id["landscape_0"]["image"] is None and by_id["landscape_0"]["width"] is None
    jpeg = by_id["figure_1"]
    assert jpeg["image"] == {"bytes": built[2]["images/figure_1.jpg"], "path": "figure_1.jpg"} and jpeg["notes"] is None
    cmyk = by_id["figure_0"]
    assert cmyk["image"]["path"] == "cmyk.png" and "CMYK converted to RGB" in cmyk["notes"]
    for row in rows[1:]:
        with Image.open(io.BytesIO(row["image"]["bytes"])) as stored:
            assert open_image(stored).sha256 == row["sha256"]


def test_card_says_what_is_in_the_dataset(built):
    home, report, _ = built
    head, body = card(home / "ppaint")
    assert head["license"] == "cc-by-4.0" and "simulated" not in head["tags"] and "SIMULATED" not in body
    assert "11 of 12 paintings have an image; 1 have none" in body and "CMYK converted to RGB (1)" in body
    assert "ORG/ppaint" in body and "[paper]" in body and "[ours]" in body and "[reported]" in body
    assert "| all | 12 | 1 | 6 | 72 | 180 |" in body
    for facet in report.facets:
        w = [facet.agreement.figures[name] for name in ("w_ratings", "w_preferences")]
        assert f"| {facet.category} | {facet.dimension} | {w[0]:.3f} | {w[1]:.3f} |" in body
    assert "$" not in body


def test_loading_code_of_the_card_runs(beside, built):
    (code,) = re.findall(r"```python\n(.*?)```", card(built[0] / "ppaint")[1], re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert len(names["fused"]["figure"]) == 6 and next(iter(names["stream"]))["painting_id"] == "landscape_0"


def test_every_column_has_its_story(beside, built):
    body = card(built[0] / "ppaint")[1]
    for config in ("paintings", "ratings", "pairs"):
        for column in load_dataset("ppaint", config, split="figure").column_names:
            assert f"| `{column}` |" in body
    for suffix in FUSED_SUFFIXES:
        assert f"| `<dimension>{suffix}` |" in body


def test_release_file_holds_hashes_of_what_is_there_and_of_what_was(built):
    home, _, files = built
    release = read_release(home / "ppaint")
    for splits in release["configs"].values():
        for entry in splits.values():
            assert file_sha256(home / "ppaint" / entry["file"]) == entry["sha256"]
    assert set(release["raw_sha256"]) == {name for name in files if "/" not in name}
    assert release["simulated"] is False and release["headline"] == "overall" and release["rating_scale"] == [1, 10]


def test_nothing_tells_the_time_or_the_machine(built):
    home, _, _ = built
    assert all(str(home).encode() not in data for data in content(home / "ppaint").values())
    assert [path.name for path in home.iterdir()] == ["ppaint"]


def test_dataset_holds_no_python_and_no_room_of_the_package(built):
    names = {path.name for path in (built[0] / "ppaint").iterdir()}
    assert names == {
        "README.md", "annotations.yaml", "ppaint_release.json", "paintings", "ratings", "pairs", "fused"
    }  # fmt: skip


def test_two_builds_are_byte_identical_whatever_the_processes(export):
    export.keep("figure", "brushwork", "overall")
    build_dataset(export.folder, export.folder.parent / "one", processes=1)
    build_dataset(export.folder, export.folder.parent / "two", processes=2)
    assert content(export.folder.parent / "one") == content(export.folder.parent / "two")


def test_a_dataset_is_replaced_only_if_asked_for(export):
    export.keep("figure", "overall")
    out = export.folder.parent / "ppaint"
    build_dataset(export.folder, out)
    before = content(out)
    with pytest.raises(InputFault, match="exists"):
        build_dataset(export.folder, out)
    export.set("ratings.csv", 2, "rating", "5")
    export.set("ratings.csv", 3, "rating", "6")
    build_dataset(export.folder, out, overwrite=True)
    assert content(out) != before
    assert sorted(path.name for path in out.parent.iterdir()) == ["ppaint", "raw"]


@pytest.mark.parametrize(("absent", "alone"), [("ratings.csv", "pairs"), ("pairs.csv", "ratings")])
def test_a_release_of_one_protocol_has_scores_of_it_and_no_fused_config(export, monkeypatch, absent, alone):
    (export.folder / absent).unlink()
    report = build_dataset(export.folder, export.folder.parent / "ppaint")
    monkeypatch.chdir(export.folder.parent)
    assert report.default == "scores" and set(report.rows) == {"paintings", "scores", alone}
    head, body = card(export.folder.parent / "ppaint")
    assert f"there is no {absent}, so there will be no fused scores" in body and "No facet was fused" in body
    assert head["configs"][0]["config_name"] == "scores" and "under one protocol" in body
    (code,) = re.findall(r"```python\n(.*?)```", body, re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    loaded = names["scores"]["figure"]
    columns = [d + suffix for d in ("brushwork", "overall") for suffix in SCORE_SUFFIXES[alone]]
    assert loaded.column_names == ["painting_id", "category", "image", *columns] and loaded[0]["image"].mode == "RGB"
    for suffix in SCORE_SUFFIXES[alone]:
        assert f"| `<dimension>{suffix}` |" in body
    assert "`<dimension>_part`" not in body and None not in loaded["overall_se"][:]
    read = read_release("ppaint")
    assert read.scores_from == alone and list(read.scores)[2:] == columns
    assert read.scores.query("category == 'figure'")["overall"].tolist() == loaded["overall"][:]
    with pytest.raises(InputFault, match="no fused scores"):
        read.references()


def test_scores_of_pairs_are_worths_whose_errors_go_by_expert(export):
    (export.folder / "ratings.csv").unlink()
    built = build_dataset(export.folder, export.folder.parent / "ppaint")
    rows = [row for row in export.read("pairs.csv")[1:] if row[0].startswith("figure") and row[3] == "overall"]
    first, second, rater, _, choice = map(list, zip(*rows, strict=True))
    games = Comparisons.from_arrays(first, second, [{"a": 1, "tie": 0.5, "b": 0}[word] for word in choice], rater=rater)
    fit = bradley_terry(games, prior_precision=0.1, errors="sandwich", cluster="rater")
    table = (
        read_release(built.folder).scores.query("category == 'figure'").set_index("painting_id").loc[list(fit.items)]
    )
    assert table["overall"].tolist() == pytest.approx(fit.log_worths.tolist(), abs=1e-12)
    assert table["overall_se"].tolist() == pytest.approx(fit.standard_errors.tolist(), abs=1e-12)


def test_parts_that_were_never_compared_are_numbered_and_each_has_mean_zero(export):
    (export.folder / "ratings.csv").unlink()
    rows = export.read("pairs.csv")
    upper = {f"figure_{i}" for i in (3, 4, 5)}
    kept = [row for row in rows[1:] if row[3] != "overall" or (row[0] in upper) == (row[1] in upper)]
    one = {"figure_3", "figure_4", "figure_5"}  # in the upper part of `overall` a single expert compared
    kept = [row for row in kept if row[3] != "overall" or row[0] not in one or row[2].endswith("_1")]
    export.write("pairs.csv", [rows[0], *kept])
    export.add("paintings.csv", "figure_9", "figure", "", "Never compared")
    built = build_dataset(export.folder, export.folder.parent / "ppaint")
    table = read_release(built.folder).scores
    assert "brushwork_part" not in table and "overall_part" in table
    figure = table.query("category == 'figure'").set_index("painting_id")
    assert figure["overall_part"].dropna().to_dict() == {f"figure_{i}": 1 + (i > 2) for i in range(6)}
    assert figure.groupby("overall_part")["overall"].mean().abs().max() < 1e-12
    assert figure["overall_se"].isna().to_dict() == {name: name in {*one, "figure_9"} for name in figure.index}
    assert table.query("category == 'landscape'")["overall_part"].tolist() == [1] * 6
    body = card(built.folder)[1]
    for words in (
        "figure / overall: not judged, so without a score: figure_9",
        "figure / overall: judged by a single expert, so without a standard error: figure_3, figure_4, figure_5",
        "figure / overall: the paintings fall into 2 parts that were never compared",
        "`<dimension>_part`",
    ):
        assert words in body


def test_a_facet_that_cannot_be_scored_is_null_and_named(export):
    (export.folder / "ratings.csv").unlink()
    rows = export.read("pairs.csv")
    for row in rows[1:]:
        if row[3] == "overall" and row[0].startswith("figure"):
            row[4] = "tie"
    export.write("pairs.csv", [row for row in rows if row[3] != "brushwork" or row[0].startswith("figure")])
    built = build_dataset(export.folder, export.folder.parent / "ppaint")
    table = read_release(built.folder).scores
    assert table.query("category == 'figure'")["overall"].isna().all()
    assert table.query("category == 'landscape'")["brushwork"].isna().all()
    for why in (
        "figure / overall has no scores: every judgment is a tie",
        "landscape / brushwork has no scores: it has no",
    ):
        assert any(note.startswith(why) for note in built.notes)


def test_columns_of_scores_that_would_clash_are_a_fault_before_the_work(export):
    (export.folder / "pairs.csv").unlink()
    export.write_config(dimensions=["brushwork", "overall", "overall_bias_removed"])
    with pytest.raises(InputFault, match="columns of the scores would clash"):
        read_raw_export(export.folder)


def test_facet_that_cannot_be_fused_is_null_and_named(export, monkeypatch):
    export.keep("figure", "brushwork", "overall")
    flipped = {str(value): str(11 - value) for value in range(1, 11)}
    rows = export.read("ratings.csv")
    for row in rows[1:]:
        if row[0].startswith("figure") and row[2] == "overall":
            row[3] = flipped[row[3]]
    export.write("ratings.csv", rows)
    report = build_dataset(export.folder, export.folder.parent / "ppaint")
    (note,) = (note for note in report.notes if "was not fused" in note)
    assert note.startswith("figure / overall was not fused: ") and note in card(export.folder.parent / "ppaint")[1]
    monkeypatch.chdir(export.folder.parent)
    fused = load_dataset("ppaint")
    assert fused["figure"]["overall"][:] == [None] * 6 and None not in fused["figure"]["brushwork"][:]
    json.loads((export.folder.parent / "ppaint" / "ppaint_release.json").read_text(encoding="utf-8"))


def test_a_reversed_scale_is_refused_by_name_and_turned_round_only_when_asked(export):
    export.keep("figure", "brushwork", "overall")
    straight = build_dataset(export.folder, export.folder.parent / "straight")
    (wrongly_turned,) = scale_warnings(with_ratings_reversed(read_raw_export(export.folder)))
    assert "turned round by --reverse-ratings" in wrongly_turned and "ppaint build" not in wrongly_turned
    rows = export.read("ratings.csv")
    export.write("ratings.csv", [rows[0], *([*row[:3], str(11 - int(row[3]))] for row in rows[1:])])
    refused = build_dataset(export.folder, export.folder.parent / "refused")
    assert all("ppaint build --reverse-ratings" in facet.why_not for facet in refused.facets)
    assert scale_warnings(read_raw_export(export.folder))[0].startswith("in 2 of 2 facets the ratings run against")
    turned = build_dataset(export.folder, export.folder.parent / "turned", reverse_ratings=True)
    assert turned.release["ratings_reversed"] and not straight.release["ratings_reversed"]
    for config in ("fused", "ratings"):
        one, other = (read_release(folder)["configs"][config] for folder in (straight.folder, turned.folder))
        assert {split: entry["sha256"] for split, entry in one.items()} == {
            split: entry["sha256"] for split, entry in other.items()
        }
    assert "reversed when this was built" in " ".join(card(turned.folder)[1].split())


def test_the_card_names_what_agreement_flags_or_leaves_undefined_with_counts_and_reasons(tmp_path):
    build_small_release(tmp_path)
    raw, bad = tmp_path / "raw", "simulated_figure_1"
    (raw / "pairs.csv").unlink()
    marks = pd.read_csv(raw / "ratings.csv")
    marks["rating"] = marks["rating"].where(marks["expert_id"] != bad, 11 - marks["rating"])
    marks = marks[(marks["expert_id"] != "simulated_landscape_2") | (marks["painting_id"] < "landscape_07")]
    lonely = (marks["dimension"] == "line") & marks["painting_id"].str.startswith("landscape")
    marks = marks[~lonely | (marks["expert_id"] == "simulated_landscape_0")]
    marks.to_csv(raw / "ratings.csv", index=False)
    built = build_dataset(raw, tmp_path / "ppaint")
    body = card(built.folder)[1]
    assert (
        f"figure / overall: experts who stand out, which is a reason to look (nobody was left out): {bad} runs" in body
    )
    flags = agreement_report(read_raw_export(raw), cost=False).flags()
    assert flags == [f"{f['category']} / {f['dimension']}: {flag}" for f, flag in _flags(built)] and flags
    for words in (
        "- figures of pairs: there are no comparisons",
        "- ICC: variance components need at least two raters and two items, got 1 and 10 (landscape / line)",
        "landscape: experts gave unequal numbers of ratings (repeats not counted): 7 to 20",
        "landscape / line: judged by a single expert, so without a standard error",
        "| ratings by one expert, in one dimension | 7 to 10 | 10 | 7 to 10 |",
        "(3 of 4)",
    ):
        assert words in body, words


def _flags(built):
    """Facets of the release's record with each flag as it is printed."""
    for record, facet in zip(built.release["facets"], built.facets, strict=True):
        assert [flag["rater"] for flag in record["flagged"]] == [flag.rater for flag in facet.flagged()]
        yield from ((record, str(flag)) for flag in facet.flagged())


def test_a_card_of_other_peoples_data_does_not_open_with_what_ppaint_is(built):
    body = card(built[0] / "ppaint")[1]
    assert "PPaint is" not in body and "15 experts" not in body and "150 Chinese" not in body


def test_pairs_that_do_not_link_the_paintings_are_named_without_an_argument_of_python(export):
    export.keep("figure", "brushwork", "overall")
    rows = export.read("pairs.csv")
    upper = {f"figure_{i}" for i in (3, 4, 5)}
    export.write("pairs.csv", [rows[0], *(row for row in rows[1:] if (row[0] in upper) == (row[1] in upper))])
    told = build_dataset(export.folder, export.folder.parent / "ppaint").notes
    assert [note for note in told if "disconnected" in note] and not [note for note in told if "=True" in note]
    report = agreement_report(read_raw_export(export.folder), cost=False)
    assert [note for note in report.notes() if "disconnected" in note]
    assert not [note for note in report.notes() if "=" in note]


def test_an_expert_who_runs_against_the_others_is_named_on_the_card_and_in_the_release(tmp_path):
    build_small_release(tmp_path)
    marks, bad = pd.read_csv(tmp_path / "raw" / "ratings.csv"), "simulated_figure_1"
    marks["rating"] = marks["rating"].where(marks["expert_id"] != bad, 11 - marks["rating"])
    marks.to_csv(tmp_path / "raw" / "ratings.csv", index=False)
    report = build_dataset(tmp_path / "raw", tmp_path / "ppaint")
    told = [note for note in report.notes if "stand out" in note]
    assert any(f"{bad} runs against the others in ratings" in note for note in told)
    assert f"{bad} runs against the others" in (tmp_path / "ppaint" / "README.md").read_text(encoding="utf-8")
    flags = [flag for facet in report.release["facets"] for flag in facet["fusion"]["flagged"]]
    assert {flag["rater"] for flag in flags if flag["what"] == "runs against the others"} == {bad}


def test_painting_of_two_categories_has_a_row_in_each(export):
    export.add("paintings.csv", "landscape_0", "figure", "images/landscape_0.png", "Title of landscape_0")
    report = build_dataset(export.folder, export.folder.parent / "ppaint")
    assert report.rows["paintings"] == report.rows["fused"] == {"landscape": 6, "figure": 7}
    assert any("figure / overall: not judged, so without a score: landscape_0" in note for note in report.notes)


def test_citation_and_licence_from_outside_cannot_break_the_card(export):
    export.keep("figure", "overall")
    export.write_config(citation="```\n---\n# Not a heading $title ${x}\n<script>", licence="My | own\n<b>licence</b>")
    build_dataset(export.folder, export.folder.parent / "ppaint")
    head, body = card(export.folder.parent / "ppaint")
    assert head["license"] == "other" and head["license_name"] == "My / own &lt;b>licence&lt;/b>"
    fence = body.rindex("```\n", 0, body.index("# Not a heading"))
    assert body.index("<script>") < body.index("```", fence + 4)


def test_a_release_built_anew_is_not_served_from_the_cache_as_it_was(export, monkeypatch):
    home = export.keep("figure", "overall").folder.parent
    monkeypatch.chdir(home)
    build_dataset(export.folder, home / "ppaint")
    first = load_dataset("ppaint", "ratings", split="figure")["rating"][:]
    rows = export.read("ratings.csv")
    for row in rows[1:]:
        row[3] = str(min(10, int(row[3]) + 1))
    export.write("ratings.csv", rows)
    build_dataset(export.folder, home / "ppaint", overwrite=True)
    assert load_dataset("ppaint", "ratings", split="figure")["rating"][:] == [min(10, value + 1) for value in first]
