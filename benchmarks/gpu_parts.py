"""The parts of benchmarks/gpu.py: each measures one thing on a ``Setting`` and gives plain figures.

Our way is the package's own code, as `ppaint judge`, `score` and `distill` run it. The plain way is `generate` with one row per
question, and its inputs are on the device before the clock starts, which is in its favour: ours opens with the image
processor. Either side is tried in several batches, and its best counts.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from gpu_setting import Device, Setting, Work
from transformers import TrainerCallback
from transformers.utils import logging as transformers_logging

from ppaint.model_card import AestheticScorer, Judge, ScorerConfig
from ppaint.model_card.compiled import compile_layers
from ppaint.model_card.first_images import read_once
from ppaint.model_card.memory import out_of_memory
from ppaint.model_card.prompts import single_token
from ppaint.trainer.cost.task_cost import TaskCosts

LORA_R = 16
LOST = "out of memory"


def best_of(tried: Sequence[Any], measure: Callable[[Any], float], device: Device) -> dict[str, Any]:
    """The highest rate over several batches; one that does not fit into memory is noted, and larger ones are left out.

    Parameters
    ----------
    tried : sequence
        Batches, the smallest first.
    measure : callable
        Gives the rate with one of them.
    device : Device

    Returns
    -------
    dict
        ``best``, ``batch`` (the one that reached it) and ``tried``, a rate or "out of memory" for each.

    Raises
    ------
    MemoryError
        If none fits.
    """
    rates: dict[Any, float] = {}
    rate_by_name: dict[str, float | str] = {}
    for batch in tried:
        name = " x ".join(str(n) for n in batch) if isinstance(batch, tuple) else str(batch)
        try:
            rates[batch] = measure(batch)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            rate_by_name[name] = LOST
            device.clear()
            if not isinstance(batch, tuple):  # a pair of sizes is no ladder
                break
            continue
        rate_by_name[name] = rates[batch]
    if not rates:
        raise MemoryError(f"{LOST} in every batch that was tried: {', '.join(rate_by_name)}")
    batch = max(rates, key=rates.__getitem__)
    return {"best": rates[batch], "batch": batch, "tried": rate_by_name}


def matrix_rate(device: Device) -> dict[str, Any]:
    """FLOPs a second of a product of two square matrices of random numbers: the best of five."""
    side = 8192 if device.gpu else 512
    left, right = (torch.randn(side, side, device=device.kind, dtype=device.dtype) for _ in range(2))
    out = torch.empty_like(left)
    for _ in range(3):
        torch.mm(left, right, out=out)
    many = 20 if device.gpu else 2

    def products() -> None:
        for _ in range(many):
            torch.mm(left, right, out=out)

    rate = max(2 * side**3 * many / device.seconds(products) for _ in range(5))
    return {"TFLOP a second": rate / 1e12, "side": side, "dtype": str(device.dtype).removeprefix("torch.")}


def judging(setting: Setting, work: Work, side: int) -> dict[str, Any]:
    """Answers a second, image features once per image, against a generated answer per question."""
    images, device = setting.images(work.images, side), setting.device
    judge = Judge(setting.model, setting.processor, setting.dimensions, revision="random weights")
    pairs = sorted(circle(work.images, work.opponents))  # by the image shown first, as `ppaint judge` asks

    def ours(batch: int) -> float:
        judge.batch_size = batch
        seen = judge.features(images)
        judge.compare([(seen[i], seen[j]) for i, j in pairs[:batch]])

        def whole() -> None:
            features = judge.features(images)
            judge.compare([(features[i], features[j]) for i, j in pairs])

        return len(pairs) * len(setting.dimensions) / device.seconds(whole)

    asked = [
        ((images[i], images[j]), setting.prompts.compare_question(name))
        for i, j in pairs
        for name in setting.dimensions
    ]
    found = against_generate(setting, work, ours, list(itertools.islice(itertools.cycle(asked), work.questions)))
    found |= _same_answers(setting, judge, images)
    found["TFLOP an answer"] = judging_flops(setting.costs(side), pairs, found["ours"]["batch"]) / len(asked) / 1e12
    return {"what": "answers a second", "ordered pairs": len(pairs)} | found | compiled(setting, ours, found)


def judging_flops(costs: TaskCosts, pairs: list[tuple[int, int]], batch: int) -> int:
    """FLOPs of pairs of image numbers, asked in batches, features known; those that share a first image read it once."""
    total = 0
    for start in range(0, len(pairs), batch):
        firsts = [str(first) for first, _ in pairs[start : start + batch]]
        read = read_once(firsts)
        shared = len(read) < len(firsts)
        behind = costs.behind_first_image_pass() if shared else costs.pair_pass()
        total += len(firsts) * behind + (len(read) * costs.first_image_pass() if shared else 0)
    return total


def scoring(setting: Setting, work: Work, side: int) -> dict[str, Any]:
    """Images a second in all dimensions, against a generated score for each; and the scorer's floor."""
    images, device, d = setting.images(work.scored, side), setting.device, len(setting.dimensions)
    config = ScorerConfig(dimensions=list(setting.dimensions), prompts=setting.prompts.to_dict())
    scorer = AestheticScorer(setting.model, setting.processor, config)

    def ours(batch: int) -> float:
        scorer.score(images[:batch], batch_size=batch)
        return len(images) / device.seconds(lambda: scorer.score(images, batch_size=batch))

    asked = [
        ((image,), setting.prompts.rate_question(name))
        for image in images[: work.images]
        for name in setting.dimensions
    ]
    found = against_generate(
        setting, work, ours, list(itertools.islice(itertools.cycle(asked), work.questions)), answers=d
    )
    batch = found["ours"]["batch"]
    opened = device.seconds(
        lambda: [
            setting.processor.image_processor(
                [one.image for one in images[k : k + batch]], return_tensors="pt", device=device.kind
            )
            for k in range(0, len(images), batch)
        ]
    )
    cost = setting.costs(side).score()
    counted = {"TFLOP an image": cost.ours / 1e12, "TFLOP an image, floor": cost.floor / 1e12}
    return (
        {"what": "images a second, all dimensions", "images": len(images)}
        | found
        | counted
        | {"image processor, s an image": opened / len(images)}
        | compiled(setting, ours, found)
    )


