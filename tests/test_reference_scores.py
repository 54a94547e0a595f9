"""Reference scores: their hash is over content, dimensions can be chosen, and a table need not have more than those."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet
import pytest
from small_release import DIMENSIONS, build_small_release

from ppaint.eval_suite import (
    EvaluationInputError,
    evaluate_values,
    read_predictions,
    read_release,
)
from ppaint.eval_suite.reference_scores import reference_scores


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_small_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def references(folder):
    return reference_scores(read_release(folder))


def written(path, references, columns, cell=None):
    """Predictions of every painting; a cell of the first row may be put in as text."""
    lines = [",".join(["painting_id", "category", *columns])]
    for place, (painting, category) in enumerate(references.table.itertuples(index=False)):
        cells = [str(place + column * 0.5) for column in range(len(columns))]
        if cell is not None and place == 0:
            cells[0] = cell
        lines.append(",".join([painting, category, *cells]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def refused(path, references, **options):
    with pytest.raises(EvaluationInputError) as error:
        read_predictions(path, references, **options)
    return error.value.faults


# --- the hash


def test_the_hash_is_over_content_and_not_over_bytes(folder, references, tmp_path):
    again = shutil.copytree(folder, tmp_path / "again")
    for path in (again / "fused").glob("*.parquet"):  # the same content in other bytes
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(path), path, compression="none", version="1.0")
    other = reference_scores(read_release(again))
    assert other.sha256 == references.sha256 and len(references.sha256) == 64


@pytest.mark.parametrize("what", ["values", "errors", "dimensions", "categories", "ids", "rows"])
def test_the_hash_changes_with_every_part_of_the_content(references, what):
    values, errors, table = references.values.copy(), references.errors.copy(), references.table.copy()
    values[0, 0] = np.nextafter(values[0, 0], 10)
    errors[-1, -1] = np.nextafter(errors[-1, -1], 10)
    renamed, moved = table.copy(), table.copy()
    renamed.loc[0, "painting_id"] = "another"
    moved.loc[0, "category"] = "another"
    changed = {
        "values": {"values": values},
        "errors": {"errors": errors},
        "dimensions": {"dimensions": ("shape", *references.dimensions[1:])},
        "categories": {"table": moved},
        "ids": {"table": renamed},
        "rows": {"table": table.iloc[::-1], "values": references.values[::-1], "errors": references.errors[::-1]},
    }[what]
    assert replace(references, **changed).sha256 != references.sha256


def test_zero_with_a_sign_is_zero_in_the_hash_and_a_name_is_not_part_of_it(references):
    values = references.values.copy()
    values[0, 0] = 0.0
    plus = replace(references, values=values)
    values = values.copy()
    values[0, 0] = -0.0
    assert replace(references, values=values, name="other", source="elsewhere").sha256 == plus.sha256


# --- chosen dimensions


def test_chosen_dimensions_are_those_columns_and_the_rest_is_named(references):
    chosen = references.only(["overall"])
    assert chosen.dimensions == ("overall",) and chosen.headline == "overall" and chosen.left_out == DIMENSIONS[:-1]
    place = DIMENSIONS.index("overall")
    np.testing.assert_array_equal(chosen.values[:, 0], references.values[:, place])
    np.testing.assert_array_equal(chosen.errors[:, 0], references.errors[:, place])
    assert references.only(references.dimensions) is references
    assert chosen.sha256 == references.sha256  # what a submission of one dimension names is the release
    assert references.only(DIMENSIONS[:1]).headline == DIMENSIONS[0]


@pytest.mark.parametrize(
    "wanted, row, what",
    [
        (["taste"], "taste", "no such dimension"),
        (["overall", "overall"], "overall", "asked for twice"),
        ([], "", "no dimension is asked for"),
    ],
)
def test_a_dimension_that_cannot_be_chosen_is_one_fault(references, wanted, row, what):
    with pytest.raises(EvaluationInputError) as error:
        references.only(wanted)
    [fault] = error.value.faults
    assert fault.row == row and what in fault.what


def test_of_some_dimensions_no_figure_is_a_mean_over_dimensions(references):
    chosen = references.only(["overall"])
    found = evaluate_values(chosen.values, chosen, resamples=0)
    assert np.isnan(found.headline.value) and found.headline_dimension_srcc.value == pytest.approx(1.0)
    assert "mean" not in found.figures["srcc"]["mean"] and found.dimensions_left_out == DIMENSIONS[:-1]
    assert json.loads(json.dumps(found.as_dict()))["headline"]["value"] is None


# --- tables with some of the dimensions, and with empty cells


def test_a_table_needs_the_chosen_dimensions_only_and_may_have_the_others(references, tmp_path):
    alone = written(tmp_path / "a.csv", references, ["overall"])
    assert [fault.row for fault in refused(alone, references)] == list(DIMENSIONS[:-1])
    values = read_predictions(alone, references, dimensions=["overall"])
    assert values.shape == (len(references.table), 1) and values[3, 0] == 3.0
    more = written(tmp_path / "b.csv", references, ["line", "overall"], cell="not a number")
    for given, options in ((references, {"dimensions": ["overall"]}), (references.only(["overall"]), {})):
        assert read_predictions(more, given, **options)[3, 0] == 3.5


def test_what_a_scorer_writes_beside_its_scores_may_be_there(references, tmp_path):
    path = written(tmp_path / "a.csv", references, ["overall", "name", "overall_sd", "distance", "out_of_distribution"])
    assert read_predictions(path, references, dimensions=["overall"])[3, 0] == 3.0
    path.write_text(path.read_text().replace("painting_id,", "id,", 1))
    missing, unknown = refused(path, references, dimensions=["overall"])
    assert "give the column name (what `ppaint score` calls images) this name" in missing.fix and unknown.row == "id"


@pytest.mark.parametrize("cell", ["", "  "])
def test_an_empty_cell_is_an_abstention_where_that_is_allowed_and_a_fault_elsewhere(references, tmp_path, cell):
    path = written(tmp_path / "a.csv", references, ["overall"], cell=cell)
    values = read_predictions(path, references, dimensions=["overall"], abstentions=True)
    assert np.isnan(values[0, 0]) and np.isfinite(values[1:]).all()
    [fault] = refused(path, references, dimensions=["overall"])
    assert fault.row == "row 2, overall" and "the cell is empty" in fault.what


@pytest.mark.parametrize(
    "cell", ["nan", "NaN", "inf", "-inf", "good", "1_0", "１０", "1e400", "1e308", "None", "=1+1", "true"]
)
def test_what_is_not_a_finite_number_is_a_fault_also_where_abstaining_is_allowed(references, tmp_path, cell):
    path = written(tmp_path / "a.csv", references, ["overall"], cell=cell)
    [fault] = refused(path, references, dimensions=["overall"], abstentions=True)
    assert fault.row == "row 2, overall"


@pytest.mark.parametrize(
    "cell, what",
    [(None, ""), (float("nan"), "not a finite number"), (..., "the key is missing"), (True, "not a finite number")],
)
@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_in_json_null_is_an_abstention_but_no_key_and_nan_are_faults(references, tmp_path, kind, cell, what):
    records = [
        {"painting_id": painting, "category": category, "overall": float(place)}
        for place, (painting, category) in enumerate(references.table.itertuples(index=False))
    ]
    records[0] |= {"overall": cell}
    if cell is ...:
        del records[0]["overall"]
    lines = [json.dumps(record) for record in records]
    path = tmp_path / f"a.{kind}"
    path.write_text("\n".join(lines) if kind == "jsonl" else "[" + ",".join(lines) + "]")
    if what:
        [fault] = refused(path, references, dimensions=["overall"], abstentions=True)
        assert what in fault.what and fault.row == "row 1, overall"
    else:
        assert np.isnan(read_predictions(path, references, dimensions=["overall"], abstentions=True)[0, 0])


@pytest.mark.parametrize("cell, allowed", [(None, True), (float("nan"), False)])
def test_in_parquet_null_is_an_abstention_but_nan_is_a_fault(references, tmp_path, cell, allowed):
    columns = {name: references.table[name].tolist() for name in ("painting_id", "category")}
    cells = [cell, *map(float, range(1, len(references.table)))]
    pyarrow.parquet.write_table(pyarrow.table({**columns, "overall": cells}), tmp_path / "a.parquet")
    if allowed:
        values = read_predictions(tmp_path / "a.parquet", references, dimensions=["overall"], abstentions=True)
        assert np.isnan(values[0, 0]) and values[1, 0] == 1.0
    else:
        [fault] = refused(tmp_path / "a.parquet", references, dimensions=["overall"], abstentions=True)
        assert "nan is not a finite number" in fault.what


def test_a_painting_without_a_row_is_a_fault_also_where_abstaining_is_allowed(references, tmp_path):
    path = written(tmp_path / "a.csv", references, ["overall"])
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    [fault] = refused(path, references, dimensions=["overall"], abstentions=True)
    assert "have no prediction" in fault.what
