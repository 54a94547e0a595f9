"""Many questions in one pass give the logits of one pass per question."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from noise_pictures import noise_pictures
from transformers import DynamicCache

from ppaint.model_card import Judge, Prompts, vision_features
from ppaint.model_card.keys_and_values import cache_argument
from ppaint.model_card.prompts import messages
from ppaint.model_card.shared_prefix import answer_logits, pack, questionnaire
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("composition", "ink_and_color", "overall")
TOLERANCE = 1e-5  # of log-odds and logits in float32, whatever shares the batch; measured: below 5e-6
SIZES = ((512, 230), (512, 400), (180, 512), (300, 300))


@pytest.fixture(scope="module")
def setting():
    processor = build_processor(DIMENSIONS)
    model = build_tiny_model(processor)
    images = noise_pictures(SIZES)
    return model, processor, images, vision_features(model, processor, images)


def plainly(model, processor, question, images):
    """Logits at the answer position by the processor's own path, one question at a time."""
    text = processor.apply_chat_template(messages(question, len(images)), add_generation_prompt=True, tokenize=False)
    inputs = processor(text=[text], images=images, return_tensors="pt")
    with torch.no_grad():
        return model(**inputs).logits[0, -1]


def test_pairs_of_all_shapes_agree_with_plain_passes(setting):
    model, processor, images, features = setting
    questions = [Prompts().compare_question(d) for d in DIMENSIONS]
    order = [(0, 1), (2, 0), (3, 2)]
    with torch.no_grad():
        packed = answer_logits(
            model, questionnaire(processor, questions, 2), [(features[a], features[b]) for a, b in order]
        )
    for row, (a, b) in enumerate(order):
        for k, question in enumerate(questions):
            torch.testing.assert_close(
                packed[row, k], plainly(model, processor, question, [images[a], images[b]]), atol=1e-5, rtol=0
            )


