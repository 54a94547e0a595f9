"""What the configs of both PSDistill trainers have in common."""

from __future__ import annotations

from dataclasses import dataclass, field

from .reporters import check_reporters
from .setting_values import out_of_bounds


@dataclass
class LabelFreeConfig:
    r"""
    Fields that [`PSDistillExactConfig`] and [`PSDistillConfig`] share; stands before a
    [`~transformers.TrainingArguments`] among the bases.

    Parameters:
        > Parameters that control the objective

        beta (`float`, *optional*, defaults to `0.02`):
            Weight of KL(policy || starting model).
        use_confidence (`bool`, *optional*, defaults to `True`):
            Whether images are weighted by the confidence of their pseudo-scores. `False` is for comparisons.

        > Parameters that control the blocks

        min_opponents (`int`, *optional*, defaults to `7`):
            Images of its own category (and, with sampled completions, dimension) that every image must at least meet in
            a step.

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
    > These parameters have default values different from [`~transformers.TrainingArguments`]:
    > - `learning_rate`: Defaults to `3e-4` instead of `5e-5`.
    > - `max_steps`: Defaults to `150` instead of `-1`; it must be positive.
    > - `per_device_eval_batch_size`: Defaults to `32` instead of `8`.
    > - `warmup_steps`: Defaults to `0.05` of the steps instead of `0`.
    > - `eval_strategy`, `save_strategy`: Default to `"steps"`; `eval_steps` and `save_steps` to `10`.
    > - `metric_for_best_model`: Defaults to `"log_loss"`, `greater_is_better` to `False`, `load_best_model_at_end` to
    >   `True`.
    > - `save_total_limit`: Defaults to `2`, the best checkpoint and the newest; `1` is read as `2`, since the parent would
    >   delete the newest at the end of training, and a run that is started again would train again from the best.
    > - `eval_on_start`: Defaults to `True`: the starting model is a candidate.
    > - `dataloader_pin_memory`: Defaults to `False`; `disable_tqdm` to `True`.
    """

    # Parameters whose default values are overridden from TrainingArguments
    learning_rate: float = field(default=3e-4, metadata={"help": "The initial learning rate for AdamW."})
    max_steps: int = field(default=150, metadata={"help": "Optimiser steps; must be positive."})
    per_device_eval_batch_size: int = field(default=32, metadata={"help": "Images per forward pass in evaluation."})
    warmup_steps: float = field(default=0.05, metadata={"help": "Warm-up: steps, or a share of all steps below 1."})
    eval_strategy: str = field(default="steps", metadata={"help": "When the held-out judgments are looked at."})
    eval_steps: float | None = field(default=10, metadata={"help": "Steps between two looks at them."})
    save_strategy: str = field(default="steps", metadata={"help": "When checkpoints are written."})
    save_steps: float = field(default=10, metadata={"help": "Steps between checkpoints; a multiple of eval_steps."})
    save_total_limit: int | None = field(
        default=2, metadata={"help": "Checkpoints kept: at least the best and the newest."}
    )
    metric_for_best_model: str | None = field(default="log_loss", metadata={"help": "What picks the checkpoint."})
    greater_is_better: bool | None = field(default=False, metadata={"help": "Whether more of it is better."})
    load_best_model_at_end: bool = field(default=True, metadata={"help": "Whether training ends on the one picked."})
    eval_on_start: bool = field(default=True, metadata={"help": "Whether the starting model is a candidate."})
    dataloader_pin_memory: bool = field(default=False, metadata={"help": "Nothing in a batch is worth pinning."})
    disable_tqdm: bool | None = field(default=True, metadata={"help": "Whether to show no tqdm bars."})

    # Parameters that control the objective
    beta: float = field(default=0.02, metadata={"help": "Weight of KL(policy || starting model)."})
    use_confidence: bool = field(
        default=True, metadata={"help": "Whether images are weighted by the confidence of their pseudo-scores."}
    )

    # Parameters that control the blocks
    min_opponents: int = field(
        default=7, metadata={"help": "Images of its own category that every image must at least meet in a step."}
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
        if complaints := out_of_bounds(vars(self)):
            raise ValueError("; ".join(f"{name} {complaint}" for name, complaint in complaints.items()))
        if self.vision_lora_r and not self.lora_r:
            raise ValueError("vision_lora_r needs lora_r: adapters on both, or none")
        check_reporters(self.report_to)
        if self.held_out_fraction == 0:  # nothing to pick a checkpoint by
            self.eval_strategy, self.load_best_model_at_end, self.eval_on_start = "no", False, False
        elif self.save_total_limit == 1:
            self.save_total_limit = 2
        super().__post_init__()
