"""The scorer behind a server: what it reads, what it counts as no answer, and how many questions it asks."""

import numpy as np
import pytest
from loopback_endpoint import LoopbackEndpoint, chat, error, in_turn, in_words, own_digit, with_logprobs
from PIL import Image

from ppaint.images import InputFault, open_image
from ppaint.model_card.endpoint import EndpointStopped, Patience, Reply, Token
from ppaint.pipeline.scorers.endpoint import EndpointScorer, read_reply
from ppaint.pipeline.scorers.options import Options

DIMENSIONS = ("brushwork", "overall")
QUICK = Patience(timeout=5, failures=2, first_wait=0.01, longest_wait=3)


@pytest.fixture
def server():
    with LoopbackEndpoint() as running:
        yield running


@pytest.fixture(scope="module")
def images():
    return [open_image(Image.new("RGB", (40, 32), (30 * i, 90, 200)), name=f"{i}.png") for i in range(4)]


def scorer(server, patience=QUICK, **options):
    return EndpointScorer(
        Options("endpoint", DIMENSIONS, endpoint=server.url, model="some-model", **options), patience=patience
    )


def digits(server):
    """What the server said about each image and dimension, found again by its requests."""
    return {(words["text"], image["image_url"]["url"]): own_digit(asked) for asked, image, words in parts(server)}


def parts(server):
    return [(asked, *asked["messages"][0]["content"]) for asked in server.asked]


def test_with_log_probabilities_a_score_is_their_expectation_over_the_digits(server, images):
    scored = scorer(server).score(images)
    found = sorted(round(float(value), 9) for value in scored.scores.ravel())
    # two thirds on its digit and a third on the next one, of the nine tenths that are digits
    means = [2 / 3 * d + 1 / 3 * ((d + 1) % 10) for d in digits(server).values()]
    assert found == sorted(round(mean, 9) for mean in means) and len(found) == 8
    np.testing.assert_allclose(scored.mass, 0.9)
    assert not scored.abstained.any() and np.isfinite(scored.sd).all()


def test_without_them_the_digit_in_the_text_is_the_score_and_they_are_not_asked_for_again(server, images):
    server.behave = in_words
    scored = scorer(server).score(images)
    assert sorted(scored.scores.ravel()) == sorted(map(float, digits(server).values()))
    assert np.isnan(scored.mass).all() and np.isnan(scored.sd).all()
    assert [bool(asked.get("logprobs")) for asked in server.asked] == [True] + [False] * 7


def test_a_server_that_refuses_log_probabilities_is_asked_without(server, images):
    refuses = error(400, "logprobs: not supported")
    server.behave = lambda asked: refuses if asked.get("logprobs") else in_words(asked)
    assert not scorer(server).score(images).abstained.any()
    assert len(server.asked) == 9
    with pytest.raises(EndpointStopped, match="give --no-logprobs"):
        scorer(server, logprobs=True).score(images)


def test_where_log_probabilities_are_demanded_an_answer_without_them_stops(server, images):
    server.behave = in_words
    with pytest.raises(EndpointStopped, match="gives no log-probabilities. To go on: give --no-logprobs"):
        scorer(server, logprobs=True).score(images)


def test_every_image_and_dimension_is_asked_about_once_and_several_at_a_time(server, images):
    server.behave = in_turn(with_logprobs, lambda asked: server.closing.wait(0.05) or with_logprobs(asked))
    scorer(server, concurrency=3).score(images)
    questions = {(words["text"], image["image_url"]["url"]) for _, image, words in parts(server)}
    assert len(server.asked) == len(questions) == 8
    assert server.most_at_once == 3
    assert {words for words, _ in questions} == {
        f"Rate this painting from 0 to 9 in {name}. Answer with one digit and nothing else." for name in DIMENSIONS
    }


def test_what_cannot_be_read_abstains_and_is_counted_by_its_reason(server, images):
    server.behave = in_turn(
        in_words,
        chat("I find it lovely"),
        chat("between 6 and 7"),
        chat("12"),
        chat("The brushwork of this", finish="length"),
        chat("", refusal="no"),
        (200, {}, b"<html>"),
        in_words,
    )
    asked = scorer(server, concurrency=1, logprobs=False)
    scored = asked.score(images)
    assert scored.abstained.sum() == 6 and np.isfinite(scored.scores[~scored.abstained]).all()
    calls, reasons = asked.notes()
    assert calls == "8 calls and 350 tokens, over all runs"
    assert reasons == "6 questions without an answer that counts: 1 cut off, 1 refused, 4 unreadable"


def test_a_first_answer_that_is_no_chat_completion_is_not_asked_on(server, images):
    server.behave = in_turn((200, {}, b"<html>log in</html>"))
    with pytest.raises(EndpointStopped, match="is no chat completion. To go on: check --endpoint"):
        scorer(server).score(images)
    assert len(server.asked) == 1


def test_answers_that_came_before_the_server_failed_are_given_first(server, images):
    server.behave = in_turn(*[in_words] * 3, error(500))
    given = []
    with pytest.raises(EndpointStopped, match="status 500"):
        for answer in scorer(server, concurrency=2).ask(images, [(i, k) for i in range(4) for k in range(2)]):
            given.append(answer)
    assert len(given) == 3


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([("7", {"7": 1.0})], 7.0),
        ([(" 7", {" 7": 0.5, "7": 0.25, "9": 0.25})], 7.5),
        ([("Score", {"Score": 1.0}), (":", {":": 1.0}), (" 4", {" 4": 0.5, " 6": 0.5})], 5.0),
        ([("7", {"7": 1.0}), (".", {".": 1.0}), ("5", {"5": 1.0})], None),
        ([("seven", {"seven": 0.9, "7": 0.1})], None),
        ([("7", {"A": 1.0})], None),
        ([], None),
    ],
)
def test_the_digits_are_read_where_the_answers_digit_stands(tokens, expected):
    said = tuple(Token(text, {one: np.log(p) for one, p in given.items()}) for text, given in tokens)
    score, _, mass, why = read_reply(Reply("".join(text for text, _ in tokens), said), log_probabilities=True)
    if expected is None:
        assert np.isnan(score) and mass is None and why
    else:
        assert score == pytest.approx(expected) and mass == pytest.approx(1) and not why


def test_one_spread_over_all_ten_digits_keeps_its_mass_and_spread():
    spread = Token("0", {str(d): np.log(0.05) for d in range(10)} | {"no": np.log(0.5)})
    score, sd, mass, _ = read_reply(Reply("0", (spread,)), log_probabilities=True)
    assert (score, sd, mass) == (pytest.approx(4.5), pytest.approx(8.25**0.5), pytest.approx(0.5))


def test_what_is_needed_is_asked_for_at_once():
    with pytest.raises(InputFault) as fault:
        EndpointScorer(Options("endpoint", DIMENSIONS))
    assert [one.file for one in fault.value.faults] == ["--endpoint", "--model"]


def test_the_server_is_no_part_of_whose_answers_they_are_and_the_settings_are(server):
    first = scorer(server).identity()
    with LoopbackEndpoint() as other:
        assert scorer(other).identity() == first
    assert scorer(server, max_side=64).identity() != first
