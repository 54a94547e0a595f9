"""A client of an OpenAI-compatible server: an image and a question in, the answer's text and log-probabilities out.

It waits where the server asks it to, counts calls and tokens against a budget, and keeps its key to itself: the key is read
from the environment when a call is made, and stands in no attribute, file, log or message.
"""

from __future__ import annotations

import base64
import io
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from ..foundation.faults import Fault, InputFault
from ..foundation.stopped import Stopped

JPEG_QUALITY = 95
TOP = 20  # alternatives of a token: the most that these servers give
_BUSY = (408, 409, 425, 429)  # and all from 500: the same question may be answered later
_REFUSED = ("content_filter", "content_policy_violation", "content_policy", "moderation_blocked")
_SHOWN = 200  # letters of a server's message
HIDDEN = "<key>"


class EndpointStopped(Stopped):
    """Raised where a server cannot or must not be asked on: it is out of reach, it refuses the key, or the budget is spent."""


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn, and in which form the image is sent.

    Parameters
    ----------
    temperature : float
    answer_tokens : int
        Most tokens of an answer; a longer one is cut off, and does not count.
    max_side : int
        Longest side in pixels: a larger image is scaled down to it before it is sent, as a JPEG.
    """

    temperature: float = 0.0
    answer_tokens: int = 16
    max_side: int = 1024

    def to_dict(self) -> dict[str, Any]:
        """Plain types, to be recorded; the form of the image among them."""
        return asdict(self) | {"image": f"JPEG, quality {JPEG_QUALITY}"}


@dataclass(frozen=True)
class Patience:
    """How long a question is asked again.

    Parameters
    ----------
    timeout : float
        Seconds until an answer that does not come counts as a failure.
    failures : int
        Failures in a row of one question after which the server counts as out of reach.
    first_wait : float
        Seconds before the second attempt, doubled each time up to a minute, where the server does not say how long.
    longest_wait : float
        Seconds that one question waits, in all, where the server says how long.
    """

    timeout: float = 120.0
    failures: int = 5
    first_wait: float = 1.0
    longest_wait: float = 900.0


@dataclass(frozen=True)
class Token:
    """A token of an answer, with the probabilities of what might have stood in its place.

    Parameters
    ----------
    text : str
    alternatives : mapping of str to float
        Natural-log probability by token, the token itself among them.
    """

    text: str
    alternatives: Mapping[str, float]


@dataclass(frozen=True)
class Reply:
    """What a server said to one question.

    Parameters
    ----------
    text : str
        Empty where it said nothing.
    tokens : tuple of Token, or None
        None where the server gave no log-probabilities.
    refused, cut_off, garbled : bool
        Whether the server or the model declined to answer, whether the answer was cut off before its end, and whether
        what came was no chat completion at all.
    calls, used_tokens : int
        Requests that it took, and tokens that the server counted (0 where it did not).
    """

    text: str
    tokens: tuple[Token, ...] | None = None
    refused: bool = False
    cut_off: bool = False
    garbled: bool = False
    calls: int = 1
    used_tokens: int = 0


class Budget:
    """Requests and tokens that may still be spent; several threads may draw on it.

    Parameters
    ----------
    calls, tokens : int, optional
        At most so many; any number by default.
    spent_calls, spent_tokens : int
        By earlier runs.

    Examples
    --------
    >>> budget = Budget(calls=1)
    >>> budget.take_call()
    >>> budget.take_call()
    Traceback (most recent call last):
        ...
    ppaint.model_card.endpoint.EndpointStopped: the budget of 1 calls is spent. To go on: give a larger --max-calls.
    """

    def __init__(
        self, calls: int | None = None, tokens: int | None = None, *, spent_calls: int = 0, spent_tokens: int = 0
    ) -> None:
        self.calls, self.tokens = calls, tokens
        self.spent_calls, self.spent_tokens = spent_calls, spent_tokens
        self._lock = threading.Lock()

    def take_call(self) -> None:
        """Count a request that is about to be sent.

        Raises
        ------
        EndpointStopped
            If either is spent.
        """
        with self._lock:
            for kind, most, spent in (
                ("calls", self.calls, self.spent_calls),
                ("tokens", self.tokens, self.spent_tokens),
            ):
                if most is not None and spent >= most:
                    raise EndpointStopped(f"the budget of {most:,} {kind} is spent", f"give a larger --max-{kind}")
            self.spent_calls += 1

    def note_tokens(self, count: int) -> None:
        """Count what the server says an answer took, question and image included.

        Raises
        ------
        EndpointStopped
            If tokens are to be counted and the server says nothing of them.
        """
        if self.tokens is not None and not count:
            raise EndpointStopped(
                "the server does not say how many tokens it used", "give --max-calls, not --max-tokens"
            )
        with self._lock:
            self.spent_tokens += count


def as_data_uri(image: Image.Image, max_side: int) -> str:
    """An image as the text that goes into a request, scaled down where it is larger.

    Parameters
    ----------
    image : PIL.Image.Image
        In mode RGB.
    max_side : int

    Returns
    -------
    str

    Examples
    --------
    >>> as_data_uri(Image.new("RGB", (64, 32)), 16)[:23]
    'data:image/jpeg;base64,'
    """
    if max(image.size) > max_side:
        image = image.copy()
        image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, format="JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode("ascii")


class Endpoint:
    """One model of an OpenAI-compatible server.

    Parameters
    ----------
    url : str
        Its base, with or without ``/v1``.
    model : str
        What the server calls the model.
    key_env : str, optional
        The environment variable that holds the key; without one no key is sent, nor any token that is at hand.
    sampling : Sampling
    patience : Patience
    budget : Budget, optional
        Any number of calls by default.

    Raises
    ------
    InputFault
        If the address is none, carries a name, a password or a query (a key may be in it), or the variable is not set.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key_env: str | None = None,
        sampling: Sampling = Sampling(),
        patience: Patience = Patience(),
        budget: Budget | None = None,
    ) -> None:
        self.url, self.model, self.sampling, self.patience = _checked_url(url), model, sampling, patience
        self.budget = budget or Budget()
        self._key_env = key_env
        self._not_before = 0.0  # for all threads, once the server has said to wait
        self._stopped = threading.Event()
        _read_key(key_env)
        _reachable_offline(self.url)

    def stop(self) -> None:
        """Ask nothing more, and end all waiting; what is under way may still be answered."""
        self._stopped.set()

    def ask(self, question: str, image: str | Sequence[str], *, log_probabilities: bool) -> Reply:
        """Ask one question about one image, or several, again where the server is busy.

        Parameters
        ----------
        question : str
        image : str or sequence of str
            As ``as_data_uri`` gives it; several stand in the message in their order, before the question.
        log_probabilities : bool
            Whether to ask for those of the answer's tokens.

        Returns
        -------
        Reply

        Raises
        ------
        EndpointStopped
            If the server is out of reach, refuses the request or the key, or the budget is spent.
        """
        images = (image,) if isinstance(image, str) else tuple(image)
        failures, waited, calls = 0, 0.0, 0
        while True:
            self._wait(self._not_before - time.monotonic())
            self.budget.take_call()
            calls += 1
            reply, trouble = self._attempt(question, images, log_probabilities)
            if reply is not None:
                if reply.used_tokens or not (reply.refused or reply.garbled):  # an error says nothing of tokens
                    self.budget.note_tokens(reply.used_tokens)
                return replace(reply, calls=calls)
            if trouble.wait is None:
                failures += 1
                if failures >= self.patience.failures:
                    times = "once" if failures == 1 else f"{failures} times in a row"
                    raise self._given_up(
                        f"{trouble.what}, {times}", "start the same command again when the server answers"
                    )
                self._wait(min(60.0, self.patience.first_wait * 2 ** (failures - 1)))
                continue
            waited += max(trouble.wait, 0.1)  # a server that says 0 for ever is not asked for ever
            if waited > self.patience.longest_wait:
                raise self._given_up(
                    f"{trouble.what}, and asks to wait for {trouble.wait:.0f} s", "start it again later"
                )
            self._not_before = max(self._not_before, time.monotonic() + trouble.wait)

    def _wait(self, seconds: float) -> None:
        if self._stopped.wait(seconds) if seconds > 0 else self._stopped.is_set():
            raise self._given_up("was not asked on", "start the same command again")

    def _attempt(self, question: str, images: Sequence[str], log_probabilities: bool) -> tuple[Reply | None, _Trouble]:
        """One request: a reply, or why there is none. What cannot be put right by waiting is raised.

        It runs in a thread that is left behind at the deadline: a server that sends a byte now and then is never silent
        for as long as the transport waits.
        """
        key, ended, found = _read_key(self._key_env), threading.Event(), list[_Response]()

        def work() -> None:
            found.append(self._request(key, question, images, log_probabilities))
            ended.set()

        threading.Thread(target=work, daemon=True).start()
        if not ended.wait(self.patience.timeout + 0.5):
            found.append(_Response(late=True))
        said = found[0]
        if said.late:
            return None, _Trouble(f"no answer within {self.patience.timeout:g} s")
        if said.unreachable:
            return None, _Trouble(f"cannot be reached ({said.unreachable})")
        return (said.reply, _Trouble("")) if said.reply else self._judged(said.status, said.body, said.wait)

    def _request(self, key: str, question: str, images: Sequence[str], log_probabilities: bool) -> _Response:
        """Send a question, and take what comes; nothing is raised."""
        from huggingface_hub import InferenceClient
        from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError

        shown = [{"type": "image_url", "image_url": {"url": image}} for image in images]
        content = [*shown, {"type": "text", "text": question}]
        try:
            # without a key huggingface_hub would send the token of the Hub to whatever server this is
            client = InferenceClient(
                base_url=self.url,
                api_key=key or "none",
                headers=None if key else {"authorization": None},
                timeout=self.patience.timeout,
            )
            said = client.chat_completion(
                [{"role": "user", "content": content}],
                model=self.model,
                temperature=self.sampling.temperature,
                max_tokens=self.sampling.answer_tokens,
                logprobs=log_probabilities or None,
                top_logprobs=TOP if log_probabilities else None,
            )
            return _Response(as_reply(said))
        except InferenceTimeoutError:
            return _Response(late=True)
        except HfHubHTTPError as error:
            answer = error.response
            return _Response(status=answer.status_code, body=_text_of(answer), wait=retry_after(answer.headers))
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
            return _Response(Reply("", garbled=True))
        except Exception as error:  # whatever the transport raises: it may hold the request, and with it the key
            return _Response(unreachable=type(error).__name__)

    def _judged(self, status: int, body: str, wait: float | None) -> tuple[Reply | None, _Trouble]:
        """What an answer that is an error means."""
        if status in _BUSY or status >= 500:
            return None, _Trouble(f"answers with status {status}", wait)
        if status == 400 and any(word in body for word in _REFUSED):
            return Reply("", refused=True), _Trouble("")
        if status in (401, 403):  # what such a server says may hold parts of the key
            named = "no key was sent" if self._key_env is None else f"the key in {self._key_env} is not accepted"
            raise self._given_up(
                f"answers with status {status}: {named}", "give --key-env VAR with the name of a variable"
            )
        said = f": {self._without_key(body)}" if body else ""
        if status in (400, 422) and "logprob" in body.lower():
            raise LogProbabilitiesRefused(
                f"{self.url} gives no log-probabilities ({status}{said})", "give --no-logprobs"
            )
        to_go_on = "correct --endpoint or --model" if status == 404 else "correct what it names"
        raise self._given_up(f"answers with status {status}{said}", to_go_on)

    def _given_up(self, problem: str, to_go_on: str) -> EndpointStopped:
        return EndpointStopped(f"the endpoint {self.url} {problem}", to_go_on)

    def _without_key(self, text: str) -> str:
        key = _read_key(self._key_env)
        text = text.replace(key, HIDDEN) if key else text
        text = " ".join(text.split())
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