def test_one_image_agrees_with_plain_passes(setting):
    model, processor, images, features = setting
    questions = [Prompts().rate_question(d) for d in DIMENSIONS]
    with torch.no_grad():
        packed = answer_logits(model, questionnaire(processor, questions, 1), [(f,) for f in features])
    for row, image in enumerate(images):
        for k, question in enumerate(questions):
            torch.testing.assert_close(packed[row, k], plainly(model, processor, question, [image]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("pair", [(0, 1), (2, 0)])
def test_one_packed_pass_is_a_prefill_whose_cache_every_question_takes_up(setting, pair):
    """The other way to share a prefix: transformers' own key-value cache, once through the real pixel path."""
    model, processor, images, features = setting
    asked = questionnaire(processor, [Prompts().compare_question(d) for d in DIMENSIONS], 2)
    row = tuple(features[i] for i in pair)
    prefix = torch.tensor([asked.prefix(row)])
    pixels = processor.image_processor([images[i] for i in pair], return_tensors="pt")
    kinds, cache = (prefix == asked.image_token).int(), DynamicCache(config=model.config)
    argument = cache_argument(model.forward)
    with torch.no_grad():
        model(input_ids=prefix, mm_token_type_ids=kinds, **pixels, **{argument: cache}, logits_to_keep=1)
        assert cache.get_seq_length() == prefix.shape[1]
        packed = answer_logits(model, asked, [row])[0]
        for k, question in enumerate(asked.questions):
            again = {argument: copy.deepcopy(cache)}
            after = model(input_ids=torch.tensor([question]), **again, logits_to_keep=1)
            torch.testing.assert_close(packed[k], after.logits[0, -1], atol=TOLERANCE, rtol=0)


def test_a_batch_of_one_and_a_batch_of_many_agree(setting):
    model, processor, _, features = setting
    judge = Judge(model, processor, DIMENSIONS)
    pairs = [(features[a], features[b]) for a in range(4) for b in range(4) if a != b]
    alone = np.concatenate([judge.compare([pair]) for pair in pairs])
    np.testing.assert_allclose(judge.compare(pairs), alone, atol=TOLERANCE, rtol=0)


def test_a_rating_alone_and_in_a_batch_agree(setting):
    model, processor, _, features = setting
    judge = Judge(model, processor, DIMENSIONS)
    together, mass = judge.rate_with_mass(features)
    for i, image in enumerate(features):
        alone, its_mass = judge.rate_with_mass([image])
        np.testing.assert_allclose(together[i], alone[0], atol=TOLERANCE, rtol=0)
        np.testing.assert_allclose(mass[i], its_mass[0], atol=TOLERANCE, rtol=0)


def test_features_alone_and_in_a_batch_agree(setting):
    model, processor, images, features = setting
    for image, together in zip(images, features, strict=True):
        (alone,) = vision_features(model, processor, [image])
        torch.testing.assert_close(alone.tokens, together.tokens, atol=TOLERANCE, rtol=0)


def test_an_abstention_leaves_the_rest_of_its_batch_alone(setting):
    model, processor, _, features = setting
    judge = Judge(model, processor, DIMENSIONS)
    broken = replace(features[1], tokens=torch.full_like(features[1].tokens, torch.nan))
    odds = judge.compare([(features[0], features[2]), (features[3], broken), (features[2], features[3])])
    assert np.isnan(odds).any(axis=1).tolist() == [False, True, False] and np.isnan(odds[1]).all()
    whole = judge.compare([(features[0], features[2]), (features[3], features[1]), (features[2], features[3])])
    np.testing.assert_array_equal(odds[[0, 2]], whole[[0, 2]])
    assert np.isnan(judge.rate([broken, features[0]])).all(axis=(1, 2)).tolist() == [True, False]


def test_the_tokens_of_a_questionnaire_are_those_that_are_read(setting):
    model, processor, images, features = setting
    questions = [Prompts().compare_question(d) for d in DIMENSIONS]
    asked, visual = questionnaire(processor, questions, 2), features[0].n_tokens + features[1].n_tokens
    inputs = pack(model, asked, [(features[0], features[1])])
    assert asked.text_tokens + visual == inputs["input_ids"].shape[1]
    apart = [
        processor(
            text=[processor.apply_chat_template(messages(q, 2), add_generation_prompt=True, tokenize=False)],
            images=images[:2],
        )["input_ids"][0]
        for q in questions
    ]
    assert asked.text_tokens_apart + 3 * visual == sum(map(len, apart))


def test_the_answer_is_read_as_log_odds_of_the_first_image(setting):
    model, processor, images, features = setting
    judge = Judge(model, processor, DIMENSIONS)
    odds = judge.compare([(features[0], features[1])])
    logits = plainly(model, processor, Prompts().compare_question("overall"), [images[0], images[1]])
    first, second = (processor.tokenizer.encode(name)[0] for name in "AB")
    assert odds.shape == (1, 3)
    assert odds[0, 2] == pytest.approx(float(logits[first] - logits[second]), abs=1e-5)


def test_logits_that_are_not_finite_are_an_abstention(setting):
    model, processor, _, features = setting
    broken = build_tiny_model(processor)
    with torch.no_grad():
        broken.model.language_model.norm.weight.fill_(torch.nan)
    assert np.isnan(Judge(broken, processor, DIMENSIONS).compare([(features[0], features[1])])).all()


def test_the_fingerprint_changes_with_prompt_dimensions_and_revision(setting):
    model, processor, _, _ = setting
    prints = {
        Judge(model, processor, DIMENSIONS).fingerprint,
        Judge(model, processor, DIMENSIONS, revision="other").fingerprint,
        Judge(model, processor, DIMENSIONS[:2]).fingerprint,
        Judge(model, processor, DIMENSIONS, prompts=Prompts(compare="Best {dimension}?")).fingerprint,
    }
    assert len(prints) == 4
    assert Judge(model, processor, DIMENSIONS).fingerprint in prints


def test_an_answer_of_several_tokens_is_refused(setting):
    model, processor, _, _ = setting
    with pytest.raises(ValueError, match="must be one"):
        Judge(model, processor, DIMENSIONS, prompts=Prompts(first="the left one", second="the right one"))


def test_a_prompt_without_a_dimension_is_refused():
    with pytest.raises(ValueError, match="dimension"):
        Prompts(rate="Rate this.")
