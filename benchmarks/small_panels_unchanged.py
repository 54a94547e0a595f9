"""Are fused scores of small panels, their variances and errors those of an older version, taken to its own end?

    python benchmarks/small_panels_unchanged.py --older PYTHON

`--older` is the Python of an environment that has a version from before panels of any size (commit 5c2c5e6). 28 panels of two
to seven experts (`small_panel_figures.py`) are fused by it as it was, by it with its stopping rules taken to 1e-10, and by this version.
Some two minutes. Writes benchmarks/results/small_panels_unchanged.json, and prints a table.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from report_runs import table, write_result

SCRIPT = Path(__file__).with_name("small_panel_figures.py")
NAMES = {
    "fused": "fused scores",
    "a": "construction A",
    "b": "construction B",
    "slope": "slope of A",
    "taste": "spread of taste",
    "se": "errors by resampling",
    "a_se": "errors by resampling, A",
    "b_se": "errors by resampling, B",
    "se_panel": "errors of the same panel",
}


def figures_by(python: str, *options: str) -> dict[str, dict[str, list[float]]]:
    """Of all panels by one version."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        subprocess.run([python, str(SCRIPT), str(out), *options], check=True)
        return json.loads(out.read_text(encoding="utf-8"))


def farthest(one: dict, other: dict) -> dict[str, dict[str, float]]:
    """Largest difference of every figure over all panels, and as a share of itself."""
    found = {}
    for name in NAMES:
        before, after = (np.concatenate([panel[name] for panel in version.values()]) for version in (one, other))
        apart = np.abs(after - before)
        found[name] = {"difference": float(apart.max()), "of itself": float((apart / np.abs(before)).max())}
    return found


def main(older: Annotated[str, typer.Option(help="Python that has the older version.")]) -> None:
    """Fuse, compare, write, print."""
    this = figures_by(sys.executable)
    found = {"panels": len(this)}
    for name, options in (("as it was", ()), ("taken to its end", ("--converged",))):
        found[name] = farthest(figures_by(older, *options), this)
    write_result("small_panels_unchanged", found)
    lines = [
        [
            name,
            *(
                f"{found[way][key][kind]:.1e}"
                for way in ("as it was", "taken to its end")
                for kind in ("difference", "of itself")
            ),
        ]
        for key, name in NAMES.items()
    ]
    header = ["", "to it as it was", "of itself", "to it taken to its end", "of itself"]
    typer.echo(table(header, lines))


if __name__ == "__main__":
    typer.run(main)
