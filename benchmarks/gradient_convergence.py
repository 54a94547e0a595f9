"""Does the mean of sampled gradients converge to the exact one, and how far off are they with other settings?

    python benchmarks/gradient_convergence.py --work runs/gradient

On the tiny judge that ships, its own pseudo-scores of painted scrolls, and a policy some steps away from the reference.
A completion is one token, so a prompt enters the loss only through the logits at its answer position. These are computed
once, by the real model, and stand in a table; TRL's own rewards-to-loss code (`_generate_and_score_completions` with a
`rollout_func` that draws from the table, `_compute_loss`) runs on it, and gradients of the table are pulled back through
the model to its weights. That is exact, not an approximation: the run checks it against TRL's whole path from pixels.

Resumable: draws are made in pieces, each a file. Writes benchmarks/results/gradient_convergence.json and
docs/figures/gradient_bias.png.
"""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import numpy as np
import torch
import typer
from report_runs import write_result
from resumable import in_pieces
from scipy.stats import t as student

FIGURE = Path(__file__).parents[1] / "docs" / "figures" / "gradient_bias.png"
IMAGES, SEED, BETA = 8, 0, 0.02
GROUPS = (2, 4, 8, 16, 32)
CONVERGENCE_BATCHES, BIAS_BATCHES = 20, 8
# A setting is the conditions of equality, changed in these.
SETTINGS = {
    "conditions of equality": {},
    "without G / (G - 1)": {"group_size_correction": False},
    "moments from the group": {"opponent_moments": "group"},
    "rewards scaled by the group's spread": {"scale_rewards": "group", "group_size_correction": False},
    "KL without its correction": {"use_bias_correction_kl": False},
    "TRL's defaults": {
        "scale_rewards": "group",
        "group_size_correction": False,
        "opponent_moments": "group",
        "score_tokens_only": False,
        "loss_type": "dapo",
    },
}


class AnswerTable(torch.nn.Module):
    """The logits at the answer position of every prompt, called as TRL calls a model; a prompt's one token is its row."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(logits.detach().clone())

    def forward(self, input_ids, attention_mask=None, labels=None, fused_lm_head=False, **_):
        """Log-probabilities of the labels (TRL's way), or logits of both positions (the score-token head's)."""
        logits = self.logits[input_ids[:, 0]]
        if not fused_lm_head:
            return SimpleNamespace(logits=logits[:, None].expand(-1, 2, -1))
        log_all = logits.log_softmax(-1)
        return SimpleNamespace(
            log_probs=log_all.gather(1, labels[:, 1:]), entropy=torch.zeros_like(labels[:, 1:], dtype=log_all.dtype)
        )


def prepare(work: Path) -> None:
    """Scrolls, the judge's own pseudo-scores of them, and a policy twenty exact steps away from the judge."""
    from ppaint.dataset_script.stand_in.latents import draw_latents
    from ppaint.dataset_script.stand_in.painting_job import paint_many
    from ppaint.images.image_folder import open_folder
    from ppaint.model_card import Judge
    from ppaint.model_card.loading import load_model
    from ppaint.trainer import PSDistillExactConfig, PSDistillExactTrainer, Schedule, pseudo_label_images
    from ppaint.trainer.tiny_judge import WEIGHTS

    if (work / "policy").is_dir():
        return
    folder = work / "scrolls"
    folder.mkdir(parents=True, exist_ok=True)
    latents = draw_latents(40, np.random.default_rng([SEED, 77]))
    for i, scroll in enumerate(paint_many(latents, "landscape", (SEED, 78), processes=1)):
        scroll.save(folder / f"{i:03d}.png")
    names = ("composition", "brushwork", "ink_and_color", "artistic_conception", "overall")
    judge = Judge.from_pretrained(WEIGHTS, dimensions=names, device="cpu")
    labels = pseudo_label_images(judge, open_folder(folder, _quiet), work / "labels", _quiet, schedule=Schedule(16, 8))
    args = PSDistillExactConfig(
        output_dir=str(work / "steps"),
        use_cpu=True,
        objective="policy",
        seed=SEED,
        max_steps=20,
        per_device_train_batch_size=16,
        report_to=[],
    )
    args.load_best_model_at_end = False
    model, processor = load_model(WEIGHTS, device="cpu")
    trainer = PSDistillExactTrainer(model, args, processor, labels.features, labels.scores)
    trainer.train_from_newest()
    trainer.save_plain(work / "policy")


