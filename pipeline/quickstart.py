"""The quickstart: a stand-in release painted and built, and the paper's protocol run on it with unlabelled scrolls."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..dataset_script.build import build_dataset
from ..dataset_script.stand_in.simulate import CATEGORIES, DIMENSIONS, PAINTINGS_A_CATEGORY, simulate
from ..foundation.faults import Fault, InputFault
from ..foundation.left_overs import clear_left_overs
from ..foundation.progress_type import Progress
from ..foundation.run_folder import check_run_folder, claim_folder
from ..foundation.stopwatch import Stopwatch
from ..model_card.judge import Judge
from ..trainer.psdistill_exact_config import PSDistillExactConfig
from ..trainer.tiny_judge import as_typed
from ..trainer.tiny_judge.known_weights import settings_sentence, training_settings
from .protocol import Protocol, run_protocol


@dataclass(frozen=True)
class Quickstart:
    """Settings of a run on the stand-in; see ``ppaint quickstart --help``.

    Parameters
    ----------
    model : str
        Folder or repo.
    seed : int
        Of the stand-in, the schedules and the training.
    train_category : str
    unlabelled : int
        Unlabelled scrolls of each category.
    steps : int
        Of the optimiser.
    batch_size : int
        Ordered pairs per forward pass; does not tell one run from another.
    paintings : int
        Evaluated paintings of each category.
    processes : int
        Worker processes that paint and fuse; does not tell one run from another.
    """

    model: str
    seed: int
    train_category: str
    unlabelled: int
    steps: int
    batch_size: int
    paintings: int = PAINTINGS_A_CATEGORY
    processes: int = 2

    def protocol(self, judge: Judge, out: Path, data: Path) -> Protocol:
        """The run on a stand-in that lies in ``data``."""
        trainer = {"objective": PSDistillExactConfig.objective, **training_settings(judge.model)}
        return Protocol(
            model=self.model,
            dataset=data / "ppaint",
            train_category=self.train_category,
            unlabelled={name: data / "raw-unlabelled" / name for name in CATEGORIES},
            options=trainer | {"max_steps": self.steps},
            seed=self.seed,
            batch_size=self.batch_size,
            processes=self.processes,
            references=data / "reference",
            typed=self.command(out),
        )

    def command(self, out: Path) -> str:
        """What to type for this run again."""
        given = {
            "model": as_typed(self.model),
            "seed": self.seed,
            "train-category": self.train_category,
            "unlabelled": self.unlabelled,
            "steps": self.steps,
            "batch-size": self.batch_size,
            "out": out,
        }
        return shlex.join(
            ["ppaint", "quickstart", *(w for name, value in given.items() for w in (f"--{name}", str(value)))]
        )


def run_quickstart(
    settings: Quickstart, out: Path, report: Progress, *, data: Path | None = None, times: Stopwatch | None = None
) -> list:
    """Run everything, or resume a run that was killed.

    Parameters
    ----------
    settings : Quickstart
    out : Path
        As for ``run_protocol``; gets the stand-in too.
    report : callable
        ``report(what, done, total)``.
    data : Path, optional
        The folder of another run on the same stand-in, whose stand-in, dataset and reference lines are used; made where
        it is not there. ``out`` itself by default.
    times : Stopwatch, optional
        As for ``run_protocol``.

    Returns
    -------
    list
        What to show the user, in order.

    Raises
    ------
    InputFault
        If the category is unknown, the model cannot be used, or a folder holds another run or another stand-in.
    """
    if settings.train_category not in CATEGORIES:
        what = f"there is no category {settings.train_category!r} in the stand-in"
        raise InputFault(Fault("--train-category", "", what, f"give one of {', '.join(CATEGORIES)}"))
    times = times or Stopwatch()
    check_run_folder(out)
    judge = Judge.from_pretrained(settings.model, dimensions=DIMENSIONS, batch_size=settings.batch_size or "auto")
    protocol = settings.protocol(judge, out, data or out)
    stand_in = {"seed": settings.seed, "unlabelled": settings.unlabelled, "paintings": settings.paintings}
    data_identity = {"kind": "quickstart", "stand_in": stand_in}
    if data is not None:
        claim_folder(data, data_identity)
    claim_folder(out, data_identity | protocol.identity(judge, settings.train_category))
    make_stand_in(settings, data or out, report, times=times)
    return [settings_sentence(judge.model), *run_protocol(protocol, out, report, judge=judge, times=times)]


def make_stand_in(settings: Quickstart, data: Path, report: Progress, *, times: Stopwatch | None = None) -> None:
    """Paint the stand-in and build its dataset, each completely or not at all, so that what exists is finished.

    Parameters
    ----------
    settings : Quickstart
    data : Path
        Gets ``raw/``, ``raw-truth/``, ``raw-unlabelled/`` and ``ppaint/``.
    report : callable
    times : Stopwatch, optional
        As for ``run_protocol``.
    """
    times = times or Stopwatch()
    clear_left_overs(data)
    if not (data / "raw").exists():  # it takes its name last
        for name in ("raw-truth", "raw-unlabelled"):
            shutil.rmtree(data / name, ignore_errors=True)
        sizes = {"paintings": settings.paintings, "processes": settings.processes}
        with times.part("paint"):
            simulate(data / "raw", settings.seed, settings.unlabelled, report, **sizes)
    if not (data / "ppaint").exists():
        with times.part("build"):
            build_dataset(data / "raw", data / "ppaint", report, processes=settings.processes)
