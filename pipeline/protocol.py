"""The paper's protocol whole: one category judged and distilled without labels, all of them evaluated before and after."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset_script.build import build_dataset
from ..dataset_script.release import RELEASE_FILE, ReleaseTables, read_release
from ..dataset_script.release_file import sha256_of
from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress
from ..foundation.run_folder import claim_folder
from ..images.image_folder import by_hash, open_folder
from ..images.opening import OpenedImage
from ..model_card.card import INDUCED_BIAS
from ..model_card.judge import Judge
from ..model_card.loading import model_revision
from ..model_card.readout import moments
from ..model_card.scorer_config import FILE_NAME, ScorerConfig
from ..trainer.code_version import package_versions
from ..trainer.distillation import distil
from ..trainer.distillation_job import CardText, Distillation
from ..trainer.estimator import Estimator
from ..trainer.judgments.judging import Judging
from ..trainer.judgments.judgment_store import JudgmentStore
from ..trainer.pseudo_scores.labelled_set import PseudoLabels, check_enough, compute_features, pseudo_label_images
from ..trainer.scorer_folder import Distilled, rewrite_card
from ..trainer.tiny_judge import TWIN_WEIGHTS, WEIGHTS
from .annotation_source import AnnotationSource, check_annotations, check_dataset
from .own_images import write_json
from .paintings import ReleasePaintings, read_paintings
from .protocol_figures import measure_protocol, rows_of
from .protocol_plots import draw_plots
from .protocol_report import Conditions, ProtocolReport
from .release_figures import reference_lines
from .whole_release import score_paintings

_TINY = {WEIGHTS: "the tiny judge", TWIN_WEIGHTS: "the tiny judge's twin"}


@dataclass(frozen=True)
class Protocol:
    """Settings of a run; see ``ppaint reproduce --help``.

    Parameters
    ----------
    model : str
    annotations, dataset : Path, optional
        One of the two.
    train_category : str, optional
        The release's first by default.
    images : Path, optional
        Unlabelled training images; the category's own paintings by default.
    estimator : Estimator
    config : Path, optional
        Where the options were read from; said in the command.
    options : mapping
        Fields of the trainer's config, without ``seed``.
    seed : int
    batch_size : int
        Ordered pairs per forward pass; 0: as many as fit on a GPU.
    processes : int
        Worker processes of fusion and reference lines.
    """

    model: str
    annotations: Path | None = None
    dataset: Path | None = None
    train_category: str | None = None
    images: Path | None = None
    estimator: Estimator = Estimator.exact
    config: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    batch_size: int = 32
    processes: int = 2

    def trainer_options(self) -> dict[str, Any]:
        """The trainer's option: the paper's family of objectives unless another is asked for by name."""
        family = {"objective": "policy"} if self.estimator is Estimator.exact else {}
        return family | dict(self.options)

    def command(self, out: Path) -> str:
        """What to type for this run again."""
        given = {
            "annotations": self.annotations,
            "dataset": self.dataset,
            "model": self.model,
            "train-category": self.train_category,
            "images": self.images,
            "config": self.config,
            "estimator": self.estimator.value,
            "seed": self.seed,
            "batch-size": self.batch_size,
            "out": out,
        }
        words = [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]
        return shlex.join(["ppaint", "reproduce", *words])


def run_protocol(settings: Protocol, out: Path, report: Progress) -> list:
    """Run the protocol, or resume a killed run.

    Parameters
    ----------
    settings : Protocol
    out : Path
        Gets the dataset (of ``annotations``), judgments, pool, scorer, predictions, plots, ``report.md`` and, last of
        all, ``summary.json``.
    report : callable
        ``report(what, done, total)``.

    Returns
    -------
    list
        What to show the user, in order.

    Raises
    ------
    InputFault
        If annotations, images or model cannot be used, or the folder holds another run; nothing is written then.
    NoUsableSignal
        If no dimension's pseudo-scores differ by more than their error.
    """
    started = time.time()
    source = _check_source(settings, report)
    category = source.training_category(settings.train_category, needs_own_images=settings.images is None)
    extra = None if settings.images is None else _open_training_images(settings.images, report)
    judge = Judge.from_pretrained(
        settings.model, dimensions=source.dimensions, batch_size=settings.batch_size or "auto"
    )
    because = simulated_because(settings.model, judge, source.simulated)
    claim_folder(out, _identity(settings, source, category, judge, extra))
    release, paintings = _dataset(settings, source, out, report)
    before = _rate_before(settings, judge, paintings, out, report)
    training = extra or list(by_hash(paintings.of(category)).values())
    labels = pseudo_label_images(
        judge, training, out / "label_free", report, what=f"{category}, training", seed=settings.seed
    )
    card = CardText(
        title=f"A scorer distilled on {category.replace('_', ' ')} ({release.name})",
        simulated=bool(because),
        headline=release.headline,
    )
    distilled = _distil(settings, judge, labels, training, out, report, card)
    after = score_paintings(distilled, paintings, report)
    _check_finite(after, str(distilled.folder), "the distilled scorer's scores")
    for name, scores in (("before", before), ("after", after)):
        _write_predictions(out / "predictions", name, paintings, release, scores)
    reference = reference_lines(release, out / "reference", report, processes=settings.processes)
    pseudo = None if extra else _pseudo_scores(labels, paintings.of(category))
    figures = measure_protocol(release, paintings, before, after, reference, category, pseudo)
    conditions = _conditions(settings, source, judge, because, category, paintings, training, extra is not None)
    page = ProtocolReport(
        release=release,
        record=release,
        figures=figures,
        conditions=conditions,
        fitness=labels.fitness.markdown(),
        warnings=labels.fitness.warnings,
        dropped=labels.scores.dropped,
        kept_step=distilled.kept_step,
        versions=_versions(settings),
        hashes=_hashes(source, release, judge, distilled),
        command=settings.command(out),
    )
    rewrite_card(distilled, card, page.card_text())
    draw_plots(out / "plots", page, labels.pool, distilled, _by_category(release, paintings, before, after))
    page.write(out / "report.md")
    write_json(out / "summary.json", page.summary() | {"elapsed_s": round(time.time() - started, 1)})
    return [*page.for_terminal(), *_where(out, release, distilled)]


def simulated_because(model: str, judge: Judge, release_is: bool) -> tuple[str, ...]:
    """Why the figures are no result about paintings; empty where they may be one.

    Parameters
    ----------
    model : str
        Folder or repo.
    judge : Judge
        Its revision is a hash of the weights, so that a copy of the tiny judge is known wherever it lies.
    release_is : bool
        Whether the release says that its annotations are simulated.

    Returns
    -------
    tuple of str
    """
    why = ["the release's annotations are simulated"] if release_is else []
    if _tiny(judge):
        why.append("the model is the tiny judge, which has only seen painted pastiches")
    elif Path(model, FILE_NAME).is_file() and ScorerConfig.load(model).simulated:
        why.append("the model was distilled in a simulation, as its scorer_config.json says")
    return tuple(why)


def _tiny(judge: Judge) -> Path | None:
    """Which of the tiny judges it is, if any."""
    known = (folder for folder in _TINY if folder.is_dir())  # the twin is not in the wheel
    return next((folder for folder in known if model_revision(folder, None) == judge.revision), None)


def _check_source(settings: Protocol, report: Progress) -> AnnotationSource:
    if (settings.annotations is None) == (settings.dataset is None):
        what = "exactly one of --annotations and --dataset must be given"
        fix = "give the raw export, or the folder that `ppaint build` made of it"
        raise InputFault(Fault("command line", "", what, fix))
    if settings.annotations is not None:
        return check_annotations(settings.annotations, report)
    return check_dataset(settings.dataset, report)


def _open_training_images(folder: Path, report: Progress) -> list[OpenedImage]:
    unique = by_hash(open_folder(folder, report, "opening training images"))
    check_enough(folder, unique)
    return list(unique.values())


def _identity(
    settings: Protocol, source: AnnotationSource, category: str, judge: Judge, extra: list[OpenedImage] | None
) -> dict:
    """Contents, not paths: a run resumes after its inputs were moved, and not after they were changed."""
    return {
        "kind": "reproduce",
        "annotations": dict(source.identity),
        "model": judge.fingerprint,
        "train_category": category,
        "training_images": "its own paintings" if extra is None else sorted(image.sha256 for image in extra),
        "estimator": settings.estimator.value,
        "options": settings.trainer_options(),
        "seed": settings.seed,
    }


def _dataset(
    settings: Protocol, source: AnnotationSource, out: Path, report: Progress
) -> tuple[ReleaseTables, ReleasePaintings]:
    """The built dataset: the one that was given, or built here, whole or not at all, so that what is there is done."""
    folder = settings.dataset or out / "ppaint"
    for stale in out.glob(".*.partial"):  # of a build that was killed
        shutil.rmtree(stale, ignore_errors=True)
    if settings.dataset is None and not folder.exists():
        build_dataset(settings.annotations, folder, report, processes=settings.processes)
    release = read_release(folder)
    scored = release.fused[list(release.dimensions)].notna().any(axis=1)
    bare = [name for name in release.categories if not scored[release.fused["category"] == name].any()]
    if bare:
        why = {f["category"]: f["why_not_fused"] for f in release["facets"] if f["why_not_fused"]}
        faults = [
            Fault(
                source.place, name, f"no dimension of it could be fused ({why.get(name, 'unknown')})", "fix the export"
            )
            for name in bare
        ]
        raise InputFault(faults)
    return release, read_paintings(folder, release.categories)


def _rate_before(
    settings: Protocol, judge: Judge, paintings: ReleasePaintings, out: Path, report: Progress
) -> np.ndarray:
    """The model's own single-pass ratings of all paintings, 0 to 9, asked once and stored; shape (n, D)."""
    hashes = [image.sha256 for image in paintings.images]
    unique = list(dict.fromkeys(hashes))
    with JudgmentStore(out / "before", judge.fingerprint, judge.dimensions, parts=judge.parts) as store:
        rated = all(store.rated(image) for image in unique)
        features = {} if rated else compute_features(judge, paintings.images, report, "vision features, all paintings")
        mean, _ = moments(Judging(store, judge, features).rate(unique))
    place = {image: i for i, image in enumerate(unique)}
    before = mean[[place[image] for image in hashes]]
    _check_finite(before, settings.model, "the model's ratings")
    return before


