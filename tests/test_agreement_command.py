"""`ppaint agreement` prints every table, writes plots and figures whole, and refuses bad input with status 2."""

import json

import pytest
import typer
from datasets import load_dataset
from test_agreement_report import write_truth
from typer.testing import CliRunner

from ppaint.cli.agreement import agreement
from ppaint.dataset_script import build_dataset, read_release
from ppaint.images import InputFault

APP = typer.Typer()
APP.command()(agreement)


def run(*arguments):
    return CliRunner().invoke(APP, [str(word) for word in arguments])


def test_tables_plots_and_figures(export, tmp_path):
    truth, out = write_truth(tmp_path / "truth", export), tmp_path / "out"
    result = run(export.folder, "--truth", truth, "--out", out, "--processes", 1)
    assert result.exit_code == 0, result.output
    for words in (
        "Kendall's W, preferences",
        "Experts against the others",
        "Reliability against cost",
        "SRCC with the truth",
    ):
        assert words in result.output
    assert "simulated" not in result.output
    files = {path.name for path in out.iterdir()}
    assert files == {
        "agreement.json",
        "facets.csv",
        "experts.csv",
        "alike.csv",
        "cost.csv",
        *(f"{name}.png" for name in ("agreement", "experts", "cost")),
    }
    figures = json.loads((out / "agreement.json").read_text(encoding="utf-8"))
    assert len(figures["facets"]) == 4 and figures["equal_cost"][0]["reference"] == "the truth"
    assert figures["means"]["mean"]["variance_noise"] is None and figures["simulated"] is False


def test_one_protocol_has_no_cost_plot(export, tmp_path):
    (export.folder / "ratings.csv").unlink()
    result = run(export.folder, "--out", tmp_path / "out", "--processes", 1)
    assert result.exit_code == 0 and "note: reliability against cost" in result.output
    assert not (tmp_path / "out" / "cost.png").exists() and (tmp_path / "out" / "agreement.png").is_file()


def test_names_in_chinese_go_through_from_the_tables_to_the_plots_and_a_second_run_writes_the_same(
    export, tmp_path, caplog
):
    names = {"landscape": "山水", "brushwork": "筆墨", "overall": "意境"}
    for file in ("paintings.csv", "ratings.csv", "pairs.csv", "experts.csv"):
        rows = [row for row in export.read(file) if not any("figure" in cell for cell in row)]
        for plain, chinese in names.items():
            rows = [[cell.replace(plain, chinese) for cell in row] for row in rows]
        rows = [[cell.replace("images/山水", "images/landscape") for cell in row] for row in rows]
        export.write(file, rows)
    export.write_config(categories=["山水"], dimensions=["筆墨", "意境"], headline="意境")
    result = run(export.folder, "--out", tmp_path / "out", "--processes", 1)
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    figures = json.loads((out / "agreement.json").read_text(encoding="utf-8"))
    assert figures["release"] == "pilot" and figures["facets"][1]["dimension"] == "意境"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    from matplotlib import font_manager

    if not any("CJK" in name for name in font_manager.get_font_names()):
        assert "agreement.png: no font on this machine has 山水筆墨意境: drawn as boxes" in caplog.messages
    again = run(export.folder, "--out", out, "--processes", 1, "--overwrite")
    assert again.exit_code == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    build_dataset(export.folder, tmp_path / "ppaint")
    fused = load_dataset(str(tmp_path / "ppaint"), split="山水")
    read = read_release(tmp_path / "ppaint")
    assert read.references()[:, 1].tolist() == fused["意境"][:] and "意境_se_panel" in read.fused
    body = (tmp_path / "ppaint" / "README.md").read_text(encoding="utf-8")
    assert "| 山水 | 意境 |" in body and "`意境`" in body


def test_bad_input_leaves_nothing_behind(export, tmp_path):
    out = tmp_path / "out"
    for arguments in ((tmp_path / "no-such-export",), (export.folder, "--truth", tmp_path)):
        result = run(*arguments, "--out", out)
        assert isinstance(result.exception, InputFault) and not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("kept", encoding="utf-8")
    for extra in ((), ("--overwrite",)):
        result = run(export.folder, "--out", out, *extra)
        assert isinstance(result.exception, InputFault) and (out / "mine.txt").is_file()


@pytest.mark.parametrize("processes", [0, -1])
def test_options_out_of_range_exit_with_status_2(export, processes):
    assert run(export.folder, "--processes", processes).exit_code == 2
