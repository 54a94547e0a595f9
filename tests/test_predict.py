"""``ppaint predict``: outputs checked first, answers stored as they come, nothing asked twice, a submission to complete."""

import csv
import gc
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from drawn_release import CATEGORIES, DIMENSIONS, PAINTINGS, draw_release, picture, write_pictures
from loopback_endpoint import LoopbackEndpoint, chat, error, in_turn, in_words, own_digit
from one_command import runner_of
from PIL import Image

from ppaint.cli.predict import predict as command
from ppaint.eval_suite import read_predictions, read_release
from ppaint.eval_suite.leaderboard.checks import check_submission
from ppaint.eval_suite.reference_scores import reference_scores
from ppaint.eval_suite.reference_table import read_reference_table
from ppaint.foundation.progress_type import no_progress
from ppaint.foundation.stopped import Stopped
from ppaint.images import InputFault
from ppaint.model_card.endpoint import EndpointStopped
from ppaint.pipeline.predict import Work, predict
from ppaint.pipeline.scorers.options import Options

run = runner_of(command)
ALL = len(CATEGORIES) * PAINTINGS


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return draw_release(tmp_path_factory.mktemp("drawn") / "drawn")


@pytest.fixture
def server():
    with LoopbackEndpoint(in_words) as running:
        yield running


@pytest.fixture
def own_code(tmp_path, monkeypatch):
    """Writes a module of the user's, in the folder in which the command is started."""
    monkeypatch.chdir(tmp_path)

    def write(source, name="own_scorer"):
        sys.modules.pop(name, None)
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        return f"{name}:score"

    monkeypatch.setattr(sys, "path", [*sys.path])
    yield write
    sys.modules.pop("own_scorer", None)


LIGHTNESS = "import numpy as np\ndef score(images):\n    return np.array([np.asarray(i).mean() for i in images])\n"


def statistics(dataset, out, **more):
    return predict(Work(out, dataset), Options("statistics", **more), no_progress)


def by_server(server, dataset, out, **more):
    options = Options("endpoint", endpoint=server.url, model="m", logprobs=False, timeout=5, **more)
    return predict(Work(out, dataset), options, no_progress)


