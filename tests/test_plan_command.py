"""`ppaint plan` says what a run will need before a weight is there, and its estimates hold on the tiny model."""

from __future__ import annotations

import json
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from known_judge import KnownJudge, features_of, known_images
from one_command import runner_of
from PIL import Image
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from ppaint.cli.plan import plan
from ppaint.images import InputFault
from ppaint.model_card import Prompts, vision_features
from ppaint.model_card.last_layer import answers_alone
from ppaint.model_card.readout import ScoreReadout
from ppaint.model_card.shared_prefix import pack
from ppaint.trainer import Judging, JudgmentStore, PSDistillConfig, PSDistillTrainer
from ppaint.trainer.cost.activation_memory import count_activations, saved_bytes
from ppaint.trainer.cost.flop_count import image_grid
from ppaint.trainer.cost.model_shapes import CONFIGS
from ppaint.trainer.cost.run_plan import HEADROOM, RunSize, training_activations, unordered_pairs
from ppaint.trainer.cost.sampled_plan import generation_bytes, sampled_stages
from ppaint.trainer.cost.task_cost import TaskCosts, with_gradients
from ppaint.trainer.pseudo_scores.schedule import Schedule, follow_schedule
from ppaint.trainer.tiny_judge import WEIGHTS
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("composition", "overall")
TINY = CONFIGS / "tiny_cpu.yaml"
SAMPLED = CONFIGS / "tiny_cpu_sampled.yaml"
BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
# TRL and peft ask transformers 5 for activation checkpointing under names that it is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing.*` is deprecated:FutureWarning")

run = runner_of(plan)


def planned(tmp_path, *arguments: object) -> dict:
    run(*arguments, "--json", tmp_path / "plan.json")
    return json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))


def fault(*arguments: object):
    with pytest.raises(InputFault) as caught:
        run(*arguments)
    (only,) = caught.value.faults
    assert only.fix
    return only


def test_the_tiny_run_is_planned_from_its_folder_without_its_weights(tmp_path):
    folder = tmp_path / "judge"
    folder.mkdir()
    for file in Path(WEIGHTS).iterdir():
        if file.suffix != ".safetensors":
            (folder / file.name).write_bytes(file.read_bytes())
    said = planned(tmp_path, "--model", folder, "--config", TINY, "--cpu", "--images", 60, "--tflops", 0.05)
    assert said["parameters"] == pytest.approx(2.2e6, rel=0.3)
    assert said["memory_total"] == sum(said["memory"].values()) and all(v > 0 for v in said["memory"].values())
    assert said["judgments"] == 5 * said["ordered_pairs"]
    assert said["flops"] == sum(stage["flops"] for stage in said["stages"])
    assert said["hours"] == pytest.approx(said["flops"] / 0.05e12 / 3600)


@pytest.fixture(scope="module")
def lora_at_8b() -> str:
    config = CONFIGS / "qwen3_vl_8b_lora_one_gpu.yaml"
    return run(
        *("--model", "Qwen3-VL-8B", "--config", config, "--accelerate", CONFIGS / "accelerate_one_gpu.yaml"),
        *("--images", 500, "--tflops", 400, "--memory-gb", 80),
    )


def test_adapters_at_8b_fit_on_one_gpu_of_80_gb(lora_at_8b):
    for line in ("8,767.1 million parameters, 43.6 million trained; one device", "fits in 80 GB", "hours at 400 TFLOP"):
        assert line in lora_at_8b
    for kind in ("weights", "gradients", "optimizer", "activations"):
        assert f"\n  {kind} " in lora_at_8b
    assert "256 tokens; a rating 310 positions, an ordered pair 588" in lora_at_8b


def test_all_weights_at_8b_fit_on_eight():
    said = run(
        *("--model", "qwen3-vl-8b", "--config", CONFIGS / "qwen3_vl_8b_full_fsdp2_eight_gpus.yaml"),
        *("--accelerate", CONFIGS / "accelerate_fsdp2_eight_gpus.yaml", "--memory-gb", 80),
    )
    assert "8,190.7 million trained; 8 devices" in said and "\n  fits in 80 GB" in said


def test_what_does_not_fit_is_said_with_what_would_help():
    said = run("--config", TINY, "--memory-gb", 0.01)
    assert "does NOT fit in 0.01 GB: most of it is activations; lower per_device_train_batch_size" in said


