"""What a judgment, a score and a training step cost at 8B: counted on published shapes, or timed with two layers.

    python benchmarks/flops.py                   # counts; writes results/flops.json and docs/cost.md
    python benchmarks/flops.py --wall            # 8B widths, two layers, fp32, CPU: about 10 GB; writes results/flops_wall.json
    python benchmarks/flops.py --wall --tiny     # the same on the tiny judge; writes nothing

Bars: a score in five dimensions at most 0.35 of five separate single-answer passes, a judgment in five dimensions and both
orders at most 0.35 of ten, an exact training step at most a tenth of a sampled one (G = 8, 64 new tokens).
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
import typer
from report_runs import write_result

from ppaint.dataset_script.stand_in.simulate import DIMENSIONS
from ppaint.trainer.cost.flop_count import image_grid
from ppaint.trainer.cost.model_shapes import read_shapes
from ppaint.trainer.cost.run_plan import firsts_read, unordered_pairs
from ppaint.trainer.cost.task_cost import TaskCosts

SIZES, GROUP, NEW_TOKENS, LORA_R = (512, 1024), 8, 64, 16
RUN = (200, 32, 12)  # images, members of the pool, opponents
BARS = {"score": 0.35, "judgment": 0.35, "exact step / sampled step": 0.1}


def count(side: int, lora_r: int) -> dict[str, Any]:
    """All tasks for square images of one size, with adapters (``lora_r``) or all weights trained."""
    shapes = read_shapes("qwen3-vl-8b", DIMENSIONS)
    grid = image_grid(shapes.config, side, side, shapes.pixels)
    costs = TaskCosts(shapes, grid, lora_r=lora_r)
    exact, sampled = costs.exact_step(), costs.sampled_step(GROUP, NEW_TOKENS)
    rate, compare = shapes.rate, shapes.compare
    tokens = {
        "image": costs.visual,
        "rating": {
            "prefix": rate.prefix(costs.visual),
            "questions": rate.questions,
            "packed": rate.packed(costs.visual),
        },
        "pair": {
            "prefix": compare.prefix(costs.visual),
            "questions": compare.questions,
            "packed": compare.packed(costs.visual),
        },
        "counted by": shapes.counted,
    }
    return {
        "parameters": sum(p.numel() for p in costs.model.parameters()),
        "tokens": tokens,
        "vision": costs.vision,
        "score": costs.score().to_dict(),
        "judgment": costs.judgment().to_dict(),
        "judgment in a run": judged_in_a_run(costs),
        "exact step": exact.to_dict(),
        "sampled step": {
            "plain": sampled.plain,
            "generation": sampled.generation,
            "reference": sampled.reference,
            "training": sampled.training,
            "floor": sampled.floor,
        },
        "exact step / sampled step": {
            "ours, vision and reference included": round(exact.ours / sampled.plain, 4),
            "ours, further steps": round(exact.known / sampled.plain, 4),
            "plain": round(exact.plain / sampled.plain, 4),
            "ours, further steps, to the sampled floor": round(exact.known / sampled.floor, 4),
        },
    }


def judged_in_a_run(costs: TaskCosts) -> dict[str, Any]:
    """A pair in both orders, features known: by itself, and as one of a run, in which pairs share the image shown first."""
    pairs, firsts = 2 * unordered_pairs(*RUN), firsts_read(*RUN)
    alone = 2 * costs.pair_pass()
    shared = round(2 * (costs.behind_first_image_pass() + costs.first_image_pass() * firsts / pairs))
    return {
        "images": RUN[0],
        "ordered pairs": pairs,
        "first images read": firsts,
        "by itself": alone,
        "first images shared": shared,
        "ratio": round(shared / alone, 4),
    }


def ratios(counted: dict[str, Any]) -> dict[str, float]:
    """Our way to the plain one, by bar, everything that our way needs included."""
    return {
        "score": counted["score"]["ratio"],
        "judgment": counted["judgment"]["ratio"],
        "exact step / sampled step": counted["exact step / sampled step"]["ours, vision and reference included"],
    }


def bars_met(counted: dict[str, Any]) -> dict[str, bool]:
    """Whether each bar is met."""
    return {name: found <= BARS[name] for name, found in ratios(counted).items()}


def write_counts() -> None:
    """Count everything, say it, write results/flops.json and docs/cost.md."""
    from cost_page import write_page

    counted: dict[str, Any] = {}
    for side in SIZES:
        for what, lora_r in (("adapters", LORA_R), ("all weights", 0)):
            name = f"{side} px, {what} trained"
            counted[name] = found = count(side, lora_r)
            typer.echo(
                f"{name}: score {found['score']['ratio']}, judgment {found['judgment']['ratio']}, exact / sampled step "
                f"{found['exact step / sampled step']}; bars met: {bars_met(found)}"
            )
            typer.echo(f"  tokens: {found['tokens']}")
    source = read_shapes("qwen3-vl-8b", DIMENSIONS).source
    settings = {"G": GROUP, "new tokens": NEW_TOKENS, "LoRA rank": LORA_R, "dimensions": DIMENSIONS, "bars": BARS}
    write_result("flops", {"model": "Qwen3-VL-8B", "source": source, "settings": settings, "counts": counted})
    write_page()


def main(
    wall: Annotated[bool, typer.Option("--wall", help="Time instead of count.")] = False,
    tiny: Annotated[bool, typer.Option("--tiny", help="With --wall: the tiny judge, nothing written.")] = False,
    side: Annotated[int, typer.Option(help="With --wall: pixels a side.")] = 512,
    repeats: Annotated[int, typer.Option(min=1, help="With --wall: the best of so many.")] = 2,
    threads: Annotated[int, typer.Option(min=1, help="With --wall: CPU threads.")] = 2,
) -> None:
    """Count (the default) or time."""
    if not wall:
        write_counts()
        return
    from wall_time import two_layers, wall_times

    torch.set_num_threads(threads)
    model, shapes = two_layers(DIMENSIONS, tiny=tiny)
    found = wall_times(model, shapes, side, group=GROUP, new_tokens=NEW_TOKENS, repeats=repeats, say=typer.echo)
    for name, value in found.items():
        typer.echo(f"{name}: {value}")
    if not tiny:
        measured = {"side": side, "repeats": repeats, "threads": threads, "times": found}
        measured["ratios of FLOPs, all layers"] = ratios(count(side, LORA_R))
        write_result("flops_wall", {"model": "Qwen3-VL-8B's widths, two layers each, fp32"} | measured)
        from cost_page import write_page

        write_page()


if __name__ == "__main__":
    typer.run(main)
