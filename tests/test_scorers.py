"""Each kind of scorer on the tiny judge and a small dataset: what `ppaint predict` gets from it, and what it says of itself."""

import numpy as np
import pytest
from drawn_release import CATEGORIES, DIMENSIONS, PAINTINGS, draw_release, picture, write_pictures

from ppaint.eval_suite import read_release
from ppaint.eval_suite.leaderboard.submission import read_submission
from ppaint.eval_suite.reference_scores import reference_scores
from ppaint.foundation.progress_type import no_progress
from ppaint.images import InputFault, open_image
from ppaint.model_card import AestheticScorer, Calibration, Judge, Prompts, ScorerConfig
from ppaint.model_card.moments import moments
from ppaint.pipeline.predict import Work, predict
from ppaint.pipeline.predicted_paintings import paintings_of_release
from ppaint.pipeline.scorers.kinds import KINDS, open_scorer
from ppaint.pipeline.scorers.options import Options
from ppaint.pipeline.scorers.ridge import PENALTIES, fit_ridge
from ppaint.pipeline.scorers.statistics import image_statistics
from ppaint.trainer import Schedule, pseudo_label_images
from ppaint.trainer.tiny_judge import WEIGHTS
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

PICTURES = [open_image(picture(seed), name=str(seed)) for seed in range(len(CATEGORIES) * PAINTINGS)]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return draw_release(tmp_path_factory.mktemp("drawn") / "drawn")


@pytest.fixture(scope="module")
def scorer_folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scorer")
    processor = build_processor(DIMENSIONS)
    build_tiny_model(processor, seed=3).save_pretrained(path)
    processor.save_pretrained(path)
    calibration = {"overall": Calibration(slope=2.0, intercept=-1.0)}
    ScorerConfig(dimensions=DIMENSIONS, prompts=Prompts().to_dict(), calibration=calibration).save(path)
    return path


def predicted(dataset, out, kind, **options):
    return predict(Work(out, dataset), Options(kind, **options), no_progress)


def submission(folder):
    path = folder / "submission.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("TODO", "null"), encoding="utf-8")
    return read_submission(path)


def test_distilled_gives_what_the_scorer_gives(dataset, tmp_path, scorer_folder):
    done = predicted(dataset, tmp_path / "sub", "distilled", model=str(scorer_folder))
    scorer = AestheticScorer.from_pretrained(scorer_folder)
    np.testing.assert_allclose(done.values, scorer.score(PICTURES).mean, atol=1e-4)
    said = submission(tmp_path / "sub")
    assert said.training.labels == "none" and said.training.ppaint == "images"
    assert said.model.id is None and len(said.made_with.weights_sha256) == 64
    assert str(scorer_folder) not in (tmp_path / "sub" / "submission.yaml").read_text(encoding="utf-8")
    assert said.model.parameters == sum(parameter.numel() for parameter in scorer.model.parameters())


def test_pointwise_gives_the_judges_own_rating(dataset, tmp_path):
    done = predicted(dataset, tmp_path / "sub", "pointwise", model="tiny")
    judge = Judge.from_pretrained(WEIGHTS, dimensions=DIMENSIONS)
    mean, _ = moments(judge.rate(judge.features(PICTURES)))
    np.testing.assert_allclose(done.values, mean, atol=1e-4)
    said = submission(tmp_path / "sub")
    assert said.training.ppaint == "not_used" and said.simulated
    assert said.training.labels == "others"  # the tiny judge was taught with labels
    assert said.made_with.prompt_sha256 == Prompts().sha256()


def test_a_tournament_is_played_within_each_category_and_rated_as_pseudo_labels_are(dataset, tmp_path):
    done = predicted(dataset, tmp_path / "sub", "tournament", model="tiny", pool_size=6, opponents=4)
    judge = Judge.from_pretrained(WEIGHTS, dimensions=DIMENSIONS)
    labels = pseudo_label_images(
        judge, PICTURES[PAINTINGS:], tmp_path / "labels", schedule=Schedule(6, 4), stop_without_signal=False
    )
    place = {image: row for row, image in enumerate(labels.scores.images)}
    expected = labels.scores.elo[[place[one.sha256] for one in PICTURES[PAINTINGS:]]]
    np.testing.assert_allclose(done.values[PAINTINGS:], expected, atol=1e-3)
    cost = submission(tmp_path / "sub").cost
    assert 5 < cost.passes_per_image < 30 and cost.seconds_per_image > 0


