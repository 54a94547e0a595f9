"""The single-pass scorer: all dimensions of an image from one forward pass, and whether it is out of distribution."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..foundation.faults import Fault, InputFault
from ..foundation.table_text import LineEnds
from ..images.opening import OpenedImage, open_image
from .compiled import compile_layers
from .exported_adapter import load_adapter
from .features import VisionFeatures, vision_features
from .in_flight import read_behind
from .loading import load_model
from .memory import attempt, in_shrinking_batches, rows_that_fit
from .one_pass import logits_and_states
from .out_of_distribution import DistanceMeasure
from .readout import ScoreReadout, moments
from .scorer_config import ScorerConfig, commit_of, find_file

DEFAULT_BATCH = 16


@dataclass(frozen=True)
class ScoreTable:
    """Scores of images.

    Parameters
    ----------
    names : tuple of str
        One an image, n in all.
    dimensions : tuple of str
        D in all.
    mean : ndarray, shape (n, D)
        Score: the expectation over the score tokens, on the scorer's calibrated scale.
    sd : ndarray, shape (n, D)
        Standard deviation of the score tokens' distribution, on the same scale.
    mass : ndarray, shape (n, D)
        Probability that the model gave to the ten score tokens together.
    distance : ndarray, shape (n,), or None
        How unlike the training images an image is: its distance over the scorer's threshold. None where the scorer was
        made without a measure of it.
    """

    names: tuple[str, ...]
    dimensions: tuple[str, ...]
    mean: np.ndarray
    sd: np.ndarray
    mass: np.ndarray
    distance: np.ndarray | None = None

    @property
    def out_of_distribution(self) -> np.ndarray | None:
        """Whether each image is out of distribution (distance above 1), shape (n,); None where it is not known."""
        return None if self.distance is None else self.distance > 1

    @classmethod
    def join(cls, parts: Sequence[ScoreTable]) -> ScoreTable:
        """The tables of several calls of one scorer as one; at least one.

        Examples
        --------
        >>> a, b = (ScoreTable((name,), ("overall",), *[np.array([[5.0]])] * 3) for name in "ab")
        >>> ScoreTable.join([b, a]).take([1, 0]).names
        ('a', 'b')
        """
        first, *others = parts
        if not others:
            return first
        mean, sd, mass = (np.concatenate([getattr(part, name) for part in parts]) for name in ("mean", "sd", "mass"))
        distance = None if first.distance is None else np.concatenate([part.distance for part in parts])
        return cls(tuple(name for part in parts for name in part.names), first.dimensions, mean, sd, mass, distance)

    def take(self, places: Sequence[int]) -> ScoreTable:
        """The images at these places, in this order."""
        at = np.asarray(places, dtype=np.intp)
        distance = None if self.distance is None else self.distance[at]
        names = tuple(self.names[place] for place in at)
        return ScoreTable(names, self.dimensions, self.mean[at], self.sd[at], self.mass[at], distance)

    def rows(self) -> list[dict]:
        """One flat dictionary per image: ``name``, each dimension and ``<dimension>_sd``, ``distance``, ``out_of_distribution``.

        The last two are None where they are not known. (A dimension that is itself called ``distance`` keeps its name; the
        distance then stands under ``training_distance``.)

        Examples
        --------
        >>> one = np.array([[5.0]])
        >>> ScoreTable(("a.png",), ("overall",), one, one / 5, one / 5, np.array([1.5])).rows()
        [{'name': 'a.png', 'overall': 5.0, 'overall_sd': 1.0, 'distance': 1.5, 'out_of_distribution': True}]
        """
        distance_name = "training_distance" if "distance" in self.dimensions else "distance"
        table = []
        for i, name in enumerate(self.names):
            row: dict = {"name": name}
            for k, dimension in enumerate(self.dimensions):
                row[dimension] = float(self.mean[i, k])
                row[f"{dimension}_sd"] = float(self.sd[i, k])
            row[distance_name] = None if self.distance is None else float(self.distance[i])
            row["out_of_distribution"] = None if self.distance is None else bool(self.distance[i] > 1)
            table.append(row)
        return table

    def to_csv(self) -> str:
        """The rows as CSV text with a heading; an empty field where something is not known.

        Examples
        --------
        >>> one = np.array([[5.0]])
        >>> print(ScoreTable(("a.png",), ("overall",), one, one / 5, one).to_csv(), end="")
        name,overall,overall_sd,distance,out_of_distribution
        a.png,5.0,1.0,,
        """
        out = io.StringIO()
        rows = self.rows()
        names = [*rows[0]] if rows else ["name"]
        writer = csv.DictWriter(LineEnds(out), names, lineterminator="\r\n")  # pandas cannot hold every file's name
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()


@dataclass(frozen=True)
class Reading:
    """What one pass says of n images, before calibration.

    Parameters
    ----------
    mean, sd : ndarray, shape (n, D)
        Of the score tokens' values, 0 to 9.
    mass : ndarray, shape (n, D)
    states : ndarray, shape (n, H)
        The language model's state of each image, see ``logits_and_states``.
    """

    mean: np.ndarray
    sd: np.ndarray
    mass: np.ndarray
    states: np.ndarray

    @classmethod
    def join(cls, parts: Sequence[Reading], n_dimensions: int) -> Reading:
        """The readings of all batches as one."""
        if not parts:
            none = np.zeros((0, n_dimensions))
            return cls(none, none, none, np.zeros((0, 0)))
        fields = ("mean", "sd", "mass", "states")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


@dataclass(frozen=True)
class Launched:
    """A pass that was started: its tensors are on the model's device, and on a GPU may not be finished.

    Parameters
    ----------
    names : tuple of str, length n
        Of the images.
    log_probabilities : Tensor, shape (n, D, 10)
    mass : Tensor, shape (n, D)
    states : Tensor, shape (n, H)
    """

    names: tuple[str, ...]
    log_probabilities: torch.Tensor
    mass: torch.Tensor
    states: torch.Tensor


class AestheticScorer:
    """A distilled Qwen3-VL that scores an image in every dimension in one pass.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    processor : Qwen3VLProcessor
    config : ScorerConfig
    measure : DistanceMeasure, optional
        Measures whether an image is out of distribution.
    commit : str, optional
        Of the repo that it was loaded from.
    """

    def __init__(
        self,
        model,
        processor,
        config: ScorerConfig,
        measure: DistanceMeasure | None = None,
        *,
        commit: str | None = None,
    ) -> None:
        self.model = model
        self.processor = processor
        self.config = config
        self.measure = measure
        self.commit = commit
        self.dimensions = tuple(config.dimensions)
        self._readout = ScoreReadout(processor, config.prompt_set(), self.dimensions)

    @classmethod
    def from_pretrained(
        cls,
        path_or_repo: str | Path,
        *,
        revision: str | None = None,
        base: str | Path | None = None,
        device=None,
        dtype: torch.dtype | None = None,
        compiled: bool = False,
    ) -> AestheticScorer:
        """Load a scorer from a folder or a repo.

        Parameters
        ----------
        path_or_repo : str or Path
            A folder with ``scorer_config.json`` and a Qwen3-VL checkpoint, or adapters for one; or such a repo.
        revision : str, optional
            A branch, tag or commit of the repo; its newest state by default. It is resolved to a commit once, which is
            ``commit`` of the scorer, and every file is of that commit.
        base : str or Path, optional
            For adapters: the base model's folder, where the repo that the scorer names is out of reach.
        device : optional
            A GPU where there is one, by default.
        dtype : torch.dtype, optional
            bfloat16 on a GPU, float32 on a CPU, by default.
        compiled : bool
            Compile the language model's layers (``compile_layers``): worth its warm-up on a GPU, for thousands of images.

        Raises
        ------
        InputFault
            If the folder is not a scorer, there is no such repo or revision, its adapters' base cannot be reached or is another one, or the layers cannot be
            compiled here.
        """
        commit = commit_of(path_or_repo, revision)
        config = ScorerConfig.load(path_or_repo, revision=commit)
        entry, measure = config.out_of_distribution, None
        if entry is not None:
            measure = DistanceMeasure.load(find_file(path_or_repo, entry.file, revision=commit), entry)
        where = {"device": device, "dtype": dtype, "revision": commit}
        if config.form == "adapter":
            model, processor = load_adapter(path_or_repo, config, base=base, **where)
        elif base is not None:
            what = "a base was given, but this scorer is a whole checkpoint"
            raise InputFault(Fault(str(path_or_repo), "base", what, "leave the base out"))
        else:
            model, processor = load_model(path_or_repo, **where)
        if compiled:
            compile_layers(model)
        return cls(model, processor, config, measure, commit=commit)

    def score(
        self, images: Sequence, *, batch_size: int | str = DEFAULT_BATCH, on_batch: Callable[[int], None] | None = None
    ) -> ScoreTable:
        """Score images; the same image gives the same score, alone or in a batch, to 1e-4 in float32.

        Parameters
        ----------
        images : sequence, or one image
            Paths, bytes, PIL images or opened images, n of them.
        batch_size : int or "auto"
            Images per forward pass, those of like length together; halved, with a warning, where they do not fit into memory.
            ``"auto"`` measures on a GPU how many fit; on a CPU it is 16.
        on_batch : callable, optional
            Called with the number of images done in each batch.

        Returns
        -------
        ScoreTable

        Raises
        ------
        InputFault
            If an image cannot be opened, or the model gives no finite answer for it; it names the image.
        """
        if isinstance(images, str | Path | bytes | Image.Image | OpenedImage):
            images = [images]
        opened = [_opened(image, f"image {i + 1}") for i, image in enumerate(images)]
        order = self.by_length(opened)
        by_length = [opened[i] for i in order]

        def launch(chunk: Sequence[OpenedImage]) -> Launched:
            features = vision_features(self.model, self.processor, chunk, batch_size=len(chunk))
            return self._launch(features, [image.name for image in chunk])

        def read(launched: Launched) -> ScoreTable:
            table = self._table(launched.names, self._read(launched))
            if on_batch is not None:
                on_batch(len(launched.names))
            return table

        size = self._rows(batch_size, by_length[-1:], launch)
        parts = list(read_behind(in_shrinking_batches(by_length, size, launch), read))
        if not parts:
            return self._table((), Reading.join([], len(self.dimensions)))
        return ScoreTable.join(parts).take(np.argsort(order))

    def by_length(self, images: Sequence[OpenedImage]) -> list[int]:
        """In which order `score` takes images: the shortest first, those of one length as they are given.

        Parameters
        ----------
        images : sequence of OpenedImage, length n

        Returns
        -------
        list of int, length n
            Places among the images.
        """
        return sorted(range(len(images)), key=lambda i: self._patches(images[i]))

    def batches(self, images: Sequence[OpenedImage], batch_size: int = DEFAULT_BATCH) -> list[list[int]]:
        """The images of each forward pass of `score`, where memory lasts.

        Whoever has to score a batch at a time (another's turn may come between) and cuts here gets, of `ScoreTable.join` and
        `ScoreTable.take`, what one call for all images gives, bit for bit.

        Parameters
        ----------
        images : sequence of OpenedImage
        batch_size : int

        Returns
        -------
        list of list of int
            Places among the images.
        """
        order = self.by_length(images)
        return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]

    def _table(self, names: Sequence[str], reading: Reading) -> ScoreTable:
        """What a reading means, on the scorer's scale."""
        slope = np.array([self._slope(d) for d in self.dimensions])
        zero = np.array([self.config.calibrate(d, 0.0) for d in self.dimensions])
        mean, sd = reading.mean * slope + zero, reading.sd * slope
        return ScoreTable(tuple(names), self.dimensions, mean, sd, reading.mass, self._distance(reading.states))

    def _patches(self, image: OpenedImage) -> int:
        """What an image will be cut into; its length in a pass goes with it."""
        width, height = image.image.size
        return self.processor.image_processor.get_number_of_image_patches(height, width)

    def _rows(self, batch_size: int | str, longest: Sequence[OpenedImage], launch: Callable) -> int:
        """Images per pass: as asked, or as many as the longest shows to fit."""
        if batch_size != "auto":
            return int(batch_size)
        if self.model.device.type != "cuda" or not longest:
            return DEFAULT_BATCH
        return attempt(lambda one: rows_that_fit(lambda: launch(one), self.model.device), longest)[1]

    def read(self, features: Sequence[VisionFeatures], *, batch_size: int = 32, abstentions: bool = False) -> Reading:
        """What the pass says of images whose vision features are known already, without calibration.

        Parameters
        ----------
        features : sequence of VisionFeatures, length n
            By this model's vision tower.
        batch_size : int
        abstentions : bool
            Whether an answer that is not finite is left as NaN instead of refused.

        Returns
        -------
        Reading

        Raises
        ------
        InputFault
            If the model gives no finite answer for an image, and that is not allowed; it is named by its hash.
        """

        def launch(chunk: Sequence[VisionFeatures]) -> Launched:
            return self._launch(chunk, [f"the image with the pixel hash {one.sha256[:16]}" for one in chunk])

        def read(launched: Launched) -> Reading:
            return self._read(launched, abstentions)

        parts = read_behind(in_shrinking_batches(features, batch_size, launch), read)
        return Reading.join(list(parts), len(self.dimensions))

    @torch.inference_mode()
    def _launch(self, features: Sequence[VisionFeatures], names: Sequence[str]) -> Launched:
        logits, states = logits_and_states(self.model, self._readout.questionnaire, features)
        return Launched(tuple(names), *self._readout.of_logits(logits), states)

    def _read(self, launched: Launched, abstentions: bool = False) -> Reading:
        tensors = (launched.log_probabilities, launched.mass, launched.states)
        log_p, mass, states = (values.cpu().double().numpy() for values in tensors)
        if not abstentions:
            check_finite(log_p, launched.names, self.dimensions)
        mean, variance = moments(log_p)
        return Reading(mean, np.sqrt(variance), mass, states)

    def _distance(self, states: np.ndarray) -> np.ndarray | None:
        if self.measure is None:
            return None
        return self.measure.distance(states) if len(states) else np.zeros(0)

    def _slope(self, dimension: str) -> float:
        fit = self.config.calibration.get(dimension)
        return 1.0 if fit is None else fit.slope


def _opened(image, name: str) -> OpenedImage:
    """An image by its own name: that of its file, or the given one where it comes from no file."""
    if isinstance(image, OpenedImage):
        return image if image.name else replace(image, name=name)
    named = isinstance(image, str | Path) or getattr(image, "filename", "")
    return open_image(image, name=None if named else name)


def check_finite(log_probabilities: np.ndarray, names: Sequence[str], dimensions: Sequence[str]) -> None:
    """Refuse answers that are no numbers: they never become a score.

    Parameters
    ----------
    log_probabilities : ndarray, shape (n, D, 10)
    names, dimensions : sequence of str
        n and D of them.

    Raises
    ------
    InputFault
        It names every image and dimension.

    Examples
    --------
    >>> check_finite(np.full((1, 1, 10), np.nan), ["a.png"], ["overall"])
    Traceback (most recent call last):
        ...
    ppaint.foundation.faults.InputFault: a.png, overall: the model gave no finite answer for a.png in dimension overall. Fix: score it in float32, or get the model's files again: its weights may be damaged.
    """
    fix = "score it in float32, or get the model's files again: its weights may be damaged"
    bad = np.argwhere(~np.isfinite(log_probabilities).all(axis=-1))
    if len(bad):
        raise InputFault(
            Fault(
                names[i],
                dimensions[k],
                f"the model gave no finite answer for {names[i]} in dimension {dimensions[k]}",
                fix,
            )
            for i, k in bad
        )
