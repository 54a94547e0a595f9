"""A model that cannot judge is refused with one clear fault, before anything is written."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ppaint.cli.main import main
from ppaint.images import InputFault
from ppaint.model_card import Judge, Prompts
from ppaint.model_card.loading import load_model
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

NORM = "model.language_model.norm.weight"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A folder with a sound small model and fourteen images."""
    folder = tmp_path_factory.mktemp("sound")
    processor = build_processor(("overall",))
    build_tiny_model(processor, seed=2, hidden_size=32, text_layers=1, vision_layers=2).save_pretrained(
        folder / "model"
    )
    processor.save_pretrained(folder / "model")
    (folder / "images").mkdir()
    for i in range(14):
        pixels = np.random.default_rng(i).integers(0, 256, (64, 96, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{i:02d}.png")
    return folder


@pytest.fixture
def model(sound, tmp_path):
    """A copy of the model, to damage."""
    shutil.copytree(sound / "model", tmp_path / "model")
    return tmp_path / "model"


def edit_json(path: Path, change) -> None:
    said = json.loads(path.read_text(encoding="utf-8"))
    change(said)
    path.write_text(json.dumps(said), encoding="utf-8")


def edit_weights(model: Path, change) -> None:
    weights = load_file(model / "model.safetensors")
    change(weights)
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})


def edit_template(model: Path, change) -> None:
    path = model / "chat_template.jinja"
    before = path.read_text(encoding="utf-8")
    path.write_text(change(before), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != before


def spell(old: str, new: str):
    """A tokenizer that writes one text as another before it looks at it."""
    return lambda said: said.update(normalizer={"type": "Replace", "pattern": {"String": old}, "content": new})


def judge(sound: Path, model: Path, out: Path) -> int:
    words = ["judge", "--images", sound / "images", "--out", out, "--model", model, "--dimension", "overall"]
    with pytest.raises(SystemExit) as ending:
        main([*map(str, words), "--pool-size", "6", "--opponents", "3"])
    return int(ending.value.code or 0)


def refused(sound, model, out, capsys) -> str:
    """What the command says when it refuses, on one line; nothing may be written."""
    assert judge(sound, model, out) == 2
    assert not out.exists()
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


IMAGES_ONLY = "{%- for message in messages %}{%- for part in message.content %}{%- if 'text' not in part %}"
IMAGE = "<|vision_start|><|image_pad|><|vision_end|>{%- endif %}{%- endfor %}{%- endfor %}"
TEXT = (
    "{%- for m in messages %}{%- for part in m.content %}{{- part.text if 'text' in part }}{%- endfor %}{%- endfor %}"
)
DAMAGES = {
    "a digit of two tokens": (
        lambda m: edit_json(m / "tokenizer.json", spell("7", "77")),
        ["the answer '7' is 2 tokens", "tokenizer.json", "single tokens"],
    ),
    "an answer letter that is lost": (
        lambda m: edit_json(m / "tokenizer.json", spell("B", "")),
        ["the answer 'B' is 0 tokens"],
    ),
    "two answers that are one": (
        lambda m: edit_json(m / "tokenizer.json", spell("B", "A")),
        ["the answers 'A' and 'B' are the same token"],
    ),
    "a template that drops images": (
        lambda m: edit_template(m, lambda text: TEXT),
        ["the chat template gave 0 image places for 2 images: it drops them", "chat_template.jinja"],
    ),
    "a template that keeps one image": (
        lambda m: edit_template(m, lambda text: IMAGE.split("{")[0] + TEXT),
        ["the chat template gave 1 image places for 2 images"],
    ),
    "a template that puts the question first": (
        lambda m: edit_template(m, lambda text: TEXT + IMAGES_ONLY + IMAGE),
        ["the chat template does not put the images before the question"],
    ),
    "a template that leaves the question out": (
        lambda m: edit_template(m, lambda text: IMAGES_ONLY + IMAGE),
        ["the chat template leaves the question out"],
    ),
    "a template that is torn": (
        lambda m: edit_template(m, lambda text: text[: len(text) // 2]),
        ["the chat template does not run"],
    ),
    "no template": (
        lambda m: (m / "chat_template.jinja").unlink(),
        ["the chat template does not run", "chat_template.jinja"],
    ),
    "weights that are cut off": (
        lambda m: (m / "model.safetensors").write_bytes((m / "model.safetensors").read_bytes()[:-99]),
        ["the weights could not be read"],
    ),
    "a weight that is missing": (
        lambda m: edit_weights(m, lambda weights: weights.pop(NORM)),
        ["1 weights are missing", "norm.weight"],
    ),
    "a weight of another shape": (
        lambda m: edit_weights(m, lambda weights: weights.update({NORM: torch.ones(5)})),
        ["the weights could not be read"],
    ),
    "a tokenizer that is cut off": (
        lambda m: (m / "tokenizer.json").write_bytes((m / "tokenizer.json").read_bytes()[:-99]),
        ["the processor could not be read"],
    ),
    "no image processor": (
        lambda m: (m / "processor_config.json").unlink(),
        ["the processor could not be read"],
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_model_is_refused_and_nothing_is_written(sound, model, tmp_path, capsys, damage):
    spoil, words = DAMAGES[damage]
    spoil(model)
    said = refused(sound, model, tmp_path / "out", capsys)
    for word in words:
        assert "".join(word.split()) in "".join(said.split()), said


def test_every_digit_that_is_missing_is_told_at_once(model):
    edit_json(model / "tokenizer.json", spell("7", "88"))
    with pytest.raises(InputFault, match="'7' is 2 tokens") as caught:
        Judge.from_pretrained(model, dimensions=("overall",), device="cpu")
    assert {fault.file for fault in caught.value.faults} == {str(model)}
    two = Prompts(first="Yes please", second="No thanks")
    with pytest.raises(InputFault) as caught:
        Judge.from_pretrained(model, dimensions=("overall",), device="cpu", prompts=two)
    assert [fault.what[:23] for fault in caught.value.faults] == ["the answer 'Yes please'", "the answer 'No thanks' "]


def test_logits_that_are_never_finite_end_the_run_before_an_answer_is_stored(sound, model, tmp_path, capsys):
    edit_weights(model, lambda weights: weights[NORM].fill_(torch.nan))
    assert judge(sound, model, tmp_path / "out") == 2
    assert "the judge abstained on all questions" in " ".join(capsys.readouterr().err.split())
    files = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert not files & {"judgments.bin", "judgments.jsonl", "ratings.jsonl", "judgments.parquet", "judging.json"}
    # nothing was asked, so the folder is nobody's, and the model as it should be may use it
    assert judge(sound, sound / "model", tmp_path / "out") == 0


def test_a_sound_model_loads_with_all_its_weights(sound):
    loaded, _ = load_model(sound / "model", device="cpu")
    assert all(torch.isfinite(weight).all() for weight in loaded.parameters())
