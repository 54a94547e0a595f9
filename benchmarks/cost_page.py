"""The page docs/cost.md, made of results/flops.json and, where they are, results/flops_wall.json and results/gpu.json."""

from __future__ import annotations

from pathlib import Path

from report_runs import RESULTS, read_json, table

PAGE = Path(__file__).parents[1] / "docs" / "cost.md"
T = 1e12


def task_rows(counts: dict[str, dict]) -> list[list[str]]:
    """Judgments and scores: one row per task and size (they do not depend on what is trained)."""
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
    """Training steps: one row per size and a set of trained weights."""
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


def heading(result: dict) -> list[str]:
    """What the page is about."""
    parameters = next(iter(result["counts"].values()))["parameters"] / 1e9
    return [
        "# What it costs at 8B",
        "",
        "**[ours]** Counted on shapes, not timed, unless a heading says seconds or GPU: no weights. No figure here is the paper's.",
        "",
        f"Model: {result['model']}, {parameters:.3f} billion parameters, from its published shapes "
        "(`trainer/configs/qwen3_vl_8b_shapes.yaml`). Questions: the shipped ones (`model_card/prompts.py`), five dimensions.",
        "",
    ]


def task_part(counts: dict[str, dict]) -> list[str]:
    """Judgments and scores."""
    header = ["image", "task", "plainly", "our way", "of these, features known", "floor", "our way / plainly", "bar"]
    return [
        "## A score and a judgment",
        "",
        "TFLOP (10^12; a multiplication and an addition are two).",
        "",
        table(header, task_rows(counts)),
        "",
        "- **Plainly**: a forward pass for each question (and order), the images through the vision tower every time, logits at the "
        "last position only (`logits_to_keep=1`).",
        "- **Our way**: the vision tower once per image; the five questions behind one prefix in one pass (`model_card/shared_prefix.py`), one "
        "such pass per order; logits at the five answer positions only. Of a judgment (and a training step) the last layer is computed there only too (`model_card/last_layer.py`); of a score the states at the image's positions are read as well.",
        "- **Features known**: without the vision tower: in a run each image meets a dozen others and is looked at once.",
        "- **Floor**: one prefix, five short questions, and of attention only what the block mask leaves visible.",
        "",
    ]


def run_part(counts: dict[str, dict]) -> list[str]:
    """Judgments in a run, in which pairs share the image that is shown first."""
    runs = {name.split(",")[0]: found["judgment in a run"] for name, found in counts.items() if "adapters" in name}
    one = next(iter(runs.values()))
    rows = [
        [size, f"{run['by itself'] / T:.2f}", f"{run['first images shared'] / T:.2f}", f"**{run['ratio']:.3f}**"]
        for size, run in runs.items()
    ]
    return [
        "## A judgment in a run",
        "",
        "TFLOP for a pair in both orders and five dimensions, the vision features known.",
        "",
        table(["image", "by itself", "first images shared", "ratio"], rows),
        "",
        "Pairs that show the same image first stand in one batch, and the language model reads that image once for all of them "
        f"(`model_card/first_images.py`). `ppaint judge` on {one['images']} images at its default settings asks {one['ordered pairs']:,} ordered pairs "
        f"and reads about {one['first images read']:,} first images, in batches of 32; larger batches read fewer. Compiled layers (`--compile`) read "
        "every pair by itself.",
        "",
    ]


STEP_HEADER = [
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
]


