"""FLOPs counted on shapes are those of real passes, and the bars of the cost at 8B are met."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ppaint.model_card import Prompts, vision_features
from ppaint.model_card.ask_together import AskTogether
from ppaint.model_card.first_images import logits_behind_first_images
from ppaint.model_card.last_layer import answers_alone
from ppaint.model_card.prompts import messages
from ppaint.model_card.readout import ScoreReadout
from ppaint.model_card.shared_prefix import answer_logits, block_mask, pack, questionnaire
from ppaint.trainer.cost import flop_count
from ppaint.trainer.cost.model_shapes import PromptTokens, pieces, read_shapes
from ppaint.trainer.cost.task_cost import TaskCosts, with_gradients
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("composition", "brushwork", "ink_and_color", "artistic_conception", "overall")
BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
QUESTIONS = [Prompts().rate_question(d) for d in DIMENSIONS]


class Setting:
    """A tiny model with weights, two images of one shape, and the same model as shapes."""

    def __init__(self) -> None:
        self.processor = build_processor(DIMENSIONS)
        self.model = build_tiny_model(self.processor)
        rng = np.random.default_rng(0)
        self.images = [Image.fromarray(rng.integers(0, 255, (160, 224, 3), dtype=np.uint8)) for _ in range(2)]
        self.features = vision_features(self.model, self.processor, self.images)
        self.grid, self.visual = self.features[0].grid_thw, self.features[0].n_tokens
        self.shapes = flop_count.shapes_only(self.model.config)
        self.questionnaire = questionnaire(self.processor, QUESTIONS, 1)

    def plain_inputs(self, question: str, n_images: int) -> dict:
        text = self.processor.apply_chat_template(
            messages(question, n_images), add_generation_prompt=True, tokenize=False
        )
        return dict(self.processor(text=[text], images=self.images[:n_images], return_tensors="pt"))


def really(task) -> int:
    """FLOPs of a call on real tensors, attention by the math kernel (as on the meta device)."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        task()
    return counter.get_total_flops()


@pytest.fixture(scope="module")
def setting() -> Setting:
    return Setting()


def test_the_vision_tower_counts_as_it_does_with_weights(setting):
    pixels = setting.processor.image_processor(setting.images[:1], return_tensors="pt")
    with torch.no_grad():
        wanted = really(
            lambda: setting.model.get_image_features(pixels["pixel_values"], pixels["image_grid_thw"], return_dict=True)
        )
    assert flop_count.vision_flops(setting.shapes, setting.grid) == wanted


@pytest.mark.parametrize("n_images", [1, 2])
def test_a_plain_pass_counts_as_it_does_with_weights(setting, n_images):
    inputs = setting.plain_inputs(Prompts().compare_question("overall"), n_images)
    with torch.no_grad():
        wanted = really(lambda: setting.model(**inputs, logits_to_keep=1, use_cache=False))
    positions = inputs["input_ids"].shape[1]
    counted = n_images * flop_count.vision_flops(setting.shapes, setting.grid)
    assert counted + flop_count.text_flops(setting.shapes, positions, 1) == wanted


def test_a_packed_pass_counts_as_it_does_with_weights(setting):
    with torch.no_grad():
        wanted = really(lambda: answer_logits(setting.model, setting.questionnaire, [(f,) for f in setting.features]))
    positions = len(setting.questionnaire.prefix(setting.features[:1])) + setting.questionnaire.question_length
    assert 2 * flop_count.text_flops(setting.shapes, positions, len(QUESTIONS)) == wanted


def test_a_pair_counts_as_it_does_with_weights(setting, tmp_path):
    """The last layer at the answers alone; and of a single image, whose states are read too, whole."""
    asking = AskTogether(setting.model, setting.processor)
    asked = questionnaire(setting.processor, [Prompts().compare_question(d) for d in DIMENSIONS], 2)
    costs = tiny_costs(setting, tmp_path)
    with torch.no_grad():
        assert really(lambda: asking.answer_logits(setting.model, asked, [setting.features])) == costs.pair_pass()
        alone = [setting.features[:1]]
        wanted = really(lambda: asking.answer_logits(setting.model, setting.questionnaire, alone))
    assert costs.rating_pass() == wanted
    assert costs.judgment().floor == 2 * (costs.vision + costs.pair_pass() - attention_hidden(setting, asked))


def attention_hidden(setting, asked) -> int:
    """FLOPs of attention at what the block mask hides, counted on the mask: the last layer has the answers' rows alone."""
    length = len(asked.prefix(setting.features))
    visible = block_mask(torch.ones(1, length), list(map(len, asked.questions)))[0, 0]
    ends = length - 1 + torch.tensor([len(q) for q in asked.questions]).cumsum(0)
    text = setting.model.config.text_config
    hidden = (text.num_hidden_layers - 1) * int((~visible).sum()) + int((~visible[ends]).sum())
    return 4 * text.num_attention_heads * text.head_dim * hidden


