"""The client of an OpenAI-compatible server: what it sends, when it asks again, when it stops, and that it keeps its key."""

import base64
import contextlib
import io
import logging
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from loopback_endpoint import LoopbackEndpoint, chat, error, in_turn, in_words, over, with_logprobs
from PIL import Image

from ppaint.images import InputFault
from ppaint.model_card.endpoint import (
    Budget,
    Endpoint,
    EndpointStopped,
    LogProbabilitiesRefused,
    Patience,
    Sampling,
    as_data_uri,
)

QUICK = Patience(timeout=5, failures=3, first_wait=0.01, longest_wait=3)
KEY = "sk-very-secret-0123456789"
PICTURE = as_data_uri(Image.new("RGB", (64, 48), "red"), 1024)


@pytest.fixture
def server():
    with LoopbackEndpoint() as running:
        yield running


def ask(server, *, log_probabilities=True, patience=QUICK, **options):
    endpoint = Endpoint(server.url, "some-model", patience=patience, **options)
    return endpoint.ask("Rate it.", PICTURE, log_probabilities=log_probabilities)


def test_a_question_carries_the_image_the_words_and_the_settings(server):
    ask(server, sampling=Sampling(answer_tokens=9))
    [asked] = server.asked
    image, words = asked["messages"][0]["content"]
    assert image == {"type": "image_url", "image_url": {"url": PICTURE}}
    assert words == {"type": "text", "text": "Rate it."}
    named = {name: asked[name] for name in ("model", "temperature", "max_tokens", "logprobs", "top_logprobs")}
    assert named == {
        "model": "some-model",
        "temperature": 0.0,
        "max_tokens": 9,
        "logprobs": True,
        "top_logprobs": 20,
    }


