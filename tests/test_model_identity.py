"""Two models with other weights never share a fingerprint, in whatever files the weights lie."""

import hashlib
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from ppaint.images import InputFault
from ppaint.model_card.loading import load_model, model_revision, weight_files, weights_hash
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A small model in one safetensors file."""
    folder = tmp_path_factory.mktemp("plain")
    processor = build_processor(("overall",))
    build_tiny_model(processor, seed=2, hidden_size=32, text_layers=1, vision_layers=2).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def laid_out(plain, folder, layout, add=0.0):
    """The same model, its weights in other files; one of them moved by `add`."""
    shutil.copytree(plain, folder)
    tensors = load_file(folder / "model.safetensors")
    first, *others = sorted(tensors)
    tensors[first] = tensors[first] + add
    halves = {"1": {first: tensors[first]}, "2": {name: tensors[name] for name in others}}
    if layout == "safetensors":
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder
    (folder / "model.safetensors").unlink()
    if layout == "bin":
        torch.save(tensors, folder / "pytorch_model.bin")
        return folder
    kind, below = layout.split(" in ")
    (folder / below).mkdir(exist_ok=True)
    where = {}
    for number, part in halves.items():
        name = f"{below}/part-{number}.{kind}"
        save_file(part, folder / name, metadata={"format": "pt"}) if kind == "safetensors" else torch.save(
            part, folder / name
        )
        where |= dict.fromkeys(part, name)
    index = {"safetensors": "model.safetensors.index.json", "bin": "pytorch_model.bin.index.json"}[kind]
    (folder / index).write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return folder


LAYOUTS = ["safetensors", "bin", "safetensors in .", "bin in .", "safetensors in shards", "bin in shards"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_weights_are_another_model(layout, plain, tmp_path):
    one, other = laid_out(plain, tmp_path / "one", layout), laid_out(plain, tmp_path / "other", layout, add=1.0)
    (loaded, _), (moved, _) = load_model(one, device="cpu"), load_model(other, device="cpu")
    assert any(not torch.equal(a, b) for a, b in zip(loaded.parameters(), moved.parameters(), strict=True))
    assert model_revision(one, loaded) != model_revision(other, moved)
    assert weights_hash(one, loaded) == weights_hash(plain, None) != weights_hash(other, moved)


def test_the_fingerprint_of_a_folder_of_safetensors_is_that_of_older_versions(plain):
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors"):
        digest.update(name.encode() + hashlib.sha256((plain / name).read_bytes()).digest())
    assert model_revision(plain, None) == f"sha256:{digest.hexdigest()}"


def test_pytorch_files_beside_safetensors_are_not_loaded_and_do_not_count(plain, tmp_path):
    folder = laid_out(plain, tmp_path / "both", "safetensors")
    before = model_revision(folder, None)
    for name in ("training_args.bin", "pytorch_model.bin", "optimizer.bin"):
        torch.save({"a": torch.zeros(1)}, folder / name)
    assert model_revision(folder, None) == before and [file.name for file in weight_files(folder)] == [
        "model.safetensors"
    ]


def test_a_folder_of_adapters_is_no_model(plain, tmp_path):
    folder = laid_out(plain, tmp_path / "adapted", "safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(plain)}))
    with pytest.raises(InputFault, match="holds adapters, not a whole model"):
        load_model(folder, device="cpu")
