"""A local model is distilled from the judgments of a teacher behind a server; labels, config and card say who that is."""

import json
import shutil

import numpy as np
import pytest
import yaml
from loopback_endpoint import LoopbackEndpoint, chat, knows, shown, votes
from PIL import Image
from pydantic import ValidationError

from ppaint.cli.main import main
from ppaint.images import InputFault, open_folder
from ppaint.model_card import AestheticScorer, Judge
from ppaint.model_card.endpoint import Endpoint, as_data_uri
from ppaint.model_card.scorer_config import ScorerConfig
from ppaint.model_card.teacher import Teacher
from ppaint.trainer import Judging, JudgmentStore, PseudoLabels, PseudoScores, build_pool, pseudo_label_images
from ppaint.trainer.judgments.endpoint_judge import COMPARE, EndpointJudge
from ppaint.trainer.judgments.features_when_asked import FeaturesWhenAsked
from ppaint.trainer.tiny_judge import WEIGHTS

DIMENSIONS = ("brushwork", "overall")
KINDS = {"log-probabilities": (knows, []), "3 votes": (votes, ["--votes", 3])}
SECRETS = (b"sk-secret", b"token-in-path")


def run(*words) -> int:
    """Exit status of a command."""
    with pytest.raises(SystemExit) as ending:
        main([str(word) for word in words])
    return int(ending.value.code or 0)


def said(capsys) -> str:
    """What was told as a fault, in one line."""
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("taught") / "images"
    folder.mkdir()
    for i in range(16):
        rng = np.random.default_rng(i)
        grey = np.clip(rng.uniform(20, 235) + rng.normal(0, 15, (64, 96, 3)), 0, 255)
        Image.fromarray(grey.astype(np.uint8)).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="module", params=list(KINDS))
def taught(request, images, tmp_path_factory):
    """The kind of answers, the server's host, and a folder with judgments and pseudo-scores of a model behind it."""
    place = tmp_path_factory.mktemp("labels")
    behave, more = KINDS[request.param]
    with pytest.MonkeyPatch.context() as patch, LoopbackEndpoint(behave) as server:
        patch.setenv("OWN_KEY", "sk-secret")
        url = server.url.replace("/v1", "/token-in-path/v1")
        named = [word for name in DIMENSIONS for word in ("--dimension", name)]
        asked = ["--endpoint", url, "--model", "large/model", "--key-env", "OWN_KEY", "--opponents", 6, *named, *more]
        assert run("judge", "--images", images, "--out", place / "judged", *asked) == 0
        host = server.url.removeprefix("http://").removesuffix("/v1")
    assert run("pseudo-label", "--judgments", place / "judged", "--out", place / "labels") == 0
    return request.param, host, place


def words(images, labels, out, **changes):
    """A short training of the tiny judge's model."""
    given = {"images": images, "pseudo_labels": labels, "out": out, "model": "tiny", "seed": 3, "max_steps": 2}
    given |= {"eval_steps": 2, "save_steps": 2, "per_device_train_batch_size": 8, "learning_rate": "1e-3"} | changes
    (labels.parent / "short.yaml").write_text(yaml.safe_dump({name: str(value) for name, value in given.items()}))
    return ["distill", "--config", labels.parent / "short.yaml"]


@pytest.fixture(scope="module")
def distilled(taught, images):
    """The scorer's folder."""
    _, _, place = taught
    assert run(*words(images, place / "labels", place / "distilled")) == 0
    return place / "distilled/scorer"


def test_pseudo_scores_say_who_the_teacher_is(taught):
    kind, host, place = taught
    teacher = PseudoScores.load(place / "labels/pseudo_scores").teacher
    assert (teacher.model, teacher.host, teacher.answers) == ("large/model", host, kind)
    assert teacher.prompts["compare"] == COMPARE
    assert teacher.words() == f"`large/model` behind the server {host}, whose answers were read by {kind}"


def test_a_scorer_of_it_scores_and_its_config_and_card_name_the_teacher(taught, distilled, images):
    kind, _, place = taught
    scorer = AestheticScorer.from_pretrained(distilled, device="cpu")
    table = scorer.score([images / "00.png"])
    assert table.dimensions == DIMENSIONS and np.isfinite(table.mean).all()
    teacher = PseudoScores.load(place / "labels/pseudo_scores").teacher
    assert scorer.config.teacher == teacher
    assert scorer.config.training["teacher"] == teacher.model_dump()
    card = (distilled / "README.md").read_text()
    assert f"from **another model**: {teacher.words()}" in card
    assert f"The judge is a teacher, not the model that was trained: {teacher.words()}." in card
    assert ("Answers are votes" in card) == (kind != "log-probabilities")
    for wrong in ("own pairwise judgments", "the same model was trained"):
        assert wrong not in card


