"""A model behind an OpenAI-compatible server, asked to rate each image with one digit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ...foundation.faults import Fault, InputFault
from ...images.opening import OpenedImage
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
from ...model_card.prompts import Prompts
from ...model_card.questions_at_once import answered_at_once
from ...trainer.judgments.served_replies import digit_probabilities
from ...trainer.score_answers import parse_score
from ..answers_file import Answer
from .options import Options
from .protocol import Scored, Scorer, Surroundings

RATE = "Rate this painting from 0 to 9 in {dimension}. Answer with one digit and nothing else."
REFUSED, CUT_OFF, UNREADABLE, NO_DIGIT = "refused", "cut off", "unreadable", "no log-probabilities of a digit"


class EndpointScorer(Scorer):
    """One question per image and dimension. What cannot be read is an abstention with a reason, never a number.

    Parameters
    ----------
    options : Options
        ``endpoint``, ``model``, ``key_env``, ``logprobs``, ``concurrency``, ``answer_tokens``, ``max_side``, ``max_calls``,
        ``max_tokens``, ``timeout`` and ``dimensions``.
    patience : Patience, optional
        How long a question is asked again; by default with the timeout of the options.

    Raises
    ------
    InputFault
        If there is no address or no name of a model, or the key's variable is not set.
    """

    def __init__(self, options: Options, patience: Patience | None = None) -> None:
        faults = [
            Fault(option, "", f"the scorer 'endpoint' needs {what}", fix)
            for given, option, what, fix in (
                (options.endpoint, "--endpoint", "a server", "give its address, such as http://localhost:8000/v1"),
                (options.model, "--model", "the name of a model", "give it as the server calls it"),
            )
            if not given
        ]
        if faults:
            raise InputFault(faults)
        self.dimensions = options.dimensions_to_ask()
        self.prompts = Prompts(rate=RATE)
        self._budget = Budget(options.max_calls, options.max_tokens)
        self.endpoint = Endpoint(
            options.endpoint,
            options.model,
            key_env=options.key_env,
            sampling=Sampling(answer_tokens=options.answer_tokens, max_side=options.max_side),
            patience=patience or Patience(timeout=options.timeout),
            budget=self._budget,
        )
        self._concurrency = options.concurrency
        self._asked_for = options.logprobs
        self._reads_logprobs = options.logprobs  # None until the server's first answer shows whether it gives any
        self._answered = False
        self._reasons: Counter[str] = Counter()

    def get_ready(self, surroundings: Surroundings) -> None:
        """Take up what earlier runs spent, and how they read the answers."""
        known = surroundings.answers.all()
        self._budget.spent_calls = sum(answer.calls for answer in known)
        self._budget.spent_tokens = sum(answer.tokens for answer in known)
        self._reasons.update(answer.why for answer in known if answer.why)
        self._answered = bool(known)
        read = [answer.mass is not None for answer in known if not np.isnan(answer.score)]
        if self._asked_for is None and read:
            self._reads_logprobs = read[0]

    def score(self, images: Sequence[OpenedImage]) -> Scored:
        """Every dimension of every image, in memory; `ask` gives each answer as it comes."""
        table = {name: np.full((len(images), len(self.dimensions)), np.nan) for name in ("score", "sd", "mass")}
        everything = [(i, k) for i in range(len(images)) for k in range(len(self.dimensions))]
        for i, k, answer in self.ask(images, everything):
            for name, values in table.items():
                known = getattr(answer, name)
                values[i, k] = np.nan if known is None else known
        return Scored.of(table["score"], table["sd"], table["mass"])

    def ask(
        self, images: Sequence[OpenedImage], wanted: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, int, Answer]]:
        """Ask what is wanted, several questions at the same time; answers that were paid for are given before a fault is raised.

        Parameters
        ----------
        images : sequence of OpenedImage
        wanted : sequence of (int, int)
            Places of image and dimension.

        Yields
        ------
        int, int, Answer

        Raises
        ------
        EndpointStopped
            As ``Endpoint.ask``.
        """
        waiting = list(wanted)
        if waiting and self._reads_logprobs is None:  # the first alone: it shows how the others are read
            i, k = waiting.pop(0)
            yield i, k, self._counted(self._answer(images[i], k))
        asked = answered_at_once(
            lambda place: self._answer(images[place[0]], place[1]), waiting, self._concurrency, self.endpoint.stop
        )
        for place, answer in asked:
            yield *place, self._counted(answer)

    def identity(self) -> dict[str, Any]:
        """The model's name, the prompts and how answers are drawn and read; not where the server stands."""
        read = {None: "as the first answer allows", True: "yes", False: "no"}[self._asked_for]
        return {
            "scorer": "endpoint",
            "model": self.endpoint.model,
            "prompts": self.prompts.sha256(),
            "sampling": self.endpoint.sampling.to_dict() | {"log-probabilities": read},
            "dimensions": list(self.dimensions),
        }

    def about(self) -> dict[str, Any]:
        """The model's name, and what is recorded of the questions."""
        sampling = self.endpoint.sampling
        read = (
            "expectation over the digits' log-probabilities"
            if self._reads_logprobs
            else "the digit in the answer's text"
        )
        return {
            "system": self.endpoint.model,
            "kind": "model",
            "access": "api",
            "model": {"id": None},
            "base_model": None,
            "teacher": {"id": None, "revision": None},
            "made_with": {"weights_sha256": None, "prompt_sha256": self.prompts.sha256()},
            "deterministic": False,
            "cost": {"passes_per_image": float(len(self.dimensions)), "device": None},
            "notes": (
                f"model {self.endpoint.model!r} by an OpenAI-compatible server; {read}; temperature "
                f"{sampling.temperature:g}, at most {sampling.answer_tokens} tokens an answer, images as JPEG of at most "
                f"{sampling.max_side} pixels a side"
            )[:500],
        }

    def notes(self) -> tuple[str, ...]:
        """What was spent, and why there was no answer."""
        said = [f"{self._budget.spent_calls:,} calls and {self._budget.spent_tokens:,} tokens, over all runs"]
        if self._reasons:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self._reasons.items()))
            said.append(f"{sum(self._reasons.values()):,} questions without an answer that counts: {reasons}")
        return tuple(said)

    def _counted(self, answer: Answer) -> Answer:
        if answer.why:
            self._reasons[answer.why] += 1
        return answer

    def _answer(self, image: OpenedImage, k: int) -> Answer:
        """The answer to one question about one image."""
        question = self.prompts.rate_question(self.dimensions[k])
        picture = as_data_uri(image.image, self.endpoint.sampling.max_side)
        begun = time.perf_counter()
        try:
            reply = self.endpoint.ask(question, picture, log_probabilities=self._reads_logprobs is not False)
        except LogProbabilitiesRefused:
            if self._reads_logprobs:  # False: another thread found out just now
                raise
            self._reads_logprobs = False
            reply = self.endpoint.ask(question, picture, log_probabilities=False)
        if reply.garbled and not self._answered:
            problem = f"what {self.endpoint.url} answers is no chat completion"
            raise EndpointStopped(problem, "check --endpoint: it is the address that ends in /v1")
        self._answered = True
        if self._reads_logprobs is None and not (reply.garbled or reply.refused):
            self._reads_logprobs = reply.tokens is not None
        if self._asked_for and reply.tokens is None and parse_score(reply.text) is not None:
            raise EndpointStopped(f"{self.endpoint.url} gives no log-probabilities", "give --no-logprobs")
        score, sd, mass, why = read_reply(reply, log_probabilities=bool(self._reads_logprobs))
        seconds = time.perf_counter() - begun
        return Answer(score, sd, mass, why, seconds, reply.calls, reply.used_tokens)