def table(folder):
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def completed(folder):
    """The submission with each TODO replaced as its owner would."""
    path = folder / "submission.yaml"
    path.write_text(re.sub(r"\bTODO\b", "null", path.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


def test_the_two_files_are_a_submission_once_each_todo_is_replaced(dataset, tmp_path):
    done = statistics(dataset, tmp_path / "sub")
    assert sorted(path.name for path in (tmp_path / "sub").iterdir()) == ["predictions.csv", "submission.yaml"]
    references = reference_scores(read_release(dataset))
    with pytest.raises(InputFault, match="TODO still stands there"):
        check_submission(tmp_path / "sub", references)
    checked = check_submission(completed(tmp_path / "sub"), references)
    np.testing.assert_array_equal(checked.values, done.values)
    assert checked.submission.release == references.sha256 and checked.submission.simulated
    assert checked.submission.system == "image statistics" and checked.submission.kind == "baseline"


def test_every_todo_stands_where_null_is_allowed(dataset, tmp_path, own_code):
    predict(Work(tmp_path / "sub", dataset), Options("python", function=own_code(LIGHTNESS)), no_progress)
    text = (tmp_path / "sub" / "submission.yaml").read_text(encoding="utf-8")
    assert text.count("TODO") >= 4
    check_submission(completed(tmp_path / "sub"), reference_scores(read_release(dataset)))


def test_predictions_are_what_the_scorer_said_to_the_last_digit(dataset, tmp_path, own_code):
    predict(Work(tmp_path / "sub", dataset), Options("python", function=own_code(LIGHTNESS)), no_progress)
    read = read_predictions(tmp_path / "sub" / "predictions.csv", read_release(dataset), dimensions=["overall"])
    expected = [np.asarray(picture(seed)).mean() for seed in range(ALL)]
    assert read.ravel().tolist() == expected
    header, *rows = table(tmp_path / "sub")
    assert header == ["painting_id", "category", "overall"]
    assert [row[:2] for row in rows[::PAINTINGS]] == [["landscape_00", "landscape"], ["figure_00", "figure"]]


def test_an_answer_that_cannot_be_read_is_an_empty_cell_and_counted(dataset, tmp_path, server):
    server.behave = lambda asked: chat("hm") if own_digit(asked) == 3 else in_words(asked)
    done = by_server(server, dataset, tmp_path / "sub")
    nothing = sum(own_digit(asked) == 3 for asked in server.asked)
    assert (
        nothing and sum(row[2:].count("") for row in table(tmp_path / "sub")) == np.isnan(done.values).sum() == nothing
    )
    assert f"{nothing} questions without an answer that counts: {nothing} unreadable" in done.notes
    values = check_submission(completed(tmp_path / "sub"), reference_scores(read_release(dataset))).values
    np.testing.assert_array_equal(values, done.values)


def test_a_run_that_was_stopped_asks_only_what_is_left(dataset, tmp_path, server):
    server.behave = in_turn(*[in_words] * 17, error(401))
    with pytest.raises(Stopped):
        by_server(server, dataset, tmp_path / "sub")
    assert not (tmp_path / "sub").exists()
    before = len((tmp_path / "sub.answers.jsonl").read_text().splitlines()) - 1
    assert before == 17
    server.behave, server.asked = in_words, []
    done = by_server(server, dataset, tmp_path / "sub")
    assert len(server.asked) == ALL * 2 - 17 and done.known_before == 9
    by_server(server, dataset, tmp_path / "undisturbed")
    assert table(tmp_path / "sub") == table(tmp_path / "undisturbed")


def test_a_killed_process_resumes_and_no_question_is_asked_twice(dataset, tmp_path, server):
    server.behave = lambda asked: server.closing.wait(0.02) or in_words(asked)
    call = f"predict --scorer endpoint --endpoint {server.url} --model m --no-logprobs --concurrency 3 --timeout 5"
    start = [sys.executable, "-c", "from ppaint.cli.main import main; main()", *call.split()]
    start += ["--dataset", str(dataset), "--out", str(tmp_path / "sub")]
    with subprocess.Popen(start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        ending = time.monotonic() + 240
        while len(server.asked) < 15 and process.poll() is None and time.monotonic() < ending:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    asked = len(server.asked)
    stored = len((tmp_path / "sub.answers.jsonl").read_text().splitlines()) - 1
    assert 0 <= asked - stored <= 4 and asked < 2 * ALL  # at most those that were under way
    by_server(server, dataset, tmp_path / "sub", concurrency=3)
    assert len(server.asked) - asked == 2 * ALL - stored
    by_server(server, dataset, tmp_path / "undisturbed")
    assert table(tmp_path / "sub") == table(tmp_path / "undisturbed")


def test_a_torn_last_line_is_asked_again_and_a_spoilt_one_is_a_fault(dataset, tmp_path, server):
    by_server(server, dataset, tmp_path / "one")
    lines = (tmp_path / "one.answers.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "two.answers.jsonl").write_bytes(b"".join(lines[:-1]) + lines[-1][:-9])
    server.asked = []
    by_server(server, dataset, tmp_path / "two")
    assert len(server.asked) == 1 and table(tmp_path / "two") == table(tmp_path / "one")
    (tmp_path / "three.answers.jsonl").write_bytes(
        lines[0] + b'{"image": "ab", "answers": {"overall": {"score": "x"}}}\n'
    )
    with pytest.raises(InputFault, match="three.answers.jsonl, row 2: not a row that ppaint wrote"):
        by_server(server, dataset, tmp_path / "three")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": "other"}, r"another model \(m then, other now\)"),
        ({"max_side": 64}, r"another sampling \(max_side \(1024 then, 64 now\)\)"),
        ({"answer_tokens": 3}, r"another sampling \(answer_tokens"),
        ({"logprobs": True}, r"another sampling \(log-probabilities \(no then, yes now\)\)"),
        ({"dimensions": ("overall",)}, "another dimensions"),
    ],
)
def test_answers_of_another_model_or_setting_are_not_reused(dataset, tmp_path, server, change, named):
    with pytest.raises(EndpointStopped):
        by_server(server, dataset, tmp_path / "sub", max_calls=1)
    before = (tmp_path / "sub.answers.jsonl").read_bytes()
    options = {"endpoint": server.url, "model": "m", "logprobs": False, "timeout": 5} | change
    with pytest.raises(InputFault, match=f"sub.answers.jsonl: it holds the answers of {named}.*give another --out"):
        predict(Work(tmp_path / "sub", dataset), Options("endpoint", **options), no_progress)
    assert (tmp_path / "sub.answers.jsonl").read_bytes() == before


def test_another_kind_of_scorer_is_another_scorer(dataset, tmp_path, server):
    with pytest.raises(EndpointStopped):
        by_server(server, dataset, tmp_path / "sub", max_calls=1)
    with pytest.raises(InputFault, match=r"another scorer \(endpoint then, statistics now\)"):
        statistics(dataset, tmp_path / "sub")


def test_the_budget_counts_what_earlier_runs_spent(dataset, tmp_path, server):
    for most, asked in ((5, 5), (5, 0), (8, 3)):
        server.asked = []
        with pytest.raises(EndpointStopped, match=f"the budget of {most} calls is spent"):
            by_server(server, dataset, tmp_path / "sub", max_calls=most, concurrency=1)
        assert len(server.asked) == asked


def test_two_runs_on_one_answers_file_do_not_mix(dataset, tmp_path, own_code):
    clash = (
        "from pathlib import Path\nfrom ppaint.pipeline.predict import Work, predict\n"
        "from ppaint.pipeline.scorers.options import Options\nfrom ppaint.foundation.progress_type import no_progress\n"
        f"def score(images):\n    predict(Work(Path({str(tmp_path / 'sub')!r}), Path({str(dataset)!r})),"
        " Options('statistics'), no_progress)\n"
    )
    with pytest.raises(InputFault, match="another run is writing answers here"):
        predict(Work(tmp_path / "sub", dataset), Options("python", function=own_code(clash)), no_progress)


@pytest.mark.parametrize("what", ["file", "full", "nowhere", "answers"])
def test_outputs_are_checked_before_the_work_begins(dataset, tmp_path, what):
    out = tmp_path / "sub"
    if what == "file":
        out.write_text("a")
    elif what == "full":
        out.mkdir()
        (out / "predictions.csv").write_text("mine")
    elif what == "nowhere":
        out = tmp_path / "no" / "such" / "sub"
    else:
        (tmp_path / "sub.answers.jsonl").mkdir()
    with pytest.raises(InputFault):
        predict(Work(out, dataset), Options("python", function="no_such_module:score"), no_progress)
    before = {"file": {"sub"}, "full": {"sub", "predictions.csv"}, "nowhere": set(), "answers": {"sub.answers.jsonl"}}
    assert {path.name for path in tmp_path.rglob("*")} == before[what]


def test_one_picture_twice_is_asked_about_once(tmp_path, server):
    images = write_pictures(tmp_path / "images", 3)
    picture(0).save(images / "again.png")
    options = Options("endpoint", ("overall",), endpoint=server.url, model="m", logprobs=False)
    done = predict(Work(tmp_path / "sub", images=images), options, no_progress)
    assert len(server.asked) == 3
    assert [row[0] for row in table(tmp_path / "sub")] == ["painting_id", "00.png", "01.png", "02.png", "again.png"]
    assert done.values[0] == done.values[3]


def test_a_folder_of_images_alone_gives_a_table_and_says_why_no_submission(tmp_path):
    images = write_pictures(tmp_path / "images", 3)
    done = predict(Work(tmp_path / "sub", images=images), Options("statistics"), no_progress)
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["predictions.csv"]
    assert any("give --references beside --images" in note for note in done.notes)


def test_what_was_converted_on_opening_is_said_of_each_image(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    picture(0).save(images / "as_it_is.png")
    picture(1).convert("L").save(images / "grey.png")
    done = predict(Work(tmp_path / "sub", images=images), Options("statistics"), no_progress)
    assert [note for note in done.notes if note.startswith(("as_it_is", "grey"))] == [
        "grey.png: greyscale converted to RGB"
    ]


def test_all_images_that_cannot_be_opened_are_named_at_once_before_anything_is_asked(tmp_path, server):
    images = write_pictures(tmp_path / "images", 2)
    for name in ("broken.png", "empty.jpg"):
        (images / name).write_bytes(b"\x89PNG" if name == "broken.png" else b"")
    options = Options("endpoint", ("overall",), endpoint=server.url, model="m")
    with pytest.raises(InputFault) as fault:
        predict(Work(tmp_path / "sub", images=images), options, no_progress)
    assert [one.file for one in fault.value.faults] == ["broken.png", "empty.jpg"]
    assert not server.asked and not (tmp_path / "sub.answers.jsonl").exists()


def test_a_name_with_an_end_of_a_line_stays_one_cell(tmp_path):
    names = ["a\rb.png", "c\nd.png", "e\r\nf.png", '"g",h.png']
    for path, name in zip(sorted(write_pictures(tmp_path / "odd", len(names)).iterdir()), names, strict=True):
        path.rename(tmp_path / "odd" / name)
    done = predict(Work(tmp_path / "sub", images=tmp_path / "odd"), Options("statistics"), no_progress)
    assert sorted(row[0] for row in table(done.folder)[1:]) == sorted(names)
    assert (done.folder / "predictions.csv").read_bytes().endswith(b"\n")
    assert b".png\r\n" not in (done.folder / "predictions.csv").read_bytes()


def test_paintings_without_an_image_are_a_fault_that_names_them(tmp_path):
    dataset = draw_release(tmp_path / "drawn", missing=("landscape_03", "figure_00"))
    with pytest.raises(InputFault, match="2 of 24 paintings have no image in the dataset: figure_00 .*landscape_03"):
        statistics(dataset, tmp_path / "sub")


def test_only_a_few_images_are_open_at_a_time(dataset, tmp_path, own_code):
    counting = (
        "import gc, PIL.Image\nmost = 0\n"
        "def score(images):\n    global most\n"
        "    held = sum(isinstance(one, PIL.Image.Image) for one in gc.get_objects())\n"
        "    most = max(most, held)\n    return [0.5 + len(images)] * len(images)\n"
    )
    name = own_code(counting)
    images = write_pictures(tmp_path / "images", 70)
    gc.collect()
    others = sum(isinstance(one, Image.Image) for one in gc.get_objects())  # what other tests still hold
    predict(Work(tmp_path / "sub", images=images), Options("python", function=name), no_progress)
    assert 16 <= sys.modules["own_scorer"].most - others < 40


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def score(images):\n    return [1.0]\n", r"an array of shape \(1,\) for 16 images"),
        ("def score(images):\n    return ['good'] * len(images)\n", "no array of numbers"),
        ("def score(images):\n    return [1e200] * len(images)\n", "the function gave 1e\\+200 for landscape_00"),
        ("import numpy as np\ndef score(images):\n    return np.array([1 + 2j] * len(images))\n", "no array of numbers"),
        ("def score(images):\n    raise SystemExit(3)\n", "your code raised SystemExit: 3, in line 2"),
        ("def score(images):\n    return [float('inf')] * len(images)\n", "the function gave inf for landscape_00"),
        ("def score(images):\n    return [[1.0, 2.0, 3.0]] * len(images)\n", "3 scores per image, and the dimensions are 2"),
        ("def score(images):\n    raise OSError('no weights')\n", "your code raised OSError: no weights, in line 2 of own_scorer.py"),
        ("import no_such_thing\n", "your code raised ModuleNotFoundError.*, in line 1 of own_scorer.py"),
        ("score = 1\n", "'score' of the module 'own_scorer' is not callable"),
        ("def other():\n    pass\n", "'score' of the module 'own_scorer' is not there"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_own_code_is_one_fault(dataset, tmp_path, own_code, source, found):
    with pytest.raises(InputFault, match=found):
        predict(Work(tmp_path / "sub", dataset), Options("python", function=own_code(source)), no_progress)
    assert not (tmp_path / "sub").exists()


@pytest.mark.parametrize(
    ("name", "found"), [(None, "no function is named"), ("a.b", "names no function"), ("no_such:f", "no module")]
)
def test_a_function_that_is_not_there_is_a_fault(dataset, tmp_path, own_code, name, found):
    with pytest.raises(InputFault, match=found):
        predict(Work(tmp_path / "sub", dataset), Options("python", function=name), no_progress)


def test_own_code_may_give_all_dimensions_and_abstain(dataset, tmp_path, own_code):
    source = "import numpy as np\ndef score(images):\n    out = np.ones((len(images), 2))\n    out[0, 1] = np.nan\n    return out\n"
    done = predict(Work(tmp_path / "sub", dataset), Options("python", function=own_code(source)), no_progress)
    assert done.dimensions == DIMENSIONS and np.isnan(done.values).sum() == 2
    assert "abstentions, left as empty cells: overall 2 of 24" in done.notes
    together = Options("python", (",".join(DIMENSIONS),), function=own_code(source))
    assert predict(Work(tmp_path / "both", dataset), together, no_progress).dimensions == DIMENSIONS
    named = Options("python", ("brushwork",), function=own_code(LIGHTNESS))
    assert predict(Work(tmp_path / "one", dataset), named, no_progress).dimensions == ("brushwork",)


def test_own_code_that_was_changed_is_another_scorer(dataset, tmp_path, own_code):
    fails = LIGHTNESS + "    1 / 0\n"
    with pytest.raises(InputFault):
        name = own_code(LIGHTNESS.replace("return", "1 / (len(images) - 8); return"))
        predict(Work(tmp_path / "sub", dataset), Options("python", function=name), no_progress)
    with pytest.raises(InputFault, match="holds the answers of another source"):
        predict(Work(tmp_path / "sub", dataset), Options("python", function=own_code(fails)), no_progress)


def test_the_command_says_that_it_runs_own_code_and_what_comes_next(dataset, tmp_path, own_code):
    said = run("--scorer", "python", "--function", own_code(LIGHTNESS), "--dataset", dataset, "--out", tmp_path / "sub")
    assert "note: this runs your own code: score of the module own_scorer" in said
    assert f"24 predictions in overall: {tmp_path / 'sub'}" in said
    assert f"then: ppaint submit {tmp_path / 'sub'} --dataset {dataset}" in said


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"kind": "statistics", "model": "tiny"}, "--model: means nothing to the scorer 'statistics'"),
        ({"kind": "pointwise"}, "--model: the scorer 'pointwise' needs a model"),
        ({"kind": "pointwise", "model": "tiny", "revision": "v1"}, "--revision: tiny is a folder"),
        ({"kind": "statistics", "dimensions": ("colour",)}, "drawn, colour: there is no such dimension"),
        ({"kind": "statistics", "dimensions": DIMENSIONS}, "one score per image cannot stand for 2 dimensions"),
        ({"kind": "ridge", "model": "tiny", "pool_size": 8}, "--pool: means nothing to the scorer 'ridge'"),
    ],
)
def test_options_that_do_not_fit_are_faults(dataset, tmp_path, options, found):
    with pytest.raises(InputFault, match=found):
        predict(Work(tmp_path / "sub", dataset), Options(**options), no_progress)
    assert list(tmp_path.iterdir()) == []


