"""PSDistill in one forward pass: the objective summed over the ten score tokens, or on answers drawn from that pass."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accelerate.utils import gather_object
from torch import Tensor
from transformers import PrinterCallback, Trainer, set_seed

from ..foundation.faults import Fault, InputFault
from ..model_card.memory import smaller
from ..model_card.prompts import Prompts
from . import ranking
from .adapters import adapters, freeze_vision_tower, with_adapters
from .answer_draws import uniform_draws
from .block_sampler import BlockSampler, PlacesInBlocks
from .label_free_run import Features, Images, LabelFreeRun
from .psdistill_exact_config import PSDistillExactConfig
from .pseudo_scores.pseudo_labels import PseudoScores
from .training_faults import OutOfMemory
from .training_table import TrainingTable, jointly_fitted, spread_alike, training_table

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
    own : Tensor of int, shape (n,)
        Where this process's images stand among them, in the order in which its passes take them.
    """

    places: Tensor
    mean: Tensor
    variance: Tensor
    own: Tensor


class PSDistillExactTrainer(LabelFreeRun, Trainer):
    """
    Trainer for PSDistill with the exact objective [ours], on the transformers Trainer and accelerate.

    A batch holds images, not rows of tensors: where the vision tower is frozen, its features are given. With
    ``sampled_answers`` the policy's gradient is not summed over the ten tokens but estimated from answers that are drawn
    from the same pass.

    Overridden methods of `~transformers.Trainer`, in addition to those of `LabelFreeRun`:

    - `compute_loss`: one of `ranking.py`'s losses, over the images of the whole optimiser step, and the KL penalty.
    - `get_batch_samples`: over several passes, one pass without gradient first gives all opponents' moments.
    - `training_step`: when memory runs out, the step is done again in smaller passes, with the same images and so the
      same objective.
    - `_get_train_sampler`: images come in blocks of one category.
    - `log`: KL, mass on the score tokens and spread of the scores are logged with the loss.
    - `floating_point_ops`: not counted, since a batch holds places in a table.

    Parameters
    ----------
    model
        Of ``AutoModelForImageTextToText``. The starting model; it is changed in place. The reference policy is this model as it is given.
    args : PSDistillExactConfig
    processor
        The model's own.
    features : sequence or mapping (by hash) of VisionFeatures, optional
        Of every image in ``scores``, by this model's vision tower; computed from ``images`` if None. Not used with
        ``vision_lora_r``.
    scores : PseudoScores, or a sequence of them
        One for each training category.
    prompts : Prompts, optional
        The wording of the rating question.
    callbacks : list of TrainerCallback, optional
    images : sequence or mapping (by hash) of OpenedImage, optional
        All images in ``scores``; needed without ``features``, and with ``vision_lora_r``, where features change with
        every step.
    held_out : collection of str, optional
        Hashes of the images that are held out, in place of ``held_out_fraction``'s choice; ``joint_fit`` plays no part then.

    Raises
    ------
    InputFault
        If an image is missing, there are too few of them for the minimum number of opponents, the starting model's
        answers are not finite, or there are to be folds, which are several trainings (``distil``).
    """

    _tag_names = ["ppaint", "psdistill", "psdistill-exact"]
    _name = "PSDistill (exact)"

    def __init__(
        self,
        model,
        args: PSDistillExactConfig,
        processor,
        features: Features | None,
        scores: PseudoScores | Sequence[PseudoScores],
        prompts: Prompts | None = None,
        callbacks: list | None = None,
        images: Images | None = None,
        held_out: Collection[str] | None = None,
    ) -> None:
        if args.folds and held_out is None:
            what = "this trainer makes one training; folds are several, whose weights are averaged"
            raise InputFault(
                Fault("config", "folds", what, "give the settings to `distil` (or `ppaint distill`), or set folds=0")
            )
        if args.joint_fit and held_out is None:  # images that are given are held out of labels that are made already
            scores = jointly_fitted(scores, held_out_fraction=args.held_out_fraction, seed=args.seed)
        table = training_table(
            scores,
            held_out_fraction=args.held_out_fraction,
            seed=args.seed,
            use_confidence=args.use_confidence,
            held_out=held_out,
        )
        if args.label_spread:
            table = spread_alike(table, args.label_spread)
        _fit_blocks_to_images(args, table)
        self.prepare(
            args=args,
            model=model,
            processor=processor,
            table=table,
            scores=scores,
            prompts=prompts,
            features=features,
            images=images,
        )
        self._put_pairs_on(args.device)
        set_seed(args.seed)  # fresh adapters draw their weights
        super().__init__(
            model=_trainable(model, args),
            args=args,
            data_collator=_as_batch,
            train_dataset=range(len(table.images)),
            eval_dataset=self._evaluation_places(),
            callbacks=callbacks,
        )
        self.check_sharding()
        self.remove_callback(PrinterCallback)  # the log is in trainer_state.json; a caller brings its own display
        self._step_batch: GlobalBatch | None = None
        self._step_passes: list[dict] = []  # what the passes of this optimiser step are given
        self._passes_started = self._images_done = 0  # of those passes, and of this process's images
        self._pass_size = args.per_device_train_batch_size  # less once memory has run out
        self._notes: dict[str, list[float]] = {}
        with torch.no_grad():
            everything = torch.arange(len(table.images))
            self.reference = self._in_chunks(everything).to(self.args.device)  # (D, n, 10)
        self._stop_unless_finite(self.reference, "the starting model's scores")
        self._soft_labels = self._make_soft_labels() if args.objective == "soft_labels" else None

    # The loss

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """The objective over the global batch, of which this process and this pass hold a part.

        What follows (accelerate over processes, the Trainer over accumulation steps) averages, so a part of a global
        mean is multiplied by their number.
        """
        places = inputs["places"]
        log_probs, mass = self.log_probs(model, places)
        self._stop_unless_finite(log_probs, "the scores")
        batch = self._with_own_gradients(places, *ranking.policy_moments(log_probs))
        parts = self.accelerator.num_processes * self.current_gradient_accumulation_steps
        loss = self._objective(places, log_probs, batch) * parts
        if self.args.objective in WHOLE_ON_EACH_PART:
            share = parts * len(places) / len(batch.places)  # of a pass: 1, unless memory ran out
            loss = loss - loss.detach() * (
                1 - share / parts
            )  # for the log: the value is whole, only the gradient is not
        kl = ranking.kl_divergence(log_probs, self.reference[:, places])
        loss = loss + parts * self.args.beta * kl.sum() / (kl.shape[0] * len(batch.places))
        self._note(kl=kl.mean(), mass=mass.mean(), least_mass=mass.min(), spread=batch.mean.std(dim=1).mean())
        if (opponents := self._effective_opponents(places, batch.places)) is not None:
            self._note(effective_opponents=opponents)
        return (loss, log_probs) if return_outputs else loss

    def _objective(self, places: Tensor, log_probs: Tensor, batch: GlobalBatch) -> Tensor:
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
            order = ranking.token_order(batch.variance[:, batch.own], batch.mean, batch.variance)
            agreement = ranking.fidelity(order, target[..., None, :])
            reward = ranking.ranking_reward(agreement, self._opponent_weight(places, everybody))
        if self.args.sampled_answers:
            answers = self._draw_answers(log_probs, batch)
            advantages = ranking.answer_advantage(reward, answers, confidence)
            return ranking.sampled_policy_loss(log_probs, answers, advantages).sum() / count
        advantages = ranking.advantage(reward, log_probs, confidence)
        return ranking.policy_loss(log_probs, advantages).sum() / count

    def _draw_answers(self, log_probs: Tensor, batch: GlobalBatch) -> Tensor:
        """Answers about this pass's images, from the pass itself; shape (D, n, G)."""
        drawn = uniform_draws(
            self.args.seed,
            self.state.global_step,
            batch.places,
            batch.own,
            dimensions=len(self.table.dimensions),
            answers=self.args.sampled_answers,
        )
        return ranking.drawn_answers(log_probs, drawn)

    def _opponent_weight(self, places: Tensor, others: Tensor) -> Tensor:
        """c_j where j is another image of the same category, else 0; shape (D, n, m)."""
        allowed = (self.category[places][:, None] == self.category[others][None]) & (places[:, None] != others[None])
        return self.confidence[:, None, others] * allowed

    def _effective_opponents(self, places: Tensor, others: Tensor) -> Tensor | None:
        """How many equally weighted opponents, or judged pairs, an image of a dimension has; None where there are none."""
        if self.args.objective == "soft_labels":
            return None
        if self.args.objective == "judgments":
            return 2 * (~self._judged(others).isnan()).sum() / (len(self.table.dimensions) * len(others))
        return ranking.effective_opponents(self._opponent_weight(places, others)).mean()

    def _judged(self, places: Tensor) -> Tensor:
        """delta_ij of the judged pairs among some images, each in one orientation; NaN elsewhere; (D, N, N)."""
        wanted = (places[:, None] * len(self.table.images) + places[None]).flatten()
        found = torch.searchsorted(self.pair_keys, wanted).clamp_max(len(self.pair_keys) - 1)
        hit = self.pair_keys[found] == wanted
        delta = torch.where(hit, self.pair_delta[:, found], torch.nan)
        return delta.view(-1, len(places), len(places))

    # The global batch

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        """As the parent's; over several passes, one pass without gradient gives all opponents' moments."""
        batches, count = super().get_batch_samples(epoch_iterator, num_batches, device)
        self._step_batch, self._step_passes, self._passes_started, self._images_done = None, batches, 0, 0
        if len(batches) > 1 or any(len(batch["places"]) > self._pass_size for batch in batches):
            self._look_at_all_passes()
        return batches, count

    def _look_at_all_passes(self) -> None:
        device = self.args.device
        with torch.no_grad():
            parts = [self._moments_of_all(batch["places"].to(device)) for batch in self._step_passes]
        starts = np.cumsum([0, *(len(part.places) for part in parts)])
        self._step_batch = GlobalBatch(
            torch.cat([part.places for part in parts]),
            torch.cat([part.mean for part in parts], dim=1),
            torch.cat([part.variance for part in parts], dim=1),
            torch.cat([part.own + int(start) for part, start in zip(parts, starts[:-1], strict=True)]),
        )

    def _with_own_gradients(self, places: Tensor, mean: Tensor, variance: Tensor) -> GlobalBatch:
        """The global batch with this pass's own entries carrying their gradients."""
        batch = self._step_batch or self._gathered(places, mean.detach(), variance.detach())
        own = batch.own[self._images_done :][: len(places)]
        self._images_done += len(places) if self._step_batch else 0
        return GlobalBatch(
            batch.places, batch.mean.index_copy(1, own, mean), batch.variance.index_copy(1, own, variance), own
        )

    def _moments_of_all(self, places: Tensor) -> GlobalBatch:
        return self._gathered(places, *ranking.policy_moments(self._in_chunks(places)))

    def _gathered(self, places: Tensor, mean: Tensor, variance: Tensor) -> GlobalBatch:
        gather = self.accelerator.gather
        own = torch.arange(len(places), device=places.device) + self.accelerator.process_index * len(places)
        return GlobalBatch(gather(places), gather(mean.T.contiguous()).T, gather(variance.T.contiguous()).T, own)

    # Memory

    def training_step(self, model, inputs, num_items_in_batch=None) -> Tensor:
        """As the parent's; when memory runs out, the step's passes so far are done again in passes of half the size.

        The images of the step are the same, and all of them are opponents as before: the gradient is that of the whole
        pass (to rounding), only memory and time are not.

        Raises
        ------
        OutOfMemory
            If one image alone does not fit, or there are several processes, whose passes go together.
        """
        self._passes_started += 1
        step, passes = super().training_step, [inputs]
        while True:
            try:
                return [self._in_parts(step, model, one, num_items_in_batch) for one in passes][-1]
            except OutOfMemory:
                if self.accelerator.num_processes > 1 or self._pass_size == 1:
                    raise
            self._pass_size = smaller(min(self._pass_size, len(inputs["places"])), "images")
            model.zero_grad()
            self._images_done = 0
            if self._step_batch is None:
                self._look_at_all_passes()
            passes = self._step_passes[: self._passes_started]

    def _in_parts(self, step: Callable, model, inputs: dict, count) -> Tensor:
        """One pass, in parts where memory has run out; their gradients add up."""
        if len(inputs["places"]) <= self._pass_size:
            return step(model, inputs, count)
        return sum(step(model, {"places": part}, count) for part in inputs["places"].split(self._pass_size))

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

    def _put_pairs_on(self, device: torch.device) -> None:
        """The judged pairs, sorted by a number that tells them apart."""
        table = self.table
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
        """As the parent's, with the KL, the mass on the score tokens and the spread of the scores with the loss."""
        if "loss" in logs:
            reduce = {"least_mass": min}
            notes = {name: float(reduce.get(name, np.mean)(values)) for name, values in self._notes.items()}
            if self.accelerator.num_processes > 1:  # each has noted its own images
                every = gather_object([notes])
                notes = {name: float(reduce.get(name, np.mean)([one[name] for one in every])) for name in notes}
            logs = {name: float(value) for name, value in (logs | notes).items()}
            self._notes.clear()
        super().log(logs, start_time)


def _as_batch(places: list[int]) -> dict[str, Tensor]:
    return {"places": torch.tensor(places)}


def _trainable(model, args: PSDistillExactConfig):
    """Freeze the vision tower; put adapters on the model, or leave all of the language model to be trained."""
    freeze_vision_tower(model)
    if not args.lora_r:
        return model
    config = adapters(model, args.lora_r, args.lora_alpha, args.lora_target_modules, args.vision_lora_r)
    return with_adapters(model, config)


def _fit_blocks_to_images(args: PSDistillExactConfig, table: TrainingTable) -> None:
    """With fewer training images in a category than a block takes, blocks and batches get smaller, with a warning."""
    smallest = int(np.bincount(table.category[table.training_images]).min())
    if smallest >= args.block_size:
        return
    if smallest <= args.min_opponents:
        what = f"a category has {smallest} training images; each is to meet {args.min_opponents} others in a step"
        raise InputFault(Fault("images", "", what, "give more images, or lower min_opponents"))
    logger.warning("a category has %d training images: blocks and batches hold that many", smallest)
    args.block_size = args.per_device_train_batch_size = smallest
