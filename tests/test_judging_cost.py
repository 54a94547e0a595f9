"""The cost of judging is counted exactly, adds up over resumed runs, and touches nothing else."""

import json
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from known_judge import KnownJudge, features_of, known_images

from ppaint.foundation.progress_type import no_progress
from ppaint.images import InputFault
from ppaint.model_card.first_images import read_once
from ppaint.model_card.shared_prefix import Questionnaire
from ppaint.trainer import Judging, JudgmentStore
from ppaint.trainer.judgments.features_when_asked import FeaturesWhenAsked
from ppaint.trainer.judgments.judging_cost import CostLog, JudgingCost

WORTHS = known_images(8, d=2)
DIMENSIONS = ("brushwork", "overall")
PAIRS = [(a, b) for i, a in enumerate(WORTHS) for b in list(WORTHS)[i + 1 :]]
TOKENS = {feature.sha256: feature.n_tokens for feature in features_of(WORTHS)}
COUNTS = [name for name in JudgingCost().to_dict() if "second" not in name]


class Killed(BaseException):
    """The end of a run in the middle of its work."""


class ReadingJudge(KnownJudge):
    """Has the questionnaires of a judge that reads tokens; may abstain, or die at its n-th batch."""

    pair_questionnaire = Questionnaire(
        (1,), (2, 3), (4,), ((5, 6), (7, 8, 9)), 2, 0
    )  # 5 tokens of prefix; 2 and 3 of questions
    rating_questionnaire = Questionnaire((1,), (), (4,), ((5, 6), (7, 8, 9)), 1, 0)
    lives = 10**9
    firsts_read = staticmethod(read_once)

    def compare(self, pairs):
        if len(self.batches) == self.lives:
            raise Killed
        answers = super().compare(pairs)
        answers[0, 1] = np.nan
        return answers


def make_judge(**changes):
    judge = ReadingJudge(WORTHS, dimensions=DIMENSIONS, batch_size=10)
    vars(judge).update(changes)
    return judge


def work(folder, judge):
    with JudgmentStore(folder, judge.fingerprint, judge.dimensions) as store:
        judging = Judging(store, judge, features_of(WORTHS))
        judging.rate(list(WORTHS))
        judging.ask(PAIRS)
        return judging.cost


def counts(cost):
    return {name: cost.to_dict()[name] for name in COUNTS}


def test_every_count_is_exact(tmp_path):
    judge = make_judge()
    cost = work(tmp_path, judge)
    n = 2 * len(PAIRS)
    batches = [judge.asked[start : start + 10] for start in range(0, n, 10)]
    firsts = [[first for first, _ in batch] for batch in batches]
    shared = [2 * len(set(some)) <= len(some) for some in firsts]  # each first image is read once, in a pass of its own
    assert len(shared) == 6 and sum(shared) == 5
    assert (cost.images, cost.ordered_pairs, cost.ratings, cost.passes) == (8, n, 8, 6 + 5 + 1)
    assert (cost.answers, cost.abstentions) == (2 * n + 2 * 8 - 6, 6)
    read = [image for once, some in zip(shared, firsts, strict=True) for image in (set(some) if once else some)]
    apart = 2 * sum(TOKENS[a] + TOKENS[b] for a, b in PAIRS) + sum(TOKENS.values())
    visual = sum(TOKENS[image] for image in read)
    visual += sum(TOKENS[second] for _, second in judge.asked) + sum(TOKENS.values())
    assert (cost.visual_tokens, cost.visual_tokens_apart) == (visual, 2 * apart)
    assert cost.text_tokens == len(read) * 1 + n * (3 + 5) + 8 * (2 + 5)
    assert cost.text_tokens_apart == n * (2 * 4 + 5) + 8 * (2 * 2 + 5)
    assert cost.seconds > 0 and cost.answers_a_second == cost.answers / cost.seconds


@pytest.mark.parametrize("lives", [0, 3, 5])
def test_a_killed_run_and_its_heir_add_up_to_the_whole(tmp_path, lives):
    whole = work(tmp_path / "whole", make_judge())
    with pytest.raises(Killed):
        work(tmp_path / "cut", make_judge(lives=lives))
    with JudgmentStore.open_finished(tmp_path / "cut") as store:
        before = Judging(store, features=features_of(WORTHS)).cost
    assert 1 + lives <= before.passes <= 1 + 2 * lives and before.ordered_pairs == 10 * lives
    after = work(tmp_path / "cut", make_judge())
    assert counts(after) == counts(whole) and after.seconds > before.seconds


def test_a_batch_whose_answers_were_lost_counts_once(tmp_path):
    """A run may die after the cost of a batch was written and before its answers were."""
    whole = work(tmp_path, make_judge())
    answers = tmp_path / "judgments.bin"
    answers.write_bytes(answers.read_bytes()[:-3])
    with JudgmentStore.open_finished(tmp_path) as store:
        assert Judging(store, features=features_of(WORTHS)).cost.passes == whole.passes - 2
    assert counts(work(tmp_path, make_judge())) == counts(whole)