def test_a_tournament_that_was_stopped_asks_no_pair_twice(tmp_path, monkeypatch):
    images = write_pictures(tmp_path / "images", 12)
    compare, asked = Judge.compare, []

    def stops(self, pairs):
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append([(first.sha256, second.sha256) for first, second in pairs])
        return compare(self, pairs)

    def played(out, opponents=4):
        options = Options("tournament", ("overall",), model="tiny", pool_size=6, opponents=opponents)
        return predict(Work(tmp_path / out, images=images), options, no_progress)

    monkeypatch.setattr(Judge, "compare", stops)
    with pytest.raises(KeyboardInterrupt):
        played("sub")
    asked.append([])  # from here on nothing stops it
    done = played("sub")
    pairs = [pair for batch in asked for pair in batch]
    assert len(pairs) == len(set(pairs)) and len(asked) > 3
    monkeypatch.setattr(Judge, "compare", compare)
    np.testing.assert_array_equal(done.values, played("again").values)
    monkeypatch.setattr(Judge, "compare", None)
    monkeypatch.setattr(Judge, "encode", None)
    (tmp_path / "again" / "predictions.csv").unlink()
    assert not [
        *tmp_path.rglob("*.safetensors"),
        *tmp_path.rglob(".features*"),
    ]  # features lie in a folder while it runs, not after
    np.testing.assert_array_equal(played("again").values, done.values)  # all is stored: nothing is asked or encoded
    with pytest.raises(InputFault, match=r"another schedule \(opponents \(4 then, 5 now\)\)"):
        (tmp_path / "sub" / "predictions.csv").unlink()
        played("sub", opponents=5)


def test_a_category_that_is_too_small_for_a_tournament_is_refused_before_anything_is_asked(tmp_path):
    images = write_pictures(tmp_path / "images", 5)
    with pytest.raises(InputFault, match="5 different images are too few for a pool"):
        predict(Work(tmp_path / "sub", images=images), Options("tournament", model="tiny"), no_progress)
    assert not (tmp_path / "sub.judgments").exists()


def test_ridge_learns_from_the_other_categories_and_says_so(dataset, tmp_path):
    done = predicted(dataset, tmp_path / "sub", "ridge", model="tiny")
    release = read_release(dataset)
    references = reference_scores(release)
    ridge = open_scorer(Options("ridge", model="tiny", references=references))
    features = ridge._pooled(PICTURES)
    others = features[PAINTINGS:]
    fit = fit_ridge(others.astype(np.float64), references.values[PAINTINGS:, 1], np.repeat("figure", PAINTINGS))
    np.testing.assert_allclose(done.values[:PAINTINGS, 1], fit.predict(features[:PAINTINGS]), rtol=1e-4)
    said = submission(tmp_path / "sub")
    assert said.training.ppaint == "labels_to_train" and said.training.categories == [*CATEGORIES]
    assert any("labels were used" in note for note in done.notes)


def test_no_score_of_ridge_depends_on_its_own_categorys_labels(dataset, tmp_path):
    before = predicted(dataset, tmp_path / "one", "ridge", model="tiny").values
    changed = draw_release(tmp_path / "changed", dimensions=DIMENSIONS)
    import pyarrow.parquet as pq

    path = changed / "fused" / "figure-00000-of-00001.parquet"
    table = pq.read_table(path).to_pandas()
    table["overall"] = table["overall"].to_numpy()[::-1]
    table.to_parquet(path, index=False)
    after = predicted(changed, tmp_path / "two", "ridge", model="tiny").values
    np.testing.assert_array_equal(after[PAINTINGS:], before[PAINTINGS:])
    assert np.abs(after[:PAINTINGS, 1] - before[:PAINTINGS, 1]).max() > 0.1


