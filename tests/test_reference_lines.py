"""Reference lines: a single expert against the others, a model against the same, and a noise ceiling that means what it says."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats
from small_release import CATEGORIES, DIMENSIONS, EXPERTS, PAINTINGS, build_small_release

from ppaint.eval_suite import (
    against_panel,
    evaluate_scores,
    evaluate_values,
    noise_ceiling_line,
    panel_references,
    read_release,
    relative_errors,
    single_expert,
)
from ppaint.eval_suite.prediction_lines import NOISE_CEILING, above_ceiling, prediction_lines
from ppaint.eval_suite.reference_scores import reference_scores
from ppaint.eval_suite.refusion import _indexed, centred_errors, facets, fused_scores
from ppaint.foundation.job_pool import run_jobs
from ppaint.preference_to_score import (
    Comparisons,
    Ratings,
    Resamples,
    ceiling_of_preferences,
    ceiling_of_ratings,
    fuse_facet,
    joint_scale,
    worths_on_scale,
)
from ppaint.preference_to_score.fusion.joint_scale import resampled_scores
from ppaint.preference_to_score.fusion.worths_on_scale import resampled_worths


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return read_release(build_small_release(tmp_path_factory.mktemp("release")))


def fitted(facet):
    """Both constructions of a facet."""
    games, marks = _indexed(facet)
    return worths_on_scale(games, marks), joint_scale(games, marks, facet.scale)


@pytest.fixture(scope="module")
def panel(release):
    return panel_references(release)


def test_every_expert_is_left_out_of_every_facet_of_the_category(panel):
    assert len(panel.table) == len(CATEGORIES) * len(DIMENSIONS) * EXPERTS * PAINTINGS
    assert panel.left_out == ()


def test_the_others_scores_are_the_fusion_of_the_others_judgments(release, panel):
    one = panel.table.query("category == 'figure' and dimension == 'line' and expert_id == 'simulated_figure_1'")
    rest = "category == 'figure' and dimension == 'line' and expert_id != 'simulated_figure_1'"
    pairs, ratings = release.pairs().query(rest), release.ratings().query(rest)
    comparisons = Comparisons.from_arrays(
        pairs["painting_a"].to_numpy(str),
        pairs["painting_b"].to_numpy(str),
        (pairs["choice"] == "a").to_numpy(float),
        rater=pairs["expert_id"].to_numpy(str),
    )
    marks = Ratings.from_arrays(
        ratings["painting_id"].to_numpy(str), ratings["expert_id"].to_numpy(str), ratings["rating"].to_numpy(float)
    )
    fused = fuse_facet(comparisons, marks, (1, 10))
    assert release.fused["painting_id"].iloc[one["row"]].tolist() == list(fused.items)
    assert one["others"].to_numpy() == pytest.approx(fused.fused)


def test_a_single_expert_is_averaged_over_experts_dimensions_and_then_categories(panel):
    by_hand = {
        category: np.mean(
            [
                stats.spearmanr(fold["rating"], fold["others"])[0]
                for _, fold in panel.table[panel.table["category"] == category].groupby(["dimension", "expert_id"])
            ]
        )
        for category in CATEGORIES
    }
    line = single_expert(panel, resamples=200)
    assert line.values() == pytest.approx({**by_hand, "mean": np.mean(list(by_hand.values()))})
    assert line.figures["mean"].low < line.values()["mean"] < line.figures["mean"].high


def test_a_model_is_held_against_the_very_same_references(release, panel):
    line = against_panel(release.references(), release, panel, resamples=0)
    assert 0.85 < line.values()["mean"] < 1
    backwards = against_panel(-release.references(), release, panel, resamples=0)
    assert backwards.values()["figure"] == pytest.approx(-line.values()["figure"])


def test_categories_that_a_model_did_not_score_are_left_out(release, panel):
    predictions = release.references()
    predictions[release.fused["category"] == "figure"] = np.nan
    assert set(against_panel(predictions, release, panel, resamples=0).values()) == {"landscape", "mean"}
    with pytest.raises(ValueError, match="must have shape"):
        against_panel(predictions[1:], release, panel)


def test_what_cannot_be_fused_says_why(release):
    facet = next(facets(release))
    backwards = replace(facet, ratings=facet.ratings.assign(rating=11 - facet.ratings["rating"]))
    assert "run against the preferences" in fused_scores(backwards).why_not
    [found] = [centred_errors(replace(facet, pairs=facet.pairs.iloc[:3]))]
    assert "rated but not compared" in found.why_not and found.items == ()


@pytest.mark.parametrize("protocol", ["ratings", "pairs"])
def test_an_expert_of_one_protocol_leaves_the_centred_errors_what_they_are(release, protocol):
    facet = next(facets(release))
    first, *others = sorted(set(facet.ratings["expert_id"]))
    table = getattr(facet, protocol)
    facet = replace(facet, **{protocol: table[table["expert_id"] != first]})
    found = centred_errors(facet)
    assert found.why_not == "" and np.isfinite(found.values).all()
    # by hand: of the 27 ordered draws of three experts only the one of the first alone cannot be fused
    a, b = fitted(facet)
    draws = np.array([np.bincount(draw, minlength=3) for draw in product(range(3), repeat=3) if draw != (0, 0, 0)])
    each = Resamples(draws.astype(float), np.full(26, 1 / 26), True)
    fused = (resampled_worths(a, each)[0] + resampled_scores(b, each)) / 2
    apart = fused - fused.mean(1, keepdims=True)
    assert found.values == pytest.approx(apart.std(0) * np.sqrt(3 / 2), rel=1e-3)


def test_a_panel_that_contradicts_itself_is_fused_again_as_it_was(release):
    facet = next(facets(release))
    swapped = facet.pairs["choice"].map({"a": "b", "b": "a"})
    mine = facet.pairs["expert_id"] == facet.pairs["expert_id"].min()
    facet = replace(facet, pairs=facet.pairs.assign(choice=swapped.where(mine, facet.pairs["choice"])))
    published = fuse_facet(*_indexed(facet), facet.scale)
    assert published.report.unfit and fused_scores(facet).values == pytest.approx(published.fused, abs=1e-12)


def test_ceilings_of_one_protocol_do_not_hang_on_experts_of_the_other(release):
    facet = next(facets(release))
    games, marks = _indexed(facet)
    more = (*games.raters, "knows nothing of it")
    games, marks = replace(games, raters=more), replace(marks, raters=more)
    # a fourth who gave nothing: three in four draws of four are someone else's, and the panel is what is left of them
    assert 0.5 < ceiling_of_ratings(marks) <= 1 and 0.5 < ceiling_of_preferences(games) <= 1


def test_the_noise_ceiling_is_the_correlation_with_what_the_scores_are_a_noisy_copy_of():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(4000, 2))
    errors = np.full(truth.shape, [0.5, 1.0])
    fused = truth + errors * rng.normal(size=truth.shape)
    line = noise_ceiling_line(fused, errors, ["a"] * 4000, resamples=0)
    reached = np.mean([np.corrcoef(truth[:, d], fused[:, d])[0, 1] for d in range(2)])
    assert line.values()["mean"] == pytest.approx(reached, abs=0.01)


def test_errors_as_large_as_the_spread_leave_a_ceiling_of_nothing():
    fused = np.random.default_rng(0).normal(size=(20, 1))
    assert noise_ceiling_line(fused, np.full((20, 1), 2.0), ["a"] * 20, resamples=0).values()["mean"] == 0.0


def test_errors_relative_to_the_facet_leave_the_common_shift_out(release):
    errors = relative_errors(release)
    published = release.fused[[f"{dimension}_se" for dimension in DIMENSIONS]].to_numpy()
    assert errors.shape == published.shape
    # the square of the published error is that of the place among the others, of the shift, and twice what they share
    assert 0 < errors.mean() < published.mean()
    line = noise_ceiling_line(release.references(), errors, release.fused["category"], resamples=100)
    assert 0.8 < line.values()["mean"] < 1
    assert line.figures["mean"].low <= line.values()["mean"] <= line.figures["mean"].high


def test_several_processes_give_the_same(release):
    jobs = list(facets(release))[:2]
    alone, together = (run_jobs(fused_scores, jobs, "fusing", processes) for processes in (1, 2))
    assert [found.values.tolist() for found in together] == [found.values.tolist() for found in alone]


def test_progress_is_told(release):
    told = []
    relative_errors(release, progress=lambda *step: told.append(step))
    assert told[-1] == ("resampling experts", 4, 4)


# --- beside predictions


def test_the_fused_scores_themselves_are_above_the_ceiling_and_their_reverse_is_not(release, panel):
    truth = release.references()
    categories = release.fused["category"].tolist()
    lines, notes = prediction_lines(release, truth, resamples=20)
    assert notes == ()
    assert lines["single expert, against the other experts"] == single_expert(panel, resamples=20)
    facts = (truth, categories, release.dimensions, release.dimensions[0])
    perfect, reverse = (evaluate_scores(scores, *facts, resamples=20) for scores in (truth, -truth))
    rows = (*perfect.categories, "mean")
    told = above_ceiling(perfect, lines[NOISE_CEILING])
    assert [sentence.split(":")[0] for sentence in told] == list(rows)
    assert above_ceiling(reverse, lines[NOISE_CEILING]) == []


def test_lines_of_one_dimension_are_of_this_one_and_what_is_above_its_ceiling_is_said(release, panel):
    truth, errors = release.references(), np.full((len(release.fused), len(DIMENSIONS)), 0.5)
    place = DIMENSIONS.index("overall")
    facts = {"panel": panel, "errors": errors, "resamples": 20}
    lines, _ = prediction_lines(release, truth[:, [place]], dimensions=["overall"], **facts)
    single, against, ceiling = (line.values() for line in lines.values())
    folds = panel.table[panel.table["dimension"] == "overall"].groupby(["category", "expert_id"])
    for category in CATEGORIES:
        by_hand = [
            [stats.spearmanr(fold["others"], other)[0] for other in (fold["rating"], truth[fold["row"], place])]
            for (name, _), fold in folds
            if name == category
        ]
        assert (single[category], against[category]) == pytest.approx(tuple(np.mean(by_hand, axis=0)))
        inside = truth[(release.fused["category"] == category).to_numpy(), place]
        assert ceiling[category] == pytest.approx(np.sqrt(1 - 0.25 / inside.var(ddof=1)))
    references = reference_scores(release).only(["overall"])
    found = evaluate_values(references.values, references, resamples=0)
    assert [sentence.split(":")[0] for sentence in above_ceiling(found, lines[NOISE_CEILING])] == [*CATEGORIES, "mean"]


def test_two_experts_a_category_leave_a_ceiling_but_no_single_expert_and_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("small_release.EXPERTS", 2)
    monkeypatch.setattr("small_release.PAINTINGS", 6)
    release = read_release(build_small_release(tmp_path))
    lines, notes = prediction_lines(release, release.references(), resamples=20)
    assert [bool(line.figures) for line in lines.values()] == [False, False, True]
    assert len(notes) == 9 and notes[0] == (
        "landscape, line, without simulated_landscape_0: fewer than two experts are left who compared its paintings"
    )
    assert notes[-1].startswith("no expert can be held against the others")


def test_scores_without_an_error_have_no_part_in_the_ceiling():
    scores = np.arange(20.0).reshape(10, 2)
    errors = np.full((10, 2), scores.std() / 2)
    alone = noise_ceiling_line(scores[:, :1], errors[:, :1], ["a"] * 10, resamples=0)
    errors[:, 1] = np.nan
    assert noise_ceiling_line(scores, errors, ["a"] * 10, resamples=0).values() == alone.values()
    assert noise_ceiling_line(scores, errors * np.nan, ["a"] * 10, resamples=0).figures == {}
