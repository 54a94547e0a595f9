"""A judge at work: every pair asked in both orders, through the store, and the two answers combined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from scipy.special import expit

from ...foundation.faults import Fault, InputFault
from ...model_card.memory import smaller
from ...model_card.processes import ALONE, Processes
from .asked_together import PAIRS, RATINGS, answered
from .judging_cost import CostLog, JudgingCost
from .judgment_store import JudgmentStore, Pair
from .pair_index import ImageNumbers, as_key

PAIRS_NEAR = 4096  # of one request, within which pairs are sorted by the image shown first
MOST_ABSTENTIONS = 0.5  # of the questions of one request; beyond it nothing that follows would mean much
# Why a judge that is not at hand abstained, and what to do.
LOCAL_SILENCE = (
    "its logits are not finite numbers",
    "check the model's weights, or load them in float32 (float16 overflows in Qwen3-VL), and use another --out",
)
SERVED_SILENCE = (
    "what the server answered was refused, cut off or not readable",
    "judge again into another --out, with a model that answers with one letter or digit, or more --answer-tokens",
)


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
        """``1 - |p_AB + p_BA - 1|``, where p_BA is again of the image shown first; shape (m, D)."""
        return 1 - np.abs(expit(self.forward) + expit(self.backward) - 1)

    def __len__(self) -> int:
        return len(self.first)

    def take(self, which: np.ndarray) -> Judged:
        """The pairs at these places."""
        places = np.flatnonzero(which) if np.asarray(which).dtype == bool else np.asarray(which)
        names = (tuple(map(side.__getitem__, places.tolist())) for side in (self.first, self.second))
        return Judged(*names, self.forward[places], self.backward[places])

    @classmethod
    def join(cls, parts: Sequence[Judged]) -> Judged:
        """Several sets as one; a pair that stands in several, in either orientation, is kept once."""
        first, second = (
            tuple(chain.from_iterable(getattr(part, side) for part in parts)) for side in ("first", "second")
        )
        forward, backward = (
            np.concatenate([getattr(part, side) for part in parts]) for side in ("forward", "backward")
        )
        images = ImageNumbers()
        images.add(chain(first, second))
        one, other = images.find(first), images.find(second)
        _, places = np.unique(as_key(np.minimum(one, other), np.maximum(one, other)), return_index=True)
        return cls(first, second, forward, backward).take(np.sort(places))


class Judging:
    """A judge, the features of the images, and the store that remembers the answers.

    Parameters
    ----------
    store : JudgmentStore
    judge : Judge, optional
        Without one, only what is stored can be had, and asking for more is a fault.
    features : sequence or mapping of VisionFeatures
        One an image, found by its hash. Of a mapping, none is looked up where all answers are stored; one whose features lie in a
        folder says how long they are by its ``n_tokens``.
    shuffle_seed : int, optional
        The control "shuffled judgments": the answers are given to the wrong pairs (and in random orientation), so that
        nothing the judge knows is left in them. The store itself is not touched.
    on_batch : callable, optional
        Called as ``on_batch(answered, wanted)``, in ordered pairs, while a request runs.
    team : Processes
        This is the first of them; the others answer with it (``answer_until_done``).
    """

    def __init__(
        self,
        store: JudgmentStore,
        judge=None,
        features=(),
        *,
        shuffle_seed: int | None = None,
        on_batch: Callable[[int, int], None] | None = None,
        team: Processes = ALONE,
    ) -> None:
        self.store, self._team = store, team
        self.judge = judge
        self.features = features if isinstance(features, Mapping) else {f.sha256: f for f in features}
        self.dimensions = store.dimensions
        self.on_batch = on_batch
        self.costs = CostLog(store.folder)
        self._memory_is_short = False
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
            If there is no judge and a pair is not in the store; if the judge abstained on most of the questions; if the
            answers cannot be stored; if a single pair does not fit into memory.
        """
        pairs = [(first, second) for first, second in pairs]
        self._make_sure(pairs)
        forward, backward = self.store.both_log_odds(pairs)
        self._check_abstentions(np.concatenate([forward, backward]), "questions")
        if self._shuffle_seed is not None and pairs:
            return self._wrong_answers(pairs)
        return Judged(tuple(a for a, _ in pairs), tuple(b for _, b in pairs), forward, backward)

    def can_answer(self, pairs: Sequence[Pair]) -> bool:
        """Whether ``ask`` can have both orders of each pair: there is a judge, or all of them are stored."""
        return self.judge is not None or bool(self.store.answered_all(pairs, both_orders=True).all())

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
        if self.judge is not None and not all(self.store.rated(image) for image in images):
            self._know_lengths(images)
            size = self.judge.batch_size  # a batch is asked completely or not at all: its make-up is fixed
            chunks = (list(images[start : start + size]) for start in range(0, len(images), size))
            self._rate_batches(chunk for chunk in chunks if not all(self.store.rated(image) for image in chunk))
        missing = [image for image in images if not self.store.rated(image)]
        if missing:
            raise self._unfinished(f"{len(missing)} images have no pointwise rating")
        ratings = self.store.ratings(images)
        self._check_abstentions(ratings, "questions about single images")
        return ratings

    @property
    def served(self) -> bool:
        """Whether the answers are those of a model behind a server, as far as the store says."""
        return "endpoint" in self.store.parts

    @property
    def cost(self) -> JudgingCost:
        """What the stored answers cost, over all runs on this store."""
        return self.costs.total(images=len(self.features), counts=self._stored)

    def _stored(self, key: str) -> bool:
        """Whether what a line of the cost log tells of is stored: a batch of pairs, or of ratings by its first image."""
        kind, _, name = key.partition(" ")
        if kind == "batch":
            return name.isdigit() and self.store.recorded(int(name))
        return self.store.rated(name) if kind == "ratings" else True

    def _rate_batches(self, chunks: Iterator[list[str]]) -> None:
        with closing(self._answered(RATINGS, chunks, lambda chunk: chunk)) as rated:
            for chunk, (_, answers, seconds, spent) in rated:
                silent = np.isnan(answers).any(axis=-1)
                self._refuse_silence(silent)
                read = self._read("rating_questionnaire", [(image,) for image in chunk], spent)
                self._note(f"ratings {chunk[0]}", silent, seconds, ratings=len(chunk), **read)
                self.store.record_ratings(chunk, answers)

    def _answered(self, kind: str, batches: Iterator, members: Callable[[Any], Sequence]) -> Iterator:
        return answered(self._team, self.judge, self.features, kind, batches, members, self._at_once)

    @property
    def _at_once(self) -> int:
        """Batches that are asked side by side in this process."""
        return 1 if self._memory_is_short else getattr(self.judge, "passes_at_once", 1)

    def _make_sure(self, pairs: Sequence[Pair]) -> None:
        """Have both orders of each pair answered and stored."""
        wanted = 2 * len(pairs)
        done = int(sum(self.store.answered_all(some).sum() for some in (pairs, [(b, a) for a, b in pairs])))
        if self.judge is None:
            if done < wanted:
                raise self._unfinished(f"{wanted - done} of {wanted} judgments are missing")
            return
        self._report_progress(done, wanted)
        if done == wanted:
            return
        pairs = self._in_order_of_first_images(pairs)
        while not self._ask_batches(pairs, done, wanted):
            done = int(self.store.answered_all(pairs).sum())

    def _in_order_of_first_images(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Both orders of each pair; those that show the same image first share a batch, and it is read once for all of them.

        Second images of like length (within a factor of two) stand together, and first ones of like length near each other, so that
        little of a batch is padding. Of many pairs, those that were asked for together stay together: features of their images need
        not be held for long.
        """
        tokens = self._know_lengths([image for pair in pairs for image in pair])
        ordered = [order for pair in pairs for order in (pair, pair[::-1])]
        window = np.repeat(np.arange(len(pairs)) // PAIRS_NEAR, 2)
        number = {image: k for k, image in enumerate(tokens)}
        first, second = (np.array([number[order[side]] for order in ordered], dtype=int) for side in (0, 1))
        length = np.array(list(tokens.values()))
        like = np.ceil(np.log2(np.maximum(length, 1)))
        order = np.lexsort((length[second], first, length[first], like[second], window))
        return [ordered[place] for place in order.tolist()]

    def _know_lengths(self, images: Sequence[str]) -> dict[str, int]:
        """Tokens of images; once they are known, a judge that sizes its batches has done so."""
        known = getattr(self.features, "n_tokens", None)  # without reading what lies in a folder
        return {
            image: self.features[image].n_tokens if known is None else known(image) for image in dict.fromkeys(images)
        }

    def _ask_batches(self, pairs: Sequence[Pair], done: int, wanted: int) -> bool:
        """Ask what is not answered yet, several batches side by side where the judge is best asked so, or in several processes.

        False where a batch did not fit into memory, and the rest is still to be asked: from then on one after another, and where
        that was so already, in smaller batches.
        """
        at_once, planned = self._at_once, self.store.plan(pairs, self.judge.batch_size)
        with closing(self._answered(PAIRS, planned, lambda batch: batch.pairs)) as asked:
            for batch, (fits, answers, seconds, spent) in asked:
                if not fits and at_once == 1:
                    smaller(len(batch.pairs), PAIRS)
                    self.store.split(batch)
                if not fits:
                    self._memory_is_short = True
                    return False
                silent = np.isnan(answers)
                self._refuse_silence(silent)
                read = self._read("pair_questionnaire", batch.pairs, spent)
                self._note(f"batch {batch.number}", silent, seconds, ordered_pairs=len(batch.pairs), **read)
                self.store.record(batch, answers)
                done += len(batch.pairs)
                self._report_progress(min(done, wanted), wanted)
        return True

    def _note(self, key: str, silent: np.ndarray, seconds: float, **counts: int) -> None:
        abstained = int(silent.sum())
        answers = silent.size - abstained
        told = {"passes": 1, "answers": answers, "abstentions": abstained, "seconds": round(seconds, 6)}
        self.costs.note(key, **(told | counts))

    def _read(
        self, questionnaire: str, rows: Sequence[tuple[str, ...]], spent: dict[str, int] | None
    ) -> dict[str, int]:
        """Passes, their prompt tokens, and those of one prompt per question; a judge without a questionnaire reads no text.

        Of a judge behind a server, or one that is asked one prompt per question: what it says that the batch took.
        """
        if spent is not None:
            return dict(spent)
        lengths = self._know_lengths([image for row in rows for image in row])
        visual = sum(lengths[image] for row in rows for image in row)
        questions = getattr(self.judge, questionnaire, None)
        if questions is None:
            return {"visual_tokens": visual, "visual_tokens_apart": visual * len(self.dimensions)}
        shared, passes, size = Counter[str](), 0, self.judge.batch_size
        for start in range(0, len(rows), size):
            firsts = [row[0] for row in rows[start : start + size]]
            read = self.judge.firsts_read(firsts) if questions.n_images > 1 else firsts
            shared += (again := Counter(firsts) - Counter(read))
            passes += 2 if again else 1
        return {
            "passes": passes,
            "text_tokens": len(rows) * questions.text_tokens - shared.total() * len(questions.head),
            "visual_tokens": visual - sum(lengths[image] * times for image, times in shared.items()),
            "text_tokens_apart": len(rows) * questions.text_tokens_apart,
            "visual_tokens_apart": visual * len(questions.questions),
        }

    def _refuse_silence(self, silent: np.ndarray) -> None:
        """A first batch without a single answer is a broken model's: nothing of it is stored."""
        if silent.all() and len(silent) > 1 and not len(self.store) and not self.store.any_rating():
            raise self._silent(1.0, "questions of its first batch")

    def _check_abstentions(self, log_odds: np.ndarray, what: str) -> None:
        share = float(np.isnan(log_odds).mean()) if log_odds.size else 0.0
        if share > MOST_ABSTENTIONS:
            raise self._silent(share, what)

    def _silent(self, share: float, what: str) -> InputFault:
        how_many = "all" if share == 1 else f"{share:.0%} of the"
        cause, fix = getattr(self.judge, "silence", None) or (SERVED_SILENCE if self.served else LOCAL_SILENCE)
        problem = f"the judge abstained on {how_many} {what}: {cause}"
        return InputFault(Fault(str(self.store.folder), "", problem, fix))

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

    def _report_progress(self, done: int, wanted: int) -> None:
        if self.on_batch is not None:
            self.on_batch(done, wanted)

    def _unfinished(self, what: str) -> InputFault:
        fix = "run `ppaint judge` with the same settings until it is done"
        return InputFault(Fault(str(self.store.folder), "", what, fix))
