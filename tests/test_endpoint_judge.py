"""A model behind a server judges by the same store, pool and report; what cannot be read is left out and counted."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from loopback_endpoint import LoopbackEndpoint, chance, chat, error, in_turn, knows, votes
from PIL import Image

from ppaint.cli.main import main
from ppaint.images import InputFault, open_image
from ppaint.model_card.endpoint import Budget, Endpoint, EndpointStopped, Patience
from ppaint.trainer.judgments.endpoint_judge import EndpointJudge, connect

QUICK = Patience(timeout=5, failures=2, first_wait=0.01, longest_wait=3)
DIMENSIONS = ("brushwork", "overall")


def words_of(asked):
    return asked["messages"][0]["content"][-1]["text"]


@pytest.fixture
def server():
    with LoopbackEndpoint(knows) as running:
        yield running


def picture(i):
    return Image.new("RGB", (40, 32), (9 * i, 90, 200 - 7 * i))


@pytest.fixture(scope="module")
def images():
    return [open_image(picture(i), name=f"{i}.png") for i in range(4)]


def judge(server, patience=QUICK, budget=None, **options):
    return EndpointJudge(Endpoint(server.url, "some-model", patience=patience, budget=budget), DIMENSIONS, **options)


def pairs(asked, images):
    one, two, three, four = asked.features(images)
    return [(one, two), (two, one), (three, four)]


def test_log_probabilities_become_log_odds_of_the_two_letters(server, images):
    asked = judge(server)
    found = asked.compare(pairs(asked, images))
    expected = {math.log(chance(one) / (1 - chance(one))) for one in server.asked}
    assert found.shape == (3, 2) and len(expected) == 3
    np.testing.assert_allclose(sorted(set(found.ravel().round(9))), sorted({round(x, 9) for x in expected}))
    assert {one["temperature"] for one in server.asked} == {0} and len(server.asked) == 6
    assert {words_of(one) for one in server.asked} == {
        f"The first painting is A, the second is B. Which painting is better in {name}? "
        "Answer with one letter, A or B, and nothing else."
        for name in DIMENSIONS
    }


def test_ratings_are_log_probabilities_of_the_ten_digits(server, images):
    asked = judge(server)
    rates = asked.rate(asked.features(images))
    np.testing.assert_allclose(np.exp(rates).sum(-1), 1)
    assert rates.shape == (4, 2, 10) and np.isfinite(rates).all()
    np.testing.assert_allclose(np.sort(np.exp(rates))[..., -2:], [[[0.2, 0.8]] * 2] * 4, atol=1e-6)


def test_without_them_each_question_is_asked_k_times_and_votes_have_half_a_vote_more(server, images):
    server.behave = in_turn(*map(chat, ["A", "A", "B", "A"]), chat("B"))
    asked = EndpointJudge(Endpoint(server.url, "m", patience=QUICK), ["overall"], votes=4, concurrency=1)
    one, two, *_ = asked.features(images)
    np.testing.assert_allclose(asked.compare([(one, two), (two, one)]), [[math.log(3.5 / 1.5)], [math.log(0.5 / 4.5)]])
    assert [one["temperature"] for one in server.asked] == [1] * 8
    assert not any(one.get("logprobs") for one in server.asked)
    assert asked.spent_on_last == {"requests": 8, "served_tokens": 400}


def test_ratings_by_votes(server, images):
    server.behave = in_turn(chat("7"), chat("7"), chat("8"), chat("fine"))
    asked = EndpointJudge(Endpoint(server.url, "m", patience=QUICK), ["overall"], votes=3, concurrency=1)
    rated, silent = asked.rate(asked.features(images[:2]))
    assert np.exp(rated[0]) @ np.arange(10) == pytest.approx((22 + 4.5) / 4)
    assert np.isnan(silent).all() and asked.reasons == {"unreadable": 3}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (chat("I find both of them lovely"), "unreadable"),
        (chat("Das linke Bild ist besser"), "unreadable"),
        (chat("第一幅更好"), "unreadable"),
        (chat("А"), "unreadable"),  # the Cyrillic letter
        (chat("A or B"), "unreadable"),
        (chat(""), "unreadable"),
        ((200, {}, b"<html>"), "unreadable"),
        (chat("The answer is", finish="length"), "cut off"),
        (chat("", refusal="no"), "refused"),
        (error(400, "content_filter"), "refused"),
    ],
)
def test_what_cannot_be_read_is_an_abstention_with_its_reason_and_never_a_side(server, images, said, why):
    server.behave = lambda asked: said
    for k in (None, 3):
        asked = judge(server, votes=k)
        assert np.isnan(asked.compare(pairs(asked, images))).all()
        assert asked.reasons == {why: 6 * (k or 1)}


def test_votes_count_while_half_of_them_can_be_read(server, images):
    for said, expected in (("AAx", math.log(2.5 / 0.5)), ("Axx", math.nan), ("ABx", 0.0)):
        server.behave = in_turn(*map(chat, said))
        asked = EndpointJudge(Endpoint(server.url, "m", patience=QUICK), ["overall"], votes=3, concurrency=1)
        np.testing.assert_allclose(asked.compare([asked.features(images[:2])]), [[expected]])


def test_a_busy_server_is_waited_for_and_one_that_fails_stops(server, images):
    server.behave = in_turn(error(429, Retry_After="0.2"), knows)
    asked = judge(server, concurrency=1)
    begun = time.monotonic()
    assert np.isfinite(asked.compare(pairs(asked, images))).all()
    assert time.monotonic() - begun >= 0.2 and asked.spent_on_last["requests"] == 7
    server.behave = in_turn(knows, error(500))
    asked = judge(server, concurrency=1)
    with pytest.raises(EndpointStopped, match="status 500, 2 times in a row"):
        asked.compare(pairs(asked, images))
    assert asked.spent_beside["requests"] == 3


def test_a_server_that_says_nothing_stops(server, images):
    server.behave = server.hang
    asked = judge(server, patience=Patience(timeout=0.3, failures=1))
    with pytest.raises(EndpointStopped, match="no answer within 0.3 s"):
        asked.compare(pairs(asked, images))


def test_the_budget_is_of_all_questions_and_of_earlier_runs(server, images):
    asked = judge(server, budget=Budget(calls=10), concurrency=1)
    asked.carry_over(6, 300)
    with pytest.raises(EndpointStopped, match="the budget of 10 calls is spent"):
        asked.compare(pairs(asked, images))
    assert len(server.asked) == 4


def test_how_it_answers_is_found_out_by_one_question_or_taken_from_the_store(server, images, tmp_path):
    def answers(**options):
        return connect(server.url, "m", tmp_path, images[0], DIMENSIONS, patience=QUICK, **options).answers

    assert answers() == "log-probabilities" and len(server.asked) == 1
    server.behave = votes
    assert answers() == "5 votes" and answers(votes=1) == "1 vote" and len(server.asked) == 2
    refuses = error(400, "logprobs: not supported")
    server.behave = lambda asked: refuses if asked.get("logprobs") else knows(asked)
    assert answers() == "5 votes" and len(server.asked) == 3
    (tmp_path / "store.json").write_text(json.dumps({"parts": {"answers": "7 votes"}}))
    assert answers() == "7 votes" and len(server.asked) == 3
    server.behave = lambda asked: (200, {}, b"<html>log in</html>")
    (tmp_path / "store.json").unlink()
    with pytest.raises(EndpointStopped, match="is no chat completion"):
        answers()


def test_the_fingerprint_is_of_all_that_answers_depend_on(server, monkeypatch):
    monkeypatch.setenv("OWN_KEY", "sk-secret")
    first = judge(server)
    assert judge(server).fingerprint == first.fingerprint
    assert judge(server, votes=5).fingerprint != first.fingerprint
    other = EndpointJudge(Endpoint(server.url, "other", key_env="OWN_KEY"), DIMENSIONS)
    assert other.fingerprint != first.fingerprint and "sk-secret" not in json.dumps(other.parts)
    assert EndpointJudge(Endpoint(server.url, "other"), DIMENSIONS).fingerprint == other.fingerprint
    with pytest.raises(InputFault, match="--dimension"):
        EndpointJudge(Endpoint(server.url, "other"), ["", "a"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("served")
    for i in range(14):
        picture(i).save(place / f"{i:02d}.png")
    return place


def words(server, folder, out, **options):
    given = {"images": folder, "out": out, "endpoint": server.url, "model": "m", "opponents": 4, "pool_size": 8}
    more = [word for k, v in (given | options).items() for word in (f"--{k.replace('_', '-')}", str(v))]
    return ["judge", "--dimension", "overall", *more]


def run(*given) -> int:
    with pytest.raises(SystemExit) as ending:
        main([str(word) for word in given])
    return int(ending.value.code or 0)


def judgments(out):
    return (out / "judgments/judgments.parquet").read_bytes()


def test_the_command_judges_by_a_server_and_its_report_says_how(server, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OWN_KEY", "sk-secret")
    out = tmp_path / "judged"
    assert run(*words(server, folder, out, key_env="OWN_KEY")) == 0
    printed = capsys.readouterr().out
    assert "log-probabilities that the server gave" in printed and "requests to the server" in printed
    cost = json.loads((out / "cost.json").read_text())
    assert cost["requests"] == len(server.asked) == cost["answers"] + 1  # and one that found out how it answers
    assert {one["authorization"] for one in server.headers} == {"Bearer sk-secret"}
    assert not any(b"sk-secret" in path.read_bytes() for path in out.rglob("*") if path.is_file())
    before = len(server.asked)
    assert run(*words(server, folder, out, key_env="OWN_KEY")) == 0 and len(server.asked) == before
    assert run("pseudo-label", "--judgments", out, "--out", tmp_path / "labels") == 0
    report = (tmp_path / "labels/fitness/judge_fitness.md").read_text()
    assert "Answers are differences of log-probabilities that the server gave." in report
    table = (tmp_path / "labels/pseudo_scores.csv").read_text()
    assert table.count("\n") == 15


def test_votes_of_a_server_are_named_as_votes_in_the_report(server, folder, tmp_path, capsys):
    server.behave = votes
    assert run(*words(server, folder, tmp_path / "judged", votes=3)) == 0
    assert "Answers are votes: each question was asked 3 times" in capsys.readouterr().out
    assert run("pseudo-label", "--judgments", tmp_path / "judged", "--out", tmp_path / "labels") == 0
    report = (tmp_path / "labels/fitness/judge_fitness.md").read_text()
    assert "Answers are votes" in report and "standard error" in report
    # another kind of answers is another judge's
    assert run(*words(server, folder, tmp_path / "judged", votes=5)) == 2
    assert "kind of answers (3 votes then; 5 votes now)" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_run_that_was_stopped_goes_on_and_asks_no_stored_batch_again(server, folder, tmp_path, capsys):
    assert run(*words(server, folder, tmp_path / "whole")) == 0
    whole, server.asked[:] = len(server.asked), []
    out = tmp_path / "judged"
    assert run(*words(server, folder, out, max_calls=50)) == 1
    assert "the budget of 50 calls is spent" in capsys.readouterr().err and len(server.asked) == 50
    assert run(*words(server, folder, out, max_calls=50)) == 1 and len(server.asked) == 50  # it is of all runs
    assert run(*words(server, folder, out)) == 0
    assert whole <= len(server.asked) <= whole + 8
    assert json.loads((out / "cost.json").read_text())["requests"] == len(server.asked)
    assert judgments(out) == judgments(tmp_path / "whole")


def _stored(out) -> bool:
    """Whether any answer is on the disk."""
    return any(path.stat().st_size for path in (out / "judgments").glob("judgments.*"))


def test_a_run_that_was_killed_goes_on(server, folder, tmp_path):
    assert run(*words(server, folder, tmp_path / "whole")) == 0
    whole, server.asked[:] = len(server.asked), []
    server.behave = lambda asked: server.closing.wait(0.02) or knows(asked)
    out = tmp_path / "judged"
    program = [sys.executable, "-m", "ppaint", *words(server, folder, out)]
    process = subprocess.Popen(program, cwd=tmp_path, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None and not _stored(out):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    server.behave = knows
    assert 0 < len(server.asked) < whole
    assert run(*words(server, folder, out)) == 0
    assert len(server.asked) <= whole + 16  # the batch in flight, and what was on its way
    assert judgments(out) == judgments(tmp_path / "whole")


def test_a_server_whose_answers_cannot_be_read_is_not_asked_on(server, folder, tmp_path, capsys):
    server.behave = lambda asked: chat("Das linke Bild ist besser")
    assert run(*words(server, folder, tmp_path / "judged", votes=2)) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "what the server answers does not count (16 unreadable)" in said and len(server.asked) == 16


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "tiny"}, "needs its name"),
        ({"endpoint": "localhost"}, "is no address of a server"),
        ({"endpoint": "http://me:secret@localhost/v1"}, "carries a name, a password or a query"),
        ({"key_env": "PPAINT_TEST_NO_SUCH_KEY"}, "is not set"),
        ({"revision": "main"}, "does not go with --endpoint"),
        ({"batch_size": 0}, "does not go with --endpoint"),
        ({"votes": 0}, "votes"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked_or_written(server, folder, tmp_path, capsys, change, told):
    assert run(*words(server, folder, tmp_path / "judged", **change)) == 2
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert told in said and "secret" not in said
    assert not server.asked and not (tmp_path / "judged").exists()


def test_options_of_a_server_need_one(folder, tmp_path, capsys):
    assert run("judge", "--images", folder, "--out", tmp_path / "out", "--votes", 3, "--max-calls", 5) == 2
    said = capsys.readouterr().err
    assert "--votes" in said and "--max-calls" in said and not (tmp_path / "out").exists()
