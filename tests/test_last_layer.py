"""The last layer at the answers alone gives what the whole layer gives there, forwards and backwards."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch
from noise_pictures import noise_pictures

from ppaint.model_card import Prompts, vision_features
from ppaint.model_card.ask_together import AskTogether
from ppaint.model_card.compiled import compile_layers, decoder_layers
from ppaint.model_card.last_layer import answers_alone
from ppaint.model_card.shared_prefix import pack, questionnaire
from ppaint.trainer.cost.task_cost import with_gradients
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("composition", "ink_and_color", "overall")


@pytest.fixture(scope="module")
def processor():
    return build_processor(DIMENSIONS)


@pytest.fixture
def model(processor):
    return build_tiny_model(processor)


@pytest.fixture(scope="module")
def features(processor):
    return vision_features(build_tiny_model(processor), processor, noise_pictures(((512, 230), (180, 512), (300, 300))))


@pytest.fixture(scope="module")
def one_image(processor):
    return questionnaire(processor, [Prompts().rate_question(d) for d in DIMENSIONS], 1)


@contextmanager
def rows_of_the_last_layer(model):
    """Of each pass made meanwhile, the positions that its feed-forward part is given, in one row."""
    given: list[int] = []
    hook = decoder_layers(model)[-1].mlp.register_forward_pre_hook(lambda _module, args: given.append(args[0].shape[1]))
    try:
        yield given
    finally:
        hook.remove()


def gradients(trained, inputs) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    trained.zero_grad()
    logits = trained(**inputs, use_cache=False).logits
    logits.log_softmax(-1)[..., :10].square().sum().backward()
    return logits.detach(), {n: p.grad.clone() for n, p in trained.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("lora_r", [0, 4])
def test_logits_and_gradients_are_those_of_the_whole_layer(model, features, one_image, lora_r):
    trained = with_gradients(model, lora_r)
    with torch.no_grad():
        for name, parameter in trained.named_parameters():
            if "lora_B" in name:  # zeros at the start: they would hide the gradient of lora_A
                parameter.normal_(std=0.05)
    inputs = pack(model, one_image, [(image,) for image in features])
    whole, wanted = gradients(trained, inputs)
    alone, found = gradients(trained, inputs | answers_alone(model, inputs["logits_to_keep"]))
    torch.testing.assert_close(alone, whole, atol=1e-5, rtol=0)
    assert found.keys() == wanted.keys() and len(found) > 10
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-4 * float(gradient.abs().max()), rtol=0)


def test_a_call_without_the_argument_is_what_it_was(model, features, one_image):
    inputs = pack(model, one_image, [(image,) for image in features])
    with torch.no_grad():
        before = model(**inputs, use_cache=False).logits
        model(**inputs, **answers_alone(model, inputs["logits_to_keep"]), use_cache=False)
        torch.testing.assert_close(model(**inputs, use_cache=False).logits, before, atol=0, rtol=0)


def test_judgments_and_training_steps_go_through_it_at_the_answers_alone_and_scores_whole(
    model, processor, features, one_image
):
    asking, pair = AskTogether(model, processor), tuple(features[:2])
    about_two = questionnaire(processor, [Prompts().compare_question(d) for d in DIMENSIONS], 2)
    with rows_of_the_last_layer(model) as given:
        asking.answer_logits(model, one_image, [pair[:1]])  # with gradient
        with torch.no_grad():
            asking.answer_logits(model, about_two, [pair])
            asking.answer_logits(model, about_two, [pair, pair])  # its first image is read once
            asking.answer_logits(model, one_image, [pair[:1]])
    whole = len(one_image.prefix(pair[:1])) + one_image.question_length
    assert given == [3, 3, 1, 3, whole]


def test_where_activations_are_recomputed_or_layers_compiled_it_stays_whole(processor, features, one_image, recwarn):
    for change in (
        lambda model: (model.gradient_checkpointing_enable(), model.train()),
        lambda model: compile_layers(model, backend="eager"),
    ):
        model = build_tiny_model(processor)
        inputs = pack(model, one_image, [features[:1]])
        with torch.no_grad():
            before = model(**inputs, use_cache=False).logits
        change(model)
        assert answers_alone(model, inputs["logits_to_keep"]) == {}
        logits = AskTogether(model, processor).answer_logits(model, one_image, [features[:1]])
        torch.testing.assert_close(logits.detach(), before, atol=1e-5, rtol=0)


def test_the_first_passes_of_several_threads_teach_the_layer_once(processor, features, one_image):
    """The judge makes passes side by side, and the layer learns to listen in the first."""
    wanted = pack(build_tiny_model(processor), one_image, [features[:1]])["logits_to_keep"]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(30):
            model = build_tiny_model(processor, hidden_size=32, text_layers=1, vision_layers=1)
            with ThreadPoolExecutor(4) as threads:
                list(threads.map(lambda _, m=model: answers_alone(m, wanted), range(4)))
            last = decoder_layers(model)[-1]
            assert len(last._forward_pre_hooks) == len(last._forward_hooks) == 1
    finally:
        sys.setswitchinterval(before)
