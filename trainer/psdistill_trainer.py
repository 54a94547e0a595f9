"""PSDistill with sampled completions on TRL's GRPO trainer: the paper's family."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PrinterCallback
from trl import GRPOTrainer
from trl.trainer.utils import RepeatSampler

from ..foundation.faults import Fault, InputFault
from ..model_card.asking import way_of_asking
from ..model_card.prompts import Prompts
from . import ranking
from .adapters import adapters, freeze_vision_tower
from .block_sampler import BlockSampler, PlacesInBlocks
from .label_free_run import Features, Images, LabelFreeRun
from .psdistill_config import PSDistillConfig
from .pseudo_scores.pseudo_labels import PseudoScores
from .score_answers import parse_score
from .score_token_head import ScoreTokenHead
from .training_table import training_table


class PSDistillTrainer(LabelFreeRun, GRPOTrainer):
    """
    Trainer for PSDistill with sampled completions: confidence-weighted ranking optimisation as GRPO.

    Generation, vLLM, PEFT and the loss are TRL's. Stopping, checkpoints and the saved model are those of the exact
    trainer (`LabelFreeRun`).

    Overridden methods of `~trl.GRPOTrainer`, in addition to those of `LabelFreeRun`:

    - `_calculate_rewards`: the reward of a completion is how well its score, against the other images of the whole
      generation batch, agrees with the pseudo-scores.
    - `_generate_and_score_completions`: advantages are weighted by confidence, with the group-size factor if asked for.
    - `_get_train_sampler`: prompts come in blocks of one category and dimension.
    - `_get_per_token_logps_and_entropies`: where completions are limited to the ten score tokens, log-probabilities are
      renormalised over those.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
        The starting model, loaded from a folder or a repo: with ``beta`` above 0 and no adapters TRL loads the reference
        policy from there again. It is changed in place.
    args : PSDistillConfig
    processor : Qwen3VLProcessor
    images : sequence or mapping (by hash) of OpenedImage
        All images in ``scores``.
    scores : PseudoScores, or a sequence of them
        One for each training category.
    prompts : Prompts, optional
        The wording of the rating question.
    features : sequence or mapping of VisionFeatures, optional
        By this model's vision tower; computed if not given. They serve the single-pass readout (moments, held-out
        judgments); TRL's own passes start from pixels, and with ``vision_lora_r`` all do.
    callbacks : list of TrainerCallback, optional

    Raises
    ------
    InputFault
        If an image is missing, there are too few of them for a block, or the reference policy that TRL loaded is not
        the model that was given.
    """

    _tag_names = ["ppaint", "psdistill", "trl", "grpo"]
    _name = "PSDistill (sampled)"

    def __init__(
        self,
        model,
        args: PSDistillConfig,
        processor,
        images: Images,
        scores: PseudoScores | Sequence[PseudoScores],
        prompts: Prompts | None = None,
        features: Features | None = None,
        callbacks: list | None = None,
    ) -> None:
        if not way_of_asking(model, processor).packed:
            what = f"sampled completions are for Qwen3-VL, and this is a {model.config.model_type!r} model"
            raise InputFault(Fault("config", "estimator", what, "take the exact estimator, which is the default"))
        table = training_table(
            scores, held_out_fraction=args.held_out_fraction, seed=args.seed, use_confidence=args.use_confidence
        )
        _check_blocks(args, table)
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
        freeze_vision_tower(model)
        padded_left = copy.deepcopy(processor)  # as TRL needs it; what is saved stays as it was given
        padded_left.tokenizer.padding_side = "left"
        d = len(table.dimensions)
        rows = {
            "place": np.repeat(np.arange(len(table.images)), d),
            "dimension": np.tile(np.arange(d), len(self.images)),
        }
        super().__init__(
            model=model,
            reward_funcs=[self.ranking_reward],
            args=args,
            train_dataset=Dataset.from_dict(rows),
            eval_dataset=Dataset.from_dict({"place": self._evaluation_places()}),
            processing_class=padded_left,
            callbacks=callbacks,
            peft_config=adapters(model, args.lora_r, args.lora_alpha, args.lora_target_modules, args.vision_lora_r)
            if args.lora_r
            else None,
        )
        self.remove_callback(PrinterCallback)  # the log is in trainer_state.json; a caller brings its own display
        _check_reference(self)
        if args.score_tokens_only and not args.use_vllm:
            self._allow_score_tokens_only()

    # Prompts, in blocks

    def prompt(self, place: int, dimension: int) -> dict:
        """One row as TRL takes it: the question about an image in a dimension, and the image."""
        question = self.prompts.rate_question(self.table.dimensions[dimension])
        if self.args.think_first:
            question = f"{question} {self.args.think_prompt}"
        return {"prompt": [{"role": "user", "content": question}], "image": self.images[place].image}

    def _get_train_sampler(self, dataset=None) -> PlacesInBlocks:
        """Each block of images of one category, in one dimension after the other; each prompt G times, as TRL has it."""
        args, free, d = self.args, self.table.training_images, len(self.table.dimensions)
        prompts, size = args.generation_batch_size // args.num_generations, args.block_size
        passes = args.steps_per_generation * args.num_iterations
        generations = -(-args.max_steps * args.gradient_accumulation_steps // passes)
        blocks = -(-generations * prompts // (size * d))  # of images; each is asked about in all dimensions
        order = BlockSampler(
            self.table.category[free],
            block_size=size,
            step_size=size,
            steps=blocks,
            seed=args.seed if args.data_seed is None else args.data_seed,
            min_opponents=args.min_opponents,
        )
        places = np.array(list(PlacesInBlocks(order, free))).reshape(blocks, 1, size)
        rows = (places * d + np.arange(d)[None, :, None]).ravel()[: generations * prompts]
        repeated = RepeatSampler(rows, args.num_generations, prompts, passes, shuffle=False)
        return PlacesInBlocks(repeated, rows)

    # Rewards and advantages

    def ranking_reward(self, completions, place: Sequence[int], dimension: Sequence[int]) -> Tensor:
        """r_i of each completion of the whole generation batch, over all processes and accumulation steps.

        Parameters
        ----------
        completions : list of list of dict, or list of str
            Of this process.
        place, dimension : sequence of int
            What each is about.

        Returns
        -------
        Tensor, shape (completions of all processes,)
            NaN for a completion that abstained.
        """
        texts = [c if isinstance(c, str) else c[0]["content"] for c in completions]
        parsed = [parse_score(text, tagged=self.args.think_first) for text in texts]
        device = self.accelerator.device
        score = torch.tensor([torch.nan if s is None else s for s in parsed], device=device)
        about = torch.tensor([list(place), list(dimension)], device=device).T
        gather, size = self.accelerator.gather, self._group_size
        score = gather(score).view(-1, size)
        mean, variance = self._moments(about, score)
        about = gather(about.contiguous())[::size]  # groups are contiguous over the processes
        reward, weight = self._rank(about[:, 0], about[:, 1], score, mean, variance)
        self._group_factor = ranking.group_size_factor(score)
        notes = self._metrics["train" if self.model.training else "eval"]
        notes["parse_rate"].append((~score.isnan()).float().mean().item())
        notes["abstained"].append(score.isnan().sum().item())
        notes["effective_opponents"].append(ranking.effective_opponents(weight).mean().item())
        return reward.flatten()

    def _rank(self, place: Tensor, dimension: Tensor, score: Tensor, mean: Tensor, variance: Tensor):
        """Rewards (n, G) of n groups, and the weights (n, n) of their opponents."""
        elo, confidence, category = self.elo[dimension, place], self.confidence[dimension, place], self.category[place]
        known = ~mean.isnan()  # an image all of whose completions abstained is no opponent
        allowed = (
            (category[:, None] == category) & (dimension[:, None] == dimension) & (place[:, None] != place) & known
        )
        weight = confidence * allowed
        target = ranking.target_order(elo, elo)
        order = ranking.score_order(score, variance, mean.nan_to_num(), variance)
        return ranking.ranking_reward(ranking.fidelity(order, target[:, None, :]), weight), weight

    def _moments(self, about: Tensor, score: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of every group's image, constants of the reward; shape (n,)."""
        if self.args.opponent_moments == "group":
            return ranking.group_moments(score)
        places, where = about[:, 0].cpu().unique(return_inverse=True)
        with torch.no_grad():
            mean, variance = ranking.policy_moments(self._in_chunks(places))
        mine = torch.stack([m[about[:, 1], where.to(m.device)] for m in (mean, variance)], dim=1)
        mean, variance = self.accelerator.gather(mine.contiguous())[:: self._group_size].T
        return mean, variance

    @property
    def _group_size(self) -> int:
        return self.num_generations if self.model.training else self.num_generations_eval

    def _calculate_rewards(self, inputs, prompts, completions, completion_ids_list) -> Tensor:
        """One column; NaN abstains. (TRL's own would print every row that abstained, image and all.)"""
        place, dimension = zip(*((row["place"], row["dimension"]) for row in inputs), strict=True)
        return self.ranking_reward(completions, place, dimension)[:, None]

    def _generate_and_score_completions(self, inputs: list[dict]) -> dict:
        """As TRL's; then A_i = c_i (r_i - b_i), with the factor G / (G - 1) where it is asked for."""
        output = super()._generate_and_score_completions(
            [row | self.prompt(row["place"], row["dimension"]) for row in inputs]
        )
        place, dimension = (
            torch.tensor([row[key] for row in inputs], device=self.elo.device) for key in ("place", "dimension")
        )
        output["advantages"] = output["advantages"] * self.confidence[dimension, place]
        if self.args.group_size_correction:
            factor = self._group_factor.repeat_interleave(self._group_size)
            start = self.accelerator.process_index * len(inputs)
            output["advantages"] = output["advantages"] * factor[start : start + len(inputs)]
        return output

    # Score tokens only

    def _allow_score_tokens_only(self) -> None:
        allowed = set(self.readout.tokens.tolist())
        others = [i for i in range(self.core.config.get_text_config().vocab_size) if i not in allowed]
        self.generation_kwargs["suppress_tokens"] = self.generation_config.suppress_tokens = others

    def _get_per_token_logps_and_entropies(self, model, input_ids, attention_mask, logits_to_keep, *rest, **inputs):
        """As TRL's; among the ten score tokens where only those may be answered."""
        if self.args.score_tokens_only:
            model = ScoreTokenHead(model, self.readout.tokens, logits_to_keep, self.temperature)
        return super()._get_per_token_logps_and_entropies(
            model, input_ids, attention_mask, logits_to_keep, *rest, **inputs
        )


