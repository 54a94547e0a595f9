"""Predictions against a built release: the means, the headline, the formats, and every fault of a table named at once."""

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from scipy import stats
from small_release import CATEGORIES, DIMENSIONS, build_small_release
from typer.testing import CliRunner

from ppaint.cli.main import app
from ppaint.dataset_script import build_dataset
from ppaint.eval_suite import (
    EvaluationInputError,
    evaluate_file,
    evaluate_scores,
    paired_difference,
    read_predictions,
    read_release,
)
from ppaint.images import InputFault
from ppaint.preference_to_score.fusion.kept_fits import forget_fits


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_small_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def release(folder):
    return read_release(folder)


@pytest.fixture
def table(release):
    rng = np.random.default_rng(1)
    scores = release.references() * 0.5 + rng.normal(size=(len(release.fused), len(DIMENSIONS)))
    return release.fused[["painting_id", "category"]].assign(**dict(zip(DIMENSIONS, scores.T, strict=True)))


def write(table, path):
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_json(path, orient="records", lines=path.suffix == ".jsonl", double_precision=15)
    return path


def faults_of(path, release):
    with pytest.raises(EvaluationInputError) as error:
        read_predictions(path, release)
    return error.value.faults


# --- the figures


def test_the_headline_is_the_mean_over_dimensions_within_a_category_then_over_categories(release, table):
    names = release.fused["category"].to_numpy()
    result = evaluate_scores(table[list(DIMENSIONS)], release.references(), names, DIMENSIONS, "overall", resamples=200)
    by_hand = {
        (c, d): stats.spearmanr(table[d][names == c], release.fused[d][names == c])[0]
        for c in CATEGORIES
        for d in DIMENSIONS
    }
    for (category, dimension), value in by_hand.items():
        assert result.figures["srcc"][category][dimension].value == pytest.approx(value)
    assert result.headline.value == pytest.approx(
        np.mean([np.mean([by_hand[c, d] for d in DIMENSIONS]) for c in CATEGORIES])
    )
    assert result.beside.value == pytest.approx(np.mean([by_hand[c, "overall"] for c in CATEGORIES]))
    assert result.headline.low < result.headline.value < result.headline.high


def test_categories_count_alike_however_many_paintings_they_have():
    truth = np.arange(14.0)[:, None]
    predictions = np.r_[truth[:10], -truth[10:]]
    result = evaluate_scores(predictions, truth, ["a"] * 10 + ["b"] * 4, ["x"], "x", resamples=0)
    assert result.headline.value == pytest.approx(0.0)


def test_a_facet_without_fused_scores_is_left_out_and_named():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(12, 2))
    predictions = truth.copy()
    predictions[:6] = -truth[:6]
    truth[:6, 1] = np.nan
    result = evaluate_scores(predictions, truth, ["a"] * 6 + ["b"] * 6, ["x", "y"], "x", resamples=50)
    assert result.left_out == ("a, y: 6 of 6 paintings have no fused score",)
    assert "y" not in result.figures["srcc"]["a"]
    assert result.figures["srcc"]["mean"]["y"].value == pytest.approx(1.0)
    assert result.headline.value == pytest.approx(0.0)


def test_a_predictor_that_says_one_thing_only_has_no_figure_and_it_is_said_why(release, table):
    table[["line"]] = 5.0
    categories = release.fused["category"].tolist()
    result = evaluate_scores(
        table[list(DIMENSIONS)], release.references(), categories, DIMENSIONS, "overall", resamples=50
    )
    assert np.isnan(result.headline.value) and np.isfinite(result.headline_dimension_srcc.value)
    assert "the predictions are constant" in result.undefined[0]
    assert result.as_dict()["headline"]["value"] is None


def test_a_release_of_full_size_gets_2000_resamples_and_bca():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(150, 5))
    result = evaluate_scores(
        truth + rng.normal(size=truth.shape),
        truth,
        np.repeat(["a", "b", "c"], 50).tolist(),
        list("vwxyz"),
        "z",
        statistics=["srcc"],
        resamples=2000,
    )
    assert result.headline.resamples == 2000 and result.headline.method == "bca"


