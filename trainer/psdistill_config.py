"""Configuration of the sampled PSDistill trainer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from trl import GRPOConfig

from .label_free_config import LabelFreeConfig

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
class PSDistillConfig(LabelFreeConfig, GRPOConfig):
    r"""
    Configuration class for the [`PSDistillTrainer`].

    This class includes only the parameters that are specific to sampled PSDistill; those that both trainers have
    (adapters, label-free stopping, `beta`, `learning_rate`, `max_steps` among them) are documented in
    [`LabelFreeConfig`]. For a full list of training arguments, please refer to the [`~trl.GRPOConfig`] documentation.
    Note that default values in this class may differ from those in [`~trl.GRPOConfig`].

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

    > [!NOTE]
    > These parameters have default values different from [`~trl.GRPOConfig`], in addition to those in [`LabelFreeConfig`]:
    > - `per_device_train_batch_size`: Defaults to `32` completions instead of `8`, `gradient_accumulation_steps` to `4`
    >   instead of `1`: with 8 completions per image, 16 images per step.
    > - `num_generations_eval`: Defaults to `1`: evaluation samples nothing.
    > - `bf16`: Defaults to `True` on a GPU and `False` on a CPU instead of `True`.
    > - `activation_checkpointing`: Defaults to `True`; the old name, `gradient_checkpointing`, to `None` instead of `True`.
    """

    # Parameters whose default values are overridden from GRPOConfig
    per_device_train_batch_size: int = field(default=32, metadata={"help": "Completions per forward pass on a device."})
    gradient_accumulation_steps: int = field(default=4, metadata={"help": "Forward passes per optimiser step."})
    num_generations_eval: int | None = field(default=1, metadata={"help": "Not used: evaluation samples nothing."})
    gradient_checkpointing: bool | None = field(
        default=None, metadata={"help": "The old name of activation_checkpointing."}
    )
    activation_checkpointing: bool | None = field(
        default=True, metadata={"help": "Whether to compute activations again in the backward pass, to save memory."}
    )

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

    def __post_init__(self) -> None:
        self._check_answers()
        if self.exact_conditions:
            self._set_exact_conditions()
        if self.score_tokens_only:
            self.max_completion_length = 1
            self.vllm_structured_outputs_regex = "[0-9]"
        if self.bf16 is None:
            self.bf16 = _on_gpu() and not self.use_cpu and not self.fp16
        super().__post_init__()
        self._check_generations()

    def _check_answers(self) -> None:
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