def step_part(counts: dict[str, dict]) -> list[str]:
    """Training steps."""
    return [
        "## A training step",
        "",
        "TFLOP for one image in five dimensions; a step of 32 images takes 32 times as much. The exact trainer makes one forward and backward pass; "
        "the sampled one (TRL's GRPO; G = 8 completions of 64 tokens per question, so 40 per image) generates, asks the reference, and trains.",
        "",
        table(STEP_HEADER, step_rows(counts)),
        "",
        "- **Exact, our way** holds the vision features and the reference policy too, which are computed once per run; **further steps** with the same images "
        "do without. Bar: 0.1 of a sampled step.",
        "- **Sampled, TRL's path**: each completion is a row of its own, and its image goes through the vision tower in each of the three passes; a "
        "key-value cache in generation; logits at the completion's positions only; no second pass for old log-probabilities (on policy).",
        "- **Sampled, floor**: nothing done twice that 40 completions could share: vision features and prefill once, one packed reference and training pass with only visible attention. "
        "No code here does that; it is there to show how much of the ratio rests on TRL's repetitions: against it a further exact step is at "
        "most a tenth at 512 px, and more than a tenth at 1,024 px, where the image itself is most of the work on either side.",
        "- Adapters: rank 16 on all linear layers of the language model. The vision tower is frozen. Nothing is recomputed (gradient checkpointing "
        "would add one forward pass to either side), and optimizers are not counted.",
        "",
    ]


def token_part(counts: dict[str, dict]) -> list[str]:
    """Token counts."""
    header = ["image", "about", "visual tokens", "prefix", "questions", "packed pass", "separate passes"]
    return [
        "## Tokens",
        "",
        table(header, token_rows(counts)),
        "",
        "Words that all questions begin with stand in the prefix. A question's length goes from its first token of its own to the answer position, the chat template's five tokens included. They were "
        "counted with Qwen's own byte-pair vocabulary.",
        "",
    ]


def method_part() -> list[str]:
    """How it was counted."""
    return [
        "## How it was counted",
        "",
        "torch's `FlopCounterMode` on the meta device (`trainer/cost/flop_count.py`): matrix products, convolutions and attention; not norms, "
        "softmax, rotary positions or look-ups. The vision tower needs the real grid of patches, so positions and lengths are made on the CPU for that grid and "
        "handed to the tower, whose weights stay on the meta device: all 27 layers are run. Generation is counted at the first and the last token: in between, the cost grows "
        "by the same amount with each.",
        "",
        "**Attention is counted dense**, on both sides: a packed pass of T positions counts T x T although its block mask hides a good part of it, and "
        "a causal pass does too. A kernel that skips hidden blocks does less; the floor shows how little that is.",
        "",
        "On the tiny model the count equals, to the last FLOP, what `FlopCounterMode` says of real passes of the same tasks (score, judgment, exact step, sampled step with its generation): "
        "`tests/test_flop_count.py`.",
        "",
    ]


def wall_part(bars: dict[str, float]) -> list[str]:
    """The section on seconds; what to run where nobody has run it."""
    lines = ["## In seconds, on a CPU", ""]
    if not (RESULTS / "flops_wall.json").is_file():
        return [*lines, "Not run yet: `python benchmarks/flops.py --wall`.", ""]
    wall = read_json(RESULTS / "flops_wall.json")
    of_all = wall["ratios of FLOPs, all layers"]
    rows = [
        [
            task,
            f"{row['plain']:.1f}",
            f"{row['ours']:.1f}",
            f"**{row['ratio']:.3f}**",
            f"{row['FLOP ratio']:.3f}",
            f"{of_all[task]:.3f}",
            f"{bars[task]}",
        ]
        for task, row in wall["times"].items()
    ]
    header = ["task", "plainly, s", "our way, s", "ratio in seconds", "FLOPs, the same two layers", "FLOPs, all layers"]
    times = {1: "once", 2: "twice"}.get(wall["repeats"], f"{wall['repeats']} times")
    return [
        *lines,
        "The 8B model's full widths with two layers in each tower (vision and language), random weights in float32 (about 10 GB), by the code "
        f"that ppaint itself runs, {wall['side']} px; FLOPs are those of its version of that time. Each task was timed {times} after a warm-up, with {wall['threads']} thread(s) on a "
        "machine that others used too. The sampled step is timed for one of the five dimensions, times five.",
        "",
        table([*header, "bar"], rows),
        "",
        "With two layers instead of 36 and 27, the output layer (152,000 tokens wide) weighs more beside the layers and the vision "
        "tower's weight changes too, so the counted ratio of the same two layers is given next to the measured one, and that of the whole model behind it.",
        "",
        f"`{wall['command']}`",
        "",
    ]