def test_names_that_cannot_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="'mean'"):
        evaluate_scores([[1.0]] * 3, [[1.0]] * 3, ["mean"] * 3, ["x"], "x")
    with pytest.raises(ValueError, match="unknown dimension 'y'"):
        evaluate_scores([[1.0]] * 3, [[1.0]] * 3, ["a"] * 3, ["x"], "y")
    with pytest.raises(ValueError, match="painting 1 .*dimension x"):
        evaluate_scores([[1.0], [float("nan")], [2.0]], [[1.0]] * 3, ["a"] * 3, ["x"], "x")


def test_strong_skew_is_warned_of_once_with_the_facets_that_have_it():
    rng = np.random.default_rng(0)
    truth = np.exp(rng.normal(size=(60, 2)))
    result = evaluate_scores(truth * np.exp(rng.normal(size=(60, 2))), truth, ["a"] * 60, ["x", "y"], "x", resamples=50)
    [sentence] = result.warnings
    assert sentence.startswith("intervals of plcc, rmse, slope may hold the truth less often than they say: the predic")
    assert "of a, x are skewed or have heavy tails (skewness" in sentence and "and 1 more like these" in sentence
    assert result.as_dict()["warnings"] == [sentence]


def test_a_release_without_srcc_among_its_figures_has_no_headline():
    result = evaluate_scores(
        [[1.0], [2.0], [4.0]], [[1.0], [3.0], [2.0]], ["a"] * 3, ["x"], "x", statistics=["plcc"], resamples=0
    )
    assert result.as_dict()["headline"]["value"] is None and set(result.figures) == {"plcc"}
    with pytest.raises(ValueError, match="a list of names"):
        evaluate_scores([[1.0]], [[1.0]], ["a"], ["x"], "x", statistics="srcc")


# --- two predictors


def test_a_paired_difference_is_the_difference_of_the_headlines():
    rng = np.random.default_rng(2)
    truth = rng.normal(size=(40, 2))
    before, after = truth + 2 * rng.normal(size=truth.shape), truth + rng.normal(size=truth.shape)
    categories = ["a"] * 20 + ["b"] * 20
    difference = paired_difference(after, before, truth, categories, resamples=300)
    headlines = [
        evaluate_scores(p, truth, categories, ["x", "y"], "x", resamples=0).headline.value for p in (after, before)
    ]
    assert difference.value == pytest.approx(headlines[0] - headlines[1])
    assert difference.low < difference.value < difference.high


def test_pairing_makes_the_interval_narrow_where_two_predictors_share_their_errors():
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(60, 1))
    before = truth + rng.normal(size=truth.shape)
    after = before + 0.1 * rng.normal(size=truth.shape)
    paired = paired_difference(after, before, truth, ["a"] * 60, resamples=400)
    alone = evaluate_scores(before, truth, ["a"] * 60, ["x"], "x", resamples=400).headline
    assert paired.high - paired.low < 0.4 * (alone.high - alone.low)


def test_a_predictor_differs_from_itself_by_nothing():
    truth = np.random.default_rng(4).normal(size=(30, 2))
    same = paired_difference(truth**3, truth**3, truth, ["a"] * 30, resamples=100)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


# --- the tables


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json", ".jsonl"])
def test_every_format_and_any_order_of_rows_give_the_same(release, table, tmp_path, suffix):
    path = write(table.sample(frac=1, random_state=0), tmp_path / f"predictions{suffix}")
    assert read_predictions(path, release) == pytest.approx(table[list(DIMENSIONS)].to_numpy(), abs=1e-12)


@pytest.mark.parametrize("distance, marked", [("distance", "out_of_distribution"), ("depth", "out_of_depth")])
def test_the_category_may_be_absent_and_what_a_scorer_adds_may_be_there(release, table, tmp_path, distance, marked):
    scored = table.drop(columns="category").assign(line_sd=1.0, **{distance: 0.5, marked: False})
    path = write(scored, tmp_path / "predictions.csv")
    assert np.isfinite(read_predictions(path, release)).all()