def _check_finite(scores: np.ndarray, model: str, what: str) -> None:
    """A score that is no number is never replaced by one that is."""
    bad = int((~np.isfinite(scores)).any(axis=1).sum())
    if bad:
        fix = "give a model whose logits are finite (on a CPU it runs in float32)"
        raise InputFault(Fault(model, "", f"{what} of {bad} of {len(scores)} paintings are not finite", fix))


def _distil(
    settings: Protocol,
    judge: Judge,
    labels: PseudoLabels,
    training: list[OpenedImage],
    out: Path,
    report: Progress,
    card: CardText,
) -> Distilled:
    job = Distillation(
        settings.model,
        judge,
        labels,
        out,
        card,
        images=training,
        estimator=settings.estimator,
        seed=settings.seed,
        options=settings.trainer_options(),
    )
    return distil(job, report)


def _pseudo_scores(labels: PseudoLabels, paintings: list[OpenedImage]) -> np.ndarray | None:
    """Pseudo-scores of the training category's own paintings, where every one has them in every dimension."""
    place = {image: i for i, image in enumerate(labels.scores.images)}
    scores = labels.scores.elo[[place[image.sha256] for image in paintings]]
    return scores if np.isfinite(scores).all() else None


def _conditions(
    settings: Protocol,
    source: AnnotationSource,
    judge: Judge,
    because: tuple[str, ...],
    category: str,
    paintings: ReleasePaintings,
    training: list[OpenedImage],
    given: bool,
) -> Conditions:
    evaluated = {image.sha256 for image in paintings.images}
    return Conditions(
        simulated_because=because,
        induced_bias=INDUCED_BIAS if _tiny(judge) == WEIGHTS else "",
        model=settings.model,
        model_name=_TINY.get(_tiny(judge), Path(settings.model).name),
        parameters=sum(parameter.numel() for parameter in judge.model.parameters()),
        training_category=category,
        training_images=len(training),
        training_folder=str(settings.images) if given else "",
        also_evaluated=sum(image.sha256 in evaluated for image in training),
        estimator=settings.estimator.value,
        options=settings.trainer_options(),
        seed=settings.seed,
    )


