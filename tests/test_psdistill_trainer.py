"""The sampled trainer: what it rewards, what abstains, when it is the exact one, and that a killed run ends the same."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import ranking_formulas
import torch
from known_judge import KnownJudge
from PIL import Image
from readout_of_trainer import readout_means
from scipy.stats import chisquare
from shifted import shift
from transformers import AutoModelForImageTextToText, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

import ppaint.trainer as trainer_room
from ppaint.images import InputFault, open_image
from ppaint.model_card import AestheticScorer, Judge, Prompts
from ppaint.model_card.readout import ScoreReadout
from ppaint.trainer import (
    Judging,
    JudgmentStore,
    PSDistillConfig,
    PSDistillExactConfig,
    PSDistillExactTrainer,
    PSDistillTrainer,
    build_pool,
    parse_score,
    ranking,
    rate_images,
)
from ppaint.trainer.psdistill_config import EXACT_CONDITIONS
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

# TRL 1.16 and peft 0.21 ask transformers 5 for activation checkpointing under names that it is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing.*` is deprecated:FutureWarning")
DIMENSIONS = ("brushwork", "overall")
PROCESSOR = build_processor(DIMENSIONS)
SMALL = {
    "per_device_train_batch_size": 32,
    "gradient_accumulation_steps": 2,
    "num_generations": 4,
    "block_size": 8,
    "max_completion_length": 3,
    "max_steps": 4,
    "eval_steps": 2,
    "save_steps": 2,
    "logging_steps": 1,
    "report_to": [],
    "activation_checkpointing": False,
}


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A starting model on the disk, from where TRL takes the reference policy too."""
    folder = tmp_path_factory.mktemp("start")
    build_tiny_model(PROCESSOR, seed=1, hidden_size=32, text_layers=1, vision_layers=2).save_pretrained(folder)
    return folder


def load(start):
    return AutoModelForImageTextToText.from_pretrained(start, dtype=torch.float32)


@pytest.fixture(scope="module")
def images():
    """Twenty-eight plain images, some dark and some light, of several shapes and lengths."""
    pixels = []
    for i in range(28):
        rng = np.random.default_rng(i)
        pixels.append(
            np.clip(rng.uniform(20, 235) + rng.normal(0, 12, ((64, 96), (96, 64), (96, 96))[i % 3] + (3,)), 0, 255)
        )
    return [open_image(Image.fromarray(one.astype(np.uint8))) for one in pixels]


@pytest.fixture(scope="module")
def features(start, images):
    return Judge(load(start), PROCESSOR, DIMENSIONS).features(images)


@pytest.fixture(scope="module")
def scores(features, tmp_path_factory):
    """Judged by one who knows how light an image is."""
    light = torch.stack([f.tokens.mean(0) for f in features]).double().numpy()
    place = (light - light.mean(0)) @ np.linalg.svd(light - light.mean(0), full_matrices=False)[2][:2].T
    worths = {f.sha256: 1.5 * row for f, row in zip(features, place / place.std(0), strict=True)}
    judge = KnownJudge(worths, dimensions=DIMENSIONS, batch_size=64)
    judge.compare = lambda pairs: np.array([worths[a.sha256] - worths[b.sha256] for a, b in pairs])
    with JudgmentStore(tmp_path_factory.mktemp("judged"), judge.fingerprint, DIMENSIONS) as store:
        judging = Judging(store, judge, features)
        return rate_images(judging, build_pool(judging, list(worths), size=12), list(worths), games=8)


@pytest.fixture
def make(start, images, features, scores, tmp_path):
    def trainer(folder=tmp_path / "run", callbacks=None, scores=scores, **options):
        args = PSDistillConfig(output_dir=str(folder), use_cpu=True, seed=5, **SMALL | options)
        return PSDistillTrainer(load(start), args, PROCESSOR, images, scores, features=features, callbacks=callbacks)

    return trainer


def rows_of(trainer, count):
    """The first prompts of the sampler's order, as the data loader hands them out."""
    order = list(trainer._get_train_sampler())
    return [trainer.train_dataset[i] for i in order[:count]]