def test_a_number_that_python_alone_reads_is_none(release, table, tmp_path):
    table["overall"] = table["overall"].astype(object)
    table.loc[0, "overall"] = "1_0"
    (fault,) = faults_of(write(table, tmp_path / "p.csv"), release)
    assert (fault.row, fault.what) == ("row 2, overall", "'1_0' is not a finite number")


def test_all_faults_of_rows_are_told_at_once(release, table, tmp_path):
    table["overall"] = table["overall"].astype(object)
    table.loc[0, "overall"] = "good"
    table.loc[1, "painting_id"] = "landscape_02"
    table.loc[3, "category"] = "figure"
    faults = faults_of(write(table, tmp_path / "p.csv"), release)
    told = [(fault.row, fault.what) for fault in faults]
    assert ("row 5", "painting 'landscape_03' of 'figure' is not in the release") in told
    assert ("row 4", "painting 'landscape_02' of 'landscape' is listed twice") in told
    assert ("row 2, overall", "'good' is not a finite number") in told
    missing = next(fault for fault in faults if "no prediction" in fault.what)
    assert "landscape_01 (landscape), landscape_03 (landscape)" in missing.what
    assert len(faults) == 4


@pytest.mark.parametrize("cell", [None, float("inf"), True, [1], "", "1,5"])
def test_a_cell_that_is_no_finite_number_is_named(release, table, tmp_path, cell):
    records = table.to_dict("records")
    records[2]["line"] = cell
    path = tmp_path / "p.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    [fault] = faults_of(path, release)
    assert fault.row == "row 3, line"


def test_missing_and_unknown_columns_are_named(release, table, tmp_path):
    faults = faults_of(write(table.rename(columns={"line": "lines"}), tmp_path / "p.csv"), release)
    assert [(fault.row, fault.what) for fault in faults] == [
        ("line", "the column is missing"),
        ("lines", "unknown column"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("p.csv", b"", "empty"),
        ("p.csv", b"painting_id,line,overall\n", "no rows"),
        ("p.csv", "painting_id,line\nl\u00e9,1\n".encode("latin-1"), "not UTF-8"),
        ("p.csv", b"painting_id,line,line,overall\na,1,1,1\n", "is listed twice"),
        ("p.csv", b"painting_id,line,overall\na,1\n", "2 cells"),
        ("p.csv", b'painting_id,line,overall\na,"1,2', "not a valid CSV table"),
        ("p.csv", b"painting_id;line;overall\na;5,5;4,25\n", "not separated by commas but by semicolons"),
        ("p.csv", b"painting_id\tline\toverall\na\t5\t4\n", "not separated by commas but by tabs"),
        ("p.csv", "painting_id,line,overall\na,1,1\n".encode("utf-16"), "UTF-16"),
        ("p.csv", b"PK\x03\x04 and more", "an Excel workbook"),
        ("p.csv", b"painting_id,line,overall\n" + b"a,1,1\n" * 3000, "3,001 lines, far too much for 20 paintings"),
        ("p.csv", b"painting_id,line,overall\na,1," + b"1" * 17_000_000, "17,000,029 bytes, far too much"),
        ("p.csv", b"c," * 1000 + b"c\n", "1,001 columns"),
        ("p.csv", b'painting_id,line,overall\na,1,"' + b"1" * 200_000 + b'"\n', "field larger than field limit"),
        ("p.json", b"[" * 200_000, "nested too deeply"),
        ("p.json", b'[{"line": ' + b"[" * 200_000 + b"]" * 200_000 + b"}]", "nested too deeply"),
        ("p.json", b"[" + b"{}," * 3000 + b"{}]", "3,001 rows, far too much"),
        ("p.json", b'[{"line": 1, "line": 2}]', "the key 'line' twice"),
        ("p.json", json.dumps([{f"c{n}": 1 for n in range(500)}]).encode(), "500 columns"),
        ("p.json", b"[" + b"9" * 5000 + b"]", "cannot be read as JSON"),
        ("p.json", '[{"painting_id": "a"}]'.encode("utf-16"), "UTF-16"),
        ("p.jsonl", b'{"line": 1}\n' + b"[" * 200_000, "nested too deeply"),
        ("p.jsonl", b'{"line": 1}\n{"line" 2}', "line 2: "),
        ("p.jsonl", b"{}\n" * 3000, "3,001 lines, far too much"),
        ("p.json", b"{]", "cannot be read as JSON"),
        ("p.json", b'{"painting_id": "a"}', "a list of objects"),
        ("p.parquet", b"PAR1 and no more", "cannot be read as PARQUET"),
        ("p.xlsx", b"PK", "'.xlsx' is not known"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_fault(release, tmp_path, name, content, what):
    (tmp_path / name).write_bytes(content)
    [fault] = faults_of(tmp_path / name, release)
    assert what in fault.what and fault.fix


def parquet(path, columns, **options):
    pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)
    return path


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        (
            {"painting_id": pyarrow.repeat("a", 3_000_000), "line": pyarrow.repeat(1.0, 3_000_000)},
            "3,000,000 rows, far",
        ),
        ({"painting_id": ["a" * 20_000_000], "line": [1.0]}, "unpacks to 20,000,"),
        ({f"c{n}": [1.0] for n in range(500)}, "500 columns"),
        ({"painting_id": ["a"], "line": [[1.0] * 5]}, "column line holds list<"),
    ],
)
def test_a_small_parquet_that_unpacks_to_much_is_one_fault_before_it_is_read(release, tmp_path, columns, what):
    path = parquet(tmp_path / "p.parquet", columns, compression="zstd")
    assert path.stat().st_size < 100_000 or "columns" in what
    [fault] = faults_of(path, release)
    assert what in fault.what