def _check_blocks(args: PSDistillConfig, table) -> None:
    """Blocks are as the config says: a smaller one would change the batch that TRL works with."""
    smallest = int(np.bincount(table.category[table.training_images]).min())
    if smallest < args.block_size:
        what = f"a category has {smallest} training images; a block takes {args.block_size}"
        fix = "give more images, or lower block_size (or the batch, or raise num_generations)"
        raise InputFault(Fault("images", "", what, fix))
    if args.block_size <= args.min_opponents:
        what = f"a block of {args.block_size} images gives {args.block_size - 1} opponents, not {args.min_opponents}"
        fix = "raise per_device_train_batch_size or gradient_accumulation_steps, or lower num_generations"
        raise InputFault(Fault("config", "block_size", what, fix))


def _check_reference(trainer: PSDistillTrainer) -> None:
    """TRL loads the reference from where the model says it is from; it must be the model that was given."""
    if trainer.ref_model is None or trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled:
        return
    given, reference = trainer.core.state_dict(), trainer.accelerator.unwrap_model(trainer.ref_model).state_dict()
    if given.keys() != reference.keys() or any(not torch.equal(given[k].cpu(), reference[k].cpu()) for k in given):
        source = trainer.core.config._name_or_path
        what = "the reference policy that TRL loaded from here is not the model that was given"
        raise InputFault(Fault(str(source), "", what, "save the starting model, load it again and give that"))