def read_reply(reply: Reply, *, log_probabilities: bool) -> tuple[float, float | None, float | None, str]:
    """The score in a reply.

    Parameters
    ----------
    reply : Reply
    log_probabilities : bool
        Whether it is the expectation over the ten digits; else the number in the text.

    Returns
    -------
    score : float
        From 0 to 9; NaN where there is none.
    sd, mass : float or None
        Standard deviation over the digits, and the probability that they hold together.
    why : str
        Why there is no score.

    Examples
    --------
    >>> read_reply(Reply("7"), log_probabilities=False)
    (7.0, None, None, '')
    >>> read_reply(Reply("I cannot rate art."), log_probabilities=False)
    (nan, None, None, 'unreadable')
    >>> from ppaint.model_card.endpoint import Token
    >>> halves = Token("6", {"6": np.log(0.4), "8": np.log(0.4), "A": np.log(0.2)})
    >>> [round(value, 6) for value in read_reply(Reply("6", (halves,)), log_probabilities=True)[:3]]
    [7.0, 1.0, 0.8]
    """
    if reply.refused:
        return np.nan, None, None, REFUSED
    if reply.cut_off:
        return np.nan, None, None, CUT_OFF
    number = None if reply.garbled else parse_score(reply.text)
    if number is None:
        return np.nan, None, None, UNREADABLE
    if not log_probabilities:
        return number, None, None, ""
    weights = digit_probabilities(reply)
    if weights is None:
        return np.nan, None, None, NO_DIGIT
    mass = float(weights.sum())
    weights /= mass
    mean = float(weights @ np.arange(10.0))
    variance = float(weights @ (np.arange(10.0) - mean) ** 2)
    return mean, variance**0.5, min(mass, 1.0), ""