def test_a_parquet_whose_footer_alone_is_huge_is_not_opened(release, tmp_path):
    path = tmp_path / "p.parquet"
    path.write_bytes(b"PAR1" + bytes(5_000_000) + (4_900_000).to_bytes(4, "little") + b"PAR1")
    [fault] = faults_of(path, release)
    assert "its footer alone has 4,900,000 bytes" in fault.what


def test_a_folder_called_csv_is_a_folder(release, tmp_path):
    (tmp_path / "p.csv").mkdir()
    [fault] = faults_of(tmp_path / "p.csv", release)
    assert fault.what == "is a folder"


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_numbers_too_large_for_a_score_are_one_fault_a_column(release, table, tmp_path, suffix):
    table["line"] = 1e308
    table.loc[4, "overall"] = -1e101
    first, second = faults_of(write(table, tmp_path / f"p{suffix}"), release)
    assert first.what == "1e+308 is, and 19 more cells are, beyond 1e+100, which no score is"
    assert (second.row.split(", ")[1], second.what) == ("overall", "-1e+101 is beyond 1e+100, which no score is")


def test_many_unknown_columns_and_nested_cells_are_cut(release, table, tmp_path):
    wide = table.assign(**{f"more_{n}": 0 for n in range(60)})
    faults = faults_of(write(wide, tmp_path / "p.csv"), release)
    assert len(faults) == 11 and faults[-1].what == "50 more unknown columns"
    records = table.to_dict("records")
    records[0] |= {"line": [[1] * 1000], "overall": 10**400}
    records[1] |= {"category": ["landscape"], "painting_id": {"a": 1}}
    (tmp_path / "p.json").write_text(json.dumps(records), encoding="utf-8")
    told = [fault.what for fault in faults_of(tmp_path / "p.json", release)]
    assert "a list is not a finite number" in told
    assert "a whole number of more than forty digits is not a finite number" in told
    assert all(len(what) < 200 for what in told)