def test_ridge_computes_no_features_twice_and_refuses_other_labels(dataset, tmp_path, monkeypatch):
    predicted(dataset, tmp_path / "sub", "ridge", model="tiny")
    (tmp_path / "sub.answers.jsonl").rename(tmp_path / "two.answers.jsonl")
    monkeypatch.setattr("ppaint.pipeline.scorers.ridge.vision_features", None)
    again = predicted(dataset, tmp_path / "two", "ridge", model="tiny")
    costs = [submission(tmp_path / name).cost.seconds_per_image for name in ("sub", "two")]
    assert costs[0] == pytest.approx(costs[1]) and costs[0] > 0
    assert (tmp_path / "two" / "predictions.csv").read_bytes() == (tmp_path / "sub" / "predictions.csv").read_bytes()
    assert again.values.shape == (24, 2)
    other = draw_release(tmp_path / "other", dimensions=("overall",))
    (tmp_path / "two.answers.jsonl").rename(tmp_path / "three.answers.jsonl")
    with pytest.raises(InputFault, match="holds the answers of another dimensions.*another reference scores"):
        predicted(other, tmp_path / "three", "ridge", model="tiny")


def test_the_penalty_has_the_smallest_error_of_images_that_were_left_out_one_by_one():
    rng = np.random.default_rng(1)
    x, groups = rng.normal(size=(24, 9)), np.repeat(["a", "b"], 12)
    y = x[:, 0] - x[:, 1] + 4 * (groups == "b") + rng.normal(size=24)
    fit = fit_ridge(x, y, groups)
    design = np.column_stack([(x - x.mean(axis=0)) / x.std(axis=0), groups == "a", groups == "b"])

    def left_out(penalty):
        ridge = np.diag([penalty] * 9 + [0, 0])
        errors = []
        for i in range(24):
            rest = np.arange(24) != i
            weights = np.linalg.solve(design[rest].T @ design[rest] + ridge, design[rest].T @ y[rest])
            errors.append((y[i] - design[i] @ weights) ** 2)
        return np.mean(errors)

    found = [left_out(penalty) for penalty in PENALTIES * 24]
    assert fit.penalty == PENALTIES[int(np.argmin(found))] * 24 and not fit.at_bound
    whole = np.linalg.solve(design.T @ design + np.diag([fit.penalty] * 9 + [0, 0]), design.T @ y)
    np.testing.assert_allclose(fit.weights, whole[:9], rtol=1e-9)


def test_ridge_without_other_categories_or_labels_is_refused(tmp_path):
    one = draw_release(tmp_path / "one", categories=("landscape",))
    with pytest.raises(InputFault, match="ridge learns from the other categories, and drawn-simulated has one alone"):
        predicted(one, tmp_path / "sub", "ridge", model="tiny")
    images = write_pictures(tmp_path / "images", 3)
    with pytest.raises(InputFault, match="ridge learns from scores, and none were given"):
        predict(Work(tmp_path / "sub", images=images), Options("ridge", model="tiny"), no_progress)


def test_statistics_are_those_of_the_pixels():
    grey = np.full((16, 16, 3), 90, dtype=np.uint8)
    half = grey.copy()
    half[:, 8:] = 255
    red = np.zeros((16, 16, 3), dtype=np.uint8)
    red[..., 0] = 255
    np.testing.assert_array_equal(image_statistics(grey), 0)
    colour, contrast, edges, entropy = image_statistics(half)
    assert (colour, round(contrast, 9), edges, entropy) == (0, round(82.5 / 127.5, 9), 2 / 16, 1 / 8)
    assert image_statistics(red)[0] == pytest.approx(0.3 * np.hypot(255, 127.5) / 150)


def test_every_kind_is_one_that_the_command_offers():
    from ppaint.cli.predict import Kind

    assert [kind.value for kind in Kind] == [*KINDS]


def test_an_image_that_was_changed_meanwhile_is_noticed(dataset):
    release = read_release(dataset)
    paintings = paintings_of_release(release, reference_scores(release), no_progress)
    spoilt = type(paintings)(paintings.ids, paintings.categories, ("0" * 64, *paintings.hashes[1:]), paintings.opener)
    with pytest.raises(InputFault, match="landscape_00: the image was changed meanwhile"):
        list(spoilt.images([0, 5]))
    assert [image.name for image in paintings.images([3, 13])] == ["landscape_03", "figure_01"]
    assert paintings.images([3, 13])[1].name == "figure_01"
