"""Several processes, or several passes, make the step that one process makes in one pass: opponents come from all of them."""

import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_architectures
import torch
import torch.distributed as dist
import yaml
from accelerate.state import DistributedType, PartialState
from known_judge import KnownJudge
from PIL import Image
from shifted import shift
from torch.distributed.tensor import DTensor
from transformers import AutoModelForImageTextToText, TrainerCallback

import ppaint.trainer as trainer_room
from ppaint.foundation.faults import InputFault
from ppaint.images import open_image
from ppaint.model_card import Judge
from ppaint.trainer import (
    Judging,
    JudgmentStore,
    PSDistillExactConfig,
    PSDistillExactTrainer,
    build_pool,
    rate_images,
)
from ppaint.trainer.psdistill_exact_config import OBJECTIVES
from ppaint.trainer.psdistill_exact_trainer import GlobalBatch
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

CONFIGS = Path(trainer_room.__file__).parent / "configs"
DIMENSIONS = ("brushwork", "overall")
PROCESSOR = build_processor(DIMENSIONS)
WITH_OPPONENTS = ("policy", "fidelity", "judgments")
# name -> images per pass on each process, passes; a step is always of 24 images, blocks of 8 of two categories in turn
WHOLE, TWO_PASSES, TWO_PROCESSES, TWO_OF_BOTH = (24, 1), (12, 2), (12, 1), (6, 2)


class KeepGradient(TrainerCallback):
    """Keeps what the optimiser is given: after the processes and the passes were averaged."""

    gradient = None

    def on_pre_optimizer_step(self, args, state, control, model=None, **_):
        grads = [unsharded(p.grad) for p in model.parameters() if p.grad is not None]
        self.gradient = torch.cat([grad.flatten() for grad in grads]).double()


