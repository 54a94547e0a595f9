"""The single-pass scorer: a plain checkpoint plus scorer_config.json."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from ppaint.cli.score import Format, _score_table, _write
from ppaint.cli.terminal import as_text
from ppaint.images import InputFault, open_image
from ppaint.model_card import AestheticScorer, Calibration, Prompts, ScorerConfig, ScoreTable
from ppaint.model_card.card import write_scorer_card
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ["composition", "overall"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scorer")
    processor = build_processor(tuple(DIMENSIONS))
    build_tiny_model(processor, seed=3).save_pretrained(path)
    processor.save_pretrained(path)
    calibration = {"overall": Calibration(slope=2.0, intercept=-1.0)}
    ScorerConfig(dimensions=DIMENSIONS, prompts=Prompts().to_dict(), calibration=calibration).save(path)
    return path


@pytest.fixture(scope="module")
def images():
    sizes = ((400, 200), (180, 512), (256, 256))
    return [
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (*s, 3), dtype=np.uint8)) for i, s in enumerate(sizes)
    ]


def test_alone_and_in_a_batch_the_same_score(folder, images):
    scorer = AestheticScorer.from_pretrained(folder, device="cpu")
    together = scorer.score(images)
    for i, image in enumerate(images):
        np.testing.assert_allclose(scorer.score([image]).mean[0], together.mean[i], atol=1e-4)
    assert together.mean.shape == together.sd.shape == (3, 2)
    assert (together.sd > 0).all()


def test_images_of_like_length_share_a_batch_and_come_back_in_their_order(folder, images):
    scorer = AestheticScorer.from_pretrained(folder, device="cpu")
    mixed = [images[k] for k in (1, 0, 2, 0, 1, 2)]
    lengths = []

    def note(head, given, logits):
        lengths.append(len(logits))

    widths = []
    handles = [
        scorer.model.lm_head.register_forward_hook(note),
        scorer.model.model.language_model.register_forward_pre_hook(
            lambda core, args, named: widths.append(named["inputs_embeds"].shape[1]), with_kwargs=True
        ),
    ]
    table = scorer.score(mixed, batch_size=2)
    for handle in handles:
        handle.remove()
    assert lengths == [2, 2, 2]
    assert widths == sorted(widths)
    assert len(set(widths)) == len({scorer._patches(open_image(image)) for image in images})
    for image, mean, sd in zip(mixed, table.mean, table.sd, strict=True):
        alone = scorer.score([image])
        np.testing.assert_allclose(mean, alone.mean[0], atol=1e-4)
        np.testing.assert_allclose(sd, alone.sd[0], atol=1e-4)
    automatic = scorer.score(mixed, batch_size="auto")
    np.testing.assert_allclose(automatic.mean, table.mean, atol=1e-4)
    assert automatic.names == table.names == tuple(f"image {k}" for k in range(1, 7))


def test_one_image_or_path_by_itself_is_scored(folder, images, tmp_path):
    scorer = AestheticScorer.from_pretrained(folder, device="cpu")
    images[2].save(tmp_path / "scroll.png")
    path = tmp_path / "scroll.png"
    expected = scorer.score([path])
    for one in (path, str(path), path.read_bytes(), images[2], open_image(path)):
        table = scorer.score(one)
        np.testing.assert_array_equal(table.mean, expected.mean)
    assert scorer.score(str(path)).names == (str(path),)


def test_nothing_to_score_is_an_empty_table(folder):
    table = AestheticScorer.from_pretrained(folder, device="cpu").score([])
    assert table.names == () and table.mean.shape == (0, 2)


def test_scoring_twice_gives_the_same_bits(folder, images):
    scorer = AestheticScorer.from_pretrained(folder, device="cpu")
    np.testing.assert_array_equal(scorer.score(images).mean, scorer.score(images).mean)


def test_the_plain_transformers_recipe_of_the_card_gives_the_same_numbers(folder, images, tmp_path):
    """The code block is cut out of the card that is written, and run."""
    scorer = AestheticScorer.from_pretrained(folder, device="cpu")
    card = write_scorer_card(
        tmp_path, scorer.config, title="t", location=str(folder), training="none", evaluation="none"
    ).read_text()
    recipe = next(block for block in re.findall(r"```python\n(.*?)```", card, re.S) if "AutoProcessor" in block)
    namespace: dict = {}
    exec(recipe.split("\nprint(")[0], namespace)
    table = scorer.score(images)
    for i, image in enumerate(images):
        plain = namespace["score"](image)
        assert [plain[d] for d in DIMENSIONS] == pytest.approx(list(table.mean[i]), abs=1e-4)


def test_an_answer_that_is_no_number_is_named_by_image_and_dimension_and_never_scored(folder, images, tmp_path):
    scorer = AestheticScorer.from_pretrained(folder, device="cpu")
    for i, image in enumerate(images):
        image.save(tmp_path / f"{i}.png")

    def spoil(head, given, logits):  # of the second row, at the answer in the second dimension
        logits[1, 1] = float("nan")

    patches = [scorer._patches(open_image(image)) for image in images]
    second = sorted(range(3), key=patches.__getitem__)[1]  # images of like length share a batch
    handle = scorer.model.lm_head.register_forward_hook(spoil)
    printed = f"the model gave no finite answer for {tmp_path / f'{second}.png'} in dimension overall"
    with pytest.raises(InputFault, match=re.escape(printed)) as caught:
        scorer.score([tmp_path / f"{i}.png" for i in range(3)])
    handle.remove()
    assert len(caught.value.faults) == 1
    assert np.isfinite(scorer.score(images).mean).all()


def test_weights_that_are_no_numbers_give_a_fault_for_every_image_and_dimension(folder, images):
    scorer = AestheticScorer.from_pretrained(folder, device="cpu")
    with torch.no_grad():
        scorer.model.model.language_model.norm.weight[0] = float("nan")
    with pytest.raises(InputFault, match="image 1 in dimension composition") as caught:
        scorer.score(images)
    assert len(caught.value.faults) == 6


def test_a_batch_that_runs_out_of_memory_is_halved_and_said_aloud(folder, images, caplog):
    scorer, done = AestheticScorer.from_pretrained(folder, device="cpu"), []
    whole = scorer.score(images)

    def only_one(model, args, given):
        if len(given["input_ids"]) > 1:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")

    handle = scorer.model.model.register_forward_pre_hook(only_one, with_kwargs=True)
    halved = scorer.score(images, on_batch=done.append)
    handle.remove()
    np.testing.assert_allclose(halved.mean, whole.mean, atol=1e-4)
    assert done == [1, 1, 1] and "out of memory" in caplog.text


def test_an_image_that_does_not_fit_alone_is_named(folder, images, tmp_path):
    scorer = AestheticScorer.from_pretrained(folder, device="cpu")
    images[0].save(tmp_path / "large.png")

    def never(model, args, given):
        raise MemoryError

    scorer.model.model.register_forward_pre_hook(never, with_kwargs=True)
    with pytest.raises(InputFault, match=r"large\.png.*does not fit into memory"):
        scorer.score([tmp_path / "large.png"])


def test_a_folder_that_is_no_scorer_is_named(tmp_path):
    with pytest.raises(InputFault, match="not a scorer"):
        AestheticScorer.from_pretrained(tmp_path)


def test_a_broken_config_names_its_fields(folder, tmp_path):
    config = json.loads((folder / "scorer_config.json").read_text())
    config["dimensions"], config["colour"] = [], 1
    (tmp_path / "scorer_config.json").write_text(json.dumps(config))
    with pytest.raises(InputFault) as caught:
        ScorerConfig.load(tmp_path)
    assert {fault.row for fault in caught.value.faults} == {"dimensions", "colour"}


def test_calibration_keeps_order_and_clips_nothing():
    config = ScorerConfig(
        dimensions=["overall"], prompts=Prompts().to_dict(), calibration={"overall": {"slope": 3.0, "intercept": -9.0}}
    )
    assert [config.calibrate("overall", x) for x in (0.0, 9.0)] == [-9.0, 18.0]
    with pytest.raises(ValueError, match="greater than 0"):
        Calibration(slope=-1.0, intercept=0.0)


def test_a_calibration_opens_the_scale_and_the_config_says_so(tmp_path):
    plain = ScorerConfig(dimensions=["overall"], prompts=Prompts().to_dict())
    calibrated = plain.model_copy(update={"calibration": {"overall": Calibration(slope=3.0, intercept=-9.0)}})
    for config, scale_open, words in (
        (plain, False, "0 to 9"),
        (calibrated, True, "0 to 9 before calibration; may lie outside"),
    ):
        stored = json.loads(config.save(tmp_path).read_text())
        assert stored["scale_open"] is scale_open and stored["scale"] == [0.0, 9.0]
        del stored["scale_open"]  # as an older version wrote it
        (tmp_path / "scorer_config.json").write_text(json.dumps(stored))
        assert (ScorerConfig.load(tmp_path).scale_open, ScorerConfig.load(tmp_path).stated_scale) == (scale_open, words)
        for wrong in (not scale_open, None, "yes"):
            (tmp_path / "scorer_config.json").write_text(json.dumps(stored | {"scale_open": wrong}))
            with pytest.raises(
                InputFault, match=f"scale_open is {json.dumps(wrong)}, but the config has .*calibration"
            ):
                ScorerConfig.load(tmp_path)


@pytest.mark.parametrize(("slope", "words"), [(None, "Scores: 0 to 9. C"), (3.0, "outside. Nothing is clipped. C")])
def test_card_and_tables_say_whether_scores_may_leave_the_scale(tmp_path, slope, words):
    fits = {} if slope is None else {"overall": Calibration(slope=slope, intercept=0)}
    config = ScorerConfig(dimensions=["overall"], prompts=Prompts().to_dict(), calibration=fits)
    text = {"title": "t", "location": "l", "training": "t", "evaluation": "e"}
    assert words in write_scorer_card(tmp_path, config, **text).read_text()
    one = np.array([[11.7]])
    table = ScoreTable(("a.png",), ("overall",), one, one / 5, one)
    shown = " ".join(as_text(_score_table(table, config)).split())
    assert f"score ({config.stated_scale}) ± standard deviation" in shown
    _write(table, config, Format.json, tmp_path / "scores.json")
    facts = json.loads((tmp_path / "scores.json").read_text())
    assert facts["scale_open"] is (slope is not None) and facts["scores"][0]["overall"] == 11.7