def compiled(setting: Setting, ours: Callable[[int], float], found: dict[str, Any]) -> dict[str, Any]:
    """Our rate once more in the best batch, the layers compiled; last of a part, since the model then stays compiled."""
    batch = found["ours"]["batch"]
    try:
        compile_layers(setting.model, backend="inductor" if setting.device.gpu else "aot_eager")
        first = setting.device.seconds(lambda: ours(batch))
        rate = ours(batch)
    except Exception as error:  # what was measured before stays
        return {"compiled": {"failed": f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}"}}
    finally:
        setting.forget_model()
    with_compiled = {"best": rate, "batch": batch, "first passes, compiling included, s": first}
    return {"compiled": with_compiled, "compiled ratio": rate / found["generate"]["best"]}


def against_generate(
    setting: Setting, work: Work, ours: Callable[[int], float], asked: list, *, answers: int = 1
) -> dict[str, Any]:
    """Our rate and that of `generate`, the best batch of each, and the ratio.

    Parameters
    ----------
    setting : Setting
    work : Work
    ours : callable
        Our rate with a batch size.
    asked : list of (images, question)
        A row each for `generate`; one new token each, the most likely one.
    answers : int
        Generated answers that make one of what is counted.

    Returns
    -------
    dict
    """
    model, device = setting.model, setting.device

    def plain(batch: int) -> float:
        inputs = [setting.plain_inputs(asked[k : k + batch]) for k in range(0, len(asked), batch)]

        def whole() -> None:
            for one in inputs:
                answer = model.generate(**one, max_new_tokens=1, do_sample=False)
                setting.processor.batch_decode(answer[:, one["input_ids"].shape[1] :])

        model.generate(**inputs[0], max_new_tokens=1, do_sample=False)
        return len(asked) / answers / device.seconds(whole)

    mine = best_of(work.batches, ours, device)
    device.clear()
    theirs = best_of(work.plain_batches, plain, device)
    return {"ours": mine, "generate": theirs, "ratio": mine["best"] / theirs["best"]}


def _same_answers(setting: Setting, judge: Judge, images: Sequence) -> dict[str, float]:
    """How far our log-odds are from those that `generate` sees at its first token, for one pair; both sides must ask the same."""
    tokens = [single_token(setting.processor.tokenizer, name) for name in (judge.prompts.first, judge.prompts.second)]
    rows = [(tuple(images[:2]), judge.prompts.compare_question(name)) for name in setting.dimensions]
    out = setting.model.generate(
        **setting.plain_inputs(rows),
        max_new_tokens=1,
        do_sample=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    logits = out.logits[0][:, tokens].double().cpu().numpy()
    (mine,) = judge.compare([tuple(judge.features(images[:2]))])
    apart = np.abs(mine - (logits[:, 0] - logits[:, 1])).max()
    return {"largest difference of log-odds": float(apart), "log-odds, largest": float(np.abs(mine).max())}


def circle(count: int, opponents: int) -> list[tuple[int, int]]:
    """Every image against the next ones, in both orders.

    Examples
    --------
    >>> circle(3, 1)
    [(0, 1), (1, 0), (1, 2), (2, 1), (2, 0), (0, 2)]
    """
    ahead = ((i, (i + k) % count) for i in range(count) for k in range(1, opponents + 1))
    return [pair for i, j in ahead for pair in ((i, j), (j, i))]


class StepClock(TrainerCallback):
    """Seconds from the end of an optimiser step to the end of the next: all that a step needs is in between."""

    def __init__(self, device: Device) -> None:
        self.device, self.ends = device, []

    def on_step_end(self, args, state, control, **kwargs) -> None:
        """Note the time."""
        self.device.wait()
        self.ends.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        """Of a step, on average; the first one is left out."""
        return float(np.diff(self.ends).mean())


def exact_training(setting: Setting, work: Work, side: int) -> dict[str, Any]:
    """Images a second of the exact trainer, adapters on the language model."""
    from ppaint.trainer import PSDistillExactConfig, PSDistillExactTrainer

    device = setting.device
    images = setting.images(max(a * b for a, b in work.exact), side)
    judge = Judge(setting.model, setting.processor, setting.dimensions, revision="random weights")
    features, scores = judge.features(images), setting.scores(images)
    once = device.seconds(lambda: judge.rate(judge.features(images))) / len(images)

    def rate(sizes: tuple[int, int]) -> float:
        rows, passes = sizes
        with training(setting, work.steps) as (options, clock):
            args = PSDistillExactConfig(
                objective="policy",
                per_device_train_batch_size=rows,
                gradient_accumulation_steps=passes,
                block_size=rows * passes,
                min_opponents=rows * passes - 1,
                **options,
            )
            trainer = PSDistillExactTrainer(
                setting.model, args, setting.processor, features, scores, prompts=setting.prompts, callbacks=[clock]
            )
            trainer.train()
        return rows * passes / clock.seconds

    found = best_of(work.exact, rate, device)
    return {
        "what": "images a second, all dimensions",
        "sizes": "images per pass x passes per step",
        **found,
        "features and reference, s an image": once,
        "every image new": 1 / (1 / found["best"] + once),
        "TFLOP an image": setting.costs(side, lora_r=LORA_R).exact_step().known / 1e12,
    }


def sampled_training(setting: Setting, work: Work, side: int) -> dict[str, Any]:
    """Images a second of the sampled trainer on TRL's own path, adapters on the language model."""
    from ppaint.trainer import PSDistillConfig, PSDistillTrainer

    prompts = max(a * b for a, b in work.sampled) // work.group
    images = setting.images(prompts, side)
    scores = setting.scores(images)
    features = Judge(setting.model, setting.processor, setting.dimensions).features(images)
    token = setting.processor.tokenizer.convert_tokens_to_ids
    never = [token(name) for name in ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>")]

    def rate(sizes: tuple[int, int]) -> float:
        rows, passes = sizes
        here = rows * passes // work.group
        with training(setting, work.sampled_steps) as (options, clock):
            args = PSDistillConfig(
                per_device_train_batch_size=rows,
                gradient_accumulation_steps=passes,
                num_generations=work.group,
                max_completion_length=work.new_tokens,
                generation_kwargs={"min_new_tokens": work.new_tokens, "suppress_tokens": never},
                block_size=here,
                min_opponents=here - 1,
                **options,
            )
            trainer = PSDistillTrainer(
                *(setting.model, args, setting.processor, images, scores),
                prompts=setting.prompts,
                features=features,
                callbacks=[clock],
            )
            trainer.train()
        return here / len(setting.dimensions) / clock.seconds

    found = best_of(work.sampled, rate, setting.device)
    counts = {"completions per question": work.group, "new tokens": work.new_tokens}
    counts["TFLOP an image"] = setting.costs(side, lora_r=LORA_R).sampled_step(work.group, work.new_tokens).plain / 1e12
    return (
        {"what": "images a second, all dimensions", "sizes": "completions per pass x passes per step"} | counts | found
    )


@contextlib.contextmanager
def training(setting: Setting, steps: int) -> Iterator[tuple[dict[str, Any], StepClock]]:
    """Options that both trainers share, and a clock; the model that was trained is dropped afterwards."""
    transformers_logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "output_dir": folder,
            "max_steps": 1 + steps,
            "lora_r": LORA_R,
            "held_out_fraction": 0.0,
            "save_strategy": "no",
            "logging_strategy": "no",
            "report_to": [],
            "activation_checkpointing": False,
            "bf16": setting.device.gpu,
            "use_cpu": not setting.device.gpu,
            "seed": 0,
        }
        try:
            yield options, StepClock(setting.device)
        finally:
            setting.forget_model()
