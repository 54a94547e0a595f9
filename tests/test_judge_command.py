"""`ppaint judge` says what it cost, and refuses a folder that was made for something else."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ppaint.cli.main import main
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("brushwork", "overall")


def run(*words) -> int:
    """Exit status of a command."""
    with pytest.raises(SystemExit) as ending:
        main([str(word) for word in words])
    return int(ending.value.code or 0)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model (of random weights), twenty images, and their judgments."""
    folder = tmp_path_factory.mktemp("judge")
    processor = build_processor(DIMENSIONS)
    build_tiny_model(processor, seed=2, hidden_size=32, text_layers=1, vision_layers=2).save_pretrained(
        folder / "model"
    )
    processor.save_pretrained(folder / "model")
    (folder / "images").mkdir()
    for i in range(20):
        rng = np.random.default_rng(i)
        grey = np.clip(rng.uniform(20, 235) + rng.normal(0, 15, (96, 128, 3)), 0, 255)
        Image.fromarray(grey.astype(np.uint8)).save(folder / "images" / f"{i:02d}.png")
    assert run(*words(folder)) == 0
    return folder


@pytest.fixture
def judged(place, tmp_path):
    """A copy of the judgments, to spoil."""
    shutil.copytree(place / "judged", tmp_path / "judged")
    return tmp_path / "judged"


def words(place, out=None, **changes):
    options = {"images": place / "images", "out": out or place / "judged", "model": place / "model", "opponents": 6}
    dimensions = [word for name in DIMENSIONS for word in ("--dimension", name)]
    return ["judge", *dimensions, *(w for k, v in (options | changes).items() for w in (f"--{k.replace('_', '-')}", v))]


def error(capsys) -> str:
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


def files(folder) -> dict:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def label(judged, out) -> int:
    return run("pseudo-label", "--judgments", judged, "--out", out)


def test_what_it_cost_is_shown_and_kept(place, judged, capsys):
    assert run(*words(place, judged)) == 0
    printed = capsys.readouterr().out
    cost = json.loads((judged / "cost.json").read_text())
    rows = len(pd.read_parquet(judged / "judgments/judgments.parquet"))
    assert (cost["ordered_pairs"], cost["ratings"], cost["images"]) == (rows, 20, 20)
    assert cost["answers"] == 2 * (rows + 20) and cost["abstentions"] == 0
    assert cost["encoded"] == 20  # by the first run alone: this one asked nothing
    assert 0 < cost["share_of_tokens"] < 1
    assert f"{cost['answers']:,} answers about {rows:,} ordered pairs" in printed
    assert "one prompt per question would have been" in printed and "answers a second" in printed


@pytest.mark.parametrize("names", [["overall", "overall"], [""], ["line", " "]])
def test_dimensions_without_a_name_or_given_twice_are_refused_before_anything_is_loaded(names, tmp_path, capsys):
    given = [word for name in names for word in ("--dimension", name)]
    for command in (["judge", "--images", "absent"], ["quickstart", "--images", "absent"]):
        assert run(*command, "--model", "absent", "--out", tmp_path / "out", *given) == 2
        assert "--dimension" in error(capsys) and not (tmp_path / "out").exists()


def test_the_cost_stands_in_no_file_that_is_hashed(place, judged):
    before = (judged / "judgments/judgments.parquet").read_bytes()
    assert run(*words(place, judged)) == 0
    assert (judged / "judgments/judgments.parquet").read_bytes() == before
    assert (place / "judged/judgments/judgments.parquet").read_bytes() == before


def test_batches_sized_to_memory_are_the_default_ones_on_a_cpu(place, tmp_path):
    assert run(*words(place, tmp_path / "auto", batch_size=0)) == 0
    for name in ("plan.bin", "judgments.bin", "ratings.jsonl"):
        assert (tmp_path / "auto/judgments" / name).read_bytes() == (place / "judged/judgments" / name).read_bytes()


def test_judgments_of_other_images_are_not_added_to(place, judged, tmp_path, capsys):
    fewer = tmp_path / "fewer"
    shutil.copytree(place / "images", fewer)
    (fewer / "07.png").unlink()
    before = files(judged)
    assert run(*words(place, judged, images=fewer)) == 2
    message = error(capsys)
    assert "other images (20 images then, 19 now)" in message.replace("  ", " ") and files(judged) == before


