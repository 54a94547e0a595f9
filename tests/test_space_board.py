"""The Space's leaderboard: what the board's own page says, and of a submission what `ppaint submit` and `accept` would."""

import json
import resource
import shlex
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from hostile_submissions import HOSTILE
from huggingface_hub import CommitOperationAdd, HfApi, constants
from served_page import make_parts
from small_board import board_of_four
from small_submission import noisy, small_references, write_submission
from typer.testing import CliRunner

from ppaint.cli.main import app as command
from ppaint.eval_suite.leaderboard.accept import accept
from ppaint.eval_suite.leaderboard.board import read_board
from ppaint.eval_suite.leaderboard.checks import check_submission as checked_folder
from ppaint.eval_suite.leaderboard.inbox import hand_in
from ppaint.eval_suite.leaderboard.log import read_log
from ppaint.foundation.faults import InputFault
from ppaint.spaces_demo import board_views as views
from ppaint.spaces_demo.board_answers import comparison, leaderboard, system
from ppaint.spaces_demo.checked_html import checked_html
from ppaint.spaces_demo.html_table import html_table
from ppaint.spaces_demo.leaderboard_tab import board_html, plots_html, system_html
from ppaint.spaces_demo.served import Served
from ppaint.spaces_demo.served_board import load_board
from ppaint.spaces_demo.space_file import NamedRepo
from ppaint.spaces_demo.submission_check import check_files, check_submission

REFERENCES = small_references()


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return make_parts(tmp_path_factory.mktemp("parts"))


@pytest.fixture(scope="module")
def served(parts):
    found = Served({"dataset": NamedRepo(str(parts.dataset)), "board": NamedRepo(str(parts.board))})
    found.load()
    return found


@pytest.fixture(scope="module")
def board(served):
    return served.board.wait()


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory):
    """The board of the release that the hostile submissions are for."""
    return board_of_four(tmp_path_factory.mktemp("small"), REFERENCES)


@pytest.fixture(scope="module")
def small_board(small_folder):
    return load_board(NamedRepo(str(small_folder)))


# --- what the board says


def test_the_answer_is_what_the_boards_own_file_holds(parts, board):
    found = leaderboard(board)
    assert found.pop("board") == {"place": str(parts.board), "commit": None}
    assert found == json.loads((parts.board / "board" / "leaderboard.json").read_text())


def test_a_system_has_every_figure_that_was_kept_of_it(parts, board):
    (all_of, alone) = leaderboard(board)["tables"]
    id_ = all_of["rows"][1]["id"]
    found = system(board, id_)
    kept = json.loads((parts.board / "evaluated" / f"{id_}.json").read_text())
    assert found["figures"] == kept["figures"]["figures"] and found["submission"] == kept["submission"]
    row = next(row for row in alone["rows"] if row["id"] == id_)
    assert found["rows"] == {"all": all_of["rows"][1], alone["key"]: row}
    shown = views.figure_rows(found)
    assert len(shown) == sum(len(cells) for cells in found["figures"].values())
    mean = next(cells for cells in shown if cells[:2] == ["SRCC", "mean"])
    assert mean[-1] == views.table_rows(board.board, "all")[1][3]  # the mean over all is the headline


def test_no_row_of_another_id(board):
    with pytest.raises(InputFault, match="no row of this board has this id. Fix: choose a system"):
        system(board, "0" * 16)


def test_a_pair_is_the_tables_test_in_either_order(board):
    table = leaderboard(board)["tables"][0]
    pair = table["pairs"][1]
    one, other = (
        comparison(board, pair[a], pair[b])["tables"][0] for a, b in (("first", "second"), ("second", "first"))
    )
    assert one == {"key": "all", "title": table["title"], "test": pair, "why": ""}
    turned = other["test"]
    assert (turned["difference"], turned["low"], turned["high"]) == (-pair["difference"], -pair["high"], -pair["low"])
    assert (turned["p_adjusted"], turned["error"]) == (pair["p_adjusted"], pair["error"])
    with pytest.raises(InputFault, match="is compared with itself. Fix: choose two systems"):
        comparison(board, pair["first"], pair["first"])


def test_filters_leave_rows_out_and_change_no_rank(board):
    every = views.table_rows(board.board, "all")
    offered = views.choices_of(board.board)
    assert [len(row) for row in every] == [len(views.table_headers(board.board))] * len(every)
    assert len(offered.systems) == 4 and offered.labels == [views.ANY, "none"]
    kept = views.table_rows(board.board, "all", labels="none", access=offered.access[1], trained=views.NOT_ON_PPAINT)
    assert kept == every
    assert [row[1] for row in views.table_rows(board.board, "all", access="API")] == [row[1] for row in every[4:]]
    assert all(row[1].startswith("(") for row in every[4:])


# --- a submission