def _quiet(*_) -> None:
    """No progress shown."""


@functools.lru_cache
def material(work: Path) -> SimpleNamespace:
    """What every setting shares: images, pseudo-scores, models, and the answer logits of policy and reference."""
    from ppaint.images.image_folder import open_folder
    from ppaint.model_card import vision_features
    from ppaint.model_card.loading import load_model
    from ppaint.trainer import PseudoScores
    from ppaint.trainer.tiny_judge import WEIGHTS

    judge, processor = load_model(WEIGHTS, device="cpu")
    policy, _ = load_model(work / "policy", device="cpu")
    scores = PseudoScores.load(work / "labels" / "pseudo_scores")
    opened = {one.sha256: one for one in open_folder(work / "scrolls", _quiet)}
    features = vision_features(judge, processor, [opened[image] for image in scores.images])
    return SimpleNamespace(
        processor=processor, policy=policy, judge=judge, scores=scores, opened=opened, features=features, work=work
    )


@functools.lru_cache
def make_trainer(work: Path, setting: str, group: int):
    """The sampled trainer in a setting, with the policy in the place of the starting model."""
    from ppaint.model_card.loading import load_model
    from ppaint.trainer import PSDistillConfig, PSDistillTrainer
    from ppaint.trainer.psdistill_config import EXACT_CONDITIONS
    from ppaint.trainer.tiny_judge import WEIGHTS

    shared = material(work)
    prompts = IMAGES * len(shared.scores.kept)
    args = PSDistillConfig(
        output_dir=str(work / "unused"),
        use_cpu=True,
        seed=SEED,
        beta=BETA,
        max_completion_length=1,
        num_generations=group,
        per_device_train_batch_size=prompts * group,
        gradient_accumulation_steps=1,
        block_size=IMAGES,
        activation_checkpointing=False,
        report_to=[],
        **EXACT_CONDITIONS | SETTINGS[setting],
    )
    model, processor = load_model(WEIGHTS, device="cpu")
    trainer = PSDistillTrainer(model, args, processor, shared.opened, shared.scores, features=shared.features)
    trainer.core.load_state_dict(shared.policy.state_dict())
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def answer_logits(trainer, model, places) -> torch.Tensor:
    """Logits at the answer positions, in the order of the sampler (a dimension after the other); (prompts, vocabulary)."""
    from ppaint.model_card.shared_prefix import pack

    rows = [(trainer.features[i],) for i in places]
    logits = model(**pack(model, trainer.readout.questionnaire, rows), use_cache=False).logits
    return logits.transpose(0, 1).flatten(0, 1)


def prompt_rows(trainer) -> list[dict]:
    """The first generation batch, one row per prompt: 8 images in all dimensions."""
    group = trainer.num_generations
    order = list(trainer._get_train_sampler())[: trainer.args.generation_batch_size : group]
    return [trainer.train_dataset[i] for i in order]


