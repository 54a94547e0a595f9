"""Results of the benchmarks as JSON with command and versions, and the page docs/nine-runs.md made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from command_line import command_line
from scipy.stats import t as student

from ppaint.foundation.whole_files import write_text
from ppaint.trainer import code_version

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "nine-runs.md"
PACKAGES = tuple(name for name in code_version.PACKAGES if name != "ppaint")


def read_json(path: Path) -> dict:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_result(name: str, content: dict, folder: Path = RESULTS) -> None:
    """Write a result with the command that made it and the versions it was made with."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {"command": command_line(), "versions": {p: version(p) for p in PACKAGES}}
    write_text(folder / f"{name}.json", json.dumps(made | content, indent=1) + "\n")


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean over seeds and its 95 % limits by Student's t."""
    values = np.asarray(values, dtype=float)
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def nine_rows(runs: dict[str, dict]) -> list[list[str]]:
    """One row per run: before, after, gain on the categories not distilled on, pseudo-scores, share kept, pool slopes."""
    rows = []
    for name, run in runs.items():
        d = run["paired_difference"]
        mean = {key: run[key]["mean"] for key in ("srcc_before", "srcc_after", "srcc_pseudo")}
        rows.append(
            [
                name.replace("_", " "),
                f"{mean['srcc_before']:.3f}",
                f"{mean['srcc_after']:.3f}",
                f"{mean['srcc_after'] - mean['srcc_before']:+.3f}",
                f"{d['value']:+.3f} [{d['low']:+.3f}, {d['high']:+.3f}]",
                f"{mean['srcc_pseudo']:.3f}",
                f"{mean['srcc_after'] / mean['srcc_pseudo']:.0%}",
                f"{run['srcc_after_four_expert']['mean']:.3f} / {run['single_expert']['mean']:.3f}",
                f"{run['noise_ceiling']['mean']:.3f}",
                slope_range(run["pool_self_check"]),
            ]
        )
    return rows


def slope_range(checks: dict) -> str:
    """Smallest and largest slope of the pools' self-checks, and how many are within their tolerance."""
    found = [one for pool in checks.values() for one in pool.values() if one is not None]
    slopes = [one["slope"] for one in found]
    return f"{min(slopes):.3f} to {max(slopes):.3f} ({sum(one['passed'] is True for one in found)} of {len(found)})"


NINE_HEADER = [
    "run (training category)",
    "before",
    "after",
    "gain",
    "gain on the two not distilled on, paired [95 %]",
    "pseudo-scores",
    "of these kept",
    "after / single expert, against four experts",
    "noise ceiling",
    "pool slopes (within tolerance)",
]
CONTROL_HEADER = [
    "run",
    "judge",
    "before",
    "after",
    "gain",
    "gain on the two not distilled on, paired [95 %]",
    "kept step",
]


JUDGE_WAS_TAUGHT = (
    "“Not distilled on” is said of the distillation alone: **the judge itself was taught on scrolls of all three categories**, with labels, from "
    "the latent quality behind the simulated experts. So it may exceed a single expert by construction; that is no finding."
)


def first_twin_rows(first: dict) -> list[list[str]]:
    """One row per run of the first twin; of one of them only the gain was noted."""
    rows = []
    for name, run in first["runs"].items():
        if "before" not in run:
            rows.append([name, "first twin", "", "", f"{run['gain']:+.3f}", "not kept", ""])
            continue
        value, low, high = run["difference"]
        cells = [f"{run['before']:.3f}", f"{run['after']:.3f}", f"{run['after'] - run['before']:+.3f}"]
        rows.append([name, "first twin", *cells, f"{value:+.3f} [{low:+.3f}, {high:+.3f}]", str(run["kept_step"])])
    return rows


def write_report() -> None:
    """Write docs/nine-runs.md from what results there are."""
    nine = read_json(RESULTS / "nine_runs.json")
    page = [
        "# Nine runs and their controls",
        "",
        "**Everything on this page is simulated**: painted scrolls, simulated experts, a tiny judge whose rating was taught a "
        "superficial cue on purpose. It shows that PSDistill, as built here, moves what the judge's comparisons know into its "
        "ratings. It is no result about paintings, and none of these figures is the paper's.",
        "",
        "SRCC against the fused scores, mean over the five dimensions, then over the three categories. The exact trainer with its "
        "default objective, `fidelity`, 60 steps, with the settings that suit a model of this size. **Both were chosen on these three "
        "seeds**; seeds on which nothing was chosen stand in the [README](../README.md) and on [the page of "
        "ablations](ablations.md#seeds-that-nothing-was-chosen-on).",
        "",
        "## Seeds 0, 1, 2, each category as the training category",
        "",
        table(NINE_HEADER, nine_rows(nine["runs"])),
        "",
        JUDGE_WAS_TAUGHT,
        "",
        f"`{nine['command']}`",
    ]
    if (RESULTS / "controls.json").is_file():
        controls, first = read_json(RESULTS / "controls.json"), read_json(RESULTS / "first_twin.json")

        def changes(judge: str) -> str:
            found = [float(row[4]) for row in controls["rows"] if row[1] == judge]
            return f"{min(found):+.3f} to {max(found):+.3f}"

        page += [
            "",
            "## Controls",
            "",
            f"The twin's rating was not taught the cue, so that there is little to correct: distilling changes it by {changes('twin')}. The "
            f"**first twin** shows what distilling can cost: it rated better (SRCC {first['pointwise_srcc_mean']:.3f}) than it compared (pair "
            f"accuracy {first['pair_accuracy_mean']:.3f}; the judge {first['pair_accuracy_of_the_judge']:.3f}), and lost 0.020 to 0.031. "
            "So distilling can harm a model that rates better than it compares. It had been taught with as many steps as the judge; the twin that "
            "ships was taught for twice as long. (The first twin was distilled with `policy`, 100 steps, the default then; the twin that ships "
            "lost 0.004 to 0.005 so. Of its seed 0 only the gain was noted; [what was kept](../benchmarks/results/first_twin.json).)",
            "",
            "Shuffled judgments hold nothing that the judge knows: the run stops for lack of signal. Made to go on, it changes the judge by "
            f"{changes('biased, judgments shuffled, made to go on')}. Other objectives on the same judgments are on [the page of "
            "ablations](ablations.md).",
            "",
            table(CONTROL_HEADER, [*controls["rows"], *first_twin_rows(first)]),
            "",
            f"`{controls['command']}`",
        ]
    versions = ", ".join(f"{name} {number}" for name, number in nine["versions"].items())
    page += ["", f"Versions: {versions}.", ""]
    PAGE.write_text("\n".join(page), encoding="utf-8")