def test_one_of_dataset_and_images_is_needed(dataset, tmp_path):
    for given in ({}, {"dataset": dataset, "images": tmp_path}, {"dataset": dataset, "references": tmp_path}):
        with pytest.raises(InputFault):
            predict(Work(tmp_path / "sub", **given), Options("statistics"), no_progress)


def test_the_answers_file_says_whose_answers_it_holds(dataset, tmp_path, server):
    by_server(server, dataset, tmp_path / "sub")
    first, second = map(json.loads, (tmp_path / "sub.answers.jsonl").read_text().splitlines()[:2])
    whose = first["answers_of"]
    assert (whose["scorer"], whose["model"], len(whose["prompts"])) == ("endpoint", "m", 64)
    assert whose["sampling"] == {
        "temperature": 0.0,
        "answer_tokens": 16,
        "max_side": 1024,
        "image": "JPEG, quality 95",
        "log-probabilities": "no",
    }
    assert set(second) == {"image", "answers"}
    recorded = yaml.safe_load((tmp_path / "sub" / "submission.yaml").read_text(encoding="utf-8"))
    assert recorded["made_with"]["prompt_sha256"] == whose["prompts"] and recorded["deterministic"] is False
    assert "temperature 0" in recorded["notes"] and server.url not in (tmp_path / "sub" / "submission.yaml").read_text()


