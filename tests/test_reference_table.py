"""Reference scores from a plain table: the figures of a dataset folder, and one clear fault for what is no such table."""

import json

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
import yaml
from huggingface_hub import eval_result_entries_to_yaml, parse_eval_result_entries
from small_release import CATEGORIES, DIMENSIONS, build_small_release
from typer.testing import CliRunner

from ppaint.cli.main import app
from ppaint.eval_suite import (
    EvaluationInputError,
    evaluate_table,
    read_reference_table,
    read_references,
    read_release,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_small_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def fused(folder):
    return read_release(folder).fused


@pytest.fixture
def scores(fused):
    """The release's scores as a plain table, with standard errors."""
    return fused[["painting_id", "category", *(name + end for name in DIMENSIONS for end in ("", "_se"))]]


@pytest.fixture
def predictions(fused, tmp_path):
    table = fused[["painting_id", "category"]].copy()
    rng = np.random.default_rng(1)
    for name in DIMENSIONS:
        table[name] = fused[name] * 0.5 + rng.normal(size=len(table))
    table.to_csv(tmp_path / "predictions.csv", index=False)
    return tmp_path / "predictions.csv"


def write(table, path):
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_json(path, orient="records", lines=path.suffix == ".jsonl", double_precision=15)
    return path


def faults_of(path):
    with pytest.raises(EvaluationInputError) as error:
        read_reference_table(path)
    return error.value.faults


def command(*options):
    return CliRunner().invoke(app, ["evaluate", "--resamples", "100", *map(str, options)])


def fault_of(*options):
    done = command(*options)
    [fault] = done.exception.faults
    return fault


# --- what is read


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_gives_the_figures_and_the_hash_of_the_folder_it_was_made_of(
    folder, scores, predictions, tmp_path, kind
):
    table = read_references(write(scores, tmp_path / f"t.{kind}"))
    release = read_references(folder)
    one, other = (evaluate_table(predictions, references, resamples=100)[0] for references in (table, release))
    assert one.as_dict()["figures"] == other.as_dict()["figures"] and one.headline_dimension == "overall"
    assert table.sha256 == release.sha256 and table.categories == CATEGORIES


def test_an_index_that_pandas_wrote_is_no_dimension(scores, tmp_path):
    scores.iloc[::-1].to_parquet(tmp_path / "t.parquet")  # an index without a name
    assert read_reference_table(tmp_path / "t.parquet").dimensions == DIMENSIONS
    scores.set_index("painting_id").to_parquet(tmp_path / "u.parquet")
    assert read_reference_table(tmp_path / "u.parquet").table["painting_id"].tolist() == scores["painting_id"].tolist()


def test_an_empty_cell_is_a_score_that_there_is_not(scores, tmp_path):
    scores.loc[0, ["line", "line_se"]] = np.nan
    for kind in ("csv", "parquet", "json", "jsonl"):
        found = read_reference_table(write(scores, tmp_path / f"t.{kind}"))
        assert np.isnan(found.values[0, 0]) and np.isfinite(found.values[1:]).all() and np.isnan(found.errors[0, 0])


def test_without_errors_there_is_no_noise_ceiling_and_it_is_said(scores, tmp_path):
    plain = read_reference_table(write(scores[["painting_id", "category", *DIMENSIONS]], tmp_path / "t.csv"))
    assert plain.errors is None and "no standard errors" in plain.notes[0] and "no noise ceiling" in plain.notes[0]
    some = read_reference_table(write(scores.drop(columns="line_se"), tmp_path / "u.csv"))
    assert "of line (" in some.notes[0] and np.isnan(some.errors[:, 0]).all() and np.isfinite(some.errors[:, 1]).all()
    assert read_reference_table(write(scores, tmp_path / "v.csv")).notes == ()


def test_a_table_of_several_dimensions_none_of_them_overall_has_no_headline_dimension(scores, predictions, tmp_path):
    renamed = scores.rename(columns={"overall": "tone", "overall_se": "tone_se"})
    write(renamed, tmp_path / "t.csv")
    table = pd.read_csv(predictions).rename(columns={"overall": "tone"})
    done = command("--predictions", write(table, tmp_path / "p.csv"), "--references", tmp_path / "t.csv")
    assert done.exit_code == 0 and "alone" not in done.output.splitlines()[-1]
    assert "no dimension is called overall" in done.output


# --- what is refused, each with one fault


@pytest.mark.parametrize(
    "text, row, what",
    [
        ("category,line\nsea,1\n", "painting_id", "the column is missing"),
        ("painting_id,line\na,1\n", "category", "the column is missing"),
        ("painting_id,category\na,sea\n", "", "there is no column of scores"),
        ("painting_id,category,line\na,sea,1\na,sea,2\n", "row 3", "is listed twice"),
        ("painting_id,category,line\n,sea,1\nb,sea,2\n", "row 2", "painting_id is empty"),
        ("painting_id,category,line\na,,1\nb,sea,2\n", "row 2", "category is empty"),
        ("painting_id,category,line\na,mean,1\nb,sea,2\n", "row 2", "a category cannot be called 'mean'"),
        ("painting_id,category,line\na,s\x1b[31m,1\nb,sea,2\n", "row 2", "a category cannot be called 's\\x1b[31m'"),
        ("painting_id,category,mean\na,sea,1\n", "mean", "cannot be told from the mean"),
        ("painting_id,category,line,line_sd\na,sea,1,1\n", "line_sd", "what a scorer writes"),
        ("painting_id,category,line,distance\na,sea,1,1\n", "distance", "what a scorer writes"),
        ("painting_id,category,line,tone_se\na,sea,1,1\n", "tone_se", "there is no column tone"),
        ("painting_id,category,line,\na,sea,1,x\n", "", "column 4 has no name"),
        ("painting_id,category,title,line\na,sea,A view,1\nb,sea,Another,2\n", "title", "holds no scores"),
        ("painting_id,category,line,tone\na,sea,1,\nb,sea,2,\n", "tone", "no painting has a score"),
        ("painting_id,category,line\na,sea,1\nb,sea,nan\n", "row 3, line", "'nan' is not a finite number"),
        ("painting_id,category,line\na,sea,1\nb,sea,1_0\n", "row 3, line", "'1_0' is not a finite number"),
        ("painting_id,category,line\na,sea,1\nb,sea,1e308\n", "row 3, line", "beyond 1e+100"),
        ('painting_id,category,line\na,sea,1\nb,sea,"1,5"\n', "row 3, line", "decimal comma"),
        ("painting_id,category,line,line_se\na,sea,1,-0.1\nb,sea,2,0.1\n", "row 2, line_se", "is negative"),
        ("painting_id,category,line,line_se\na,sea,,0.1\nb,sea,2,0.1\n", "row 2, line_se", "an error, but no score"),
        ("painting_id;category;line\na;sea;1\n", "row 1", "not separated by commas but by semicolons"),
        ("painting_id,category,line\na,sea\n", "row 2", "2 cells, but the header has 3 columns"),
        ("painting_id,category,line,line\na,sea,1,2\n", "line", "the column is listed twice"),
        ("painting_id,category," + "x" * 61 + "\na,sea,1\n", "'" + "x" * 57 + "...'", "at most 60"),
        ("", "", "the file is empty"),
        ("painting_id,category,line\n" + "a,sea,1\n" * 300_000, "", "300,001 lines, but 300,000 rows"),
        (
            "painting_id,category,line\n" + "".join(f"{k},c{k},1\n" for k in range(501)),
            "category",
            "501 categories are too many",
        ),
    ],
)
def test_what_is_no_table_of_scores_is_one_fault(tmp_path, text, row, what):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", newline="")
    [fault] = faults_of(tmp_path / "t.csv")
    assert fault.row == row and what in fault.what and fault.fix


@pytest.mark.parametrize(
    "name, content, what",
    [
        ("t.json", "[" * 100_000, "nested too deeply"),
        ("t.json", '[{"painting_id": ["a"], "category": "sea", "line": 1}]', "painting_id is no name"),
        (
            "t.jsonl",
            '{"painting_id": "a", "category": "sea", "line": 1}\n{"painting_id": "b", "line": 1}\n',
            "is empty",
        ),
        ("t.json", "[" + "{}," * 900_000 + "{}]", "opens 900,002 brackets, but 300,000 rows"),
        (
            "t.csv",
            "painting_id,category" + "".join(f",d{k}" for k in range(250)) + "\n" + ("a" + "," * 251 + "\n") * 9000,
            "scores",
        ),
        ("t.jsonl", '{"painting_id": "a", "painting_id": "b"}\n', "the key 'painting_id' twice"),
        ("t.csv", "painting_id,category,line\n\xff", "not UTF-8"),
        ("t.csv", "painting_id,category,line\na,sea," + "1" * 16_000_001, "bytes"),
        ("t.txt", "painting_id,category,line\na,sea,1\n", "'.txt' is not known"),
    ],
)
def test_other_files_are_one_fault_too(tmp_path, name, content, what):
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    [fault] = faults_of(tmp_path / name)
    assert what in fault.what


def test_a_parquet_file_that_promises_a_thousand_million_rows_is_refused_by_its_footer(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"line": pyarrow.nulls(10**7, pyarrow.int8())}), tmp_path / "t.parquet")
    [fault] = faults_of(tmp_path / "t.parquet")
    assert "10,000,000 rows" in fault.what


