"""`ppaint score` on any number of images: one table, the same however it came about; what is broken is named and left out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_release import draw_release
from one_command import runner_of
from PIL import Image
from process_tree import below
from small_disk import small_disk
from small_scorer import write_small_scorer

from ppaint.cli.main import main
from ppaint.cli.score import score
from ppaint.dataset_script.release import read_release
from ppaint.foundation.faults import InputFault
from ppaint.images import open_image
from ppaint.model_card import AestheticScorer
from ppaint.model_card.score_table import ScoreTable
from ppaint.pipeline.score_journal import journal_of
from ppaint.pipeline.score_run import Scored, Scoring, look_at_files, score_files

run = runner_of(score)
COUNT, BATCH = 24, 4
SLOWLY = """
import sys
from ppaint.model_card.scorer import AestheticScorer
scored = AestheticScorer.score_batches

def slowly(self, batches, **options):
    import time
    for one in scored(self, batches, **options):
        time.sleep(0.05)
        yield one

AestheticScorer.score_batches = slowly
if __name__ == "__main__":
    from ppaint.cli.main import main
    main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_small_scorer(tmp_path_factory.mktemp("scorer"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for place in range(COUNT):
        size = tuple(int(side) for side in rng.integers(60, 500, 2))
        picture = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(size, Image.BICUBIC)
        picture.convert("L" if place == 3 else "RGB").save(folder / f"{place:02d}.png")
    return folder


@pytest.fixture(scope="module")
def expected(model, images) -> ScoreTable:
    """As a version scored that opened every image first and kept it."""
    paths = sorted(images.iterdir())
    opened = [open_image(path, name=str(path)) for path in paths]
    return AestheticScorer.from_pretrained(model).score(opened, batch_size=BATCH)


def options(model: Path, out: Path, *more: object) -> list[object]:
    return ["--model", model, "--format", "csv", "--out", out, "--batch-size", BATCH, *more]


@pytest.mark.parametrize("workers", [0, 2])
def test_scores_are_bitwise_those_of_images_opened_first(model, images, expected, tmp_path, workers):
    told = run(images, *options(model, tmp_path / "scores.csv", "--workers", workers))
    assert (tmp_path / "scores.csv").read_text() == expected.to_csv()
    assert "03.png: greyscale converted to RGB" in told
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]  # the journal has done its work


def test_from_python_too_paths_are_opened_when_their_batch_comes(model, images, expected, monkeypatch):
    alive, most = 0, 0
    opening = open_image

    def counting(*given, **named):
        nonlocal alive, most
        opened = opening(*given, **named)
        alive, most = alive + 1, max(most, alive + 1)
        import weakref

        def gone():
            nonlocal alive
            alive -= 1

        weakref.finalize(opened, gone)
        return opened

    monkeypatch.setattr("ppaint.images.image_source.open_image", counting)
    table = AestheticScorer.from_pretrained(model).score(sorted(images.iterdir()), batch_size=BATCH)
    np.testing.assert_array_equal(table.mean, expected.mean)
    assert most <= 2


def test_a_script_of_ones_own_asks_for_workers_and_nothing_is_said_beside(model, images, expected, tmp_path):
    (tmp_path / "own.py").write_text(
        "from pathlib import Path\nfrom ppaint.model_card import AestheticScorer\nif __name__ == '__main__':\n"
        f"    scorer = AestheticScorer.from_pretrained({str(model)!r})\n"
        f"    table = scorer.score(sorted(Path({str(images)!r}).iterdir()), batch_size={BATCH}, workers=2)\n"
        "    print(table.to_csv(), end='')\n"
    )
    done = subprocess.run([sys.executable, tmp_path / "own.py"], capture_output=True, text=True, check=True)
    assert done.stdout == expected.to_csv().replace("\r\n", "\n")
    assert [line for line in done.stderr.replace("\r", "\n").splitlines() if "Loading weights" not in line] == []


def broken_copy(images: Path, folder: Path) -> Path:
    """The folder's images, two of them with broken pixels under a sound header."""
    folder.mkdir()
    for path in images.iterdir():
        content = path.read_bytes()
        (folder / path.name).write_bytes(content[:-400] if path.name in ("07.png", "11.png") else content)
    return folder


def test_what_is_broken_behind_its_header_is_left_out_named_at_the_end_and_cured(
    model, images, expected, tmp_path, capsys
):
    folder, out = broken_copy(images, tmp_path / "broken"), tmp_path / "scores.csv"
    with pytest.raises(SystemExit) as ending:
        main(["score", str(folder), *map(str, options(model, out, "--workers", 0))])
    said = capsys.readouterr().err
    assert ending.value.code == 2 and said.count("broken or truncated") == 2 and "07.png" in said and "11.png" in said
    assert "2 images have no row in the table" in said
    rows = pd.read_csv(out)
    sound = [place for place in range(COUNT) if place not in (7, 11)]
    assert [Path(name).name for name in rows["name"]] == [f"{place:02d}.png" for place in sound]
    np.testing.assert_allclose(rows["overall"], expected.mean[sound, 1], atol=1e-4)
    kept = journal_of(out).read_text().splitlines()
    for name in ("07.png", "11.png"):
        (folder / name).write_bytes((images / name).read_bytes())
    told = run(folder, *options(model, out, "--workers", 0))
    np.testing.assert_array_equal(pd.read_csv(out)["overall"], expected.mean[:, 1])
    again = sum(len(json.loads(line)["files"]) for line in kept[1:] if any(json.loads(line)["faults"]))
    assert f"{COUNT - again} of these images were scored by an earlier run" in told and not journal_of(out).exists()


def test_what_was_wrong_with_an_image_only_for_a_while_is_not_kept_against_it(model, images, expected, tmp_path):
    scorer = AestheticScorer.from_pretrained(model)
    paths = sorted(images.iterdir())
    sources = look_at_files(paths)
    sources[4] = replace(sources[4], size=(999, 77))  # as if another image had stood there when headers were read
    told = {"batch_size": BATCH, "out": tmp_path / "scores.csv", "model": "m", "workers": 0}
    wrong = score_files(scorer, sources, Scoring(**told))
    (fault,) = wrong.faults
    assert "changed meanwhile" in fault.what and wrong.left_out == 1 and len(wrong.table.names) == COUNT - 1
    again = score_files(scorer, look_at_files(paths), Scoring(**told))
    assert not again.faults and again.table.names == expected.names
    np.testing.assert_allclose(again.table.mean, expected.mean, atol=1e-4)


def test_a_second_run_does_not_come_between_table_and_journal(model, images, tmp_path):
    scorer = AestheticScorer.from_pretrained(model)
    sources = look_at_files(sorted(images.iterdir())[:6])
    told = {"batch_size": BATCH, "out": tmp_path / "scores.csv", "model": "m", "workers": 0}

    def meanwhile(scored: Scored) -> None:
        with pytest.raises(InputFault, match="another run is writing scores here"):
            score_files(scorer, sources, Scoring(**told))

    score_files(scorer, sources, Scoring(**told, write=meanwhile))
    assert not journal_of(told["out"]).exists()


def test_a_dataset_that_cannot_be_read_on_is_scored_as_far_as_it_came(model, tmp_path, monkeypatch):
    data, out = draw_release(tmp_path / "data"), tmp_path / "scores.csv"
    words = ["--dataset", data, *options(model, out, "--workers", 0)]
    rows = type(read_release(data)).paintings

    def breaks(*given, **named):
        for number, batch in enumerate(rows(*given, **named)):
            if number == 1:
                yield batch[:6]
                raise OSError("the line is dead")
            yield batch

    monkeypatch.setattr(type(read_release(data)), "paintings", breaks)
    with pytest.raises(InputFault, match=r"it cannot be read on after 18 images \(the line is dead\)"):
        run(*words)
    assert _images(out) == 18 and not out.exists()
    monkeypatch.undo()
    told = run(*words)
    assert "16 of these images were scored by an earlier run" in told  # the last two had a batch to themselves
    assert len(pd.read_csv(out)) == 24


def test_strict_scores_none_where_one_is_broken(model, images, tmp_path):
    folder, out = broken_copy(images, tmp_path / "broken"), tmp_path / "scores.csv"
    with pytest.raises(InputFault) as caught:
        run(folder, *options(model, out, "--strict", "--workers", 0))
    assert [Path(fault.file).name for fault in caught.value.faults] == ["07.png", "11.png"]
    assert not out.exists() and not journal_of(out).exists()


def test_where_all_are_broken_nothing_is_written(model, images, tmp_path):
    out = tmp_path / "scores.csv"
    (tmp_path / "a.png").write_bytes((images / "00.png").read_bytes()[:-300])
    with pytest.raises(InputFault, match="a.png: broken or truncated"):
        run(tmp_path / "a.png", *options(model, out))
    assert not out.exists()


def test_a_header_that_is_wrong_is_told_before_a_model_is_looked_for(images, tmp_path):
    (tmp_path / "a.jpg").write_text("<html>")
    with pytest.raises(InputFault) as caught:
        run(images, tmp_path / "a.jpg", tmp_path / "b.jpg", *options(tmp_path / "absent", tmp_path / "scores.csv"))
    assert ["web page" in fault.what or fault.what for fault in caught.value.faults] == [True, "no such file"]


@pytest.mark.parametrize(("workers", "kills"), [(0, (2, 4)), (2, (3,))])
def test_killed_at_any_time_it_goes_on_and_its_table_is_that_of_one_run(
    model, images, expected, tmp_path, workers, kills
):
    out, script = tmp_path / "scores.csv", tmp_path / "run.py"
    script.write_text(SLOWLY)
    words = ["score", images, *options(model, out, "--workers", workers)]
    whole = (COUNT + BATCH - 1) // BATCH
    for enough in kills:
        process = subprocess.Popen(
            [sys.executable, script, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 120
        while _batches(out) < enough:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.002)
        others = below(process.pid)
        assert len(others) >= workers
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        while any(Path(f"/proc/{other}").exists() for other in others):  # its workers, and their server, end too
            assert time.monotonic() < end
            time.sleep(0.01)
        assert not out.exists() and enough <= _batches(out) < whole
    with journal_of(out).open("a") as torn:
        torn.write('{"files": ["12')
    before = _batches(out)
    told = run(*words[1:])
    assert out.read_text() == expected.to_csv()
    assert f"{before * BATCH} of these images were scored by an earlier run" in told


def _images(out: Path) -> int:
    return sum(len(json.loads(line).get("files", ())) for line in journal_of(out).read_text().splitlines())


def _batches(out: Path) -> int:
    lines = journal_of(out).read_bytes().split(b"\n")[:-1] if journal_of(out).exists() else []
    batches = [tuple(json.loads(line)["files"]) for line in lines if b'"files"' in line]
    assert len(batches) == len(set(batches))  # none was scored twice
    return len(batches)


def test_scores_of_another_model_or_setting_are_not_gone_on_with(model, images, tmp_path):
    out = tmp_path / "scores.csv"
    folder = broken_copy(images, tmp_path / "broken")
    with pytest.raises(InputFault):
        run(folder, *options(model, out, "--workers", 0))
    with pytest.raises(InputFault, match=r"scores of another batch_size \(4 then, 8 now\)"):
        run(folder, *options(model, out, "--workers", 0, "--batch-size", 8))
    other = tmp_path / "other"
    write_small_scorer(other)
    card = other / "scorer_config.json"
    card.write_text(card.read_text().replace("-1.0", "-2.0"))
    with pytest.raises(InputFault, match="scores of another model"):
        run(folder, *options(other, out, "--workers", 0))
    journal_of(out).write_text('{"format": 1, "rows": []}\n')
    with pytest.raises(InputFault, match="not a row that ppaint wrote"):
        run(folder, *options(model, out, "--workers", 0))


def test_a_full_disk_is_said_and_what_was_scored_is_kept(model, images, expected, tmp_path):
    out = tmp_path / "scores.csv"
    with small_disk(3000), pytest.raises(InputFault, match="could not be written"):
        run(images, *options(model, out, "--workers", 0))
    assert 1 <= _batches(out) < COUNT / BATCH
    run(images, *options(model, out, "--workers", 0))
    assert out.read_text() == expected.to_csv()


def test_a_built_dataset_is_scored_as_its_files_are(model, tmp_path):
    data = draw_release(tmp_path / "data", missing=("figure_03",))
    with pytest.raises(InputFault, match="figure/figure_03: the dataset has no image of it"):
        run("--dataset", data, *options(model, tmp_path / "all.csv", "--workers", 0))
    rows = pd.read_csv(tmp_path / "all.csv")
    names = [f"{one.category}/{one.painting_id}" for batch in read_release(data).paintings() for one in batch]
    assert rows["name"].tolist() == [name for name in names if name != "figure/figure_03"]
    contents = [one.image for batch in read_release(data).paintings() for one in batch if one.image is not None]
    table = AestheticScorer.from_pretrained(model).score(contents)
    np.testing.assert_allclose(rows[["brushwork", "overall"]], table.mean, atol=1e-4)
    run("--dataset", data, "--split", "landscape", *options(model, tmp_path / "one.parquet", "--format", "parquet"))
    one = pd.read_parquet(tmp_path / "one.parquet")
    assert one["name"].tolist() == [f"landscape_{place:02d}" for place in range(12)]
    np.testing.assert_allclose(one["overall"], table.mean[:12, 1], atol=1e-4)


def test_a_dataset_that_shrinks_while_it_is_read_is_said_and_gone_on_with(model, tmp_path, monkeypatch):
    data, out = draw_release(tmp_path / "data"), tmp_path / "scores.csv"
    words = ["--dataset", data, *options(model, out, "--workers", 0)]
    counted = type(read_release(data)).painting_count
    monkeypatch.setattr(type(read_release(data)), "painting_count", lambda *given: counted(*given) + 2)
    with pytest.raises(InputFault, match="it ended after 24 of 26 images"):
        run(*words)
    assert not out.exists() and _batches(out) == 24 / BATCH
    monkeypatch.undo()
    assert "24 of these images were scored by an earlier run" in run(*words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to score was given"),
        (["a.png", "--dataset", "data"], "both were given"),
        (["a.png", "--split", "landscape"], "is of a dataset, and none was given"),
        (["a.png", "--image-column", "image"], "is of a dataset, and none was given"),
        (["a.png", "--dataset-revision", "v1"], "is of a dataset, and none was given"),
        (["--dataset", "data", "--dataset-revision", "v1"], "--dataset-revision: a built dataset has none of it"),
        (["a.png", "--format", "parquet"], "cannot be printed"),
        (["--dataset", "data", "--split", "sea"], "the dataset has no such split"),
        (["--dataset", "data", "--config", "fused"], "a built dataset has none of it"),
        (["--dataset", "empty"], "not a built dataset"),
        (["--dataset", "no/where"], "no dataset can be opened there"),
    ],
)
def test_what_cannot_be_meant_is_refused(model, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64)).save("a.png")
    Path("empty").mkdir()
    draw_release(Path("data"))
    with pytest.raises(InputFault, match=said):
        run(*words, "--model", model)


def test_json_lines_hold_what_csv_holds(model, images, expected, tmp_path):
    run(images, *options(model, tmp_path / "scores.jsonl", "--format", "jsonl", "--workers", 0))
    rows = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    assert rows == expected.rows()
