"""The paper's protocol whole: one category judged and distilled without labels, all of them evaluated before and after."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..dataset_script.build import build_dataset
from ..dataset_script.release import RELEASE_FILE, ReleaseTables, read_release
from ..eval_suite.reference_scores import reference_scores
from ..foundation.faults import Fault, InputFault
from ..foundation.file_hash import file_sha256
from ..foundation.progress_type import Progress
from ..foundation.run_folder import check_run_folder, claim_folder
from ..foundation.stopwatch import Stopwatch
from ..foundation.whole_files import write_json
from ..images.image_folder import look_at_folder
from ..images.image_source import ImageSource
from ..images.known_images import KnownImages
from ..model_card.encoded_images import EncodedImages, encode_images
from ..model_card.judge import Judge
from ..model_card.loading import model_revision
from ..model_card.moments import moments
from ..trainer.code_version import package_versions
from ..trainer.distillation import distil
from ..trainer.distillation_job import CardText, Distillation
from ..trainer.estimator import Estimator
from ..trainer.judgments.judging import Judging
from ..trainer.judgments.judgment_store import JudgmentStore
from ..trainer.pseudo_scores.label_images import pseudo_label_images
from ..trainer.pseudo_scores.labelled_set import PseudoLabels, check_enough
from ..trainer.pseudo_scores.schedule import Schedule
from ..trainer.recipes import Recipe, recipe_settings
from ..trainer.scorer_folder import Distilled, rewrite_card
from ..trainer.tiny_judge import as_typed
from ..trainer.tiny_judge.known_weights import induced_bias, parameter_count, simulated_because, tiny_judge_name
from .annotation_source import AnnotationSource, check_annotations, check_dataset
from .card_figures import card_figures
from .category_pools import JudgedCategory, digest_of, judge_category
from .kept_references import reference_lines
from .paintings import ReleasePaintings, read_paintings
from .protocol_figures import Measured, measure_protocol
from .protocol_plots import draw_plots
from .protocol_report import Conditions, ProtocolReport
from .scored_paintings import check_finite, score_images, write_predictions
from .terminal_table import times_table

OWN = "its own paintings"  # of what a run is trained on, in place of hashes


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
    unlabelled : mapping of str to Path
        A folder of unlabelled images of every category: the training category is trained on its own, and the paintings of
        each are also judged against a pool of its own. Empty: only ``images`` are.
    estimator : Estimator
    config : Path, optional
        Where the options were read from; stands in the command.
    options : mapping
        Fields of the trainer's config, without ``seed``.
    recipe : Recipe, optional
        Whose settings stand where ``options`` has none.
    seed : int
    batch_size : int
        Ordered pairs per forward pass; 0: as many as fit on a GPU.
    processes : int
        Worker processes of fusion and reference lines.
    references : Path, optional
        Where the reference lines are kept; in the run's folder by default.
    typed : str
        The command that this run was started by, where it was not ``ppaint reproduce``.
    """

    model: str
    annotations: Path | None = None
    dataset: Path | None = None
    train_category: str | None = None
    images: Path | None = None
    unlabelled: Mapping[str, Path] = field(default_factory=dict)
    estimator: Estimator = Estimator.exact
    config: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    recipe: Recipe | None = None
    seed: int = 0
    batch_size: int = 32
    processes: int = 2
    references: Path | None = None
    typed: str = ""

    def trainer_options(self, images: int, parameters: int) -> dict[str, Any]:
        """The trainer's settings: the recipe's, else the paper's family of objectives, unless others are given by name.

        Parameters
        ----------
        images : int
            That are trained on.
        parameters : int
            Of the model.
        """
        if self.recipe is None:
            return self._named_options()
        size = {"images": images, "parameters": parameters}
        return recipe_settings(self.recipe, **size, estimator=self.estimator, given=self.options)

    def _named_options(self) -> dict[str, Any]:
        """Those that follow from no image and no model."""
        family = {"objective": "policy"} if self.estimator is Estimator.exact and self.recipe is None else {}
        return family | dict(self.options)

    def training_folder(self, category: str) -> Path | None:
        """Where the training images lie; None where they are the category's own paintings."""
        return self.unlabelled.get(category, self.images)

    def identity(self, judge: Judge, category: str) -> dict[str, Any]:
        """What of the run is known before its data are: contents and settings, no paths."""
        return {
            "model": judge.fingerprint,
            "train_category": category,
            "estimator": self.estimator.value,
            "options": self._named_options(),
            "seed": self.seed,
        } | ({} if self.recipe is None else {"recipe": self.recipe.value})

    def command(self, out: Path) -> str:
        """What to type for this run again."""
        given = {
            "annotations": self.annotations,
            "dataset": self.dataset,
            "model": as_typed(self.model),
            "train-category": self.train_category,
            "images": self.images,
            "config": self.config,
            "recipe": self.recipe and self.recipe.value,
            "estimator": self.estimator.value,
            "seed": self.seed,
            "batch-size": self.batch_size,
            "out": out,
        }
        words = [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]
        return self.typed or shlex.join(["ppaint", "reproduce", *words])