def gradient_of(model):
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).double()


# Answers


def test_what_cannot_be_read_abstains_and_nothing_gets_a_middle_score():
    for text in ("", "good", "6 or 7", "10", "-1", "4.5.6", "7/10", "1,5", "v2"):
        assert parse_score(text) is None, text
    for text, value in (
        ("7", 7),
        (" 0\n", 0),
        ("It is an 8.", 8),
        ("6.5", 6.5),
        ("9/9", 9),
        ("9 out of 9.", 9),
        ("7, for its ink", 7),
    ):
        assert parse_score(text) == value, text
    assert parse_score("5 <answer>two</answer>", tagged=True) is None


def test_an_abstaining_completion_has_no_reward_no_advantage_and_is_counted(make):
    trainer = make()
    trainer.model.train()
    rows = rows_of(trainer, 64)
    said = [[{"role": "assistant", "content": text}] for text in ("3", "well", "8", "8") * 16]
    said[4:8] = [[{"role": "assistant", "content": "?"}]] * 4  # an image with no answer at all
    reward = trainer.ranking_reward(said, [r["place"] for r in rows], [r["dimension"] for r in rows]).view(16, 4)
    assert reward[:, 1].isnan().all() and reward[1].isnan().all()
    rest = reward[[0, *range(2, 16)]][:, [0, 2, 3]]
    assert torch.isfinite(rest).all() and (rest[:, 1] == rest[:, 2]).all()
    assert trainer._metrics["train"]["parse_rate"] == [45 / 64] and trainer._metrics["train"]["abstained"] == [19]
    assert 0 < trainer._metrics["train"]["effective_opponents"][0] <= 7
    wanted = torch.full((16,), 1.5)
    wanted[1] = 1
    torch.testing.assert_close(trainer._group_factor, wanted)


def test_advantages_of_abstentions_are_zero_in_what_trl_trains_on(make):
    trainer = make()
    trainer.model.train()
    rows = rows_of(trainer, 64)
    output = trainer._generate_and_score_completions(rows)  # random weights: nearly nothing can be parsed
    text = PROCESSOR.batch_decode(output["completion_ids"], skip_special_tokens=True)
    silent = torch.tensor([parse_score(t) is None for t in text])
    assert silent.any() and (output["advantages"][silent] == 0).all()


def test_think_first_asks_for_tags_and_reads_nothing_else(make):
    trainer = make(think_first=True)
    assert "<answer>" in trainer.prompt(0, 1)["prompt"][0]["content"]
    trainer.model.train()
    said = [[{"role": "assistant", "content": t}] for t in ("<answer>4</answer>", "4") * 32]
    rows = rows_of(trainer, 64)
    reward = trainer.ranking_reward(said, [r["place"] for r in rows], [r["dimension"] for r in rows])
    assert torch.isfinite(reward[::2]).all() and reward[1::2].isnan().all()


# Blocks


def test_a_block_is_one_category_and_dimension_and_each_prompt_comes_g_times(make, scores, images, features):
    trainer = make()
    order = list(trainer._get_train_sampler())
    assert len(order) == 4 * 64 * 2  # TRL reads the batch of a generation once for each of its forward passes
    assert order[:64] == order[64:128]
    groups = np.array(order).reshape(4, 2, 16, 4)[:, 0]
    assert (groups == groups[..., :1]).all()
    place, dimension = groups[..., 0].reshape(8, 8) // 2, groups[..., 0].reshape(8, 8) % 2
    assert (dimension == dimension[:, :1]).all() and all(len(set(block)) == 8 for block in place)
    assert (place[::2] == place[1::2]).all() and (dimension[::2] != dimension[1::2]).all()
    assert not np.isin(place, np.flatnonzero(trainer.table.held_out)).any()


def test_too_few_images_or_opponents_are_refused(make):
    with pytest.raises(InputFault, match="a block takes 32"):
        make(block_size=None, per_device_train_batch_size=64)
    with pytest.raises(InputFault, match="7 opponents, not 9"):
        make(min_opponents=9)


