"""``ppaint plan``: what a run will need, before a weight is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..trainer.estimator import Estimator
from ..trainer.pseudo_scores.schedule_sizes import OPPONENTS, POOL_SIZE, SMALLEST_SET, pool_members
from ..trainer.tiny_judge import TINY_JUDGE, model_source

if TYPE_CHECKING:
    from ..trainer.cost.model_shapes import ModelShapes
    from ..trainer.cost.run_plan import RunPlan, RunSize
    from ..trainer.recipes import Recipe

PLANNED_LATER = ("images", "pseudo_labels", "out")  # `distill` needs them, a plan does not
SHARDING = "FSDP"


def plan(
    config: Annotated[
        Path | None,
        typer.Option(
            help="The YAML file that `ppaint distill --config` will take; without one, the recommended recipe."
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="qwen3-vl-8b (its published shapes), 'tiny', or a local folder; default: as in the file."),
    ] = "",
    overrides: Annotated[
        list[str] | None, typer.Argument(help="KEY=VALUE, each replaces the file's value: lora_r=16")
    ] = None,
    estimator: Annotated[Estimator, typer.Option(help="As for `ppaint distill`: exact, or sampled.")] = Estimator.exact,
    images: Annotated[int, typer.Option(min=SMALLEST_SET, help="Images of the training category.")] = 200,
    image_px: Annotated[
        str, typer.Option(help="Size of an image in pixels: 512, or 768x1024 (width x height).")
    ] = "512",
    dimension: Annotated[
        list[str] | None, typer.Option(help="A dimension to ask about; may be given several times.")
    ] = None,
    pool_size: Annotated[int, typer.Option(min=6, help="Images in the reference pool.")] = POOL_SIZE,
    opponents: Annotated[
        int, typer.Option(min=2, help="Pool members that every other image is compared with.")
    ] = OPPONENTS,
    accelerate: Annotated[
        Path | None, typer.Option(help="The accelerate file that the run is launched with; without it, one process.")
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="The run is on a CPU: weights in float32.")] = False,
    tflops: Annotated[
        float | None, typer.Option(help="Rate that one device reaches, in TFLOP/s; adds hours to the plan.")
    ] = None,
    memory_gb: Annotated[float | None, typer.Option(help="Memory of one device, in GB (10^9 bytes).")] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Also write the plan to this file.")] = None,
) -> None:
    """Print what a run of `ppaint judge` and `ppaint distill` will need: parameters, memory by kind, judgments, passes,
    FLOPs and hours.

    Nothing is downloaded and no weight is read: passes are counted on the model's shapes.
    """
    from ..foundation.faults import Fault, InputFault
    from ..foundation.whole_files import check_can_be_written, write_json

    for name, value in (("--tflops", tflops), ("--memory-gb", memory_gb)):
        if value is not None and not 0 < value < float("inf"):
            raise InputFault(Fault(name, "", f"{value:g} is not an amount", "give a number above 0"))
    if json_out is not None:
        check_can_be_written(json_out, "--json", [given for given in (config, accelerate) if given])
    width, height = _pixels(image_px)
    launch = _launch(accelerate)
    inputs, options, mixed = _training_config(config, overrides or [], estimator, launch["processes"])

    from ..model_card.dimension_names import checked_dimensions
    from ..trainer.cost.model_shapes import read_shapes
    from ..trainer.cost.run_plan import RunSize, plan_run
    from .judge import standard_dimensions

    chosen = model_source(model or str(inputs.get("model") or TINY_JUDGE))
    shapes = read_shapes(chosen, checked_dimensions(dimension or standard_dimensions()))
    args = _by_recipe(inputs.get("recipe"), options, shapes, images, estimator)
    size = RunSize(
        images=images,
        width=width,
        height=height,
        pool_size=pool_size,
        opponents=opponents,
        devices=launch["processes"],
        sharded=launch["sharded"],
        gpu=not cpu,
        bf16=mixed or launch["bf16"],
    )
    planned = plan_run(shapes, args, size)
    for line in plan_lines(planned, size, tflops=tflops, memory_gb=memory_gb, name=shapes.name, counted=shapes.counted):
        typer.echo(line)
    if json_out is not None:
        hours = None if tflops is None else planned.hours(tflops, size.devices)
        write_json(json_out, {"model": shapes.name, "source": shapes.source, **planned.to_dict(), "hours": hours})


def plan_lines(
    planned: RunPlan, size: RunSize, *, tflops: float | None, memory_gb: float | None, name: str, counted: str
) -> list[str]:
    """The plan as it is printed, one line each.

    Parameters
    ----------
    planned : RunPlan
    size : RunSize
    tflops, memory_gb : float or None
        Of one device.
    name, counted : str
        The model, and how its tokens were counted.

    Returns
    -------
    list of str
    """
    devices = f"{size.devices} devices" if size.devices > 1 else "one device"
    lines = [
        f"{name}: {planned.parameters / 1e6:,.1f} million parameters, {planned.trained / 1e6:,.1f} million trained; {devices}",
        f"image {size.width} x {size.height} px: {planned.visual_tokens} tokens; a rating {planned.rating_positions} positions, "
        f"an ordered pair {planned.pair_positions} (tokens by {counted})",
        f"{size.images} images, pool {pool_members(size.pool_size, size.images)}, {size.opponents} opponents: "
        f"{planned.ordered_pairs:,} ordered pairs, {planned.judgments:,} judgments",
        *_generations(planned),
        "",
        f"{'memory on one device while it trains':<58}{'GB':>10}",
    ]
    lines += [f"  {kind:<56}{count / 1e9:>10.3f}" for kind, count in planned.memory.items()]
    lines += [f"  {'total':<56}{planned.memory_total / 1e9:>10.3f}"]
    if memory_gb is not None:
        lines.append(f"  {_fit(planned, memory_gb)}")
    lines += ["", f"{'disk':<58}{'GB':>10}", f"  {'checkpoints':<56}{planned.disk / 1e9:>10.3f}"]
    lines += [f"  {'vision features':<56}{planned.features_disk / 1e9:>10.3f}"]
    lines += ["", f"{'work':<58}{'passes':>10}{'PFLOP':>12}"]
    lines += [f"  {stage.name:<56}{stage.passes:>10,}{stage.flops / 1e15:>12.4g}" for stage in planned.stages]
    lines += [f"  {'total':<56}{planned.forward_passes:>10,}{planned.flops / 1e15:>12.4g}"]
    if tflops is not None:
        hours = planned.hours(tflops, size.devices)
        lines.append(
            f"  {hours:.3g} hours at {tflops:g} TFLOP a second and device; opening images and waiting not counted"
        )
        if size.devices > 1:
            lines.append(
                f"  (the {size.devices} devices divide judging and training; all else is done by one, or by each for itself)"
            )
    return lines


def _generations(planned: RunPlan) -> list[str]:
    """What the sampled trainer samples; the exact one samples nothing."""
    made = planned.generations
    if made is None:
        return []
    return [
        f"{made.count:,} generations of {made.prompts} questions, {made.group} completions each: {made.completions:,} "
        f"completions of at most {made.new_tokens} tokens"
    ]


def _fit(planned: RunPlan, memory_gb: float) -> str:
    if planned.memory_total <= memory_gb * 1e9:
        return f"fits in {memory_gb:g} GB"
    largest = max(planned.memory, key=planned.memory.__getitem__)
    fix = {
        "activations": "lower per_device_train_batch_size, or set activation_checkpointing: true",
        "generation, beyond the activations": "lower gradient_accumulation_steps or steps_per_generation",
        "vision features": "train on fewer or smaller images",
    }.get(largest, "train adapters (lora_r: 16), or shard over more devices (an accelerate file with FSDP)")
    return f"does NOT fit in {memory_gb:g} GB: most of it is {largest}; {fix}"


def _pixels(text: str) -> tuple[int, int]:
    from ..foundation.faults import Fault, InputFault

    parts = text.lower().split("x")
    if not (
        len(parts) in (1, 2) and all(p.isascii() and p.isdigit() and len(p) < 9 and 1 <= int(p) <= 16384 for p in parts)
    ):
        raise InputFault(Fault("--image-px", "", f"{text!r} is not a size", "write 512, or 768x1024 (width x height)"))
    return int(parts[0]), int(parts[-1])


def _training_config(
    path: Path | None, overrides: list[str], estimator: Estimator, processes: int
) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """Inputs, settings by name, and whether they ask for bfloat16, which a machine without a GPU refuses.

    The sampled trainer's settings come as those of all processes together: TRL checks them against the number of
    processes, and here there is one.
    """
    from ..trainer.estimator import config_class
    from ..trainer.training_config import read_config

    given = _unchecked(path, overrides)
    mixed = given.get("bf16") is True
    instead = [f"{name}=later" for name in PLANNED_LATER] + ["bf16=false"] * mixed
    sampled = estimator is Estimator.sampled
    rows = given.get("per_device_train_batch_size")
    if sampled and processes > 1 and (rows is None or type(rows) is int):  # read_config says what is wrong with others
        rows = config_class(estimator).per_device_train_batch_size if rows is None else rows
        instead.append(f"per_device_train_batch_size={rows * processes}")
    inputs, options = read_config(path, [*overrides, *instead], estimator)
    return inputs, options, mixed


def _by_recipe(recipe: Recipe | None, options: dict[str, Any], shapes: ModelShapes, images: int, estimator: Estimator):
    """The trainer's config: of a recipe, where one is named, and of what was given by name."""
    from ..trainer.estimator import config_class

    if recipe is not None:
        from ..trainer.cost.flop_count import shapes_only
        from ..trainer.recipes import recipe_settings
        from ..trainer.tiny_judge.known_weights import parameter_count

        parameters = parameter_count(shapes_only(shapes.config))
        options = recipe_settings(recipe, images=images, parameters=parameters, estimator=estimator, given=options)
    return config_class(estimator)(output_dir="planned-only", **options)