def draw(work: Path, setting: str, group: int, draws: int, seed: int) -> dict:
    """Mean gradient of the answer logits over some draws, a draw being G completions of every prompt."""
    trainer = make_trainer(work, setting, group)
    shared, prompts = material(work), prompt_rows(trainer)
    places = [row["place"] for row in prompts[:IMAGES]]
    with torch.no_grad():
        policy = AnswerTable(answer_logits(trainer, shared.policy, places))
        trainer.ref_model = AnswerTable(answer_logits(trainer, shared.judge, places))
    # with moments from the policy, copies of a batch do not disturb one another; with the group's own they would
    copies = max(1, 128 // group) if trainer.args.opponent_moments == "policy" else 1
    rows = [row for row in prompts for _ in range(group)] * copies
    number = [k for k in range(len(prompts)) for _ in range(group)] * copies
    chances = policy.logits.detach()
    if trainer.args.score_tokens_only:
        chances = torch.full_like(chances, -torch.inf).index_copy(
            1, trainer.readout.tokens, chances[:, trainer.readout.tokens]
        )
    chances, generator = chances.softmax(-1), torch.Generator().manual_seed(1000 * seed + group)
    trainer.rollout_func = lambda _, __: {
        "prompt_ids": [[k] for k in number],
        "completion_ids": torch.multinomial(chances[number], 1, generator=generator).tolist(),
        "logprobs": None,
    }
    trainer.prompt = lambda place, dimension: {"prompt": "no image: the model is a table"}
    calls = -(-draws // copies)
    for _ in range(calls):
        batch = trainer._generate_and_score_completions(rows)
        (trainer._compute_loss(policy, batch) / calls).backward()
        trainer._metrics["train"].clear()
    return {"draws": calls * copies, "gradient": policy.logits.grad.double().flatten().tolist()}


def do_job(work: Path, jobs: list[tuple[str, int, int]], number: int) -> dict:
    """One piece: a setting, a group size, a number of draws."""
    setting, group, draws = jobs[number]
    return {"setting": setting, "group": group} | draw(work, setting, group, draws, number)


class PullBack:
    """From gradients of the answer logits to gradients of the weights, and the exact gradient beside them."""

    def __init__(self, work: Path) -> None:
        from ppaint.trainer import PSDistillExactConfig, PSDistillExactTrainer

        shared = material(work)
        self.work = work
        places = [row["place"] for row in prompt_rows(make_trainer(work, "conditions of equality", 4))[:IMAGES]]
        args = PSDistillExactConfig(
            output_dir=str(work / "unused"),
            use_cpu=True,
            seed=SEED,
            objective="policy",
            beta=BETA,
            per_device_train_batch_size=IMAGES,
        )
        exact = PSDistillExactTrainer(shared.judge, args, shared.processor, shared.features, shared.scores)
        exact.core.load_state_dict(shared.policy.state_dict())  # the reference was read before
        exact.current_gradient_accumulation_steps = 1
        exact.compute_loss(exact.model, {"places": torch.tensor(places)}).backward()
        self.weights = [p for p in exact.core.parameters() if p.grad is not None]
        self.exact = torch.cat([p.grad.flatten() for p in self.weights]).double()
        self.logits = answer_logits(exact, exact.core, places)

    def __call__(self, gradient: list[float]) -> torch.Tensor:
        """Gradient of the weights, flat."""
        given = torch.tensor(gradient, dtype=torch.float32).view_as(self.logits)
        parts = torch.autograd.grad(self.logits, self.weights, given, retain_graph=True)
        return torch.cat([part.flatten() for part in parts]).double()

    def whole_path_difference(self) -> float:
        """Relative difference of the gradients of one batch: TRL's path from pixels, and the table pulled back."""
        trainer = make_trainer(self.work, "conditions of equality", 4)
        prompts = prompt_rows(trainer)
        batch = trainer._generate_and_score_completions([row for row in prompts for _ in range(4)])
        trainer.model.zero_grad()
        trainer._compute_loss(trainer.model, batch).backward()
        whole = torch.cat([p.grad.flatten() for p in trainer.core.parameters() if p.grad is not None]).double()
        table = AnswerTable(answer_logits(trainer, trainer.core, [row["place"] for row in prompts[:IMAGES]]))
        small = {k: v for k, v in batch.items() if k in ("completion_ids", "completion_mask", "advantages")}
        small["prompt_ids"] = torch.arange(len(prompts)).repeat_interleave(4)[:, None]
        small["prompt_mask"] = torch.ones_like(small["prompt_ids"])
        small["ref_per_token_logps"] = batch["ref_per_token_logps"]
        small["num_items_in_batch"] = batch["num_items_in_batch"]
        trainer._compute_loss(table, small).backward()
        pulled = self(table.logits.grad.flatten().tolist())
        return float((whole - pulled).norm() / whole.norm())


def agreement(products: np.ndarray, along: np.ndarray, size: float, debias: bool) -> tuple[float, float]:
    """Cosine with the exact gradient and ratio of norms, of the mean of batches.

    Parameters
    ----------
    products : ndarray, shape (B, B)
        Inner products of the batches' gradients.
    along : ndarray, shape (B,)
        Their inner products with the exact gradient.
    size : float
        Norm of the exact gradient.
    debias : bool
        Whether the noise that is left is taken out of the squared norm (the mean of the products of different batches).
    """
    b = len(along)
    square = (products.sum() - np.trace(products)) / (b * (b - 1)) if debias else products.mean()
    norm = np.sqrt(max(square, np.finfo(float).tiny))
    return float(along.mean() / (size * norm)), float(norm / size)


def with_limits(products: np.ndarray, along: np.ndarray, size: float, debias: bool) -> dict:
    """The two figures with 95 % limits: jackknife over batches, t with B - 1 degrees of freedom."""
    b = len(along)
    value = np.array(agreement(products, along, size, debias))
    left_out = np.array(
        [
            agreement(products[np.ix_(keep, keep)], along[keep], size, debias)
            for keep in (np.delete(np.arange(b), k) for k in range(b))
        ]
    )
    error = np.sqrt((b - 1) / b * ((left_out - left_out.mean(0)) ** 2).sum(0)) * student.ppf(0.975, b - 1)
    return {
        name: {"value": value[i], "low": value[i] - error[i], "high": value[i] + error[i]}
        for i, name in enumerate(("cosine", "norm_ratio"))
    }


def measure(pieces: list[dict], pull_back: PullBack, debias: bool) -> dict:
    """All figures of one setting."""
    gradients = torch.stack([pull_back(piece["gradient"]) for piece in pieces])
    size = float(pull_back.exact.norm())
    products = (gradients @ gradients.T).numpy()
    along = (gradients @ pull_back.exact).numpy()
    draws = [piece["draws"] for piece in pieces]
    found = {"draws": sum(draws), "batches": len(pieces)} | with_limits(products, along, size, debias)
    if not debias:
        found["so_far"] = [
            {
                "draws": sum(draws[:k]),
                **dict(zip(("cosine", "norm_ratio"), agreement(products[:k, :k], along[:k], size, False), strict=True)),
            }
            for k in range(1, len(pieces) + 1)
        ]
    return found


def plot(bias: dict, path: Path) -> None:
    """Cosine and norm against G, one line per setting."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), constrained_layout=True)
    for setting, by_group in bias.items():
        for axis, name in zip(axes, ("cosine", "norm_ratio"), strict=True):
            value, low, high = ([found[name][k] for found in by_group.values()] for k in ("value", "low", "high"))
            groups = [int(g) for g in by_group]
            line = axis.plot(groups, value, "o-", ms=4, label=setting)[0]
            axis.fill_between(groups, low, high, alpha=0.2, color=line.get_color())
    for axis, title in zip(axes, ("cosine with the exact gradient", "norm, exact = 1"), strict=True):
        axis.set(xscale="log", xlabel="completions per image, G", title=f"Expected sampled gradient: {title}")
        axis.set_xticks(GROUPS, GROUPS)
        axis.minorticks_off()
        axis.axhline(1, color="grey", lw=0.8)
    axes[1].set_yscale("log")
    axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main(
    work: Annotated[Path, typer.Option(help="Folder for what is made on the way.")] = Path("runs/gradient"),
    draws: Annotated[int, typer.Option(help="Draws for the convergence, each 8 completions of every prompt.")] = 8_000,
    completions: Annotated[int, typer.Option(help="Completions of a prompt for each point of the bias plot.")] = 1_536,
    processes: Annotated[int, typer.Option()] = 1,
    figure: Annotated[Path, typer.Option()] = FIGURE,
) -> None:
    """Draw, pull back, compare."""
    prepare(work)
    each = draws // CONVERGENCE_BATCHES
    jobs = [("conditions of equality", 8, each)] * CONVERGENCE_BATCHES
    for setting in SETTINGS:
        for group in GROUPS:
            jobs += [(setting, group, max(1, completions // group // BIAS_BATCHES))] * BIAS_BATCHES
    done = in_pieces(
        functools.partial(do_job, work, jobs),
        list(range(len(jobs))),
        work / f"pieces-{draws}-{completions}",
        processes,
        "draws",
    )
    pull_back = PullBack(work)
    converged = measure(done[:CONVERGENCE_BATCHES], pull_back, debias=False)
    bias: dict[str, dict] = {}
    for start in range(CONVERGENCE_BATCHES, len(jobs), BIAS_BATCHES):
        setting, group, _ = jobs[start]
        found = measure(done[start : start + BIAS_BATCHES], pull_back, debias=True)
        bias.setdefault(setting, {})[str(group)] = found
    plot(bias, figure)
    result = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "what": f"tiny judge, {IMAGES} scrolls in {len(pull_back.logits) // IMAGES} dimensions, beta {BETA}, G = 8 in the convergence",
        "weights": len(pull_back.exact),
        "whole_path_relative_difference": pull_back.whole_path_difference(),
        "convergence": converged,
        "bias": bias,
    }
    write_result("gradient_convergence", result)
    typer.echo({k: converged[k] for k in ("draws", "cosine", "norm_ratio")})


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
