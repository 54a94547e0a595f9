"""Are pseudo-scores on the judge's own scale, do their intervals cover, and does the self-check find a squeezed pool?

    python benchmarks/calibration.py [--processes 1] [--work run/calibration] [--judgments FOLDER]

**Simulated judges.** Worths of 25, 50 and 100 images in five dimensions that correlate by 0.64, as far apart as the
shipped judge's (standard deviation 1.8) or half as far; the judge's own ratings follow them with noise (0.3 and 1 of
their spread). Answers are log-odds with noise 0, 0.5, 1 or 2 on each pair, or one vote in either order at a sharpness of 1,
0.5 or 0.25. The pool (12, 25 or 32 members), the schedule, the ratings and the self-check are made by the code that
ships. Measured, on seeds 100 to 119:

- the logistic slope of all pairs that were not asked on differences of E, in the mean of the dimensions; right is 1.
  Dimensions of a reliability below 0.25 are dropped by the code and not counted here, but for their number;
- how often E +- 1.96 tau of an outsider holds the worth that the same judge gives when every pair is asked, at 4, 12
  and 24 opponents (at most one less than the members), on the scale on which the pool's members have mean 0;
- how often the self-check passes the pool, and fails it with its worths squeezed to 0.77; its judgments are counted.

**Real judges**, with ``--judgments``: ``<judge>/seed-<s>.npz`` with all pairs of 200 images judged once, of the stand-ins 0, 1
and 2. Each seed from 100 to 119 draws 160 of them, and the votes; slopes and coverage as above.

A killed run repeats nothing: a seed's results are kept in ``--work``. Some 20 minutes on one core, without the real
judges. Writes benchmarks/results/calibration.json, and prints the tables of docs/estimators-thurstone-elo.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from judgments_at_hand import JudgmentsAtHand, votes
from numpy.typing import NDArray
from report_runs import table, write_result
from resumable import in_pieces
from scipy.special import expit

from ppaint.preference_to_score import (
    ELO_PER_LOGIT,
    POOL_PRIOR_PRECISION,
    Comparisons,
    PoolFit,
    bradley_terry,
    check_pool,
)
from ppaint.trainer import PoolSelfCheck, ReferencePool, build_pool, check_members, rate_images
from ppaint.trainer.pseudo_scores.schedule_sizes import MIN_RELIABILITY

SEEDS = list(range(100, 120))
DIMENSIONS, SHARED = 5, 0.64
POOLS = {12: 25, 25: 50, 32: 100}  # members, and images
JUDGES = {"as the shipped one": (1.8, 0.3), "weaker": (0.9, 1.0)}  # spread of the worths, noise of the ratings
ANSWERS = {
    "log-odds, noise 0": (0.0, None),
    "log-odds, noise 0.5": (0.5, None),
    "log-odds, noise 1": (1.0, None),
    "log-odds, noise 2": (2.0, None),
    "votes, sharpness 1": (0.0, 1.0),
    "votes, sharpness 0.5": (0.0, 0.5),
    "votes, sharpness 0.25": (0.0, 0.25),
}
GAMES, DEFAULT_GAMES = (4, 12, 24), 12
SQUEEZED = 0.77
TARGET_PRIOR = 0.01  # of the worths from all pairs: weak, for a judge whose votes never contradict one another
REAL_IMAGES = 160
REAL_SEEDS = (0, 1, 2)  # stand-ins of which all pairs are judged
REAL_ANSWERS = {"log-odds": None, "votes, sharpness 1": 1.0, "votes, sharpness 0.5": 0.5, "votes, sharpness 0.25": 0.25}


def simulated(seed: int, images: int, judge: str, answers: str) -> JudgmentsAtHand:
    """A judge's answers about all pairs of a draw of images."""
    spread, roughness = JUDGES[judge]
    noise, sharpness = ANSWERS[answers]
    rng = np.random.default_rng([seed, images, *judge.encode(), *answers.encode()])
    common, own = rng.normal(size=(images, 1)), rng.normal(size=(images, DIMENSIONS))
    worths = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own
    place = 4.5 + 1.5 * (worths + roughness * rng.normal(size=worths.shape))
    logits = -((np.arange(10.0) - place[..., None]) ** 2) / 2
    ratings = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    forward = spread * (worths[:, None] - worths)
    luck = np.triu(rng.normal(size=(DIMENSIONS, images, images)), 1).transpose(1, 2, 0)
    forward = forward + noise * (luck - luck.transpose(1, 0, 2))
    if sharpness is not None:
        forward = votes(forward, sharpness, rng)
    return JudgmentsAtHand(forward, ratings, [f"{row:064x}" for row in range(images)])


def slope(elo: NDArray, probability: NDArray, pairs: NDArray) -> float:
    """Logistic slope of some pairs' judgments on differences of one dimension's scores (Elo points)."""
    n = len(elo)
    worths = PoolFit(elo / ELO_PER_LOGIT, np.zeros((n, n)), np.ones(n, dtype=int), 1.0)
    return check_pool(worths, *pairs.T, probability[tuple(pairs.T)]).slope


