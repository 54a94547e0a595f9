"""Models of five architectures besides Qwen3-VL, through every step; and what one prompt per question is equal to."""

import functools
import re
import shutil

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from tiny_architectures import (
    ARCHITECTURES,
    DIMENSIONS,
    answers_by_hand,
    build_model,
    build_processor,
    small_pictures,
)
from transformers import AutoModelForImageTextToText, Qwen2Config

from ppaint.cli.main import main
from ppaint.foundation.faults import InputFault
from ppaint.foundation.json_text import read_json
from ppaint.model_card import AestheticScorer, Judge, Prompts, vision_features
from ppaint.model_card.ask_by_processor import AskByProcessor, Way
from ppaint.model_card.shared_prefix import answer_logits, questionnaire
from ppaint.trainer import (
    CardText,
    Distillation,
    Export,
    PSDistillConfig,
    PSDistillTrainer,
    Schedule,
    distil,
    pseudo_label_images,
)
from ppaint.trainer.judgments.judging_cost import CostLog
from ppaint.trainer.tiny_judge import architecture as qwen3_vl

DIGITS = "0123456789"
PROMPTS = Prompts()
TRAINING = {"max_steps": 2, "eval_steps": 2, "save_steps": 2, "learning_rate": 0.01, "load_best_model_at_end": False}
TRAINING |= {"per_device_train_batch_size": 8, "use_cpu": True}