def run_protocol(
    settings: Protocol, out: Path, report: Progress, *, judge: Judge | None = None, times: Stopwatch | None = None
) -> list:
    """Run the protocol, or resume a run that was killed.

    Parameters
    ----------
    settings : Protocol
    out : Path
        Gets the dataset (of ``annotations``), judgments, pool, scorer, predictions, ``report.md``, plots and, last of
        all, ``summary.json``.
    report : callable
        ``report(what, done, total)``.
    judge : Judge, optional
        The model, where it is loaded already.
    times : Stopwatch, optional
        Of a run that began earlier.

    Returns
    -------
    list
        What to show the user, in order.

    Raises
    ------
    InputFault
        If annotations, images or model cannot be used, or the folder holds another run; nothing is written then. If pixels of
        an image turn out broken, or a folder's images are not the run's: nothing is judged then.
    NoUsableSignal
        If no dimension's pseudo-scores differ by more than their error.
    """
    started, times = time.time(), times or Stopwatch()
    check_run_folder(out)
    source = _check_source(settings, report)
    category = source.training_category(
        settings.train_category, needs_own_images=settings.images is None and not settings.unlabelled
    )
    given = _given_images(settings.training_folder(category), report)
    judge = judge or Judge.from_pretrained(
        settings.model, dimensions=source.dimensions, batch_size=settings.batch_size or "auto"
    )
    identity = _identity(settings, source, category, judge)
    claim_folder(out, identity | _known_of_training(out, own=given is None))
    with times.part("build"):
        release, paintings = _dataset(settings, source, out, report)
    run = _Run(settings, out, report, source, category, judge, release, paintings)
    with times.part("judge"):
        encoded = _training_images(run, given)
        training = encoded.images
        before = None if settings.unlabelled else _rate_before(run)
        labels = pseudo_label_images(
            judge,
            encoded,
            out / "label_free",
            report,
            what=f"{category}, training",
            schedule=Schedule(seed=settings.seed),
        )
        judged = _judge_categories(run, labels)
        if before is None:
            before = np.concatenate([judged[name].pointwise for name in release.categories])
            check_finite(before, settings.model, "the model's ratings")
    job = _distillation(run, labels, training)
    with times.part("train"):
        distilled = distil(job, report)
    with times.part("measure"):
        after = score_images(distilled.folder, paintings.sources, report).mean
        check_finite(after, str(distilled.folder), "the distilled scorer's scores")
        for name, scores in (("before", before), ("after", after)):
            write_predictions(out / "predictions" / f"{name}.csv", paintings, release.dimensions, scores)
        measured = Measured(before, after, _pseudo_scores(run, labels, judged, own=given is None))
        page = _report(run, training, measured, labels, judged, distilled)
    with times.part("write"):
        figures = card_figures(page.figures.after, reference_scores(release), distilled.folder, out)
        rewrite_card(distilled, job.card, page.card_text(), figures)
        page.write(out / "report.md")
        draw_plots(out / "plots", page, labels.pool, distilled, paintings, measured)
    taken = {"elapsed_s": round(time.time() - started, 1), "seconds_by_part": times.by_part()}
    write_json(out / "summary.json", page.summary() | taken)
    return [*page.for_terminal(), times_table(times), *_where(out, release, distilled)]


@dataclass(frozen=True)
class _Run:
    """What is known of a run once its data are there."""

    settings: Protocol
    out: Path
    report: Progress
    source: AnnotationSource
    category: str
    judge: Judge
    release: ReleaseTables
    paintings: ReleasePaintings

    def trainer_options(self, images: int) -> dict[str, Any]:
        """The trainer's settings for a number of training images."""
        return self.settings.trainer_options(images, parameter_count(self.judge.model))

    @property
    def simulated_because(self) -> tuple[str, ...]:
        """Why the figures are no result about paintings; empty where they may be one."""
        release = ("the release's annotations are simulated",) if self.source.simulated else ()
        return (*release, *simulated_because(self.settings.model, self.judge.model))