# --- the command


def test_the_command_evaluates_against_a_table_with_its_noise_ceiling(scores, predictions, tmp_path):
    write(scores, tmp_path / "t.csv")
    out = tmp_path / "out.json"
    options = ("--predictions", predictions, "--references", tmp_path / "t.csv", "--reference-lines", "--json", out)
    done = command(*options)
    assert done.exit_code == 0 and "noise ceiling" in done.output and "no line of a single expert" in done.output
    found = json.loads(out.read_text())
    assert found["release"] == "t" and len(found["release_sha256"]) == 64
    assert 0 < found["reference_lines"]["noise ceiling"]["mean"]["value"] < 1


def test_the_command_says_which_dimensions_were_left_out_and_gives_no_headline(folder, fused, tmp_path):
    alone = write(fused[["painting_id", "category", "overall"]], tmp_path / "p.csv")
    assert "ask for the dimensions that are there alone" in fault_of("--predictions", alone, "--dataset", folder).fix
    out = tmp_path / "out.json"
    done = command("--predictions", alone, "--dataset", folder, "--dimensions", "overall", "--json", out)
    assert done.exit_code == 0 and "note: left out: line; so there is no headline" in done.output
    assert done.output.splitlines()[-1].startswith("overall alone: SRCC 1.000")
    assert "headline:" not in done.output and "the predictions are equal to the column overall" in done.output
    found = json.loads(out.read_text())
    assert found["dimensions_left_out"] == ["line"] and found["headline"]["value"] is None
    assert found["prediction_notes"][1:] == [
        "overall: the predictions are equal to the column overall of small-simulated"
    ]


