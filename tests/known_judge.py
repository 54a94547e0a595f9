"""A judge whose knowledge is known exactly: the oracle against which schedule, store, pool and scores are tested."""

from types import SimpleNamespace

import numpy as np


class KnownJudge:
    """Answers with the difference of known worths (natural log), a position bias, and noise fixed by the pair.

    ``rate`` gives a distribution about 4.5 + the worth, so that its own pointwise rating agrees with its judgments.
    """

    def __init__(self, worths: dict[str, np.ndarray], *, bias=0.0, noise=0.0, dimensions=("overall",), batch_size=8):
        self.worths, self.bias, self.noise = worths, bias, noise
        self.dimensions, self.batch_size = tuple(dimensions), batch_size
        self.fingerprint = f"known-{bias}-{noise}"
        self.asked: list[tuple[str, str]] = []
        self.batches: list[int] = []

    def compare(self, pairs):
        self.batches.append(len(pairs))
        self.asked += [(first.sha256, second.sha256) for first, second in pairs]
        return np.array([self.answer(first.sha256, second.sha256) for first, second in pairs])

    def answer(self, first: str, second: str) -> np.ndarray:
        """Log-odds that the first is named, shape (d,)."""
        luck = np.random.default_rng([int(first, 16), int(second, 16)]).normal(size=len(self.dimensions))
        return self.worths[first] - self.worths[second] + self.bias + self.noise * luck

    def expected(self, first: str, second: str) -> np.ndarray:
        """What both orders together would say of two images, without asking."""
        one, other = self.answer(first, second), self.answer(second, first)
        return (one - other) / 2

    def rate(self, features):
        place = np.stack([4.5 + self.worths[feature.sha256] for feature in features])
        logits = -((np.arange(10.0) - place[..., None]) ** 2) / 2
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def known_images(n: int, *, d: int = 1, spread: float = 1.5, seed: int = 0) -> dict[str, np.ndarray]:
    """Image hashes with their worths, shape (d,) each."""
    worths = np.random.default_rng(seed).normal(0, spread, (n, d))
    return {f"{i + 1:08x}": worth for i, worth in enumerate(worths)}


def features_of(worths) -> list:
    """What stands for vision features: a hash and a length."""
    return [SimpleNamespace(sha256=image, n_tokens=4 + int(image, 16) % 5) for image in worths]


class Killed(BaseException):
    """The end of a run in the middle of its work."""


class MortalJudge(KnownJudge):
    """Dies before it answers its n-th batch."""

    lives = 3

    def compare(self, pairs):
        if len(self.batches) == self.lives:
            raise Killed
        return super().compare(pairs)
