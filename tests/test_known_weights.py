"""The tiny judge is told by its weights, however it is reached."""

import shutil

import pytest
import torch

from ppaint.model_card.judge import Judge
from ppaint.model_card.loading import load_model, weights_hash
from ppaint.trainer.tiny_judge import TRAINING, TWIN_WEIGHTS, WEIGHTS
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model
from ppaint.trainer.tiny_judge.known_weights import (
    JUDGE,
    KNOWN,
    TWIN,
    induced_bias,
    known_base,
    settings_sentence,
    simulated_because,
    tiny_judge_in,
    tiny_judge_name,
    training_settings,
    values_hash,
)


@pytest.mark.parametrize("folder, name", [(WEIGHTS, JUDGE), (TWIN_WEIGHTS, TWIN)])
def test_the_hashes_are_those_of_the_weights_that_ship(folder, name):
    model, _ = load_model(folder, device="cpu")
    assert KNOWN[values_hash(model)] == name == tiny_judge_name(model) == tiny_judge_in([folder / "model.safetensors"])
    assert known_base(weights_hash(folder, model)) == name
    assert bool(induced_bias(model)) == (name == JUDGE)
    assert training_settings(model) == TRAINING


def test_a_copy_is_known_even_when_it_was_saved_again(tmp_path):
    model, processor = load_model(WEIGHTS, device="cpu")
    model.save_pretrained(tmp_path / "again", max_shard_size="2MB")  # other files, another config, the same tensors
    processor.save_pretrained(tmp_path / "again")
    copy = Judge.from_pretrained(tmp_path / "again", dimensions=("overall",))
    assert "tiny judge" in simulated_because(tmp_path / "again", copy.model)[0]
    assert training_settings(copy.model) == TRAINING
    shards = sorted((tmp_path / "again").glob("*.safetensors"))
    assert len(shards) > 1 and tiny_judge_in(shards) == JUDGE and tiny_judge_in(shards[:1]) is None


def test_a_retrained_one_is_not_it_but_is_trained_like_it(tmp_path):
    shutil.copytree(WEIGHTS, tmp_path / "model")
    model, processor = load_model(tmp_path / "model", device="cpu")
    next(model.parameters()).data[0] += 1.0
    model.save_pretrained(tmp_path / "model")
    assert tiny_judge_name(model) is None
    assert simulated_because(tmp_path / "model", model) == () and training_settings(model) == TRAINING
    assert settings_sentence(model).endswith("a model of 2.2 million parameters: learning_rate 0.001, beta 0.005")


def test_a_large_model_has_the_trainers_own_settings():
    with torch.device("meta"):
        large = torch.nn.Linear(10_000, 2_001)
    assert training_settings(large) == {} and "the trainer's own settings" in settings_sentence(large)


def test_a_model_of_another_size_is_not_it(tmp_path):
    processor = build_processor(("overall",))
    model = build_tiny_model(processor, seed=2, hidden_size=32, text_layers=1, vision_layers=2)
    model.save_pretrained(tmp_path)
    assert tiny_judge_name(model) is None and simulated_because(tmp_path, model) == ()
    assert induced_bias(model) == ""
