"""The whole release from nothing: stand-in, dataset, judgments, pools, pseudo-scores, distillation, measurement."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..dataset_script.build import build_dataset
from ..dataset_script.release import ReleaseTables, read_release
from ..dataset_script.stand_in.simulate import CATEGORIES, DIMENSIONS, PAINTINGS_A_CATEGORY, simulate
from ..foundation.faults import Fault, InputFault
from ..foundation.progress_type import Progress
from ..foundation.run_folder import claim_folder
from ..images.contact_sheet import contact_sheet
from ..images.image_folder import open_folder
from ..model_card.card import INDUCED_BIAS
from ..model_card.judge import Judge
from ..model_card.readout import moments
from ..model_card.scorer import AestheticScorer
from ..trainer.code_version import package_versions
from ..trainer.distillation import distil
from ..trainer.distillation_job import CardText, Distillation
from ..trainer.judgments.judging import Judging
from ..trainer.judgments.judgment_store import JudgmentStore
from ..trainer.pseudo_scores.labelled_set import PseudoLabels, compute_features, pseudo_label_images
from ..trainer.pseudo_scores.pseudo_labels import PoolSelfCheck, check_members, rate_images
from ..trainer.pseudo_scores.reference_pool import build_pool
from ..trainer.scorer_folder import Distilled, rewrite_card
from ..trainer.tiny_judge import WEIGHTS, training_settings
from .own_images import write_json
from .paintings import ReleasePaintings, read_paintings
from .plots import plot_before_after, plot_pool, plot_training
from .release_figures import EvaluatedCategory, measure, reference_lines


@dataclass(frozen=True)
class WholeRelease:
    """Settings of a run on the stand-in; see ``ppaint quickstart --help``."""

    model: str
    seed: int
    train_category: str
    unlabelled: int
    steps: int
    batch_size: int
    paintings: int = PAINTINGS_A_CATEGORY


def run_whole_release(settings: WholeRelease, out: Path, report: Progress, *, data: Path | None = None) -> list:
    """Run everything, or resume a killed run.

    Parameters
    ----------
    settings : WholeRelease
    out : Path
    report : callable
        ``report(what, done, total)``.
    data : Path, optional
        The folder of another run of the same seed, whose stand-in, dataset and reference lines are used; ``out`` itself
        by default.

    Returns
    -------
    list
        What to show the user, in order.

    Raises
    ------
    InputFault
        If the category is unknown, or the folder holds another run.
    """
    if settings.train_category not in CATEGORIES:
        what = f"there is no category {settings.train_category!r} in the stand-in"
        raise InputFault(Fault("--train-category", "", what, f"give one of {', '.join(CATEGORIES)}"))
    started = time.time()
    judge = Judge.from_pretrained(settings.model, dimensions=DIMENSIONS, batch_size=settings.batch_size)
    claim_folder(out, asdict(settings) | {"kind": "whole release"})
    data = data or out
    release = make_dataset(settings, data, report)
    labels = label_training_category(settings, judge, data, out, report)
    card = CardText(
        title="A scorer distilled from the tiny judge, on the simulated stand-in",
        simulated=release.simulated,
        headline=release.headline,
    )
    options = training_settings(settings.model) | {"max_steps": settings.steps}
    distilled = distil(
        Distillation(settings.model, judge, labels, out, card, seed=settings.seed, options=options), report
    )
    paintings = read_paintings(data / "ppaint", release.categories)
    judged = {
        name: evaluate_category(settings, name, judge, labels, paintings, data, out, report)
        for name in release.categories
    }
    after = score_paintings(distilled, paintings, report)
    lines = reference_lines(release, data / "reference", report)
    figures = measure(release, paintings, judged, after, lines, settings.train_category)
    rewrite_card(distilled, card, figures.markdown())
    _draw(settings, release, paintings, judged, labels, distilled, after, out)
    note = "Simulated: painted scrolls and simulated experts; no result about paintings, and none of it the paper's."
    if Path(settings.model) == WEIGHTS:
        note = f"{INDUCED_BIAS} {note}"
    summary = figures.summary() | {
        "training_category": settings.train_category,
        "seed": settings.seed,
        "kept_step": distilled.kept_step,
        "pool_self_check": {name: _slopes(judged[name].check) for name in judged},
        "elapsed_s": round(time.time() - started, 1),
        "versions": package_versions(),
        "hashes": dict(distilled.config.hashes),
        "simulated": True,
        "note": note,
    }
    write_json(out / "summary.json", summary)
    return [
        figures.rich_table(),
        note,
        f"dataset   {data / 'ppaint'}",
        f"scorer    {distilled.folder}  (model card: README.md)",
        f"plots     {out / 'plots'}",
        f"summary   {out / 'summary.json'}",
        f"web page  ppaint demo --model {distilled.folder} --dataset {data / 'ppaint'}",
    ]


def make_dataset(settings: WholeRelease, data: Path, report: Progress) -> ReleaseTables:
    """Paint and build, each whole or not at all, so that what is there is done."""
    if not (data / "raw").exists():
        simulate(data / "raw", settings.seed, settings.unlabelled, report, paintings=settings.paintings)
    if not (data / "ppaint").exists():
        build_dataset(data / "raw", data / "ppaint", report, processes=2)
    return read_release(data / "ppaint")


def _unlabelled(data: Path, category: str, report: Progress):
    return open_folder(data / "raw-unlabelled" / category, report, f"opening {category} (unlabelled)")


def label_training_category(
    settings: WholeRelease, judge: Judge, data: Path, out: Path, report: Progress
) -> PseudoLabels:
    """The training category's unlabelled scrolls, judged among themselves."""
    name = settings.train_category
    scrolls = _unlabelled(data, name, report)
    return pseudo_label_images(judge, scrolls, out / "label_free", report, what=f"{name} scrolls", seed=settings.seed)