def test_asking_again_costs_nothing(tmp_path):
    first = work(tmp_path, make_judge())
    lines = (tmp_path / "cost.jsonl").read_bytes()
    assert work(tmp_path, make_judge()) == first
    assert (tmp_path / "cost.jsonl").read_bytes() == lines


def test_the_answers_do_not_depend_on_the_time_it_took(tmp_path):
    for name in ("one", "other"):
        work(tmp_path / name, make_judge())
        with JudgmentStore.open_finished(tmp_path / name) as store:
            store.export()
    for file in ("store.json", "plan.bin", "judgments.bin", "ratings.jsonl", "judgments.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_a_judge_without_questionnaires_reads_no_text(tmp_path):
    cost = work(tmp_path, KnownJudge(WORTHS, dimensions=DIMENSIONS))
    assert cost.text_tokens == 0 and cost.share_of_tokens == 0.5


def test_images_that_are_encoded_again_are_counted_again(tmp_path):
    log = CostLog(tmp_path)
    log.add("vision", encoded=20, encoding_seconds=1.5)
    CostLog(tmp_path).add("vision", encoded=20, encoding_seconds=1.0)
    total = CostLog(tmp_path).total(images=20, counts=lambda key: True)
    assert (total.encoded, total.encoding_seconds) == (40, 2.5)


@pytest.mark.parametrize("line", ['{"of": 3}', '{"passes": 1}', '{"of": "batch 0", "apples": 1}', "[1]"])
def test_a_line_that_is_not_ours_is_named(tmp_path, line):
    (tmp_path / "cost.jsonl").write_text(line + "\n")
    with pytest.raises(InputFault, match="cost.jsonl, row 1: not a row that ppaint wrote. Fix: remove this file"):
        CostLog(tmp_path)


def test_abstentions_are_said(tmp_path):
    assert work(tmp_path, make_judge()).sentences()[-1] == "6 questions (4.7%) without an answer: the judge abstained"
    assert not any("abstained" in line for line in JudgingCost(answers=5).sentences())


def test_mostly_silent_judges_end_the_run(tmp_path):
    class Hoarse(KnownJudge):
        def compare(self, pairs):
            answers = super().compare(pairs)
            answers[1:] = np.nan
            return answers

    with pytest.raises(InputFault, match="abstained on 89% of the questions"):
        work(tmp_path, Hoarse(WORTHS, dimensions=DIMENSIONS, batch_size=10))


def test_a_silent_first_batch_is_not_stored(tmp_path):
    class Mute(KnownJudge):
        def compare(self, pairs):
            return np.full((len(pairs), 2), np.nan)

    mute = Mute(WORTHS, dimensions=DIMENSIONS, batch_size=10)
    with JudgmentStore(tmp_path, mute.fingerprint, DIMENSIONS) as store:
        with pytest.raises(InputFault, match="abstained on all questions of its first batch"):
            Judging(store, mute, features_of(WORTHS)).ask(PAIRS)
        assert len(store) == 0
    assert not (tmp_path / "judgments.bin").exists()
    assert json.loads((tmp_path / "store.json").read_text())["fingerprint"] == mute.fingerprint


def test_one_image_that_cannot_be_read_is_an_abstention_and_no_fault(tmp_path):
    worst = list(WORTHS)[2]

    class Stumped(KnownJudge):
        def compare(self, pairs):
            known = super().compare(pairs)
            lost = [worst in (one.sha256, other.sha256) for one, other in pairs]
            return np.where(np.array(lost)[:, None], np.nan, known)

    judge = Stumped(WORTHS, dimensions=DIMENSIONS, batch_size=10)
    with JudgmentStore(tmp_path, judge.fingerprint, DIMENSIONS) as store:
        judging = Judging(store, judge, features_of(WORTHS))
        judged = judging.ask(PAIRS)
        assert judging.cost.abstentions == np.isnan(judged.forward).sum() + np.isnan(judged.backward).sum() == 2 * 2 * 7
        assert judging.cost.answers == 2 * 2 * 21


class Encoder(KnownJudge):
    """Also counts what it encodes."""

    encoded = 0

    def features(self, images, on_batch=None):
        self.encoded += len(images)
        return features_of({image.sha256: None for image in images})


def test_images_are_encoded_when_one_is_asked_about_and_only_then(tmp_path):
    worths = known_images(12)
    images = [SimpleNamespace(sha256=image) for image in (*worths, *worths)]
    judge, pairs, counted = Encoder(worths), list(combinations(worths, 2)), []
    for run in range(3):
        with JudgmentStore(tmp_path, judge.fingerprint, judge.dimensions) as store:
            features = FeaturesWhenAsked(judge, images, no_progress, "features", lambda *now: counted.append(now[0]))
            judging = Judging(store, judge, features)
            assert list(features) == list(worths) and judging.cost.images == 12 and judge.encoded == 12 * (run > 0)
            answers = judging.ask(pairs), judging.rate(list(worths))
            assert judge.encoded == 12 and counted == [12]
    assert len(answers[0]) == 66 and answers[1].shape == (12, 1, 10)
