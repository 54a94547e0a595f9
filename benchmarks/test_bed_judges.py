"""The weak ladder of the test bed: tiny judges taught on few scrolls from the votes of simulated experts.

    python benchmarks/test_bed_judges.py --make 0 --work runs/test_bed

Three judges a make (weak, middling, strong), each with a vision tower of its own: how many scrolls the tower saw sets how
good a judge is, more than the votes do. One category is kept out of all their teaching: of the tower's, and of the
language model's. The language model learns to compare from the votes of a simulated panel on a number of scrolls and
pairs, and to rate after the shipped judge's superficial cue: an honest rating is never taught. In
some dimensions fewer experts vote, so that a judge's dimensions differ. A judge is accepted by the SRCC of its own
noise-free scores (log-odds of all pairs) with the truth of scrolls that it never saw; nothing else is looked at. Hashes
and figures go to benchmarks/results/test_bed_judges.json before any method is run on a judge.

Resumable by stage. One thread, since the number of threads is part of the result: some 60 CPU minutes a make; rungs may run
side by side (``--only``).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from report_runs import RESULTS, read_json, write_result
from scipy.stats import spearmanr
from test_bed_pairs import all_pairs, own_scores

from ppaint.dataset_script.stand_in.experts import simulate_experts
from ppaint.dataset_script.stand_in.simulate import CATEGORIES, DIMENSIONS, HEADLINE
from ppaint.model_card import Judge
from ppaint.model_card.loading import weights_hash
from ppaint.trainer.tiny_judge.answer_training import AnswerLessons, cache_features, train_answers
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model
from ppaint.trainer.tiny_judge.make_judge import CUED, Stages, save_weights
from ppaint.trainer.tiny_judge.training_scrolls import TrainingScrolls, paint_training_scrolls
from ppaint.trainer.tiny_judge.vision_pretraining import pretrain_vision

MAKE_STREAM = 10  # streams of scrolls from here on are the makes'; 0 and 1 are the shipped judge's
TEST_SCROLLS = 40  # a category, in the acceptance
EXPERTS_WHO_VOTE = dict(zip(DIMENSIONS, (5, 1, 3, 5, 2), strict=True))


@dataclass(frozen=True)
class Rung:
    """How a judge of the ladder is taught, and what it is accepted by.

    Parameters
    ----------
    tower : int
        Scrolls a category, of the two that it is taught on, that the vision tower sees.
    scrolls, pairs : int
        A category, of those, that are compared; every expert votes on each pair.
    near : int
        All pairs up to this rank distance are among them, the others are drawn.
    steps : int
        Of the language model.
    low, high : float
        Label SRCC between which it is accepted.
    """

    tower: int
    scrolls: int
    pairs: int
    near: int
    steps: int
    low: float
    high: float


LADDER = {
    "weak": Rung(tower=250, scrolls=25, pairs=200, near=8, steps=120, low=0.45, high=0.55),
    "middling": Rung(tower=1250, scrolls=60, pairs=600, near=8, steps=160, low=0.60, high=0.72),
    "strong": Rung(tower=2500, scrolls=1250, pairs=6000, near=4, steps=680, low=0.75, high=0.82),
}

# Where these settings miss a rung's window on the test scrolls, the language model is taught again by fewer or more steps.
OTHER_STEPS = {(1, "strong"): 560}  # 680 steps: 0.828


def rung_of(name: str, make: int) -> Rung:
    """The rung as it is taught in a make."""
    return replace(LADDER[name], steps=OTHER_STEPS.get((make, name), LADDER[name].steps))


class VoteLessons(AnswerLessons):
    """Comparisons whose label is the share of a simulated panel's votes; ratings after the cue."""

    def __init__(self, model, processor, scrolls: TrainingScrolls, features, *, rung: Rung, seed: int) -> None:
        super().__init__(model, processor, scrolls, features, DIMENSIONS)
        first, second, share = [], [], []
        for c in np.unique(scrolls.category):
            members, rng = np.flatnonzero(scrolls.category == c), np.random.default_rng([seed, int(c)])
            quality = scrolls.quality[members].numpy()
            panel = simulate_experts(
                quality, rng, budget=rung.pairs, near=rung.near, headline=DIMENSIONS.index(HEADLINE)
            )
            first.append(members[panel.pairs[:, 0]])
            second.append(members[panel.pairs[:, 1]])
            votes = panel.first_preferred.astype(np.float32)
            share.append(np.stack([votes[: EXPERTS_WHO_VOTE[d], :, k].mean(0) for k, d in enumerate(DIMENSIONS)], 1))
        self.voted = np.concatenate(first), np.concatenate(second), torch.from_numpy(np.concatenate(share))

    def comparison_loss(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """Cross-entropy against the share of votes, pairs drawn from those that were voted on, shown either way round."""
        first, second, share = self.voted
        drawn = torch.randint(len(first), (n,), generator=generator).tolist()
        turned = (torch.rand(n, generator=generator) < 0.5).tolist()
        pairs = [
            (second[i], first[i]) if turn else (first[i], second[i]) for i, turn in zip(drawn, turned, strict=True)
        ]
        rows = [(self.features[a], self.features[b]) for a, b in pairs]
        logits = self.answer_log_probs(rows)
        better = torch.where(torch.tensor(turned)[:, None], 1 - share[drawn], share[drawn])
        return -(torch.stack([better, 1 - better], dim=-1) * logits).sum(-1).mean()


def teach(rung: Rung, model, processor, train: TrainingScrolls, features, seed: int) -> dict:
    """Teach the language model of a rung; the model's weights after it."""
    few = np.concatenate([np.flatnonzero(train.category == c)[: rung.scrolls] for c in np.unique(train.category)])
    mask = np.isin(np.arange(len(train)), few)
    lessons = VoteLessons(model, processor, train.keep(mask), [features[i] for i in few], rung=rung, seed=seed)

    def say(compared: float, rated: float, count=[0]) -> None:  # noqa: B006  # the list counts the steps
        count[0] += 1
        if count[0] % 20 == 0:
            print(f"  step {count[0]} of {rung.steps}: {compared:.3f} {rated:.3f}", flush=True)

    train_answers(lessons, CUED, steps=rung.steps, seed=seed, learning_rate=1.5e-3, on_step=say)
    return copy.deepcopy(model.state_dict())


def examine(folder: Path, test: TrainingScrolls) -> dict:
    """The saved judge's own noise-free scores against the truth, by category and dimension."""
    judge = Judge.from_pretrained(folder, dimensions=DIMENSIONS, dtype=torch.float32, device="cpu")
    features, table = cache_features(judge.model, test), []
    for c in np.unique(test.category):
        inside = np.flatnonzero(test.category == c)
        scores = own_scores(all_pairs(judge, [features[i] for i in inside]))
        truth = test.quality[inside].numpy()
        table.append([spearmanr(scores[:, k], truth[:, k]).statistic for k in range(len(DIMENSIONS))])
    found = np.array(table)
    return {
        "label_srcc": round(float(found.mean()), 4),
        "by_category": dict(zip(CATEGORIES, found.mean(1).round(4).tolist(), strict=True)),
        "by_dimension": dict(zip(DIMENSIONS, found.mean(0).round(4).tolist(), strict=True)),
    }


def kept_out(make: int) -> str:
    """The category that a make is not taught on."""
    return CATEGORIES[-1 - make % len(CATEGORIES)]


def main(
    make: Annotated[int, typer.Option(help="0 chooses, 1 is for the claims.")] = 0,
    work: Annotated[Path, typer.Option(help="Folder of the test bed.")] = Path("runs/test_bed"),
    epochs: Annotated[int, typer.Option()] = 9,
    only: Annotated[str, typer.Option(help="One rung; all by default.")] = "",
) -> None:
    """Paint, teach, save, examine."""
    torch.set_num_threads(1)
    for name in [only] if only else LADDER:
        make_judge(name, make, work, epochs)


def make_judge(name: str, make: int, work: Path, epochs: int) -> None:
    """Paint, teach, save and examine one judge."""
    rung = rung_of(name, make)
    settings = {"make": make, "scrolls": rung.tower, "epochs": epochs, "kept out": kept_out(make)}
    settings |= {name: vars(rung), "experts who vote": EXPERTS_WHO_VOTE}
    stages = Stages(work / "stages", settings)
    processor = build_processor(DIMENSIONS)
    model = build_tiny_model(processor, seed=1000 + make)

    def paint() -> TrainingScrolls:
        painted = paint_training_scrolls(rung.tower, processor, stream=MAKE_STREAM + 2 * make, processes=1)
        return painted.keep(painted.category != CATEGORIES.index(kept_out(make)))

    def see() -> dict:
        pretrain_vision(model, train, epochs=epochs, seed=1000 + make)
        return copy.deepcopy(model.state_dict())

    train = stages.get("scrolls", paint, ("make", "scrolls", "kept out"))
    of_test = {"stream": MAKE_STREAM + 2 * make + 1, "processes": 1}
    test = stages.get("test", lambda: paint_training_scrolls(TEST_SCROLLS, processor, **of_test), ("make",))
    model.load_state_dict(stages.get("vision", see, ("make", "scrolls", "epochs", "kept out")))
    features = cache_features(model, train)
    uses = ("make", "scrolls", "epochs", "kept out", "experts who vote", name)
    model.load_state_dict(stages.get(name, lambda: teach(rung, model, processor, train, features, 2000 + make), uses))
    folder = work / f"make-{make}" / name
    save_weights(model, processor, folder)
    found = examine(folder, test) | {"weights_sha256": weights_hash(folder, model), "taught": vars(rung)}
    found["accepted"] = rung.low <= found["label_srcc"] <= rung.high
    print(name, found, flush=True)
    note(make, name, found, settings)


def note(make: int, name: str, found: dict, settings: dict) -> None:
    """Put one judge's figures into the result file."""
    path = RESULTS / "test_bed_judges.json"
    judges = read_json(path)["judges"] if path.is_file() else {}
    judges[f"make {make}, {name}"] = found | {"kept_out": settings["kept out"]}
    write_result("test_bed_judges", {"judges": dict(sorted(judges.items()))})


if __name__ == "__main__":
    typer.run(main)