@pytest.mark.parametrize(
    "options, what",
    [
        (["--dimensions", "taste"], "there is no such dimension"),
        (["--dimensions", ","], "there is no such dimension"),
        (["--dimensions", "line,line"], "asked for twice"),
        (["--reference-lines"], "no standard errors and no experts"),
        (["--eval-results", "a/b"], "go together"),
        (["--out", "x.yaml"], "go together"),
        (["--eval-results", "b", "--out", "x.yaml"], "'b' is no dataset"),
        (["--eval-results", "a/b/c", "--out", "x.yaml"], "is no dataset"),
        (["--eval-results", "a/b@main", "--out", "x.yaml"], "'main' is no commit"),
        (["--eval-results", "a/b", "--out", "nowhere"], "no such folder"),
        (["--eval-results", "a/b", "--out", "no/x.yaml"], "its folder does not exist"),
        (["--dataset", "."], "both --dataset and --references"),
    ],
)
def test_options_that_do_not_fit_are_one_fault_and_nothing_is_written(
    scores, predictions, tmp_path, monkeypatch, options, what
):
    write(scores[["painting_id", "category", *DIMENSIONS]], tmp_path / "t.csv")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    fault = fault_of("--predictions", predictions, "--references", "t.csv", *options)
    assert what in fault.what and sorted(tmp_path.iterdir()) == before


def test_without_anything_to_evaluate_against_it_is_said(predictions):
    assert "neither --dataset nor --references" in fault_of("--predictions", predictions).what