def test_a_large_image_is_scaled_down_and_a_small_one_is_not():
    def size(side, most):
        uri = as_data_uri(Image.new("RGB", (side, side // 2)), most)
        return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).size

    assert size(400, 100) == (100, 50)
    assert size(80, 100) == (80, 40)


def test_log_probabilities_come_through_with_their_alternatives(server):
    server.behave = lambda asked: chat("6", logprobs=over({"6": 0.5, "7": 0.25, "A": 0.25}))
    reply = ask(server)
    [token] = reply.tokens
    assert token.text == "6" and {text: round(np.exp(p), 6) for text, p in token.alternatives.items()} == {
        "6": 0.5,
        "7": 0.25,
        "A": 0.25,
    }
    assert (reply.text, reply.refused, reply.cut_off, reply.calls, reply.used_tokens) == ("6", False, False, 1, 50)


def test_without_log_probabilities_none_are_asked_for_and_none_come(server):
    server.behave = in_words
    assert ask(server, log_probabilities=False).tokens is None
    assert "logprobs" not in server.asked[0] and "top_logprobs" not in server.asked[0]


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (chat("7", finish="length"), "cut_off"),
        (chat("", finish="content_filter"), "refused"),
        (chat(None, refusal="I cannot rate people."), "refused"),
        (error(400, "blocked: content_policy_violation"), "refused"),
        ((200, {}, b"<html>log in</html>"), "garbled"),
        ((200, {}, b"\xff\xfe\x00"), "garbled"),
        ((200, {}, b"{}"), "garbled"),
        ((200, {}, b'{"choices": []}'), "garbled"),
        ((200, {}, b'{"choices": [{"message": {"content": ["a", {}]}}]}'), "garbled"),
        ((200, {}, b'{"choices": [{"message": {"content": "7"}, "logprobs": {"content": [{"token": "7"}]}}]}'), "garbled"),
        ((200, {}, b"[" * 5000), "garbled"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_count_says_why(server, answer, field):
    server.behave = in_turn(answer)
    reply = ask(server)
    assert {name for name in ("refused", "cut_off", "garbled") if getattr(reply, name)} == {field}


def test_retry_after_is_waited_out_and_by_the_other_threads_too(server):
    times = []

    def behave(asked):
        times.append(time.monotonic())
        return error(429, Retry_After="1") if len(times) == 1 else with_logprobs(asked)

    server.behave = behave
    endpoint = Endpoint(server.url, "m", patience=QUICK)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(endpoint.ask, "a", PICTURE, log_probabilities=True)
        while not endpoint._not_before:
            time.sleep(0.01)
        second = pool.submit(endpoint.ask, "b", PICTURE, log_probabilities=True)
    assert (first.result().calls, second.result().calls) == (2, 1)
    assert min(times[1:]) - times[0] >= 1


def test_a_date_to_wait_for_and_other_statuses_are_understood(server):
    server.behave = in_turn(error(503, Retry_After="Thu, 01 Jan 1970 00:00:00 GMT"), error(429), with_logprobs)
    assert ask(server).calls == 3


@pytest.mark.parametrize("status", [429, 500, 502, 529])
def test_a_failing_server_is_asked_again_and_not_for_ever(server, status):
    server.behave = in_turn(error(status), error(status), with_logprobs)
    assert ask(server).calls == 3
    server.behave = in_turn(error(status))
    with pytest.raises(
        EndpointStopped, match=f"answers with status {status}, 3 times in a row. To go on: start the same"
    ):
        ask(server)
    assert len(server.asked) == 6


def test_a_server_that_asks_to_wait_for_ever_is_left(server):
    server.behave = in_turn(error(429, Retry_After="3600"))
    with pytest.raises(EndpointStopped, match="asks to wait for 3600 s. To go on: start it again later"):
        ask(server)
    assert len(server.asked) == 1


def test_a_server_that_hangs_is_left_after_the_timeout(server):
    server.behave = server.hang
    with pytest.raises(EndpointStopped, match="no answer within 0.2 s, 2 times in a row"):
        ask(server, patience=Patience(timeout=0.2, failures=2, first_wait=0.01))


def test_a_server_that_sends_a_byte_now_and_then_is_left_too():
    def trickle(connection, closing):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not closing.wait(0.05):
            connection.sendall(b" ")

    closing = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                trickle(connection, closing)

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        endpoint = Endpoint(f"http://127.0.0.1:{listening.getsockname()[1]}", "m", patience=Patience(0.3, failures=1))
        with pytest.raises(EndpointStopped, match="no answer within 0.3 s, once"):
            endpoint.ask("a", PICTURE, log_probabilities=True)
        closing.set()
        server.join()


def test_nobody_there_is_one_line():
    endpoint = Endpoint("http://127.0.0.1:9/v1", "m", patience=QUICK)
    with pytest.raises(
        EndpointStopped, match="cannot be reached .*, 3 times in a row. To go on: start the same command"
    ):
        endpoint.ask("a", PICTURE, log_probabilities=True)


@pytest.mark.parametrize(
    ("status", "words", "found"),
    [
        (404, "no such model", "status 404: .*no such model.*correct --endpoint or --model"),
        (401, "no", "status 401: no key was sent. To go on: give --key-env VAR"),
        (413, "too large", "status 413: .*too large"),
    ],
)
def test_what_waiting_cannot_put_right_stops_at_once(server, status, words, found):
    server.behave = in_turn(error(status, words))
    with pytest.raises(EndpointStopped, match=found):
        ask(server)
    assert len(server.asked) == 1


def test_a_server_that_refuses_log_probabilities_says_so(server):
    server.behave = in_turn(error(400, "logprobs are not supported by this model"))
    with pytest.raises(LogProbabilitiesRefused, match="give --no-logprobs"):
        ask(server)


def test_calls_and_tokens_are_counted_against_a_budget(server):
    budget = Budget(calls=3, tokens=120)
    endpoint = Endpoint(server.url, "m", budget=budget, patience=QUICK)
    for _ in range(3):
        endpoint.ask("a", PICTURE, log_probabilities=True)
    assert (budget.spent_calls, budget.spent_tokens) == (3, 150)
    with pytest.raises(EndpointStopped, match="the budget of 3 calls is spent. To go on: give a larger --max-calls"):
        endpoint.ask("a", PICTURE, log_probabilities=True)
    with pytest.raises(EndpointStopped, match="the budget of 120 tokens is spent"):
        ask(server, budget=Budget(tokens=120, spent_tokens=150))
    assert len(server.asked) == 3


def test_attempts_that_failed_count_as_calls(server):
    server.behave = in_turn(error(500), with_logprobs)
    with pytest.raises(EndpointStopped, match="the budget of 1 calls is spent"):
        ask(server, budget=Budget(calls=1))


def test_tokens_that_the_server_does_not_count_cannot_be_a_budget(server):
    server.behave = lambda asked: chat("7", tokens=0)
    with pytest.raises(EndpointStopped, match="does not say how many tokens it used. To go on: give --max-calls"):
        ask(server, budget=Budget(tokens=100))


def test_the_key_goes_into_the_header_and_nowhere_else(server, monkeypatch, caplog, capfd):
    monkeypatch.setenv("SOME_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("huggingface_hub").setLevel(logging.DEBUG)
    endpoint = Endpoint(server.url, "m", key_env="SOME_KEY", patience=QUICK)
    endpoint.ask("a", PICTURE, log_probabilities=True)
    assert server.headers[-1]["authorization"] == f"Bearer {KEY}"
    texts = [repr(endpoint), repr(vars(endpoint)), *(str(record.__dict__) for record in caplog.records)]
    told = f'{{"Authorization": "Bearer {KEY}"}}'
    for status in (400, 401, 403, 404, 418, 500):
        server.behave = in_turn(error(status, f"wrong key {KEY} in {told}"))
        with pytest.raises(EndpointStopped) as stopped:
            endpoint.ask("a", PICTURE, log_probabilities=True)
        texts += [str(stopped.value), "".join(traceback.format_exception(stopped.value))]
    server.behave = in_turn((200, {}, KEY.encode()))
    texts += [repr(endpoint.ask("a", PICTURE, log_probabilities=True)), *capfd.readouterr()]
    assert not any(KEY in text for text in texts)


def test_without_a_key_no_token_that_is_at_hand_is_sent(server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_hub_alone")
    ask(server)
    assert "authorization" not in server.headers[0]
    assert "hf_of_the_hub_alone" not in str(server.headers)


@pytest.mark.parametrize("value", [None, "", "  ", "two\nlines", "schlüssel"])
def test_a_key_that_is_none_is_a_fault_that_does_not_show_it(server, monkeypatch, value):
    monkeypatch.delenv("SOME_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("SOME_KEY", value)
    with pytest.raises(InputFault, match="--key-env: .*'SOME_KEY'") as fault:
        Endpoint(server.url, "m", key_env="SOME_KEY")
    assert not (value or "").strip() or value not in str(fault.value)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://host/v1",
        "http://",
        "http://[::1",
        "https://me:secret@host/v1",
        "https://host/v1?key=secret",
        "https://host:port/v1",
    ],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused_without_being_shown(url):
    with pytest.raises(InputFault, match="--endpoint: ") as fault:
        Endpoint(url, "m")
    assert "secret" not in str(fault.value)


def test_stopping_ends_all_waiting(server):
    server.behave = in_turn(error(429, Retry_After="2"))
    endpoint = Endpoint(server.url, "m")
    endpoint.stop()
    begun = time.monotonic()
    with pytest.raises(EndpointStopped, match="was not asked on"):
        endpoint.ask("a", PICTURE, log_probabilities=True)
    assert time.monotonic() - begun < 1 and not server.asked
