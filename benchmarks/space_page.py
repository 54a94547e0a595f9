"""The page docs/space-load.md, made of results/space_load.json and results/space_start.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from report_runs import RESULTS, read_json, table

PAGE = Path(__file__).parents[1] / "docs" / "space-load.md"
IDLE = 0.1  # of all cores' time: what is busier before the start is no idle machine


def load_table(result: dict[str, Any]) -> str:
    """What was found of the load, as a Markdown table."""
    load, busy, loop = result["load"], result["busy"], result["plain loop"]
    memory, answers = load["memory, MiB"], load["answers"]
    rest = 1 - sum(result["share of the time"].values())
    rows = [
        ["answers that are their image's own", f"{answers['right']} of {result['requests']}"],
        ["turned away or failed", str(answers["failed"])],
        ["a request, median", f"{load['a request, median, s']:.2f} s"],
        ["a request, 95th percentile", f"{load['a request, 95th percentile, s']:.2f} s"],
        ["all requests, page", f"{load['seconds']:.1f} s ({load['requests a second']:.1f} a second)"],
        ["all requests, plain loop", f"{loop['scoring'] + loop['opening']:.1f} s"],
        ["page / plain loop", f"{result['page / plain loop']:.2f}"],
        ["the model's share of the page's time", f"{result['share of the time']['scoring']:.0%}"],
        ["the opening of images", f"{result['share of the time']['opening']:.0%}"],
        ["all else", f"{rest:.0%}"],
        *(
            [f"resident memory {name}", f"{one['resident']:.0f} MiB (peak {one['peak']:.0f})"]
            for name, one in memory.items()
        ),
        ["growth from half to half", f"{load['growth']:+.1%}"],
        [f"of {busy['at once']} at once: told that the page is busy", str(busy["told that the page is busy"])],
        [f"of {busy['at once']} at once: taken, and answered rightly", f"{busy['taken']}, {busy['of these']['right']}"],
        ["the page itself, while these wait", f"{busy['seconds']['the page itself, meanwhile']:.2f} s"],
        ["one request afterwards", f"{busy['one afterwards']['seconds']:.2f} s"],
    ]
    return table(["", f"{result['clients']} clients, {result['requests']} requests, {result['images']} images"], rows)


def start_table(result: dict[str, Any]) -> str:
    """How soon the page is of use, as a Markdown table."""
    (ratios,) = (value for name, value in result.items() if name.startswith("median ratio"))
    rows = []
    for name, one in result["median"].items():
        slowest = max(run[name]["seconds"] for run in result["runs"])
        bound = result["bounds"].get(name)
        rows.append(
            [
                name,
                f"{one['seconds']:.1f}",
                f"{slowest:.1f}",
                f"{one['processor seconds']:.1f}",
                f"{ratios[name]:.2f}" if name in ratios else "1",
                f"{bound}" if bound else "",
            ]
        )
    return table(["until", "s, median", "s, slowest", "processor, s", "/ imports alone", "bound, s"], rows)


def made_on(result: dict[str, Any]) -> list[str]:
    """The command, the machine, and whether others used it."""
    machine = result["machine"]
    busy = machine["busy before the start"]
    used = "idle before the start" if busy <= IDLE else f"**{busy:.0%} of it in use by others before the start**"
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['memory, GiB']} GiB; {used}."
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return [f"`{result['command']}`; {where} Versions: {versions}.", ""]


def load_part() -> list[str]:
    """The section on load; what to run where nobody has run it."""
    path = RESULTS / "space_load.json"
    if not path.is_file():
        return ["Not run yet: `python benchmarks/space_load.py`.", ""]
    result = read_json(path)
    difference = result["each alone, largest difference to all in one call"]
    return [
        load_table(result),
        "",
        "- **Own**: the answer has, to the last digit, the numbers that `ppaint score` gives for this image alone. Scored with 39 others in one call "
        f"they differ by up to {difference:.0e} (batches round differently).",
        "- **Plain loop**: the same files in the same order, opened and scored by `AestheticScorer.score` in one process, before the page was started.",
        "- **All else**: uploads, hashes, the queue, JSON, and the clients, which run on the same cores.",
        "- Each client sends its next request when it has its answer, so a request waits for about as many others as there are clients. One model "
        "call runs at a time.",
        "- Memory is that of the page's process, two seconds after the last answer; the peak is that of the time since the line above.",
        "",
        *made_on(result),
    ]


def start_part() -> list[str]:
    """The section on the start; what to run where nobody has run it."""
    path = RESULTS / "space_start.json"
    if not path.is_file():
        return ["Not run yet: `python benchmarks/space_start.py`.", ""]
    result = read_json(path)
    return [
        start_table(result),
        "",
        f"Of {result['starts']} starts with an empty cache, everything started once before, so that the disk is warm. Served: {', '.join(result['serves'])}. "
        '**Imports alone**: `python -c "import gradio, torch, transformers"`, between the starts.',
        "",
        *made_on(result),
    ]


def write_page() -> None:
    """Write docs/space-load.md."""
    lines = [
        "# The page under load, and how soon it stands",
        "",
        "**[ours]** Measured with the tiny scorer: what a large one takes is [another matter](cost.md), and a page's share of it is smaller.",
        "",
        "## Twenty clients",
        "",
        *load_part(),
        "## From the start",
        "",
        *start_part(),
    ]
    PAGE.write_text("\n".join(lines), encoding="utf-8")