def unsharded(tensor):
    """A tensor, or all of a sharded one."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


class LocalOpponents(PSDistillExactTrainer):
    """The wrong version: every pass ranks its own images among themselves, and the averages that follow do the rest."""

    def _with_own_gradients(self, places, mean, variance):
        return GlobalBatch(places, mean, variance, torch.arange(len(places)))

    def compute_loss(self, *given, **named):
        parts = self.accelerator.num_processes * self.current_gradient_accumulation_steps
        return super().compute_loss(*given, **named) / parts


def load(folder):
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)


def processor_of(material):
    """Of the model that is in the material: Qwen3-VL's, or another architecture's."""
    return tiny_architectures.build_processor(material["kind"]) if "kind" in material else PROCESSOR


def exact_step(material, folder, objective, batch, passes, kind=PSDistillExactTrainer, sharded=False, **options):
    """The gradient of the first step of the exact trainer; the reference policy is another model, so the KL has one too."""
    args = PSDistillExactConfig(
        output_dir=str(folder), use_cpu=True, seed=5, objective=objective, beta=0.05, block_size=8, max_steps=1,
        per_device_train_batch_size=batch, gradient_accumulation_steps=passes, max_grad_norm=0.0,
        held_out_fraction=0.0, save_strategy="no", report_to=[], **options,
    )  # fmt: skip
    if sharded:
        as_accelerators()
    keep = KeepGradient()
    model = load(material["start"])
    trainer = kind(model, args, processor_of(material), material["features"], material["scores"], callbacks=[keep])
    shift(model)
    trainer.train()
    return keep.gradient


def as_accelerators():
    """Accelerate shards over accelerators only; over CPUs it runs DDP, and says nothing. So it is told that it has some.

    All that follows is its own FSDP2 (and torch's, over gloo).
    """
    PartialState().distributed_type = DistributedType.MULTI_GPU


def sampled_step(material, folder, batch, passes, local=False):
    """The gradient of a step of 16 images of the sampled trainer, on completions that depend on the prompt alone."""
    from ppaint.trainer import PSDistillConfig, PSDistillTrainer

    args = PSDistillConfig(
        output_dir=str(folder), use_cpu=True, seed=5, exact_conditions=True, beta=0.05, block_size=16, max_steps=1,
        per_device_train_batch_size=batch, gradient_accumulation_steps=passes, num_generations=4, max_grad_norm=0.0,
        held_out_fraction=0.0, save_strategy="no", report_to=[], activation_checkpointing=False,
    )  # fmt: skip
    keep, images = KeepGradient(), material["images"]
    trainer = PSDistillTrainer(
        load(material["start"]), args, PROCESSOR, images, material["scores"], features=material["features"],
        callbacks=[keep],
    )  # fmt: skip
    tokens = trainer.readout.tokens.tolist()
    trainer._generate_single_turn = lambda ids, *_: (
        [[tokens[(sum(p) + 3 * (k % 4)) % 10]] for k, p in enumerate(ids)],
        None,
    )
    if local:
        honest = trainer._rank

        def rank_in_halves(*of_all):
            halves = [honest(*(x.chunk(2)[h] for x in of_all)) for h in (0, 1)]
            return torch.cat([reward for reward, _ in halves]), halves[0][1]

        trainer._rank = rank_in_halves
    trainer.train()
    return keep.gradient


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """Two categories of twenty-four images, judged by one who knows; confidences from 0.2 to 1."""
    folder = tmp_path_factory.mktemp("material")
    images = []
    for i in range(48):
        rng = np.random.default_rng(i)
        size = (64, 128) if i % 12 == 0 else ((64, 96), (96, 64), (96, 96))[i % 3]
        grey = np.clip(rng.uniform(20, 235) + rng.normal(0, 12, (*size, 3)), 0, 255)
        images.append(open_image(Image.fromarray(grey.astype(np.uint8))))
    build_tiny_model(PROCESSOR, seed=1, hidden_size=32, text_layers=1, vision_layers=2).save_pretrained(folder / "m")
    features = Judge(load(folder / "m"), PROCESSOR, DIMENSIONS).features(images)
    scores = [judged(features[half], folder / f"judged-{k}", k) for k, half in enumerate((slice(24), slice(24, 48)))]
    whole = {"images": images, "features": features, "scores": scores, "start": str(folder / "m")}
    return whole | {"other": by_its_own_processor(whole, folder)}


def by_its_own_processor(material, folder):
    """The same with another model, asked by its own processor: a pass for each shape of image, so that processes make
    different numbers of them."""
    kind = "qwen2_5_vl"
    processor = tiny_architectures.build_processor(kind)
    model = tiny_architectures.build_model(kind, processor)
    model.save_pretrained(folder / "other")
    features = Judge(model, processor, DIMENSIONS).features(material["images"])
    return material | {"features": features, "start": str(folder / "other"), "kind": kind}


def judged(features, folder, seed):
    rng = np.random.default_rng([seed, 7])
    worths = {f.sha256: rng.normal(0, 1.5, 2) for f in features}
    judge = KnownJudge(worths, dimensions=DIMENSIONS, batch_size=64)
    with JudgmentStore(folder, judge.fingerprint, DIMENSIONS) as store:
        judging = Judging(store, judge, features)
        scores = rate_images(judging, build_pool(judging, list(worths), size=12), list(worths), games=8)
    return dataclasses.replace(scores, confidence=rng.uniform(0.2, 1, scores.confidence.shape))


# What torchrun does, without its twice ten seconds of imports: one process imports, and two are made of it.
TWO_OF_ONE = """
import gc, os, sys
gc.disable()  # while libraries are imported, as conftest.py does
from test_several_processes import as_one_of_two

gc.enable()
gc.freeze()
made = []
for rank in ("0", "1"):
    made.append(os.fork())
    if not made[-1]:
        os.environ |= {"RANK": rank, "LOCAL_RANK": rank}
        as_one_of_two(sys.argv[1])
        sys.stdout.flush()
        os._exit(0)
sys.exit(any(os.waitpid(each, 0)[1] for each in made))
"""


def as_one_of_two(folder):
    """What each of two processes does: all that the tests compare, for a start of two processes takes long."""
    material = torch.load(f"{folder}/material.pt", weights_only=False)
    found = {"sampled": sampled_step(material, f"{folder}/sampled", 32, 1)}
    for objective in OBJECTIVES:
        for way in (TWO_PROCESSES, TWO_OF_BOTH):
            found[objective, way] = exact_step(material, f"{folder}/{objective}-{way[1]}", objective, *way)
    found["drawn answers"] = exact_step(material, f"{folder}/drawn", "policy", *TWO_OF_BOTH, sampled_answers=4)
    for objective in WITH_OPPONENTS:
        found[objective, "local"] = exact_step(
            material, f"{folder}/{objective}-local", objective, *TWO_PROCESSES, kind=LocalOpponents
        )
    for objective in ("policy", "fidelity"):
        for way in (TWO_PROCESSES, TWO_OF_BOTH):
            where = f"{folder}/{objective}-other-{way[1]}"
            found[objective, "other", way] = exact_step(material["other"], where, objective, *way)
    said = sharded_runs(material, folder, found)
    torch.save(
        {"world": dist.get_world_size(), "gradients": found, "said": said}, f"{folder}/process-{dist.get_rank()}.pt"
    )


@pytest.fixture(scope="module")
def both(material, tmp_path_factory):
    """The folder of two processes, and what they found; both found the same."""
    folder = tmp_path_factory.mktemp("two")
    torch.save(material, folder / "material.pt")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    here |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    words = [sys.executable, "-c", TWO_OF_ONE, str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, env=here, timeout=400)
    assert done.returncode == 0, done.stderr[-6000:]
    first, second = (torch.load(folder / f"process-{k}.pt") for k in (0, 1))
    assert first["world"] == second["world"] == 2
    assert all(torch.equal(first["gradients"][name], second["gradients"][name]) for name in first["gradients"])
    return folder, first


@pytest.fixture(scope="module")
def two(both):
    """The gradients that two processes have, by what they did."""
    return both[1]["gradients"]


def difference(one, other):
    return float((other - one).norm() / one.norm())


@pytest.fixture(scope="module")
def whole(material, tmp_path_factory):
    """The gradient of each objective in one process and one pass."""
    folder = tmp_path_factory.mktemp("whole")
    return {name: exact_step(material, folder / name, name, *WHOLE) for name in OBJECTIVES}


def test_confidences_are_not_constant(material):
    assert min(scores.confidence.std() for scores in material["scores"]) > 0.15


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_two_processes_have_the_gradient_of_one_with_twice_the_batch(objective, two, whole):
    assert difference(whole[objective], two[objective, TWO_PROCESSES]) < 1e-5


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_two_passes_have_the_gradient_of_one_with_twice_the_batch(objective, material, whole, two, tmp_path):
    assert difference(whole[objective], exact_step(material, tmp_path, objective, *TWO_PASSES)) < 1e-5
    assert difference(whole[objective], two[objective, TWO_OF_BOTH]) < 1e-5


def test_drawn_answers_are_the_same_in_two_processes_and_passes(material, two, whole, tmp_path):
    one = exact_step(material, tmp_path, "policy", *WHOLE, sampled_answers=4)
    assert difference(one, two["drawn answers"]) < 1e-5
    assert difference(one, whole["policy"]) > 1e-2


@pytest.mark.parametrize("objective", ["policy", "fidelity"])
def test_a_model_that_makes_a_pass_for_each_shape_of_image_is_trained_by_two_processes_too(
    objective, material, two, tmp_path
):
    one = exact_step(material["other"], tmp_path, objective, *WHOLE)
    assert difference(one, two[objective, "other", TWO_PROCESSES]) < 1e-5
    assert difference(one, two[objective, "other", TWO_OF_BOTH]) < 1e-5


def test_its_weights_are_not_sharded(both):
    assert "weights sharded over devices" in both[1]["said"]["refused"]


@pytest.mark.parametrize("objective", WITH_OPPONENTS)
def test_with_local_opponents_it_is_another_gradient(objective, two, whole):
    """So the tests above tell apart what they are there to tell apart."""
    assert difference(whole[objective], two[objective, "local"]) > 1e-3


@pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing.*` is deprecated:FutureWarning")
def test_the_sampled_trainer_on_fixed_completions_too(material, two, tmp_path):
    one = sampled_step(material, tmp_path / "one", 64, 1)
    assert difference(one, two["sampled"]) < 1e-5
    assert difference(one, sampled_step(material, tmp_path / "passes", 32, 2)) < 1e-5
    assert difference(one, sampled_step(material, tmp_path / "local", 64, 1, local=True)) > 1e-2


# Sharded weights (FSDP2)


class Killer(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        if state.global_step == 3:
            raise KeyboardInterrupt


def sharded_run(material, folder, callbacks=None, **options):
    """A run of four steps with looks and checkpoints, whose weights are in two processes."""
    args = PSDistillExactConfig(
        output_dir=f"{folder}", use_cpu=True, seed=5, block_size=8, max_steps=4, eval_steps=2, save_steps=2,
        per_device_train_batch_size=8, learning_rate=1e-2, logging_steps=1, report_to=[], **options,
    )  # fmt: skip
    as_accelerators()
    trainer = PSDistillExactTrainer(
        load(material["start"]), args, PROCESSOR, material["features"], material["scores"], callbacks=callbacks,
        images=material["images"],
    )  # fmt: skip
    trainer.train_from_newest()
    return trainer


def sharded_runs(material, folder, found):
    """Add the gradients of sharded weights; what two sharded runs' models say of all images in the end."""
    config = yaml.safe_load((CONFIGS / "accelerate_fsdp2_eight_gpus.yaml").read_text())["fsdp_config"]
    os.environ["ACCELERATE_USE_FSDP"] = "true"  # as `accelerate launch` says it
    os.environ |= {
        name.upper(): str(value).lower() if value in (True, False) else str(value) for name, value in config.items()
    }
    for objective in ("policy", "fidelity"):
        way = f"{folder}/{objective}-sharded"
        found[objective, "sharded"] = exact_step(material, way, objective, *TWO_PROCESSES, sharded=True)
    with pytest.raises(InputFault) as refused:
        exact_step(material["other"], f"{folder}/other-sharded", "policy", *TWO_PROCESSES, sharded=True)
    said = {"refused": str(refused.value)}
    for name, options in {"all weights": {}, "adapters": {"lora_r": 4, "vision_lora_r": 2}}.items():
        trainer = sharded_run(material, f"{folder}/{name}", **options)
        assert all(isinstance(p, DTensor) for p in trainer.model.parameters())
        with torch.no_grad():
            said[name] = trainer._in_chunks(torch.arange(48))
        trainer.save_plain(f"{folder}/{name}/plain")
    try:
        sharded_run(material, f"{folder}/killed", [Killer()])
    except KeyboardInterrupt:
        dist.barrier()
    sharded_run(material, f"{folder}/killed").save_plain(f"{folder}/killed/plain")
    return said


@pytest.mark.parametrize("objective", ["policy", "fidelity"])
def test_sharded_weights_have_the_same_gradient(objective, two, whole):
    assert difference(whole[objective], two[objective, "sharded"]) < 1e-5


@pytest.mark.parametrize("kind", ["all weights", "adapters"])
def test_a_sharded_run_is_saved_as_a_plain_checkpoint_that_says_the_same(kind, both, material):
    folder, found = both
    model = load(folder / kind / "plain").eval()
    judge = Judge(model, PROCESSOR, DIMENSIONS)
    rated = judge.rate(judge.features(material["images"]))
    np.testing.assert_allclose(rated.transpose(1, 0, 2), found["said"][kind], atol=1e-4)
    start = Judge(load(material["start"]), PROCESSOR, DIMENSIONS).rate(material["features"])
    assert np.abs(rated - start).max() > 0.05  # a trained step was kept, so there was something to merge
    assert model.config.architectures == ["Qwen3VLForConditionalGeneration"]


def test_a_killed_sharded_run_ends_at_the_same_weights(both):
    folder, _ = both
    one, other = (load(folder / name / "plain").state_dict() for name in ("all weights", "killed"))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
