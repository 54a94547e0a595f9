"""What is expected of a design is what comes about: figures of the graph, standard errors, errors, and the near distance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from ppaint.preference_to_score import (
    Comparisons,
    algebraic_connectivity,
    assess_design,
    assumed_worths,
    bradley_terry,
    expected_error,
    expected_errors,
    graph_diameter,
    locally_dense_pairs,
    propose_design,
    random_pairs,
    rank_scores,
    ring_pairs,
)
from ppaint.preference_to_score.design.design_quality import shuffled_error
from ppaint.preference_to_score.design.near_distance import choose_near, largest_near

COMPLETE = np.argwhere(np.triu(np.ones((10, 10)), 1))


def fitted(pairs: np.ndarray, wins: np.ndarray, experts: int, n: int):
    """Bradley-Terry with construction A's prior; wins of each pair's first item, whole or not."""
    weight = np.concatenate([wins, experts - wins])
    there = weight > 0
    first, second = np.tile(pairs, (2, 1))[there].T
    outcome = np.repeat([1.0, 0.0], len(pairs))[there]
    games = Comparisons.from_arrays(first, second, outcome, weight=weight[there], items=range(n))
    return bradley_terry(games, prior_precision=0.1)


def drawn(pairs: np.ndarray, worths: np.ndarray, experts: int, rng: np.random.Generator) -> np.ndarray:
    return rng.binomial(experts, 1 / (1 + np.exp(worths[pairs[:, 1]] - worths[pairs[:, 0]]))).astype(float)


# ---- the graph


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (COMPLETE, 10.0),
        (ring_pairs(10, 10), 2 - 2 * np.cos(2 * np.pi / 10)),
        (np.array([[i, i + 1] for i in range(9)]), 2 - 2 * np.cos(np.pi / 10)),
        (np.array([[0, i] for i in range(1, 10)]), 1.0),
        (np.array([[i, i + 1] for i in range(9) if i != 4]), 0.0),
    ],
    ids=["complete", "cycle", "path", "star", "in two parts"],
)
def test_algebraic_connectivity_of_textbook_graphs(pairs, expected):
    assert algebraic_connectivity(pairs, 10) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 25), share=st.floats(0, 1), seed=st.integers(0, 99))
def test_random_and_ring_designs_are_distinct_connected_and_as_many_as_asked_for(n, share, seed):
    most = n * (n - 1) // 2
    budget = round(n - 1 + share * (most - (n - 1)))
    for pairs in (random_pairs(n, budget, np.random.default_rng(seed)), ring_pairs(n, budget)):
        assert len({tuple(pair) for pair in pairs}) == len(pairs) == budget
        assert (pairs[:, 0] < pairs[:, 1]).all() and pairs.min() == 0 and pairs.max() == n - 1
        assert np.isfinite(graph_diameter(pairs, n))


def test_a_random_design_repeats_with_its_seed():
    one, again, other = (random_pairs(20, 60, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one == again).all() and not np.array_equal(one, other)


def test_a_ring_gives_every_item_the_same_degree():
    assert set(np.bincount(ring_pairs(11, 33).ravel())) == {6}


@pytest.mark.parametrize("budget", [8, 46])
def test_budgets_that_cannot_be_met_are_refused(budget):
    with pytest.raises(ValueError, match="10 items take 9 to 45 pairs"):
        ring_pairs(10, budget)
    with pytest.raises(ValueError, match="10 items take 9 to 45 pairs"):
        random_pairs(10, budget, np.random.default_rng(0))


# ---- worths and errors


def test_assumed_worths_have_the_spread_and_keep_the_scores_shape():
    worths = assumed_worths([5.0, 1.0, 3.0, 3.0], 2.5)
    assert worths.mean() == pytest.approx(0) and worths.std() == pytest.approx(2.5)
    assert worths[2] == worths[3] and worths[0] - worths[2] == pytest.approx(worths[2] - worths[1])
    assert assumed_worths(np.array([5.0, 1.0, 3.0, 3.0]) * 1e300, 2.5) == pytest.approx(worths)


@pytest.mark.parametrize("scores", [[1.0, 1.0], [1.0], [1.0, np.nan]])
def test_scores_that_order_nothing_are_refused(scores):
    with pytest.raises(ValueError, match="equal|finite"):
        assumed_worths(scores, 2.0)


def test_errors_of_equal_items_on_the_complete_graph_have_a_closed_form():
    """Information J / 4 a pair: variance (1 - 1/n) / (n J / 4) about the mean."""
    errors = expected_errors(COMPLETE, np.zeros(10), experts=3, prior_precision=0.0)
    assert errors == pytest.approx(np.sqrt(0.9 / (10 * 3 / 4)), rel=1e-12)


def test_expected_errors_are_those_that_bradley_terry_reports_for_the_expected_outcomes():
    worths = assumed_worths(rank_scores(12), 1.5)
    pairs = ring_pairs(12, 30)
    probability = 1 / (1 + np.exp(worths[pairs[:, 1]] - worths[pairs[:, 0]]))
    weight = np.full(30, 7.0)
    games = Comparisons.from_arrays(*pairs.T, probability, weight=weight, items=range(12))
    fit = bradley_terry(games, ties="half")
    assert fit.log_worths == pytest.approx(worths, abs=1e-8)
    assert expected_errors(pairs, worths, experts=7, prior_precision=0.0) == pytest.approx(fit.standard_errors)


@pytest.mark.parametrize("prior_precision", [0.0, 0.1])
def test_errors_fall_with_the_root_of_the_number_of_experts(prior_precision):
    worths = assumed_worths(rank_scores(12), 1.5)
    few, many = (
        expected_errors(ring_pairs(12, 30), worths, experts=experts, prior_precision=prior_precision * experts)
        for experts in (3, 48)
    )
    assert few == pytest.approx(4 * many)


@pytest.mark.parametrize(
    ("n", "budget", "near", "spread", "draws"),
    [(50, 612, 12, 2.1, 150), (50, 612, 12, 0.5, 150), (40, 160, 2, 1.5, 250)],
)
def test_what_is_expected_comes_about_in_simulated_releases(n, budget, near, spread, draws):
    """Reported SE and error within 4 %, SRCC within 0.015: five experts, judgments from Bradley-Terry itself."""
    worths = assumed_worths(rank_scores(n), spread)
    rng = np.random.default_rng(1)
    for pairs in (locally_dense_pairs(n, near, budget, rng), random_pairs(n, budget, rng)):
        expected = assess_design(pairs, worths)
        reported, squares, ranks = [], [], []
        for _ in range(draws // 2):
            fit = fitted(pairs, drawn(pairs, worths, 5, rng), 5, n)
            theta = fit.log_worths
            reported.append(fit.standard_errors.mean())
            squares.append(worths.var() * (1 - np.corrcoef(theta, worths)[0, 1] ** 2))
            ranks.append(spearmanr(theta, worths).statistic)
        assert expected.se_mean == pytest.approx(np.mean(reported), rel=0.04)
        assert expected.error == pytest.approx(np.sqrt(np.mean(squares)), rel=0.04)
        assert expected.srcc == pytest.approx(np.mean(ranks), abs=0.015)


def test_the_standard_error_hides_what_the_prior_bends_and_the_error_shows_it():
    """A sparse ring with a wide spread: measured errors are twice the standard errors, as the expected error says."""
    worths, pairs = assumed_worths(rank_scores(50), 3.0), ring_pairs(50, 150)
    expected, rng = assess_design(pairs, worths), np.random.default_rng(2)
    left = [
        worths.var()
        * (1 - np.corrcoef(fitted(pairs, drawn(pairs, worths, 5, rng), 5, 50).log_worths, worths)[0, 1] ** 2)
        for _ in range(80)
    ]
    assert np.sqrt(np.mean(left)) > 1.8 * expected.se_mean
    assert expected.error == pytest.approx(np.sqrt(np.mean(left)), rel=0.12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_figures_do_not_depend_on_sides_rows_or_the_names_of_the_items(seed):
    rng = np.random.default_rng(seed)
    worths, pairs = rng.normal(size=9), random_pairs(9, 15, rng)
    name = rng.permutation(9)
    moved = np.empty(9)
    moved[name] = worths
    other = rng.permutation(name[pairs][:, ::-1])
    assert expected_errors(other, moved)[name] == pytest.approx(expected_errors(pairs, worths))
    assert expected_error(other, moved) == pytest.approx(expected_error(pairs, worths))
    assert algebraic_connectivity(other, 9) == pytest.approx(algebraic_connectivity(pairs, 9))


def test_more_pairs_never_raise_an_expected_standard_error():
    worths = assumed_worths(rank_scores(10), 2.0)
    few = ring_pairs(10, 12)
    assert (expected_errors(COMPLETE, worths) < expected_errors(few, worths)).all()


def test_a_random_design_does_not_mind_a_prior_of_no_use_but_a_locally_dense_one_does():
    worths = assumed_worths(rank_scores(40), 3.0)
    dense = locally_dense_pairs(40, 6, 240, np.random.default_rng(0))
    random = [random_pairs(40, 240, np.random.default_rng(seed)) for seed in range(5)]
    assert shuffled_error(dense, worths) > 1.2 * expected_error(dense, worths)
    right = np.mean([expected_error(pairs, worths) for pairs in random])
    assert np.mean([shuffled_error(pairs, worths) for pairs in random]) == pytest.approx(right, rel=0.05)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([[0, 1], [2, 3]], r"falls into 2 parts.*add pairs"),
        ([[0, 1], [1, 0], [1, 2], [2, 3]], "is listed twice"),
        ([[0, 1], [1, 2], [2, 3], [3, 3]], "paired with itself"),
        ([[0, 1], [1, 2], [2, 4]], "positions 0 to 3"),
        (np.zeros((0, 2)), "not empty"),
    ],
)
def test_pairs_that_are_no_design_are_refused(pairs, said):
    for figure in (expected_errors, expected_error, assess_design):
        with pytest.raises(ValueError, match=said):
            figure(np.array(pairs), [0.0, 1.0, 2.0, 3.0])


# ---- the near distance and the proposal


def test_the_chosen_distance_for_the_stand_ins_budget_is_the_stand_ins():
    proposal = propose_design(assumed_worths(rank_scores(50), 2.1), 612)
    assert (proposal.near, proposal.near_pairs, len(proposal.pairs)) == (12, 522, 612)
    assert (proposal.pairs == locally_dense_pairs(50, 12, 612, np.random.default_rng(0))).all()


@pytest.mark.parametrize(("n", "budget", "spread"), [(50, 612, 2.0), (50, 150, 2.0), (30, 120, 4.0), (30, 120, 0.5)])
def test_the_chosen_distance_is_level_with_the_best_and_not_behind_random(n, budget, spread):
    worths = assumed_worths(rank_scores(n), spread)
    choice = choose_near(worths, budget)
    either = np.add(choice.error, choice.error_shuffled)
    assert either[choice.tried.index(choice.near)] <= 1.005 * either.min()
    quality = propose_design(worths, budget).qualities
    assert quality["locally dense"].error < quality["random"].error
    assert quality["locally dense"].error_shuffled < 1.03 * quality["random"].error_shuffled


def test_many_distances_are_sampled_evenly_up_to_the_largest():
    tried = choose_near(assumed_worths(rank_scores(40), 2.0), 700).tried
    assert len(tried) == 24 and tried[0] == 1 and tried[-1] == largest_near(40, 700)


def test_a_complete_design_is_the_same_by_every_name():
    qualities = propose_design(assumed_worths(rank_scores(8), 2.0), 28).qualities
    figures = [list(quality.as_dict().values()) for quality in qualities.values()]
    assert figures[1] == pytest.approx(figures[0]) and figures[2] == pytest.approx(figures[0])


def test_two_items_and_a_chain_are_designs_too():
    assert propose_design(assumed_worths([0.0, 1.0], 2.0), 1).pairs.tolist() == [[0, 1]]
    assert propose_design(assumed_worths(rank_scores(6), 2.0), 5).qualities["locally dense"].diameter == 5


def test_a_proposal_repeats_with_its_seed():
    worths = assumed_worths(rank_scores(20), 2.0)
    one, again, other = (propose_design(worths, 70, near=2, seed=seed) for seed in (3, 3, 4))
    assert (one.pairs == again.pairs).all() and one.qualities == again.qualities
    assert not np.array_equal(one.pairs, other.pairs)


@pytest.mark.parametrize(
    ("worths", "options", "said"),
    [
        ([0.0, 2.0, 1.0], {}, "rising order"),
        ([0.0, 1.0, np.inf], {}, "finite"),
        ([0.0, 1.0, 2.0], {"experts": 0}, "at least 1 expert"),
        ([0.0, 1.0, 2.0], {"near": 2}, "up to rank distance 1"),
        ([0.0, 1.0, 2.0], {"budget": 4}, "take 2 to 3 pairs"),
    ],
)
def test_proposals_that_make_no_sense_are_refused(worths, options, said):
    with pytest.raises(ValueError, match=said):
        propose_design(worths, **({"budget": 2} | options))
