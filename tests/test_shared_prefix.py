"""Many questions in one pass give the logits of one pass a question."""

import numpy as np
import pytest
import torch
from PIL import Image

from ppaint.model_card.features import vision_features
from ppaint.model_card.judge import Judge
from ppaint.model_card.prompts import Prompts, messages
from ppaint.model_card.shared_prefix import answer_logits, questionnaire
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("composition", "ink_and_color", "overall")
SIZES = ((512, 230), (512, 400), (180, 512), (300, 300))


@pytest.fixture(scope="module")
def setting():
    processor = build_processor(DIMENSIONS)
    model = build_tiny_model(processor)
    images = [
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (*size, 3), dtype=np.uint8))
        for i, size in enumerate(SIZES)
    ]
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


def test_a_batch_of_one_and_a_batch_of_many_agree(setting):
    model, processor, _, features = setting
    judge = Judge(model, processor, DIMENSIONS)
    pairs = [(features[a], features[b]) for a in range(4) for b in range(4) if a != b]
    alone = np.concatenate([judge.compare([pair]) for pair in pairs])
    np.testing.assert_allclose(judge.compare(pairs), alone, atol=1e-5)


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