def gpu_part() -> list[str]:
    """What was measured on a GPU, or that nothing was."""
    lines = ["## On a GPU", ""]
    if not (RESULTS / "gpu.json").is_file():
        return [
            *lines,
            "**Not measured: nobody has run it on a GPU yet.** Whoever has one (80 GB; about five minutes by the counts above, "
            "nothing is downloaded, the weights are random) runs",
            "",
            "```sh",
            "python benchmarks/gpu.py",
            "```",
            "",
            "and this page shows the rates, the scorer's share of its floor and the bars that are met. `--tiny` only tries, on a CPU, whether every part runs.",
            "",
        ]
    found = read_json(RESULTS / "gpu.json")
    rows = [
        [
            name,
            "not measured" if row["figure"] is None else f"**{row['figure']:.2f}**",
            f"{row['bar']}",
            met(row["met"]),
        ]
        for name, row in found["bars"].items()
    ]
    failed = [f"- {name}: {part['failed']}" for name, part in found["parts"].items() if "failed" in part]
    return [
        *lines,
        f"Measured on one {found['device']}: {found['model']}, {found['dtype']}, by the code that ppaint itself runs. "
        "Rates by batch, and seconds: `benchmarks/results/gpu.json`.",
        "",
        table(["", "figure", "bar", "met"], rows),
        "",
        table(["", "ours", "layers compiled", "`generate`, one new token per question"], rate_rows(found["parts"])),
        "",
        *training_lines(found["parts"]),
        *compiled_lines(found["parts"]),
        *floor_lines(found),
        *reached_lines(found["parts"]),
        "- `generate` answers 128 questions in each batch size and is given its inputs ready on the GPU; ours opens with the image processor, "
        "which favours `generate`. On the other side, the judge is timed over several batches at once, each launched while the one before it "
        "runs; `ppaint judge` stores a batch before it launches the next, and waits a little for each.",
        "- The questions are in the tiny judge's vocabulary, at most three tokens shorter each than in Qwen's own, hence a slightly lower floor than in "
        "the table above. The images are 512 px already, so nothing is resized. 1,024 px was not measured.",
        "",
        *failed,
        *([""] if failed else []),
        f"{found['note']} {found['command']}. Versions: {', '.join(f'{name} {number}' for name, number in found['versions'].items())}.",
        "",
    ]


def compiled_lines(parts: dict[str, dict]) -> list[str]:
    """What compiling costs once, and from where on it pays."""
    lines = []
    for name, part in parts.items():
        plain, fast = part.get("ours", {}).get("best", 0), part.get("compiled", {}).get("best", 0)
        if fast <= plain:
            continue
        counted = part["images"] if "images" in part else 5 * part["ordered pairs"]
        extra = part["compiled"]["first passes, compiling included, s"] - counted / fast
        unit = part["what"].split(" a second")[0]
        lines.append(
            f"- **Compiled** ({name} px), by `--compile`: the first passes took about {extra:.0f} s longer, once per run, so it pays from some "
            f"{round(extra / (1 / plain - 1 / fast), -3):,.0f} {unit} on."
            + (
                " Compiled layers read every pair by itself, though, which by the counts above costs more where pairs share the image shown first."
                * name.startswith("judge")
            )
        )
    return lines


def floor_lines(found: dict) -> list[str]:
    """What the floor is, and what stands between it and the scorer."""
    rate = found["parts"].get("matrix-rate", {}).get("TFLOP a second")
    if rate is None:
        return []
    return [
        f"- **The floor** is the scorer's counted FLOPs over the measured rate of a large matrix product ({rate:.0f} TFLOP a second). Between the matrix products "
        "stand small operations (norms, rotary positions, gates), each a kernel of its own unless the layers are compiled."
    ]


