"""Near-equal pictures have near-equal hashes, and different ones have not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from ppaint.images import hash_distance
from ppaint.images.perceptual_hash import perceptual_hash


def picture(seed: int) -> Image.Image:
    blotches = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return Image.fromarray(blotches).resize((280, 360), Image.Resampling.BICUBIC)


def as_jpeg(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=50)
    return Image.open(buffer)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((140, 180)),
        as_jpeg,
        lambda image: ImageEnhance.Brightness(image).enhance(0.8),
        lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    ],
    ids=["half size", "jpeg", "darker", "flatter"],
)
def test_hash_hardly_moves_under(change):
    for seed in range(5):
        assert hash_distance(perceptual_hash(picture(seed)), perceptual_hash(change(picture(seed)))) <= 6


def test_unrelated_pictures_lie_far_apart():
    hashes = [perceptual_hash(picture(seed)) for seed in range(40)]
    distances = [hash_distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(distances) > 10 and abs(np.mean(distances) - 32) < 2


def test_hash_has_64_bits_of_which_half_are_set():
    assert all(perceptual_hash(picture(seed)).bit_count() == 32 for seed in range(5))


def test_plain_picture_has_a_hash():
    assert 0 <= perceptual_hash(Image.new("RGB", (64, 64), "white")) < 2**64
