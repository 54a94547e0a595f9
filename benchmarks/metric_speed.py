"""What the metric costs on large sets: Kendall's tau on resamples, against scipy's and against the count over all pairs.

    python benchmarks/metric_speed.py

Every ratio is of two times of the same run, on one thread; the resamples are the same on both sides, and so are the figures (to
1e-12). A few minutes. Writes benchmarks/results/metric_speed.json.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import numpy as np
import typer
from numpy.typing import NDArray
from report_runs import table, write_result
from scipy import stats

from ppaint.eval_suite.srcc_plcc import krcc, resample_counts
from ppaint.eval_suite.srcc_plcc.srcc_plcc import agreement
from ppaint.foundation.single_thread import use_one_thread

# items -> resamples; the two alternatives are timed on some of them where they are slow
SIZES = {50: 2000, 200: 2000, 1000: 200, 5000: 50, 20_000: 20}
MOST_PAIRS = 5000  # beyond it the count over all pairs is not timed


def seconds(work: Callable[[], object]) -> float:
    """Processor time of the better of two runs: it does not count what others on the machine do."""
    times = []
    for _ in range(2):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def over_all_pairs(x: NDArray, y: NDArray, counts: NDArray) -> NDArray:
    """Tau-b over the n x n table, a few rows at a time: how it was counted before."""
    agree, untied_x, untied_y = np.zeros((3, len(counts)))
    block = max(1, 4_000_000 // x.size)
    for start in range(0, x.size, block):
        rows = slice(start, start + block)
        sign_x, sign_y = (np.sign(side[rows, None] - side[None, :]) for side in (x, y))
        for total, signs in ((agree, sign_x * sign_y), (untied_x, sign_x**2), (untied_y, sign_y**2)):
            total += np.einsum("bi,bi->b", counts[:, rows], counts @ signs.T)
    return agree / np.sqrt(untied_x) / np.sqrt(untied_y)


def by_scipy(x: NDArray, y: NDArray, counts: NDArray) -> NDArray:
    """`scipy.stats.kendalltau` of the repeated values."""
    rows = counts.astype(int)
    return np.array([stats.kendalltau(np.repeat(x, row), np.repeat(y, row), method="asymptotic")[0] for row in rows])


def most_memory() -> float:
    """The most memory that the process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Time every size."""
    use_one_thread()
    imported = most_memory()
    found, rows = {}, []
    for n, resamples in SIZES.items():
        rng = np.random.default_rng(0)
        x = rng.random(n)
        y = x + rng.random(n)
        counts = np.concatenate(list(resample_counts(np.zeros(n, dtype=int), resamples, seed=0)))
        ours = seconds(lambda: krcc(x, y, counts))  # noqa: B023
        result = {"resamples": resamples, "seconds": ours}
        for name, other in (("scipy", by_scipy), ("all pairs", over_all_pairs)):
            if name == "all pairs" and n > MOST_PAIRS:
                continue
            assert np.allclose(other(x, y, counts), krcc(x, y, counts), rtol=0, atol=1e-12)
            result[f"{name} / ours"] = seconds(lambda: other(x, y, counts)) / ours  # noqa: B023
        found[str(n)] = result
        rows.append(
            [f"{n:,}", *(f"{result[key]:.1f}" if key in result else "" for key in ("scipy / ours", "all pairs / ours"))]
        )
    typer.echo(table(["items", "scipy / ours", "all pairs / ours"], rows))
    start = time.process_time()
    agreement(x, y)
    whole = {"items": n, "seconds of processor time": time.process_time() - start}
    whole["memory of the process, MB"] = {"after the imports": imported, "at most": most_memory()}
    typer.echo(f"all figures with the defaults: {whole}")
    write_result("metric_speed", {"krcc": found, "all figures": whole})


if __name__ == "__main__":
    typer.run(main)
