"""The page "Distil in Python": its examples run as printed, in their order, with the tiny judge in place of Qwen3-VL-8B."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from readme_blocks import HUB, blocks_with_a_hub, python_blocks
from transformers import AutoModelForImageTextToText

from ppaint.trainer.tiny_judge import WEIGHTS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "distil-in-python.md"
# TRL asks transformers for a name that is deprecated there
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing.*` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def after(tmp_path_factory):
    """The folder and the names that the page's examples leave behind."""
    folder = tmp_path_factory.mktemp("python")
    (folder / "my_paintings").mkdir()
    for i in range(20):
        rng = np.random.default_rng(i)
        grey = np.clip(rng.uniform(20, 235) + rng.normal(0, 15 + 2 * i, (64, 96, 3)), 0, 255)
        Image.fromarray(grey.astype(np.uint8)).save(folder / "my_paintings" / f"{i:02d}.png")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S))
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        base = f'base="{HUB}"'  # a name that is written down, not loaded
        exec(code.replace(base, "BASE").replace(HUB, str(WEIGHTS)).replace("BASE", base), names)
    return folder, names


def test_the_exact_trainer_leaves_a_plain_checkpoint(after):
    folder, _ = after
    assert AutoModelForImageTextToText.from_pretrained(folder / "plain").config.model_type == "qwen3_vl"
    assert {path.name for path in folder.glob("checkpoints/checkpoint-*")}


def test_adapters_name_their_base_and_nothing_of_this_machine(after):
    text = (after[0] / "adapter" / "adapter_config.json").read_text()
    assert HUB in text and str(WEIGHTS) not in text


def test_the_sampled_trainer_took_its_steps(after):
    assert (after[0] / "sampled" / "checkpoint-2" / "trainer_state.json").is_file()


def test_the_scorers_folder_scores(after):
    folder, names = after
    assert (folder / "distilled" / "scorer" / "README.md").is_file()
    rows = names["scorer"].score(names["images"][:3]).rows()
    assert names["scorer"].config.simulated  # the tiny judge is known by its weights, though nobody said so
    assert len(rows) == 3 and all(np.isfinite(row["overall"]) for row in rows)


def test_pseudo_scores_of_a_users_own_judge_are_in_its_order(after):
    _, names = after
    brightness = [names["rule"].brightness[image] for image in names["scores"].images]
    assert (
        np.corrcoef(np.argsort(np.argsort(brightness)), np.argsort(np.argsort(names["scores"].elo[:, 0])))[0, 1] > 0.9
    )


def test_the_readmes_block_runs_with_the_tiny_judge(after, tmp_path, monkeypatch):
    (block,) = blocks_with_a_hub()
    (tmp_path / "my_paintings").mkdir()
    for path in sorted((after[0] / "my_paintings").iterdir())[:12]:
        shutil.copy(path, tmp_path / "my_paintings")
    monkeypatch.chdir(tmp_path)
    exec(block.replace(HUB, str(WEIGHTS)), {})
    assert AutoModelForImageTextToText.from_pretrained(tmp_path / "distilled").config.model_type == "qwen3_vl"


def test_every_python_block_of_the_readme_is_run_by_some_test():
    assert all(("run/" in block) != (HUB in block) for block in python_blocks())
