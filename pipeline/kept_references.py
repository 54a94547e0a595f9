"""What every scorer of a release is compared with, kept in a folder since it takes a while to make."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..dataset_script.release import ReleaseTables
from ..eval_suite.reference_lines import PanelReferences, panel_references, relative_errors
from ..foundation.progress_type import Progress
from ..foundation.whole_folders import written_whole


@dataclass(frozen=True)
class References:
    """What every scorer of a release is compared with, and what does not depend on any scorer.

    Parameters
    ----------
    panel : PanelReferences
        Each expert's ratings, and the fused scores of the other experts.
    relative_errors : ndarray, shape (n, D)
        Of the fused scores, from resamples each centred within its facet.
    """

    panel: PanelReferences
    relative_errors: np.ndarray


def reference_lines(release: ReleaseTables, folder: Path, report: Progress, *, processes: int = 2) -> References:
    """Fuse every facet without each of its experts in turn; kept in a folder, since it takes a while.

    Parameters
    ----------
    release : ReleaseTables
    folder : Path
        Read where it is there, else written, whole.
    report : callable
    processes : int
        Worker processes.

    Returns
    -------
    References
    """
    if not folder.exists():
        panel = panel_references(release, processes=processes, progress=report)
        errors = relative_errors(release, processes=processes, progress=report)
        with written_whole(folder) as partial:
            panel.table.to_parquet(partial / "panel.parquet", index=False)
            (partial / "left_out.json").write_text(json.dumps(panel.left_out) + "\n", encoding="utf-8")
            np.save(partial / "relative_errors.npy", errors)
    panel = PanelReferences(
        pd.read_parquet(folder / "panel.parquet"),
        tuple(json.loads((folder / "left_out.json").read_text(encoding="utf-8"))),
    )
    return References(panel, np.load(folder / "relative_errors.npy"))
