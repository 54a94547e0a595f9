"""The page docs/cost.md, made of results/flops.json and, where there is one, results/flops_wall.json."""

from __future__ import annotations

from pathlib import Path

from report_runs import RESULTS, read_json, table

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"
T = 1e12


def task_rows(counts: dict[str, dict]) -> list[list[str]]:
    """Judgments and scores: a row a task and size (they do not depend on what is trained)."""
    rows = []
    for name, found in counts.items():
        if "adapters" not in name:
            continue
        for task, words in (
            ("score", "score, five dimensions"),
            ("judgment", "judgment, five dimensions, both orders"),
        ):
            cost = found[task]
            values = [cost[key] / T for key in ("plain", "ours", "known", "floor")]
            rows.append([name.split(",")[0], words, *(f"{v:.2f}" for v in values), f"**{cost['ratio']:.3f}**", "0.35"])
    return rows


def step_rows(counts: dict[str, dict]) -> list[list[str]]:
    """Training steps: a row a size and a set of trained weights."""
    rows = []
    for name, found in counts.items():
        exact, sampled, ratio = found["exact step"], found["sampled step"], found["exact step / sampled step"]
        rows.append(
            [
                name,
                *(f"{value / T:.1f}" for value in (exact["plain"], exact["ours"], exact["known"])),
                *(f"{sampled[key] / T:.1f}" for key in ("plain", "generation", "reference", "training", "floor")),
                f"**{ratio['ours, vision and reference included']:.4f}**",
                f"{ratio['ours, further steps']:.4f}",
                f"{ratio['ours, further steps, to the sampled floor']:.3f}",
            ]
        )
    return rows


def token_rows(counts: dict[str, dict]) -> list[list[str]]:
    """Token counts by size."""
    rows = []
    for name, found in counts.items():
        if "adapters" not in name:
            continue
        tokens = found["tokens"]
        for kind in ("rating", "pair"):
            one = tokens[kind]
            lengths = ", ".join(str(n) for n in one["questions"])
            row = [name.split(",")[0], kind, str(tokens["image"]), str(one["prefix"]), lengths, str(one["packed"])]
            rows.append([*row, ", ".join(str(one["prefix"] + n) for n in one["questions"])])
    return rows


def wall_part() -> list[str]:
    """The section on seconds; what to run where nobody has run it."""
    command = "`python benchmarks/flops.py --wall`"
    lines = ["", "## In seconds, on a CPU", ""]
    lines.append(
        "The 8B model's widths with two layers in each tower and random weights in float32 (about 10 GB), the code that "
        "ppaint itself runs. The sampled step is timed for one of the five dimensions, times five."
    )
    if not (RESULTS / "flops_wall.json").is_file():
        return [*lines, "", f"Not run yet: {command}."]
    wall = read_json(RESULTS / "flops_wall.json")
    rows = [
        [task, f"{row['plain']:.1f}", f"{row['ours']:.1f}", f"**{row['ratio']:.3f}**", f"{row['FLOP ratio']:.3f}"]
        for task, row in wall["times"].items()
    ]
    header = ["task", "plainly, s", "our way, s", "ratio", "ratio of the FLOPs of the same two layers"]
    return [*lines, "", table(header, rows), "", f"`{wall['command']}`, {wall['side']} px."]