def test_nothing_secret_is_in_labels_or_scorer(taught, distilled):
    files = [file for name in ("labels", "distilled") for file in (taught[2] / name).rglob("*") if file.is_file()]
    assert len(files) > 10
    assert not [file for file in files if any(secret in file.read_bytes() for secret in SECRETS)]


def test_the_line_says_that_the_teacher_is_another_model(taught, distilled, images, capsys):
    _, host, place = taught
    assert run(*words(images, place / "labels", place / "distilled")) == 0  # nothing is left to be trained
    lines = [line for line in capsys.readouterr().out.splitlines() if "teacher" in line]
    assert len(lines) == 1 and lines[0].startswith("the teacher is another model: `large/model`") and host in lines[0]


def test_the_fitness_report_is_of_the_teacher_and_the_scale_is_the_students(taught, distilled, images):
    _, _, place = taught
    judge = Judge.from_pretrained(WEIGHTS, dimensions=DIMENSIONS)
    features = FeaturesWhenAsked(judge, open_folder(images), lambda *_: None, "")
    labels = PseudoLabels.load(place / "labels", judge, features)
    report = (place / "labels/fitness/judge_fitness.md").read_text()
    assert report.startswith(labels.fitness.markdown()) and "Answers are" in report
    row = next(line for line in report.splitlines() if "own pointwise rating" in line)
    assert row in (distilled / "README.md").read_text()
    scorer = AestheticScorer.from_pretrained(distilled, device="cpu")
    assert set(scorer.config.calibration) == set(DIMENSIONS)
    mean = scorer.score([images / f"{i:02d}.png" for i in range(16)]).mean
    np.testing.assert_allclose(mean.mean(axis=0), labels.pointwise.mean(axis=0), atol=1e-4)


def test_images_that_are_not_at_hand_are_one_clear_fault(taught, images, tmp_path, capsys):
    labels, fewer = taught[2] / "labels", tmp_path / "fewer"
    fewer.mkdir()
    for i in range(13):
        shutil.copy(images / f"{i:02d}.png", fewer)
    assert run(*words(fewer, labels, tmp_path / "no")) == 2
    assert "3 of the 16 images with a pseudo-score are not here" in said(capsys)
    assert run(*words(tmp_path / "nowhere", labels, tmp_path / "no")) == 2
    assert "nowhere" in said(capsys) and not (tmp_path / "no").exists()


def test_a_student_that_scores_other_dimensions_is_refused(taught, distilled, images, tmp_path, capsys):
    other = tmp_path / "other"
    shutil.copytree(distilled, other)
    config = json.loads((other / "scorer_config.json").read_text())
    (other / "scorer_config.json").write_text(json.dumps(config | {"dimensions": ["overall", "line"]}))
    assert run(*words(images, taught[2] / "labels", tmp_path / "no", model=other)) == 2
    assert "it is a scorer of overall, line; the teacher judged brushwork too" in said(capsys)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("teacher", "told"),
    [
        (None, "the pseudo-scores are another model's"),  # as older versions wrote them
        ({"model": "large/model", "answers": "5 votes"}, "teacher.host"),
        ({"model": "m", "host": "me:secret@somewhere", "answers": "5 votes"}, "teacher.host"),
        ({"model": "m", "host": "somewhere", "answers": "by heart"}, "teacher.answers"),
    ],
)
def test_pseudo_scores_that_do_not_say_who_judged_are_refused(taught, images, tmp_path, capsys, teacher, told):
    labels = shutil.copytree(taught[2] / "labels", tmp_path / "labels")
    path = labels / "pseudo_scores/pseudo_scores.json"
    content = {key: value for key, value in json.loads(path.read_text()).items() if key != "teacher"}
    path.write_text(json.dumps(content | ({} if teacher is None else {"teacher": teacher})))
    assert run(*words(images, labels, tmp_path / "no")) == 2
    assert told in said(capsys) and not (tmp_path / "no").exists()


