"""Configuration of the exact PSDistill trainer."""

from __future__ import annotations

from dataclasses import dataclass, field

from transformers import TrainingArguments

from .label_free_config import LabelFreeConfig

OBJECTIVES = ("policy", "fidelity", "judgments", "soft_labels")


@dataclass
class PSDistillExactConfig(LabelFreeConfig, TrainingArguments):
    r"""
    Configuration class for the [`PSDistillExactTrainer`].

    This class includes only the parameters that are specific to exact PSDistill; those that both trainers have (adapters,
    label-free stopping, `beta`, `learning_rate`, `max_steps` among them) are documented in [`LabelFreeConfig`]. For a full
    list of training arguments, please refer to the [`~transformers.TrainingArguments`] documentation. Note that default
    values in this class may differ from those in [`~transformers.TrainingArguments`].

    Parameters:
        > Parameters that control the objective

        objective (`str`, *optional*, defaults to `"fidelity"`):
            `"fidelity"`: confidence-weighted fidelity of the means' order to the pseudo-scores' order, differentiated
            through both images of a pair. `"policy"`: the same reward as the paper's family has it, for each score that
            might be answered, its expectation over completions taken exactly over the ten score tokens; what the sampled
            trainer estimates. Without a pool or a ranking reward, on the same judgments: `"judgments"`, a Bradley-Terry
            loss; `"soft_labels"`, cross-entropy on soft pseudo-scores. docs/ablations.md says which to use when, and why
            the default is not `"policy"`.
        sampled_answers (`int`, *optional*, defaults to `0`):
            `"policy"` only: G, at least 2, answers per image and dimension, drawn with replacement from the ten
            renormalised score tokens at temperature 1, out of the one pass that a step makes anyway; the group's mean is the
            baseline, advantages are multiplied by G / (G - 1). The expected gradient is that of the exact sum (`0`), which
            costs the same and has no noise: this is for comparisons with sampled training. Draws depend on seed, image,
            dimension and step alone. docs/estimators-of-the-objective.md has the formula and its variance.
        soft_label_stretch (`float`, *optional*, defaults to `2.0`):
            `"soft_labels"` only: spread of the labels over images, in units of the starting model's own spread.
        joint_fit (`bool`, *optional*, defaults to `False`):
            Whether pseudo-scores are learnt from as one Bradley-Terry fit of all judgments gives them, those of the pool and of
            the images outside it together, in place of scores against the frozen pool. Held-out images have no part in it. Of more
            than 320 images 320 are fitted, the pool among them, and the others rated against these.
        label_spread (`float`, *optional*, defaults to `0.0`):
            Standard deviation, in natural-log worths, that pseudo-scores get before they are learnt from, in every category and
            dimension whose reliability is below 0.9: there the judge's noise decides how far apart they are, and scores close
            together are learnt slowly. Where judgments are reliable, and with `0` everywhere, they stay as far apart as the judge has them.

        > Parameters that control the label-free stopping

        folds (`int`, *optional*, defaults to `0`):
            With K of at least 2, the model is trained K times, each time without one K-th of the images, and the scorer has
            the mean of their weights (of adapters, an adapter of K times the rank). The look whose left-out images are ordered best
            is averaged with all that are as good for all that is known; unless it orders them better than the starting model, that
            is kept. So it is, and nothing is trained, where pseudo-scores may have nothing to do with the images (a permutation
            test, p above 0.02). For few images and noisy judgments, where `held_out_fraction` leaves too few images to choose
            by; it is not used then, nor are `eval_steps`: every checkpoint (`save_steps`) is a look. Each training has
            `max_steps`, so the whole takes K times as many. Weights of every look stay on the disk until the run folder is removed. The mean has seen every image, so the
            threshold beyond which an image is out of distribution is an estimate by folds. Not with FSDP.

        > Parameters that control the blocks

        block_size (`int`, *optional*):
            Images of one category per block; all dimensions of an image are asked in one pass, so a block of images is a
            block in every dimension. By default, the batch size of a device. Fewer where a category has fewer images.

    > [!NOTE]
    > These parameters have default values different from [`~transformers.TrainingArguments`], in addition to those in [`LabelFreeConfig`]:
    > - `per_device_train_batch_size`: Defaults to `32` images instead of `8` rows.
    > - `logging_steps`: Defaults to `10` instead of `500`.
    > - `remove_unused_columns`: Defaults to `False`: a batch holds places in a table.
    """

    # Parameters whose default values are overridden from TrainingArguments
    per_device_train_batch_size: int = field(default=32, metadata={"help": "Images per forward pass on a device."})
    logging_steps: float = field(default=10, metadata={"help": "Steps between two log entries."})
    remove_unused_columns: bool = field(default=False, metadata={"help": "A batch holds places in a table only."})

    # Parameters that control the objective
    objective: str = field(
        default="fidelity",
        metadata={
            "help": "What is optimised: 'fidelity', 'policy' (the paper's family), or without a ranking reward, on the "
            "same judgments: 'judgments', 'soft_labels'.",
            "choices": list(OBJECTIVES),
        },
    )
    sampled_answers: int = field(
        default=0,
        metadata={
            "help": "'policy' only: answers per image and dimension that are drawn from the pass, at least 2; 0 takes the "
            "exact sum over the ten score tokens."
        },
    )
    soft_label_stretch: float = field(
        default=2.0,
        metadata={"help": "'soft_labels' only: spread of the labels in units of the starting model's own spread."},
    )
    joint_fit: bool = field(
        default=False,
        metadata={"help": "Learn from one fit of all judgments, in place of scores against the frozen pool."},
    )
    label_spread: float = field(
        default=0.0,
        metadata={
            "help": "Standard deviation, in natural-log worths, of pseudo-scores with a reliability below 0.9; 0: as they are."
        },
    )

    # Parameters that control the label-free stopping
    folds: int = field(
        default=0,
        metadata={
            "help": "Trainings, each without one fold of the images, whose weights are averaged; at least 2. 0: one training."
        },
    )

    # Parameters that control the blocks
    block_size: int | None = field(
        default=None, metadata={"help": "Images of one category per block; by default, the batch size of a device."}
    )

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}; got {self.objective!r}")
        if self.sampled_answers == 1:
            raise ValueError(
                "sampled_answers must be 0 (the exact sum) or at least 2, not 1: a group of one is its own mean"
            )
        if self.sampled_answers and self.objective != "policy":
            raise ValueError(
                f"sampled_answers needs objective='policy', not {self.objective!r}: no other is an expectation"
            )
        if self.folds == 1:
            raise ValueError("folds must be 0 (one training) or at least 2, not 1: one fold would hold out every image")
        if self.folds:
            self._look_at_checkpoints()
        if self.block_size is None:
            self.block_size = self.per_device_train_batch_size
        super().__post_init__()

    def _look_at_checkpoints(self) -> None:
        """With folds the looks are made of the checkpoints, when all folds are trained."""
        strategy = str(getattr(self.save_strategy, "value", self.save_strategy))
        if strategy != "steps":
            raise ValueError(f"folds needs the weights of every look: save_strategy must be 'steps', not {strategy!r}")
        self.eval_strategy, self.load_best_model_at_end, self.eval_on_start = "no", False, False
        # nothing is held out beyond a fold, and no evaluation is made: neither says which run this is
        self.held_out_fraction, self.eval_steps = 0.0, None
