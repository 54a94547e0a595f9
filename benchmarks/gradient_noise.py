"""How noisy is a step's gradient when answers are drawn from the one pass, and when TRL samples completions?

    python benchmarks/gradient_noise.py --work runs/gradient

Same judge, scrolls, pseudo-scores and policy as gradient_convergence.py, whose folder is taken up. Nothing is sampled: the
covariance of a question's logit gradients has a closed form (docs/estimators-of-the-objective.md), and questions are drawn
independently, so that the noise of the weights' gradient is a sum over questions of trace(J J' C), with J the Jacobian of the
question's ten logits by the weights. Writes benchmarks/results/gradient_noise.json and prints the table of the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer
from gradient_convergence import (
    BETA,
    GROUPS,
    IMAGES,
    PullBack,
    answer_logits,
    draw,
    make_trainer,
    prepare,
    prompt_rows,
)
from report_runs import table, write_result
from torch import Tensor

from ppaint.model_card.loading import load_model
from ppaint.trainer import ranking
from ppaint.trainer.tiny_judge import WEIGHTS

MEASURED_GROUP = 8


def question_terms(work: Path, pull_back: PullBack) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of each question: policy (Q, 10), reference (Q, 10), reward (Q, 10) and confidence (Q,), in float64."""
    trainer = make_trainer(work, "conditions of equality", 4)
    judge, _ = load_model(WEIGHTS, device="cpu")  # the one that PullBack was given holds the policy by now
    rows = prompt_rows(trainer)
    place, dimension = (torch.tensor([row[key] for row in rows]) for key in ("place", "dimension"))
    tokens = trainer.readout.tokens
    with torch.no_grad():
        before = answer_logits(trainer, judge, place[:IMAGES].tolist())[:, tokens].double().log_softmax(-1)
    now = pull_back.logits.detach()[:, tokens].double().log_softmax(-1)
    reward = torch.empty_like(now)
    for d in dimension.unique():
        rows = dimension == d
        elo, c = trainer.elo[d, place[rows]].double(), trainer.confidence[d, place[rows]].double()
        mean, variance = ranking.policy_moments(now[rows])
        order = ranking.token_order(variance, mean, variance)
        agreement = ranking.fidelity(order, ranking.target_order(elo, elo)[:, None, :])
        reward[rows] = ranking.ranking_reward(agreement, c.repeat(len(c), 1).fill_diagonal_(0))
    return now, before, reward, trainer.confidence[dimension, place].double()


def covariances(now: Tensor, before: Tensor, reward: Tensor, confidence: float, size: int) -> dict[str, Tensor]:
    """Covariance (10, 10) of one question's logit gradient with G answers, the KL exact or estimated from them too."""
    pi = now.exp()
    score = torch.eye(10, dtype=now.dtype) - pi  # row v: d log pi(v) / d logits
    r, behind = reward - pi @ reward, now - before

    def mean_product(weight: Tensor) -> Tensor:
        return (score * (pi * weight)[:, None]).T @ score

    shared = (pi * r) @ score
    drawn = mean_product(r**2) / size
    drawn += ((pi @ r**2) * mean_product(torch.ones_like(pi)) - (size - 2) * torch.outer(shared, shared)) / (
        size * (size - 1)
    )
    kl = (pi * behind) @ score
    of_kl = (mean_product(behind**2) - torch.outer(kl, kl)) / size
    both = (mean_product(r * behind) - torch.outer(shared, kl)) / size
    drawn = confidence**2 * drawn
    return {"drawn from the pass": drawn, "TRL": drawn + BETA**2 * of_kl - BETA * confidence * (both + both.T)}


def exact_logit_gradient(now: Tensor, before: Tensor, reward: Tensor, confidence: float) -> Tensor:
    """Of one question, shape (10,): what both have on average."""
    pi = now.exp()
    score = torch.eye(10, dtype=now.dtype) - pi
    return (pi * (BETA * (now - before) - confidence * (reward - pi @ reward))) @ score


def main(
    work: Annotated[Path, typer.Option(help="Folder of gradient_convergence.py.")] = Path("runs/gradient"),
) -> None:
    """Add up the noise of all questions."""
    prepare(work)
    measured = measured_logit_noise(work)  # first: PullBack gives the judge in memory the policy's weights
    pull_back = PullBack(work)
    terms = question_terms(work, pull_back)
    tokens = make_trainer(work, "conditions of equality", 4).readout.tokens
    questions, noise = len(terms[0]), {}
    total = torch.zeros_like(pull_back.exact)
    for q in range(questions):
        one = [part[q] for part in terms]
        jacobian = torch.stack([gradient_of_logit(pull_back, q, int(token)) for token in tokens])  # (10, weights)
        total += exact_logit_gradient(*one) @ jacobian / questions
        gram = jacobian @ jacobian.T
        for size in GROUPS:
            for name, covariance in covariances(*one, size).items():
                noise[name, size] = noise.get((name, size), 0.0) + float((gram * covariance).sum()) / questions**2
    off = float((total - pull_back.exact).norm() / pull_back.exact.norm())
    if off > 1e-4:
        raise RuntimeError(f"the formula's gradient is not the trainer's: {off:.1e} of it apart")
    size_of_exact = float(pull_back.exact.norm())
    found = {
        name: {str(size): noise[name, size] ** 0.5 / size_of_exact for size in GROUPS}
        for name in ("drawn from the pass", "TRL")
    }
    check = {"formula": logit_noise(terms, MEASURED_GROUP), "TRL's own code": measured}
    result = {"questions": questions, "beta": BETA, "difference": off, "noise_to_signal": found}
    write_result("gradient_noise", result | {f"variance of logit gradients, TRL, G = {MEASURED_GROUP}": check})
    typer.echo(check)
    typer.echo(
        table(
            ["", *(f"G = {size}" for size in GROUPS)],
            [[k, *(f"{v:.3f}" for v in row.values())] for k, row in found.items()],
        )
    )


def logit_noise(terms: tuple[Tensor, Tensor, Tensor, Tensor], size: int) -> float:
    """Variance of the gradient of all answer logits, added up, by the formula for TRL's path."""
    questions = len(terms[0])
    traces = (covariances(*(part[q] for part in terms), size)["TRL"].trace() for q in range(questions))
    return float(sum(traces)) / questions**2


def measured_logit_noise(work: Path, batches: int = 40) -> float:
    """The same from gradients that TRL's own code made of completions that it drew."""
    drawn = [draw(work, "conditions of equality", MEASURED_GROUP, 1, seed) for seed in range(batches)]
    gradients = torch.tensor([one["gradient"] for one in drawn])
    return float(gradients.var(dim=0).sum()) * drawn[0]["draws"]


def gradient_of_logit(pull_back: PullBack, question: int, token: int) -> Tensor:
    """Gradient of one logit by the weights, flat."""
    one = torch.zeros_like(pull_back.logits)
    one[question, token] = 1
    parts = torch.autograd.grad(pull_back.logits, pull_back.weights, one, retain_graph=True)
    return torch.cat([part.flatten() for part in parts]).double()


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
