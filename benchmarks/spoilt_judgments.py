"""Judgments made worse on purpose, from those that are stored: noisy on a third of the images, or asked in one order."""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.special import expit, logit

from ppaint.trainer import Judged, Judging, JudgmentStore
from ppaint.trainer.judgments.judgment_store import Pair

SHARE, FLATTENED, SURE = 1 / 3, 0.15, float(logit(0.95))


class SpoilingJudging(Judging):
    """Stored judgments as a judge of another kind would have given them; what is stored is not touched.

    Parameters
    ----------
    store : JudgmentStore
    judge, features
        As for ``Judging``.
    kind : str
        ``"noisy"``: wherever a noisy image is shown (a third of the images, drawn), the answer is a vote, for the first
        image with probability sigmoid(0.15 x log-odds), given with log-odds of +-2.94 (95 %). ``"one_order"``: each pair
        is asked once, in an order that is drawn, so that a position bias stands in the judgment.
    seed : int
    """

    def __init__(self, store: JudgmentStore, judge=None, features=(), *, kind: str, seed: int) -> None:
        super().__init__(store, judge, features)
        self.kind, self.seed = kind, seed

    def ask(self, pairs) -> Judged:
        """As ``Judging.ask``, spoilt."""
        judged = super().ask(pairs)
        if not len(judged):
            return judged
        if self.kind == "noisy":
            turned = list(zip(judged.second, judged.first, strict=True))
            straight = list(zip(judged.first, judged.second, strict=True))
            return Judged(
                judged.first,
                judged.second,
                self._votes(straight, judged.forward),
                self._votes(turned, judged.backward),
            )
        forward, backward = judged.forward.copy(), judged.backward.copy()
        for i, pair in enumerate(zip(judged.first, judged.second, strict=True)):
            heads = (
                draws(self.seed, "order", *sorted(pair))[0] < 0.5
            )  # the pair's coin, whichever way round it is given
            if heads == (pair[0] < pair[1]):
                backward[i] = -forward[i]
            else:
                forward[i] = -backward[i]
        return Judged(judged.first, judged.second, forward, backward)

    def noisy(self, image: str) -> bool:
        """Whether the judge is noisy on an image."""
        return draws(self.seed, "image", image)[0] < SHARE

    def _votes(self, shown: list[Pair], log_odds: np.ndarray) -> np.ndarray:
        out = log_odds.copy()
        for i, pair in enumerate(shown):
            if any(self.noisy(image) for image in pair):
                won = draws(self.seed, "vote", *pair, count=out.shape[1]) < expit(FLATTENED * log_odds[i])
                out[i] = np.where(won, SURE, -SURE)
        return out


def draws(seed: int, *names: str, count: int = 1) -> np.ndarray:
    """Uniform numbers that belong to a name, whatever else is drawn."""
    digest = hashlib.sha256("\n".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], dtype=np.uint32)]).random(count)
