"""A judge at work: every pair asked in both orders, through the store, and the two answers combined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ..images.faults import Fault, InputFault
from .judgment_store import Batch, JudgmentStore, Pair


@dataclass(frozen=True)
class Judged:
    """Pairs that were asked in both orders (method notes 3.1).

    Parameters
    ----------
    first, second : tuple of str, length m
        Image hashes.
    forward, backward : ndarray, shape (m, D)
        logit p_AB and logit p_BA: log-odds that the answer names the image shown *first*, when ``first`` is shown first
        and when ``second`` is. NaN is an abstention.

    Examples
    --------
    >>> judged = Judged(("a",), ("b",), np.array([[4.0]]), np.array([[2.0]]))
    >>> judged.delta, judged.position_bias
    (array([[1.]]), array([[3.]]))
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    forward: np.ndarray
    backward: np.ndarray

    @property
    def delta(self) -> np.ndarray:
        """(logit p_AB - logit p_BA) / 2: log-odds that ``first`` is better, the position bias cancelled; (m, D)."""
        return (self.forward - self.backward) / 2

    @property
    def probability(self) -> np.ndarray:
        """sigmoid(delta), shape (m, D)."""
        return expit(self.delta)

    @property
    def position_bias(self) -> np.ndarray:
        """(logit p_AB + logit p_BA) / 2: positive where the image shown first is favoured; (m, D)."""
        return (self.forward + self.backward) / 2

    @property
    def swap_consistency(self) -> np.ndarray:
        """1 - |p_AB + p_BA - 1|, where p_BA is again of the image shown first; shape (m, D)."""
        return 1 - np.abs(expit(self.forward) + expit(self.backward) - 1)

    def __len__(self) -> int:
        return len(self.first)

    def touching(self, images: Iterable[str]) -> np.ndarray:
        """Which pairs have one of these images in them; boolean, shape (m,)."""
        chosen = set(images)
        return np.array([a in chosen or b in chosen for a, b in zip(self.first, self.second, strict=True)], dtype=bool)

    def take(self, which: np.ndarray) -> Judged:
        """The pairs at these places."""
        places = np.flatnonzero(which) if np.asarray(which).dtype == bool else np.asarray(which)
        names = (tuple(side[i] for i in places) for side in (self.first, self.second))
        return Judged(*names, self.forward[places], self.backward[places])

    @classmethod
    def join(cls, parts: Sequence[Judged]) -> Judged:
        """Several sets as one; a pair that stands in several, in either orientation, is kept once."""
        seen, kept = set(), []
        for p, part in enumerate(parts):
            for i, pair in enumerate(zip(part.first, part.second, strict=True)):
                if frozenset(pair) not in seen:
                    seen.add(frozenset(pair))
                    kept.append((p, i))
        return cls(
            tuple(parts[p].first[i] for p, i in kept),
            tuple(parts[p].second[i] for p, i in kept),
            np.stack([parts[p].forward[i] for p, i in kept]),
            np.stack([parts[p].backward[i] for p, i in kept]),
        )


