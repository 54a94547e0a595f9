"""Is this judge fit to teach? A label-free report on its judgments, made before any training."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from ...foundation.whole_files import write_text, written_file
from ...preference_to_score.ranks import srcc_of_estimates
from ..judgments.judging import Judged
from .pool_self_check import PoolSelfCheck
from .pseudo_labels import PseudoScores
from .reference_pool import ReferencePool

ONE_ANSWER = 0.95  # correlation of two dimensions' pseudo-scores above which they are hardly two
MANY_IMAGES, MANY_PAIRS = 600, 5000  # of which single points can no more be told apart in a plot
OTHER, MEMBER = "#7a8b99", "#b5382a"
NO_VALIDITY = (
    "Reliability is not validity: it says that the judge's answers agree with one another, not that they are about what "
    "was asked. A judge that looks at something else, or gives one answer for all dimensions, can be perfectly reliable; "
    "only people's judgments show whether it is right."
)


@dataclass(frozen=True)
class DimensionFitness:
    """What the judgments of one dimension say about the judge.

    Parameters
    ----------
    dimension : str
    pairs : int
        Pairs answered in both orders.
    abstentions : int
        Pairs with an answer missing in one order or both.
    position_bias, position_bias_size : float
        Mean, and mean absolute value, of (logit p_AB + logit p_BA) / 2; positive favours the image shown first.
    decisiveness : float
        Mean absolute value of delta = (logit p_AB - logit p_BA) / 2: the bias is to be seen beside it.
    swap_consistency : float
        Mean of ``1 - |p_AB + p_BA - 1|``. A judge that knows nothing reaches 1: no measure of knowledge.
    same_winner : float
        Share of pairs in which both orders name the same winner.
    elo_spread, elo_error : float
        Standard deviation of the pseudo-scores and root mean square of their errors, in Elo points.
    reliability : float
        Share of the pseudo-scores' variance that is not error.
    cyclic_triples : float
        Share of cyclic among fully judged triples of the pool (1/4 for coin tosses); NaN without a triple.
    triples : int
        Fully judged triples of the pool.
    pointwise_agreement : float
        SRCC between the pseudo-scores and the judge's own pointwise scores; NaN where either is constant.
    pool_slope, pool_slope_tolerance : float
        Self-check of the pool, the logistic slope of held-out judgments: within the tolerance of 1 is well. NaN where no
        check is possible.
    kept : bool
        Whether the dimension has a usable signal.
    """

    dimension: str
    pairs: int
    abstentions: int
    position_bias: float
    position_bias_size: float
    decisiveness: float
    swap_consistency: float
    same_winner: float
    elo_spread: float
    elo_error: float
    reliability: float
    cyclic_triples: float
    triples: int
    pointwise_agreement: float
    pool_slope: float
    pool_slope_tolerance: float
    kept: bool


@dataclass(frozen=True)
class JudgeFitness:
    """The report: one part per dimension, and the sentences that ask for attention.

    Parameters
    ----------
    dimensions : tuple of DimensionFitness
    warnings : tuple of str
    judge, pool_hash : str
        Whose judgments these are.
    correlations : ndarray, shape (D, D)
        Of the dimensions' pseudo-scores; NaN where either is constant.
    answers : str
        What a reader has to know of the kind of answers; empty for the logits of a model that runs here.
    """

    dimensions: tuple[DimensionFitness, ...]
    warnings: tuple[str, ...]
    judge: str
    pool_hash: str
    correlations: np.ndarray
    answers: str = ""

    ROWS = (
        ("pairs judged in both orders", "pairs", "d"),
        ("abstentions", "abstentions", "d"),
        ("position bias (logits; + favours the first)", "position_bias", "+.3f"),
        ("size of the position bias (logits)", "position_bias_size", ".3f"),
        ("decisiveness, mean abs. delta (logits)", "decisiveness", ".3f"),
        ("swap consistency", "swap_consistency", ".3f"),
        ("same winner in both orders", "same_winner", ".3f"),
        ("spread of pseudo-scores (Elo)", "elo_spread", ".0f"),
        ("their standard error (Elo)", "elo_error", ".0f"),
        ("reliability", "reliability", ".3f"),
        ("cyclic triples (coin tosses: 0.25)", "cyclic_triples", ".3f"),
        ("agreement with own pointwise rating (SRCC)", "pointwise_agreement", ".3f"),
        ("pool self-check, slope", "pool_slope", ".3f"),
        ("its tolerance", "pool_slope_tolerance", ".3f"),
    )

    def markdown(self) -> str:
        """The report as a Markdown page."""
        names = [part.dimension for part in self.dimensions]
        lines = [
            "# Judge fitness",
            "",
            f"Judge `{self.judge[:16]}`, pool `{self.pool_hash[:16]}`. No human label is used.",
            "",
        ]
        lines += [self.answers, ""] if self.answers else []
        lines += ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
        for title, key, form in self.ROWS:
            lines.append(f"| {title} | " + " | ".join(format(getattr(p, key), form) for p in self.dimensions) + " |")
        lines.append(
            "| usable signal | " + " | ".join("yes" if p.kept else "no: dropped" for p in self.dimensions) + " |"
        )
        lines += ["", NO_VALIDITY]
        if len(names) > 1:
            lines += ["", "## Correlations between the dimensions' pseudo-scores", ""]
            lines += ["| | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
            for name, row in zip(names, self.correlations, strict=True):
                lines.append(f"| {name} | " + " | ".join(f"{r:.3f}" for r in row) + " |")
        lines += ["", "## Warnings", ""]
        lines += [f"- {sentence}" for sentence in self.warnings] or ["None."]
        return "\n".join(lines) + "\n"

    def save(self, folder: str | Path, scores: PseudoScores | None = None, pool: ReferencePool | None = None) -> Path:
        """Write ``judge_fitness.md`` and, given the scores and the pool, ``judge_fitness.png`` into a folder.

        Returns
        -------
        Path
            The Markdown page.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        page = self.markdown()
        if scores is not None and pool is not None:
            plot_fitness(scores, pool, folder / "judge_fitness.png")
            page += "\n![pseudo-scores with their errors, position bias](judge_fitness.png)\n"
        write_text(folder / "judge_fitness.md", page)
        return folder / "judge_fitness.md"