def _check_source(settings: Protocol, report: Progress) -> AnnotationSource:
    if (settings.annotations is None) == (settings.dataset is None):
        what = "exactly one of --annotations and --dataset must be given"
        fix = "give the raw export, or the folder that `ppaint build` made of it"
        raise InputFault(Fault("command line", "", what, fix))
    if settings.annotations is not None:
        return check_annotations(settings.annotations, report)
    return check_dataset(settings.dataset, report)


def _identity(settings: Protocol, source: AnnotationSource, category: str, judge: Judge) -> dict[str, Any]:
    """Contents, not paths: a run is resumed after its inputs were moved, and not after they were changed."""
    kind = {} if settings.typed else {"kind": "reproduce"}
    return kind | settings.identity(judge, category) | {"annotations": dict(source.identity)}


def _known_of_training(out: Path, *, own: bool) -> dict[str, Any]:
    """What of the training images tells a run from another before they are opened."""
    if own:
        return {"training_images": OWN}
    found = check_run_folder(out) or {}
    return {"training_images": []} if found.get("training_images") == OWN else {}


def _given_images(folder: Path | None, report: Progress) -> list[ImageSource] | None:
    """The headers of a folder of training images; None where there is no folder."""
    if folder is None:
        return None
    sources = look_at_folder(folder, report, "reading headers of training images")
    check_enough(folder, sources)
    return sources


def _training_images(run: _Run, given: Sequence[ImageSource] | None) -> EncodedImages:
    """The images that are trained on, opened, counted without repetitions, and part of what the run is."""
    encoded = _encoded(run, given or run.paintings.of(run.category), f"{run.category}, training")
    if given is not None:
        check_enough(run.settings.training_folder(run.category), encoded)
    claim_folder(run.out, {"training_images": OWN if given is None else sorted(encoded)})
    return encoded


def _encoded(run: _Run, sources: Sequence[ImageSource], what: str) -> EncodedImages:
    """Images opened once, their vision features in the run's folder."""
    return encode_images(run.judge, sources, run.out / "features", report=run.report, what=f"vision features, {what}")


def _dataset(
    settings: Protocol, source: AnnotationSource, out: Path, report: Progress
) -> tuple[ReleaseTables, ReleasePaintings]:
    """The built dataset: the one that was given, or built here, completely or not at all, so that what exists is finished."""
    folder = settings.dataset or out / "ppaint"
    if settings.dataset is None and not folder.exists():
        build_dataset(settings.annotations, folder, report, processes=settings.processes)
    release = read_release(folder)
    scored = release.fused[list(release.dimensions)].notna().any(axis=1)
    bare = [name for name in release.categories if not scored[release.fused["category"] == name].any()]
    if bare:
        why = {f["category"]: f["why_not_fused"] for f in release["facets"] if f["why_not_fused"]}
        raise InputFault(
            Fault(
                source.place, name, f"no dimension of it could be fused ({why.get(name, 'unknown')})", "fix the export"
            )
            for name in bare
        )
    return release, read_paintings(folder, release.categories)


def _rate_before(run: _Run) -> np.ndarray:
    """The model's own single-pass ratings of all paintings, 0 to 9, asked once and stored; shape (n, D)."""
    judge, hashes = run.judge, run.paintings.hashes
    unique = list(dict.fromkeys(hashes))
    with JudgmentStore(run.out / "before", judge.fingerprint, judge.dimensions, parts=judge.parts) as store:
        rated = all(store.rated(image) for image in unique)
        features = {} if rated else _encoded(run, run.paintings.sources, "all paintings")
        mean, _ = moments(Judging(store, judge, features).rate(unique))
    place = {image: i for i, image in enumerate(unique)}
    before = mean[[place[image] for image in hashes]]
    check_finite(before, run.settings.model, "the model's ratings")
    return before