class Setting:
    """A tiny model in a folder, the judge loaded from there, its pseudo-labels, and a scorer by adapters, by adapters on the
    vision tower too, and by all weights."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        self.processor = build_processor(kind)
        self.model = build_model(kind, self.processor)
        self.model.save_pretrained(folder / "model")
        self.processor.save_pretrained(folder / "model")
        self.judge = Judge.from_pretrained(folder / "model", dimensions=DIMENSIONS, device="cpu")
        self.images = small_pictures(12)
        self.labels = pseudo_label_images(
            self.judge, self.images, folder / "labels", schedule=Schedule(6, 3), stop_without_signal=False
        )
        self.adapters = self.trained("adapters", lora_r=2)
        self.tower = self.trained("tower", images=self.images, lora_r=2, vision_lora_r=2)
        self.whole = self.trained("whole")

    def trained(self, name, export=None, images=None, **options):
        job = Distillation(
            self.folder / "model",
            self.judge,
            self.labels,
            self.folder / name,
            CardText("A test", simulated=True),
            options=TRAINING | options,
            export=export or Export(),
            images=images,
        )
        return distil(job).folder


@pytest.fixture(scope="module", params=ARCHITECTURES)
def setting(request, tmp_path_factory):
    return Setting(request.param, tmp_path_factory.mktemp(request.param))


def test_log_odds_are_those_of_processor_and_model_alone(setting):
    images, judge = setting.images[:4], setting.judge
    one, two, three, four = judge.features(images)
    odds = judge.compare([(one, two), (two, one), (three, four), (four, one)])
    rows = [(0, 1), (1, 0), (2, 3), (3, 0)]
    for row, found in zip(rows, odds, strict=True):
        for dimension, value in zip(DIMENSIONS, found, strict=True):
            question, shown = PROMPTS.compare_question(dimension), [images[i] for i in row]
            first, second = answers_by_hand(setting.model, setting.processor, question, shown, "AB")
            assert value == pytest.approx(float(first - second), abs=1e-4)
    assert np.isfinite(odds).all()
    assert np.abs(odds[0] - odds[1]).max() > 0.01  # the order is seen, and so are the images


def test_ratings_are_those_of_processor_and_model_alone(setting):
    ratings = setting.judge.rate(setting.judge.features(setting.images[:3]))
    for image, found in zip(setting.images, ratings, strict=False):
        for dimension, log_p in zip(DIMENSIONS, found, strict=True):
            question = PROMPTS.rate_question(dimension)
            by_hand = answers_by_hand(setting.model, setting.processor, question, [image], DIGITS)
            np.testing.assert_allclose(log_p, log_softmax(by_hand.numpy()), atol=1e-4)


def test_the_vision_tower_sees_a_row_once_not_once_a_question(setting, monkeypatch):
    seen, real = [], setting.judge.model.get_image_features

    @functools.wraps(real)
    def counted(*args, **given):
        seen.append(1)
        return real(*args, **given)

    monkeypatch.setattr(setting.judge.model, "get_image_features", counted)
    one, two = setting.judge.features(setting.images[:2])
    setting.judge.compare([(one, two)])
    assert len(seen) == 1 < len(DIMENSIONS)


def test_pseudo_scores_come_of_both_orders(setting):
    judged = setting.labels.scores.judged
    assert np.isfinite(judged.forward).all() and np.isfinite(judged.backward).all()
    assert len(setting.labels.scores.images) == 12


def test_the_cost_says_that_a_prefix_was_shared(setting):
    cost = CostLog(setting.folder / "labels" / "judgments").total(images=12, counts=lambda key: True)
    assert cost.prefixes_read_once == cost.ordered_pairs + cost.ratings and cost.prompts_apart == 0
    assert cost.text_tokens < cost.text_tokens_apart
    assert len(DIMENSIONS) * cost.visual_tokens == cost.visual_tokens_apart > 0
    assert "was read once, their questions behind it" in cost.sentences()[1]


def test_gradients_behind_a_shared_prefix_are_those_of_whole_prompts(setting, monkeypatch):
    """So are those of a pass whose activations are recomputed, for which nothing is shared."""
    judge, model = setting.judge, setting.judge.model
    rows = [(image,) for image in judge.features(setting.images[:2])]
    weight = model.get_decoder().layers[0].self_attn.q_proj.weight
    assert judge.asking.way(1) == judge.asking.way(2) == Way(given=True, batched=True, shared=True)

    def gradient():
        logits = judge.asking.answer_logits(model, judge.rating_questionnaire, rows)
        return torch.autograd.grad(logits[..., :10].log_softmax(-1)[..., 0].sum(), weight)[0]

    shared = gradient()
    monkeypatch.setitem(judge.asking._ways, 1, Way(given=True, batched=True))
    torch.testing.assert_close(shared, gradient(), atol=1e-4, rtol=1e-4)
    monkeypatch.setitem(judge.asking._ways, 1, Way())
    torch.testing.assert_close(shared, gradient(), atol=1e-4, rtol=1e-4)
    monkeypatch.undo()
    model.activation_checkpointing_enable({"use_reentrant": False})
    model.train()
    recomputed = gradient()
    model.eval()
    model.activation_checkpointing_disable()
    torch.testing.assert_close(shared, recomputed, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("form", ["adapters", "tower", "whole"])
def test_a_saved_scorer_says_the_same_by_transformers_alone(setting, form):
    """With the recipe that stands on its card."""
    folder = getattr(setting, form)
    table = AestheticScorer.from_pretrained(folder, device="cpu").score(setting.images[:3])
    card = (folder / "README.md").read_text(encoding="utf-8")
    recipe = next(block for block in re.findall(r"```python\n(.*?)```", card, re.S) if "AutoProcessor" in block)
    namespace: dict = {}
    exec(recipe.split("\nprint(")[0], namespace)
    for image, mean in zip(setting.images, table.mean, strict=False):
        alone = namespace["score"](image.image)
        assert [alone[d] for d in DIMENSIONS] == pytest.approx(list(mean), abs=1e-4)
    assert "a forward pass for each dimension" in card


def test_training_changes_the_language_model_and_nothing_else(setting):
    before = dict(setting.model.named_parameters())
    after = AutoModelForImageTextToText.from_pretrained(setting.whole, dtype=torch.float32)
    changed = {name for name, value in after.named_parameters() if not torch.equal(value, before[name])}
    language = {name for name, value in after.named_parameters() if any(value is p for p in _language(after))}
    assert changed and changed <= language
    assert len(changed) > 0.8 * len(language)


def test_adapters_on_the_vision_tower_change_all_of_its_linear_layers(setting):
    """And those between it and the language model; so a pass starts from pixels, and has gradients in the tower."""
    before = dict(setting.model.named_modules())
    after = AutoModelForImageTextToText.from_pretrained(setting.tower, dtype=torch.float32)
    language = {id(parameter) for parameter in _language(after)}
    linear = {
        name: module
        for name, module in after.named_modules()
        if isinstance(module, torch.nn.Linear) and id(module.weight) not in language
    }
    changed = {name for name, module in linear.items() if not torch.equal(module.weight, before[name].weight)}
    assert len(linear) > 4 and changed == set(linear)


def _language(model):
    return [*model.get_decoder().parameters(), *model.get_output_embeddings().parameters()]


def test_a_scorer_scores_the_trained_images_as_the_trainer_read_them(setting):
    """The states of the distance measure come of the same prompts: a training image is no stranger."""
    scorer = AestheticScorer.from_pretrained(setting.whole, device="cpu")
    reading = scorer.read(scorer.asking.features(setting.images, batch_size=4))
    assert reading.states.shape == (12, 32) and np.isfinite(reading.states).all()
    alone = scorer.read(scorer.asking.features(setting.images[:1], batch_size=1))
    np.testing.assert_allclose(alone.states[0], reading.states[0], atol=1e-4)
    np.testing.assert_allclose(alone.mean[0], reading.mean[0], atol=1e-4)


def test_the_state_of_an_image_is_the_mean_over_its_tokens(setting):
    judge, image = setting.judge, setting.images[0]
    with torch.no_grad():
        states = judge.asking.logits_and_states(judge.model, judge.rating_questionnaire, judge.features([image]))[1]
    content = [{"type": "image", "image": image.image}, {"type": "text", "text": PROMPTS.rate_question(DIMENSIONS[1])}]
    inputs = setting.processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        hidden = setting.model(**inputs, output_hidden_states=True).hidden_states[-1][0]
    by_hand = hidden[inputs["input_ids"][0] == setting.model.config.image_token_id].mean(dim=0)
    torch.testing.assert_close(states[0], by_hand, atol=1e-4, rtol=0)


@pytest.mark.parametrize("setting", ["idefics3"], indirect=True)  # its language model has another name than most
def test_adapters_on_their_base_say_what_the_merged_scorer_says(setting):
    merged = AestheticScorer.from_pretrained(setting.adapters, device="cpu").score(setting.images[:2])
    kept = shutil.move(setting.adapters, setting.adapters.with_name("merged"))
    folder = setting.trained("adapters", Export("adapter", "example/base"), lora_r=2)  # trained already: only written
    parts = AestheticScorer.from_pretrained(folder, base=setting.folder / "model", device="cpu")
    np.testing.assert_allclose(parts.score(setting.images[:2]).mean, merged.mean, atol=1e-4)
    shutil.rmtree(folder)
    shutil.move(kept, folder)
    before = AestheticScorer(setting.model, setting.processor, parts.config).score(setting.images[:2])
    assert np.abs(before.mean - merged.mean).max() > 1e-3  # the training did something


@pytest.mark.parametrize("setting", ["llava_onevision"], indirect=True)  # it cuts an image otherwise when two are shown
def test_every_command_takes_it(setting, tmp_path, capsys):
    (tmp_path / "images").mkdir()
    for k, image in enumerate(setting.images):
        image.image.save(tmp_path / "images" / f"{k:02d}.png")
    model, images = f"{setting.folder / 'model'}", f"{tmp_path / 'images'}"
    asked = [word for dimension in DIMENSIONS for word in ("--dimension", dimension)]
    judged, labels, out = (str(tmp_path / name) for name in ("judged", "labels", "out"))
    small = ["--pool-size", "6", "--opponents", "3"]
    assert run("judge", "--images", images, "--model", model, "--out", judged, *asked, *small) == 0
    told = capsys.readouterr().out
    assert "rows was read once, their questions behind it" in told and "the vision tower's in it" in told
    assert read_json(tmp_path / "judged" / "cost.json")["prefixes_read_once"] > 0
    assert run("pseudo-label", "--judgments", judged, "--out", labels) == 0
    given = [f"model={model}", f"images={images}", f"pseudo_labels={labels}", f"out={out}", "recipe=paper"]
    assert run("distill", *given, "max_steps=2", "lora_r=2") == 0
    capsys.readouterr()
    assert run("score", f"{images}/00.png", "--model", f"{out}/scorer") == 0
    assert DIMENSIONS[0] in capsys.readouterr().out


def run(*words):
    with pytest.raises(SystemExit) as ending:
        main(list(words))
    return int(ending.value.code or 0)


@pytest.mark.parametrize("setting", ["qwen2_5_vl", "gemma3"], indirect=True)
def test_pooled_features_are_the_mean_of_what_enters_the_language_model(setting):
    image = setting.images[0]
    pooled = setting.judge.asking.pooled([image])[0]
    text = "<|image_pad|>" if setting.kind == "qwen2_5_vl" else "<start_of_image>"
    inputs = setting.processor(text=[text], images=[[image.image]], return_tensors="pt")
    images = {name: inputs[name] for name in ("pixel_values", "image_grid_thw") if name in inputs}
    with torch.no_grad():
        found = setting.model.get_image_features(**images, return_dict=True).pooler_output[0]
    torch.testing.assert_close(pooled, found.mean(dim=0))


# Where the shared prefix is at home too


def test_a_qwen3_vl_says_the_same_one_prompt_at_a_time_as_behind_one_prefix():
    processor = qwen3_vl.build_processor(DIMENSIONS)
    model = qwen3_vl.build_tiny_model(processor, hidden_size=32, text_layers=2, vision_layers=2)
    images, apart = small_pictures(3), AskByProcessor(model, processor)
    texts = [PROMPTS.compare_question(d) for d in DIMENSIONS]
    one, two, three = apart.features(images, batch_size=4)
    packed = {feature.sha256: feature for feature in vision_features(model, processor, images)}
    rows = [(one, two), (three, one)]
    with torch.no_grad():
        found = apart.answer_logits(model, apart.questions(texts, 2), rows)
        behind = [[packed[image.sha256] for image in row] for row in rows]
        wanted = answer_logits(model, questionnaire(processor, texts, 2), behind)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


# What is tried instead of believed


@pytest.fixture
def small():
    """A model and a processor for a test to spoil."""
    processor = build_processor("internvl")
    return build_model("internvl", processor), processor


def compared(model, processor):
    judge = Judge(model, processor, DIMENSIONS)
    one, two, three, four = judge.features(small_pictures(4))
    return judge, judge.compare([(one, two), (three, four), (two, one)])


def test_a_model_that_takes_no_features_sees_the_pixels_with_every_question(small, monkeypatch):
    model, processor = small
    wanted = compared(model, processor)[1]
    real = model.forward

    def forward(input_ids, attention_mask, pixel_values, use_cache=None):
        return real(input_ids, attention_mask=attention_mask, pixel_values=pixel_values, use_cache=use_cache)

    monkeypatch.setattr(model, "forward", forward)  # with no word of features, or of which logits are wanted
    judge, found = compared(model, processor)
    assert judge.asking.way(2) == Way(given=False, batched=True, shared=False)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_prompts_that_change_one_another_in_a_pass_are_asked_alone(small, monkeypatch, caplog):
    model, processor = small
    wanted = compared(model, processor)[1]
    real = model.lm_head.forward
    monkeypatch.setattr(model.lm_head, "forward", lambda hidden: real(hidden) * len(hidden))
    with caplog.at_level("WARNING"):
        judge, found = compared(model, processor)
    assert not judge.asking.way(2).batched
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert "one at a time" in caplog.text


def test_prompts_whose_ends_depend_on_the_image_all_go_through_the_processor(small):
    """Here a template that puts the question before the images: nothing is shared, and the answers are still the model's."""
    model, processor = small
    processor.chat_template = (
        "{% for part in messages[0]['content'] | reverse %}"
        "{% if part['type'] == 'image' %}<IMG_CONTEXT>{% else %}{{ part['text'] }}{% endif %}{% endfor %}:"
    )
    judge, odds = compared(model, processor)
    assert judge.pair_questionnaire.tails is None and not judge.asking.way(2).shared
    assert judge.parts["asked"] == judge.asking.manner == "one prompt per question"
    assert judge.spent_on_last["prompts_apart"] == 3 * len(DIMENSIONS)
    images = small_pictures(4)
    for k, dimension in enumerate(DIMENSIONS):
        first, second = answers_by_hand(model, processor, PROMPTS.compare_question(dimension), images[:2], "AB")
        assert odds[0, k] == pytest.approx(float(first - second), abs=1e-4)


