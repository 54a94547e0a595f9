"""Pairs that show the same image first: it is read once, and every answer stays what one pass for each pair gives."""

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from known_judge import KnownJudge, known_images
from noise_pictures import noise_pictures

from ppaint.model_card import Judge, Prompts, vision_features
from ppaint.model_card.compiled import decoder_layers
from ppaint.model_card.first_images import logits_behind_first_images, read_once
from ppaint.model_card.shared_prefix import answer_logits, questionnaire
from ppaint.trainer import Judging, JudgmentStore
from ppaint.trainer.cost.run_plan import firsts_read
from ppaint.trainer.pseudo_scores.schedule import Schedule, follow_schedule
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("composition", "ink_and_color", "overall")
SIZES = ((512, 230), (512, 400), (180, 512), (300, 300), (512, 400))
BATCHES = (
    [(0, 1), (0, 2), (0, 3)],
    [(3, 0), (1, 0), (3, 1), (1, 2), (3, 2), (1, 3)],  # first and second images of several lengths
    [(2, 2), (2, 2)],  # an image set against itself
    [(4, 1)],
)


@pytest.fixture(scope="module")
def setting():
    processor = build_processor(DIMENSIONS)
    model = build_tiny_model(processor)
    images = noise_pictures(SIZES)
    return model, processor, vision_features(model, processor, images)


@contextmanager
def positions_given(model):
    """Of each pass of the language model made meanwhile, its positions, in all rows together."""
    given: list[int] = []
    hook = model.model.language_model.register_forward_pre_hook(
        lambda _module, _args, named: given.append(named["inputs_embeds"].shape[:2].numel()), with_kwargs=True
    )
    try:
        yield given
    finally:
        hook.remove()


@pytest.mark.parametrize("batch", BATCHES)
def test_the_logits_are_those_of_one_pass_for_each_pair(setting, batch):
    model, processor, features = setting
    asked = questionnaire(processor, [Prompts().compare_question(d) for d in DIMENSIONS], 2)
    pairs = [(features[a], features[b]) for a, b in batch]
    with torch.inference_mode():
        together = logits_behind_first_images(model, asked, pairs)
        apart = torch.cat([answer_logits(model, asked, [pair]) for pair in pairs])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=0)


def test_a_judge_reads_no_image_twice_in_a_batch_and_counts_what_it_reads(setting, tmp_path):
    """Of images of one shape, so that no position is padding."""
    model, processor, features = setting
    images = [replace(features[1], sha256=name) for name in "abcdefg"]
    judge = Judge(model, processor, DIMENSIONS, batch_size=12)
    pairs = [(a.sha256, b.sha256) for i, a in enumerate(images) for b in images[i + 1 :]]
    with positions_given(model) as read, JudgmentStore(tmp_path, judge.fingerprint, judge.dimensions) as store:
        judging = Judging(store, judge, images)
        judging.ask(pairs)
        cost = judging.cost
    assert cost.ordered_pairs == 42 and cost.passes == len(read) == 8
    assert cost.text_tokens + cost.visual_tokens == sum(read)
    questions = judge.pair_questionnaire
    first = len(questions.head) + images[0].n_tokens
    row = questions.text_tokens + 2 * images[0].n_tokens
    assert sum(read) == 7 * first + 42 * (row - first)  # a batch of 12 holds all pairs of two first images


QUESTIONS_LONG = 80  # tokens


def positions(batch: list[tuple[str, str]], lengths: dict[str, int], *, shares: bool) -> int:
    """Positions that the language model goes over for a batch of pairs, padding included."""
    read = read_once([first for first, _ in batch])
    if not shares or len(read) == len(batch):
        return len(batch) * (max(lengths[a] + lengths[b] for a, b in batch) + QUESTIONS_LONG)
    second = max(lengths[b] for _, b in batch) + QUESTIONS_LONG
    return len(read) * max(lengths[a] for a in read) + len(batch) * second


