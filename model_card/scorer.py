"""The single-pass scorer: all dimensions of an image from one forward pass, and whether it is out of distribution."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..foundation.faults import Fault, InputFault
from ..foundation.worker_server import START_METHOD
from ..images.image_source import ImageSource, look_at_all
from ..images.opening import OpenedImage
from .asking import way_of_asking
from .compiled import compile_layers
from .exported_adapter import load_adapter
from .features import VisionFeatures
from .image_stream import TakenImage, images_ahead
from .in_flight import read_behind
from .loading import load_model
from .memory import attempt, in_shrinking_batches, rows_that_fit
from .moments import moments
from .out_of_distribution import DistanceMeasure
from .readout import ScoreReadout
from .resized import resized
from .score_table import ScoreTable
from .scorer_config import ScorerConfig, commit_of, find_file

DEFAULT_BATCH = 16


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
class ScoredBatch:
    """A batch that was scored.

    Parameters
    ----------
    images : tuple of TakenImage
        What became of each source. Their pixels are not kept.
    table : ScoreTable
        Of those that could be opened, in their order.
    """

    images: tuple[TakenImage, ...]
    table: ScoreTable


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
    """A distilled vision-language model that scores an image in every dimension; a Qwen3-VL does so in one pass.

    Parameters
    ----------
    model
        Of ``AutoModelForImageTextToText``.
    processor
        The model's own.
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
        self.asking = way_of_asking(model, processor)
        self._readout = ScoreReadout(processor, config.prompt_set(), self.dimensions, self.asking)

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
            A folder with ``scorer_config.json`` and a checkpoint, or adapters for one; or such a repo.
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
        self,
        images: Sequence,
        *,
        batch_size: int | str = DEFAULT_BATCH,
        on_batch: Callable[[int], None] | None = None,
        workers: int = 0,
    ) -> ScoreTable:
        """Score images; the same image gives the same score, alone or in a batch, to 1e-4 in float32.

        The headers of all are read first; each image is opened when its batch comes, and let go.

        Parameters
        ----------
        images : sequence, or one image
            Paths, bytes, PIL images or opened images, n of them.
        batch_size : int or "auto"
            Images per forward pass, those of like length together; halved, with a warning, where they do not fit into memory.
            ``"auto"`` measures on a GPU how many fit; on a CPU it is 16.
        on_batch : callable, optional
            Called with the number of images done in each batch.
        workers : int
            Processes that open files ahead of the model (see ``model_card/image_stream.py``); a script that asks for some needs a
            ``__main__`` guard. The scores are the same, bit for bit.

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
        sources = look_at_all(images, lambda place: _name_given(images[place], place))
        size = self.rows_per_pass(batch_size, sources)
        batches = self.batches(sources, size)
        parts, faults = [], []
        stream = self.score_batches(
            ([sources[at] for at in batch] for batch in batches), batch_size=size, workers=workers, on_pass=on_batch
        )
        for scored in stream:
            faults += [fault for taken in scored.images if taken.fault is not None for fault in taken.fault.faults]
            parts.append(scored.table)
        if faults:
            raise InputFault(faults)
        if not parts:
            return self._table((), Reading.join([], len(self.dimensions)))
        order = [place for batch in batches for place in batch]
        return ScoreTable.join(parts).take(np.argsort(order))

    def score_batches(
        self,
        batches: Iterable[Sequence[ImageSource]],
        *,
        batch_size: int,
        workers: int = 0,
        start_method: str = START_METHOD,
        on_pass: Callable[[int], None] | None = None,
    ) -> Iterator[ScoredBatch]:
        """Score batches as they come; the images of a few are held at a time.

        Parameters
        ----------
        batches : iterable of sequence of ImageSource
            At least one in each; taken from lazily.
        batch_size : int
            Most images per forward pass; less, with a warning, once that many did not fit into memory.
        workers, start_method
            As for ``images_ahead``.
        on_pass : callable, optional
            Called with the number of images done in each pass, and with that of the images that cannot be opened.

        Yields
        ------
        ScoredBatch
            One for each batch, in order; an image that cannot be opened is left out of its table, and has its fault.

        Raises
        ------
        InputFault
            If the model gives no finite answer for an image, or a worker dies. One of the batches' own comes when all before it
            are scored.
        """
        lengths: deque[int] = deque()
        ended_by: list[InputFault] = []
        taken = images_ahead(
            _one_by_one(batches, lengths, ended_by),
            self.asking.resizes_with,
            workers=workers,
            start_method=start_method,
        )
        most = batch_size

        def remember(size: int) -> None:
            nonlocal most
            most = size

        def launched() -> Iterator[Launched | list[TakenImage]]:
            for batch in _in_batches(taken, lengths):
                images = [one.image for one in batch if one.image is not None]
                yield from in_shrinking_batches(images, most, self._launch_images, on_shrink=remember)
                yield batch  # the end of this batch

        tell = on_pass or (lambda _count: None)
        tables: list[ScoreTable] = []
        for one in read_behind(launched(), self._read_launched):
            if isinstance(one, ScoreTable):
                tables.append(one)
                tell(len(one.names))
            else:
                if broken := sum(taken.fault is not None for taken in one):
                    tell(broken)
                none = self._table((), Reading.join([], len(self.dimensions)))
                yield ScoredBatch(
                    tuple(replace(taken, image=None) for taken in one), ScoreTable.join(tables) if tables else none
                )
                tables = []
        if ended_by:
            raise ended_by[0]

    def _launch_images(self, chunk: Sequence[OpenedImage]) -> Launched:
        features = self.asking.features(chunk, batch_size=len(chunk))
        return self._launch(features, [image.name for image in chunk])

    def _read_launched(self, one: Launched | list[TakenImage]) -> ScoreTable | list[TakenImage]:
        return self._table(one.names, self._read(one)) if isinstance(one, Launched) else one

    def by_length(self, images: Sequence[OpenedImage | ImageSource]) -> list[int]:
        """In which order `score` takes images: the shortest first, those of one length as they are given.

        Parameters
        ----------
        images : sequence of OpenedImage or ImageSource, length n

        Returns
        -------
        list of int, length n
            Places among the images.
        """
        return sorted(range(len(images)), key=lambda i: self._patches(images[i]))

    def batches(self, images: Sequence[OpenedImage | ImageSource], batch_size: int = DEFAULT_BATCH) -> list[list[int]]:
        """The images of each forward pass of `score`, where memory lasts.

        Whoever has to score a batch at a time (another's turn may come between) and cuts here gets, of `ScoreTable.join` and
        `ScoreTable.take`, what one call for all images gives, bit for bit.

        Parameters
        ----------
        images : sequence of OpenedImage or ImageSource
        batch_size : int

        Returns
        -------
        list of list of int
            Places among the images.
        """
        order = self.by_length(images)
        return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]

    def rows_per_pass(self, batch_size: int | str, images: Sequence[ImageSource]) -> int:
        """Images per pass: as asked, or as many as the longest of them shows to fit.

        Parameters
        ----------
        batch_size : int or "auto"
        images : sequence of ImageSource

        Returns
        -------
        int
        """
        if batch_size != "auto":
            return int(batch_size)
        if self.model.device.type != "cuda" or not images:
            return DEFAULT_BATCH
        longest = [resized(self.asking.resizes_with, max(images, key=self._patches).open())]
        device = self.model.device
        return attempt(lambda one: rows_that_fit(lambda: self._launch_images(one), device), longest)[1]

    def _table(self, names: Sequence[str], reading: Reading) -> ScoreTable:
        """What a reading means, on the scorer's scale."""
        slope = np.array([self._slope(d) for d in self.dimensions])
        zero = np.array([self.config.calibrate(d, 0.0) for d in self.dimensions])
        mean, sd = reading.mean * slope + zero, reading.sd * slope
        return ScoreTable(tuple(names), self.dimensions, mean, sd, reading.mass, self._distance(reading.states))

    def _patches(self, image: OpenedImage | ImageSource) -> int:
        """What an image will be cut into; its length in a pass goes with it."""
        size = image.size if isinstance(image, ImageSource) else image.image.size
        width, height = size or (0, 0)
        return self.asking.length(width, height)

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
        logits, states = self.asking.logits_and_states(self.model, self._readout.questionnaire, features)
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


def _name_given(image, place: int) -> str | None:
    """The name of an image that has none of its own; None for one that is called by its file."""
    named = isinstance(image, str | Path) or getattr(image, "filename", "") or getattr(image, "name", "")
    return None if named else f"image {place + 1}"


def _one_by_one(
    batches: Iterable[Sequence[ImageSource]], lengths: deque[int], ended_by: list[InputFault]
) -> Iterator[ImageSource]:
    """The images of batches, while their numbers of images are put down, and what ends them too early."""
    try:
        for batch in batches:
            lengths.append(len(batch))
            yield from batch
    except InputFault as fault:
        ended_by.append(fault)


def _in_batches(taken: Iterable[TakenImage], lengths: deque[int]) -> Iterator[list[TakenImage]]:
    """The batches again, each when its last image is there."""
    batch: list[TakenImage] = []
    for one in taken:
        batch.append(one)
        if len(batch) == lengths[0]:
            yield batch
            batch = []
            lengths.popleft()


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
