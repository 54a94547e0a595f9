"""A model behind an OpenAI-compatible server as a judge: log-probabilities of the two answers, or votes, in place of logits."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...foundation.json_text import read_json
from ...images.image_folder import by_hash
from ...images.opening import OpenedImage
from ...model_card.dimension_names import checked_dimensions
from ...model_card.endpoint import (
    Budget,
    Endpoint,
    EndpointStopped,
    LogProbabilitiesRefused,
    Patience,
    Reply,
    Sampling,
    as_data_uri,
)
from ...model_card.fingerprint import fingerprint
from ...model_card.prompts import Prompts
from ...model_card.questions_at_once import answered_at_once
from ...model_card.teacher import Teacher
from .served_replies import (
    pair_log_odds,
    rating_of_probabilities,
    rating_of_votes,
    read_letter,
    read_vote,
    votes_log_odds,
    why_unread,
)

LOG_PROBABILITIES = "log-probabilities"
VOTES = 5  # where the server gives no log-probabilities, and no number was asked for
BATCH = 8  # ordered pairs: what a killed run asks again
KEPT_IMAGES = 256  # in the form in which they are sent
COMPARE = (
    "The first painting is A, the second is B. Which painting is better in {dimension}? "
    "Answer with one letter, A or B, and nothing else."
)
RATE = "Rate this painting from 0 to 9 in {dimension}. Answer with one digit and nothing else."
SERVED_PROMPTS = Prompts(compare=COMPARE, rate=RATE)


@dataclass(frozen=True)
class SentImage:
    """An image as a question to a server has it; in place of vision features.

    Parameters
    ----------
    sha256 : str
        Hash of the pixels.
    images : mapping of str to OpenedImage
        Where the image is looked up, or opened again, when it is first sent.
    """

    sha256: str
    images: Mapping[str, OpenedImage] = field(compare=False, repr=False)
    n_tokens: int = 0  # the server's to know


class EndpointJudge:
    """Pairwise judgments and ratings by a model behind a server; for ``Judging`` the same as a ``Judge``.

    With log-probabilities an answer is the difference between those of the two letters. Without them each question is asked
    ``votes`` times at temperature 1, and k votes of K become log-odds by ``votes_log_odds``. An answer that is refused, cut off or
    cannot be read is left out and counted; where more than half of the votes are, the answer is an abstention.

    Parameters
    ----------
    endpoint : Endpoint
        Its budget is that of all questions.
    dimensions : sequence of str
    votes : int, optional
        None: log-probabilities.
    concurrency : int
        Questions under way at the same time.
    prompts : Prompts, optional
    batch_size : int
        Ordered pairs that are stored together.

    Attributes
    ----------
    answers : str
        ``"log-probabilities"``, or such as ``"5 votes"``.
    spent_on_last : dict
        Requests and tokens of the last batch.
    reasons : Counter
        Why answers did not count, over this run.

    Raises
    ------
    InputFault
        If a dimension has no name or is given twice.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        dimensions: Sequence[str],
        *,
        votes: int | None = None,
        concurrency: int = 4,
        prompts: Prompts | None = None,
        batch_size: int = BATCH,
    ) -> None:
        self.dimensions = checked_dimensions(dimensions)
        self.prompts = prompts or SERVED_PROMPTS
        self.votes, self.batch_size, self._concurrency = votes, batch_size, concurrency
        self.answers = LOG_PROBABILITIES if votes is None else votes_words(votes)
        temperature = 0.0 if votes is None else 1.0
        self.endpoint = endpoint
        endpoint.sampling = replace(endpoint.sampling, temperature=temperature)
        self.revision = f"{endpoint.model} at {endpoint.url}"
        self.parts = {
            "endpoint": endpoint.url,
            "model": endpoint.model,
            "prompts": self.prompts.sha256(),
            "dimensions": "\n".join(self.dimensions),
            "answers": self.answers,
            "sampling": json.dumps(endpoint.sampling.to_dict(), sort_keys=True),
        }
        self.fingerprint = fingerprint(**self.parts)
        self.parts["sampling"] = hashlib.sha256(self.parts["sampling"].encode()).hexdigest()
        self.reasons: Counter[str] = Counter()
        self._noted = (0, 0)  # of the budget, in batches that were answered completely
        self._begin()
        self._sent = lru_cache(KEPT_IMAGES)(self._encoded)

    @property
    def silence(self) -> tuple[str, str]:
        """Why the judge abstained on most questions, and what to do."""
        reasons = ", ".join(f"{count:,} {why}" for why, count in sorted(self.reasons.items()))
        return (
            f"what the server answers does not count ({reasons or 'see cost.json'})",
            "ask a model that answers with one letter or digit, or give more --answer-tokens, and use another --out",
        )

    @property
    def teacher(self) -> Teacher:
        """As whoever is trained on its judgments names it."""
        return Teacher.at(self.endpoint.url, self.endpoint.model, self.answers, self.prompts.to_dict())

    @property
    def spent_beside(self) -> dict[str, int]:
        """Requests and tokens of this run that belong to no complete batch."""
        budget = self.endpoint.budget
        return {
            "requests": budget.spent_calls - self._noted[0],
            "served_tokens": budget.spent_tokens - self._noted[1],
        }

    def carry_over(self, requests: int, tokens: int) -> None:
        """Count against the budget what earlier runs spent."""
        budget = self.endpoint.budget
        budget.spent_calls += requests
        budget.spent_tokens += tokens
        self._noted = (self._noted[0] + requests, self._noted[1] + tokens)
        self._begin()

    def commit_of(self, path_or_repo: str | Path) -> None:
        """None: a server names no commit."""

    def is_own(self, made_by: str) -> bool:
        """Whether a fingerprint is this judge's."""
        return made_by == self.fingerprint

    def features(
        self, images: Sequence[OpenedImage], *, on_batch: Callable[[int], None] | None = None
    ) -> list[SentImage]:
        """The images themselves; each is encoded when it is first sent."""
        asked = self.images_of(by_hash(images))
        return [asked[image.sha256] for image in images]

    def images_of(self, images: Mapping[str, OpenedImage]) -> dict[str, SentImage]:
        """In place of vision features, by hash: where an image is looked up when it is first sent."""
        return {image: SentImage(image, images) for image in images}

    def compare(self, pairs: Sequence[tuple[SentImage, SentImage]]) -> np.ndarray:
        """Log-odds that the answer names the first image.

        Parameters
        ----------
        pairs : sequence of (SentImage, SentImage), length n

        Returns
        -------
        ndarray of float64, shape (n, D)
            NaN is an abstention.

        Raises
        ------
        EndpointStopped
            As ``Endpoint.ask``.
        """
        letters = (self.prompts.first, self.prompts.second)
        replies = self._ask_all(pairs, self.prompts.compare_question)
        found = np.full((len(pairs), len(self.dimensions)), np.nan)
        for place, said in replies.items():
            if self.votes is None:
                found[place] = self._counted(*pair_log_odds(said[0], letters))
                continue
            votes = Counter[str]()
            for reply in said:
                letter = read_letter(reply.text, letters)
                if self._counted(letter, why_unread(reply, letter)) and not why_unread(reply, letter):
                    votes[letter] += 1
            if 2 * votes.total() >= self.votes:
                found[place] = votes_log_odds(votes[letters[0]], votes[letters[1]])
        return found

    def rate(self, images: Sequence[SentImage]) -> np.ndarray:
        """Log-probabilities of the ten digits.

        Parameters
        ----------
        images : sequence of SentImage, length n

        Returns
        -------
        ndarray of float64, shape (n, D, 10)
            NaN is an abstention.

        Raises
        ------
        EndpointStopped
            As ``Endpoint.ask``.
        """
        replies = self._ask_all([(image,) for image in images], self.prompts.rate_question)
        found = np.full((len(images), len(self.dimensions), 10), np.nan)
        for place, said in replies.items():
            if self.votes is None:
                found[place] = self._counted(*rating_of_probabilities(said[0]))
                continue
            votes = Counter[int]()
            for reply in said:
                digit = self._counted(*read_vote(reply))
                if digit is not None:
                    votes[digit] += 1
            if 2 * votes.total() >= self.votes:
                found[place] = rating_of_votes(votes)
        return found

    def _ask_all(
        self, rows: Sequence[tuple[SentImage, ...]], question: Callable[[str], str]
    ) -> dict[tuple[int, int], list[Reply]]:
        """The replies to every question about every row, by row and dimension."""
        self._begin()
        places = [(i, k) for i in range(len(rows)) for k in range(len(self.dimensions))]
        wanted = [place for place in places for _ in range(self.votes or 1)]

        def ask(place: tuple[int, int]) -> Reply:
            shown = [self._sent(image) for image in rows[place[0]]]
            return self._ask(question(self.dimensions[place[1]]), shown)

        replies: dict[tuple[int, int], list[Reply]] = {place: [] for place in places}
        for place, reply in answered_at_once(ask, wanted, self._concurrency, self.endpoint.stop):
            replies[place].append(reply)
        budget = self.endpoint.budget
        self.spent_on_last = {
            "requests": budget.spent_calls - self._begun[0],
            "served_tokens": budget.spent_tokens - self._begun[1],
        }
        self._noted = (
            self._noted[0] + self.spent_on_last["requests"],
            self._noted[1] + self.spent_on_last["served_tokens"],
        )
        return replies

    def _ask(self, question: str, shown: Sequence[str]) -> Reply:
        reply = self.endpoint.ask(question, shown, log_probabilities=self.votes is None)
        if self.votes is None and reply.tokens is None and read_letter(reply.text, "AB0123456789"):
            raise EndpointStopped(
                f"{self.endpoint.url} gives no log-probabilities any more", "give --votes K and another --out"
            )
        return reply

    def _begin(self) -> None:
        self._begun = (self.endpoint.budget.spent_calls, self.endpoint.budget.spent_tokens)
        self.spent_on_last = {"requests": 0, "served_tokens": 0}

    def _counted(self, read, why: str):
        if why:
            self.reasons[why] += 1
        return read

    def _encoded(self, image: SentImage) -> str:
        return as_data_uri(image.images[image.sha256].image, self.endpoint.sampling.max_side)