def _versions(settings: Protocol) -> dict[str, str]:
    return package_versions(*(["trl"] if settings.estimator is Estimator.sampled else []))


def _hashes(source: AnnotationSource, release: ReleaseTables, judge: Judge, distilled: Distilled) -> dict[str, str]:
    return {
        **{f"annotations: {name}": digest for name, digest in source.identity.items()},
        f"dataset: {RELEASE_FILE}": sha256_of(release.folder / RELEASE_FILE),
        "model": judge.revision,
        **{name: str(digest) for name, digest in distilled.config.hashes.items()},
        "scorer": model_revision(distilled.folder, None),
    }


def _by_category(
    release: ReleaseTables, paintings: ReleasePaintings, before: np.ndarray, after: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    """Fused scores, before and after of the headline dimension, by category; paintings without a fused score left out."""
    k, names = release.dimensions.index(release.headline), np.array(paintings.categories)
    fused = release.references()[rows_of(release, paintings), k]
    columns = {"fused": fused, "before": before[:, k], "after": after[:, k]}
    masks = {name: (names == name) & np.isfinite(fused) for name in release.categories}
    masks = {name: mask for name, mask in masks.items() if mask.any()}
    return {what: {name: values[mask] for name, mask in masks.items()} for what, values in columns.items()}


def _write_predictions(
    folder: Path, name: str, paintings: ReleasePaintings, release: ReleaseTables, scores: np.ndarray
) -> None:
    """A table that ``ppaint evaluate`` takes."""
    import pandas as pd

    folder.mkdir(exist_ok=True)
    table = pd.DataFrame({"painting_id": paintings.ids, "category": paintings.categories})
    table = table.assign(**{dimension: scores[:, k] for k, dimension in enumerate(release.dimensions)})
    temporary = folder / f"{name}.csv.tmp"
    table.to_csv(temporary, index=False, lineterminator="\n")
    os.replace(temporary, folder / f"{name}.csv")


def _where(out: Path, release: ReleaseTables, distilled: Distilled) -> list[str]:
    return [
        f"report       {out / 'report.md'}",
        f"plots        {out / 'plots'}",
        f"figures      {out / 'summary.json'}",
        f"predictions  {out / 'predictions'}  (tables for ppaint evaluate --dataset {release.folder})",
        f"scorer       {distilled.folder}  (model card: README.md)",
    ]
