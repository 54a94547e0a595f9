"""Vision features in a folder: the same numbers, made once, a bounded part held, and nothing lost to a kill, a full disk or a broken file."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from small_disk import small_disk

from ppaint.foundation.faults import Fault, InputFault
from ppaint.images import open_image
from ppaint.images.image_folder import look_at_folder
from ppaint.images.image_source import ImageChanged
from ppaint.model_card import Judge
from ppaint.model_card.encoded_images import encode_images, know_images
from ppaint.model_card.feature_cache import FeatureCache, tower_identity
from ppaint.model_card.features import VisionFeatures
from ppaint.trainer import Judging, JudgmentStore
from ppaint.trainer.judgments import judging as judging_module
from ppaint.trainer.label_free_run import in_order
from ppaint.trainer.pixel_inputs import PixelsOfImages
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

COUNT, BATCH = 11, 4


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded")
    processor = build_processor(("overall",))
    build_tiny_model(processor, seed=3, hidden_size=32, text_layers=1, vision_layers=2).save_pretrained(
        folder / "model"
    )
    processor.save_pretrained(folder / "model")
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    for i in range(COUNT):
        pixels = rng.integers(0, 256, (60 + 17 * (i % 5), 90 + 11 * i, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{i:02d}.png")
    (folder / "images" / "again.png").write_bytes((folder / "images" / "03.png").read_bytes())
    return folder


@pytest.fixture
def judge(place):
    return Judge.from_pretrained(place / "model", dimensions=("overall",), batch_size=BATCH)


@pytest.fixture
def sources(place):
    return look_at_folder(place / "images", tell=lambda _note: None)


def same(one: VisionFeatures, other: VisionFeatures) -> bool:
    layers = zip((one.tokens, *one.deepstack), (other.tokens, *other.deepstack), strict=True)
    return (one.sha256, one.grid_thw) == (other.sha256, other.grid_thw) and all(torch.equal(a, b) for a, b in layers)


@pytest.mark.parametrize("workers", [0, 2])
def test_features_are_those_of_images_that_are_all_open_at_once_bit_for_bit(judge, sources, tmp_path, workers):
    opened = [open_image(source.content, name=source.name) for source in sources]
    unique = list({image.sha256: image for image in opened}.values())
    plain = judge.features(unique)
    counts = []
    encoded = encode_images(
        judge, sources, tmp_path, workers=workers, on_encoded=lambda count, seconds: counts.append(count)
    )
    assert (
        list(encoded) == [image.sha256 for image in unique]
        and encoded.images.repeated == ["again.png"]
        or (encoded.images.repeated == ["03.png"])
    )
    assert counts == [4, 4, 3]
    again = FeatureCache.of(tmp_path, judge)  # from the disk
    for one in plain:
        assert same(encoded[one.sha256], one) and same(again[one.sha256], one)
        assert encoded.n_tokens(one.sha256) == again.n_tokens(one.sha256) == one.n_tokens
    assert encode_images(judge, sources, tmp_path, on_encoded=lambda *_: counts.append("again")) and counts == [4, 4, 3]


def test_only_a_bounded_part_is_held(judge, sources, tmp_path):
    encoded = encode_images(judge, sources, tmp_path)
    identity = tower_identity(judge.model, judge.processor, judge.revision)
    size = max(sum(layer.nbytes for layer in (one.tokens, *one.deepstack)) for one in encoded.values())
    small = FeatureCache(tmp_path, identity, held=3 * size)
    for _ in range(2):
        for image in encoded:
            assert same(small[image], encoded[image])
    held = small._held._held
    assert 1 <= len(held) < COUNT and small._held._bytes <= 3 * size
    assert list(held)[-1] == list(encoded)[-1]


def test_a_run_that_is_killed_goes_on_behind_the_last_batch(judge, place, sources, tmp_path):
    script = f"""