def votes_words(votes: int) -> str:
    """As the store and the report have it.

    Examples
    --------
    >>> votes_words(1), votes_words(5)
    ('1 vote', '5 votes')
    """
    return f"{votes} vote" + ("" if votes == 1 else "s")


def answers_note(answers: str) -> str:
    """What a reader of a report has to know of the kind of answers.

    Examples
    --------
    >>> print(answers_note("5 votes"))
    Answers are votes: each question was asked 5 times, and k of 5 votes became log((k + 1/2) / (5 - k + 1/2)). The binomial standard error of such a log-odds is at least 0.82, and no log-odds is beyond 2.40 in size.
    """
    if answers == LOG_PROBABILITIES:
        return "Answers are differences of log-probabilities that the server gave."
    k = int(answers.split()[0])
    least = math.sqrt(2 / (k / 2 + 0.5))
    times = "once" if k == 1 else f"{k} times"
    return (
        f"Answers are votes: each question was asked {times}, and k of {k} vote{'s' * (k > 1)} became "
        f"log((k + 1/2) / ({k} - k + 1/2)). The binomial standard error of such a log-odds is at least {least:.2f}, and no "
        f"log-odds is beyond {votes_log_odds(k, 0):.2f} in size."
    )


def connect(
    url: str,
    model: str,
    store: str | Path,
    image: OpenedImage,
    dimensions: Sequence[str],
    *,
    key_env: str | None = None,
    votes: int | None = None,
    concurrency: int = 4,
    sampling: Sampling = Sampling(),
    patience: Patience = Patience(),
    budget: Budget | None = None,
    batch_size: int | None = None,
) -> EndpointJudge:
    """A judge behind a server. How it answers is as the store has it, else as its first answer allows.

    Parameters
    ----------
    url, model, key_env, sampling, patience, budget
        As for ``Endpoint``.
    store : str or Path
        Where the answers will be, or are.
    image : OpenedImage
        Shown in the one question that finds out whether the server gives log-probabilities.
    dimensions, concurrency, batch_size
        As for the judge.
    votes : int, optional
        Without a number, log-probabilities where the server gives them, else five votes.

    Returns
    -------
    EndpointJudge

    Raises
    ------
    InputFault, EndpointStopped
        As the client.
    """
    endpoint = Endpoint(url, model, key_env=key_env, sampling=sampling, patience=patience, budget=budget)
    if votes is None:
        stored = stored_answers(store)
        if stored is None:
            votes = None if _gives_log_probabilities(endpoint, image, dimensions) else VOTES
        else:
            votes = None if stored == LOG_PROBABILITIES else int(stored.split()[0])
    return EndpointJudge(endpoint, dimensions, votes=votes, concurrency=concurrency, batch_size=batch_size or BATCH)