def test_shards_divide_what_is_trained_and_devices_divide_the_training(tmp_path):
    alone = planned(tmp_path, "--config", TINY, "--tflops", 1)
    file = CONFIGS / "accelerate_fsdp2_eight_gpus.yaml"
    eight = planned(tmp_path, "--config", TINY, "--tflops", 1, "--accelerate", file, "per_device_train_batch_size=4")
    for kind in ("weights", "gradients", "optimizer"):
        assert eight["memory"][kind] == pytest.approx(alone["memory"][kind] / 8, abs=1)
    assert eight["memory"]["judge's weights"] == alone["memory"]["judge's weights"]
    assert eight["flops"] == alone["flops"] and alone["hours"] / 8 < eight["hours"] < alone["hours"]


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("qwen3_vl_8b_*gpu*.yaml")))
def test_the_8b_configurations_are_read_by_distill(name):
    from ppaint.trainer.estimator import Estimator
    from ppaint.trainer.training_config import read_config

    estimator = Estimator.sampled if "sampled" in name else Estimator.exact
    _, options = read_config(CONFIGS / name, ["images=a", "pseudo_labels=b", "out=c"], estimator)
    said = yaml.safe_load((CONFIGS / name).read_text(encoding="utf-8"))
    assert options == said
    if estimator is Estimator.exact:
        assert options["block_size"] == 32  # a step's images are one block, whatever the number of devices


def test_the_sampled_trainer_at_8b_is_planned_and_fits_on_one_gpu_of_80_gb():
    said = run(
        *("--estimator", "sampled", "--model", "qwen3-vl-8b", "--accelerate", CONFIGS / "accelerate_one_gpu.yaml"),
        *("--config", CONFIGS / "qwen3_vl_8b_lora_sampled_one_gpu.yaml", "--tflops", 400, "--memory-gb", 80),
    )
    for line in (
        "150 generations of 16 questions, 8 completions each: 19,200 completions of at most 64 tokens",
        "fits in 80 GB",
        "distill: generation, 8 completions per question, up to 64 tokens",
        "distill: reference policy on them",
        "hours at 400 TFLOP",
    ):
        assert line in said
    assert "reference policy's weights" not in said  # adapters are switched off instead


def test_two_devices_sample_as_much_as_one_with_twice_the_rows(tmp_path):
    launch = tmp_path / "accelerate.yaml"
    launch.write_text("num_processes: 2\n", encoding="utf-8")
    common = ("--estimator", "sampled", "--config", SAMPLED, "--images", 40, "--tflops", 1)
    alone = planned(tmp_path, *common)
    two = planned(tmp_path, *common, "--accelerate", launch, "per_device_train_batch_size=32")
    for same in ("generations", "flops", "forward_passes"):
        assert two[same] == alone[same]
    assert two["memory"]["activations"] == pytest.approx(alone["memory"]["activations"] / 2, rel=0.02)
    assert alone["hours"] / 2 < two["hours"] < alone["hours"]


def test_what_only_some_sampled_runs_do_is_planned_for_those(tmp_path):
    options = ("--estimator", "sampled", "--config", SAMPLED, "--images", 40, "exact_conditions=false")

    def stages(*more: str) -> dict[str, int]:
        return {s["name"]: s["passes"] for s in planned(tmp_path, *options, *more)["stages"]}

    usual, freed = stages(), stages("beta=0", "num_iterations=2")
    assert "distill: reference policy on them" in usual and "distill: reference policy on them" not in freed
    assert "distill: policy that sampled on them" in freed and "distill: policy that sampled on them" not in usual
    training = "distill: training, forward and backward"
    assert usual[training] == freed[training]  # half the completions, each used twice


def test_settings_of_the_other_estimator_are_refused_by_name():
    assert fault("--config", TINY, "num_generations=8").row == "num_generations"
    assert fault("--estimator", "sampled", "--config", TINY).row == "objective"


@pytest.mark.parametrize("estimator", ["exact", "sampled"])
def test_a_trained_vision_tower_is_not_planned_and_said(estimator):
    config = SAMPLED if estimator == "sampled" else TINY
    found = fault("--estimator", estimator, "--config", config, "lora_r=4", "vision_lora_r=2")
    assert found.row == "vision_lora_r"


def test_bfloat16_may_be_asked_for_on_a_machine_without_a_gpu(tmp_path):
    plain = planned(tmp_path, "--config", TINY, "--images", 40)
    mixed = planned(tmp_path, "--config", TINY, "--images", 40, "bf16=true")
    assert mixed["memory"]["activations"] < plain["memory"]["activations"]
    assert {k: v for k, v in mixed["memory"].items() if k != "activations"} == {
        k: v for k, v in plain["memory"].items() if k != "activations"
    }