def tiny_costs(setting, folder) -> TaskCosts:
    setting.model.config.save_pretrained(folder)
    setting.processor.save_pretrained(folder)
    return TaskCosts(read_shapes(folder, DIMENSIONS), setting.grid)


def test_a_batch_that_shares_first_images_counts_as_it_does_with_weights(setting, tmp_path):
    """Three ordered pairs of images of one shape, two of them with the same first."""
    asked = questionnaire(setting.processor, [Prompts().compare_question(d) for d in DIMENSIONS], 2)
    one, other = setting.features[0], replace(setting.features[0], sha256="another")
    pairs = [(one, other), (one, one), (other, one)]
    with torch.no_grad():
        wanted = really(lambda: logits_behind_first_images(setting.model, asked, pairs))
    costs = tiny_costs(setting, tmp_path)
    assert 2 * costs.first_image_pass() + 3 * costs.behind_first_image_pass() == wanted


def test_generation_counts_as_it_does_with_weights(setting):
    inputs, new = setting.plain_inputs(QUESTIONS[0], 1), 9
    special = [setting.model.config.image_token_id, setting.model.config.video_token_id]
    wanted = really(
        lambda: setting.model.generate(
            **inputs, max_new_tokens=new, min_new_tokens=new, do_sample=False, suppress_tokens=special
        )
    )
    positions = inputs["input_ids"].shape[1]
    counted = flop_count.vision_flops(setting.shapes, setting.grid)
    counted += flop_count.text_flops(setting.shapes, positions, 1)
    assert counted + flop_count.decoding_flops(setting.shapes, positions, new - 1) == wanted


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("lora_r", [0, 4])
def test_a_training_step_counts_as_it_does_with_weights(setting, lora_r, alone):
    model = build_tiny_model(setting.processor)
    trained = with_gradients(model, lora_r)
    readout = ScoreReadout(setting.processor, Prompts(), DIMENSIONS)
    inputs = pack(model, readout.questionnaire, [setting.features[:1]])
    if alone:
        inputs |= answers_alone(model, inputs["logits_to_keep"])
    wanted = really(lambda: trained(**inputs, use_cache=False).logits.float().log_softmax(-1).sum().backward())
    shapes = with_gradients(flop_count.shapes_only(model.config), lora_r)
    assert flop_count.training_flops(shapes, inputs["input_ids"].shape[1], len(DIMENSIONS), alone=alone) == wanted


def test_what_is_trained_is_what_the_trainer_trains(setting, tmp_path):
    from ppaint.trainer import PSDistillExactConfig
    from ppaint.trainer.psdistill_exact_trainer import _trainable

    for options in ({"lora_r": 0}, {"lora_r": 4}, {"lora_r": 2, "lora_target_modules": ["q_proj"]}):
        args = PSDistillExactConfig(output_dir=str(tmp_path), report_to=[], **options)
        theirs = _trainable(build_tiny_model(setting.processor), args)
        mine = with_gradients(build_tiny_model(setting.processor), args.lora_r, args.lora_target_modules)
        names = [{n: p.numel() for n, p in m.named_parameters() if p.requires_grad} for m in (theirs, mine)]
        assert names[0] == names[1]


def test_the_packed_positions_of_a_processor_are_those_of_its_questionnaire(setting, tmp_path):
    setting.model.config.save_pretrained(tmp_path)
    setting.processor.save_pretrained(tmp_path)
    shapes = read_shapes(tmp_path, DIMENSIONS)
    assert shapes.rate.packed(setting.visual) == (
        len(setting.questionnaire.prefix(setting.features[:1])) + setting.questionnaire.question_length
    )
    pair = questionnaire(setting.processor, [Prompts().compare_question(d) for d in DIMENSIONS], 2)
    assert shapes.compare.prefix(setting.visual) == len(pair.prefix(setting.features))
    assert flop_count.image_grid(shapes.config, 224, 160, shapes.pixels) == setting.grid


