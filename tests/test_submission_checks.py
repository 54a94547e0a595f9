"""Checks of a submission: what is refused beside what stands on a board, what is flagged, and its id."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from hostile_submissions import json_lines
from small_submission import noisy, predictions_table, small_references, submission_yaml, write_submission

from ppaint.eval_suite import CheckedSubmission, check_submission, read_predictions
from ppaint.eval_suite.leaderboard.checks import EarlierSystem, checked_id, flags, refusals
from ppaint.foundation.faults import InputFault

REFERENCES = small_references()


def checked(folder: Path, values: np.ndarray | None = None, **changes: str) -> CheckedSubmission:
    return check_submission(write_submission(folder, REFERENCES, values, **changes), REFERENCES)


def earlier(one: CheckedSubmission) -> EarlierSystem:
    own = one.submission
    return EarlierSystem(one.id, own.system, own.version, tuple(own.dimensions), one.values)


def test_a_sound_submission(tmp_path):
    values = noisy(REFERENCES, 1.0)
    found = checked(tmp_path / "sub", values)
    assert np.array_equal(found.values, values) and found.coverage == 1.0
    assert re.fullmatch("[0-9a-f]{16}", found.id) and sorted(found.files) == ["predictions.csv", "submission.yaml"]
    assert flags(found, [], REFERENCES, 0.99) == () and refusals(found, []) == []


def test_the_id_is_over_what_is_said_and_not_over_bytes(tmp_path):
    values = noisy(REFERENCES, 1.0)
    one = checked(tmp_path / "csv", values)
    text = "# mine\n" + submission_yaml(
        REFERENCES, dimensions="[overall, line]", model='{"id": ORG/NAME, parameters: 8800000000, revision: 0123abc}'
    )
    table = predictions_table(REFERENCES, values).iloc[::-1]
    for name in ("jsonl", "parquet"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "submission.yaml").write_text(text, encoding="utf-8")
        if name == "jsonl":
            (folder / "predictions.jsonl").write_text(json_lines(table), encoding="utf-8")
        else:
            table.assign(extra_sd=1.0).rename(columns={"extra_sd": "line_sd"}).to_parquet(
                folder / "predictions.parquet"
            )
        other = check_submission(folder, REFERENCES)
        assert other.id == one.id and other.files != one.files
        assert other.submission == one.submission


@pytest.mark.parametrize("changes", [{"notes": "one word"}, {"version": '"2"'}, {"model": "{id: null, revision: null, parameters: 8.8e9}"}])  # fmt: skip
def test_another_word_is_another_id(tmp_path, changes):
    assert checked(tmp_path / "a").id != checked(tmp_path / "b", **changes).id


def test_another_last_digit_or_an_abstention_is_another_id(tmp_path):
    values = noisy(REFERENCES, 1.0)
    ids = {checked(tmp_path / "a", values).id}
    values[3, 1] = np.nextafter(values[3, 1], 9)
    ids.add(checked(tmp_path / "b", values).id)
    values[3, 1] = np.nan
    ids.add(checked(tmp_path / "c", values).id)
    assert len(ids) == 3


def test_minus_zero_is_zero(tmp_path):
    values = noisy(REFERENCES, 1.0)
    ids = set()
    for zero in (0.0, -0.0):
        values[3, 1] = zero
        ids.add(checked(tmp_path / str(zero), values).id)
    assert len(ids) == 1


def test_a_float32_column_is_read_as_its_exact_double(tmp_path):
    folder = write_submission(tmp_path / "sub", REFERENCES)
    (folder / "predictions.csv").unlink()
    table = predictions_table(REFERENCES, noisy(REFERENCES, 1.0)).astype({"line": np.float32})
    table.to_parquet(folder / "predictions.parquet")
    assert np.array_equal(
        check_submission(folder, REFERENCES).values[:, 0], table["line"].to_numpy().astype(np.float64)
    )


def test_whatever_byte_of_a_footer_is_damaged_there_is_an_answer(tmp_path):
    # pyarrow ended the whole process where a column's level counts did not fit its kind
    folder = write_submission(tmp_path / "sub", REFERENCES)
    (folder / "predictions.csv").unlink()
    path = folder / "predictions.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"line": [1.0, 2.0]}), path, store_schema=False)
    whole = path.read_bytes()
    for place in range(len(whole) - 8 - int.from_bytes(whole[-8:-4], "little"), len(whole) - 8):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
        with pytest.raises(InputFault):
            read_predictions(path, REFERENCES)


def test_the_headline_dimension_alone(tmp_path):
    found = checked(tmp_path / "sub", noisy(REFERENCES, 1.0)[:, 1:], dimensions="[overall]")
    assert found.values.shape == (24, 1) and found.submission.dimensions == ["overall"]


def test_every_fault_of_both_files_is_told_at_once(tmp_path):
    folder = write_submission(tmp_path / "sub", REFERENCES, kind="cat", link="http://x", release="0" * 64)
    table = pd.read_csv(folder / "predictions.csv").drop(index=3)
    table.assign(line="x").to_csv(folder / "predictions.csv", index=False)
    with pytest.raises(InputFault) as caught:
        check_submission(folder, REFERENCES)
    for said in ("kind", "https", "another release", "have no prediction", "'x' is not a finite number"):
        assert said in str(caught.value)


def test_what_does_not_belong_there_is_refused_before_a_file_is_opened(tmp_path):
    folder = write_submission(tmp_path / "sub", REFERENCES, kind="cat")
    (folder / "model.pkl").write_bytes(b"x")
    with pytest.raises(InputFault) as caught:
        check_submission(folder, REFERENCES)
    assert [fault.row for fault in caught.value.faults] == ["model.pkl"]


@pytest.mark.parametrize("kind", ["absent", "a file", "a link"])
def test_what_is_no_folder(tmp_path, kind):
    path = tmp_path / "sub"
    if kind == "a file":
        path.write_text("x")
    if kind == "a link":
        path.symlink_to(write_submission(tmp_path / "other", REFERENCES))
    with pytest.raises(InputFault, match={"absent": "no such folder", "a file": "is no folder"}.get(kind, "is a link")):
        check_submission(path, REFERENCES)


def test_a_prediction_of_a_simulated_release_is_simulated(tmp_path):
    simulated = small_references(simulated=True)
    with pytest.raises(InputFault, match="simulated: small-simulated is a simulated release"):
        check_submission(write_submission(tmp_path / "a", simulated, simulated="false"), simulated)
    assert check_submission(write_submission(tmp_path / "b", simulated), simulated).submission.simulated


COPIES = {
    "as they are": lambda v: v,
    "with the same gap": lambda v: v,
    "the headline alone": lambda v: v[:, 1:],
}


@pytest.mark.parametrize("kind", COPIES)
def test_equal_predictions_of_another_system_are_refused(tmp_path, kind):
    values = noisy(REFERENCES, 1.0)
    if kind == "with the same gap":
        values[3, 0] = np.nan
    first = earlier(checked(tmp_path / "a", values))
    copy = COPIES[kind](values)
    changes = {"dimensions": "[overall]"} if copy.shape[1] == 1 else {}
    found = refusals(checked(tmp_path / "b", copy, system="another", **changes), [first])
    assert len(found) == 1 and f"those of another system, a small system 1 ({first.id})" in found[0].what


def test_what_is_there_is_refused(tmp_path):
    one = checked(tmp_path / "a")
    again = checked(tmp_path / "b", notes="other words", system="A SMALL System")
    assert [fault.what for fault in refusals(one, [earlier(one)])] == ["stands on the board already"]
    assert [fault.row for fault in refusals(again, [earlier(one)])] == ["version"]


def test_words_are_corrected_with_equal_predictions_and_another_version(tmp_path):
    first = earlier(checked(tmp_path / "a"))
    second = checked(tmp_path / "b", notes="other words", version='"1.1"', supersedes=first.id)
    assert refusals(second, [first]) == [] and flags(second, [first], REFERENCES, None) == ()


def test_what_is_superseded_must_be_an_entry_of_the_same_system(tmp_path):
    first = earlier(checked(tmp_path / "a"))
    values = noisy(REFERENCES, 1.0, seed=5)
    nothing = refusals(checked(tmp_path / "b", values, version='"2"', supersedes="0" * 16), [first])
    other = refusals(checked(tmp_path / "c", values, system="another", supersedes=first.id), [first])
    assert "no entry of this board" in nothing[0].what and "is another system" in other[0].what


@pytest.mark.parametrize(
    "change", [lambda v: 2 * v + 1, np.exp, lambda v: v + 1e-9 * np.arange(v.size).reshape(v.shape)]
)
def test_the_order_of_an_earlier_system_is_flagged(tmp_path, change):
    values = noisy(REFERENCES, 1.0)
    first = earlier(checked(tmp_path / "a", values))
    second = checked(tmp_path / "b", change(values), system="another")
    assert refusals(second, [first]) == []
    assert flags(second, [first], REFERENCES, None) == (f"same_order_as:{first.id}",)


def test_the_order_of_one_facet_alone_is_not_flagged(tmp_path):
    values = noisy(REFERENCES, 1.0)
    first = earlier(checked(tmp_path / "a", values))
    other = np.where(np.arange(24)[:, None] < 12, values, noisy(REFERENCES, 1.0, seed=5))
    assert flags(checked(tmp_path / "b", other, system="another"), [first], REFERENCES, None) == ()


LABELS = {
    "pasted in": (lambda v: v, ("same_order_as_labels", "above_noise_ceiling")),
    "on another scale": (lambda v: np.exp(v) - 7, ("same_order_as_labels", "above_noise_ceiling")),
    "with small noise": (lambda v: v + np.random.default_rng(7).normal(0, 0.3, v.shape), ("above_noise_ceiling",)),
    "with smaller noise": (lambda v: v + np.random.default_rng(7).normal(0, 1e-9, v.shape), ("same_order_as_labels", "above_noise_ceiling")),
    "in one dimension": (lambda v: np.column_stack([noisy(REFERENCES, 3.0)[:, 0], v[:, 1]]), ("same_order_as_labels",)),
    "with gaps": (lambda v: np.where(np.arange(24)[:, None] % 9 == 0, np.nan, v), ("same_order_as_labels", "above_noise_ceiling", "incomplete")),
    "reversed": (lambda v: -v, ()),
}  # fmt: skip


@pytest.mark.parametrize("kind", LABELS)
def test_labels_as_predictions_are_flagged(tmp_path, kind):
    change, expected = LABELS[kind]
    assert flags(checked(tmp_path / "sub", change(REFERENCES.values)), [], REFERENCES, 0.9) == expected


def test_the_headline_alone_is_held_against_its_own_ceiling_too(tmp_path):
    labels = REFERENCES.values[:, 1] + np.random.default_rng(7).normal(0, 0.3, 24)
    found = checked(tmp_path / "sub", np.column_stack([noisy(REFERENCES, 3.0)[:, 0], labels]))
    assert flags(found, [], REFERENCES, 0.9) == ()  # over both dimensions it is low
    assert flags(found, [], REFERENCES, 0.9, 0.9) == ("above_noise_ceiling",)


def test_abstentions_are_flagged_and_not_refused(tmp_path):
    values = noisy(REFERENCES, 1.0)
    for gaps in ([(0, 0)], [(n, 1) for n in range(10)], [(n, d) for n in range(12) for d in (0, 1)]):
        given = values.copy()
        given[tuple(np.transpose(gaps))] = np.nan
        found = checked(tmp_path / str(len(gaps)), given)
        assert found.coverage == pytest.approx(1 - len(gaps) / 48)
        assert flags(found, [], REFERENCES, 0.9) == ("incomplete",)


def test_a_facet_without_labels_counts_for_nothing(tmp_path):
    holes = REFERENCES.values.copy()
    holes[12:, 0] = np.nan
    references = replace(REFERENCES, values=holes)
    folder = write_submission(
        tmp_path / "sub", references, np.where(np.isnan(holes), 0, holes) + np.arange(24)[:, None] * 1e-12
    )
    found = flags(check_submission(folder, references), [], references, 0.95)
    assert found == ("same_order_as_labels", "above_noise_ceiling")


@pytest.mark.parametrize("text", ["../../x", "0123456789ABCDEF", "0123456789abcde", "", "0123456789abcdef\n", "*"])
def test_an_id_that_is_none_never_becomes_a_path(text):
    with pytest.raises(InputFault, match="--status: .* is no id of a submission"):
        checked_id(text, "--status")