class Judging:
    """A judge, the features of the images, and the store that remembers the answers.

    Parameters
    ----------
    store : JudgmentStore
    judge : Judge, optional
        Without one, only what is stored can be had, and asking for more is a fault.
    features : sequence or mapping of VisionFeatures
        One an image, found by its hash.
    shuffle_seed : int, optional
        The control "shuffled judgments": the answers are given to the wrong pairs (and in random orientation), so that
        nothing the judge knows is left in them. The store itself is not touched.
    on_batch : callable, optional
        Called as ``on_batch(answered, wanted)``, in ordered pairs, as a request goes on.
    """

    def __init__(
        self,
        store: JudgmentStore,
        judge=None,
        features=(),
        *,
        shuffle_seed: int | None = None,
        on_batch: Callable[[int, int], None] | None = None,
    ) -> None:
        self.store = store
        self.judge = judge
        self.features = dict(features) if isinstance(features, Mapping) else {f.sha256: f for f in features}
        self.dimensions = store.dimensions
        self.on_batch = on_batch
        self._shuffle_seed = shuffle_seed
        self._shuffled: dict[Pair, tuple[np.ndarray, np.ndarray]] = {}

    def ask(self, pairs: Sequence[Pair]) -> Judged:
        """Both orders of each pair, from the store or from the judge.

        Parameters
        ----------
        pairs : sequence of (str, str), length m
            Image hashes.

        Returns
        -------
        Judged

        Raises
        ------
        InputFault
            If there is no judge and a pair is not in the store.
        """
        pairs = [(first, second) for first, second in pairs]
        swapped = [(second, first) for first, second in pairs]
        self._make_sure([pair for both in zip(pairs, swapped, strict=True) for pair in both])
        if self._shuffle_seed is not None and pairs:
            return self._wrong_answers(pairs)
        names = tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
        return Judged(*names, self.store.log_odds(pairs), self.store.log_odds(swapped))

    def rate(self, images: Sequence[str]) -> np.ndarray:
        """The judge's own pointwise ratings, asked once and stored.

        Parameters
        ----------
        images : sequence of str, length n
            Image hashes.

        Returns
        -------
        ndarray, shape (n, D, 10)
            Log-probabilities of the score tokens.
        """
        if self.judge is not None:
            size = self.judge.batch_size
            for start in range(0, len(images), size):  # a batch is asked whole or not at all: its make-up is fixed
                chunk = list(images[start : start + size])
                if not all(self.store.rated(image) for image in chunk):
                    self.store.record_ratings(chunk, self.judge.rate([self.features[image] for image in chunk]))
        missing = [image for image in images if not self.store.rated(image)]
        if missing:
            raise self._unfinished(f"{len(missing)} images have no pointwise rating")
        return self.store.ratings(images)

    def _make_sure(self, ordered: Sequence[Pair]) -> None:
        if self.judge is None:
            missing = sum(not self.store.answered(pair) for pair in ordered)
            if missing:
                raise self._unfinished(f"{missing} of {len(ordered)} judgments are missing")
            return
        # pairs of like length share a batch, so that little of it is padding; both orders of a pair stay side by side
        tokens = {image: feature.n_tokens for image, feature in self.features.items()}
        ordered = sorted(ordered, key=lambda pair: tokens[pair[0]] + tokens[pair[1]])
        done = sum(self.store.answered(pair) for pair in ordered)
        self._tell(done, len(ordered))
        for batch in self.store.plan(ordered, self.judge.batch_size):
            if self._ask_batch(batch):
                done += len(batch.pairs)
                self._tell(min(done, len(ordered)), len(ordered))

    def _ask_batch(self, batch: Batch) -> bool:
        rows = [(self.features[first], self.features[second]) for first, second in batch.pairs]
        try:
            answers = self.judge.compare(rows)
        except (MemoryError, RuntimeError) as error:
            if len(batch.pairs) == 1 or not out_of_memory(error):
                raise
            self.store.split(batch)
            return False
        self.store.record(batch, answers)
        return True

    def _wrong_answers(self, pairs: Sequence[Pair]) -> Judged:
        fresh = [pair for pair in pairs if pair not in self._shuffled]
        if fresh:
            rng = np.random.default_rng([self._shuffle_seed, len(self._shuffled)])
            forward = self.store.log_odds(fresh)
            backward = self.store.log_odds([(b, a) for a, b in fresh])
            for k in range(len(self.dimensions)):
                order, turned = rng.permutation(len(fresh)), rng.random(len(fresh)) < 0.5
                one, other = forward[order, k], backward[order, k]
                forward[:, k], backward[:, k] = np.where(turned, other, one), np.where(turned, one, other)
            for pair, one, other in zip(fresh, forward, backward, strict=True):
                self._shuffled[pair] = (one, other)
                self._shuffled[pair[::-1]] = (other, one)
        rows = [self._shuffled[pair] for pair in pairs]
        names = tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
        return Judged(*names, np.stack([one for one, _ in rows]), np.stack([other for _, other in rows]))

    def _tell(self, done: int, wanted: int) -> None:
        if self.on_batch is not None:
            self.on_batch(done, wanted)

    def _unfinished(self, what: str) -> InputFault:
        mend = "run `ppaint judge` with the same settings until it is done"
        return InputFault(Fault(str(self.store.folder), "", what, mend))


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a batch did not fit into memory, on a GPU or on the CPU.

    Examples
    --------
    >>> out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate")), out_of_memory(RuntimeError("shape"))
    (True, False)
    """
    text = str(error).lower()
    said = "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    return isinstance(error, MemoryError) or said
