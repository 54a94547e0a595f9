"""Compiled layers give the same answers, are distinguished in the judge's fingerprint, and are refused by name where they are not available."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from test_judge_command import run

from ppaint.images import InputFault
from ppaint.model_card import Judge
from ppaint.model_card.compiled import compile_layers, is_compiled
from ppaint.trainer import JudgmentStore
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("brushwork", "overall")


@pytest.fixture()
def folder(tmp_path):
    processor = build_processor(DIMENSIONS)
    build_tiny_model(processor, seed=2, hidden_size=32, text_layers=2, vision_layers=2).save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    return tmp_path


def noise(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (64, 96, 3), dtype=np.uint8)) for _ in range(count)]


def test_answers_are_the_same_to_rounding_and_the_fingerprint_says_how_they_were_had(folder):
    plain = Judge.from_pretrained(folder, dimensions=DIMENSIONS, device="cpu")
    features = plain.features(noise(4))
    pairs = [(a, b) for a in features for b in features if a is not b]
    odds, rated = plain.compare(pairs), plain.rate(features)
    compile_layers(plain.model, backend="aot_eager")
    again = Judge(plain.model, plain.processor, DIMENSIONS, revision=plain.revision)
    assert is_compiled(plain.model) and again.fingerprint != plain.fingerprint
    assert again.parts == plain.parts | {"layers": "compiled"}
    assert all(one.is_own(other.fingerprint) for one in (plain, again) for other in (plain, again))
    assert not plain.is_own(Judge(plain.model, plain.processor, DIMENSIONS, revision="another").fingerprint)
    np.testing.assert_allclose(again.compare(pairs), odds, atol=1e-4, rtol=0)
    np.testing.assert_allclose(again.rate(features), rated, atol=1e-4, rtol=0)


@pytest.mark.parametrize("first", ["compiled", "not compiled"])
def test_judgments_had_with_compiled_layers_are_not_mixed_with_others_and_the_fault_says_so(folder, tmp_path, first):
    judge = Judge.from_pretrained(folder, dimensions=DIMENSIONS, device="cpu")
    ways = {"not compiled": (judge.fingerprint, judge.parts)}
    compile_layers(judge.model, backend="aot_eager")
    judge = Judge(judge.model, judge.processor, DIMENSIONS, revision=judge.revision)
    ways["compiled"] = (judge.fingerprint, judge.parts)
    second = next(way for way in ways if way != first)
    with JudgmentStore(tmp_path / "store", ways[first][0], DIMENSIONS, parts=ways[first][1]) as store:
        for batch in store.plan([("a", "b")], batch_size=1):
            store.record(batch, np.array([[0.5, -0.5]]))
    with pytest.raises(InputFault, match=f"layers \\({first} then; {second} now\\)"):
        JudgmentStore(tmp_path / "store", ways[second][0], DIMENSIONS, parts=ways[second][1])


def test_batches_of_other_sizes_and_lengths_share_what_was_compiled(folder):
    judge = Judge.from_pretrained(folder, dimensions=DIMENSIONS, device="cpu")
    features = judge.features([*noise(4), Image.new("RGB", (128, 96), "tan")])
    plainly = [judge.rate(features[:n]) for n in (1, 2, 3, 5)]
    compile_layers(judge.model, backend="aot_eager")
    judge.rate(features[:2])
    judge.rate(features[:1])  # a single row is compiled for once more
    with torch.compiler.set_stance("fail_on_recompile"):
        for n, expected in zip((1, 2, 3, 5), plainly, strict=True):
            np.testing.assert_allclose(judge.rate(features[:n]), expected, atol=1e-4, rtol=0)


def test_without_a_compiler_the_command_says_what_is_missing_and_writes_nothing(folder, tmp_path, monkeypatch, capsys):
    images = tmp_path / "images"
    images.mkdir()
    for i, image in enumerate(noise(12)):
        image.save(images / f"{i}.png")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    out = tmp_path / "judged"
    assert run("judge", "--model", folder, "--images", images, "--out", out, "--compile", "--dimension", "overall") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "cannot be compiled without a C++ compiler" in said and "leave --compile out" in said
    assert not out.exists()
    with pytest.raises(InputFault, match=r"C\+\+ compiler"):
        Judge.from_pretrained(folder, dimensions=DIMENSIONS, compiled=True)