def test_judgments_of_another_model_are_not_added_to(place, judged, tmp_path, capsys):
    processor = build_processor(DIMENSIONS)
    other = build_tiny_model(processor, seed=9, hidden_size=32, text_layers=1, vision_layers=2)
    other.save_pretrained(tmp_path / "other")
    processor.save_pretrained(tmp_path / "other")
    before = files(judged)
    assert run(*words(place, judged, model=tmp_path / "other")) == 2
    assert "(different: model weights)" in error(capsys) and files(judged) == before


def test_judgments_of_other_image_settings_are_not_added_to(place, judged, tmp_path, capsys):
    shutil.copytree(place / "model", tmp_path / "finer")
    path = tmp_path / "finer/processor_config.json"
    settings = json.loads(path.read_text())
    settings["image_processor"]["size"]["longest_edge"] *= 2
    path.write_text(json.dumps(settings))
    assert run(*words(place, judged, model=tmp_path / "finer")) == 2
    assert "(different: image processor settings)" in error(capsys)


def test_judgments_that_lost_rows_are_not_labelled(judged, tmp_path, capsys):
    path = judged / "judgments/judgments.bin"
    path.write_bytes(path.read_bytes()[:-2000])
    assert label(judged, tmp_path / "labels") == 2
    message = error(capsys)
    assert "judgments are missing" in message and "until it is done" in message and not (tmp_path / "labels").exists()


def test_judgments_of_a_run_that_is_not_done_are_not_labelled(judged, tmp_path, capsys):
    (judged / "judging.json").unlink()
    assert label(judged, tmp_path / "labels") == 2
    assert "no finished judgments" in error(capsys) and not (tmp_path / "labels").exists()


@pytest.mark.parametrize("text, word", [('{"pool_si', "JSON"), ("[]", "pool_size"), ('{"pool_size": 8}', "opponents")])
def test_a_damaged_record_of_the_run_is_named(judged, tmp_path, capsys, text, word):
    (judged / "judging.json").write_text(text)
    assert label(judged, tmp_path / "labels") == 2
    message = error(capsys)
    assert "judging.json" in message and word in message and not (tmp_path / "labels").exists()


def test_a_file_in_place_of_the_folder_is_named(place, tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    assert run(*words(place, tmp_path / "out")) == 2
    assert "is not a folder" in error(capsys) and (tmp_path / "out").read_text() == "mine"


def test_what_a_killed_run_left_is_cleared_and_files_of_others_stay(place, judged, tmp_path):
    labels = tmp_path / "labels"
    (labels / "pool").mkdir(parents=True)
    gone = [labels / "pool/.pool.json.2147483647.partial.json", labels / "pseudo_scores.csv.tmp"]
    gone += [judged / ".cost.json.2147483647.partial.json", judged / "judgments/store.json.tmp"]
    stays = [labels / "mine.csv.tmp", labels / ".mine.2147483647.partial"]
    for path in gone + stays:
        path.write_text("half")
    assert run(*words(place, judged)) == 0 and label(judged, labels) == 0
    assert not [path for path in gone if path.exists()] and all(path.exists() for path in stays)
    assert {"pool", "pseudo_scores", "fitness", "pseudo_scores.csv"} <= {path.name for path in labels.iterdir()}


def test_pseudo_scores_are_made_without_a_model_and_without_its_libraries(judged, tmp_path):
    code = (
        "import sys; from ppaint.cli.main import main\n"
        "try: main(['pseudo-label', '--judgments', sys.argv[1], '--out', sys.argv[2]])\n"
        "finally: print('loaded:', *[name for name in ('torch', 'transformers', 'datasets') if name in sys.modules])\n"
    )
    call = [sys.executable, "-c", code, str(judged), str(tmp_path / "labels")]
    result = subprocess.run(call, capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.splitlines()[-1].rstrip() == "loaded:"
    assert (tmp_path / "labels/pseudo_scores.csv").is_file()