def test_the_key_stands_in_no_file_and_no_message(dataset, tmp_path, server, monkeypatch):
    monkeypatch.setenv("OWN_KEY", "sk-secret-987654321")
    by_server(server, dataset, tmp_path / "sub", key_env="OWN_KEY")
    assert server.headers[0]["authorization"] == "Bearer sk-secret-987654321"
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"sk-secret" not in path.read_bytes(), path


def write_references(path, rows):
    path.write_text("painting_id,category,overall\n" + "".join(f"{name},{category},5\n" for name, category in rows))
    return path


def test_with_a_table_of_references_its_paintings_are_predicted_whatever_else_lies_there(tmp_path):
    images = write_pictures(tmp_path / "images", 6)
    (images / "below").mkdir()
    picture(9).save(images / "below" / "09.png")
    rows = [("04.png", "landscape"), ("01", "landscape"), ("09.png", "figure"), ("below/09.png", "landscape")]
    references = write_references(tmp_path / "refs.csv", rows)
    work = Work(tmp_path / "sub", images=images, references=references)
    done = predict(work, Options("statistics"), no_progress)
    assert [tuple(row[:2]) for row in table(tmp_path / "sub")[1:]] == rows
    assert done.values[2] == done.values[3] and len(set(done.values.ravel())) == 3
    values = check_submission(completed(tmp_path / "sub"), read_reference_table(references)).values
    np.testing.assert_array_equal(values, done.values)