@pytest.mark.parametrize(("n", "pool", "games"), [(40, 8, 4), (60, 20, 6)])
def test_judgments_asked_are_those_that_were_planned(n, pool, games, tmp_path):
    images = known_images(n)
    judge = KnownJudge(images, noise=0.3)
    with JudgmentStore(tmp_path, judge.fingerprint, judge.dimensions) as store:
        working = Judging(store, judge, features_of(images))
        follow_schedule(working, list(images), Schedule(pool, games))
        asked = len(set(judge.asked))
    assert asked == 2 * unordered_pairs(n, pool, games)


class LiveBytes(TorchDispatchMode):
    """The peak of all tensors' bytes that are alive at once, weights and their gradients left out."""

    def __init__(self, known) -> None:
        super().__init__()
        self.known = {tensor.untyped_storage()._cdata for tensor in known}
        self.live: dict[int, int] = {}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._born(tensor.untyped_storage())
        return out

    def _born(self, storage) -> None:
        key = storage._cdata
        if key not in self.known and key not in self.live:
            self.live[key] = storage.nbytes()
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self.live.pop(key, 0)


def training_pass(lora_r: int, *, checkpointing: bool = False, layers: int = 3):
    """A tiny model as it is trained, a call that gives its log-probabilities, and the counted activations."""
    processor = build_processor(DIMENSIONS)
    model = build_tiny_model(processor, text_layers=layers)
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 255, (200, 160, 3), dtype=np.uint8)) for _ in range(4)]
    features = vision_features(model, processor, images)
    readout = ScoreReadout(processor, Prompts(), DIMENSIONS)
    trained = with_gradients(model, lora_r).train()
    if checkpointing:
        model.gradient_checkpointing_enable()
    inputs = pack(model, readout.questionnaire, [(image,) for image in features])
    inputs |= answers_alone(model, inputs["logits_to_keep"])

    def log_probabilities():
        logits = trained(**inputs, use_cache=False).logits.float()
        return logits.log_softmax(-1)[..., readout.tokens].logsumexp(-1)

    counted = (model.config, inputs["input_ids"].shape[1], len(DIMENSIONS), len(images))
    return trained, log_probabilities, lambda **said: count_activations(*counted, lora_r=lora_r, **said)


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
@pytest.mark.parametrize("lora_r", [0, 4])
def test_activations_counted_on_shapes_are_what_autograd_keeps(lora_r, autocast):
    trained, log_probabilities, count = training_pass(lora_r)
    with saved_bytes(trained) as saved, torch.autocast("cpu", torch.bfloat16, enabled=autocast is not None):
        log_probabilities()
    assert count(autocast=autocast).kept() == pytest.approx(saved.total, rel=0.01)


@pytest.mark.parametrize("lora_r", [0, 4])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_peak_of_a_training_pass_is_within_the_headroom(lora_r, checkpointing, recwarn):
    trained, log_probabilities, count = training_pass(lora_r, checkpointing=checkpointing, layers=8)
    for parameter in trained.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    gradients = [p.grad for p in trained.parameters() if p.grad is not None]
    with LiveBytes([*trained.parameters(), *trained.buffers(), *gradients]) as live:
        log_probabilities().sum().backward()
    assert 1 < live.peak / count().kept(checkpointing=checkpointing) <= HEADROOM


class SampledStep:
    """One real step of the sampled trainer with the tiny judge, and the plan's counts of it."""

    def __init__(self, lora_r: int, folder: Path) -> None:
        from gpu_setting import Device, Setting

        setting = Setting(Device("cpu"), DIMENSIONS, tiny=True)
        images = setting.images(8, 96)
        self.args = PSDistillConfig(
            output_dir=str(folder),
            use_cpu=True,
            lora_r=lora_r,
            num_generations=4,
            per_device_train_batch_size=16,
            gradient_accumulation_steps=2,
            max_completion_length=10,
            generation_kwargs={"min_new_tokens": 10},
            activation_checkpointing=False,
            max_steps=1,
            held_out_fraction=0,
            save_strategy="no",
            report_to=[],
        )
        setting.model.config._name_or_path = str(WEIGHTS)
        scores = setting.scores(images)
        self.trainer = PSDistillTrainer(setting.model, self.args, setting.processor, images, scores)
        self.costs = TaskCosts(
            setting.shapes, image_grid(setting.shapes.config, 96, 96, setting.shapes.pixels), lora_r=lora_r
        )
        size = RunSize(images=8, width=96, height=96, gpu=False)
        self.counted = training_activations(setting.shapes, self.costs.visual, self.args, size).kept()
        self.kept, self.peak = [], 0
        self._passes, self._sample = self.trainer._get_per_token_logps_and_entropies, self.trainer._generate_single_turn

    def measure_memory(self) -> None:
        """Train with the bytes of each training pass and of the generation noted."""
        model = self.trainer.model

        def passes(*args, **kwargs):
            with saved_bytes(model) as saved:
                out = self._passes(*args, **kwargs)
            self.kept.append(saved.total)  # 0 without gradient
            return out

        def sample(*args, **kwargs):
            with LiveBytes([*model.parameters(), *model.buffers()]) as live:
                out = self._sample(*args, **kwargs)
            self.peak = live.peak
            return out

        self.trainer._get_per_token_logps_and_entropies, self.trainer._generate_single_turn = passes, sample
        self.trainer.train()