# What cannot be asked


def test_a_template_that_drops_images_is_refused(small):
    model, processor = small
    processor.chat_template = "{{ messages[0]['content'][-1]['text'] }}:"
    with pytest.raises(InputFault, match="it drops them. Fix: put the model's own chat_template.jinja back"):
        Judge(model, processor, DIMENSIONS)


def test_a_template_that_drops_the_second_image_is_refused(small):
    model, processor = small
    processor.chat_template = "<IMG_CONTEXT>{{ messages[0]['content'][-1]['text'] }}:"
    with pytest.raises(InputFault, match="for 2 images as for fewer: it drops them"):
        Judge(model, processor, DIMENSIONS)


def test_a_template_that_leaves_the_question_out_or_does_not_run_is_refused(small):
    model, processor = small
    processor.chat_template = (
        "{% for part in messages[0]['content'] %}{% if part['type'] == 'image' %}<IMG_CONTEXT>{% endif %}{% endfor %}"
    )
    with pytest.raises(InputFault, match="leaves the question out"):
        Judge(model, processor, DIMENSIONS)
    processor.chat_template = None
    with pytest.raises(InputFault, match="the chat template does not run"):
        Judge(model, processor, DIMENSIONS)


def test_a_processor_that_takes_one_image_is_refused(small, monkeypatch):
    model, processor = small
    real = type(processor).__call__

    def one_only(self, images=None, text=None, **more):
        if images is not None and len(images[0]) > 1:
            raise ValueError("this model takes one image")
        return real(self, images=images, text=text, **more)

    monkeypatch.setattr(type(processor), "__call__", one_only)
    with pytest.raises(InputFault, match=r"does not take 2 images in a prompt \(this model takes one image\)"):
        Judge(model, processor, DIMENSIONS)


