"""PSDistill with the exact objective: one forward pass, a sum over the ten score tokens, no sampling."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PrinterCallback, Trainer, set_seed

from ..images.faults import Fault, InputFault
from ..model_card.features import VisionFeatures
from ..model_card.prompts import Prompts
from ..model_card.readout import ScoreReadout
from . import ranking
from .block_sampler import BlockSampler
from .label_free_run import LabelFreeRun, PlacesInBlocks, freeze_vision_tower, language_adapters, with_adapters
from .psdistill_exact_config import PSDistillExactConfig
from .pseudo_labels import PseudoScores
from .training_table import TrainingTable, training_table

logger = logging.getLogger(__name__)

# Objectives whose whole value every process and pass computes, its own images alone carrying gradients.
WHOLE_ON_EACH_PART = ("fidelity", "judgments")


@dataclass
class GlobalBatch:
    """Images of one optimiser step, over all processes and accumulation steps, as everybody's opponents.

    Parameters
    ----------
    places : Tensor of int, shape (N,)
        Places in the training table.
    mean, variance : Tensor, shape (D, N)
        Moments of the policy.
    """

    places: Tensor
    mean: Tensor
    variance: Tensor


class PSDistillExactTrainer(LabelFreeRun, Trainer):
    """
    Trainer for PSDistill with the exact objective [ours], on the transformers Trainer and accelerate.

    What it changes: a batch holds images, not rows of tensors (the vision tower is frozen and its features are given);
    the loss is one of `ranking.py`'s, over the images of the whole optimiser step; evaluation is the label-free look at
    held-out judgments; and a checkpoint is written to a temporary folder and renamed.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
        The starting model; it is changed in place. The reference policy is this model as it is given.
    args : PSDistillExactConfig
    processor : Qwen3VLProcessor
    features : sequence or mapping of VisionFeatures
        Of every image in ``scores``, by this model's vision tower.
    scores : PseudoScores, or a sequence of them
        One for each training category.
    prompts : Prompts, optional
        The wording of the rating question.
    callbacks : list of TrainerCallback, optional

    Raises
    ------
    InputFault
        If there are too few images for the minimum number of opponents.
    """

    _tag_names = ["ppaint", "psdistill", "psdistill-exact"]
    _name = "PSDistill (exact)"

    def __init__(
        self,
        model,
        args: PSDistillExactConfig,
        processor,
        features: Mapping[str, VisionFeatures] | Sequence[VisionFeatures],
        scores: PseudoScores | Sequence[PseudoScores],
        prompts: Prompts | None = None,
        callbacks: list | None = None,
    ) -> None:
        self.table = training_table(
            scores,
            held_out_fraction=args.held_out_fraction,
            seed=args.seed,
            use_confidence=args.use_confidence,
        )
        _fit_blocks_to_images(args, self.table)
        by_hash = features if isinstance(features, Mapping) else {f.sha256: f for f in features}
        self.features = [by_hash[image] for image in self.table.images]
        self.processor = processor
        self.readout = ScoreReadout(processor, prompts or Prompts(), self.table.dimensions)
        set_seed(args.seed)  # fresh adapters draw their weights
        self.core = model
        super().__init__(
            model=_trainable(model, args),
            args=args,
            data_collator=_as_batch,
            train_dataset=range(len(self.table.images)),
            eval_dataset=self._evaluation_places(),
            callbacks=callbacks,
        )
        self.remove_callback(PrinterCallback)  # the log is in trainer_state.json; a caller brings its own display
        self._put_table_on_device()
        self._step_batch: GlobalBatch | None = None
        self._passes_done = 0  # of the accumulation steps of this optimiser step
        self._notes: dict[str, list[float]] = {}
        with torch.no_grad():
            everything = torch.arange(len(self.table.images))
            self.reference = self._in_chunks(everything).to(self.args.device)  # (D, n, 10)
        self._soft_labels = self._make_soft_labels() if args.objective == "soft_labels" else None

    # The loss

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """The objective over the global batch, of which this process and this pass hold a part.

        What follows (accelerate over processes, the Trainer over accumulation steps) averages, so a part of a global
        mean is multiplied by their number.
        """
        places = inputs["places"]
        log_probs, mass = self.log_probs(model, places)
        batch, own = self._with_own_gradients(places, *ranking.policy_moments(log_probs))
        parts = self.accelerator.num_processes * self.current_gradient_accumulation_steps
        loss = self._objective(places, log_probs, batch, own) * parts
        if self.args.objective in WHOLE_ON_EACH_PART:
            loss = loss - loss.detach() * (1 - 1 / parts)  # for the log: the value is whole, only the gradient is not
        kl = ranking.kl_divergence(log_probs, self.reference[:, places])
        loss = loss + parts * self.args.beta * kl.sum() / (kl.shape[0] * len(batch.places))
        self._note(kl=kl.mean(), mass=mass.mean(), least_mass=mass.min(), spread=batch.mean.std(dim=1).mean())
        return (loss, log_probs) if return_outputs else loss

    def _objective(self, places: Tensor, log_probs: Tensor, batch: GlobalBatch, own: Tensor) -> Tensor:
        everybody = batch.places
        if self.args.objective == "fidelity":
            target = ranking.target_order(self.elo[:, everybody], self.elo[:, everybody])
            order = ranking.mean_order(batch.mean, batch.variance, batch.mean, batch.variance)
            weight = self.confidence[:, everybody, None] * self._opponent_weight(everybody, everybody)
            return ranking.fidelity_loss(ranking.fidelity(order, target), weight)
        if self.args.objective == "judgments":
            return ranking.judgment_loss(batch.mean, batch.mean, self._judged(everybody))
        count = log_probs.shape[0] * len(everybody)
        confidence = self.confidence[:, places]
        if self.args.objective == "soft_labels":
            return ranking.soft_label_loss(log_probs, self._soft_labels[:, places], confidence).sum() / count
        with torch.no_grad():
            target = ranking.target_order(self.elo[:, places], self.elo[:, everybody])
            order = ranking.token_order(batch.variance[:, own], batch.mean, batch.variance)
            agreement = ranking.fidelity(order, target[..., None, :])
            reward = ranking.ranking_reward(agreement, self._opponent_weight(places, everybody))
            advantages = ranking.advantage(reward, log_probs, confidence)
        return ranking.policy_loss(log_probs, advantages).sum() / count

    def _opponent_weight(self, places: Tensor, others: Tensor) -> Tensor:
        """c_j where j is another image of the same category, else 0; shape (D, n, m)."""
        allowed = (self.category[places][:, None] == self.category[others][None]) & (places[:, None] != others[None])
        return self.confidence[:, None, others] * allowed

    def _judged(self, places: Tensor) -> Tensor:
        """delta_ij of the judged pairs among some images, each in one orientation; NaN elsewhere; (D, N, N)."""
        wanted = (places[:, None] * len(self.table.images) + places[None]).flatten()
        found = torch.searchsorted(self.pair_keys, wanted).clamp_max(len(self.pair_keys) - 1)
        hit = self.pair_keys[found] == wanted
        delta = torch.where(hit, self.pair_delta[:, found], torch.nan)
        return delta.view(-1, len(places), len(places))

    # The global batch

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """As the parent's; over several accumulation steps, one pass without gradient gives all opponents' moments."""
        batches, count = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._step_batch, self._passes_done = None, 0
        if len(batches) > 1:
            with torch.no_grad():
                parts = [self._moments_of_all(batch["places"].to(device)) for batch in batches]
            self._step_batch = GlobalBatch(
                torch.cat([part.places for part in parts]),
                torch.cat([part.mean for part in parts], dim=1),
                torch.cat([part.variance for part in parts], dim=1),
            )
        return batches, count

    def _with_own_gradients(self, places: Tensor, mean: Tensor, variance: Tensor) -> tuple[GlobalBatch, Tensor]:
        """The global batch with this pass's own entries carrying their gradients, and where those stand in it."""
        batch = self._step_batch or self._gathered(places, mean.detach(), variance.detach())
        part = self._passes_done * self.accelerator.num_processes + self.accelerator.process_index
        own = torch.arange(len(places), device=places.device) + part * len(places)
        self._passes_done += 1 if self._step_batch else 0
        return GlobalBatch(
            batch.places, batch.mean.index_copy(1, own, mean), batch.variance.index_copy(1, own, variance)
        ), own

    def _moments_of_all(self, places: Tensor) -> GlobalBatch:
        return self._gathered(places, *ranking.policy_moments(self._in_chunks(places)))

    def _gathered(self, places: Tensor, mean: Tensor, variance: Tensor) -> GlobalBatch:
        gather = self.accelerator.gather
        return GlobalBatch(gather(places), gather(mean.T.contiguous()).T, gather(variance.T.contiguous()).T)

    # Data

    def _get_train_sampler(self, train_dataset=None) -> PlacesInBlocks:
        args, free = self.args, self.table.training_images
        step_size = args.per_device_train_batch_size * self.accelerator.num_processes * args.gradient_accumulation_steps
        order = BlockSampler(
            self.table.category[free],
            block_size=args.block_size,
            step_size=step_size,
            steps=args.max_steps,
            seed=args.seed if args.data_seed is None else args.data_seed,
            min_opponents=args.min_opponents,
        )
        return PlacesInBlocks(order, free)

    def floating_point_ops(self, inputs) -> int:
        """Not counted: a batch holds places in a table, from which no length can be read."""
        return 0

    def _put_table_on_device(self) -> None:
        super()._put_table_on_device()
        table, device = self.table, self.args.device
        keys = table.training_pairs.first * len(table.images) + table.training_pairs.second
        order = np.argsort(keys, kind="stable")
        self.pair_keys = torch.tensor(keys[order], device=device)
        delta = torch.tensor(table.training_pairs.delta[order].T, dtype=torch.float32, device=device)
        self.pair_delta = delta.contiguous()

    def _make_soft_labels(self) -> Tensor:
        """Labels laid on the starting model's own mean and (stretched) spread over the training images; (D, n, 10)."""
        free = torch.tensor(self.table.training_images, device=self.args.device)
        labels = torch.full_like(self.reference, 1 / ranking.N_TOKENS)
        for d in range(len(self.table.dimensions)):
            for c in range(int(self.category.max()) + 1):
                rows = free[(self.category[free] == c) & (self.confidence[d, free] > 0)]
                if len(rows) < 2:
                    continue
                mean = ranking.policy_moments(self.reference[d, rows])[0]
                spread = self.args.soft_label_stretch * mean.std()
                labels[d, rows] = ranking.soft_labels(self.elo[d, rows], mean.mean(), spread)
        return labels

    # The log

    def _note(self, **values: Tensor) -> None:
        for name, value in values.items():
            self._notes.setdefault(name, []).append(float(value.detach()))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As the parent's, with the KL, the mass on the score tokens and the spread of the scores beside the loss."""
        if "loss" in logs:
            reduce = {"least_mass": min}
            logs |= {name: reduce.get(name, np.mean)(values) for name, values in self._notes.items()}
            logs = {name: float(value) for name, value in logs.items()}
            self._notes.clear()
        super().log(logs, start_time)


def _as_batch(places: list[int]) -> dict[str, Tensor]:
    return {"places": torch.tensor(places)}


def _trainable(model, args: PSDistillExactConfig):
    """Freeze the vision tower; put adapters on the language model, or leave all of it to be trained."""
    freeze_vision_tower(model)
    if not args.lora_r:
        return model
    return with_adapters(model, language_adapters(args.lora_r, args.lora_alpha, args.lora_target_modules))


def _fit_blocks_to_images(args: PSDistillExactConfig, table: TrainingTable) -> None:
    """With fewer training images in a category than a block takes, blocks and batches get smaller; it is said."""
    smallest = int(np.bincount(table.category[table.training_images]).min())
    if smallest >= args.block_size:
        return
    if smallest <= args.min_opponents:
        what = f"a category has {smallest} training images; each is to meet {args.min_opponents} others in a step"
        raise InputFault(Fault("images", "", what, "give more images, or lower min_opponents"))
    logger.warning("a category has %d training images: blocks and batches hold that many", smallest)
    args.block_size = args.per_device_train_batch_size = smallest