def from_all_pairs(judging: JudgmentsAtHand, members: list[int]) -> NDArray:
    """Worths from every pair in Elo points, (n, D), the members' mean at 0."""
    n = len(judging.images)
    first, second = np.triu_indices(n, 1)
    p = expit(judging.delta())[first, second]
    worths = np.stack(
        [
            bradley_terry(
                Comparisons.from_arrays(first, second, p[:, k], items=range(n)),
                prior_precision=TARGET_PRIOR,
                ties="half",
                errors=None,
            ).log_worths
            for k in range(p.shape[1])
        ],
        axis=1,
    )
    return (worths - worths[members].mean(axis=0)) * ELO_PER_LOGIT


def measured(judging: JudgmentsAtHand, members: int, seed: int) -> dict:
    """Slopes, coverage and self-check of one draw."""
    images = list(judging.images)
    pool = build_pool(judging, images, size=members, seed=seed)
    probability = expit(judging.delta())
    inside = [judging.place[image] for image in pool.images]
    target = from_all_pairs(judging, inside)
    usual = rate_images(judging, pool, images, games=DEFAULT_GAMES, seed=seed, stop_without_signal=False)
    kept = np.flatnonzero(usual.reliability >= MIN_RELIABILITY).tolist()  # others are dropped and named
    found: dict = {"slope": {}, "covered": {}, "precision": list(pool.prior_precision), "kept": len(kept)}
    for games in GAMES:
        judging.asked.clear()
        scores = rate_images(judging, pool, images, games=games, seed=seed, stop_without_signal=False)
        off = np.abs(scores.elo - target)[:, kept] / scores.tau[:, kept]
        found["covered"][str(games)] = (off[~scores.in_pool] < 1.96).mean(axis=0).tolist()
        pairs = not_asked(judging)
        found["slope"][str(games)] = [slope(scores.elo[:, k], probability[..., k], pairs) for k in kept]
        if games == DEFAULT_GAMES:
            found["judgments"] = len(judging.asked)
            found["covered_members"] = (off[scores.in_pool] < 1.96).mean(axis=0).tolist()
    older = build_pool(judging, images, size=members, seed=seed, prior_precision=POOL_PRIOR_PRECISION)
    judging.asked.clear()
    scores = rate_images(judging, older, images, games=DEFAULT_GAMES, seed=seed, stop_without_signal=False)
    pairs = not_asked(judging)
    found["slope_of_old"] = [slope(scores.elo[:, k], probability[..., k], pairs) for k in kept]
    found["check"] = verdict(check(judging, pool, seed))
    found["check_of_squeezed"] = verdict(check(judging, squeezed(pool), seed))
    return found


def squeezed(pool: ReferencePool) -> ReferencePool:
    """The pool with its worths, and their errors, at 0.77 of what they are."""
    factors = {"log_worths": pool.log_worths * SQUEEZED, "means": pool.means * SQUEEZED}
    return replace(pool, **factors, covariance=pool.covariance * SQUEEZED**2)


def not_asked(judging: JudgmentsAtHand) -> NDArray:
    """Pairs of images that were not asked, shape (m, 2)."""
    n = len(judging.images)
    open_ = np.triu(np.ones((n, n), dtype=bool), 1)
    for pair in judging.asked:
        a, b = sorted(judging.place[image] for image in pair)
        open_[a, b] = False
    return np.argwhere(open_)


def check(judging: JudgmentsAtHand, pool: ReferencePool, seed: int) -> PoolSelfCheck:
    """The self-check, which may ask (as where a judge is loaded)."""
    judging.judge = judging
    try:
        return check_members(judging, pool, seed=seed)
    finally:
        judging.judge = None


def verdict(found: PoolSelfCheck) -> dict:
    """What a user reads of a self-check."""
    parts = [part for part in found.checks if part is not None]
    together = found.together
    return {
        "pairs": len(found.pairs),
        "slope": None if together is None else together.slope,
        "slope_se": None if together is None else together.slope_se,
        "failed": together is not None and (together.passed is False or any(p.passed is False for p in parts)),
        "nothing_said": together is None or (together.passed is None and not any(p.passed is False for p in parts)),
    }


def simulated_seed(seed: int, answers: str) -> dict:
    """All simulated cells of one seed and one kind of answers."""
    return {
        f"{members} members, {judge}, {answers}": measured(simulated(seed, images, judge, answers), members, seed)
        for members, images in POOLS.items()
        for judge in JUDGES
    }


def real_seed(seed: int, folder: Path, judge: str) -> dict:
    """All kinds of answers of one real judge, on the images of one draw."""
    rng = np.random.default_rng([seed, 160])
    found = {}
    with np.load(folder / judge / f"seed-{REAL_SEEDS[seed % len(REAL_SEEDS)]}.npz") as held:
        chosen = some_images(held, rng)
        for answers, sharpness in REAL_ANSWERS.items():
            found[answers] = measured(answers_about(held, chosen, sharpness, rng), 32, seed)
    return found