def test_another_models_processor_is_refused(small):
    model, processor = small
    processor.image_seq_length = 5  # this model makes four tokens of a tile
    with pytest.raises(InputFault, match="does not take what its processor makes of a prompt .* do not match"):
        Judge(model, processor, DIMENSIONS)


def test_answers_that_are_no_single_tokens_are_refused(small):
    model, processor = small
    with pytest.raises(InputFault, match="the answer 'first' is 5 tokens"):
        Judge(model, processor, DIMENSIONS, prompts=Prompts(first="first", second="B"))


def test_a_model_whose_logits_are_not_finite_abstains(small):
    model, processor = small
    with torch.no_grad():
        model.get_decoder().norm.weight[0] = float("nan")
    judge, odds = compared(model, processor)
    assert np.isnan(odds).all()
    assert np.isnan(judge.rate(judge.features(small_pictures(1)))).all()


def test_a_model_that_sees_no_images_and_a_folder_without_a_processor_are_refused(small, tmp_path):
    model, processor = small
    model.save_pretrained(tmp_path / "model")
    for there in ("no file of it", "its tokenizer alone"):
        with pytest.raises(InputFault, match="the processor could not be read") as fault:
            Judge.from_pretrained(tmp_path / "model", dimensions=DIMENSIONS, device="cpu")
        assert str(tmp_path) in str(fault.value) and "Fix:" in str(fault.value), there
        processor.tokenizer.save_pretrained(tmp_path / "model")
    Qwen2Config(hidden_size=8, num_attention_heads=2, num_hidden_layers=1).save_pretrained(tmp_path / "text")
    with pytest.raises(InputFault, match="'qwen2' model, which does not answer questions about images") as fault:
        Judge.from_pretrained(tmp_path / "text", dimensions=DIMENSIONS, device="cpu")
    assert str(tmp_path) in str(fault.value) and "Fix:" in str(fault.value)


@pytest.mark.parametrize("setting", ["idefics3"], indirect=True)
def test_folds_of_a_model_whose_language_model_has_another_name_are_averaged(setting, monkeypatch):
    monkeypatch.setattr("ppaint.trainer.cross_fitting.EVIDENCE", 1.0)  # the tiny model's weights are random
    monkeypatch.setattr("ppaint.trainer.cross_fitting.worth_keeping", lambda *given, **named: True)
    folder = setting.trained("folds", images=setting.images, lora_r=2, vision_lora_r=2, folds=2, min_opponents=3)
    scores = AestheticScorer.from_pretrained(folder, device="cpu").score(setting.images[:3]).mean
    config = AestheticScorer.from_pretrained(folder, device="cpu").config
    before = AestheticScorer(setting.model, setting.processor, config).score(setting.images[:3]).mean
    assert np.isfinite(scores).all() and np.abs(scores - before).max() > 1e-4


def test_the_sampled_trainer_is_for_qwen3_vl(small, tmp_path):
    model, processor = small
    args = PSDistillConfig(str(tmp_path), use_cpu=True)
    with pytest.raises(InputFault, match="'internvl' model. Fix: take the exact estimator"):
        PSDistillTrainer(model, args, processor, {}, [])