def write_page() -> None:
    """Write docs/cost.md."""
    result = read_json(RESULTS / "flops.json")
    counts = result["counts"]
    parameters = next(iter(counts.values()))["parameters"] / 1e9
    page = [
        "# What it costs at 8B",
        "",
        "**[ours]** Counted on shapes, not timed, unless a heading says seconds: no weights, no GPU. No figure here is the paper's.",
        "",
        f"Model: {result['model']}, {parameters:.3f} billion parameters, from its published shapes "
        "(`trainer/configs/qwen3_vl_8b_shapes.yaml`). Questions: the shipped ones (`model_card/prompts.py`), five dimensions.",
        "",
        "## A score and a judgment",
        "",
        "TFLOP (10^12; a multiplication and an addition are two).",
        "",
        table(
            ["image", "task", "plainly", "our way", "of these, features known", "floor", "our way / plainly", "bar"],
            task_rows(counts),
        ),
        "",
        "- **Plainly**: a forward pass for each question (and order), the images through the vision tower every time, logits at the "
        "last position only (`logits_to_keep=1`).",
        "- **Our way**: the vision tower once an image; the five questions behind one prefix in one pass (`model_card/shared_prefix.py`), one "
        "such pass an order; logits at the five answer positions only.",
        "- **Features known**: without the vision tower. In a run each image meets a dozen others and is looked at once, so this is what "
        "a judgment costs there.",
        "- **Floor**: one prefix, five short questions, and of attention only what the block mask leaves visible.",
        "",
        "## A training step",
        "",
        "TFLOP for one image in five dimensions; a step of 32 images takes 32 times as much. The exact trainer makes one forward and backward pass; "
        "the sampled one (TRL's GRPO; G = 8 completions of 64 tokens a question, so 40 an image) generates, asks the reference, and trains.",
        "",
        table(
            [
                "",
                "exact, plainly",
                "exact, our way",
                "of these, further steps",
                "sampled, TRL's path",
                "generation",
                "reference",
                "training",
                "sampled, floor",
                "exact / sampled",
                "further steps",
                "further steps / sampled floor",
            ],
            step_rows(counts),
        ),
        "",
        "- **Exact, our way** holds the vision features and the reference policy too, which are had once a run; **further steps** with the same images "
        "do without. Bar: 0.1 of a sampled step.",
        "- **Sampled, TRL's path**: each completion is a row of its own, and its image goes through the vision tower in each of the three passes; a "
        "key-value cache in generation; logits at the completion's positions only; no second pass for old log-probabilities (on policy).",
        "- **Sampled, floor**: nothing done twice that 40 completions could share: vision features and prefill once, one packed reference and training pass with only visible attention. "
        "No code here does that; it is there to show how much of the ratio rests on TRL's repetitions: against it a further exact step is at "
        "most a tenth at 512 px, and more than a tenth at 1,024 px, where the image itself is most of the work on either side.",
        "- Adapters: rank 16 on all linear layers of the language model. The vision tower is frozen. Nothing is recomputed (gradient checkpointing "
        "would add one forward pass to either side), and optimizers are not counted.",
        "",
        "## Tokens",
        "",
        table(
            ["image", "about", "visual tokens", "prefix", "questions", "packed pass", "separate passes"],
            token_rows(counts),
        ),
        "",
        "A question's length goes from behind the last image to the answer position, the chat template's five tokens included. They were "
        "counted with Qwen's own byte-pair vocabulary.",
        "",
        "## How it was counted",
        "",
        "torch's `FlopCounterMode` on the meta device (`model_card/flop_count.py`): matrix products, convolutions and attention; not norms, "
        "softmax, rotary positions or look-ups. The vision tower needs the real grid of patches, so positions and lengths are made on the CPU for that grid and "
        "handed to the tower, whose weights stay on the meta device: all 27 layers are run. Generation is counted at the first and the last token: in between, the cost grows "
        "by the same amount with each.",
        "",
        "**Attention is counted dense**, on both sides: a packed pass of T positions counts T x T although its block mask hides a good part of it, and "
        "a causal pass does too. A kernel that skips hidden blocks does less; the floor shows how little that is.",
        "",
        "On the tiny model the count equals, to the last FLOP, what `FlopCounterMode` says of real passes of the same tasks (score, judgment, exact step, sampled step with its generation): "
        "`tests/test_flop_count.py`.",
        *wall_part(),
        "",
        "## What a run will need",
        "",
        "```sh",
        "ppaint plan --model qwen3-vl-8b --config trainer/configs/qwen3_vl_8b_lora_one_gpu.yaml \\",
        "    --accelerate trainer/configs/accelerate_one_gpu.yaml --images 500 --image-px 512 --tflops 400 --memory-gb 80",
        "```",
        "",
        "prints parameters, memory by kind, judgments, passes, FLOPs and hours, from shapes alone. `--tflops` is the rate that the device reaches in this work, "
        "not the one on its data sheet: the hours are FLOPs over rate. Activations are what autograd keeps, counted on the meta device (on the tiny model within 1 % of "
        "what it keeps really, `tests/test_plan_command.py`), times 1.25: the live tensors' peak was measured there at 1.03 of it, with gradient checkpointing at 1.22 or less.",
        "",
        f"`{result['command']}`",
        "",
        f"Versions: {', '.join(f'{name} {number}' for name, number in result['versions'].items())}.",
        "",
    ]
    PAGE.write_text("\n".join(page), encoding="utf-8")
