"""A vision-language model as a judge: which of two images is better, and how it rates one."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from .asking import way_of_asking
from .compiled import compile_layers, is_compiled
from .dimension_names import checked_dimensions
from .features import VisionFeatures, processor_hash, settings_hash
from .fingerprint import fingerprint
from .in_flight import onto, read_behind
from .loading import load_model, model_revision
from .memory import attempt, in_shrinking_batches, rows_that_fit
from .prompts import Prompts, answer_tokens
from .readout import ScoreReadout
from .side_by_side import passes_at_once

DEFAULT_BATCH = 32


class Judge:
    """Pairwise judgments and pointwise ratings of a vision-language model, read from next-token logits.

    Parameters
    ----------
    model
        Of ``AutoModelForImageTextToText``.
    processor
        The model's own.
    dimensions : sequence of str
        The dimensions that are asked about, D of them.
    prompts : Prompts, optional
        The wording.
    revision : str
        What the weights are; part of the fingerprint under which judgments are stored.
    batch_size : int or "auto"
        Ordered pairs (or images) per forward pass. ``"auto"`` measures on a GPU, once ``features`` knows the longest image,
        how many fit; on a CPU it is 32.

    Attributes
    ----------
    fingerprint : str
        Hash of all that its answers depend on, besides the images.
    parts : dict of str to str
        What the fingerprint was taken of, by name, the chat template as its hash.
    asking : Asking
        How the model is asked: all questions about a row of images in one pass, or by its own processor.
    pair_questionnaire, rating_questionnaire
        The questions about two images, and about one, as ``asking`` takes them.

    Raises
    ------
    InputFault
        If a dimension has no name or is given twice; if an answer is not a single token of the model's vocabulary; if the chat
        template drops images (or, where all questions share a pass, does not put them before the question); if the processor takes
        no two images.
    """

    def __init__(
        self,
        model,
        processor,
        dimensions: Sequence[str],
        *,
        prompts: Prompts | None = None,
        revision: str = "unsaved",
        batch_size: int | str = DEFAULT_BATCH,
    ) -> None:
        self.model = model
        self.processor = processor
        self.dimensions = checked_dimensions(dimensions)
        self.prompts = prompts or Prompts()
        self._to_measure = batch_size == "auto" and model.device.type == "cuda"
        self.batch_size = DEFAULT_BATCH if batch_size == "auto" else int(batch_size)
        self._ratings_that_fit = sys.maxsize  # less once a batch of ratings ran out of memory
        self.revision = revision
        self.asking = way_of_asking(model, processor)
        self._spent_before: Counter[str] = Counter()
        questions = [self.prompts.compare_question(d) for d in self.dimensions]
        self.pair_questionnaire = self.asking.questions(questions, n_images=2)
        names = (self.prompts.first, self.prompts.second)
        self._answers = torch.tensor(answer_tokens(processor.tokenizer, names))
        self._scores = ScoreReadout(processor, self.prompts, self.dimensions, self.asking)
        self.rating_questionnaire = self._scores.questionnaire
        self.parts = {
            "revision": revision,
            "processor": settings_hash(processor),
            "chat_template": str(processor.chat_template),
            "prompts": self.prompts.sha256(),
            "dimensions": "\n".join(self.dimensions),
            "dtype": str(next(model.parameters()).dtype),
        }
        if not self.asking.packed:
            self.parts |= {"asked": self.asking.manner, "prompts_made_by": processor_hash(processor)}
        compiled = self.parts | {"layers": "compiled"}
        self._own = (fingerprint(**self.parts), fingerprint(**compiled))
        if is_compiled(model):
            self.parts = compiled
        self.fingerprint = fingerprint(**self.parts)
        self.parts["chat_template"] = hashlib.sha256(self.parts["chat_template"].encode()).hexdigest()  # it is long

    @property
    def passes_at_once(self) -> int:
        """How many batches of pairs are best compared side by side, in threads; the answers are the same."""
        return 1 if is_compiled(self.model) or not self.asking.packed else passes_at_once(self.model)

    @classmethod
    def from_pretrained(
        cls,
        path_or_repo: str | Path,
        *,
        dimensions: Sequence[str],
        prompts: Prompts | None = None,
        revision: str | None = None,
        device=None,
        dtype: torch.dtype | None = None,
        batch_size: int | str = DEFAULT_BATCH,
        compiled: bool = False,
    ) -> Judge:
        """Load a judge from a folder or a repo.

        Parameters
        ----------
        path_or_repo, dimensions, prompts, revision, device, dtype, batch_size
            As for ``load_model`` and the judge itself. A revision is resolved to a commit once, every file is of that
            commit, and the judge's ``revision`` names it.
        compiled : bool
            Compile the language model's layers (``compile_layers``): its passes are faster on a GPU, but each pair is read by itself
            (``firsts_read``), which by the count of FLOPs costs more than that where pairs share the image shown first.

        Raises
        ------
        InputFault
            If it is not a loadable checkpoint of a vision-language model, or cannot be compiled here.
        """
        model, processor = load_model(path_or_repo, device=device, dtype=dtype, revision=revision)
        revision = model_revision(path_or_repo, model)
        if compiled:
            compile_layers(model)
        return cls(model, processor, dimensions, prompts=prompts, revision=revision, batch_size=batch_size)

    def commit_of(self, path_or_repo: str | Path) -> str | None:
        """The commit of a repo that this judge was loaded from; None for a folder, and for any other repo."""
        repo, at, commit = self.revision.rpartition("@")
        return commit if at and repo == str(path_or_repo) and commit != "None" else None

    def is_own(self, made_by: str) -> bool:
        """Whether a fingerprint is this judge's, its layers compiled or not: the same answers, to rounding."""
        return made_by in self._own

    def features(self, images, *, on_batch: Callable[[int], None] | None = None) -> list[VisionFeatures]:
        """What is known of each image before it is asked about, once per image; of a Qwen3-VL, see ``vision_features``.

        With ``batch_size="auto"``, sizes the batches to come.
        """
        found = self.encode(images, on_batch=on_batch)
        if found:
            self.size_batches(max(found, key=lambda feature: feature.n_tokens))
        return found

    def encode(self, images, *, on_batch: Callable[[int], None] | None = None) -> list[VisionFeatures]:
        """As ``features``, of some of the images to come; call ``size_batches`` when all are there."""
        found = self.asking.features(images, batch_size=self.batch_size, on_batch=on_batch)
        if self.model.device.type == "cuda":
            torch.cuda.synchronize(self.model.device)  # so that whoever takes the time does not take it too short
        return found

    def size_batches(self, longest: VisionFeatures) -> None:
        """With ``batch_size="auto"`` on a GPU, measure how many pairs of the longest image fit, once; else nothing."""
        if self._to_measure:
            device = self.model.device
            _, self.batch_size = attempt(
                lambda one: rows_that_fit(lambda: self.compare(one), device), [(longest, longest)]
            )
            self._to_measure = False

    @torch.inference_mode()
    def compare(self, pairs: Sequence[tuple[VisionFeatures, VisionFeatures]]) -> np.ndarray:
        """Log-odds that the answer names the first image: logit p_AB of method notes 3.1.

        Parameters
        ----------
        pairs : sequence of (VisionFeatures, VisionFeatures), length n
            Ordered pairs; ask both orders to cancel a position bias.

        Returns
        -------
        ndarray of float64, shape (n, D)
            NaN where the model's logits are not finite: an abstention, never a middle value.
        """
        size, self._spent_before = self.batch_size, Counter(self.asking.spent)
        launched = (self._compare_batch(pairs[start : start + size]) for start in range(0, len(pairs), size))
        rows = list(read_behind(launched, lambda odds: odds.cpu().numpy()))
        return np.concatenate(rows) if rows else np.zeros((0, len(self.dimensions)))

    @torch.inference_mode()
    def rate(self, features: Sequence[VisionFeatures]) -> np.ndarray:
        """Log-probabilities of the score tokens 0 to 9, renormalised over the ten.

        Parameters
        ----------
        features : sequence of VisionFeatures, length n

        Returns
        -------
        ndarray of float64, shape (n, D, 10)
            NaN where the model's logits are not finite: an abstention.
        """
        return self.rate_with_mass(features)[0]

    @torch.inference_mode()
    def rate_with_mass(self, features: Sequence[VisionFeatures]) -> tuple[np.ndarray, np.ndarray]:
        """As ``rate``, with the probability (n, D) that the ten tokens hold together before renormalising."""
        logs, masses = [], []
        self._spent_before = Counter(self.asking.spent)
        size = min(self.batch_size, self._ratings_that_fit)
        launched = in_shrinking_batches(features, size, self._rate_batch, on_shrink=self._remember)
        for log_p, mass in read_behind(launched, lambda both: [values.cpu().double().numpy() for values in both]):
            logs.append(log_p)
            masses.append(mass)
        d = len(self.dimensions)
        return (np.concatenate(logs), np.concatenate(masses)) if logs else (np.zeros((0, d, 10)), np.zeros((0, d)))

    def firsts_read(self, firsts: Sequence[str]) -> list[str]:
        """The images that are read, of those that the pairs of one batch show first (by hash): each once, where many are the same."""
        return self.asking.firsts_read(firsts)

    @property
    def spent_on_last(self) -> dict[str, int] | None:
        """What the last ``compare`` or ``rate`` read, by the names of ``JudgingCost``; None where the questions tell."""
        return None if self.asking.packed else dict(Counter(self.asking.spent) - self._spent_before)

    def _remember(self, size: int) -> None:
        self._ratings_that_fit = size

    def _compare_batch(self, pairs: Sequence[tuple[VisionFeatures, VisionFeatures]]) -> torch.Tensor:
        logits = self.asking.answer_logits(self.model, self.pair_questionnaire, pairs)
        answers = logits[..., onto(self._answers, logits.device)].double()
        odds = answers[..., 0] - answers[..., 1]
        return torch.where(odds.isfinite(), odds, torch.nan)

    def _rate_batch(self, features: Sequence[VisionFeatures]) -> tuple[torch.Tensor, torch.Tensor]:
        log_p, mass = self._scores.log_probabilities(self.model, features)
        return torch.where(log_p.isfinite().all(-1, keepdim=True), log_p, torch.nan), mass  # an abstention is whole