def some_images(held: Mapping[str, NDArray], rng: np.random.Generator) -> NDArray:
    """160 of a real judge's images, in their order."""
    return np.sort(rng.permutation(len(held["images"]))[:REAL_IMAGES])


def answers_about(
    held: Mapping[str, NDArray], chosen: NDArray, sharpness: float | None, rng: np.random.Generator
) -> JudgmentsAtHand:
    """A real judge's log-odds about some images, or votes that are drawn from them."""
    forward = held["forward"][np.ix_(chosen, chosen)].astype(float)
    forward = forward if sharpness is None else votes(forward, sharpness, rng)
    return JudgmentsAtHand(forward, held["ratings"][chosen], held["images"][chosen].astype(str).tolist())


def summary(draws: list[dict]) -> dict:
    """One cell over its draws."""

    def mean(values: list) -> dict:
        each = np.array([np.mean(one) for one in values if one])
        if len(each) < 2:
            return {"mean": float("nan"), "se": float("nan")}
        return {"mean": round(float(each.mean()), 4), "se": round(float(each.std(ddof=1) / np.sqrt(len(each))), 4)}

    checks, squeezed = [d["check"] for d in draws], [d["check_of_squeezed"] for d in draws]
    return {
        "slope": {games: mean([d["slope"][games] for d in draws]) for games in draws[0]["slope"]},
        "slope_of_prior_0.1": mean([d["slope_of_old"] for d in draws]),
        "covered": {games: mean([d["covered"][games] for d in draws]) for games in draws[0]["covered"]},
        "covered_members": mean([d["covered_members"] for d in draws]),
        "median_precision": round(float(np.median([d["precision"] for d in draws])), 5),
        "dimensions_kept": float(np.mean([d["kept"] for d in draws])),
        "judgments": float(np.mean([d["judgments"] for d in draws])),
        "check": {
            "pairs": checks[0]["pairs"],
            "right_failed": float(np.mean([c["failed"] for c in checks])),
            "right_nothing_said": float(np.mean([c["nothing_said"] for c in checks])),
            "squeezed_failed": float(np.mean([c["failed"] for c in squeezed])),
            "squeezed_nothing_said": float(np.mean([c["nothing_said"] for c in squeezed])),
        },
    }


def rows(cells: dict[str, dict]) -> list[list[str]]:
    """Of the table."""
    return [
        [
            name,
            f"{one['slope']['12']['mean']:.3f} ± {one['slope']['12']['se']:.3f}",
            f"{one['slope_of_prior_0.1']['mean']:.3f}",
            *(f"{one['covered'][games]['mean']:.1%}" for games in one["covered"]),
            *(
                ["-", "-"]
                if one["check"]["pairs"] == 0
                else [
                    f"{one['check']['right_failed']:.0%} ({one['check']['right_nothing_said']:.0%})",
                    f"{one['check']['squeezed_failed']:.0%} ({one['check']['squeezed_nothing_said']:.0%})",
                ]
            ),
        ]
        for name, one in cells.items()
    ]


HEADER = [
    "pool, judge, answers",
    "slope",
    "slope with prior 0.1",
    *(f"covered, K = {games}" for games in GAMES),
    "right pool fails (nothing said)",
    "squeezed pool fails (nothing said)",
]


def main(
    processes: Annotated[int, typer.Option(min=1)] = 1,
    work: Path = Path("run/calibration"),
    judgments: Annotated[Path | None, typer.Option(help="Folder of real judges' all-pairs files.")] = None,
) -> None:
    """Measure every cell."""
    found: dict[str, dict] = {}
    for answers in ANSWERS:
        piece = partial(simulated_seed, answers=answers)
        draws = in_pieces(piece, SEEDS, work / "simulated" / answers, processes, f"seeds, {answers}")
        found |= {name: summary([draw[name] for draw in draws]) for name in draws[0]}
    order = [f"{members} members, {judge}, {answers}" for members in POOLS for judge in JUDGES for answers in ANSWERS]
    cells = {name: found[name] for name in order}
    typer.echo(table(HEADER, rows(cells)))
    real: dict[str, dict] = {}
    for judge in [] if judgments is None else sorted(path.name for path in judgments.iterdir() if path.is_dir()):
        if not all((judgments / judge / f"seed-{one}.npz").is_file() for one in REAL_SEEDS):
            continue
        work_on = partial(real_seed, folder=judgments, judge=judge)
        draws = in_pieces(work_on, SEEDS, work / f"real-{judge}", processes, f"seeds, {judge}")
        real |= {f"{judge}, {answers}": summary([draw[answers] for draw in draws]) for answers in REAL_ANSWERS}
    if real:
        typer.echo(table(HEADER, rows(real)))
    facts = {"seeds": SEEDS, "dimensions": DIMENSIONS, "squeezed_to": SQUEEZED, "prior_of_all_pairs": TARGET_PRIOR}
    write_result("calibration", facts | {"simulated": cells, "real": real})


if __name__ == "__main__":
    typer.run(main)
