"""Pairs that show the same image first: it is read once, and every answer stays what one pass for each pair gives."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ppaint.model_card import Judge, Prompts, vision_features
from ppaint.model_card.compiled import decoder_layers
from ppaint.model_card.first_images import logits_behind_first_images, read_once
from ppaint.model_card.shared_prefix import answer_logits, questionnaire
from ppaint.trainer import Judging, JudgmentStore
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
    images = [
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (*size, 3), dtype=np.uint8))
        for i, size in enumerate(SIZES)
    ]
    return model, processor, vision_features(model, processor, images)


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
    judge, read = Judge(model, processor, DIMENSIONS, batch_size=12), []
    hook = model.model.language_model.register_forward_pre_hook(
        lambda _module, _args, given: read.append(given["inputs_embeds"].shape[:2].numel()), with_kwargs=True
    )
    pairs = [(a.sha256, b.sha256) for i, a in enumerate(images) for b in images[i + 1 :]]
    try:
        with JudgmentStore(tmp_path, judge.fingerprint, judge.dimensions) as store:
            judging = Judging(store, judge, images)
            judging.ask(pairs)
            cost = judging.cost
    finally:
        hook.remove()
    assert cost.ordered_pairs == 42 and cost.passes == 4
    assert cost.text_tokens + cost.visual_tokens == sum(read)
    questions = judge.pair_questionnaire
    first = len(questions.head) + images[0].n_tokens
    row = questions.text_tokens + 2 * images[0].n_tokens
    assert sum(read) == 7 * first + 42 * (row - first)  # a batch of 12 holds all pairs of two first images


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


def test_compiled_layers_are_given_whole_pairs(setting, monkeypatch):
    model, processor, features = setting
    judge = Judge(model, processor, DIMENSIONS)
    pairs = [(features[0], features[k]) for k in (1, 2, 3)]
    shared = judge.compare(pairs)
    for layer in decoder_layers(model):
        monkeypatch.setattr(
            layer, "_compiled_call_impl", layer._call_impl
        )  # what `compile` leaves behind, without a compiler
    passes = []
    hook = model.model.language_model.register_forward_hook(lambda *_: passes.append(1))
    try:
        assert judge.firsts_read(["a", "a", "a"]) == ["a", "a", "a"]
        np.testing.assert_allclose(judge.compare(pairs), shared, atol=1e-5, rtol=0)
    finally:
        hook.remove()
    assert len(passes) == 1