def judge_fitness(
    scores: PseudoScores,
    pool: ReferencePool,
    pointwise: np.ndarray,
    check: PoolSelfCheck | None = None,
    answers: str = "",
) -> JudgeFitness:
    """Report on a judge from its own judgments.

    Parameters
    ----------
    scores : PseudoScores
        With the judgments that they rest on.
    pool : ReferencePool
    pointwise : ndarray, shape (n, D)
        The judge's own pointwise scores of ``scores.images``.
    check : PoolSelfCheck, optional
    answers : str
        As for the report.

    Returns
    -------
    JudgeFitness
    """
    parts = tuple(_dimension(k, scores, pool, pointwise[:, k], check) for k in range(len(scores.dimensions)))
    warnings = [] if check is None else [f"pool self-check, {sentence}" for sentence in check.warnings()]
    for part in parts:
        name = part.dimension
        if not part.kept:
            warnings.append(f"{name}: no usable signal (reliability {part.reliability:.2f}); dropped")
        if part.abstentions:
            warnings.append(f"{name}: the judge abstained on {part.abstentions} pairs; they are left out")
        if part.position_bias_size > 2 * part.decisiveness:
            warnings.append(f"{name}: the position bias is over twice as large as what the images decide")
        if part.triples and part.cyclic_triples > 0.2:
            warnings.append(f"{name}: the judge contradicts itself almost as often as coin tosses would")
    correlations = _correlations(scores.elo)
    warnings += _one_answer(scores.dimensions, correlations)
    return JudgeFitness(parts, tuple(warnings), scores.judge, scores.pool_hash, correlations, answers)