class LogProbabilitiesRefused(EndpointStopped):
    """Raised where a server refuses a question because log-probabilities are asked for."""


@dataclass(frozen=True)
class _Response:
    """What came of one request: a reply, an error with its status, or nothing."""

    reply: Reply | None = None
    status: int = 0
    body: str = ""
    wait: float | None = None
    late: bool = False
    unreachable: str = ""


@dataclass(frozen=True)
class _Trouble:
    """Why there is no reply, and for how many seconds the server asks to wait; None where it does not say."""

    what: str
    wait: float | None = None


def as_reply(said: Any) -> Reply:
    """What a chat completion says.

    Parameters
    ----------
    said : ChatCompletionOutput

    Returns
    -------
    Reply

    Raises
    ------
    AttributeError, LookupError, TypeError, ValueError
        If it is none.
    """
    choice = said.choices[0]
    text = choice.message.content
    refusal = getattr(choice.message, "refusal", None)
    if text is not None and not isinstance(text, str):
        raise TypeError("an answer that is no text")
    used = getattr(said.usage, "total_tokens", None) if said.usage else None
    return Reply(
        text or "",
        _tokens(choice.logprobs.content) if choice.logprobs and choice.logprobs.content else None,
        refused=bool(refusal) or choice.finish_reason == "content_filter",
        cut_off=choice.finish_reason == "length",
        used_tokens=used if isinstance(used, int) and used > 0 else 0,
    )