def test_ratings_of_another_teacher_are_refused(taught, images, tmp_path, capsys):
    labels = shutil.copytree(taught[2] / "labels", tmp_path / "labels")
    path = labels / "fitness/teacher_ratings.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"judge": "another"}))
    assert run(*words(images, labels, tmp_path / "no")) == 2
    assert "these are not the teacher's ratings" in said(capsys)
    path.unlink()
    assert run(*words(images, labels, tmp_path / "no")) == 2
    assert "teacher_ratings.json" in said(capsys) and not (tmp_path / "no").exists()


@pytest.mark.parametrize("change", [{"model": "small"}, {"endpoint": 3}, {"answers": "7 votes"}, {"prompts": {}}])
def test_a_record_of_another_teacher_than_the_judgments_is_refused(taught, tmp_path, capsys, change):
    judged = shutil.copytree(taught[2] / "judged", tmp_path / "judged")
    record = json.loads((judged / "judging.json").read_text())
    (judged / "judging.json").write_text(json.dumps(record | change))
    assert run("pseudo-label", "--judgments", judged, "--out", tmp_path / "labels") == 2
    assert "not what the judgments were made with" in said(capsys) and not (tmp_path / "labels").exists()


def test_a_record_of_an_older_version_has_the_usual_prompts(taught, tmp_path):
    judged = shutil.copytree(taught[2] / "judged", tmp_path / "judged")
    record = json.loads((judged / "judging.json").read_text())
    del record["prompts"]
    (judged / "judging.json").write_text(json.dumps(record))
    assert run("pseudo-label", "--judgments", judged, "--out", tmp_path / "labels") == 0
    assert PseudoScores.load(tmp_path / "labels/pseudo_scores").teacher.prompts["compare"] == COMPARE


def test_in_python_too_the_teacher_goes_with_the_labels(images, tmp_path):
    with LoopbackEndpoint(knows) as server:
        judge = EndpointJudge(Endpoint(server.url, "large"), ("overall",))
        made = pseudo_label_images(judge, open_folder(images), tmp_path)
    assert made.scores.teacher == judge.teacher and "log-probabilities that the server gave" in made.fitness.answers
    assert PseudoScores.load(tmp_path / "pseudo_scores").teacher == judge.teacher


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"revision": "r"}, "its logits are not finite numbers"),
        ({"endpoint": "http://localhost/v1"}, "what the server answered was refused, cut off or not readable"),
    ],
)
def test_where_most_answers_are_missing_the_cause_fits_whoever_judged(tmp_path, parts, told):
    pairs = [("a", "b"), ("b", "a")]
    with JudgmentStore(tmp_path, "judge", ["overall"], parts=parts) as store:
        for batch in store.plan(pairs, 8):
            store.record(batch, np.array([[np.nan], [np.nan]]))
    with JudgmentStore.open_finished(tmp_path) as store, pytest.raises(InputFault, match=told):
        Judging(store).ask(pairs[:1])


def test_a_server_that_rates_too_few_images_is_not_to_be_loaded_in_float32(images, tmp_path):
    opened = open_folder(images)
    silent = {as_data_uri(image.image, 1024) for image in opened[:9]}

    def behave(asked):
        question = asked["messages"][0]["content"][-1]["text"]
        return chat("fine") if "overall" in question and silent & set(shown(asked)) else knows(asked)

    with LoopbackEndpoint(behave) as server:
        judge = EndpointJudge(Endpoint(server.url, "m"), DIMENSIONS)
        with JudgmentStore(tmp_path, judge.fingerprint, judge.dimensions, parts=judge.parts) as store:
            judging = Judging(store, judge, judge.features(opened))
            told = "could rate only 7 of 16 images .* or ask a model that answers with one digit"
            with pytest.raises(InputFault, match=told):
                build_pool(judging, [image.sha256 for image in opened])


@pytest.mark.parametrize("host", ["", "me@host", "host/path", "host?key=1", "a b"])
def test_a_host_is_a_host_alone(host):
    with pytest.raises(ValidationError):
        Teacher(model="m", host=host, answers="1 vote")


def test_a_config_with_a_teacher_that_is_none_is_refused(tmp_path):
    ScorerConfig(dimensions=["overall"], prompts={}).save(tmp_path)
    assert ScorerConfig.load(tmp_path).teacher is None
    path = tmp_path / "scorer_config.json"
    content = json.loads(path.read_text()) | {"training": {"teacher": {"model": "m", "host": "h"}}}
    path.write_text(json.dumps(content))
    with pytest.raises(InputFault, match="teacher is not one: answers: Field required"):
        ScorerConfig.load(tmp_path)
