"""What a run of PSDistill will need: judgments, forward passes, FLOPs and hours; memory by kind."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch

from ...foundation.faults import Fault, InputFault
from ...model_card.feature_cache import held_bytes
from ...model_card.judge import DEFAULT_BATCH
from ..judgments.judging import PAIRS_NEAR
from ..label_evidence import images_to_test
from ..psdistill_exact_config import PSDistillExactConfig
from ..pseudo_scores.schedule_sizes import OPPONENTS, POOL_SIZE, check_length, pool_members, schedule_length
from ..training_table import held_out_count
from . import flop_count
from .activation_memory import Activations, count_activations
from .model_shapes import ModelShapes
from .sampled_plan import Generations, generation_bytes, is_sampled, sampled_stages
from .task_cost import TaskCosts

if TYPE_CHECKING:
    from ..psdistill_config import PSDistillConfig

ADAM_STATES = 2
# The peak over what autograd keeps, measured on the tiny model (docs/cost.md): 1.03, with checkpointing 1.22.
HEADROOM = 1.25


@dataclass(frozen=True)
class RunSize:
    """How much is judged and on what it runs.

    Parameters
    ----------
    images : int
        Images of the one training category.
    width, height : int
        Of an image, in pixels.
    pool_size, opponents : int
        R and K of the reference pool.
    devices : int
        Processes, one per device.
    sharded : bool
        Whether weights, gradients and optimizer are spread over the devices (FSDP2).
    gpu : bool
        A GPU holds a model in bfloat16 where not all its weights are trained, a CPU in float32.
    bf16 : bool
        Mixed precision (autocast).
    """

    images: int
    width: int = 512
    height: int = 512
    pool_size: int = POOL_SIZE
    opponents: int = OPPONENTS
    devices: int = 1
    sharded: bool = False
    gpu: bool = True
    bf16: bool = False


@dataclass(frozen=True)
class Stage:
    """Passes of one kind.

    Parameters
    ----------
    name : str
    passes : int
        Rows through the model: an image, or an ordered pair.
    flops : int
        Of all of them, once.
    spread : bool
        Whether several devices divide them; if not, one does them all, or each of them does.
    """

    name: str
    passes: int
    flops: int
    spread: bool = False


@dataclass(frozen=True)
class RunPlan:
    """What a run will need.

    Parameters
    ----------
    parameters, trained : int
        Of the model, and those of them (or added to them, as adapters) that are trained.
    visual_tokens, rating_positions, pair_positions : int
        Tokens of an image; positions of a packed rating and of a packed ordered pair.
    ordered_pairs, judgments : int
        In the pool, of the others against it, and of its self-check.
    stages : tuple of Stage
    memory : dict of str to int
        Bytes on one device while it trains, by kind.
    disk : int
        Bytes of all checkpoints that lie on the disk together, at most; they stay until the run folder is removed.
    features_disk : int
        Bytes of the vision features of all images, in the judge's output folder.
    generations : Generations or None
        Of the sampled trainer.
    """

    parameters: int
    trained: int
    visual_tokens: int
    rating_positions: int
    pair_positions: int
    ordered_pairs: int
    judgments: int
    stages: tuple[Stage, ...]
    memory: dict[str, int]
    disk: int
    features_disk: int
    generations: Generations | None = None

    @property
    def flops(self) -> int:
        """Of the whole run; what every device does for itself is counted once."""
        return sum(stage.flops for stage in self.stages)

    @property
    def forward_passes(self) -> int:
        """Rows through the vision tower or the language model, in the whole run."""
        return sum(stage.passes for stage in self.stages)

    @property
    def memory_total(self) -> int:
        """Bytes on one device while it trains."""
        return sum(self.memory.values())

    def hours(self, tflops: float, devices: int = 1) -> float:
        """Hours at a rate that the devices really reach.

        Parameters
        ----------
        tflops : float
            10^12 FLOPs a second, of one device.
        devices : int

        Returns
        -------
        float
        """
        waited = sum(stage.flops / (devices if stage.spread else 1) for stage in self.stages)
        return waited / (tflops * 1e12 * 3600)

    def to_dict(self) -> dict:
        """Plain types."""
        derived = {"flops": self.flops, "forward_passes": self.forward_passes, "memory_total": self.memory_total}
        return asdict(self) | derived


def plan_run(shapes: ModelShapes, args: PSDistillExactConfig | PSDistillConfig, size: RunSize) -> RunPlan:
    """Plan a run of ``ppaint judge`` and ``ppaint distill`` from shapes alone.

    Parameters
    ----------
    shapes : ModelShapes
    args : PSDistillExactConfig or PSDistillConfig
        The sampled trainer's are those of all devices together: ``per_device_train_batch_size`` holds the rows of all of
        them, since TRL's checks ask how many processes there are, and a plan has one.
    size : RunSize

    Returns
    -------
    RunPlan

    Raises
    ------
    InputFault
        If the vision tower is to be trained: its passes are not counted.
    """
    if args.vision_lora_r:
        what = "a plan counts a frozen vision tower: features once per image"
        raise InputFault(Fault("config", "vision_lora_r", what, "plan without it (vision_lora_r=0), and leave room"))
    grid = flop_count.image_grid(shapes.config, size.width, size.height, shapes.pixels)
    costs = TaskCosts(shapes, grid, lora_r=args.lora_r, lora_targets=args.lora_target_modules)
    pairs = 2 * unordered_pairs(size.images, size.pool_size, size.opponents)
    weights = WeightSizes.of(costs, size)
    return RunPlan(
        parameters=weights.parameters,
        trained=weights.trained,
        visual_tokens=costs.visual,
        rating_positions=shapes.rate.packed(costs.visual),
        pair_positions=shapes.compare.packed(costs.visual),
        ordered_pairs=pairs,
        judgments=pairs * len(shapes.dimensions),
        stages=_stages(costs, args, size, pairs),
        memory=_memory(shapes, costs, args, size, weights),
        disk=_disk(args, weights),
        features_disk=_features(shapes, costs, size, weights),
        generations=Generations.of(args) if is_sampled(args) else None,
    )


def unordered_pairs(images: int, pool_size: int, opponents: int) -> int:
    """Pairs that ``ppaint judge`` asks, each in both orders.

    Parameters
    ----------
    images, pool_size, opponents : int

    Returns
    -------
    int

    Examples
    --------
    >>> unordered_pairs(200, 32, 12)        # 203 in the pool, 168 x 12 outside it, 128 that check the pool
    2347
    """
    members = pool_members(pool_size, images)
    games = min(opponents, members - 1)
    return schedule_length(members) + (images - members) * games + check_length(members)


def firsts_read(images: int, pool_size: int, opponents: int, *, batch: int = DEFAULT_BATCH) -> int:
    """How often an image is read that pairs show first: about once for all pairs of a batch in which it stands first.

    Parameters
    ----------
    images, pool_size, opponents : int
    batch : int
        Ordered pairs per batch.

    Returns
    -------
    int

    Examples
    --------
    >>> firsts_read(200, 32, 12), 2 * unordered_pairs(200, 32, 12)
    (608, 4694)
    """
    members = pool_members(pool_size, images)
    games = min(opponents, members - 1)
    asked = [(2 * schedule_length(members), members), (2 * check_length(members), members)]
    for part in (games // 2, games - games // 2):  # two rounds; half of their pairs show a member first
        against = (images - members) * part
        asked += [(against, images - members), (against, -(-against // PAIRS_NEAR) * members)]
    read = 0
    for pairs, firsts in asked:  # ordered pairs, and how many images stand first in them
        often = firsts + pairs // batch  # a batch begins with the pairs that the one before it left of an image
        read += often if 2 * often <= pairs else pairs
    return read


@dataclass(frozen=True)
class WeightSizes:
    """Parameters and the bytes that each takes.

    Parameters
    ----------
    parameters, trained, frozen : int
        Of the model; trained; not trained.
    trained_bytes, frozen_bytes : int
        A parameter, trained or not.
    judge_bytes : int
        A parameter of the judge, which stays loaded during training.
    """

    parameters: int
    trained: int
    frozen: int
    trained_bytes: int
    frozen_bytes: int
    judge_bytes: int

    @classmethod
    def of(cls, costs: TaskCosts, size: RunSize) -> WeightSizes:
        """As ``load_model`` and peft hold them: adapters and fully trained weights in float32."""
        counts = [(p.requires_grad, p.numel()) for p in costs.trained.parameters()]
        trained = sum(n for asked, n in counts if asked)
        frozen = sum(n for asked, n in counts if not asked)
        half = 2 if size.gpu else 4
        parameters = sum(p.numel() for p in costs.model.parameters())
        return cls(parameters, trained, frozen, 4, half if costs.lora_r else 4, half)


def _stages(costs: TaskCosts, args, size: RunSize, pairs: int) -> tuple[Stage, ...]:
    rate, compare = costs.shapes.rate, costs.shapes.compare
    asked = costs.rating_pass()
    n, firsts = size.images, firsts_read(size.images, size.pool_size, size.opponents)
    folds = getattr(args, "folds", 0)
    looks = number_of_looks(args) * looked_at(n, pool_members(size.pool_size, n), args.held_out_fraction)
    if folds:  # every fold's model scores all images at every look, and says how far each is from the others
        looks = folds * (2 + number_of_checkpoints(args)) * n + len(images_to_test(n, args.seed))
    return (
        Stage("judge: vision features", n, n * costs.vision, spread=True),
        Stage(f"judge: ratings, {len(rate.questions)} questions per pass", n, n * asked, spread=True),
        Stage("judge: images that pairs show first, about", firsts, firsts * costs.first_image_pass(), spread=True),
        Stage(
            f"judge: ordered pairs behind them, {len(compare.questions)} questions per pass",
            pairs,
            pairs * costs.behind_first_image_pass(),
            spread=True,
        ),
        Stage("distill: vision features", n, n * costs.vision),
        *(_sampled_steps(costs, args, n) if is_sampled(args) else _exact_steps(costs, args, size)),
        Stage(
            "distill: looks at left-out images" if folds else "distill: looks at held-out judgments",
            looks,
            looks * asked,
        ),
    )


def _exact_steps(costs: TaskCosts, args: PSDistillExactConfig, size: RunSize) -> list[Stage]:
    n, asked = size.images, costs.rating_pass()
    batch = args.per_device_train_batch_size * size.devices
    rows = max(1, args.folds) * args.max_steps * batch * args.gradient_accumulation_steps
    step = costs.training_pass(recomputed=recomputes(args)) + (asked if recomputes(args) else 0)
    stages = [
        Stage("distill: ratings before and after, reference policy", 3 * n, 3 * n * asked),
        Stage("distill: training, forward and backward", rows, rows * step, spread=True),
    ]
    if args.gradient_accumulation_steps > 1:
        moments = "distill: moments of all opponents, without gradient"
        stages.append(Stage(moments, rows, rows * asked, spread=True))
    return stages


def _sampled_steps(costs: TaskCosts, args: PSDistillConfig, n: int) -> list[Stage]:
    before = Stage("distill: ratings before and after", 2 * n, 2 * n * costs.rating_pass())
    return [before, *(Stage(*one, spread=True) for one in sampled_stages(costs, args, recomputed=recomputes(args)))]


def recomputes(args) -> bool:
    """Whether activations are computed again in the backward pass; transformers has an older name for it too."""
    return bool(getattr(args, "activation_checkpointing", None) or args.gradient_checkpointing)


def number_of_looks(args) -> int:
    """How often the held-out judgments are looked at, the starting model included.

    Examples
    --------
    >>> number_of_looks(PSDistillExactConfig(output_dir="none", max_steps=150, eval_steps=10))
    16
    """
    if args.held_out_fraction == 0 or str(getattr(args.eval_strategy, "value", args.eval_strategy)) != "steps":
        return 0
    every = args.eval_steps if args.eval_steps >= 1 else max(1, round(args.eval_steps * args.max_steps))
    return args.max_steps // int(every) + int(args.eval_on_start)


def number_of_checkpoints(args) -> int:
    """How many checkpoints one training writes, the last one included.

    Examples
    --------
    >>> number_of_checkpoints(PSDistillExactConfig(output_dir="none", max_steps=25, save_steps=10, folds=2))
    3
    """
    every = args.save_steps if args.save_steps >= 1 else max(1, round(args.save_steps * args.max_steps))
    return -(-args.max_steps // int(every))


def _disk(args, weights: WeightSizes) -> int:
    """Bytes of the checkpoints: weights as they are saved (of adapters, these alone), and what a run resumes from."""
    saved = weights.trained * weights.trained_bytes
    if not args.lora_r:
        saved += weights.frozen * weights.frozen_bytes
    resumed = ADAM_STATES * weights.trained * weights.trained_bytes
    written = number_of_checkpoints(args)
    if folds := getattr(args, "folds", 0):  # of a fold's older checkpoints the weights alone are kept
        return folds * (written * saved + resumed)
    written += int(args.held_out_fraction > 0)  # the starting model is one
    return min(written, args.save_total_limit or written) * (saved + resumed)


def looked_at(images: int, members: int, fraction: float) -> int:
    """Images of one look, at most: the held-out ones, and the pool members that they met.

    Examples
    --------
    >>> looked_at(200, 32, 0.15)
    57
    """
    held_out = held_out_count(images - members, fraction)
    return held_out + members if held_out else 0


def _memory(shapes: ModelShapes, costs: TaskCosts, args, size: RunSize, weights: WeightSizes) -> dict[str, int]:
    """Bytes on one device while it trains, by kind."""
    parts = size.devices if size.sharded else 1
    activations = round(
        HEADROOM * training_activations(shapes, costs.visual, args, size).kept(checkpointing=recomputes(args))
    )
    judge = weights.parameters * weights.judge_bytes
    memory = {
        "weights": (weights.trained * weights.trained_bytes + weights.frozen * weights.frozen_bytes) // parts,
        "gradients": weights.trained * weights.trained_bytes // parts,
        "optimizer": ADAM_STATES * weights.trained * weights.trained_bytes // parts,
        "activations": activations,
        "judge's weights": judge,
        "vision features": min(_features(shapes, costs, size, weights), held_bytes(judge)),
    }
    if is_sampled(args):
        if args.beta and not args.lora_r:  # adapters are switched off instead
            memory["reference policy's weights"] = weights.parameters * weights.frozen_bytes // parts
        if not args.use_vllm:
            made = round(HEADROOM * generation_bytes(costs, args, size.devices, weights.frozen_bytes))
            memory["generation, beyond the activations"] = max(0, made - activations)  # not at one time
    return memory


def _features(shapes: ModelShapes, costs: TaskCosts, size: RunSize, weights: WeightSizes) -> int:
    """Bytes of the vision features of all images, as they lie in a folder."""
    layers = 1 + len(shapes.config.vision_config.deepstack_visual_indexes)
    return size.images * costs.visual * shapes.config.text_config.hidden_size * layers * weights.judge_bytes


def training_activations(shapes: ModelShapes, visual: int, args, size: RunSize) -> Activations:
    """What a training pass of one device keeps for its backward pass."""
    rows, positions, answers = args.per_device_train_batch_size, shapes.rate.packed(visual), len(shapes.rate.questions)
    if is_sampled(args):  # TRL's head reads log-probabilities in tiles: of all logits it keeps none
        rows = -(-rows // size.devices)
        positions = max(shapes.rate.alone(visual)) + args.max_completion_length
        answers = int(args.score_tokens_only)
    return count_activations(
        shapes.config,
        positions,
        answers,
        rows,
        alone=not is_sampled(args),
        lora_r=args.lora_r,
        lora_targets=args.lora_target_modules,
        dtype=torch.bfloat16 if args.lora_r and size.gpu else torch.float32,
        autocast=torch.bfloat16 if size.bf16 else None,
    )