def _correlations(elo: np.ndarray) -> np.ndarray:
    """Of every two columns, over the images that have a score in both."""
    many = elo.shape[1]
    found = np.full((many, many), np.nan)
    for i, j in combinations(range(many), 2):
        both = np.isfinite(elo[:, i]) & np.isfinite(elo[:, j])
        one, other = elo[both, i], elo[both, j]
        if len(one) > 2 and np.ptp(one) > 0 and np.ptp(other) > 0:
            found[i, j] = found[j, i] = np.corrcoef(one, other)[0, 1]
    np.fill_diagonal(found, 1.0)
    return found


def _one_answer(names: tuple[str, ...], correlations: np.ndarray) -> list[str]:
    """A sentence for dimensions whose pseudo-scores are hardly two; one for all where all are so."""
    pairs = [(i, j) for i, j in combinations(range(len(names)), 2) if correlations[i, j] > ONE_ANSWER]
    what = "the judge hardly tells them apart, however reliable it is"
    if len(pairs) > 1 and len(pairs) == len(names) * (len(names) - 1) // 2:
        least = min(correlations[pair] for pair in pairs)
        return [f"all dimensions: their pseudo-scores correlate at {least:.3f} or more: {what}"]
    return [
        f"{names[i]} and {names[j]}: their pseudo-scores correlate at {correlations[i, j]:.3f}: {what}"
        for i, j in pairs
    ]


def _dimension(
    k: int, scores: PseudoScores, pool: ReferencePool, pointwise: np.ndarray, check: PoolSelfCheck | None
) -> DimensionFitness:
    judged = scores.judged
    delta = judged.delta[:, k]
    asked = ~np.isnan(delta)
    bias, winner_kept = judged.position_bias[asked, k], judged.forward[asked, k] * judged.backward[asked, k] < 0
    cyclic, triples = cyclic_triples(judged, pool.images, k)
    slope = None if check is None else check.checks[k]
    rated = np.isfinite(scores.elo[:, k]) & np.isfinite(scores.tau[:, k])
    return DimensionFitness(
        dimension=scores.dimensions[k],
        pairs=int(asked.sum()),
        abstentions=int((~asked).sum()),
        position_bias=_mean(bias),
        position_bias_size=_mean(np.abs(bias)),
        decisiveness=_mean(np.abs(delta[asked])),
        swap_consistency=_mean(judged.swap_consistency[asked, k]),
        same_winner=_mean(winner_kept),
        elo_spread=float(np.std(scores.elo[rated, k], ddof=1)) if rated.sum() > 1 else float("nan"),
        elo_error=float(np.sqrt(_mean(scores.tau[rated, k] ** 2))),
        reliability=float(scores.reliability[k]),
        cyclic_triples=cyclic,
        triples=triples,
        pointwise_agreement=_srcc(scores.elo[rated, k], pointwise[rated]),
        pool_slope=float("nan") if slope is None else slope.slope,
        pool_slope_tolerance=float("nan") if slope is None else slope.tolerance,
        kept=scores.dimensions[k] in scores.kept,
    )


def cyclic_triples(judged: Judged, images: tuple[str, ...], k: int) -> tuple[float, int]:
    """Share of triples a > b > c > a among the fully judged triples of some images.

    Parameters
    ----------
    judged : Judged
    images : tuple of str
        Among these.
    k : int
        The dimension.

    Returns
    -------
    share : float
        NaN without a triple.
    triples : int

    Examples
    --------
    >>> answers = np.array([[1.0], [1.0], [-1.0]])  # a beats b, b beats c, c beats a
    >>> cyclic_triples(Judged(("a", "b", "a"), ("b", "c", "c"), answers, -answers), ("a", "b", "c"), 0)
    (1.0, 1)
    """
    place = {image: i for i, image in enumerate(images)}
    ahead = np.zeros((len(images), len(images)))
    for a, b, delta in zip(judged.first, judged.second, judged.delta[:, k], strict=True):
        if a in place and b in place and not np.isnan(delta):
            ahead[place[a], place[b]], ahead[place[b], place[a]] = np.sign(delta), -np.sign(delta)
    found = cyclic = 0
    for a, b, c in combinations(range(len(images)), 3):
        turns = (ahead[a, b], ahead[b, c], ahead[c, a])
        if 0 not in turns:
            found += 1
            cyclic += turns[0] == turns[1] == turns[2]
    return (float(cyclic / found) if found else float("nan")), found