def stored_answers(store: str | Path) -> str | None:
    """The kind of answers that a store was begun with; None where there is none."""
    try:
        answers = read_json(Path(store) / "store.json")["parts"]["answers"]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    return answers if is_kind_of_answers(answers) else None


def is_kind_of_answers(text: object) -> bool:
    """Whether this is how a judge behind a server says what its answers are.

    Examples
    --------
    >>> is_kind_of_answers("log-probabilities"), is_kind_of_answers("5 votes"), is_kind_of_answers("votes")
    (True, True, False)
    """
    if not isinstance(text, str):
        return False
    count = text.split(" ")[0]
    return text == LOG_PROBABILITIES or (count.isdecimal() and int(count) > 0 and text == votes_words(int(count)))


def _gives_log_probabilities(endpoint: Endpoint, image: OpenedImage, dimensions: Sequence[str]) -> bool:
    question = SERVED_PROMPTS.rate_question(checked_dimensions(dimensions)[0])
    shown = as_data_uri(image.image, endpoint.sampling.max_side)
    try:
        reply = endpoint.ask(question, shown, log_probabilities=True)
    except LogProbabilitiesRefused:
        return False
    if reply.garbled:
        problem = f"what {endpoint.url} answers is no chat completion"
        raise EndpointStopped(problem, "check --endpoint: it is the address that ends in /v1")
    return reply.tokens is not None


def check_judge_options(url: str | None, model: str | None, others: dict[str, bool]) -> None:
    """A server's options need a server and a model's name, and those of a local model do not go with them.

    Parameters
    ----------
    url, model : str or None
    others : dict of str to bool
        Options, and whether each was given: with a server those of a local model, without one those of a server.

    Raises
    ------
    InputFault
        With a fault for each.
    """
    faults = []
    if url is not None and not model:
        faults.append(
            Fault("--model", "", "a judge behind a server needs its name", "give --model as the server calls it")
        )
    needs = "does not go with --endpoint" if url is not None else "needs --endpoint"
    faults += [Fault(option, "", needs, "leave it out") for option, given in others.items() if given]
    if faults:
        raise InputFault(faults)
