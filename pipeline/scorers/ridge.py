"""Ridge regression on the vision tower's features: what labels buy.

A category's scores come from the fused scores of the *other* categories, so no painting is predicted from its own labels,
nor from those of its panel. The penalty is chosen by leave-one-out errors on the other categories alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...images.opening import OpenedImage
from ...model_card.asking import way_of_asking
from ...model_card.features import settings_hash, vision_features
from ...model_card.loading import load_model
from ...trainer.tiny_judge.known_weights import simulated_because
from .loaded_model import commit_of_model, device_name, labels_behind, model_facts, weights_of
from .options import Options
from .protocol import Scored, Scorer, Surroundings

PENALTIES = np.logspace(
    -3, 5, 33
)  # times the mean square of a standardised feature's column, which is the rows' number
_FEWEST = 4  # labelled images to learn from


@dataclass(frozen=True)
class RidgeFit:
    """A fitted ridge of one dimension.

    Parameters
    ----------
    centre, scale : ndarray, shape (F,)
        Of the features of the training images.
    weights : ndarray, shape (F,)
    level : float
        What the training images' scores are on average.
    penalty : float
    at_bound : bool
        Whether the chosen penalty is the smallest or the largest that was tried.
    """

    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    level: float
    penalty: float
    at_bound: bool

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Scores of images with these features, shape (n,)."""
        return (features - self.centre) / self.scale @ self.weights + self.level