def _judge_categories(run: _Run, labels: PseudoLabels) -> dict[str, JudgedCategory]:
    """Every category that has unlabelled images of its own, judged against a pool of them."""
    judged = {}
    for name, folder in run.settings.unlabelled.items():
        unlabelled, others = labels, []
        paintings = run.paintings.hashes_of(name)
        if name != run.category:
            others = look_at_folder(folder, run.report, f"reading headers of {name} (unlabelled)")
        encoded = _encoded(run, [*others, *run.paintings.of(name)], name)
        if name != run.category:
            of_folder = set(others)  # a picture that is a painting's too counts as the folder's, which comes first
            unlabelled = [image for image in encoded.images if encoded.images.source(image) in of_folder]
            claim_folder(run.out, {f"unlabelled images of {name}": digest_of(unlabelled)})
        judged[name] = judge_category(
            run.judge,
            name,
            paintings,
            unlabelled,
            encoded,
            run.out / "evaluation" / name,
            run.report,
            Schedule(seed=run.settings.seed),
        )
    return judged


def _distillation(run: _Run, labels: PseudoLabels, training: KnownImages) -> Distillation:
    settings, release = run.settings, run.release
    return Distillation(
        settings.model,
        run.judge,
        labels,
        run.out,
        CardText(
            title=f"A scorer distilled on {run.category.replace('_', ' ')} ({release.name})",
            simulated=bool(run.simulated_because),
            headline=release.headline,
        ),
        images=training,
        estimator=settings.estimator,
        seed=settings.seed,
        options=run.trainer_options(len(training)),
    )


def _pseudo_scores(
    run: _Run, labels: PseudoLabels, judged: Mapping[str, JudgedCategory], *, own: bool
) -> dict[str, np.ndarray]:
    """Pseudo-scores of evaluated paintings, by category, where every one has them in every dimension."""
    found = {name: category.pseudo for name, category in judged.items()}
    if own:
        place = {image: i for i, image in enumerate(labels.scores.images)}
        rows = [place[image] for image in run.paintings.hashes_of(run.category)]
        found[run.category] = labels.scores.elo[rows]
    return {name: scores for name, scores in found.items() if np.isfinite(scores).all()}


def _report(
    run: _Run,
    training: KnownImages,
    measured: Measured,
    labels: PseudoLabels,
    judged: Mapping[str, JudgedCategory],
    distilled: Distilled,
) -> ProtocolReport:
    """Measure everything against the fused scores, and put it on the page with what it was measured under."""
    settings, release, fitness = run.settings, run.release, labels.fitness
    kept = settings.references or run.out / "reference"
    reference = reference_lines(release, kept, run.report, processes=settings.processes)
    return ProtocolReport(
        release=release,
        record=release,
        figures=measure_protocol(release, run.paintings, measured, reference, run.category),
        conditions=_conditions(run, training),
        pools={name: category.slopes() for name, category in judged.items()},
        fitness=fitness.markdown(),
        warnings=fitness.warnings,
        dropped=labels.scores.dropped,
        kept_step=distilled.kept_step,
        versions=package_versions(*(["trl"] if settings.estimator is Estimator.sampled else [])),
        hashes=_hashes(run, distilled),
        command=settings.command(run.out),
    )


def _conditions(run: _Run, training: KnownImages) -> Conditions:
    settings, loaded = run.settings, run.judge.model
    evaluated = set(run.paintings.hashes)
    return Conditions(
        simulated_because=run.simulated_because,
        induced_bias=induced_bias(loaded),
        model=settings.model,
        model_name=tiny_judge_name(loaded) or Path(settings.model).name,
        parameters=parameter_count(loaded),
        training_category=run.category,
        training_images=len(training),
        training_folder=str(settings.training_folder(run.category) or ""),
        also_evaluated=len(evaluated.intersection(training)),
        estimator=settings.estimator.value,
        options=run.trainer_options(len(training)),
        seed=settings.seed,
        taught_on_stand_in=tiny_judge_name(loaded) is not None,
    )


def _hashes(run: _Run, distilled: Distilled) -> dict[str, str]:
    return {
        **{f"annotations: {name}": digest for name, digest in run.source.identity.items()},
        f"dataset: {RELEASE_FILE}": file_sha256(run.release.folder / RELEASE_FILE),
        "model": run.judge.revision,
        **{name: str(digest) for name, digest in distilled.config.hashes.items()},
        "scorer": model_revision(distilled.folder, None),
    }


def _where(out: Path, release: ReleaseTables, distilled: Distilled) -> list[str]:
    return [
        f"report       {out / 'report.md'}",
        f"plots        {out / 'plots'}",
        f"figures      {out / 'summary.json'}",
        f"dataset      {release.folder}",
        f"predictions  {out / 'predictions'}  (tables for ppaint evaluate --dataset {release.folder})",
        f"scorer       {distilled.folder}  (model card: README.md)",
        f"web page     ppaint demo --model {distilled.folder} --dataset {release.folder}",
    ]