def _tokens(content: Any) -> tuple[Token, ...]:
    tokens = []
    for place in content:
        given = {place.token: float(place.logprob)}
        given |= {other.token: float(other.logprob) for other in place.top_logprobs or ()}
        if not all(isinstance(text, str) and not math.isnan(value) and value <= 1e-3 for text, value in given.items()):
            raise ValueError("log-probabilities that are none")
        tokens.append(Token(place.token, given))
    return tuple(tokens)


def retry_after(headers: Mapping[str, str], *, now: Callable[[], float] = time.time) -> float | None:
    """Seconds that a server asks to wait, by its ``Retry-After``: a number, or a date.

    Parameters
    ----------
    headers : mapping
        Of its answer.
    now : callable
        Seconds since 1970.

    Returns
    -------
    float or None
        None where it does not say, or not in a way that can be read.

    Examples
    --------
    >>> retry_after({"Retry-After": "2"}), retry_after({}), retry_after({"Retry-After": "soon"})
    (2.0, None, None)
    >>> retry_after({"Retry-After": "Thu, 01 Jan 1970 00:01:00 GMT"}, now=lambda: 50.0)
    10.0
    """
    said = headers.get("Retry-After") or headers.get("retry-after") or ""
    try:
        wait = float(said)
    except ValueError:
        try:
            wait = parsedate_to_datetime(said).timestamp() - now()
        except (TypeError, ValueError):
            return None
    return max(wait, 0.0) if math.isfinite(wait) else None