def test_predictions_may_have_more_paintings_and_dimensions_than_a_table_and_what_is_not_used_is_said(
    folder, scores, predictions, tmp_path
):
    some = write(scores.drop(columns=["line", "line_se"])[:-2], tmp_path / "t.csv")
    table = pd.read_csv(predictions)
    other = write(table.assign(overall=table["overall"] + table["line"]), tmp_path / "other.csv")
    done = command("--predictions", predictions, "--references", some)
    told = (
        "columns that are no dimension of the references: line: not used",
        "2 rows are of paintings that t does not",
    )
    assert done.exit_code == 0 and all(f"note: {sentence}" in done.output for sentence in told)
    compared = CliRunner().invoke(app, ["compare", str(predictions), str(other), "--references", str(some)])
    assert compared.exit_code == 0 and all(f"other: {sentence}" in compared.output for sentence in told)
    renamed = write(table.assign(painting_id=table["painting_id"] + "x"), tmp_path / "renamed.csv")
    assert (
        "18 of the release's 18 paintings have no prediction"
        in fault_of("--predictions", renamed, "--references", some).what
    )
    assert "unknown column" in fault_of("--predictions", write(table.assign(taste=1), other), "--dataset", folder).what


def test_labels_with_little_noise_are_above_the_ceiling_of_a_release_and_it_is_said(folder, fused, tmp_path):
    table = fused[["painting_id", "category", *DIMENSIONS]].copy()
    table[list(DIMENSIONS)] += 0.02 * np.random.default_rng(0).normal(size=(len(table), len(DIMENSIONS)))
    done = command("--predictions", write(table, tmp_path / "p.csv"), "--dataset", folder)
    assert "note: the SRCC is above the noise ceiling (by the release's standard errors, which lower it" in done.output


# --- results for the Hub


def test_results_for_the_hub_have_one_value_per_entry_and_are_written_where_the_hub_looks(
    folder, predictions, tmp_path
):
    model = tmp_path / "model"
    model.mkdir()
    out, commit = tmp_path / "out.json", "0123456789" * 4
    done = command(
        "--predictions", predictions, "--dataset", folder, "--json", out,
        "--eval-results", f"lab/PPaint@{commit}", "--out", model,
    )  # fmt: skip
    assert done.exit_code == 0
    entries = yaml.safe_load((model / ".eval_results" / "small-simulated.yaml").read_text())
    assert eval_result_entries_to_yaml(parse_eval_result_entries(entries)) == entries
    found = json.loads(out.read_text())
    srcc = found["figures"]["srcc"]
    assert {entry["dataset"]["task_id"]: entry["value"] for entry in entries} == {
        "landscape": srcc["landscape"]["mean"]["value"],
        "figure": srcc["figure"]["mean"]["value"],
        "all_dimensions": found["headline"]["value"],
        "overall": srcc["mean"]["overall"]["value"],
    }
    low, high = (found["headline"][end] for end in ("low", "high"))
    [whole] = [entry for entry in entries if entry["dataset"]["task_id"] == "all_dimensions"]
    assert whole["dataset"] == {"id": "lab/PPaint", "task_id": "all_dimensions", "revision": commit}
    assert f"95 % interval [{low:.4f}, {high:.4f}]" in whole["notes"] and found["release_sha256"] in whole["notes"]
    assert "simulated annotations" in whole["notes"] and whole["date"].endswith("Z")


def test_an_undefined_figure_has_no_entry_and_it_is_said(folder, fused, tmp_path):
    table = fused[["painting_id", "category", "overall"]].copy()
    table.loc[table["category"] == "figure", "overall"] = 5.0
    options = ["--dataset", folder, "--dimensions", "overall", "--eval-results", "lab/PPaint", "--out"]
    done = command("--predictions", write(table, tmp_path / "p.csv"), *options, tmp_path / "r.yaml")
    assert "note: figure_overall: no entry, because its SRCC is undefined" in done.output
    assert [entry["dataset"]["task_id"] for entry in yaml.safe_load((tmp_path / "r.yaml").read_text())] == [
        "landscape_overall"
    ]
    table["overall"] = 5.0
    fault = fault_of("--predictions", write(table, tmp_path / "p.csv"), *options, tmp_path / "s.yaml")
    assert fault.what == "no figure has a value" and not (tmp_path / "s.yaml").exists()