# --- what pandas and Excel add


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_index_that_pandas_wrote_is_passed_over(release, table, tmp_path, suffix):
    shuffled = table.sample(frac=1, random_state=0)  # an index that is no plain range: Parquet stores it as a column
    path = tmp_path / f"p{suffix}"
    shuffled.to_csv(path) if suffix == ".csv" else shuffled.to_parquet(path)
    assert read_predictions(path, release) == pytest.approx(table[list(DIMENSIONS)].to_numpy(), abs=1e-12)


@pytest.mark.parametrize("index", [["painting_id"], ["category", "painting_id"]])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_an_index_that_is_the_id_is_the_id(release, table, tmp_path, suffix, index):
    path = tmp_path / f"p{suffix}"
    indexed = table.set_index(index)
    indexed.to_csv(path) if suffix == ".csv" else indexed.to_parquet(path)
    assert read_predictions(path, release) == pytest.approx(table[list(DIMENSIONS)].to_numpy(), abs=1e-12)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_ids_in_an_index_without_a_name_are_told_as_such(release, table, tmp_path, suffix):
    path = tmp_path / f"p{suffix}"
    indexed = table.set_index("painting_id").rename_axis(None)
    indexed.to_csv(path) if suffix == ".csv" else indexed.to_parquet(path)
    missing = faults_of(path, release)[0]
    assert missing.row == "painting_id" and "give the column (or index) without a name this name" in missing.fix


@pytest.mark.parametrize("before, after", [("sep=,\n", ""), ("\ufeff", ",,,\n,,,\n"), ("", "\n\n")])
def test_what_excel_adds_is_passed_over(release, table, tmp_path, before, after):
    path = write(table, tmp_path / "p.csv")
    path.write_text(before + path.read_text(encoding="utf-8") + after, encoding="utf-8")
    assert read_predictions(path, release) == pytest.approx(table[list(DIMENSIONS)].to_numpy(), abs=1e-12)


def test_decimal_commas_are_named(release, table, tmp_path):
    table["line"] = [f"{value:.2f}".replace(".", ",") for value in table["line"]]
    faults = faults_of(write(table, tmp_path / "p.csv"), release)
    assert "has a decimal comma" in faults[0].what and "decimal point" in faults[0].fix
    assert len(faults) == 11 and faults[-1].what == "10 more cells are not finite numbers"


def test_decimal_numbers_of_a_parquet_are_numbers(release, table, tmp_path):
    path = tmp_path / "p.parquet"
    table.assign(line=[Decimal(f"{value:.3f}") for value in table["line"]]).to_parquet(path)
    assert read_predictions(path, release)[:, 0] == pytest.approx(table["line"].to_numpy(), abs=1e-3)


def test_a_folder_that_is_no_dataset_is_refused(release, table, tmp_path):
    path = write(table, tmp_path / "p.csv")
    with pytest.raises(EvaluationInputError, match="not a built ppaint dataset"):
        evaluate_file(path, tmp_path)


# --- the command


def test_the_command_prints_the_headline_and_writes_every_figure(folder, table, tmp_path):
    path, out = write(table, tmp_path / "p.csv"), tmp_path / "figures.json"
    done = CliRunner().invoke(
        app,
        ["evaluate", "--predictions", str(path), "--dataset", str(folder), "--json", str(out), "--resamples", "200"],
    )
    assert done.exit_code == 0, done.output
    report = json.loads(out.read_text(encoding="utf-8"))
    assert f"headline: SRCC {report['headline']['value']:.3f}" in done.output
    assert report["simulated"] is True and report["release"] == "small-simulated"
    assert set(report["figures"]) == {"srcc", "plcc", "krcc", "rmse", "bias", "slope", "plcc_logistic"}
    assert [file.name for file in tmp_path.iterdir() if "partial" in file.name] == []


@pytest.mark.parametrize("out", ["missing/figures.json", "folder", "p.json"])
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_read(folder, table, tmp_path, out):
    (tmp_path / "folder").mkdir()
    path = tmp_path / "p.json"
    path.write_text("[]", encoding="utf-8")
    done = CliRunner().invoke(
        app, ["evaluate", "--predictions", str(path), "--dataset", str(folder), "--json", str(tmp_path / out)]
    )
    [fault] = done.exception.faults
    assert fault.file == str(tmp_path / out) and "--json" in fault.fix
    assert sorted(file.name for file in tmp_path.iterdir()) == ["folder", "p.json"]
    assert path.read_text(encoding="utf-8") == "[]"


