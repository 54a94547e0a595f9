"""Configuration of the sampled PSDistill trainer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from trl import GRPOConfig

from .reporters import check_reporters

OPPONENT_MOMENTS = ("group", "policy")

# What makes the expected sampled gradient the exact one; method notes 3.3, docs/estimators-of-the-objective.md.
EXACT_CONDITIONS: dict[str, Any] = {
    "scale_rewards": "none",
    "group_size_correction": True,
    "score_tokens_only": True,
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "min_p": None,
    "repetition_penalty": 1.0,
    "opponent_moments": "policy",
    "num_iterations": 1,
    "use_bias_correction_kl": True,
    "loss_type": "grpo",
    "top_entropy_quantile": 1.0,
    "entropy_coef": 0.0,
    "off_policy_mask_threshold": None,
    "multi_objective_aggregation": "sum_then_normalize",
}


@dataclass
class PSDistillConfig(GRPOConfig):
    r"""
    Configuration class for the [`PSDistillTrainer`].

    This class includes only the parameters that are specific to sampled PSDistill. For a full list of training arguments,
    please refer to the [`~trl.GRPOConfig`] documentation. Note that default values in this class may differ from those
    in [`~trl.GRPOConfig`].

    Parameters:
        > Parameters that control the answers

        score_tokens_only (`bool`, *optional*, defaults to `False`):
            Whether a completion is one of the ten score tokens and nothing else: all other tokens, the end of the text
            among them, are masked in generation, and the log-probabilities of policy and reference are renormalised over
            the ten in training too. Sets `max_completion_length` to 1 and, for vLLM, the matching regular expression.
            Otherwise the answer is free text, from which a score is parsed; what cannot be parsed abstains.
        think_first (`bool`, *optional*, defaults to `False`):
            Whether the question asks to think first and to give the score between `<answer>` and `</answer>`.
        think_prompt (`str`, *optional*):
            How it asks that; stands behind the question. Nothing but the tagged answer is parsed then.

        > Parameters that control the objective

        use_confidence (`bool`, *optional*, defaults to `True`):
            Whether advantages and opponents are weighted by the confidence of their pseudo-scores.
        opponent_moments (`str`, *optional*, defaults to `"group"`):
            Where the mean and the variance of the images of a generation batch come from: `"group"`, the scores sampled
            for each; `"policy"`, one pass without gradient over the ten score tokens at the answer position, which
            think-first answers do not have.
        group_size_correction (`bool`, *optional*, defaults to `False`):
            Whether advantages are multiplied by G / (G - 1), G being the completions of the group that answered.
        exact_conditions (`bool`, *optional*, defaults to `False`):
            The switch under which the expected sampled gradient is that of `PSDistillExactTrainer` with
            `objective="policy"`. Sets `scale_rewards="none"`, `group_size_correction`, `score_tokens_only`, plain sampling
            at temperature 1, `opponent_moments="policy"`, one iteration on the newest generations (ratio 1),
            `use_bias_correction_kl=True` and `loss_type="grpo"`. A setting that says otherwise is refused.

        > Parameters that control the blocks

        block_size (`int`, *optional*):
            Images of one category and one dimension per block. By default all prompts of a generation batch
            (`generation_batch_size // num_generations`), so that the dimensions take turns; a share of it puts several
            dimensions of the same images in one step.
        min_opponents (`int`, *optional*, defaults to `7`):
            Images of its own category and dimension that every image must at least meet in a step.

        > Parameters that control what is trained

        lora_r (`int`, *optional*, defaults to `0`):
            Rank of LoRA adapters on the language model; 0 trains all its weights.
        lora_alpha (`int`, *optional*, defaults to `32`):
            Scale of the adapters.
        lora_target_modules (`list[str]`, *optional*):
            Names of the language model's layers that get adapters; by default all its linear layers.
        vision_lora_r (`int`, *optional*, defaults to `0`):
            Rank of LoRA adapters on the vision tower's linear layers (attention, blocks and mergers), scaled as the
            language model's are; needs `lora_r`. 0 freezes the tower: an image's features are then computed once, and
            not in every pass.

        > Parameters that control the label-free stopping

        held_out_fraction (`float`, *optional*, defaults to `0.15`):
            Share of the images outside the pool that are held out with every judgment that touches them. The
            checkpoint whose scores (single-pass readout) order those judgments best is kept; the starting model is a
            candidate. With `0` nothing is held out, and the last weights are kept.

    > [!NOTE]
    > These parameters have default values different from [`~trl.GRPOConfig`]:
    > - `learning_rate`: Defaults to `3e-4` instead of `1e-6`.
    > - `beta`: Defaults to `0.02` instead of `0.0`.
    > - `max_steps`: Defaults to `150` instead of `-1`; it must be positive.
    > - `per_device_train_batch_size`: Defaults to `32` completions instead of `8`, `gradient_accumulation_steps` to `4`
    >   instead of `1`: with 8 completions per image, 16 images per step.
    > - `per_device_eval_batch_size`: Defaults to `32`; `num_generations_eval` to `1`: evaluation samples nothing.
    > - `warmup_steps`: Defaults to `0.05` of the steps instead of `0`.
    > - `bf16`: Defaults to `True` on a GPU and `False` on a CPU instead of `True`.
    > - `activation_checkpointing`: Defaults to `True`; the old name, `gradient_checkpointing`, to `None` instead of `True`.
    > - `eval_strategy`, `save_strategy`: Default to `"steps"`; `eval_steps` and `save_steps` to `10`.
    > - `metric_for_best_model`: Defaults to `"log_loss"`, `greater_is_better` to `False`, `load_best_model_at_end` to
    >   `True`.
    > - `save_total_limit`: Defaults to `2`: the best checkpoint and the newest.
    > - `eval_on_start`: Defaults to `True`: the starting model is a candidate.
    > - `disable_tqdm`: Defaults to `True`; `dataloader_pin_memory` to `False`.
    """

    # Parameters whose default values are overridden from GRPOConfig
    learning_rate: float = field(default=3e-4, metadata={"help": "The initial learning rate for AdamW."})
    beta: float = field(default=0.02, metadata={"help": "Weight of KL(policy || starting model)."})
    max_steps: int = field(default=150, metadata={"help": "Optimiser steps; must be positive."})
    per_device_train_batch_size: int = field(default=32, metadata={"help": "Completions per forward pass on a device."})
    gradient_accumulation_steps: int = field(default=4, metadata={"help": "Forward passes per optimiser step."})
    per_device_eval_batch_size: int = field(default=32, metadata={"help": "Images per forward pass in evaluation."})
    num_generations_eval: int | None = field(default=1, metadata={"help": "Not used: evaluation samples nothing."})
    warmup_steps: float = field(default=0.05, metadata={"help": "Warm-up: steps, or a share of all steps below 1."})
    eval_strategy: str = field(default="steps", metadata={"help": "When the held-out judgments are looked at."})
    eval_steps: float | None = field(default=10, metadata={"help": "Steps between two looks at them."})
    save_strategy: str = field(default="steps", metadata={"help": "When checkpoints are written."})
    save_steps: float = field(default=10, metadata={"help": "Steps between checkpoints; a multiple of eval_steps."})
    save_total_limit: int | None = field(default=2, metadata={"help": "Checkpoints kept: the best and the newest."})
    metric_for_best_model: str | None = field(default="log_loss", metadata={"help": "What picks the checkpoint."})
    greater_is_better: bool | None = field(default=False, metadata={"help": "Whether more of it is better."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Whether training ends on the one picked."})
    eval_on_start: bool = field(default=True, metadata={"help": "Whether the starting model is a candidate."})
    gradient_checkpointing: bool | None = field(default=None, metadata={"help": "The old name of the next."})
    activation_checkpointing: bool | None = field(default=True, metadata={"help": "Whether to save memory so."})
    dataloader_pin_memory: bool = field(default=False, metadata={"help": "Nothing in a batch is worth pinning."})
    disable_tqdm: bool | None = field(default=True, metadata={"help": "Whether to show no tqdm bars."})

    # Parameters that control the answers
    score_tokens_only: bool = field(
        default=False, metadata={"help": "Whether a completion is one of the ten score tokens and nothing else."}
    )
    think_first: bool = field(default=False, metadata={"help": "Whether the question asks to think first."})
    think_prompt: str = field(
        default="Think about it first, then give the score between <answer> and </answer>.",
        metadata={"help": "How it asks that; stands behind the question."},
    )

    # Parameters that control the objective
    use_confidence: bool = field(
        default=True, metadata={"help": "Whether images are weighted by the confidence of their pseudo-scores."}
    )
    opponent_moments: str = field(
        default="group",
        metadata={
            "help": "Where the moments of the opponents come from: 'group', their sampled scores; 'policy', a pass "
            "without gradient over the ten score tokens.",
            "choices": list(OPPONENT_MOMENTS),
        },
    )
    group_size_correction: bool = field(
        default=False, metadata={"help": "Whether advantages are multiplied by G / (G - 1)."}
    )
    exact_conditions: bool = field(
        default=False,
        metadata={"help": "Sets all that makes the expected sampled gradient the exact trainer's."},
    )

    # Parameters that control the blocks
    block_size: int | None = field(
        default=None,
        metadata={"help": "Images of one category and dimension per block; by default, all prompts of a generation."},
    )
    min_opponents: int = field(
        default=7, metadata={"help": "Images of its category and dimension that every image must meet in a step."}
    )

    # Parameters that control what is trained
    lora_r: int = field(default=0, metadata={"help": "Rank of LoRA adapters; 0 trains the whole language model."})
    lora_alpha: int = field(default=32, metadata={"help": "Scale of the adapters."})
    lora_target_modules: list[str] | None = field(
        default=None,
        metadata={"help": "Names of the language model's layers that get adapters; by default all linear ones."},
    )
    vision_lora_r: int = field(
        default=0, metadata={"help": "Rank of LoRA adapters on the vision tower; needs lora_r; 0 freezes the tower."}
    )

    # Parameters that control the label-free stopping
    held_out_fraction: float = field(
        default=0.15, metadata={"help": "Share of the images outside the pool that are held out for the stopping rule."}
    )

    def __post_init__(self) -> None:
        self._check_ranges()
        if self.exact_conditions:
            self._set_exact_conditions()
        if self.score_tokens_only:
            self.max_completion_length = 1
            self.vllm_structured_outputs_regex = "[0-9]"
        if self.held_out_fraction == 0:  # nothing to pick a checkpoint by
            self.eval_strategy, self.load_best_model_at_end, self.eval_on_start = "no", False, False
        if self.bf16 is None:
            self.bf16 = _on_gpu() and not self.use_cpu and not self.fp16
        super().__post_init__()
        self._check_generations()

    def _check_ranges(self) -> None:
        if self.max_steps < 1:
            raise ValueError(f"max_steps must be positive, got {self.max_steps}")
        if not 0 <= self.held_out_fraction < 1:
            raise ValueError(f"held_out_fraction must be at least 0 and below 1, got {self.held_out_fraction}")
        if self.beta < 0:
            raise ValueError(f"beta must not be negative, got {self.beta}")
        if self.min_opponents < 1:
            raise ValueError(f"min_opponents must be at least 1, got {self.min_opponents}")
        if self.vision_lora_r and not self.lora_r:
            raise ValueError("vision_lora_r needs lora_r: adapters on both, or none")
        check_reporters(self.report_to)
        if self.opponent_moments not in OPPONENT_MOMENTS:
            raise ValueError(f"opponent_moments must be one of {', '.join(OPPONENT_MOMENTS)}")
        if self.think_first and (self.score_tokens_only or self.exact_conditions or self.opponent_moments == "policy"):
            raise ValueError(
                "think_first answers are not read at one position: no score_tokens_only, no policy moments"
            )
        if self.score_tokens_only and self.mask_truncated_completions:
            raise ValueError("mask_truncated_completions would mask every answer: a score token ends without an EOS")
        if self.use_adaptive_entropy or self.sync_ref_model:
            name = "use_adaptive_entropy" if self.use_adaptive_entropy else "sync_ref_model"
            raise ValueError(f"{name} keeps a state that our checkpoints do not hold; a resumed run would differ")

    def _set_exact_conditions(self) -> None:
        defaults = {f.name: f.default for f in dataclasses.fields(self)}
        for name, wanted in EXACT_CONDITIONS.items():
            if getattr(self, name) not in (defaults[name], wanted):
                raise ValueError(f"exact_conditions needs {name}={wanted!r}, not {getattr(self, name)!r}")
            setattr(self, name, wanted)
        if (self.steps_per_generation or 0) > self.gradient_accumulation_steps or self.generation_batch_size:
            raise ValueError("exact_conditions needs one generation for each optimiser step (ratio 1)")

    def _check_generations(self) -> None:
        prompts = self.generation_batch_size // self.num_generations
        if self.block_size is None:
            self.block_size = prompts
        if prompts % self.block_size:
            raise ValueError(
                f"a generation of {prompts} prompts is not made of whole blocks (block_size={self.block_size})"
            )
        every = self.steps_per_generation * self.num_iterations
        if self.save_strategy == "steps" and (self.save_steps * self.gradient_accumulation_steps) % every:
            raise ValueError(
                f"save_steps={self.save_steps} would write checkpoints between two generations (one every {every} forward "
                "passes); TRL does not keep the completions in between, so such a run would not resume to the same weights"
            )


def _on_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
