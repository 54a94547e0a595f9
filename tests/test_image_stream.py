"""Images ahead of the model: the same from any number of processes, in order, and only a few at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from process_tree import below
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from ppaint.foundation.faults import InputFault
from ppaint.images import open_image
from ppaint.images.image_source import ImageChanged, ImageSource, look_at_all
from ppaint.model_card.image_stream import content_sha256, images_ahead, workers_for
from ppaint.model_card.imports_of_workers import IMPORTS_OF_WORKERS
from ppaint.model_card.resized import ByProcessor, Resizing, resized
from ppaint.trainer.tiny_judge.architecture import build_processor

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def processor():
    return build_processor(("overall",)).image_processor


@pytest.fixture(scope="module")
def resizing(processor):
    return Resizing.of(processor)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for place in range(12):
        size = tuple(RNG.integers(40, 700, 2))
        pixels = RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize(size, Image.BICUBIC).save(folder / f"{place:02d}.png")
    broken = folder / "05.png"
    broken.write_bytes(broken.read_bytes()[:-300])
    return look_at_all(sorted(folder.iterdir()), lambda _place: None)


@pytest.mark.parametrize("size", [(400, 200), (180, 512), (3000, 900), (20, 3000), (16, 16), (64, 64)])
def test_the_processor_makes_the_same_numbers_of_a_resized_image(processor, resizing, size):
    image = open_image(Image.fromarray(RNG.integers(0, 256, (*size, 3), dtype=np.uint8)), name="a")
    small = resized(resizing, image)
    whole = processor([image.image], return_tensors="pt")
    from_small = processor([small.image], return_tensors="pt", do_resize=False)
    assert all((whole[key] == from_small[key]).all() for key in ("pixel_values", "image_grid_thw"))
    assert small.sha256 == image.sha256 and small.size == image.image.size and resized(resizing, small) is small


def test_sizes_are_those_of_the_processor(processor):
    for factor, fewest, most in ((32, 4096, 40960), (28, 3136, 1003520), (32, 65536, 16777216)):
        ours = Resizing(factor, fewest, most)
        for height, width in [*RNG.integers(1, 5000, (2000, 2)).tolist(), (16, 3000), (200, 1), (1, 1), (4000, 3000)]:
            if max(height, width) <= 200 * min(height, width):
                assert ours.size(height, width) == smart_resize(height, width, factor, fewest, most)
    with pytest.raises(ValueError, match="more than 200 times"):
        ours.size(10, 2001)
    with pytest.raises(ValueError, match="200"):
        smart_resize(10, 2001, 32, 65536, 16777216)
    whole = Image.fromarray(RNG.integers(0, 256, (192, 320, 3), dtype=np.uint8))
    kept = open_image(whole, name="as it is")
    assert (np.asarray(resized(Resizing(32, 4096, 10**6), kept).image) == np.asarray(whole)).all()


def test_a_processor_that_resizes_in_another_way_does_it_itself(processor):
    other = type(processor)(**(processor.to_dict() | {"resample": 2}))
    by_itself = Resizing.of(other)
    assert isinstance(by_itself, ByProcessor)
    image = open_image(Image.fromarray(RNG.integers(0, 256, (300, 200, 3), dtype=np.uint8)), name="a")
    whole = other([image.image], return_tensors="pt")["pixel_values"]
    assert (
        whole == other([resized(by_itself, image).image], return_tensors="pt", do_resize=False)["pixel_values"]
    ).all()
    bicubic = processor([image.image], return_tensors="pt")["pixel_values"]
    assert (whole != bicubic).any()


def test_processes_that_open_images_load_neither_transformers_nor_torchvision():
    script = "import sys; " + "; ".join(f"import {name}" for name in IMPORTS_OF_WORKERS)
    script += "; sys.exit(bool({'transformers', 'torchvision'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("method", ["forkserver", "spawn", "fork"])
def test_workers_give_what_this_process_gives(resizing, sources, method):
    here = list(images_ahead(sources, resizing))
    there = list(images_ahead(iter(sources), resizing, workers=2, start_method=method))
    assert [one.name for one in there] == [source.name for source in sources] and len(
        {o.file_sha256 for o in there}
    ) == 12
    for one, other in zip(here, there, strict=True):
        assert (one.file_sha256, one.notes) == (other.file_sha256, other.notes)
        if one.fault is None:
            assert one.image.sha256 == other.image.sha256
            assert one.image.image.tobytes() == other.image.image.tobytes()
        else:
            assert other.image is None and other.fault.faults == one.fault.faults
    assert [one.name[-6:] for one in there if one.fault is not None] == ["05.png"]
    assert "broken or truncated" in str(there[5].fault)


def test_few_are_taken_ahead(resizing, sources):
    taken = []

    def lazily():
        for number, source in enumerate(sources * 10):
            taken.append(number)
            yield source

    stream = images_ahead(lazily(), resizing, workers=2)
    for seen, _ in zip(range(1, 31), stream, strict=False):
        assert len(taken) <= seen + 2 * 2
    stream.close()


def test_a_worker_that_is_killed_ends_the_run_with_what_to_do(resizing, sources):
    before = set(below(os.getpid()))

    def sending():
        for number in range(10_000):
            if number == 20:
                for child in set(below(os.getpid())) - before:
                    if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes():  # Python's own
                        os.kill(child, signal.SIGKILL)
            yield sources[number % 5]

    with pytest.raises(InputFault, match="a process that opens images ended before its time.*--workers"):
        for _ in images_ahead(sending(), resizing, workers=1, start_method="fork"):
            pass


class Failing:
    """An image processor with a fault of its own."""

    patch_size, merge_size, size, resample = 16, 2, None, None

    def resize(self, *_):
        raise RuntimeError("boom")


def test_what_fails_within_a_worker_is_not_taken_for_its_death(sources):
    with pytest.raises(RuntimeError, match="boom"):
        list(images_ahead(sources, ByProcessor(Failing()), workers=1, start_method="fork"))


def test_contents_of_a_dataset_go_to_workers_too(resizing, sources):
    contents = [ImageSource(source.name, source.content.read_bytes()) for source in sources]
    contents[2] = ImageSource("lacking", None)
    found = list(images_ahead(contents, resizing, workers=1, start_method="fork"))
    paths = list(images_ahead(sources, resizing))
    assert [one.file_sha256 for one in found[3:]] == [one.file_sha256 for one in paths[3:]]
    assert "lacking: the dataset has no image of it" in str(found[2].fault)


class InAFile:
    """Gives the bytes of an image when they are asked for."""

    def __init__(self, path):
        self.path = path

    def __call__(self):
        return self.path.read_bytes()


def test_contents_that_are_read_when_their_turn_comes_are_what_they_are_as_bytes(resizing, sources):
    later = [ImageSource(source.name, InAFile(source.content), source.size) for source in sources]
    for found, path in zip(images_ahead(later, resizing, workers=1), images_ahead(sources, resizing), strict=True):
        assert (found.file_sha256, found.sha256) == (path.file_sha256, path.sha256)
        assert (found.fault is None) == (path.fault is None)
    assert content_sha256(later[0]) == content_sha256(sources[0])
    assert later[0].open().sha256 == sources[0].open().sha256
    other = ImageSource("other", later[0].content, (1, 1))
    with pytest.raises(ImageChanged, match="the image was changed meanwhile: 1 x 1 pixels when the run began"):
        other.open()


def test_an_image_with_other_pixels_than_its_dataset_was_built_of_is_refused_by_name(sources):
    known = ImageSource("painting_7", sources[0].content, sources[0].size, sources[0].open().sha256)
    assert known.open().sha256 == known.sha256
    others = [replace(known, sha256="0" * 64), replace(known, name="painting_8", sha256="1" * 64)]
    wanted = "painting_7: its pixels are not those that the dataset was built of.*Fix: build the dataset again"
    assert [one.fault is None for one in images_ahead([known, *others], None)] == [True, False, False]
    with pytest.raises(InputFault, match=wanted):
        others[0].open()


def test_few_or_small_images_are_opened_without_workers(monkeypatch):
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)

    def workers(count, size):
        return workers_for(None, count, [ImageSource(str(k), b"", size) for k in range(count)])

    assert workers(7, (4000, 3000)) == 0
    assert workers(8, (3000, 3000)) == 0  # 72 megapixels in all
    assert workers(5000, (512, 512)) == 0  # however many: opening them is not what takes the time
    assert workers(5000, (600, 500)) > 0
    assert workers(60, (4000, 3000)) > 0
    beside = [ImageSource("small", b"", (200, 200))] * 5000 + [ImageSource("large", b"", (4000, 3000))] * 60
    assert workers_for(None, len(beside), beside) > 0
    assert workers(60, None) > 0  # of unknown sizes
    assert workers_for(3, 5000, [ImageSource("a", b"", (10, 10))] * 5000) == 3  # asked for