def evaluate_category(
    settings: WholeRelease,
    name: str,
    judge: Judge,
    labels: PseudoLabels,
    paintings: ReleasePaintings,
    data: Path,
    out: Path,
    report: Progress,
) -> EvaluatedCategory:
    """Rate a category's paintings against a pool of its own unlabelled scrolls, and as the judge alone rates them."""
    images = paintings.of(name)
    features = compute_features(judge, images, report, f"vision features, {name}")
    hashes = [image.sha256 for image in images]
    folder = out / "evaluation" / name
    with JudgmentStore(folder / "judgments", judge.fingerprint, judge.dimensions, parts=judge.parts) as store:
        if name == settings.train_category:
            pool, check, known = labels.pool, labels.check, dict(labels.features)
        else:
            scrolls = _unlabelled(data, name, report)
            known = compute_features(judge, scrolls, report, f"vision features, {name} scrolls")
        judging = Judging(
            store,
            judge,
            features | known,
            on_batch=lambda done, total: report(f"judging {name} paintings", done, total),
        )
        if name != settings.train_category:
            pool = build_pool(judging, list(known), seed=settings.seed)
            pool.save(folder / "pool")
            check = check_members(judging, pool, seed=settings.seed)
        scores = rate_images(judging, pool, hashes, seed=settings.seed, stop_without_signal=False)
        scores.save(folder / "pseudo_scores")
        pointwise, _ = moments(judging.rate(hashes))
    place = {image: i for i, image in enumerate(scores.images)}
    return EvaluatedCategory(pool, check, scores.elo[[place[image] for image in hashes]], pointwise)


def score_paintings(distilled: Distilled, paintings: ReleasePaintings, report: Progress) -> np.ndarray:
    """The distilled scorer's scores of all paintings, from its folder, as a user would get them; shape (n, D)."""
    scorer = AestheticScorer.from_pretrained(distilled.folder)
    done = 0

    def told(n: int) -> None:
        nonlocal done
        done += n
        report("scoring paintings", done, len(paintings.images))

    return scorer.score(paintings.images, on_batch=told).mean


def _slopes(check: PoolSelfCheck) -> dict[str, dict | None]:
    """Slope, tolerance and verdict of the pool's self-check, by dimension."""
    return {
        name: None
        if one is None
        else {"slope": round(one.slope, 4), "tolerance": round(one.tolerance, 4), "passed": bool(one.passed)}
        for name, one in zip(check.dimensions, check.checks, strict=True)
    }


def _draw(
    settings: WholeRelease,
    release: ReleaseTables,
    paintings: ReleasePaintings,
    judged: dict[str, EvaluatedCategory],
    labels: PseudoLabels,
    distilled: Distilled,
    after: np.ndarray,
    out: Path,
) -> None:
    """Scores before and after, pool, training curve, contact sheet."""
    folder = out / "plots"
    folder.mkdir(exist_ok=True)
    k = release.dimensions.index(release.headline)
    names = np.array(paintings.categories)
    fused = release.references()[:, k]
    by_category = {name: names == name for name in release.categories}
    before = {name: judged[name].pointwise[:, k] for name in release.categories}
    later = {name: after[mask, k] for name, mask in by_category.items()}
    truth = {name: fused[mask] for name, mask in by_category.items()}
    plot_before_after(
        folder / "before_after.png",
        truth,
        before,
        later,
        dimension=release.headline,
        training_category=settings.train_category,
        simulated=release.simulated,
    )
    pool = labels.pool
    title = f"Elo reference pool, {settings.train_category.replace('_', ' ')}"
    plot_pool(folder / "pool.png", pool.elo, pool.elo_se, pool.dimensions, title=title, simulated=release.simulated)
    plot_training(
        folder / "training.png", distilled.history, kept_step=distilled.kept_step, simulated=release.simulated
    )
    shown = next(name for name in release.categories if name != settings.train_category)
    images, scores = paintings.of(shown), later[shown]
    order = np.argsort(-scores)
    contact_sheet(
        (images[i].image for i in order),
        (f"{scores[i]:.2f} (fused {truth[shown][i]:.1f})\n{images[i].name}" for i in order),
        folder / "contact_sheet.png",
        title=f"{shown.replace('_', ' ')} (never trained on), in order of {release.headline}; simulated scrolls",
    )
