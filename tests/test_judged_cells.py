"""Construction B by cells: the mode is that of the whole model, resamples are panels, and sizes are those of the judgments."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from ppaint.preference_to_score import Comparisons, Ratings, expert_resamples, fuse_facet, joint_scale
from ppaint.preference_to_score.fusion.joint_estimation import estimate
from ppaint.preference_to_score.fusion.judged_cells import lay_out
from ppaint.preference_to_score.fusion.personal_scales import Structure, posterior_mode
from ppaint.preference_to_score.fusion.resampled_modes import resampled_modes
from ppaint.preference_to_score.pairwise.probit import log_interval

LEVELS = np.arange(1.0, 8.0)


def panel(seed, items, raters, each, ties=0.0):
    """Raters who each judge some of the items: all their pairs, and a rating of each."""
    rng = np.random.default_rng(seed)
    quality, rows, marks = rng.normal(size=items), [], []
    for rater in range(raters):
        own = np.sort(rng.choice(items, each, replace=False))
        taste = quality[own] + 0.5 * rng.normal(size=each)
        first, second = np.triu_indices(each, 1)
        outcome = (taste[first] - taste[second] + 0.8 * rng.normal(size=first.size) > 0).astype(float)
        outcome[rng.random(first.size) < ties] = 0.5
        rows += [(own[a], own[b], y, rater) for a, b, y in zip(first, second, outcome, strict=True)]
        marks += list(zip(own, [rater] * each, np.clip(np.rint(4 + 1.3 * taste), 1, 7), strict=True))
    first, second, outcome, who = (np.array(column) for column in zip(*rows, strict=True))
    games = Comparisons.from_arrays(first, second, outcome, rater=who, items=range(items), raters=range(raters))
    item, rater, value = (np.array(column) for column in zip(*marks, strict=True))
    return games, Ratings.from_arrays(item, rater, value, items=range(items), raters=range(raters))


def structure(raters, tie=0.0):
    return Structure(0.6, 1.3, np.linspace(-0.4, 0.4, raters), np.linspace(0.2, -0.2, raters), 0.7, 0.25,
                     np.linspace(-2.5, 2.5, 6), tie)  # fmt: skip


def log_posterior(games, marks, at, q, theta):
    """The model as its docstring says it, for every expert and item, judged or not."""
    d = theta[games.rater, games.first] - theta[games.rater, games.second]
    y, wide = games.outcome, np.full(len(games), np.inf)
    low = np.where(y == 1, at.tie_threshold - d, np.where(y == 0, -wide, -at.tie_threshold - d))
    high = np.where(y == 1, wide, np.where(y == 0, -at.tie_threshold - d, at.tie_threshold - d))
    ends = np.concatenate([[-np.inf], at.thresholds, [np.inf]])
    level = marks.value.astype(int) - 1
    eta = at.shift[marks.rater] + np.exp(at.log_scale)[marks.rater] * theta[marks.rater, marks.item]
    judged = log_interval(low, high).sum() + log_interval(ends[level] - eta, ends[level + 1] - eta).sum()
    return judged - ((theta - q) ** 2).sum() / (2 * at.taste**2) - (q**2).sum() / (2 * at.quality**2)


@pytest.mark.parametrize("ties", [0.0, 0.2])
def test_the_mode_over_judged_cells_is_that_over_all_experts_and_items(ties):
    games, marks = panel(0, items=6, raters=4, each=4, ties=ties)
    judgments, at = lay_out(games, marks, LEVELS), structure(4, 0.2 if ties else 0.0)
    mode = posterior_mode(judgments, at, np.zeros(6), np.zeros(judgments.n_cells))

    def loss(x):  # the mean of q is what it is: it does not move
        q = x[:6] - x[:6].mean()
        return -log_posterior(games, marks, at, q, x[6:].reshape(4, 6))

    best = minimize(loss, np.zeros(30), method="BFGS", options={"gtol": 1e-6})
    theta = judgments.table(mode.personal, mode.common)
    assert loss(np.concatenate([mode.common, theta.ravel()])) <= best.fun + 1e-9
    assert mode.common == pytest.approx(best.x[:6] - best.x[:6].mean(), abs=1e-4)
    assert theta == pytest.approx(best.x[6:].reshape(4, 6), abs=1e-4)
    assert judgments.unjudged == 8 and mode.common.mean() == pytest.approx(0, abs=1e-12)


def repeated(games, marks, counts):
    """The panel in which each expert is as many experts as the resample says."""
    copies = [rater for rater, count in enumerate(counts.astype(int)) for _ in range(count)]
    rows, rated = ([np.flatnonzero(table.rater == rater) for rater in copies] for table in (games, marks))
    who, whose = (np.repeat(range(len(copies)), [len(some) for some in each]) for each in (rows, rated))
    rows, rated, names = np.concatenate(rows), np.concatenate(rated), range(len(copies))
    sides = (games.first[rows], games.second[rows], games.outcome[rows])
    return (
        Comparisons.from_arrays(*sides, rater=who, items=games.items, raters=names),
        Ratings.from_arrays(marks.item[rated], whose, marks.value[rated], items=games.items, raters=names),
        copies,
    )


@pytest.mark.parametrize(
    "each", [4, 8]
)  # of eight items: far from the full panel, so that chords are too slow; and all
def test_a_resample_is_the_panel_that_it_stands_for(each):
    games, marks = panel(1, items=8, raters=5, each=each)
    judgments, at = lay_out(games, marks, LEVELS), structure(5)
    mode = posterior_mode(judgments, at, np.zeros(8), np.zeros(judgments.n_cells))
    weights = expert_resamples(5).counts[::9]
    found = resampled_modes(judgments, at, mode, weights, tolerance=1e-9)
    for counts, q in zip(weights, found, strict=True):
        *tables, copies = repeated(games, marks, counts)
        own = lay_out(*tables, LEVELS)
        alike = Structure(**(vars(at) | {"shift": at.shift[copies], "log_scale": at.log_scale[copies]}))
        assert q == pytest.approx(posterior_mode(own, alike, np.zeros(8), np.zeros(own.n_cells)).common, abs=1e-7)


def test_a_study_of_many_raters_takes_room_for_what_they_judged():
    games, marks = panel(2, items=60, raters=300, each=5)
    judgments = lay_out(games, marks, LEVELS)
    assert (judgments.n_cells, len(judgments.counts)) == (1500, 3000) and judgments.matrix_items.size == 300 * 5**2
    mode = estimate(judgments, LEVELS)[1]
    assert mode.given_common.shape == (7500,)
    fused = fuse_facet(games, marks, (1, 7))
    quality = np.random.default_rng(2).normal(size=60)
    assert np.corrcoef(fused.fused, quality)[0, 1] > 0.97 and (fused.se < 0.5).all() and not fused.report.flagged


def test_experts_of_one_protocol_and_repeated_ratings_have_their_cells():
    games = Comparisons.from_arrays(list("abab"), list("bcbc"), [1, 1, 0, 1], rater=list("xxyy"), raters=list("xyz"))
    marks = Ratings.from_arrays(list("abcab"), list("xzzxx"), [1, 2, 3, 2, 4], items="abc", raters=list("xyz"))
    judgments = lay_out(games, marks, LEVELS)
    cells = dict(zip(zip(judgments.expert.tolist(), judgments.item.tolist(), strict=True), range(8), strict=True))
    assert sorted(cells) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2)]
    assert [sorted(slot[0].tolist()) for slot in judgments.rated] == [
        sorted(cells[cell] for cell in ((0, 0), (0, 1), (2, 1), (2, 2))),
        [cells[0, 0]],
    ]
    wide = np.arange(judgments.matrix_items.size, dtype=float)
    diagonal, above, below = judgments.places
    for block, matrices in judgments.matrices(wide):
        for expert, matrix in zip(judgments.expert[block.cells].reshape(block.shape)[:, 0], matrices, strict=True):
            own = np.flatnonzero(judgments.expert == expert)
            assert (diagonal[own] == np.diag(matrix)).all()
    pairs = judgments.counts.pair
    low, high = judgments.counts.first[pairs], judgments.counts.second[pairs]
    assert (judgments.matrix_items[above] == low * 3 + high).all()
    assert (judgments.matrix_items[below] == high * 3 + low).all()
    assert (judgments.matrix_expert[above] == judgments.counts.rater).all()
    assert judgments.table(np.ones(8), np.zeros(3)).sum() == 8


def test_resamples_in_parts_are_those_at_once(monkeypatch):
    games, marks = panel(3, items=8, raters=5, each=5)
    at_once = fuse_facet(games, marks, (1, 7))
    monkeypatch.setattr("ppaint.preference_to_score.arrays.AT_ONCE", 700)  # a dozen resamples or cells at a time
    parts = fuse_facet(games, marks, (1, 7))
    for name in ("se", "a_se", "b_se", "se_panel"):
        assert getattr(parts, name) == pytest.approx(getattr(at_once, name), rel=1e-4)
    assert (parts.fused == at_once.fused).all()


def careless_panel(seed):
    """Eleven to fifteen experts, each of some items; many at random, reversed, all alike, or at the ends of the scale."""
    rng = np.random.default_rng(seed)
    items, experts, levels = int(rng.integers(4, 14)), int(rng.integers(11, 16)), int(rng.choice([2, 3, 5, 10]))
    quality = rng.normal(size=items) * rng.choice([0.3, 1, 3])
    rows, marks = [(item, item + 1, 1.0, 2) for item in range(items - 1)], []
    for expert in range(experts):
        each = int(rng.integers(2, items + 1))
        own = np.sort(rng.choice(items, each, replace=False))
        taste, kind = quality[own] + 0.5 * rng.normal(size=each), rng.integers(0, 6)
        first, second = np.triu_indices(each, 1)
        won = (taste[first] - taste[second] + 0.7 * rng.normal(size=first.size) > 0).astype(float)
        value = np.clip(np.rint((levels + 1) / 2 + levels / 5 * taste), 1, levels)
        if kind == 0:
            value = rng.integers(1, levels + 1, each).astype(float)
        if kind == 3:
            value = np.where(rng.random(each) < 0.5, 1.0, levels)
        value = {1: levels + 1 - value, 2: np.full(each, levels)}.get(kind, value)
        if expert != 0:
            rows += list(zip(own[first], own[second], won, [expert] * first.size, strict=True))
        if expert != 1:
            marks += list(zip(own, [expert] * each, value, strict=True))
    first, second, outcome, who = (np.array(column) for column in zip(*rows, strict=True))
    item, rater, value = (np.array(column) for column in zip(*marks, strict=True))
    games = Comparisons.from_arrays(first, second, outcome, rater=who, items=range(items), raters=range(experts))
    return games, Ratings.from_arrays(item, rater, value, items=range(items), raters=range(experts)), levels


@pytest.mark.parametrize("seed", [5, 22, 31])
def test_a_dozen_experts_of_whom_many_are_careless_are_fitted(seed):
    # with seed 22 an exact M-step on a mode that is not exact went round in circles
    games, ratings, levels = careless_panel(seed)
    assert joint_scale(games, ratings, (1, levels)).iterations < 300


def test_ratings_that_are_all_the_same_say_nothing_of_shifts_and_are_fitted():
    games, marks = panel(4, items=8, raters=12, each=8)
    alike = replace(marks, value=np.full(len(marks), 3.0))
    assert joint_scale(games, alike, (1, 5)).scores == pytest.approx(np.full(8, 3.0), abs=0.01)
