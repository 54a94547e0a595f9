"""Out of distribution: a distance from the training images, and a threshold that promises how seldom it is passed."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from ppaint.cli.main import main
from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer, Prompts, ScorerConfig, ScoreTable, vision_features
from ppaint.model_card.card import write_scorer_card
from ppaint.model_card.loading import load_model
from ppaint.model_card.out_of_distribution import UNKNOWN, DistanceMeasure, conformal_rank, distances_from
from ppaint.model_card.shrunken_covariance import ledoit_wolf
from ppaint.spaces_demo.model_calls import HeldModel, Turns
from ppaint.spaces_demo.score_tab import said_html
from ppaint.trainer.tiny_judge import WEIGHTS

DIMENSIONS = ["composition", "overall"]


def by_definition(sample):
    """Shrinkage and covariance as the paper writes them, sums over H x H matrices and all."""
    n, h = sample.shape
    s = sample.T @ sample / n
    level = np.trace(s) / h
    away = ((s - level * np.eye(h)) ** 2).sum() / h
    noise = sum(((np.outer(x, x) - s) ** 2).sum() / h for x in sample) / n**2
    shrinkage = min(noise, away) / away
    return shrinkage, (1 - shrinkage) * s + shrinkage * level * np.eye(h)


@pytest.mark.parametrize("n, h", [(50, 8), (20, 60)])
def test_the_covariance_is_the_papers_with_more_images_than_features_and_with_fewer(n, h):
    rng = np.random.default_rng(n)
    sample = rng.normal(size=(n, h)) * np.linspace(0.1, 3, h)
    sample -= sample.mean(axis=0)
    shrinkage, covariance = by_definition(sample)
    shrunk, new = ledoit_wolf(sample), rng.normal(size=(5, h))
    assert shrunk.shrinkage == pytest.approx(shrinkage) and 0.05 < shrinkage < 0.95
    wanted = np.sqrt(np.einsum("ij,jk,ik->i", new, np.linalg.inv(covariance), new))
    np.testing.assert_allclose(shrunk.mahalanobis(new), wanted, rtol=1e-9)


@pytest.mark.parametrize("m, k, at_most", [(3, 3, 1 / 4), (19, 19, 1 / 20), (20, 20, 1 / 21), (99, 95, 5 / 100)])
def test_the_threshold_is_the_conformal_one(m, k, at_most):
    assert conformal_rank(m, 0.05) == k
    rng = np.random.default_rng(m)
    measure = DistanceMeasure.fit(rng.normal(size=(40, 6)), rng.normal(size=(m, 6)))
    assert measure.flagged_at_most == pytest.approx(at_most)


def test_of_images_like_the_training_images_no_more_are_marked_than_is_promised():
    rng, marked = np.random.default_rng(0), []
    for _ in range(150):
        states = rng.standard_t(5, size=(300, 10))  # long tails: nothing here is normal
        measure = DistanceMeasure.fit(states[:60], states[60:79])
        marked.append((measure.distance(states[79:]) > 1).mean())
    error = np.std(marked) / np.sqrt(len(marked))
    assert measure.flagged_at_most == pytest.approx(0.05)
    assert 0.01 < np.mean(marked) < 0.05 + 2 * error


def test_a_mean_of_folds_marks_about_as_many_as_it_says():
    """Each training has its own space; the mean of the weights has another one, in which nothing is left out."""
    rng, marked = np.random.default_rng(2), []
    for _ in range(60):
        states = rng.standard_t(5, size=(400, 10))
        training, fold, distances = states[:100], np.arange(100) % 3, np.empty(100)
        for k in range(3):
            seen = training @ np.linalg.qr(rng.normal(size=(10, 10)))[0] * rng.uniform(0.5, 2)
            distances[fold == k] = distances_from(seen[fold != k], seen[fold == k])
        measure = DistanceMeasure.fit_by_folds(training, distances)
        marked.append((measure.distance(states[100:]) > 1).mean())
    assert (
        measure.by_folds and measure.held_out_images == 100 and measure.flagged_at_most == pytest.approx(0.05, abs=0.01)
    )
    assert 0.02 < np.mean(marked) < 0.06


def test_a_measure_by_folds_says_that_its_share_is_an_estimate(tmp_path):
    rng = np.random.default_rng(3)
    measure = DistanceMeasure.fit_by_folds(rng.normal(size=(40, 6)), rng.chisquare(6, size=40) ** 0.5)
    entry = measure.save(tmp_path)
    assert entry.by_folds and "about 4.88 % are so marked" in entry.meaning()
    assert DistanceMeasure.load(tmp_path / entry.file, entry).by_folds
    once = DistanceMeasure.fit(rng.normal(size=(40, 6)), rng.normal(size=(19, 6))).save(tmp_path)
    assert "at most 5 % are so marked" in once.meaning()


def test_training_images_that_were_memorised_do_not_lower_the_threshold():
    """Were the states of the images that were trained on drawn together, the held-out ones would still set the threshold."""
    rng = np.random.default_rng(1)
    training, held_out, new = 0.2 * rng.normal(size=(80, 6)), rng.normal(size=(39, 6)), rng.normal(size=(2000, 6))
    measure = DistanceMeasure.fit(training, held_out)
    assert (measure.distance(new) > 1).mean() < 0.12
    assert measure.distance(held_out).max() == pytest.approx(1, abs=0.5) and measure.distance(training).max() < 0.5


def test_a_held_out_draw_of_luck_is_corrected_by_the_training_images():
    rng = np.random.default_rng(2)
    training, lucky, new = rng.normal(size=(200, 6)), 0.5 * rng.normal(size=(19, 6)), rng.normal(size=(2000, 6))
    assert (DistanceMeasure.fit(training, lucky).distance(new) > 1).mean() < 0.08


def test_without_a_held_out_image_there_is_no_measure():
    with pytest.raises(ValueError, match="held-out"):
        DistanceMeasure.fit(np.eye(4), np.zeros((0, 4)))


# --- in a scorer's folder


@pytest.fixture(scope="module")
def images():
    """Grey patches, of which the measure is made; no training is needed to have states."""
    made = []
    for i in range(70):
        rng = np.random.default_rng(i)
        grey = np.clip(rng.normal(128, 12) + rng.normal(0, 15, (96, 128, 1)).repeat(3, 2), 0, 255)
        made.append(Image.fromarray(grey.astype(np.uint8)))
    return made


@pytest.fixture(scope="module")
def strange():
    coloured = np.zeros((200, 64, 3), dtype=np.uint8)
    coloured[:, ::8] = (255, 0, 0)
    return Image.fromarray(coloured)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, images):
    path = shutil.copytree(WEIGHTS, tmp_path_factory.mktemp("scorer") / "folder")
    model, processor = load_model(path, device="cpu")
    config = ScorerConfig(dimensions=DIMENSIONS, prompts=Prompts().to_dict())
    states = AestheticScorer(model, processor, config).read(vision_features(model, processor, images)).states
    config.out_of_distribution = DistanceMeasure.fit(states[:41], states[41:60]).save(path)
    config.save(path)
    return path


@pytest.fixture(scope="module")
def scorer(folder):
    return AestheticScorer.from_pretrained(folder, device="cpu")


@pytest.fixture(scope="module")
def files(tmp_path_factory, images, strange):
    place = tmp_path_factory.mktemp("files")
    images[65].save(place / "like.png")
    strange.save(place / "strange.png")
    return [place / "like.png", place / "strange.png"]


def run(*words):
    with pytest.raises(SystemExit) as ending:
        main([str(word) for word in words])
    return int(ending.value.code or 0)


def test_an_image_unlike_the_training_images_is_marked_and_one_like_them_is_not(scorer, images, strange):
    table = scorer.score([*images[60:], strange])
    assert table.out_of_distribution[-1] and table.distance[-1] > 1.5 * table.distance[:-1].max()
    assert table.out_of_distribution[:-1].sum() <= 2
    assert table.rows()[-1]["out_of_distribution"] is True and table.rows()[0]["distance"] == table.distance[0]


def test_distance_is_the_same_alone_and_in_a_batch_and_twice(scorer, images, strange):
    together = scorer.score([strange, *images[:4]])
    alone = [scorer.score([image]).distance[0] for image in (strange, *images[:4])]
    np.testing.assert_allclose(alone, together.distance, rtol=1e-4)
    np.testing.assert_array_equal(scorer.score([strange, *images[:4]]).distance, together.distance)


def test_no_images_have_no_distances(scorer):
    assert scorer.score([]).distance.shape == (0,)


def test_a_measure_that_was_changed_is_refused(folder, tmp_path):
    measure = bytearray((folder / "out_of_distribution.safetensors").read_bytes())
    measure[-1] ^= 1
    for name in ("scorer_config.json", "out_of_distribution.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes() if name.endswith("json") else measure)
    with pytest.raises(InputFault, match="not the one whose hash"):
        AestheticScorer.from_pretrained(tmp_path, device="cpu")


def test_a_scorer_of_before_loads_and_says_that_it_does_not_know(folder, images, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "out_of_distribution.safetensors").unlink()
    config = json.loads((folder / "scorer_config.json").read_text())
    for key in ("out_of_distribution", "form", "base"):  # keys that its config does not have
        del config[key]
    (tmp_path / "scorer_config.json").write_text(json.dumps(config))
    scorer = AestheticScorer.from_pretrained(tmp_path, device="cpu")
    table = scorer.score(images[:1])
    assert (
        table.distance is None and table.out_of_distribution is None and table.rows()[0]["out_of_distribution"] is None
    )
    card = write_scorer_card(tmp_path, scorer.config, title="t", location="l", training="t", evaluation="e")
    assert UNKNOWN in card.read_text()


def test_a_scorer_with_the_old_names_is_read(folder, scorer, images, tmp_path):
    old = shutil.copytree(folder, tmp_path / "old")
    (old / "out_of_distribution.safetensors").rename(old / "out_of_depth.safetensors")
    config = json.loads((old / "scorer_config.json").read_text())
    config["out_of_depth"] = config.pop("out_of_distribution") | {"file": "out_of_depth.safetensors"}
    (old / "scorer_config.json").write_text(json.dumps(config))
    found = AestheticScorer.from_pretrained(old, device="cpu").score(images[:2]).distance
    np.testing.assert_array_equal(found, scorer.score(images[:2]).distance)


def test_the_card_says_what_the_threshold_promises(scorer, tmp_path):
    card = write_scorer_card(tmp_path, scorer.config, title="t", location="l", training="t", evaluation="e").read_text()
    assert "## Out of distribution" in card and "19 images" in card and "at most 5 %" in card


def test_score_marks_the_image_in_its_table_and_says_what_the_mark_means(folder, files, capsys):
    assert run("score", *files, "--model", folder) == 0
    shown = capsys.readouterr().out
    assert "! " in shown and "1 of 2 marked" in shown and "do not rely on its scores" in " ".join(shown.split())


@pytest.mark.parametrize("form", ["csv", "json"])
def test_score_writes_distance_beside_the_scores(folder, files, form, capsys, tmp_path):
    out = tmp_path / f"scores.{form}"
    assert run("score", *files, "--model", folder, "--format", form, "--out", out) == 0
    assert "1 of 2 marked" in capsys.readouterr().err
    if form == "csv":
        header, like, strange = out.read_text().splitlines()
        assert (
            header.endswith(",distance,out_of_distribution") and like.endswith(",False") and strange.endswith(",True")
        )
    else:
        found = json.loads(out.read_text())
        assert [row["out_of_distribution"] for row in found["scores"]] == [False, True] and found["scores"][1][
            "distance"
        ] > 1
        assert "at most 5 %" in found["out_of_distribution"]


def test_the_web_page_says_so_too(scorer, files):
    held = HeldModel(scorer, Turns())
    for file, begin in ((files[1], "<p><strong>Distance"), (files[0], "<p>Not out of distribution")):
        table = scorer.score([file])
        unlike = {"distance": table.distance[0], "marked": table.out_of_distribution[0]}
        assert said_html({"notes": [], "out_of_distribution": unlike}, held).startswith(begin)


def test_a_dimension_called_distance_keeps_its_column():
    one = np.array([[5.0]])
    row = ScoreTable(("a",), ("distance",), one, one, one, np.array([0.5])).rows()[0]
    assert (row["distance"], row["training_distance"], row["out_of_distribution"]) == (5.0, 0.5, False)