def reached_lines(parts: dict[str, dict]) -> list[str]:
    """FLOPs a second that each kind of work reached: what `ppaint plan --tflops` asks for."""
    reached_by_kind = []
    for name, part in parts.items():
        cost = part.get("TFLOP an image") or part.get("TFLOP an answer")
        ways = {way: part[way]["best"] for way in ("ours", "compiled") if "best" in part.get(way, {})}
        if cost is None:
            continue
        if name.startswith("scorer"):
            reached = " and ".join(f"{rate * cost:.0f} ({way})" for way, rate in ways.items())
        else:
            reached = f"{ways.get('ours', part.get('best')) * cost:.0f}"
        reached_by_kind.append(f"{name.split()[0]} {reached}")
    if not reached_by_kind:
        return []
    return [
        "- **Reached**, TFLOP a second (rates times FLOPs, those of features left out for judge and exact trainer): "
        f"{', '.join(reached_by_kind)}. It is what `ppaint plan --tflops` asks for."
    ]


def rate_rows(parts: dict[str, dict]) -> list[list[str]]:
    """Judge and scorer, each with the batch that was its best."""
    rows = []
    for name, part in parts.items():
        if "generate" in part:
            kind, side = name.split()
            tried = [part.get(way, {}) for way in ("ours", "compiled", "generate")]
            cells = [f"{way['best']:.1f} ({way['batch']})" if "best" in way else "not measured" for way in tried]
            rows.append([f"{kind}, {side} px: {part['what']} (batch)", *cells])
    return rows


def training_lines(parts: dict[str, dict]) -> list[str]:
    """Images a second of both trainers."""
    lines = []
    for name, part in parts.items():
        if name.startswith("exact") and "best" in part:
            exact, side = part, name.split()[1]
            lines.append(
                f"- **Exact trainer**, {side} px, adapters on the language model: {exact['best']:.1f} images a second in all dimensions once features and reference "
                f"are known, {exact['every image new']:.1f} with every image new."
            )
        if name.startswith("sampled") and "best" in part:
            lines.append(
                f"- **Sampled trainer**, {name.split()[1]} px, TRL's own path with transformers' generation (no vLLM): {part['best']:.2f} images a second in all dimensions, "
                f"{part['completions per question']} completions of {part['new tokens']} tokens. One step was timed, in one batch size; the exact trainer's best is of two."
            )
    return lines


def met(answer: bool | None) -> str:
    """Yes, no, or nothing where it was not measured."""
    return {True: "yes", False: "no", None: ""}[answer]


def plan_part() -> list[str]:
    """What a run will need."""
    return [
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
        "`--estimator sampled` plans the sampled trainer: generations, completions, the passes of reference and training, and the memory of a generation (key-value cache, "
        "pixels, prefill), which is an estimate: the peak was measured at 1.10 of it on the tiny model, and it is taken times 1.25 too. A real step of TRL's trainer "
        "with the tiny judge takes the FLOPs that are planned within 2 %, its activations are within 10 % (same tests). "
        "Generation is taken to be transformers' own; with vLLM, its memory comes on top.",
        "",
    ]


def write_page() -> None:
    """Write docs/cost.md."""
    result = read_json(RESULTS / "flops.json")
    counts = result["counts"]
    parts = (
        heading(result),
        task_part(counts),
        run_part(counts),
        step_part(counts),
        token_part(counts),
        method_part(),
        wall_part(result["settings"]["bars"]),
        gpu_part(),
        plan_part(),
        [
            f"`{result['command']}`",
            "",
            f"Versions: {', '.join(f'{name} {number}' for name, number in result['versions'].items())}.",
            "",
        ],
    )
    PAGE.write_text("\n".join(line for part in parts for line in part), encoding="utf-8")


if __name__ == "__main__":  # after a result was copied from another machine
    write_page()