@pytest.mark.parametrize(("long", "most"), [(64, 0.8), (256, 0.9), (1024, 0.95)])
def test_images_of_several_lengths_cost_less_than_one_pass_for_each_pair(long, most, tmp_path):
    """One in five images is long: the order in which a judge asks, against pairs sorted by the length of both images together."""
    worths = known_images(60)
    lengths = {image: (long if k % 5 == 0 else 64) - k // 5 for k, image in enumerate(worths)}
    images = [SimpleNamespace(sha256=image, n_tokens=length) for image, length in lengths.items()]
    judge = KnownJudge(worths, batch_size=32)
    with JudgmentStore(tmp_path, judge.fingerprint, judge.dimensions) as store:
        follow_schedule(Judging(store, judge, images), list(worths), Schedule(16, 8, 0))
    ends = np.cumsum(judge.batches).tolist()
    mine = sum(
        positions(judge.asked[end - size : end], lengths, shares=True)
        for end, size in zip(ends, judge.batches, strict=True)
    )
    by_length = sorted(judge.asked, key=lambda pair: lengths[pair[0]] + lengths[pair[1]])
    apart = sum(positions(by_length[k : k + 32], lengths, shares=False) for k in range(0, len(by_length), 32))
    assert mine < most * apart


@pytest.mark.parametrize("images", [50, 200])
def test_a_plan_knows_how_often_first_images_are_read(images, tmp_path):
    worths, read = known_images(images), []

    class Counting(KnownJudge):
        def compare(self, pairs):
            read.extend(read_once([first.sha256 for first, _ in pairs]))
            return super().compare(pairs)

    judge = Counting(worths, batch_size=32)
    with JudgmentStore(tmp_path, judge.fingerprint, judge.dimensions) as store:
        of_one_size = [SimpleNamespace(sha256=image, n_tokens=256) for image in worths]
        follow_schedule(Judging(store, judge, of_one_size), list(worths), Schedule(32, 12, 0))
    assert firsts_read(images, 32, 12) == pytest.approx(len(read), rel=0.1)


def test_few_pairs_with_the_same_first_image_are_read_as_they_are():
    assert read_once(["a", "b"]) == ["a", "b"] and read_once([]) == []
    assert read_once(["a", "b", "b", "a"]) == ["a", "b"]


def test_a_first_image_that_cannot_be_read_leaves_the_other_pairs_alone(setting):
    model, processor, features = setting
    judge = Judge(model, processor, DIMENSIONS)
    broken = replace(features[3], tokens=torch.full_like(features[3].tokens, torch.nan))
    pairs = [(first, features[k]) for first in (features[0], features[3]) for k in (1, 2)]
    whole = judge.compare(pairs)
    odds = judge.compare([(broken if first is features[3] else first, second) for first, second in pairs])
    assert np.isnan(odds).all(axis=1).tolist() == [False, False, True, True]
    np.testing.assert_array_equal(odds[:2], whole[:2])


def test_a_model_in_training_is_given_whole_pairs(setting):
    """Where activations are recomputed, some versions of transformers drop the keys and values that a pass is given."""
    model, processor, features = setting
    judge = Judge(model, processor, DIMENSIONS)
    pairs = [(features[0], features[k]) for k in (1, 2, 3)]
    with positions_given(model) as apart:
        judge.compare(pairs)
    model.train()
    try:
        with positions_given(model) as whole:
            judge.compare(pairs)
    finally:
        model.eval()
    assert (len(apart), len(whole)) == (2, 1)


def test_a_stored_batch_that_a_judge_takes_in_parts_is_counted_as_it_is_read(setting, tmp_path):
    """A batch was planned for a larger size; each part of it reads its own first images."""
    model, processor, features = setting
    images = [replace(features[1], sha256=name) for name in "abcdefg"]
    judge = Judge(model, processor, DIMENSIONS, batch_size=42)
    pairs = [(a.sha256, b.sha256) for i, a in enumerate(images) for b in images[i + 1 :]]
    with positions_given(model) as read, JudgmentStore(tmp_path, judge.fingerprint, judge.dimensions) as store:
        judging = Judging(store, judge, images)
        next(iter(store.plan(judging._in_order_of_first_images(pairs), judge.batch_size)))  # killed before it is asked
        judge.batch_size = 4
        judging.ask(pairs)
        cost = judging.cost
    assert cost.text_tokens + cost.visual_tokens == sum(read) and cost.passes == len(read)


def test_compiled_layers_are_given_whole_pairs(setting, monkeypatch):
    model, processor, features = setting
    judge = Judge(model, processor, DIMENSIONS)
    pairs = [(features[0], features[k]) for k in (1, 2, 3)]
    shared = judge.compare(pairs)
    for layer in decoder_layers(model):
        monkeypatch.setattr(
            layer, "_compiled_call_impl", layer._call_impl
        )  # what `compile` leaves behind, without a compiler
    assert judge.firsts_read(["a", "a", "a"]) == ["a", "a", "a"]
    with positions_given(model) as given:
        np.testing.assert_allclose(judge.compare(pairs), shared, atol=1e-5, rtol=0)
    assert len(given) == 1
