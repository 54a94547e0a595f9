"""What one expert reaches against the others, and what the panel's noise allows."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from ppaint.dataset_script.stand_in.experts import simulate_experts
from ppaint.preference_to_score import (
    Comparisons,
    Ratings,
    bradley_terry,
    ceiling_of_preferences,
    ceiling_of_ratings,
    ceiling_of_scores,
    mean_opinion_score,
    single_expert_lines,
)
from ppaint.preference_to_score.panel.panel_lines import standardised


def tables(seed=0, experts=5, n=50):
    rng = np.random.default_rng([seed, 8])
    quality = rng.normal(size=(n, 1))
    panel = simulate_experts(quality, rng, experts=experts)
    first, second = np.tile(panel.pairs.T, experts)
    who = np.repeat(range(experts), len(panel.pairs))
    games = Comparisons.from_arrays(
        first, second, panel.first_preferred[:, :, 0].astype(float).ravel(), rater=who, items=range(n)
    )
    table = panel.ratings[:, :, 0]
    return (
        quality[:, 0],
        games,
        Ratings.from_arrays(np.tile(range(n), experts), np.repeat(range(experts), n), table.ravel()),
    )


def test_each_expert_is_held_against_the_others_alone():
    _, games, marks = tables()
    lines = single_expert_lines(games, marks)
    others = marks.rater != 2
    mos = mean_opinion_score(Ratings.from_arrays(marks.item[others], marks.rater[others], marks.value[others])).scores
    worths = bradley_terry(games.take(games.rater != 2), prior_precision=0.1).log_worths
    own = bradley_terry(games.of_rater(2), prior_precision=0.1).log_worths
    both = standardised(np.array([mos, worths])).mean(0)
    wanted = [[spearmanr(mine, rest).statistic for rest in (mos, worths, both)] for mine in (marks.table()[2], own)]
    assert lines.of_ratings[2] == pytest.approx(wanted[0]) and lines.of_preferences[2] == pytest.approx(wanted[1])


def test_one_protocol_alone_and_experts_of_one_protocol():
    _, games, marks = tables(1)
    alone = single_expert_lines(None, marks)
    assert np.isfinite(alone.of_ratings[:, 0]).all()
    assert np.isnan(alone.of_ratings[:, 1:]).all() and np.isnan(alone.of_preferences).all()
    some = marks.rater < 4
    fewer = Ratings.from_arrays(marks.item[some], marks.rater[some], marks.value[some])
    lines = single_expert_lines(games, fewer)
    assert np.isnan(lines.of_ratings[4]).all() and np.isfinite(lines.of_preferences[4]).all()


def test_the_ceiling_is_where_a_second_panel_would_be():
    """The squared ceiling is a reliability: two independent panels correlate by about that."""
    found, between = [], []
    for seed in range(8):
        quality, games, marks = tables(seed)
        rng = np.random.default_rng([seed, 99])
        other = simulate_experts(quality[:, None], rng).ratings[:, :, 0].mean(0)
        found.append(ceiling_of_ratings(marks) ** 2)
        between.append(np.corrcoef(mean_opinion_score(marks).scores, other)[0, 1])
        assert 0.9 < ceiling_of_preferences(games) < 1
    assert np.mean(found) == pytest.approx(np.mean(between), abs=0.02)


def test_errors_as_large_as_the_spread_leave_no_ceiling():
    assert ceiling_of_scores([1, 2, 3], [5, 5, 5]) == 0 and np.isnan(ceiling_of_scores([2, 2, 2], [1, 1, 1]))
    with pytest.raises(ValueError, match="one length"):
        ceiling_of_scores([1, 2], [1, 2, 3])


def test_what_has_no_others_is_refused():
    _, games, marks = tables()
    one = marks.rater == 0
    alone = Ratings.from_arrays(marks.item[one], marks.rater[one], marks.value[one])
    with pytest.raises(ValueError, match="only one expert"):
        single_expert_lines(None, alone)
    with pytest.raises(ValueError, match="neither"):
        single_expert_lines(None, None)
    with pytest.raises(ValueError, match="same items"):
        single_expert_lines(games, Ratings.from_arrays([0, 1], [0, 1], [1, 2]))
    with pytest.raises(ValueError, match="name no raters"):
        ceiling_of_preferences(Comparisons.from_arrays([0], [1], [1]))