def _unchecked(path: Path | None, overrides: list[str]) -> dict[str, Any]:
    """What file and overrides say, unchecked."""
    from ..foundation.faults import InputFault
    from ..trainer.yaml_settings import read_settings

    try:
        return {key: setting.value for key, setting in read_settings(path, overrides)[0].items()}
    except InputFault:
        return {}  # read_config says what is wrong


def _launch(path: Path | None) -> dict[str, Any]:
    """What an accelerate file says of processes, sharding and precision."""
    if path is None:
        return {"processes": 1, "sharded": False, "bf16": False}
    import yaml

    from ..foundation.faults import Fault, InputFault

    fix = "give a file that `accelerate config` wrote; trainer/configs has two"
    if not path.is_file():
        raise InputFault(Fault(str(path), "--accelerate", "there is no such file", fix))
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except Exception as error:  # PyYAML raises nearly anything: YAMLError, ValueError, KeyError, RecursionError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputFault(Fault(str(path), "", f"not readable as YAML ({reason})", fix)) from error
    count = content.get("num_processes") if isinstance(content, dict) else None
    if type(count) is not int or count < 1:
        raise InputFault(Fault(str(path), "num_processes", "missing, or not a whole number above 0", fix))
    sharded = str(content.get("distributed_type")) == SHARDING
    return {"processes": count, "sharded": sharded, "bf16": content.get("mixed_precision") == "bf16"}