@pytest.fixture
def sampled_step(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return lambda lora_r: SampledStep(lora_r, tmp_path)


def test_flops_planned_for_the_sampled_trainer_are_those_of_a_real_step(sampled_step):
    step = sampled_step(4)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        step.trainer.train()
    stages = sampled_stages(step.costs, step.args, recomputed=False)
    assert counter.get_total_flops() == pytest.approx(sum(flops for _, _, flops in stages), rel=0.02)


@pytest.mark.parametrize("lora_r", [0, 4])
def test_memory_planned_for_the_sampled_trainer_is_that_of_a_real_step(lora_r, sampled_step):
    step = sampled_step(lora_r)
    step.measure_memory()
    assert step.counted == pytest.approx(max(step.kept), rel=0.1)
    assert 0.8 < step.peak / generation_bytes(step.costs, step.args, 1, 4) < HEADROOM


def test_an_unknown_model_is_one_fault():
    found = fault("--model", "qwen9-vl", "--config", TINY)
    assert found.file == "qwen9-vl" and "qwen3-vl-8b" in found.fix


@pytest.mark.parametrize(
    ("content", "field"), [(None, "config.json"), ("{", ""), ('{"model_type": "llama"}', "model_type")]
)
def test_a_folder_that_is_no_qwen3_vl_is_one_fault(content, field, tmp_path):
    if content is not None:
        (tmp_path / "config.json").write_text(content, encoding="utf-8")
    found = fault("--model", tmp_path, "--config", TINY)
    assert str(tmp_path) in found.file and found.row == field


def test_a_folder_without_a_processor_is_one_fault(tmp_path):
    (tmp_path / "config.json").write_bytes((Path(WEIGHTS) / "config.json").read_bytes())
    assert fault("--model", tmp_path, "--config", TINY).row == "processor"


@pytest.mark.parametrize(
    ("content", "field", "what"),
    [
        ("lora_rank: 8\n", "lora_rank", "no such setting"),
        ("objective: best\n", "objective", "objective must be one of"),
        ("a: [\n", "", "not readable as YAML"),
        ('a: "\\UFFFFFFFF"\n', "", "not readable as YAML"),
    ],
)
def test_a_bad_configuration_is_one_fault_that_names_the_field(content, field, what, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(content, encoding="utf-8")
    found = fault("--config", path)
    assert found.file == str(path) and found.row == field and what in found.what


def test_a_file_that_is_not_there_is_one_fault(tmp_path):
    assert fault("--config", tmp_path / "none.yaml").what == "there is no such file"
    assert fault("--config", TINY, "--accelerate", tmp_path / "none.yaml").row == "--accelerate"
    assert "--json" in fault("--config", TINY, "--json", tmp_path / "none" / "plan.json").fix


def test_an_accelerate_file_without_processes_is_one_fault(tmp_path):
    path = tmp_path / "accelerate.yaml"
    path.write_text("num_processes: many\n", encoding="utf-8")
    assert fault("--config", TINY, "--accelerate", path).row == "num_processes"
    for text in ("a: !!bool x\n", "a: !!int x\n", "[" * 3000):
        path.write_text(text, encoding="utf-8")
        assert "not readable as YAML" in fault("--config", TINY, "--accelerate", path).what


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--image-px", "big"),
        ("--image-px", "0"),
        ("--image-px", "1x2x3"),
        ("--image-px", "9" * 5000),
        ("--tflops", 0),
        ("--memory-gb", "nan"),
    ],
)
def test_numbers_that_make_no_sense_are_one_fault(option, value):
    assert fault("--config", TINY, option, value).file == option