def test_paintings_of_a_table_that_have_no_image_or_two_are_named_at_once(tmp_path):
    images = write_pictures(tmp_path / "images", 3)
    picture(7).save(images / "01.webp")
    references = write_references(tmp_path / "refs.csv", [("00.png", "a"), ("01", "a"), ("77.png", "a"), ("x", "a")])
    with pytest.raises(InputFault) as fault:
        predict(Work(tmp_path / "sub", images=images, references=references), Options("statistics"), no_progress)
    assert [one.what for one in fault.value.faults] == [
        "2 of 4 paintings have no image: 77.png, x",
        "1 of 4 paintings have more than one image of their name: 01",
    ]


@pytest.mark.parametrize("out", [".", "..", "/"])
def test_an_output_without_a_name_is_refused(dataset, tmp_path, monkeypatch, out):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputFault):
        statistics(dataset, Path(out))
    assert [path.name for path in tmp_path.rglob("*")] == ["here"]


def test_a_command_that_is_stopped_says_where_its_answers_are(dataset, tmp_path, server):
    call = ["--scorer", "endpoint", "--endpoint", server.url, "--model", "m", "--max-calls", 2]
    with pytest.raises(Stopped, match="the budget of 2 calls is spent"):
        run(*call, "--dataset", dataset, "--out", tmp_path / "sub")
    assert (tmp_path / "sub.answers.jsonl").read_text().count("answers") == 3
