"""An OpenAI-compatible server on this machine, in the test's own process, that answers as a test wants it to."""

import hashlib
import json
import math
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

Answer = tuple[int, dict[str, str], bytes]


def chat(text: str, *, finish: str = "stop", logprobs: dict | None = None, tokens: int = 50, **message) -> Answer:
    """A chat completion with this text."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    if logprobs is not None:
        choice["logprobs"] = logprobs
    usage = {"prompt_tokens": tokens - 1, "completion_tokens": 1, "total_tokens": tokens}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return 200, {}, json.dumps(body).encode()


def over(probabilities: dict[str, float], *, before: tuple[str, ...] = ()) -> dict:
    """Log-probabilities of an answer whose last token is the most probable one of these."""
    rows = [{"token": text, "logprob": 0.0, "top_logprobs": [{"token": text, "logprob": 0.0}]} for text in before]
    top = [{"token": text, "logprob": float(np.log(p))} for text, p in probabilities.items()]
    best = max(top, key=lambda one: one["logprob"])
    return {"content": [*rows, best | {"top_logprobs": top}]}


def error(status: int, message: str = "no", **headers: str) -> Answer:
    """An answer that is an error, as these servers word it."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, headers, json.dumps({"error": {"message": message}}).encode()


def own_digit(asked: dict) -> int:
    """A digit that depends on the image and the question alone."""
    return int(hashlib.sha256(json.dumps(asked["messages"]).encode()).hexdigest(), 16) % 10


def in_words(asked: dict) -> Answer:
    """Gives no log-probabilities, whether asked for or not."""
    return chat(str(own_digit(asked)))


def with_logprobs(asked: dict) -> Answer:
    """Gives them where they are asked for: most on its digit, some on others, a tenth on none."""
    digit = own_digit(asked)
    spread = {str(digit): 0.6, str((digit + 1) % 10): 0.3, "A": 0.1}
    return chat(str(digit), logprobs=over(spread) if asked.get("logprobs") else None)


def shown(asked: dict) -> list[str]:
    """The images of a question."""
    return [part["image_url"]["url"] for part in asked["messages"][0]["content"] if part["type"] == "image_url"]


def quality(uri: str) -> float:
    """What the server thinks of an image: a number from 0 to 1 by its content."""
    return int(hashlib.sha256(uri.encode()).hexdigest()[:6], 16) / 0xFFFFFF


def chance(asked: dict) -> float:
    """That A is the better one; the image shown first is favoured a little."""
    first, second = map(quality, shown(asked))
    return 1 / (1 + math.exp(-(4 * (first - second) + 0.3)))


def knows(asked: dict) -> Answer:
    """Compares and rates by the quality; with log-probabilities where asked for."""
    if len(shown(asked)) == 2:
        p = chance(asked)
        spread = {"A": 0.9 * p, "B": 0.9 * (1 - p), "The": 0.1}
        return chat("A" if p > 0.5 else "B", logprobs=over(spread) if asked.get("logprobs") else None)
    digit = min(9, int(10 * quality(shown(asked)[0])))
    spread = {str(digit): 0.8, str((digit + 1) % 10): 0.2}
    return chat(str(digit), logprobs=over(spread) if asked.get("logprobs") else None)


def votes(asked: dict) -> Answer:
    """The same without log-probabilities."""
    return knows(asked | {"logprobs": None})


class LoopbackEndpoint:
    """The server; ``behave`` may be changed while it runs, and gets each request's JSON.

    Attributes
    ----------
    asked : list of dict
        The JSON of each request.
    headers : list of dict
        Of each request, names in small letters.
    """

    def __init__(self, behave: Callable[[dict], Answer] = with_logprobs) -> None:
        self.behave, self.asked, self.headers = behave, [], []
        self.most_at_once, self._at_once, self._lock = 0, 0, threading.Lock()
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._lock:
                    outer.asked.append(asked)
                    outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                    outer._at_once += 1
                    outer.most_at_once = max(outer.most_at_once, outer._at_once)
                status, headers, body = outer.behave(asked)
                with outer._lock:
                    outer._at_once -= 1
                try:
                    self.send_response(status)
                    for name, value in (headers | {"Content-Length": str(len(body))}).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:  # whoever asked has hung up
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def hang(self, asked: dict) -> Answer:
        """Say nothing until the server is closed."""
        self.closing.wait(60)
        return error(503)

    def __enter__(self) -> "LoopbackEndpoint":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def in_turn(*answers: Answer | Callable[[dict], Answer]) -> Callable[[dict], Answer]:
    """Give these answers one after another; the last one again and again."""
    lock, waiting = threading.Lock(), list(answers)

    def behave(asked: dict) -> Answer:
        with lock:
            answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return answer(asked) if callable(answer) else answer

    return behave