def plot_fitness(scores: PseudoScores, pool: ReferencePool, path: str | Path) -> Path:
    """Draw, for each dimension, the pseudo-scores in order with their errors, and the position bias.

    Parameters
    ----------
    scores : PseudoScores
    pool : ReferencePool
    path : Path
        A PNG, written completely or not at all.

    Returns
    -------
    Path
    """
    from matplotlib.figure import Figure

    columns = len(scores.dimensions)
    figure = Figure(figsize=(3.0 * columns + 1, 5.6), dpi=110, layout="constrained")
    above, below = np.atleast_2d(figure.subplots(2, columns, squeeze=False))
    for k, name in enumerate(scores.dimensions):
        _draw_scores(above[k], scores.elo[:, k], scores.tau[:, k], scores.in_pool)
        above[k].set_title(f"{name}\nreliability {scores.reliability[k]:.2f}", fontsize=9)
        above[k].set_xlabel("images in order", fontsize=8)
        _draw_bias(below[k], scores.judged.delta[:, k], scores.judged.position_bias[:, k])
        below[k].axhline(0, lw=0.6, color="black")
        below[k].set_xlabel("delta: what the images decide (logits)", fontsize=8)
    above[0].set_ylabel("pseudo-score (Elo)", fontsize=8)
    below[0].set_ylabel("position bias (logits)", fontsize=8)
    above[0].legend(fontsize=7, frameon=False)
    figure.suptitle(
        f"Judgments of {scores.judge[:12]}, pool of {len(pool.images)}: no human label is used", fontsize=10
    )
    figure.get_layout_engine().execute(figure)
    figure.set_layout_engine(None)  # it has done its work: else all is drawn twice
    with written_file(path) as temporary:
        figure.savefig(temporary, dpi="figure", metadata={"Software": None}, format="png")
    return Path(path)


def _draw_scores(axes, elo: np.ndarray, tau: np.ndarray, in_pool: np.ndarray) -> None:
    """Scores in order with their errors: a bar each, of many images a band."""
    order = np.argsort(elo)
    rank, member = np.arange(len(order)), in_pool[order]
    sides = [(member, MEMBER, "pool member")]
    if len(order) <= MANY_IMAGES:
        sides.insert(0, (~member, OTHER, "rated against the pool"))
    else:
        middle, error = elo[order[~member]], tau[order[~member]]
        axes.fill_between(rank[~member], middle - error, middle + error, color=OTHER, alpha=0.5, lw=0)
        axes.plot(rank[~member], middle, lw=1.2, color=OTHER, label="rated against the pool, error as a band")
    for chosen, colour, label in sides:
        spot = order[chosen]
        axes.errorbar(rank[chosen], elo[spot], tau[spot], fmt=".", ms=4, lw=0.8, color=colour, label=label)


def _draw_bias(axes, delta: np.ndarray, bias: np.ndarray) -> None:
    """A point for each pair; of many pairs, how many lie where."""
    there = np.isfinite(delta) & np.isfinite(bias)
    if there.sum() <= MANY_PAIRS:
        axes.plot(delta, bias, ".", ms=2, color="#42566b", alpha=0.5)
    else:
        axes.hexbin(delta[there], bias[there], gridsize=40, bins="log", mincnt=1, cmap="Blues", lw=0)


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _srcc(one: np.ndarray, other: np.ndarray) -> float:
    """Of the images that have both; an image that the judge abstained on leaves the others' agreement as it is."""
    both = np.isfinite(one) & np.isfinite(other)
    return srcc_of_estimates(one[both], other[both], least=3)  # NaN of a constant, which the report shows