import os, signal
from ppaint.images.image_folder import look_at_folder
from ppaint.model_card import Judge
from ppaint.model_card.encoded_images import encode_images
from ppaint.model_card.feature_cache import FeatureCache
judge = Judge.from_pretrained({str(place / "model")!r}, dimensions=("overall",), batch_size={BATCH})
stored = FeatureCache.add
def add(self, features):
    stored(self, features)
    if len(self) == 2 * {BATCH}:
        os.kill(os.getpid(), signal.SIGKILL)
FeatureCache.add = add
encode_images(judge, look_at_folder({str(place / "images")!r}), {str(tmp_path)!r}, workers=0)
"""
    assert subprocess.run([sys.executable, "-c", script], env=os.environ, check=False).returncode == -signal.SIGKILL
    counts = []
    encoded = encode_images(judge, sources, tmp_path, on_encoded=lambda count, _: counts.append(count))
    assert counts == [3] and len(encoded) == COUNT


def test_a_broken_image_is_named_and_the_others_features_are_kept(judge, place, tmp_path):
    shutil.copytree(place / "images", tmp_path / "images")
    broken = tmp_path / "images" / "05.png"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-200])
    counts = []

    def encode():
        sources = look_at_folder(tmp_path / "images")
        return encode_images(judge, sources, tmp_path / "f", on_encoded=lambda count, _: counts.append(count))

    with pytest.raises(InputFault, match=r"05\.png"):
        encode()
    assert sum(counts) == COUNT - 1
    broken.write_bytes(whole)
    assert len(encode()) == COUNT and sum(counts) == COUNT


def test_an_image_that_changes_between_two_passes_is_named(place, tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (64, 64), "tan").save(path)
    known = know_images(look_at_folder(tmp_path))
    (image,) = known
    assert known[image].image.size == (64, 64)
    Image.new("RGB", (64, 64), "red").save(path)
    with pytest.raises(ImageChanged, match=r"a\.png.*changed.*Fix: leave the images alone"):
        known[image]
    path.unlink()
    with pytest.raises(InputFault, match=r"a\.png"):
        known[image]


def test_another_processor_gets_features_of_its_own_and_a_moved_cache_is_refused(judge, sources, tmp_path):
    encode_images(judge, sources, tmp_path)
    (folder,) = tmp_path.iterdir()
    judge.processor.image_processor.size["longest_edge"] //= 4
    counts = []
    encode_images(judge, sources, tmp_path, on_encoded=lambda count, _: counts.append(count))
    assert counts == [4, 4, 3]
    (other,) = set(tmp_path.iterdir()) - {folder}
    (other / "cache.json").write_text((folder / "cache.json").read_text())
    with pytest.raises(InputFault, match="different: image processor settings.*Fix"):
        FeatureCache.of(tmp_path, judge)
    (other / "cache.json").write_text("{")
    with pytest.raises(InputFault, match="not readable as JSON"):
        FeatureCache.of(tmp_path, judge)
    (other / "cache.json").unlink()
    with pytest.raises(InputFault, match=r"no cache\.json"):
        FeatureCache.of(tmp_path, judge)


def test_a_damaged_file_of_features_is_named(judge, sources, tmp_path):
    encode_images(judge, sources, tmp_path)
    file = sorted(tmp_path.rglob("*.safetensors"))[0]
    whole = file.read_bytes()
    for content in (b"", whole[:100], whole[:-8], b"\xff" * 200):
        file.write_bytes(content)
        with pytest.raises(InputFault, match=rf"{file.name}.*not readable as vision features.*Fix: remove this file"):
            FeatureCache.of(tmp_path, judge)
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    with pytest.raises(InputFault, match="does not say which images"):
        FeatureCache.of(tmp_path, judge)
    file.unlink()
    assert len(encode_images(judge, sources, tmp_path)) == COUNT


def test_a_full_disk_ends_it_with_what_was_stored_whole(judge, sources, tmp_path):
    sizes = []
    encode_images(judge, sources, tmp_path / "whole")
    sizes = sorted(file.stat().st_size for file in (tmp_path / "whole").rglob("*.safetensors"))
    with small_disk(sizes[0] - 1), pytest.raises(InputFault, match=r"the disk is full.*MB.*goes on behind the last"):
        encode_images(judge, sources, tmp_path / "full")
    assert not list((tmp_path / "full").rglob("*.safetensors*"))
    assert len(encode_images(judge, sources, tmp_path / "full")) == COUNT


def test_a_model_whose_weights_have_no_name_has_no_cache(judge, tmp_path):
    unsaved = Judge(judge.model, judge.processor, ("overall",))
    with pytest.raises(ValueError, match="from_pretrained"):
        FeatureCache.of(tmp_path, unsaved)


def test_judgments_from_the_folder_are_those_from_memory_also_of_many_pairs(judge, sources, tmp_path, monkeypatch):
    encoded = encode_images(judge, sources, tmp_path / "features")
    names = list(encoded)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    answers = []
    for folder, features in (("one", encoded), ("other", dict(encoded))):
        with JudgmentStore(tmp_path / folder, judge.fingerprint, judge.dimensions) as store:
            working = Judging(store, judge, features)
            answers.append((working.rate(names), working.ask(pairs).forward))
    assert all((a == b).all() for a, b in zip(*answers, strict=True))

    near = []  # of many pairs, those of one part of a request are asked before those of the next
    monkeypatch.setattr(judging_module, "PAIRS_NEAR", 10)
    with JudgmentStore(tmp_path / "near", judge.fingerprint, judge.dimensions) as store:
        working = Judging(store, judge, encoded)
        plan = working._in_order_of_first_images(pairs)
        near = [pairs.index(pair if pair in pairs else pair[::-1]) // 10 for pair in plan]
        np.testing.assert_allclose(working.ask(pairs).forward, answers[0][1], atol=1e-4)
    assert near == sorted(near) and len(plan) == 2 * len(pairs)


def test_features_in_order_are_looked_up_when_asked(judge, sources, tmp_path):
    encoded = encode_images(judge, sources, tmp_path)
    names = list(encoded)[::-1]
    ordered = in_order(encoded, names)
    assert [one.sha256 for one in ordered[2:4]] == names[2:4]
    with pytest.raises(InputFault, match="1 of the 2 images"):
        in_order(encoded, [names[0], "0" * 64])


def test_pixels_are_made_again_when_they_are_not_held(judge, sources, monkeypatch):
    known = know_images(sources)
    images = in_order(known, list(known))
    monkeypatch.setattr("ppaint.trainer.pixel_inputs.HELD", 1)
    small = PixelsOfImages(judge.processor, images, torch.device("cpu"))
    monkeypatch.undo()
    large = PixelsOfImages(judge.processor, images, torch.device("cpu"))
    for k in (0, 5, 0, 10):
        assert torch.equal(small[k].pixels, large[k].pixels) and small[k].place.n_tokens == large[k].place.n_tokens
        assert large[k].place.n_tokens == judge.features([images[k]])[0].n_tokens
    assert len(small._held._held) == 1 and len(large._held._held) == 3


def test_what_ends_it_leaves_no_thread_and_torch_its_own_number(judge, sources, tmp_path, monkeypatch):
    """Also within the caller's ``except``: a notebook keeps the traceback, and with it whatever was not closed."""
    before, running = torch.get_num_threads(), threading.active_count()
    torch.set_num_threads(2)

    def full(_cache, _features):
        raise InputFault(Fault("features", "", "the disk is full", "make room"))

    monkeypatch.setattr(FeatureCache, "add", full)
    try:
        with pytest.raises(InputFault) as ended:
            encode_images(judge, sources, tmp_path)
        assert ended.tb is not None  # it is kept here
        assert (torch.get_num_threads(), threading.active_count()) == (2, running)
    finally:
        torch.set_num_threads(before)
