"""The tiny judge: its parts do what the real processor and model do."""

import json
import shutil

import numpy as np
import pytest
import torch

from ppaint.dataset_script.stand_in.simulate import DIMENSIONS
from ppaint.model_card import Judge
from ppaint.trainer.tiny_judge import TWIN_WEIGHTS, WEIGHTS
from ppaint.trainer.tiny_judge.answer_training import cache_features
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model
from ppaint.trainer.tiny_judge.card import FIGURES, WEIGHTS_SHA256, write_card
from ppaint.trainer.tiny_judge.examination import pair_accuracy, pointwise_srcc
from ppaint.trainer.tiny_judge.known_weights import known_base
from ppaint.trainer.tiny_judge.make_judge import LESSONS
from ppaint.trainer.tiny_judge.training_scrolls import far_from, one_frame, paint_training_scrolls
from ppaint.trainer.tiny_judge.vision_pretraining import embedding_one_frame


@pytest.fixture(scope="module")
def scrolls():
    processor = build_processor()
    return processor, paint_training_scrolls(2, processor, stream=9, processes=1)


def test_it_is_small():
    model = build_tiny_model(build_processor())
    assert sum(p.numel() for p in model.parameters()) <= 2_900_000


def test_the_same_seed_gives_the_same_weights():
    processor = build_processor()
    one, same, other = (build_tiny_model(processor, seed=s).state_dict() for s in (1, 1, 2))
    name = "model.language_model.layers.0.mlp.up_proj.weight"
    assert torch.equal(one[name], same[name])
    assert not torch.equal(one[name], other[name])


def test_one_frame_gives_the_features_of_the_processors_two(scrolls):
    processor, painted = scrolls
    model = build_tiny_model(processor)
    pixels = (
        torch.cat([p[:, :, None].expand(-1, 3, 2, 16, 16).reshape(len(p), -1) for p in painted.patches]).float() / 127.5
        - 1
    )
    with torch.no_grad():
        whole = torch.cat(model.get_image_features(pixels, painted.grids, return_dict=True).pooler_output)
        with embedding_one_frame(model):
            single = model.get_image_features(
                one_frame(painted.patches, painted.grids), painted.grids, return_dict=True
            )
    torch.testing.assert_close(torch.cat(single.pooler_output), whole, atol=1e-5, rtol=1e-4)


def test_mirroring_patches_is_mirroring_the_picture(scrolls):
    processor, _ = scrolls
    from PIL import Image, ImageOps

    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (192, 128, 3), dtype=np.uint8))
    cut = {
        name: processor.image_processor([picture], return_tensors="pt", do_rescale=False, do_normalize=False)
        for name, picture in (("plain", image), ("mirrored", ImageOps.mirror(image)))
    }
    patches = {k: v["pixel_values"].view(-1, 3, 2, 16, 16)[:, :, 0].to(torch.uint8) for k, v in cut.items()}
    grid = cut["plain"]["image_grid_thw"]
    flipped = one_frame([patches["plain"]], grid, torch.tensor([True]))
    assert torch.equal(flipped, one_frame([patches["mirrored"]], grid))


def test_scrolls_near_a_stand_in_are_found():
    assert far_from([0b1111, 0b0], [0b1101], 2).tolist() == [False, True]
    assert far_from([7], [], 4).tolist() == [True]


@pytest.fixture(scope="module")
def unseen():
    return paint_training_scrolls(40, build_processor(), stream=2, processes=1)


@pytest.mark.parametrize("weights", [WEIGHTS, TWIN_WEIGHTS], ids=["judge", "twin"])
def test_the_weights_that_ship_are_small_and_loadable(weights):
    files = list(weights.glob("*.safetensors"))
    assert len(files) == 1
    assert files[0].stat().st_size <= 6_000_000
    card = (weights / "README.md").read_text()
    assert "simulated" in card and "make_judge" in card


@pytest.mark.parametrize("name, weights", [("judge", WEIGHTS), ("twin", TWIN_WEIGHTS)])
def test_the_card_and_the_figures_that_ship_are_what_their_writer_writes_of_these_weights(name, weights, tmp_path):
    shutil.copy(weights / "model.safetensors", tmp_path)
    told = json.loads((weights / FIGURES).read_text())
    model = build_tiny_model(build_processor(DIMENSIONS))  # for its size
    write_card(tmp_path, name, LESSONS[name], model, told["recipe"], told["figures"])
    for file in (FIGURES, "README.md"):
        assert (tmp_path / file).read_text() == (weights / file).read_text()
    assert told["simulated"] is True and known_base(told[WEIGHTS_SHA256])


def test_the_judge_compares_well_and_rates_poorly_the_twin_rates_well(unseen):
    found = {}
    for name, weights in (("judge", WEIGHTS), ("twin", TWIN_WEIGHTS)):
        judge = Judge.from_pretrained(weights, dimensions=DIMENSIONS, device="cpu", dtype=torch.float32)
        features = cache_features(judge.model, unseen)
        quality, rng = unseen.quality.numpy(), np.random.default_rng(1)
        accuracy = pair_accuracy(judge, features, quality, unseen.category, n_pairs=100, rng=rng)
        srcc = pointwise_srcc(judge, features, quality, unseen.category)
        found[name] = (accuracy.mean(), srcc.mean())
    assert found["judge"][0] >= 0.77
    assert found["twin"][0] >= 0.77
    assert 0.2 <= found["judge"][1] <= 0.65  # 120 scrolls: the bounds of 0.3 to 0.6 hold on the whole stand-in
    assert found["twin"][1] > found["judge"][1] + 0.15
