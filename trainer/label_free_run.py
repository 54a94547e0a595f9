"""What a PSDistill run is, whatever estimates its gradient: readout, label-free stopping, checkpoints, saved model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..foundation.faults import Fault, InputFault
from ..foundation.in_order import InOrder
from ..images.opening import OpenedImage
from ..model_card.asking import way_of_asking
from ..model_card.features import VisionFeatures
from ..model_card.last_layer import answers_alone
from ..model_card.memory import in_shrinking_batches, out_of_memory, release_memory
from ..model_card.prompts import Prompts
from ..model_card.readout import ScoreReadout
from ..model_card.shared_prefix import pack
from . import ranking
from .checkpoints import clear_half_written, newest_complete_checkpoint
from .held_out import held_out_metrics
from .pixel_inputs import PixelsOfImages, PlacesOfImages, from_pixels
from .pseudo_scores.pseudo_labels import PseudoScores
from .run_identity import claim_checkpoints, unclaimed_if_nothing_comes
from .saving import WholeSaving
from .training_faults import OutOfMemory, first_line, not_finite
from .training_table import TrainingTable, in_columns

Images = Mapping[str, OpenedImage] | Sequence[OpenedImage]
Features = Mapping[str, VisionFeatures] | Sequence[VisionFeatures]
ENCODED_AT_ONCE = 16  # images


class LabelFreeRun(WholeSaving):
    """The part of a trainer that no estimator touches; stands before a transformers ``Trainer`` among the bases.

    It reads scores as the published scorer does, looks at held-out judgments instead of labels, and resumes from the
    newest checkpoint. The class that uses it calls ``prepare`` before the ``Trainer`` is initialised.

    Overridden methods of the parent:

    - ``evaluate``: SRCC and log-loss on held-out judgments, from one pass without gradient; no dataset is gone through.
    - ``_evaluate``: the starting model, looked at before the first step, is kept as a checkpoint too; a resumed run does
      not look at it again.
    - ``log``: the first entry also holds the position bias of the judgments.
    - ``training_step``: a loss that is not finite, or memory that runs out, stops the run with a fault.
    - ``_get_grad_norm``: a gradient that is not finite stops the run.
    - ``_save_checkpoint``: see ``WholeSaving``.
    """

    def prepare(
        self,
        *,
        args,
        model,
        processor,
        table: TrainingTable,
        scores: PseudoScores | Sequence[PseudoScores],
        prompts: Prompts | None,
        features: Features | None,
        images: Images | None,
    ) -> None:
        """Take everything that a run needs and a ``Trainer`` does not know of.

        Parameters
        ----------
        args : PSDistillExactConfig or PSDistillConfig
        model
            Of ``AutoModelForImageTextToText``. The starting model, without adapters.
        processor
            The model's own.
        table : TrainingTable
            Of ``scores``, with the held-out images chosen.
        scores : PseudoScores, or a sequence of them
        prompts : Prompts, optional
            The standard wording by default.
        features : sequence or mapping (by hash) of VisionFeatures, optional
            Where the vision tower stays as it is; computed from ``images`` if not given. Not used with
            ``vision_lora_r``, where every pass makes them again.
        images : sequence or mapping (by hash) of OpenedImage, optional

        Raises
        ------
        InputFault
            If an image is missing, or neither features nor images are given.
        """
        self.table, self.core, self.processor = table, model, processor
        self.prompts = prompts or Prompts()
        self.asking = way_of_asking(model, processor)
        if not self.asking.packed:
            # a pass for each shape of image: processes make different numbers of them, and must not wait for one another in each
            args.ddp_broadcast_buffers = False
        self.readout = ScoreReadout(processor, self.prompts, table.dimensions, self.asking)
        self.position_bias = position_bias(scores, table.dimensions)
        self.images = None if images is None else in_order(images, table.images)
        # where adapters change the vision tower of a packed model, and with it the features
        self.pixels: PixelsOfImages | None = None
        if args.vision_lora_r:
            if self.images is None:
                what, fix = "vision_lora_r needs the images themselves", "give the trainer images=, or vision_lora_r=0"
                raise InputFault(Fault("config", "vision_lora_r", what, fix))
            if self.asking.packed:
                self.pixels = PixelsOfImages(processor, self.images, args.device)
                self.features = PlacesOfImages(self.pixels)
            else:
                self.features = self.asking.features(self.images, batch_size=ENCODED_AT_ONCE)
        elif features is not None:
            self.features = in_order(features, table.images)
        elif self.images is not None:
            self.features = self.asking.features(self.images, batch_size=ENCODED_AT_ONCE)
        else:
            what = "neither images nor vision features were given"
            raise InputFault(Fault("images", "", what, "give the trainer images= or features="))
        self.asking.keep(self.readout.questionnaire, tower_stays=not args.vision_lora_r)
        self._put_table_on(args.device)

    def check_sharding(self) -> None:
        """Once the trainer is made: whether weights that are in several devices can be trained in the passes that this model takes.

        Raises
        ------
        InputFault
            If they are sharded and the model is asked by its own processor: every pass is then of all processes, and these make
            different numbers of them.
        """
        if (self.is_fsdp_enabled or self.is_deepspeed_enabled) and not self.asking.packed:
            what = "weights sharded over devices (FSDP, DeepSpeed) are for Qwen3-VL; this is a model that is asked by its own processor"
            fix = "train adapters (lora_r) with the whole model on every device: an accelerate file without fsdp_config"
            raise InputFault(Fault("accelerate", "", what, fix))

    def _put_table_on(self, device: torch.device) -> None:
        table = self.table

        def by_dimension(values: np.ndarray) -> Tensor:
            return torch.tensor(values.T, dtype=torch.float32, device=device).contiguous()

        self.category = torch.tensor(table.category, device=device)
        self.confidence = by_dimension(table.confidence)
        self.elo = by_dimension(np.nan_to_num(table.elo))  # where there is none the confidence is 0

    # The readout

    def log_probs(self, model, places: Tensor) -> tuple[Tensor, Tensor]:
        """The policy over the score tokens, from one pass for all dimensions; the scorer's readout, with a gradient.

        Parameters
        ----------
        model
            The model as accelerate wrapped it.
        places : Tensor of int, shape (B,)

        Returns
        -------
        log_probs : Tensor, shape (D, B, 10)
            Renormalised over the ten tokens.
        mass : Tensor, shape (D, B)
            What they hold together before that.
        """
        wanted = places.tolist()
        rows = [(self.features[i],) for i in wanted]
        if self.pixels is None:
            logits = self.asking.answer_logits(model, self.readout.questionnaire, rows).float()
        else:
            inputs = from_pixels(pack(self.core, self.readout.questionnaire, rows), [self.pixels[i] for i in wanted])
            if torch.is_grad_enabled():
                inputs |= answers_alone(self.core, inputs["logits_to_keep"])
            logits = model(**inputs, use_cache=False).logits.float()
        log_all = logits.log_softmax(-1)[..., self.readout.tokens.to(logits.device)].transpose(0, 1)
        log_mass = log_all.logsumexp(-1)
        return log_all - log_mass[..., None], log_mass.exp()

    def _in_chunks(self, places: Tensor) -> Tensor:
        """The current policy for some images, shape (D, n, 10), without accelerate's wrapping."""
        size = self.args.per_device_eval_batch_size
        if self.is_fsdp_enabled:  # all processes make the same passes, so none may make smaller ones by itself
            parts = [self.log_probs(self.model, part)[0] for part in places.split(size)]
        else:
            parts = list(in_shrinking_batches(places, size, lambda part: self.log_probs(self.model, part)[0]))
        return torch.cat(parts, dim=1)

    # The label-free look at held-out judgments

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix: str = "eval") -> dict[str, float]:
        """Held-out images: SRCC against their pseudo-scores, log-loss of their judgments; never a human score."""
        places = torch.tensor(self._evaluation_places())
        self.model.eval()
        with torch.no_grad():
            log_probs = self._in_chunks(places)
        self._stop_unless_finite(log_probs, "the scores of the held-out images")
        mean = ranking.policy_moments(log_probs)[0].double().cpu().numpy().T
        score = np.full((len(self.table.images), len(self.table.dimensions)), np.nan)
        score[places.numpy()] = mean
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in held_out_metrics(self.table, score).items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _evaluate(self, trial, ignore_keys_for_eval, skip_scheduler=False):
        if skip_scheduler and self.state.log_history:  # a resumed run has looked at the starting model already
            return {}
        metrics = super()._evaluate(trial, ignore_keys_for_eval, skip_scheduler)
        if self.state.global_step == 0:  # the starting model is a candidate, so it is kept as a checkpoint too
            self._determine_best_metric(metrics, trial)
            self._save_checkpoint(self.model, trial)
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As the parent's; the first entry of a run says how large the position bias of its judgments was."""
        super().log(logs if self.state.log_history else logs | self.position_bias, start_time)

    def _evaluation_places(self) -> list[int]:
        """Held-out images, and the opponents that their judgments need."""
        pairs = self.table.held_out_pairs
        wanted = {*np.flatnonzero(self.table.held_out), *pairs.first, *pairs.second}
        return sorted(int(i) for i in wanted)

    # The run

    def train_from_newest(self):
        """Train, or resume from the newest complete checkpoint in ``args.output_dir``.

        A run that was killed and is started again ends at the same weights, bit for bit on a CPU.

        Returns
        -------
        TrainOutput

        Raises
        ------
        InputFault
            If the folder holds the checkpoints of a run with other settings, pseudo-scores or starting model.
        """
        folder, main = Path(self.args.output_dir), self.is_world_process_zero()
        with unclaimed_if_nothing_comes(folder) if main else nullcontext():
            folder.mkdir(parents=True, exist_ok=True)
            claim_checkpoints(folder, self.args, self.core, self.table, write=main)
            if main:
                clear_half_written(folder)
            newest = newest_complete_checkpoint(folder)
            done = self.train(resume_from_checkpoint=None if newest is None else str(newest))
        self._check_weights()
        return done

    # Numbers that are not finite, and memory

    def training_step(self, model, inputs, num_items_in_batch=None) -> Tensor:
        """As the parent's; a loss that is not finite stops the run before the optimiser sees its gradient.

        Raises
        ------
        InputFault
            If the loss is not finite, or memory runs out.
        """
        out_of_memory_because = None
        try:
            loss = super().training_step(model, inputs, num_items_in_batch)
        except (RuntimeError, MemoryError) as error:
            if "probability tensor contains" in str(error):  # torch, when it is to draw from NaN
                raise not_finite("the probabilities that answers are drawn from", [], self.state) from error
            if not out_of_memory(error):
                raise
            out_of_memory_because = first_line(error)
        if out_of_memory_because is not None:  # the failed pass's tensors are gone with the error
            release_memory()
            raise OutOfMemory(out_of_memory_because, self.args)
        if not loss.isfinite():
            raise not_finite("the loss", [], self.state)
        return loss

    def _get_grad_norm(self, model, grad_norm=None):
        """As the parent's; a gradient that is not finite does not reach the weights (with fp16 it is the scaler's business)."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if self.accelerator.scaler is None and not np.isfinite(float(norm)):
            raise not_finite("the gradient", [], self.state)
        return norm

    def _stop_unless_finite(self, log_probs: Tensor, what: str) -> None:
        """Name the dimensions, of shape (D, n, 10), that hold a number that is not finite."""
        sound = log_probs.detach().isfinite().flatten(1).all(dim=1).tolist()
        if not all(sound):
            bad = [name for name, good in zip(self.table.dimensions, sound, strict=True) if not good]
            raise not_finite(what, bad, self.state)


def in_order(given, hashes: Sequence[str]) -> InOrder:
    """Images, or their features, in the order of a table.

    Parameters
    ----------
    given : sequence or mapping (by hash) of OpenedImage or VisionFeatures
    hashes : sequence of str

    Returns
    -------
    sequence
        Each is looked up when it is asked for.

    Raises
    ------
    InputFault
        If one is missing.
    """
    by_hash = given if isinstance(given, Mapping) else {one.sha256: one for one in given}
    missing = [image for image in hashes if image not in by_hash]
    if missing:
        what = f"{len(missing)} of the {len(hashes)} images with a pseudo-score are not here"
        raise InputFault(Fault("images", missing[0][:16], what, "give all images that were judged"))
    return InOrder(by_hash, hashes)


def position_bias(scores: PseudoScores | Sequence[PseudoScores], dimensions: Sequence[str]) -> dict[str, float]:
    """How far the judgments behind the pseudo-scores favour the image shown first, in logits.

    Parameters
    ----------
    scores : PseudoScores, or a sequence of them
    dimensions : sequence of str

    Returns
    -------
    dict
        ``position_bias`` (mean over pairs and dimensions; positive favours the first), ``position_bias_size`` (mean of its
        absolute value), and the first by dimension.
    """
    parts = [scores] if isinstance(scores, PseudoScores) else list(scores)
    bias = np.concatenate([in_columns(part.judged.position_bias, part.dimensions, dimensions) for part in parts])
    if np.isnan(bias).all():
        return {}
    means = {
        f"position_bias_{d}": float(np.nanmean(b))
        for d, b in zip(dimensions, bias.T, strict=True)
        if not np.isnan(b).all()
    }
    return {"position_bias": float(np.nanmean(bias)), "position_bias_size": float(np.nanmean(np.abs(bias)))} | means