# The conditions under which it is the exact trainer


def exact_gradient(start, features, scores, folder, places, beta):
    args = PSDistillExactConfig(
        output_dir=str(folder), use_cpu=True, seed=5, objective="policy", beta=beta, per_device_train_batch_size=8
    )
    exact = PSDistillExactTrainer(load(start), args, PROCESSOR, features, scores)
    exact.current_gradient_accumulation_steps = 1
    shift(exact.core)
    exact.compute_loss(exact.model, {"places": places}).backward()
    return exact, gradient_of(exact.core)


@pytest.mark.parametrize("beta", [0.05])
def test_mean_of_sampled_gradients_converges_to_the_exact_gradient(beta, make, start, features, scores, tmp_path):
    """Whole TRL path, pixels to loss: 16 prompts, 3 x 64 completions each (benchmarks/gradient_convergence.py has more)."""
    trainer = make(
        exact_conditions=True, beta=beta, num_generations=64, per_device_train_batch_size=1024,
        gradient_accumulation_steps=1,
    )  # fmt: skip
    shift(trainer.core)
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    rows = rows_of(trainer, 1024)
    places = torch.tensor([row["place"] for row in rows[: 8 * 64 : 64]])
    exact, wanted = exact_gradient(start, features, scores, tmp_path, places, beta)
    total, counts = torch.zeros_like(wanted), torch.zeros(2, 8, 10)
    for _ in range(3):
        trainer.model.zero_grad()
        batch = trainer._generate_and_score_completions(rows)
        trainer._compute_loss(trainer.model, batch).backward()
        total += gradient_of(trainer.core) / 3
        digit = (batch["completion_ids"] == trainer.readout.tokens).int().argmax(-1)
        which = torch.arange(16).repeat_interleave(64)
        counts += torch.bincount(which * 10 + digit, minlength=160).view(2, 8, 10)
    cosine = float(total @ wanted / total.norm() / wanted.norm())
    assert cosine > 0.99
    assert float(total @ wanted / wanted.norm() ** 2) == pytest.approx(1, abs=0.05)
    with torch.no_grad():  # and the completions are draws from the renormalised policy
        expected = exact.log_probs(exact.model, places)[0].exp() * 192
    assert chisquare(counts.flatten(), expected.flatten(), ddof=15).pvalue > 1e-3


def test_loss_on_given_completions_is_the_formula(make, start):
    """Gradient of TRL's loss = (1/N) sum over completions of - G/(G-1) c (r - mean r) grad log pi + beta grad of the KL."""
    trainer = make(exact_conditions=True, beta=0.3, gradient_accumulation_steps=1, per_device_train_batch_size=64)
    shift(trainer.core)
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    rows = rows_of(trainer, 64)
    batch = trainer._generate_and_score_completions(rows)
    trainer._compute_loss(trainer.model, batch).backward()
    got = gradient_of(trainer.core)
    trainer.model.zero_grad()
    digit = (batch["completion_ids"] == trainer.readout.tokens).int().argmax(-1).view(16, 4)
    place = torch.tensor([row["place"] for row in rows[::4]])
    dimension = torch.tensor([row["dimension"] for row in rows[::4]])
    log_probs = trainer.log_probs(trainer.model, place)[0][dimension, torch.arange(16)]  # (16, 10)
    elo, c = trainer.elo[dimension, place], trainer.confidence[dimension, place]
    weight = c * ((dimension[:, None] == dimension) & (place[:, None] != place))
    wanted_reward = ranking_formulas.ranking_reward(log_probs.detach(), elo, weight)
    reward = torch.tensor(wanted_reward, dtype=torch.float32).gather(1, digit)
    advantage = c[:, None] * (reward - reward.mean(1, keepdim=True)) * 4 / 3
    torch.testing.assert_close(batch["advantages"].view(16, 4), advantage, atol=1e-5, rtol=1e-4)
    now = log_probs.gather(1, digit)
    behind = batch["ref_per_token_logps"].view(16, 4) - now
    kl = (behind.exp() - behind - 1) * (now - now.detach()).exp()
    (-advantage * now + 0.3 * kl).mean().backward()
    wanted = gradient_of(trainer.core)
    assert float((got - wanted).norm() / wanted.norm()) < 1e-4