def fit_ridge(features: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> RidgeFit:
    """Ridge regression within groups, its penalty chosen by leave-one-out errors.

    Each group has its own level, which is not penalised: panels differ, so only differences within a category are learnt.
    The error of an image that was left out follows from the fit with it: its residual over 1 - its leverage.

    Parameters
    ----------
    features : ndarray, shape (n, F)
    scores : ndarray, shape (n,)
    groups : ndarray, shape (n,)
        The category of each.

    Returns
    -------
    RidgeFit

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, groups = rng.normal(size=(60, 5)), np.repeat(["a", "b"], 30)
    >>> fit = fit_ridge(x, x[:, 0] + 3 * (groups == "b") + rng.normal(size=60), groups)
    >>> int(fit.weights.argmax()), fit.at_bound
    (0, False)
    """
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    x, y = (features - centre) / scale, scores.astype(np.float64)
    own = np.empty(len(y))  # leverage of a group's own level
    for name in dict.fromkeys(groups.tolist()):
        inside = groups == name
        x[inside], y[inside] = x[inside] - x[inside].mean(axis=0), y[inside] - y[inside].mean()
        own[inside] = 1 / inside.sum()
    left, sizes, right = np.linalg.svd(x, full_matrices=False)
    along, penalties = left.T @ y, PENALTIES * len(y)
    errors = []
    for penalty in penalties:
        kept = sizes**2 / (sizes**2 + penalty)
        leverage = own + left**2 @ kept
        errors.append(np.mean(((y - left @ (kept * along)) / np.maximum(1 - leverage, 1e-9)) ** 2))
    best = int(np.argmin(errors))
    weights = right.T @ (sizes / (sizes**2 + penalties[best]) * along)
    at_bound = best in (0, len(penalties) - 1)
    return RidgeFit(centre, scale, weights, float(scores.mean()), float(penalties[best]), at_bound)


class RidgeScorer(Scorer):
    """Ridge on the mean of an image's visual tokens.

    Parameters
    ----------
    options : Options
        ``model``, ``revision``, ``references`` and ``dimensions``.

    Raises
    ------
    InputFault
        If there is nothing to learn from.
    """

    depends_on_others = True

    def __init__(self, options: Options) -> None:
        references = options.references
        if references is None:
            what = "ridge learns from scores, and none were given"
            raise InputFault(Fault("--scorer ridge", "", what, "give --dataset, or --references beside --images"))
        if len(references.categories) < 2:
            what = f"ridge learns from the other categories, and {references.name} has one alone"
            raise InputFault(Fault("--scorer ridge", "", what, "give a dataset with two categories or more"))
        self._references = references.only(options.dimensions) if options.dimensions else references
        self._labels = references.sha256
        self.dimensions = self._references.dimensions
        self._source = options.source()
        self._model, self._processor = load_model(self._source, revision=options.revision)
        self._asking = way_of_asking(self._model, self._processor)
        self.simulated = bool(simulated_because(self._source, self._model)) or references.simulated
        self._weights = weights_of(self._source, self._model)
        self._around: Surroundings | None = None
        self._notes: dict[str, None] = {}

    def get_ready(self, surroundings: Surroundings) -> None:
        """Features of all images, stored as they come."""
        self._around, paintings, answers = surroundings, surroundings.paintings, surroundings.answers
        places = paintings.different()
        missing = [place for place in places if answers.features(paintings.hashes[place]) is None]
        done = len(places) - len(missing)
        for few in paintings.images(missing).few_at_a_time():
            begun = time.perf_counter()
            features = self._pooled(few)
            answers.add_features([image.sha256 for image in few], features, time.perf_counter() - begun)
            done += len(few)
            surroundings.report("vision features", done, len(places))

    def for_category(self, category: str) -> Scorer:
        """The ridge that learnt from the other categories."""
        return _CategoryRidge(self, category)

    def learnt_without(self, category: str) -> list[RidgeFit]:
        """A fit per dimension, on the labelled images of all other categories."""
        references, paintings = self._references, self._around.paintings
        hashes = dict(zip(zip(paintings.categories, paintings.ids, strict=True), paintings.hashes, strict=True))
        rows = zip(references.table["category"], map(str, references.table["painting_id"]), strict=True)
        keys = np.array([hashes.get(key, "") for key in rows], dtype=object)
        groups = references.table["category"].to_numpy(dtype=object)
        own = {image for image, name in zip(keys, groups, strict=True) if name == category}
        usable = np.array([bool(image) and image not in own for image in keys]) & (groups != category)
        fits = []
        for column, dimension in enumerate(self.dimensions):
            scores = references.values[:, column]
            labelled = np.flatnonzero(usable & np.isfinite(scores))
            if len(labelled) < _FEWEST:
                what = f"{len(labelled)} labelled images of the other categories are too few to learn {dimension} for {category}"
                raise InputFault(Fault("--scorer ridge", "", what, f"give at least {_FEWEST}"))
            x = np.stack([self._around.answers.features(image) for image in keys[labelled]])
            fits.append(fit_ridge(x, scores[labelled], groups[labelled]))
            if fits[-1].at_bound:
                self._notes[f"{category}, {dimension}: the chosen penalty lies at the end of what was tried"] = None
        return fits

    def score(self, images: Sequence[OpenedImage]) -> Scored:
        """Not asked: a category's images are scored by `for_category`."""
        raise TypeError("a ridge learns without a category: take for_category(...)")

    def features_of(self, images: Sequence[OpenedImage]) -> np.ndarray:
        """Stored features, shape (n, F)."""
        return np.stack([self._around.answers.features(image.sha256) for image in images])

    def identity(self) -> dict[str, Any]:
        """Weights, image processor and labels."""
        return {
            "scorer": "ridge",
            "model": self._weights,
            "image processor": settings_hash(self._processor),
            "dimensions": list(self.dimensions),
            "reference scores": self._labels,
        }

    def about(self) -> dict[str, Any]:
        """Its model, and that PPaint's labels trained it."""
        around = self._around
        seconds = around.answers.feature_seconds / len(around.paintings.different()) if around else None
        commit = commit_of_model(self._model)
        facts = model_facts(self._source, self._model, commit)
        behind = labels_behind(self._source, self._model)
        learnt = "for each category, the reference scores of the other categories"
        return {
            "system": f"ridge on {self._source if facts['id'] else self._weights[:12]}",
            "kind": "baseline",
            "access": "open_weights",
            "model": facts,
            "base_model": {"id": facts["id"], "revision": facts["revision"]} if facts["id"] else None,
            "training": {
                "labels": behind["labels"],
                "ppaint": "labels_to_train",
                "categories": list(self._references.categories),
                "data": learnt if behind["labels"] == "none" else f"{learnt}; its features: {behind['data']}",
            },
            "teacher": {"id": None, "revision": None},
            "made_with": {"weights_sha256": self._weights, "prompt_sha256": None},
            "deterministic": True,
            "cost": {"passes_per_image": 1.0, "seconds_per_image": seconds, "device": device_name(self._model)},
        }

    def notes(self) -> tuple[str, ...]:
        """That labels were used, and penalties at the end of the grid."""
        return ("labels were used: each category is predicted from the reference scores of the others", *self._notes)

    def _pooled(self, images: Sequence[OpenedImage]) -> np.ndarray:
        """The mean over an image's visual tokens, shape (n, F)."""
        if not self._asking.packed:
            return self._asking.pooled(images).cpu().numpy()
        found = vision_features(self._model, self._processor, images, batch_size=len(images))
        return np.stack([one.tokens.float().mean(dim=0).cpu().numpy() for one in found])


class _CategoryRidge(Scorer):
    """The ridge of one category; it learns when it is first asked."""

    depends_on_others = True

    def __init__(self, ridge: RidgeScorer, category: str) -> None:
        self._ridge, self._category = ridge, category
        self.dimensions, self.simulated = ridge.dimensions, ridge.simulated
        self._fits: list[RidgeFit] = []

    def score(self, images: Sequence[OpenedImage]) -> Scored:
        self._fits = self._fits or self._ridge.learnt_without(self._category)
        features = self._ridge.features_of(images)
        return Scored.of(np.stack([fit.predict(features) for fit in self._fits], axis=1))

    def identity(self) -> dict[str, Any]:
        return self._ridge.identity()

    def about(self) -> dict[str, Any]:
        return self._ridge.about()
