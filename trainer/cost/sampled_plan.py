"""What the sampled trainer adds to a plan: generations, and the memory that they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .task_cost import TaskCosts

if TYPE_CHECKING:
    from ..psdistill_config import PSDistillConfig


@dataclass(frozen=True)
class Generations:
    """How often completions are sampled, and how many.

    Parameters
    ----------
    count : int
        Generations in the run.
    prompts : int
        Of one generation, over all devices: each is one image asked about in one dimension.
    group : int
        Completions G of each prompt.
    new_tokens : int
        Of a completion, at most.
    trained : int
        Completions that pass through training, each as often as it is used.

    Examples
    --------
    >>> Generations(count=150, prompts=16, group=8, new_tokens=64, trained=19200).completions
    19200
    """

    count: int
    prompts: int
    group: int
    new_tokens: int
    trained: int

    @property
    def completions(self) -> int:
        """Sampled in the whole run."""
        return self.count * self.prompts * self.group

    @classmethod
    def of(cls, args: PSDistillConfig) -> Generations:
        """As TRL lays them out; ``args`` are those of all devices together (see ``plan_run``)."""
        passes = args.max_steps * args.gradient_accumulation_steps
        return cls(
            count=-(-passes // (args.steps_per_generation * args.num_iterations)),
            prompts=args.generation_batch_size // args.num_generations,
            group=args.num_generations,
            new_tokens=args.max_completion_length,
            trained=passes * args.per_device_train_batch_size,
        )


def is_sampled(args) -> bool:
    """Whether training arguments are the sampled trainer's (found out without importing TRL)."""
    return hasattr(args, "num_generations")


def asks_old_policy(args: PSDistillConfig) -> bool:
    """Whether TRL takes log-probabilities of the policy that sampled: not where it still is the one that is trained."""
    every = args.steps_per_generation * args.num_iterations
    corrected = args.use_vllm and args.vllm_importance_sampling_correction
    return args.gradient_accumulation_steps % every != 0 or corrected


def sampled_stages(costs: TaskCosts, args: PSDistillConfig, *, recomputed: bool) -> list[tuple[str, int, int]]:
    """Name, rows and FLOPs of what the sampled trainer does in its steps; all of it is divided among the devices.

    Parameters
    ----------
    costs : TaskCosts
    args : PSDistillConfig
        Of all devices together.
    recomputed : bool
        Whether the language model's forward pass is done again in the backward pass.

    Returns
    -------
    list of (str, int, int)
    """
    plan, d = Generations.of(args), len(costs.shapes.dimensions)
    step = costs.sampled_step(plan.group, plan.new_tokens)
    rows, each = plan.completions, d * plan.group  # a step of TaskCosts has so many rows

    def work(name: str, count: int, flops: int) -> tuple[str, int, int]:
        return f"distill: {name}", count, count * flops // each

    name = f"generation, {plan.group} completions per question, up to {plan.new_tokens} tokens"
    stages = [work(name, rows, step.generation)]
    if args.beta:
        stages.append(work("reference policy on them", rows, step.reference))
    if asks_old_policy(args):
        stages.append(work("policy that sampled on them", rows, step.reference))
    if args.opponent_moments == "policy":
        images = plan.count * plan.prompts
        stages.append(("distill: moments of all opponents, without gradient", images, images * costs.rating_pass()))
    again = step.reference - each * costs.vision if recomputed else 0
    stages.append(work("training, forward and backward", plan.trained, step.training + again))
    return stages


def generation_bytes(costs: TaskCosts, args: PSDistillConfig, devices: int, width: int) -> int:
    """Bytes of one generation on a device: key-value cache, pixels, and what the widest layer holds in the prefill.

    An estimate: on the tiny model the live tensors' peak was measured at 1.10 of it.

    Parameters
    ----------
    costs : TaskCosts
    args : PSDistillConfig
        Of all devices together.
    devices : int
    width : int
        Bytes of a number.

    Returns
    -------
    int
    """
    text, vision = costs.shapes.config.text_config, costs.shapes.config.vision_config
    rows = -(-args.generation_batch_size // devices)
    positions = max(costs.shapes.rate.alone(costs.visual))
    cached = 2 * text.num_hidden_layers * text.num_key_value_heads * text.head_dim
    patches = costs.grid[0] * costs.grid[1] * costs.grid[2]
    pixels = 4 * patches * vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
    wide = positions * (2 * text.hidden_size + 3 * text.intermediate_size)
    seen = patches * (2 * vision.hidden_size + 2 * vision.intermediate_size)
    cache = cached * (positions + args.max_completion_length) * width
    return rows * (cache + pixels + max(wide, seen) * width)
