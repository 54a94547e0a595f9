"""Fused scores of resampled panels, made once for a release and kept: what differences mean for experts in general.

Experts are drawn with all their judgments, so facets that the same experts judged share every draw. Files are kept in the
folder of things that can be made again (`foundation/cache_folder.py`), named by the release's hash.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from ..dataset_script.release import ReleaseTables
from ..foundation.cache_folder import cache_folder
from ..foundation.faults import Fault, InputFault
from ..foundation.job_pool import run_jobs
from ..foundation.progress_type import Progress
from ..foundation.whole_files import written_file
from ..preference_to_score.panel.bootstrap import expert_resamples
from ..preference_to_score.ranks import ranks_of_estimates
from .reference_scores import ReferenceScores
from .refusion import FacetResamples, facets, resampled_fused_scores

FORMAT = 1  # of the kept files; another one where the content, or how it is made, changes


@dataclass(frozen=True, eq=False)
class ResampledPanel:
    """The facets that the same experts judged, in resamples of these experts.

    Parameters
    ----------
    experts : tuple of str
    weights : ndarray, shape (R,)
        Probability of each resample.
    facets : tuple of (str, str)
        Category and dimension of each.
    rows : tuple of ndarray of int
        For each facet the rows of the references' table.
    scores : tuple of ndarray, shape (R, n)
        For each facet the fused scores of these rows.
    """

    experts: tuple[str, ...]
    weights: NDArray[np.float64]
    facets: tuple[tuple[str, str], ...]
    rows: tuple[NDArray[np.int64], ...]
    scores: tuple[NDArray[np.float64], ...]

    def influence(self, figures: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each resample moves figures: the squares of a row sum up to its variance over panels of so many experts.

        Parameters
        ----------
        figures : ndarray, shape (S, R)
            Of S systems, in each resample.

        Returns
        -------
        ndarray, shape (S, R)
        """
        experts = len(self.experts)
        away = figures - (figures @ self.weights)[:, None]
        return away * np.sqrt(self.weights * experts / (experts - 1))


def resampled_panels(
    release: ReleaseTables, references: ReferenceScores, *, processes: int = 1, progress: Progress | None = None
) -> tuple[tuple[ResampledPanel, ...], str]:
    """The resampled panels of a release: those that were kept, or new ones, which are kept.

    Parameters
    ----------
    release : ReleaseTables
    references : ReferenceScores
        The release's, with all of its dimensions.
    processes : int
        Worker processes; the number does not change the result.
    progress : callable, optional
        Called as ``progress(what, done, total)``.

    Returns
    -------
    panels : tuple of ResampledPanel
    where : str
        A sentence: where they were found, or are kept, or why they are not.

    Raises
    ------
    InputFault
        If the release has ratings or pairs alone, a facet cannot be fused again, or experts judged some facets together and
        others not, so that they cannot be drawn with all their judgments.
    """
    if release.scores_from is not None:
        what = f"the release has {release.scores_from} alone: there are no fused scores of resampled panels"
        raise InputFault(Fault(str(release.folder), "", what, "leave out --experts"))
    path = cache_folder() / "panels" / f"{references.sha256}-{FORMAT}.npz"
    kept = _read(path)
    if kept is not None:
        return kept, f"fused scores of resampled panels: {path}"
    done = run_jobs(resampled_fused_scores, list(facets(release)), "resampling experts", processes, progress)
    names = [(category, dimension) for category in release.categories for dimension in release.dimensions]
    panels = _panels(str(release.folder), names, done, references)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_file(path) as temporary:
            _write(temporary, panels)
    except OSError as error:
        return panels, f"fused scores of resampled panels cannot be kept in {path.parent} ({error.strerror})"
    return panels, f"fused scores of resampled panels are kept for the next time: {path}"