@pytest.mark.parametrize("name", ["predictions.csv", "../../My Scores.CSV", "a\\b.csv"])
def test_a_sound_submission_gets_what_submit_and_accept_give(parts, served, tmp_path, name):
    folder = write_submission(tmp_path / "sub", parts.references, noisy(parts.references, 2.5))
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    table = uploads / Path(name).name
    table.write_bytes((folder / "predictions.csv").read_bytes())
    found = check_submission(served, str(folder / "submission.yaml"), str(table))
    assert json.loads(json.dumps(found, allow_nan=False)) == found and found["flags"] == [] and len(found["rank"]) == 2
    if name != "predictions.csv":
        assert "faults" not in found
        return
    call = ["submit", str(folder), "--dataset", str(parts.dataset), "--board", str(parts.board)]
    said = CliRunner().invoke(command, call, catch_exceptions=False).output
    assert f"{found['id']}: sound." in said
    for one in found["rank"]:
        low, high = one["low"], one["high"]
        assert f"{one['title']}: rank {low if low == high else f'{low} to {high}'} of {one['of']}" in said
    headline = found["card"]["figures"]["headline"]
    assert f"headline: SRCC {headline['value']:.3f} [{headline['low']:.3f}, {headline['high']:.3f}]" in said
    assert all(f"note: {note}" in " ".join(said.split()) for note in found["card"]["notes"])
    assert shlex.split(found["command"]) == ["ppaint", "submit", "mine", *call[2:4], "--to", str(parts.board)]
    _is_what_accept_gives(found, parts, folder, tmp_path)


def _is_what_accept_gives(found, parts, folder, tmp_path):
    """Handed in and accepted on a board of the same four."""
    board = shutil.copytree(parts.board, tmp_path / "again")
    hand_in(checked_folder(folder, parts.references), board)
    (line,) = accept(board, None, parts.references, lambda prepared: True).accepted
    assert (line.id, list(line.flags)) == (found["id"], found["flags"])
    assert (line.figures, line.coverage) == (found["card"]["figures"], found["card"]["coverage"])
    tables = read_board(board, read_log(board)).tables
    rows = {table.key: next(row for row in table.rows if row.id == line.id) for table in tables}
    assert {one["table"]: (one["low"], one["high"]) for one in found["rank"]} == {
        key: row.rank for key, row in rows.items()
    }
    assert [one["of"] for one in found["rank"]] == [len(table.ranked) for table in tables]


def test_flags_keep_from_a_rank(parts, served, tmp_path):
    folder = write_submission(tmp_path / "sub", parts.references, parts.references.values)
    found = check_submission(served, str(folder / "submission.yaml"), str(folder / "predictions.csv"))
    assert "same_order_as_labels" in found["flags"] and found["rank"] == []


def test_what_stands_on_the_board_is_refused(parts, served):
    (one, *_) = sorted((parts.board / "accepted").iterdir())
    found = check_submission(served, str(one / "submission.yaml"), str(one / "predictions.csv"))
    assert [fault["what"] for fault in found["faults"]] == ["stands on the board already"]
    assert [fault["file"] for fault in found["faults"]] == ["the submission"]


def test_without_a_board_the_card_is_given_and_no_rank(parts, tmp_path):
    found = Served({"dataset": NamedRepo(str(parts.dataset))})
    found.load()
    folder = write_submission(tmp_path / "sub", parts.references)
    answer = check_submission(found, str(folder / "submission.yaml"), str(folder / "predictions.csv"))
    assert answer["rank"] is None and answer["flags"] == []
    assert answer["command"] == f"ppaint submit mine --dataset {parts.dataset} --to BOARD"


def test_a_board_of_another_release_shows_its_tables_and_judges_no_submission(parts, small_folder):
    found = Served({"dataset": NamedRepo(str(parts.dataset)), "board": NamedRepo(str(small_folder))})
    found.load()
    assert len(leaderboard(found.board.wait())["tables"]) == 2
    with pytest.raises(InputFault, match=r"is not the release of this board \(small, .*Fix: serve the release small"):
        check_submission(found, "a", "b")


@pytest.mark.parametrize(("about", "predictions", "missing"), [(None, "a.csv", 1), ("a", None, 1), (None, None, 2)])
def test_what_was_not_uploaded_is_named(about, predictions, missing, small_board):
    found = check_files(about, predictions, REFERENCES, small_board)
    assert [fault["what"] for fault in found["faults"]] == ["is missing"] * missing


# What is another fault for two files than for a folder: there is no place for a third, and of a name only the ending is read.
HERE = {
    "a link to a file": "is a link",
    "a link to nothing": "is a link",
    "a link to a folder": "images: does not belong",
    "a sub-folder": "images: does not belong",
    "a hidden folder": ".git: does not belong",
    "two tables": "the column is missing",
    "a thousand files": "the file is empty",
    "no predictions": "predictions.csv: is missing",
    "a capital letter": "the table has no rows",
}


