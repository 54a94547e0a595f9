"""A board: what is accepted, refused, flagged and withdrawn, what a killed command leaves, and what every change breaks."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from small_board import board_of_four, handed_in, noisy, scores, write_submission
from typer.testing import CliRunner

from ppaint.cli.main import app
from ppaint.eval_suite.leaderboard.accept import accept, decline, prepare, withdraw
from ppaint.eval_suite.leaderboard.board import read_board
from ppaint.eval_suite.leaderboard.build import build
from ppaint.eval_suite.leaderboard.checks import check_submission
from ppaint.eval_suite.leaderboard.history import status, waiting_ids
from ppaint.eval_suite.leaderboard.log import append, linked, read_log
from ppaint.eval_suite.leaderboard.new_board import evaluate_anew, new_board
from ppaint.eval_suite.leaderboard.page_files import markdown
from ppaint.eval_suite.leaderboard.plain_files import json_text
from ppaint.eval_suite.leaderboard.standing import standing
from ppaint.eval_suite.leaderboard.verify import verify
from ppaint.eval_suite.reference_table import read_reference_table
from ppaint.foundation.faults import InputFault


def yes(prepared):
    return True


@pytest.fixture(scope="module")
def references():
    return scores()


@pytest.fixture(scope="module")
def four(tmp_path_factory, references):
    """A board of four systems, built; not to be changed."""
    return board_of_four(tmp_path_factory.mktemp("four"), references)


@pytest.fixture
def board(four, tmp_path):
    """A copy of it that a test may change."""
    return shutil.copytree(four, tmp_path / "board")


def table(board, place=0):
    """A table as `build` writes it; without the plots, which take longer than all else."""
    return json.loads(json_text(read_board(board, read_log(board))))["tables"][place]


def page_of(board):
    return markdown(read_board(board, read_log(board)))


def add_to(path, text):
    path.write_text(path.read_text() + text)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_was_accepted_stands_in_log_tables_and_status(four):
    lines = read_log(four)
    assert [line.event for line in lines] == ["new", *["accept"] * 4] and waiting_ids(four) == []
    rows = table(four)["rows"]
    assert [row["system"] for row in rows] == ["S0", "S1", "S2", "S3"]
    assert rows[0]["srcc"]["value"] == max(row["srcc"]["value"] for row in rows)
    assert rows[0]["rank"][0] == 1 and rows[0]["not_separated_from_first"] is True
    assert rows[3]["not_separated_from_first"] is False
    assert len(table(four)["pairs"]) == 6 and {pair["first"] for pair in table(four)["pairs"]} <= {
        row["id"] for row in rows
    }
    assert str(status(four, lines[2].id)) == "accepted (entry 3 of the log)"
    assert status(four, "0" * 16).state == "unknown"
    page = (four / "board" / "README.md").read_text(encoding="utf-8")
    for words in (
        "Ada &#38; Co",
        "open an issue",
        "a claim, and no proof",
        lines[-1].hash,
        "conservative near SRCC 1",
        "held the true value in 92 to 95 % of the trials",
        "../accepted",
    ):
        assert words in page


def test_the_same_log_gives_the_same_bytes(board):
    before = files(board / "board")
    shutil.rmtree(board / "board")
    build(board)
    assert files(board / "board") == before


def test_verify_finds_nothing_on_a_sound_board_and_every_figure_again(four, references):
    found = verify(four, references=references, head=read_log(four)[2].hash)
    assert found.faults == () and found.notes == ()


def first(board, kind="accepted"):
    return sorted((board / kind).iterdir())[0]


CHANGES = {
    "a prediction": lambda board: add_to(first(board) / "predictions.csv", "\n"),
    "a description": lambda board: add_to(first(board) / "submission.yaml", "# x\n"),
    "a file is gone": lambda board: (first(board) / "submission.yaml").unlink(),
    "an entry is gone": lambda board: shutil.rmtree(first(board)),
    "a file more": lambda board: (first(board) / "x.py").write_text("1"),
    "a figure": lambda board: first(board, "evaluated").write_text(
        first(board, "evaluated").read_text().replace("0.", "1.")
    ),
    "the seed": lambda board: change_facts(board, seed=1),
    "the release": lambda board: change_facts(board, release="0" * 64),
    "a key more": lambda board: change_facts(board, more=1),
    "no facts": lambda board: (board / "board.yaml").unlink(),
    "broken facts": lambda board: (board / "board.yaml").write_text("{["),
    "facts that are no text": lambda board: (board / "board.yaml").write_text('name: "\\UFFFFFFFF"'),
    "facts with a date that is none": lambda board: (board / "board.yaml").write_text("name: 2026-99-99"),
    "the log": lambda board: (board / "log.jsonl").write_bytes(
        (board / "log.jsonl").read_bytes().replace(b'"S0"', b'"SX"')
    ),
}


def change_facts(board, **changed):
    path = board / "board.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changed, sort_keys=False))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_found_by_verify_and_stops_build(board, change):
    change(board)
    before = files(board)
    assert verify(board).faults
    with pytest.raises(InputFault):
        build(board)
    assert {name: content for name, content in files(board).items() if name != ".lock"} == before | {} or files(
        board
    ) == before


@pytest.mark.parametrize(
    "name", ["leaderboard.json", "leaderboard.csv", "leaderboard.md", "leaderboard.tex", "README.md"]
)
def test_a_changed_text_of_the_page_is_noted(board, name):
    path = board / "board" / name
    whole = path.read_bytes()
    assert verify(board).notes == ()
    for place in (0, whole.index(b"S2"), whole.index(b"0."), len(whole) - 1):
        path.write_bytes(whole[:place] + b"7" + whole[place + 1 :])
        [note] = verify(board).notes
        assert f"board/{name}" in note and "leaderboard build" in note
    path.unlink()
    assert f"board/{name}" in verify(board).notes[0]


def test_verify_finds_damaged_rows_of_others(board):
    (board / "reported.yaml").write_text("rows: [")
    assert "reported.yaml" in str(verify(board).faults[0])


@pytest.mark.parametrize("command", ["accept", "decline", "withdraw", "status", "standing"])
def test_a_broken_chain_stops_every_command(board, tmp_path, references, command):
    id_ = handed_in(board, tmp_path, references, noisy(references, 1, 9), system="new")
    CHANGES["the log"](board)
    before = files(board)
    call = {
        "accept": lambda: accept(board, [id_], references, yes),
        "decline": lambda: decline(board, id_, "no"),
        "withdraw": lambda: withdraw(board, first(board).name, "no"),
        "status": lambda: status(board, id_),
        "standing": lambda: standing(board, check_submission(tmp_path / "sub0", references), references),
    }[command]
    with pytest.raises(InputFault, match="was changed"):
        call()
    assert files(board) == before


def test_a_rewritten_history_does_not_lead_through_an_older_head(board, references, tmp_path):
    head = read_log(board)[-1].hash
    other = tmp_path / "other"
    new_board(other, references)
    assert "does not lead through" in verify(other, head=head).faults[0].what
    assert verify(board, head=head).faults == ()


@pytest.mark.parametrize("name", [b"notes", b"0123456789ABCDEF", b"\xff\x1b[31m"])
def test_a_folder_in_the_inbox_that_is_none_keeps_no_other_from_being_accepted(board, tmp_path, references, name):
    os.mkdir(os.fsencode(board / "inbox") + b"/" + name)
    id_ = handed_in(board, tmp_path, references, noisy(references, 1, 9), system="new")
    found = accept(board, None, references, yes)
    assert [line.id for line in found.accepted] == [id_]
    [[fault]] = found.refused.values()
    assert fault.what == "is no id of a submission" and str(fault).isprintable()
    with pytest.raises(InputFault, match="nothing waits there"):
        decline(board, id_, "no")


def test_nothing_is_written_where_the_answer_is_no(board, tmp_path, references):
    handed_in(board, tmp_path, references, noisy(references, 1, 9), system="new")
    before = files(board)
    asked = []
    found = accept(board, None, references, lambda prepared: asked.extend(prepared) or False)
    assert [one.line.system for one in asked] == ["new"] and found.accepted == ()
    assert files(board) == before


def test_a_refused_submission_keeps_no_other_from_being_accepted(board, tmp_path, references):
    copy = handed_in(board, tmp_path, references, noisy(references, 0.5, 0), system="copy")
    again = handed_in(board, tmp_path, references, noisy(references, 2, 8), system="S0")
    good = handed_in(board, tmp_path, references, noisy(references, 1, 9), system="good")
    broken = board / "inbox" / ("f" * 16)
    shutil.copytree(board / "inbox" / good, broken)
    found = accept(board, None, references, yes)
    assert [line.id for line in found.accepted] == [good]
    assert "those of another system, S0" in str(found.refused[copy][0])
    assert "stands on the board already" in str(found.refused[again][0])
    assert f"whose id is {good}" in str(found.refused[broken.name][0])
    assert set(waiting_ids(board)) == {copy, again, broken.name}


@pytest.mark.parametrize("id_", ["0" * 16, "../../etc", "", "a" * 5000])
def test_an_id_that_does_not_wait_is_refused(board, references, id_):
    before = files(board)
    for call in (lambda: accept(board, [id_], references, yes), lambda: decline(board, id_, "no")):
        with pytest.raises(InputFault, match="does not wait"):
            call()
    with pytest.raises(InputFault, match="is no entry"):
        withdraw(board, id_, "no")
    assert files(board) == before


def test_another_release_is_another_board(board, tmp_path, references):
    handed_in(board, tmp_path, references, noisy(references, 1, 9), system="new")
    with pytest.raises(InputFault, match="is not the release of this board"):
        accept(board, None, scores(seed=5), yes)


def test_what_is_flagged_is_shown_without_a_rank_and_in_no_family(board, tmp_path, references):
    gaps = noisy(references, 0.6, 20)
    gaps[3, 0] = np.nan
    handed_in(board, tmp_path, references, gaps, system="gaps")
    handed_in(board, tmp_path, references, references.values**3, system="labels")
    handed_in(board, tmp_path, references, noisy(references, 0.5, 0) * 2 + 1, system="same order")
    handed_in(board, tmp_path, references, noisy(references, 0.9, 21), system="person", kind="human")
    accept(board, None, references, yes)
    rows = {row["system"]: row for row in table(board)["rows"]}
    assert rows["gaps"]["why_not_ranked"] == ["incomplete"] and rows["gaps"]["coverage"] == 47 / 48
    assert rows["gaps"]["srcc_with_medians"]["value"] != rows["gaps"]["srcc"]["value"]
    assert rows["labels"]["why_not_ranked"] == ["same_order_as_labels"]
    assert rows["same order"]["why_not_ranked"] == [f"same_order_as:{rows['S0']['id']}"]
    assert rows["person"]["why_not_ranked"] == ["human"]
    assert all(rows[name]["rank"] is None for name in ("gaps", "labels", "same order", "person"))
    assert len(table(board)["pairs"]) == 6
    page = page_of(board)
    assert "incomplete (97.9% answered)" in page and "with medians" in page


def test_the_headline_dimension_alone_has_a_table_of_its_own(board, tmp_path, references):
    handed_in(board, tmp_path, references, noisy(references, 0.8, 30), system="one score", dimensions=["overall"])
    accept(board, None, references, yes)
    assert [len(table(board, place)["rows"]) for place in (0, 1)] == [4, 5]
    assert table(board, 1)["title"] == "overall alone"


def test_the_latest_version_of_a_system_stands_and_the_one_before_comes_back(board, tmp_path, references):
    old = next(line for line in read_log(board) if line.system == "S1")
    new = handed_in(
        board, tmp_path, references, noisy(references, 0.6, 40), system="S1", version="2", supersedes=old.id
    )
    assert accept(board, [new], references, yes).refused == {}
    rows = {row["id"]: row for row in table(board)["rows"]}
    assert old.id not in rows and rows[new]["handed_in"] == 2
    assert str(status(board, old.id)) == f"superseded by {new} (entry {old.seq} of the log)"
    withdraw(board, new, "wrong images")
    assert old.id in {row["id"] for row in table(board)["rows"]}
    assert str(status(board, new)) == "withdrawn: wrong images (entry 7 of the log)"


def test_a_description_is_corrected_with_equal_predictions(board, tmp_path, references):
    old = next(line for line in read_log(board) if line.system == "S0")
    new = handed_in(
        board,
        tmp_path,
        references,
        noisy(references, 0.5, 0),
        system="S0",
        version="1b",
        supersedes=old.id,
        notes="corrected",
    )
    [line] = accept(board, [new], references, yes).accepted
    assert line.flags == () and line.supersedes == old.id


def test_withdrawn_predictions_can_be_deleted_and_their_name_stays_taken(board, tmp_path, references):
    line = next(line for line in read_log(board) if line.system == "S2")
    withdraw(board, line.id, "by mistake")
    with pytest.raises(InputFault, match="was withdrawn before"):
        withdraw(board, line.id, "again")
    withdraw(board, line.id, "on request", remove_files=True)
    assert not (board / "accepted" / line.id).exists() and not (board / "evaluated" / f"{line.id}.json").exists()
    assert line.id not in {row["id"] for row in table(board)["rows"]}
    found = verify(board)
    assert found.faults == () and f"{line.id}: its predictions were deleted" in found.notes[0]
    assert read_log(board)[3].files == line.files
    again = handed_in(
        board,
        tmp_path,
        references,
        noisy(references, 1.5, 2),
        system="S2",
        cost={"passes_per_image": 2.0, "seconds_per_image": 0.1, "device": "H200"},
    )
    [fault] = accept(board, [again], references, yes).refused[again]
    assert again == line.id and "was withdrawn (entry 7 of the log)" in fault.what and "another version" in fault.fix
    decline(board, again, "it was withdrawn")
    handed_in(board, tmp_path, references, noisy(references, 3, 50), system="S2")
    [faults] = accept(board, None, references, yes).refused.values()
    assert "stands on the board already" in str(faults[0])


@pytest.mark.parametrize("command", ["decline", "withdraw"])
def test_every_command_reports_a_torn_line_that_it_cut_off(board, tmp_path, references, caplog, command):
    id_ = handed_in(board, tmp_path, references, noisy(references, 1, 9), system="new")
    add_to(board / "log.jsonl", '{"torn')
    decline(board, id_, "no") if command == "decline" else withdraw(board, read_log(board)[1].id, "no")
    assert "6 bytes of a line that was never completed" in caplog.text
    assert verify(board).faults == () and verify(board).notes == ()


def test_a_figure_that_the_predictions_do_not_give_is_found_though_every_hash_is_right(board, references):
    lines = list(read_log(board))
    path = board / "evaluated" / f"{lines[1].id}.json"
    content = json.loads(path.read_text())
    content["leave_one_out"]["all"]["value"] += 1e-6
    path.write_text(json.dumps(content))
    kept = [lines[0]]
    for line in lines[1:]:
        told = line.as_dict() | (
            {"evaluated": hashlib.sha256(path.read_bytes()).hexdigest()} if line is lines[1] else {}
        )
        kept.append(
            linked({key: value for key, value in told.items() if key not in ("seq", "previous", "hash")}, kept[-1])
        )
    (board / "log.jsonl").unlink()
    append(board, kept)
    assert verify(board).faults == ()
    [fault] = verify(board, references=references).faults
    assert "is not what its predictions give" in fault.what


def test_a_line_that_says_otherwise_than_what_is_kept_is_found_though_every_hash_is_right(board):
    kept: list = []
    for line in read_log(board):
        told = line.as_dict() | ({"coverage": 0.5} if line.seq == 2 else {})
        told = {key: value for key, value in told.items() if key not in ("seq", "previous", "hash")}
        kept.append(linked(told, kept[-1] if kept else None))
    (board / "log.jsonl").unlink()
    append(board, kept)
    [fault] = verify(board).faults
    assert fault.row == "line 2" and "what is kept of its entry" in fault.what


def test_a_declined_submission_leaves_the_inbox_and_its_submitter_learns_why(board, tmp_path, references):
    id_ = handed_in(board, tmp_path, references, noisy(references, 1, 9), system="new")
    assert str(status(board, id_)).startswith("waiting")
    with pytest.raises(InputFault, match="is empty"):
        decline(board, id_, " \n")
    decline(board, id_, "the link\nleads nowhere")
    assert str(status(board, id_)) == "declined: the link leads nowhere (entry 6 of the log)"
    assert waiting_ids(board) == []


def test_a_link_in_place_of_a_submission_can_be_declined_and_leads_nowhere(board, tmp_path, references):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "kept.txt").write_text("kept")
    (board / "inbox" / ("a" * 16)).symlink_to(tmp_path / "theirs")
    [faults] = accept(board, None, references, yes).refused.values()
    assert "is a link" in str(faults[0])
    decline(board, "a" * 16, "a link")
    assert (tmp_path / "theirs" / "kept.txt").read_text() == "kept" and waiting_ids(board) == []


def test_what_changed_while_it_was_checked_is_not_accepted(board, tmp_path, references, monkeypatch):
    id_ = handed_in(board, tmp_path, references, noisy(references, 1, 9), system="new")

    def spoil(prepared):
        add_to(board / "inbox" / id_ / "predictions.csv", "\n")
        return True

    found = accept(board, None, references, spoil)
    assert found.accepted == () and "was changed" in str(found.refused[id_][0])
    assert verify(board).faults == ()


def test_prepare_writes_nothing_and_gives_what_accept_writes(board, tmp_path, references):
    id_ = handed_in(board, tmp_path, references, noisy(references, 1, 9), system="new")
    before = files(board)
    pull_request = {"number": 3, "commit": "c" * 40}
    ready = prepare(board, board / "inbox" / id_, references, pull_request=pull_request)
    assert files(board) == before and ready.line.pull_request == pull_request
    accept(board, [id_], references, yes)
    after = files(board)
    assert {name: after[name] for name in ready.files} == ready.files
    assert read_log(board)[-1].previous == ready.line.previous


def test_where_a_submission_would_stand_is_where_it_stands_then(board, tmp_path, references):
    folder = write_submission(tmp_path / "mine", references, noisy(references, 1.0, 60), system="mine")
    before = files(board)
    said = str(standing(board, check_submission(folder, references), references))
    assert files(board) == before
    handed_in(board, tmp_path, references, noisy(references, 1.0, 60), system="mine")
    accept(board, None, references, yes)
    for line, place in zip(said.splitlines(), (0, 1), strict=True):
        low, high = next(row for row in table(board, place)["rows"] if row["system"] == "mine")["rank"]
        assert line.endswith(f"rank {low} to {high} of 5" if low < high else f"rank {low} of 5")


def test_the_systems_of_an_older_board_are_evaluated_anew(board, tmp_path):
    release = scores(seed=7)
    new_board(tmp_path / "new", release)
    found = evaluate_anew(tmp_path / "new", board, release)
    assert [line.system for line in found.accepted] == ["S0", "S1", "S2", "S3"] and not found.refused
    assert "evaluated anew: entry" in found.accepted[0].reason
    assert verify(tmp_path / "new", references=release).faults == ()
    assert verify(board).faults == ()


def test_of_an_older_board_that_was_changed_nothing_is_evaluated_anew(board, tmp_path):
    release = scores(seed=7)
    new_board(tmp_path / "new", release)
    CHANGES["a prediction"](board)
    with pytest.raises(InputFault, match="predictions.csv.*was changed"):
        evaluate_anew(tmp_path / "new", board, release)
    assert not any((tmp_path / "new" / "inbox").iterdir()) and len(read_log(tmp_path / "new")) == 1


def test_a_folder_that_holds_something_becomes_no_board(tmp_path, references):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "kept").write_text("kept")
    with pytest.raises(InputFault, match="not empty"):
        new_board(tmp_path / "x", references)
    assert files(tmp_path / "x") == {"kept": b"kept"}


def test_a_name_or_maintainer_that_is_too_long_is_one_fault_and_makes_no_board(tmp_path, references):
    with pytest.raises(InputFault) as caught:
        new_board(tmp_path / "x", references, name="x" * 101, maintained_by="y" * 501)
    assert [fault.row for fault in caught.value.faults] == ["name", "maintained_by"]
    assert list(tmp_path.iterdir()) == []


def test_rows_that_others_report_stand_apart_and_have_no_rank(board):
    rows = [{"system": "<b>Paper</b>", "source": "table 3", "link": "https://arxiv.org/abs/1", "srcc": 0.7}]
    (board / "reported.yaml").write_text(yaml.safe_dump({"rows": rows}))
    page = page_of(board)
    assert (
        page.index("Reported by others, not measured here")
        < page.index("&#60;b&#62;Paper")
        < page.index("How to read it")
    )
    assert all(row["system"].startswith("S") for row in table(board)["rows"])
    (board / "reported.yaml").write_text(yaml.safe_dump({"rows": [{"system": "x", "srcc": 7, "link": "http://a"}]}))
    with pytest.raises(InputFault) as caught:
        build(board)
    assert len(caught.value.faults) == 3


def test_a_simulated_release_says_so_in_every_file(tmp_path):
    release = scores(simulated=True)
    new_board(tmp_path / "board", release)
    handed_in(tmp_path / "board", tmp_path, release, noisy(release, 1, 1))
    accept(tmp_path / "board", None, release, yes)
    build(tmp_path / "board")
    found = files(tmp_path / "board" / "board")
    for name in ("leaderboard.md", "leaderboard.tex", "README.md", "forest.png", "cost.png"):
        assert b"simulated" in found[name], name
    assert json.loads(found["leaderboard.json"])["simulated"] is True
    assert b",true," in found["leaderboard.csv"].splitlines()[1]


def test_an_empty_board_is_built_too(tmp_path, references):
    new_board(tmp_path / "board", references)
    build(tmp_path / "board")
    assert b"No system yet" in files(tmp_path / "board" / "board")["README.md"]


def test_the_commands_from_an_empty_folder_to_a_page(tmp_path, references, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = references.table.assign(**dict(zip(references.dimensions, references.values.T, strict=True)))
    table.to_csv("scores.csv", index=False)
    made = read_reference_table(tmp_path / "scores.csv")

    def ppaint(words, answer=None):
        found = CliRunner().invoke(app, ["leaderboard", *words.split()], input=answer)
        if isinstance(found.exception, InputFault):
            return str(found.exception)
        assert found.exit_code == 0, found.output
        return found.output

    assert "nobody is named yet" in ppaint("new board --references scores.csv")
    one = handed_in(tmp_path / "board", tmp_path, made, noisy(made, 1, 0), system="S0")
    assert "nothing was accepted" in ppaint("accept board --all --references scores.csv", "n\n")
    other = handed_in(tmp_path / "board", tmp_path, made, noisy(made, 1, 1), system="S1")
    assert f"{one}: S0 1 accepted (entry 2 of the log)" in ppaint(f"accept board {one} --references scores.csv", "y\n")
    assert f"{one}: was accepted before" in ppaint(f"accept board {one} --references scores.csv --yes")
    assert "declined: no (entry 3" in ppaint(f"decline board {other} --reason no")
    assert "head of the log" in ppaint("build board")
    assert "every file is what was accepted" in ppaint("verify board")
    assert "is needed, or --references" in ppaint("accept board --all")
    (tmp_path / "board" / "log.jsonl").write_text("{}\n")
    assert "is no line of a log" in ppaint("new third --references scores.csv --from board")
    assert "is no line of a log" in ppaint("verify board")
    assert not (tmp_path / "third").exists()
