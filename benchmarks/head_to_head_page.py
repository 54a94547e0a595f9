"""docs/head-to-head.md, its figure and the result file, made of the trainings of ``head_to_head.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from head_to_head import EQUAL_FLOPS, EQUAL_PASSES, ESTIMATORS, LIMITS, SEARCH, SMALL_STEPS, best_rate, kept_srcc
from head_to_head_arms import IMAGES, IMAGES_OF_SMALL, SMALL, TRL_GROUP, TRL_QUESTIONS
from report_runs import RESULTS, interval, read_json, table, write_result
from scipy.stats import ttest_1samp

from ppaint.eval_suite.significance import holm

DOCS = Path(__file__).parents[1] / "docs"
COLOURS = dict(
    zip(ESTIMATORS, ("#1b6e8a", "#2f8f4e", "#9ac45f", "#1b6e8a", "#2f8f4e", "#c2571a", "#8a3b8f"), strict=True)
)
# (the one, the other): the difference is the one's SRCC less the other's
COMPARISONS = (
    ("drawn 8", "exact"),
    ("drawn 2", "exact"),
    (f"exact{SMALL}", "exact"),
    (f"drawn 8{SMALL}", f"exact{SMALL}"),
    *((trl, other) for trl in (EQUAL_FLOPS, EQUAL_PASSES) for other in ("exact", "drawn 8", *SMALL_STEPS)),
)
Runs = Mapping[str, Sequence[dict]]


def last_srcc(run: dict) -> float:
    """SRCC after the last step."""
    return run["looks"][-1]["srcc"]


def compare(found: Runs, measure) -> list[dict]:
    """Paired differences of all comparisons of a table, on the seeds that both have, their p values corrected together."""
    rows = []
    for one, other in COMPARISONS:
        first, second = ({run["seed"]: measure(run) for run in found[name]} for name in (one, other))
        difference = np.array([first[seed] - second[seed] for seed in first if seed in second])
        mean, low, high = interval(difference)
        p = float(ttest_1samp(difference, 0).pvalue)
        rows.append(
            {"one": one, "other": other, "seeds": len(difference), "mean": mean, "low": low, "high": high, "p": p}
        )
    for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = float(corrected)
    return rows


def cost_rows(found: Runs) -> list[list[str]]:
    """What a training of each estimator is, and what it costs."""
    rows = []
    for name, runs in found.items():
        run = runs[0]
        flops = np.mean([r["flops_a_step"] for r in runs])
        rows.append(
            [
                name,
                f"{run['steps']:,}",
                f"{run['passes_a_step']:,}",
                f"{run['rows_a_step']:,}",
                f"{flops / 1e9:.1f}",
                f"{run['steps'] * run['passes_a_step']:,}",
                f"{run['steps'] * flops / 1e12:.2f}",
                f"{np.mean([r['seconds'] for r in runs]):.0f}",
            ]
        )
    return rows


def quality_rows(found: Runs) -> list[list[str]]:
    """SRCC of the kept checkpoint and after the last step."""
    rows = []
    for name, runs in found.items():
        cells = [
            f"{m:.4f} [{low:.4f}, {high:.4f}]" for m, low, high in (interval([f(r) for r in runs]) for f in MEASURES)
        ]
        kept = " / ".join(str(r["kept_step"]) for r in runs)
        rows.append([name, f"{runs[0]['rate']:g}", str(len(runs)), *cells, kept])
    return rows


MEASURES = (kept_srcc, last_srcc)


def search_rows(searched: Runs) -> list[list[str]]:
    """Mean SRCC of the kept checkpoints at every rate of every grid, the best in bold."""
    rates = sorted({run["rate"] for runs in searched.values() for run in runs})
    rows = []
    for name, runs in searched.items():
        at, cells = best_rate(runs), []
        for rate in rates:
            tried = [kept_srcc(run) for run in runs if run["rate"] == rate]
            shown = f"{np.mean(tried):.4f}" if tried else ""
            cells.append(f"**{shown}**" if rate == at else shown)
        rows.append([name, str(len({run["seed"] for run in runs})), *cells])
    return [["", "seeds", *(f"{rate:g}" for rate in rates)], *rows]


def edges(searched: Runs) -> str:
    """Whether every grid's best lies inside it."""
    at_edge = []
    for name, runs in searched.items():
        rates, best = sorted({run["rate"] for run in runs}), best_rate(runs)
        if best in (rates[0], rates[-1]):
            at_edge.append(f"{name} ({best:g})")
    if not at_edge:
        return "Every grid's best lies inside it."
    limits = f"{LIMITS[0]:g} to {LIMITS[1]:g}"
    return f"**At an end of its grid** (grids are extended within {limits}): {', '.join(at_edge)}."


def comparison_table(rows: Sequence[dict]) -> str:
    """Differences with limits and corrected p."""
    header = ["difference in SRCC", "seeds", "mean [95 %]", "p", "p, corrected"]
    cells = [
        [
            f"{row['one']} - {row['other']}",
            str(row["seeds"]),
            f"{row['mean']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]",
            f"{row['p']:.4f}",
            f"{row['p_holm']:.4f}",
        ]
        for row in rows
    ]
    return table(header, cells)