def odd_one(folder: Path) -> tuple[str, str]:
    """The two files that a visitor uploads out of a folder: of what does not belong there, the odd one as the table."""
    names = sorted(path.name for path in folder.iterdir() if path.name not in ("submission.yaml", "predictions.csv"))
    table = folder / (names[0] if names else "predictions.csv")
    return str(folder / "submission.yaml"), str(table)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_submission_is_refused_and_nothing_of_it_is_kept(name, small_board, tmp_path, monkeypatch):
    spoil, said = HOSTILE[name]
    folder = write_submission(tmp_path / "sub", REFERENCES)
    spoil(folder, REFERENCES)
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    about, table = odd_one(folder)
    said = HERE.get(name, said)
    start, memory = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = check_files(about, table, REFERENCES, small_board)
    assert time.perf_counter() - start < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 700_000  # KiB
    assert list(found) == ["faults"] and found["faults"]
    assert str(tmp_path) not in json.dumps(found, ensure_ascii=False).encode("utf-8").decode()
    assert list(place.iterdir()) == []
    whole = " ".join(f"{fault['file']} {fault['place']}: {fault['what']}" for fault in found["faults"])
    assert said in whole, whole


def test_nothing_is_kept_when_the_check_itself_fails(small_board, tmp_path, monkeypatch):
    folder = write_submission(tmp_path / "sub", REFERENCES)
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with pytest.raises(AttributeError):
        check_files(str(folder / "submission.yaml"), str(folder / "predictions.csv"), None, small_board)
    assert list(place.iterdir()) == []


# --- the page


def test_text_of_others_is_text_wherever_the_page_shows_it(board, tmp_path):
    bad = "<img src=x onerror=alert(1)>"
    found = system(board, board.board.tables[0].rows[0].id)
    found["submission"]["notes"], found["notes"] = bad, [bad]
    table = views.table_rows(board.board, "all")
    table[0][1] = bad
    shown = system_html(found) + html_table(bad, [bad], table) + html_table(bad, [bad], table, wraps=True)
    fault = dict.fromkeys(("file", "place", "what", "fix"), bad)
    card = {"system": bad, "version": bad, "release": bad, "simulated": True, "dimensions": [], "coverage": 1.0}
    card |= {"figures": {"figures": {bad: {bad: {bad: {"value": 1.0, "low": None, "high": None}}}}}, "notes": [bad]}
    sound = {"id": bad, "card": card | {"with_medians": None}, "flags": [bad], "rank": []}
    shown += checked_html({"faults": [fault]}) + checked_html(sound)
    assert "<img" not in shown and shown.count("&lt;img") >= 10


def test_the_page_names_the_board_and_another_release(served, parts, tmp_path):
    said = board_html(served)
    assert "pilot leaderboard" in said and f"<code>{parts.references.sha256[:16]}</code>" in said
    assert "Ada &amp; Co" in said and "Another release" not in said
    other = Served({"dataset": None, "board": None})
    assert "start it with --board (PPAINT_BOARD)" in board_html(other)


def test_the_plots_are_drawn_once_and_say_what_they_show(board):
    forest, cost = board.plots.pictures()
    assert board.plots.pictures()[0] is forest and forest.png.startswith(b"\x89PNG") and cost.png.startswith(b"\x89PNG")
    first = board.board.tables[0].rows[0]
    assert f"{first.system} {first.srcc.value:.3f}" in forest.shows
    shown = plots_html(board)
    assert shown.count("<img") == 2 and shown.count('alt="Plot: ') == 2


def test_a_board_whose_log_was_changed_is_one_clear_fault(parts, tmp_path):
    folder = tmp_path / "board"
    shutil.copytree(parts.board, folder)
    path = folder / "log.jsonl"
    path.write_text(path.read_text().replace('"system":"S1"', '"system":"S9"'))
    found = Served({"board": NamedRepo(str(folder))})
    found.load()
    assert "was changed: its hash is not that of its content" in str(found.board.fault)
    with pytest.raises(InputFault, match="is no board: it has no log"):
        load_board(NamedRepo(str(tmp_path)))


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_a_board_on_a_hub_is_named_by_its_repo_and_commit(hub, parts, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    api, name = HfApi(endpoint=hub.url, token="hf_ann"), "ann/space-board"
    api.create_repo(name, repo_type="dataset")
    files = {path.relative_to(parts.board).as_posix(): path for path in parts.board.rglob("*") if path.is_file()}
    added = [CommitOperationAdd(path, content) for path, content in files.items() if not path.startswith(".")]
    commit = api.create_commit(name, added, repo_type="dataset", commit_message="a board").oid
    log = CommitOperationAdd("log.jsonl", files["log.jsonl"].read_bytes().replace(b"S1", b"S9"))
    api.create_commit(name, [log], repo_type="dataset", commit_message="another log")
    found = load_board(NamedRepo.read(f"hub:{name}@{commit}"))
    assert leaderboard(found) == json.loads((parts.board / "board" / "leaderboard.json").read_text()) | {
        "board": {"place": f"hub:{name}", "commit": commit}
    }
    for named in (name, f"hub:{name}"):
        with pytest.raises(InputFault, match=f"^hub:{name}/log.jsonl, line 3: was changed"):
            load_board(NamedRepo(named))
    with pytest.raises(InputFault, match="ann/nowhere: no such folder, and no such dataset repo on the Hub"):
        load_board(NamedRepo("hub:ann/nowhere"))