def test_the_bundled_tokens_are_those_of_the_shipped_prompts_in_the_chat_template(setting):
    """The template's pieces, special tokens apart, are words that Qwen's vocabulary has whole."""
    shapes = read_shapes("qwen3-vl-8b", DIMENSIONS)
    rate, compare = Prompts().rate_question, Prompts().compare_question
    starts = ("Rate this painting from 0 to 9 in", "Which painting is better in")
    for tokens, ask, start in zip((shapes.rate, shapes.compare), (rate, compare), starts, strict=True):
        question = ask("overall")
        text = setting.processor.apply_chat_template(
            messages(question, tokens.images), add_generation_prompt=True, tokenize=False
        )
        image = "<|vision_start|><|image_pad|><|vision_end|>"
        before, after = text.split(question)
        assert before == "<|im_start|>user\n" + tokens.images * image
        assert after == "<|im_end|>\n<|im_start|>assistant\n"
        around = 3 + 2 * tokens.images  # im_start, user, newline; start and end of each image
        assert tokens.around == around + len(pieces(start))
        assert tokens.questions[-1] == len(pieces(question.removeprefix(start))) + 5
    assert shapes.counted == "its own vocabulary"
    assert read_shapes("qwen3-vl-8b", ["harmony"]).counted != shapes.counted


def test_prompt_tokens_add_up():
    tokens = PromptTokens(5, (17, 18), 1)
    assert (tokens.prefix(10), tokens.packed(10), tokens.alone(10)) == (15, 50, (32, 33))


@pytest.fixture(scope="module")
def at_8b() -> TaskCosts:
    shapes = read_shapes("Qwen3-VL-8B", DIMENSIONS)
    return TaskCosts(shapes, flop_count.image_grid(shapes.config, 512, 512, shapes.pixels))


def test_the_published_shapes_hold_8_767_billion_parameters(at_8b):
    assert sum(p.numel() for p in at_8b.model.parameters()) == 8_767_123_696
    assert at_8b.visual == 256


def test_a_score_and_a_judgment_at_8b_are_within_their_bars(at_8b):
    score, judgment = at_8b.score(), at_8b.judgment()
    for cost in (score, judgment):
        assert cost.floor <= cost.ours < cost.plain and cost.known < cost.ours
        assert cost.ratio <= 0.35
    assert score.ours / score.floor < 1.02  # the aim: one prefix and five short questions


def test_an_exact_step_at_8b_is_within_its_bar_by_what_needs_no_backward_pass(at_8b):
    """Bounds that are quick to count: a backward pass takes at most twice what its forward pass takes."""
    rate = at_8b.shapes.rate
    exact = at_8b.vision + 4 * flop_count.text_flops(at_8b.model, rate.packed(256), 5)
    sampled = sum(2 * flop_count.text_flops(at_8b.model, n + 64, 64) for n in rate.alone(256)[:1]) * 5 * 8
    assert exact <= 0.1 * sampled


def test_tasks_of_the_tiny_model_are_sums_of_counted_passes(setting, tmp_path):
    costs = tiny_costs(setting, tmp_path)
    exact, sampled = costs.exact_step(), costs.sampled_step(8, 64)
    assert exact.known < exact.ours < exact.plain < sampled.plain
    assert sampled.floor < sampled.plain and exact.ours <= 0.1 * sampled.plain
    with torch.no_grad():
        packed = really(lambda: answer_logits(setting.model, setting.questionnaire, [setting.features[:1]]))
    assert costs.score().known == packed and costs.score().ours == packed + costs.vision


@pytest.fixture
def timed(monkeypatch):
    """The benchmark's own calls, on the tiny judge's widths with two layers."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import wall_time

    model, shapes = wall_time.two_layers(DIMENSIONS, tiny=True)
    return wall_time, model, shapes


def test_the_tasks_that_are_timed_are_the_ones_that_are_counted(timed):
    wall_time, model, shapes = timed
    tasks = wall_time.Tasks(model, shapes, 128)
    costs = TaskCosts(shapes, tasks.grid, lora_r=wall_time.LORA_R)
    for cost, images, orders in ((costs.score(), 1, 1), (costs.judgment(), 2, 2)):
        assert really(lambda i=images, o=orders: tasks.asked_plainly(i, o)) == cost.plain
        assert really(lambda i=images, o=orders: tasks.asked_our_way(i, o)) == cost.ours
    features, trained = tasks.features(1), with_gradients(model, wall_time.LORA_R)
    assert really(lambda: tasks.exact_step(trained, features)) == costs.exact_step().known
    middle = PromptTokens(shapes.rate.around, shapes.rate.questions[2:3], 1)
    one = TaskCosts(wall_time.replace(shapes, rate=middle), tasks.grid, lora_r=wall_time.LORA_R)
    assert really(lambda: tasks.sampled_step(trained, 3, 5)) == pytest.approx(one.sampled_step(3, 5).plain, rel=1e-9)


def test_the_wall_benchmark_runs_with_tiny(timed):
    wall_time, model, shapes = timed
    table = wall_time.wall_times(model, shapes, 64, group=2, new_tokens=3, repeats=1)
    assert set(table) == {"score", "judgment", "exact step / sampled step"}
    for row in table.values():
        assert row["ratio"] == pytest.approx(row["ours"] / row["plain"], rel=0.2) and row["FLOP ratio"] > 0