# --- a release of one protocol


def one_protocol(export, alone):
    for table in {"ratings", "pairs"} - {alone}:
        (export.folder / f"{table}.csv").unlink()
    return build_dataset(export.folder, export.folder.parent / "built").folder


def predicted(scores, path):
    rng = np.random.default_rng(0)
    kept = scores[["painting_id", "category", "brushwork", "overall"]].fillna(0.0)
    kept[["brushwork", "overall"]] += rng.normal(size=(len(kept), 2))
    return write(kept, path), kept


@pytest.mark.parametrize(("alone", "called"), [("ratings", "mean opinion scores"), ("pairs", "Bradley-Terry worths")])
def test_scores_of_one_protocol_are_evaluated_by_srcc_and_plcc_and_it_is_said(export, tmp_path, alone, called):
    built = one_protocol(export, alone)
    release = read_release(built)
    path, kept = predicted(release.scores, tmp_path / "p.csv")
    command = ["evaluate", "--predictions", str(path), "--dataset", str(built), "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(app, [*command, "--resamples", "100"])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert set(report["figures"]) == {"srcc", "plcc"} and report["references"] == called
    assert f"the release has {alone} alone" in report["notes"][0] and "no noise ceiling" in report["notes"][0]
    assert f"note: {report['notes'][0]}" in done.output and "RMSE" not in done.output
    inside = kept["category"] == "figure"
    wanted = stats.pearsonr(kept["overall"][inside], release.scores["overall"][inside])[0]
    assert report["figures"]["plcc"]["figure"]["overall"]["value"] == pytest.approx(wanted)
    refused = CliRunner().invoke(app, [*command, "--reference-lines"])
    [fault] = refused.exception.faults
    assert f"the release has {alone} alone" in fault.what and fault.fix == "leave out --reference-lines"


def test_of_paintings_that_were_compared_in_parts_the_largest_part_is_used_and_it_is_said(export, tmp_path):
    rows = export.read("pairs.csv")
    upper = {"figure_4", "figure_5"}
    kept = [row for row in rows[1:] if row[3] != "overall" or (row[0] in upper) == (row[1] in upper)]
    export.write("pairs.csv", [rows[0], *kept])
    built = one_protocol(export, "pairs")
    scores = read_release(built).scores
    path, kept = predicted(scores, tmp_path / "p.csv")
    found = evaluate_file(path, built, resamples=0)[0]
    inside = (kept["category"] == "figure") & ~kept["painting_id"].isin(upper)
    wanted = stats.spearmanr(kept["overall"][inside], scores["overall"][inside])[0]
    assert found.figures["srcc"]["figure"]["overall"].value == pytest.approx(wanted)
    assert (
        "figure, overall: the comparisons fall into 2 parts" in found.notes[1] and "4 of 6 paintings" in found.notes[1]
    )
    assert found.left_out == ("figure, overall: 2 of 6 paintings have no Bradley-Terry worth",)


def test_the_command_turns_faults_into_input_faults(folder, table, tmp_path):
    path = write(table.iloc[1:], tmp_path / "p.csv")
    done = CliRunner().invoke(app, ["evaluate", "--predictions", str(path), "--dataset", str(folder)])
    assert isinstance(done.exception, InputFault)
    assert "landscape_00" in done.exception.faults[0].what


def test_same_input_same_report(folder, table, tmp_path):
    path = write(table, tmp_path / "p.csv")
    once = evaluate_file(path, folder, resamples=100)[0].as_dict()
    forget_fits()
    again = evaluate_file(path, folder, resamples=100)[0].as_dict()
    assert json.dumps(once) == json.dumps(again)
    assert pd.json_normalize(once).shape[0] == 1