def srcc_of_each(predictions: NDArray[np.float64], references: NDArray[np.float64]) -> NDArray[np.float64]:
    """SRCC of the same predictions with many references.

    Parameters
    ----------
    predictions : ndarray, shape (n,)
    references : ndarray, shape (R, n)

    Returns
    -------
    ndarray, shape (R,)
        NaN where a side is constant.

    Examples
    --------
    >>> srcc_of_each(np.array([1.0, 2, 3, 4]), np.array([[1.0, 3, 2, 4], [4, 3, 2, 1]])).round(9).tolist()
    [0.8, -1.0]
    """
    x, y = rankdata(predictions), ranks_of_estimates(references, axis=1)
    x, y = x - x.mean(), y - y.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return y @ x / np.sqrt((x @ x) * (y * y).sum(axis=1))


def _panels(
    source: str, names: list[tuple[str, str]], found: list[FacetResamples], references: ReferenceScores
) -> tuple[ResampledPanel, ...]:
    """Facets by the experts who judged them, each panel in the resamples that all its facets have."""
    faults, together = [], {}
    for name, facet in zip(names, found, strict=True):
        if facet.why_not:
            what = f"cannot be fused again: {facet.why_not}"
            faults.append(Fault(source, ", ".join(name), what, "leave out --experts"))
        else:
            together.setdefault(facet.experts, []).append((name, facet))
    for one, other in combinations(together, 2):
        shared = sorted(set(one) & set(other))
        if shared:
            here, there = (", ".join(together[experts][0][0]) for experts in (one, other))
            what = f"expert {shared[0]} judged {here} and {there}, but not together with the same experts: they cannot be drawn"
            faults.append(Fault(source, "", what, "leave out --experts"))
    if faults:
        raise InputFault(faults)
    keys = zip(references.table["category"], references.table["painting_id"].map(str), strict=True)
    row = {key: place for place, key in enumerate(keys)}
    return tuple(_panel(experts, members, row) for experts, members in together.items())


def _panel(
    experts: tuple[str, ...], members: list[tuple[tuple[str, str], FacetResamples]], row: dict[tuple[str, str], int]
) -> ResampledPanel:
    """One panel: a resample that cannot be fused in one of its facets is left out in all."""
    every = expert_resamples(len(experts))
    places = [{counts.tobytes(): k for k, counts in enumerate(facet.resamples.counts)} for _, facet in members]
    used = [k for k, counts in enumerate(every.counts) if all(counts.tobytes() in place for place in places)]
    chosen = [[place[every.counts[k].tobytes()] for k in used] for place in places]
    weights = every.weights[used]
    return ResampledPanel(
        experts=experts,
        weights=weights / weights.sum(),
        facets=tuple(name for name, _ in members),
        rows=tuple(np.array([row[name[0], item] for item in facet.items]) for name, facet in members),
        scores=tuple(facet.values[which] for (_, facet), which in zip(members, chosen, strict=True)),
    )


def _write(path: Path, panels: tuple[ResampledPanel, ...]) -> None:
    arrays: dict[str, NDArray] = {}
    for p, panel in enumerate(panels):
        arrays[f"weights_{p}"] = panel.weights
        for f, (rows, scores) in enumerate(zip(panel.rows, panel.scores, strict=True)):
            arrays[f"rows_{p}_{f}"], arrays[f"scores_{p}_{f}"] = rows, scores
    about = json.dumps([{"experts": panel.experts, "facets": panel.facets} for panel in panels])
    with path.open("wb") as file:
        np.savez_compressed(file, about=np.array(about), **arrays)


def _read(path: Path) -> tuple[ResampledPanel, ...] | None:
    """What was kept; None where there is nothing, or a file that is not whole."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            return tuple(
                ResampledPanel(
                    experts=tuple(one["experts"]),
                    weights=stored[f"weights_{p}"],
                    facets=tuple((category, dimension) for category, dimension in one["facets"]),
                    rows=tuple(stored[f"rows_{p}_{f}"] for f in range(len(one["facets"]))),
                    scores=tuple(stored[f"scores_{p}_{f}"] for f in range(len(one["facets"]))),
                )
                for p, one in enumerate(about)
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
