"""The judge-fitness report: what the judgments say about the judge, without a label."""

import dataclasses

import numpy as np
import pytest
from known_judge import KnownJudge, features_of, known_images
from PIL import Image

from ppaint.model_card.moments import moments
from ppaint.trainer import Judged, Judging, JudgmentStore, build_pool, check_members, rate_images
from ppaint.trainer.pseudo_scores.judge_fitness import _draw_bias, _draw_scores, cyclic_triples, judge_fitness

DIMENSIONS = ("brushwork", "overall")


def report(folder, **habits):
    worths = known_images(60, d=2)
    judge = KnownJudge(worths, dimensions=DIMENSIONS, batch_size=64, **habits)
    with JudgmentStore(folder, judge.fingerprint, DIMENSIONS) as store:
        judging = Judging(store, judge, features_of(worths))
        pool = build_pool(judging, list(worths))
        scores = rate_images(judging, pool, list(worths), stop_without_signal=False)
        pointwise = moments(judging.rate(scores.images))[0]
        return judge_fitness(scores, pool, pointwise, check_members(judging, pool)), scores, pool


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return report(tmp_path_factory.mktemp("sound"), bias=0.4, noise=0.3)


def test_position_bias_is_found_to_its_size_and_sign(sound):
    for part in sound[0].dimensions:
        assert part.position_bias == pytest.approx(0.4, abs=0.05)
        assert part.position_bias_size == pytest.approx(0.4, abs=0.1)


def test_a_sound_judge_is_called_sound(sound):
    for part in sound[0].dimensions:
        assert part.reliability > 0.9 and part.kept
        assert part.cyclic_triples < 0.1 and part.triples > 100
        assert part.pointwise_agreement > 0.9
        assert part.elo_spread > 5 * part.elo_error
        assert part.pairs > 400 and part.abstentions == 0
    assert sound[0].warnings == ()


def test_a_judge_that_tosses_coins_is_warned_of(tmp_path):
    fitness, scores, _ = report(tmp_path, noise=80.0)
    part = fitness.dimensions[0]
    assert part.cyclic_triples == pytest.approx(0.25, abs=0.08)
    assert any("coin tosses" in sentence for sentence in fitness.warnings)


def test_a_judge_that_looks_at_the_place_only_is_warned_of(tmp_path):
    fitness, _, _ = report(tmp_path, bias=30.0)
    assert any("position bias" in sentence for sentence in fitness.warnings)
    assert fitness.dimensions[0].same_winner < 0.05


def test_a_judge_that_knows_nothing_is_perfectly_consistent_under_swap():
    """Why swap consistency is a diagnostic and no part of the confidence."""
    silent = Judged(("a",), ("b",), np.zeros((1, 1)), np.zeros((1, 1)))
    assert silent.swap_consistency == 1


def test_ties_make_no_triple():
    answers = np.array([[1.0], [0.0], [1.0]])
    share, found = cyclic_triples(Judged(("a", "b", "a"), ("b", "c", "c"), answers, -answers), ("a", "b", "c"), 0)
    assert found == 0 and np.isnan(share)


def test_one_abstention_leaves_the_agreement_of_the_others(sound, tmp_path):
    _, scores, pool = sound
    pointwise = scores.elo.copy()
    pointwise[5] = np.nan
    assert [part.pointwise_agreement for part in judge_fitness(scores, pool, pointwise).dimensions] == [1.0, 1.0]


def test_report_is_a_page_and_a_plot(sound, tmp_path):
    fitness, scores, pool = sound
    page = fitness.save(tmp_path, scores, pool).read_text()
    assert "| swap consistency |" in page and "None." in page and "judge_fitness.png" in page
    with Image.open(tmp_path / "judge_fitness.png") as plot:
        assert plot.width > 500


def test_a_judge_that_gives_one_answer_for_all_dimensions_is_reliable_and_warned_of(tmp_path):
    """Reliability is not validity, and the page says so."""
    worths = {image: np.repeat(worth, 5) for image, worth in known_images(60).items()}
    names = tuple("abcde")
    judge = KnownJudge(worths, dimensions=names, batch_size=64, noise=0.2)
    with JudgmentStore(tmp_path, judge.fingerprint, names) as store:
        judging = Judging(store, judge, features_of(worths))
        pool = build_pool(judging, list(worths))
        scores = rate_images(judging, pool, list(worths))
        fitness = judge_fitness(scores, pool, moments(judging.rate(scores.images))[0], check_members(judging, pool))
    assert all(part.reliability > 0.95 for part in fitness.dimensions)
    assert np.nanmin(fitness.correlations) > 0.95
    assert len(fitness.warnings) == 1 and fitness.warnings[0].startswith(
        "all dimensions: their pseudo-scores correlate"
    )
    assert "Reliability is not validity" in fitness.markdown()


def test_two_dimensions_that_are_one_are_named(sound):
    _, scores, pool = sound
    same = dataclasses.replace(scores, elo=scores.elo[:, [0, 0]])
    fitness = judge_fitness(same, pool, scores.elo)
    assert fitness.correlations == pytest.approx(np.ones((2, 2)))
    assert fitness.warnings[0].startswith("brushwork and overall: their pseudo-scores correlate at 1.000")


def test_of_many_images_and_pairs_the_plot_shows_where_they_lie_and_not_each():
    """Of 5,000 images single points cover each other; an abstention is left out of both ways of drawing."""
    from matplotlib.figure import Figure

    rng, (few, many) = np.random.default_rng(0), Figure().subplots(1, 2)
    for axes, images in ((few, 600), (many, 601)):
        elo = rng.normal(size=images)
        _draw_scores(axes, elo, np.full(images, 0.1), np.arange(images) < 32)
        assert [len(one.lines[0].get_xdata()) for one in axes.containers] == ([568, 32] if images == 600 else [32])
    band = many.collections[0].get_paths()[0].get_extents()
    assert band.y0 == pytest.approx(elo[32:].min() - 0.1) and band.y1 == pytest.approx(elo[32:].max() + 0.1)
    for pairs, drawn in ((5000, "lines"), (5001, "collections")):
        axes = Figure().subplots()
        delta, bias = rng.normal(size=(2, pairs + 3))
        delta[:3] = np.nan
        _draw_bias(axes, delta, bias)
        assert len(getattr(axes, drawn)) == 1 and len(axes.lines) + len(axes.collections) == 1
        if drawn == "collections":
            assert axes.collections[0].get_array().sum() == pairs