def write_page(found: Runs, searched: Runs, starts: Mapping[int, float], *, write: bool, work: Path) -> None:
    """Result file, page and figure.

    Parameters
    ----------
    found, searched : mapping of str to sequence of dict
        Trainings by estimator: those that are compared, and those of the rate search.
    starts : mapping of int to float
        SRCC of the starting model, by seed.
    write : bool
        Whether they take the place of those in the repository; else they lie in ``work``.
    work : Path
    """
    results, docs = (RESULTS, DOCS) if write else (work / "results", work)
    (docs / "figures").mkdir(parents=True, exist_ok=True)
    kept, last = (compare(found, measure) for measure in MEASURES)
    content = {"before": starts, "kept": kept, "last": last, "compared": found, "searched": searched}
    write_result("head_to_head", content, results)
    made = read_json(results / "head_to_head.json")
    search_header, *search_cells = search_rows(searched)
    per_step = "steps|(image, dimension) passes a step|rows a step|GFLOP a step|passes in all|TFLOP in all|CPU seconds"
    page = PAGE.format(
        steps=found["exact"][0]["steps"],
        images=IMAGES,
        small=IMAGES_OF_SMALL,
        times=IMAGES // IMAGES_OF_SMALL,
        questions=TRL_QUESTIONS,
        group=TRL_GROUP,
        seeds=", ".join(str(seed) for seed in starts),
        search_seeds=", ".join(str(seed) for seed in sorted({run["seed"] for run in searched["exact"]})),
        trl_seed=SEARCH[0],
        before=f"{np.mean(list(starts.values())):.3f}",
        costs=table(["", *per_step.split("|")], cost_rows(found)),
        quality=table(["", "rate", "seeds", "kept checkpoint", "last step", "kept step"], quality_rows(found)),
        kept=comparison_table(kept),
        last=comparison_table(last),
        search=table(search_header, search_cells),
        edges=edges(searched),
        hours=f"{sum(run['seconds_in_all'] for runs in (*found.values(), *searched.values()) for run in runs) / 3600:.1f}",
        command=made["command"],
    )
    (docs / "head-to-head.md").write_text(page, encoding="utf-8")
    draw(found, docs / "figures" / "head_to_head.png")


PAGE = """# Exact, drawn and sampled, head to head

**Simulated**: the tiny judge on painted scrolls and simulated experts. Nothing here was measured at 8B, and none of it is
the paper's. (What a step of each costs at 8B is counted on [the cost page](cost.md).)

Three [estimators of one objective](estimators-of-the-objective.md) (`policy`) with the same expected gradient, from the same model and the same pseudo-scores:

- **exact**: the sum over the ten score tokens; {images} images in all five dimensions a step, {steps} steps;
- **drawn G**: G answers per image and dimension drawn from that same pass (`sampled_answers`), so equal to exact in passes *and* FLOPs;
- **small steps**: either with {small} images a step, so that the same passes make {times} times as many optimiser steps, as TRL's path has many too;
- **trl**: TRL's GRPO under the conditions of equality, {group} completions for each of {questions} images of one dimension a step, a row for each completion. It is
  trained twice: with as many steps as spend **the FLOPs** of exact, and with as many as make **the (image, dimension) passes** of exact
  (a question that is answered {group} times counts once).

Each has its full schedule of rates (warm-up, then linear decay to 0) within its own budget, KL weight 0.02, the same label-free rule, and about ten looks.
**Vision features are known to all**: they are computed once, also for TRL's path (`benchmarks/head_to_head_features.py`; that no image passes through
the tower while it trains is checked). FLOPs are torch's FlopCounterMode over one optimiser step, generation, reference and moments included,
looks not.

SRCC is against the fused scores, mean over dimensions and categories; before distillation {before}. A seed is a stand-in, its
judgments and a training; intervals are 95 % over seeds (Student's t). Rates were chosen on seeds {search_seeds} (TRL's path on seed {trl_seed}), the
comparison is on seeds {seeds}.

## What a training is

{costs}

(CPU seconds of one thread, the label-free looks included, on a machine that others used too: rough. FLOPs are not.)

## What it reaches

{quality}

Differences, paired by seed; the p values of a table are corrected together (Holm).

Of the checkpoint that the label-free rule kept:

{kept}

After the last step:

{last}

![SRCC against FLOPs and against (image, dimension) passes](figures/head_to_head.png)

## How the rates were chosen

Mean SRCC of the kept checkpoints on the seeds of the search, the best in bold; a grid is extended by factors of 2 while its best lies at an end. {edges}

{search}

All trainings of this page took {hours} CPU hours, data and judgments not counted.

`{command}`
"""


def draw(found: Runs, path: Path) -> None:
    """SRCC against FLOPs and against passes: mean of the seeds, and each seed's kept checkpoint."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import NullFormatter

    figure, axes = pyplot.subplots(1, 2, figsize=(12, 4.2), layout="constrained", sharey=True)
    for name, runs in found.items():
        for axis, unit, scale in ((axes[0], "flops_a_step", 1e12), (axes[1], "passes_a_step", 1)):
            each = np.mean([run[unit] for run in runs]) / scale
            looks = [look["step"] * each for look in runs[0]["looks"]]
            srcc = np.array([[look["srcc"] for look in run["looks"]] for run in runs])
            line = "--" if name.endswith(SMALL) else "-"
            axis.plot(looks[1:], srcc.mean(0)[1:], line, color=COLOURS[name], label=f"{name} ({len(runs)} seeds)")
            spent = [run["kept_step"] * each for run in runs if run["kept_step"]]
            reached = [kept_srcc(run) for run in runs if run["kept_step"]]
            axis.plot(spent, reached, "o", color=COLOURS[name], ms=3, alpha=0.6)
    for axis, label in zip(axes, ("TFLOP of optimiser steps", "(image, dimension) passes"), strict=True):
        axis.set_xscale("log")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("SRCC to the fused scores")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right", frameon=False, fontsize=8)
    figure.suptitle(
        "Tiny judge, simulated scrolls: mean of the seeds; dots: checkpoints kept without labels", fontsize=10
    )
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