def _checked_url(url: str) -> str:
    where = "--endpoint"
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise InputFault(Fault(where, "", "is no address of a server", "give one such as http://localhost:8000/v1"))
    if parts.username or parts.password or parts.query or parts.fragment:
        fix = "give the address alone, and the key in an environment variable: --key-env VAR"
        raise InputFault(Fault(where, "", "carries a name, a password or a query, which would be written down", fix))
    return url


def _read_key(variable: str | None) -> str:
    """The key, or nothing where none is to be sent; it is never in a message."""
    if variable is None:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        what = f"the environment variable {variable!r} is not set, or empty"
        raise InputFault(Fault("--key-env", "", what, "set it to the key, or leave --key-env out"))
    if not (key.isascii() and key.isprintable()):
        what = f"what the environment variable {variable!r} holds is no key: it has letters that no key has"
        raise InputFault(Fault("--key-env", "", what, "set it to the key alone"))
    return key


def _text_of(response: Any) -> str:
    try:
        return response.text
    except Exception:  # a body that was never read, or is no text
        return ""


def _reachable_offline(url: str) -> None:
    """HF_HUB_OFFLINE is about the Hub: a server that was named by its address may be asked all the same."""
    from huggingface_hub import get_session

    _NAMED_SERVERS.add(urlsplit(url).netloc)
    session = get_session()
    hooks = session.event_hooks
    if not any(isinstance(hook, _ForTheHub) for hook in hooks["request"]):
        session.event_hooks = hooks | {"request": [_ForTheHub(hook) for hook in hooks["request"]]}


_NAMED_SERVERS: set[str] = set()


@dataclass(frozen=True)
class _ForTheHub:
    """What huggingface_hub does before each request; left out where it goes to a server that was named by its address."""

    hook: Callable[[Any], Any]

    def __call__(self, request: Any) -> Any:
        return None if request.url.netloc.decode("ascii") in _NAMED_SERVERS else self.hook(request)