def test_expected_gradient_of_every_possible_pair_of_draws_is_the_exact_one():
    """G = 2, all hundred pairs of score tokens with their probabilities: no sampling, to rounding; without G/(G-1), half."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 10, generator=generator, dtype=torch.float64).requires_grad_()
    reward, c = torch.rand(5, 10, generator=generator, dtype=torch.float64), torch.ones(5, dtype=torch.float64)
    log_probs = logits.log_softmax(-1)
    ranking.policy_loss(log_probs, ranking.advantage(reward, log_probs, c)).sum().backward(retain_graph=True)
    exact, logits.grad = logits.grad, None
    first, second = torch.meshgrid(torch.arange(10), torch.arange(10), indexing="ij")
    pair = torch.stack([first, second], -1).view(1, 100, 2).expand(5, 100, 2).reshape(5, 200)
    chance = log_probs.detach().gather(1, pair).view(5, 100, 2).sum(-1).exp()
    r = reward.gather(1, pair).view(5, 100, 2)
    advantage = r - r.mean(-1, keepdim=True)
    loss = -(advantage * log_probs.gather(1, pair).view(5, 100, 2)).mean(-1)
    (chance * loss).sum().backward()
    torch.testing.assert_close(2 * logits.grad, exact)
    torch.testing.assert_close(ranking.group_size_factor(r), torch.full((5, 100), 2.0, dtype=torch.float64))


def test_trls_own_passes_read_the_same_policy_as_the_scorer(make):
    """Pixels, processor and chat template by TRL; features and shared prefix by the scorer: the same log-probabilities."""
    trainer = make(score_tokens_only=True)
    trainer.model.train()
    rows = rows_of(trainer, 64)
    batch = trainer._generate_and_score_completions(rows)
    with torch.no_grad():
        readout = ScoreReadout(PROCESSOR, Prompts(), trainer.table.dimensions)
        log_p, _ = readout.log_probabilities(trainer.core, [trainer.features[row["place"]] for row in rows])
    wanted = log_p[torch.arange(64), [row["dimension"] for row in rows]]
    digit = (batch["completion_ids"] == trainer.readout.tokens).int().argmax(-1)
    got = batch["ref_per_token_logps"][:, 0]  # the reference is the starting model
    torch.testing.assert_close(got, wanted[torch.arange(64), digit], atol=1e-5, rtol=1e-4)


def test_the_switch_sets_every_condition_and_refuses_what_breaks_one(tmp_path):
    config = PSDistillConfig(output_dir=str(tmp_path), use_cpu=True, exact_conditions=True, **SMALL)
    assert {name: getattr(config, name) for name in EXACT_CONDITIONS} == EXACT_CONDITIONS
    assert config.max_completion_length == 1
    for wrong in ({"temperature": 0.7}, {"num_iterations": 2}, {"steps_per_generation": 4}, {"loss_type": "cispo"}):
        with pytest.raises(ValueError, match="exact_conditions needs"):
            PSDistillConfig(output_dir=str(tmp_path), use_cpu=True, exact_conditions=True, **SMALL | wrong)


# Runs


class Killer(TrainerCallback):
    """Ends the run after a step, as a power cut would."""

    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **_):
        if state.global_step == self.step:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    "options",
    [{"score_tokens_only": True}, {"lora_r": 4, "activation_checkpointing": True}],
    ids=["score tokens", "free text, LoRA"],
)
def test_a_killed_run_ends_at_the_same_weights_bit_for_bit(options, make, tmp_path):
    options = options | {"learning_rate": 3e-3}
    whole = make(tmp_path / "whole", **options)
    whole.train_from_newest()
    for step in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "killed", [Killer(step)], **options).train_from_newest()
        (tmp_path / "killed" / "partial-checkpoint-4").mkdir(exist_ok=True)
    again = make(tmp_path / "killed", **options)
    again.train_from_newest()
    one, other = whole.model.state_dict(), again.model.state_dict()
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    looks = [
        [(r["step"], r["eval_log_loss"]) for r in t.state.log_history if "eval_log_loss" in r] for t in (whole, again)
    ]
    assert looks[0] == looks[1] and [step for step, _ in looks[0]] == [0, 2, 4]
    row = next(row for row in whole.state.log_history if "loss" in row)
    assert {"kl", "parse_rate", "effective_opponents", "reward"} <= set(row)
    assert any("eval_srcc" in row for row in whole.state.log_history)
    if "lora_r" not in options:
        kept = AutoModelForImageTextToText.from_pretrained(whole.save_plain(tmp_path / "plain"), dtype=torch.float32)
        before = load(whole.core.config._name_or_path).state_dict()
        changed = {
            name.split(".")[1] for name, value in kept.state_dict().items() if not torch.equal(value, before[name])
        }
        assert "visual" not in changed


def test_adapters_on_the_vision_tower_are_trained_and_read_by_all_passes(make, features, tmp_path):
    trainer = make(exact_conditions=True, lora_r=4, vision_lora_r=2, max_steps=2, learning_rate=2e-2)
    before = readout_means(trainer)
    np.testing.assert_allclose(before, wanted_means(trainer, features), atol=1e-4)
    trainer.train_from_newest()
    moved = {name for name, p in trainer.model.named_parameters() if "visual" in name and "lora_B" in name and p.any()}
    assert {"qkv", "proj", "linear_fc1", "linear_fc2"} == {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in moved}
    said = readout_means(trainer)
    assert np.abs(said - before).max() > 1e-3
    kept = load(trainer.save_plain(tmp_path / "plain"))
    seen = Judge(kept.eval(), PROCESSOR, DIMENSIONS)
    rated = seen.rate(seen.features(trainer.images))
    np.testing.assert_allclose((np.exp(rated) * np.arange(10)).sum(-1), said, atol=1e-4)


def wanted_means(trainer, features):
    by_hash = {f.sha256: f for f in features}
    judge = Judge(trainer.core, PROCESSOR, DIMENSIONS)
    return (np.exp(judge.rate([by_hash[name] for name in trainer.table.images])) * np.arange(10)).sum(-1)


def test_answers_that_are_not_finite_stop_the_run_before_a_step(make, tmp_path):
    trainer = make(exact_conditions=True, eval_on_start=False)
    trainer.core.model.language_model.norm.weight.data[0] = torch.nan
    with pytest.raises(InputFault, match="step 1: .*not finite"):
        trainer.train_from_newest()
    assert not list((tmp_path / "run").glob("checkpoint*"))


def test_it_learns_the_order_of_the_judgments(make):
    trainer = make(
        exact_conditions=True, max_steps=16, eval_steps=8, save_steps=8, learning_rate=5e-3, held_out_fraction=0.4
    )
    trainer.train_from_newest()
    looks = [row["eval_log_loss"] for row in trainer.state.log_history if "eval_log_loss" in row]
    assert min(looks) < looks[0] - 0.01


def test_a_reference_that_is_not_the_given_model_is_refused(start, images, features, scores, tmp_path):
    model = load(start)
    shift(model)
    args = PSDistillConfig(output_dir=str(tmp_path), use_cpu=True, seed=5, **SMALL)
    with pytest.raises(InputFault, match="not the model that was given"):
        PSDistillTrainer(model, args, PROCESSOR, images, scores, features=features)


def test_an_image_that_is_missing_is_named(start, images, features, scores, tmp_path):
    args = PSDistillConfig(output_dir=str(tmp_path), use_cpu=True, seed=5, **SMALL)
    with pytest.raises(InputFault, match="1 of the 28 images"):
        PSDistillTrainer(load(start), args, PROCESSOR, images[1:], scores, features=features)


# The configuration


def test_config_refuses_what_makes_no_sense(tmp_path):
    for wrong, word in (
        ({"max_steps": -1}, "max_steps"),
        ({"held_out_fraction": 1.0}, "held_out_fraction"),
        ({"beta": -1}, "beta"),
        ({"opponent_moments": "median"}, "opponent_moments"),
        ({"think_first": True, "score_tokens_only": True}, "think_first"),
        ({"score_tokens_only": True, "mask_truncated_completions": True}, "mask_truncated"),
        ({"sync_ref_model": True}, "sync_ref_model"),
        ({"block_size": 5}, "block_size"),
        ({"steps_per_generation": 8}, "between two generations"),
    ):
        with pytest.raises(ValueError, match=word):
            PSDistillConfig(
                output_dir=str(tmp_path), use_cpu=True, **SMALL | {"save_steps": 3, "eval_steps": 3} | wrong
            )


def test_config_says_of_every_field_what_it_does():
    mine = {f.name: f for f in dataclasses.fields(PSDistillConfig) if f.name in PSDistillConfig.__annotations__}
    for name, field in mine.items():
        assert field.metadata.get("help"), name
        assert name in PSDistillConfig.__doc__, name


def test_it_is_trls_trainer_and_overrides_only_what_it_says():
    assert issubclass(PSDistillTrainer, GRPOTrainer) and issubclass(PSDistillConfig, GRPOConfig)
    own = {name for name in vars(PSDistillTrainer) if hasattr(GRPOTrainer, name) and not name.startswith("__")}
    assert own - {"_tag_names", "_name"} == {
        "_get_train_sampler",
        "_calculate_rewards",
        "_generate_and_score_completions",
        "_get_per_token_logps_and_entropies",
    }
    for name in own - {"_tag_names", "_name"}:
        assert f"`{name}`" in PSDistillTrainer.__doc__, name


# The command


def test_distill_with_the_sampled_estimator_writes_a_scorer_and_says_so(tmp_path):
    from ppaint.cli.main import main

    build_tiny_model(PROCESSOR, seed=2, hidden_size=32, text_layers=1, vision_layers=2).save_pretrained(tmp_path / "m")
    PROCESSOR.save_pretrained(tmp_path / "m")
    (tmp_path / "images").mkdir()
    for i in range(20):
        rng = np.random.default_rng(i)
        grey = np.clip(rng.uniform(20, 235) + rng.normal(0, 15, (64, 96, 3)), 0, 255)
        Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "images" / f"{i:02d}.png")

    def run(*words):
        with pytest.raises(SystemExit) as ending:
            main([str(word) for word in words])
        return int(ending.value.code or 0)

    asked = [word for name in DIMENSIONS for word in ("--dimension", name)]
    places = ("--images", tmp_path / "images", "--out", tmp_path / "judged", "--model", tmp_path / "m")
    assert run("judge", *asked, *places, "--opponents", 6) == 0
    assert run("pseudo-label", "--judgments", tmp_path / "judged", "--out", tmp_path / "labels") == 0
    inputs = [f"model={tmp_path / 'm'}", f"images={tmp_path / 'images'}", f"pseudo_labels={tmp_path / 'labels'}"]
    config = Path(trainer_room.__file__).parent / "configs" / "tiny_cpu_sampled.yaml"
    small = ["max_steps=2", "num_generations=4", "per_device_train_batch_size=32", "gradient_accumulation_steps=1"]
    words = ["distill", "--estimator", "sampled", "--config", config, *inputs, f"out={tmp_path / 'out'}", *small]
    assert run(*words, "objective=policy") == 2  # a field of the exact trainer
    assert not (tmp_path / "out").exists()
    assert run(*words) == 0
    scorer = AestheticScorer.from_pretrained(tmp_path / "out/scorer", device="cpu")
    assert scorer.config.training["trainer"] == "PSDistillTrainer"
    assert np.isfinite(scorer.score([tmp_path / "images/00.png"]).mean).all()
    card = (tmp_path / "out/scorer/README.md").read_text()
    assert "4 sampled completions per image" in card and "exact expectation" not in card
