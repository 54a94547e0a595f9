"""A scorer's repo at one commit: the revision is resolved once, and every file is of that commit."""

import shutil

import numpy as np
import pytest
from PIL import Image

from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer, Judge, Prompts, ScorerConfig
from ppaint.model_card.scorer_config import FILE_NAME
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

REPO, DIMENSIONS = "example/scorer", ("brushwork", "overall")
OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """The cache that downloads leave: two commits of one repo, `main` at the newer one and `v1` at the older."""
    repo = tmp_path_factory.mktemp("hub") / "models--example--scorer"
    processor = build_processor(DIMENSIONS)
    for commit, seed in ((OLD, 1), (NEW, 2)):
        folder = repo / "snapshots" / commit
        build_tiny_model(processor, seed=seed).save_pretrained(folder)
        processor.save_pretrained(folder)
        note = f"made with seed {seed}"
        ScorerConfig(dimensions=DIMENSIONS, prompts=Prompts().to_dict(), calibration_note=note).save(folder)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(NEW)
    (repo / "refs" / "v1").write_text(OLD)
    return repo


@pytest.fixture
def cached(hub, monkeypatch):
    for constant in ("huggingface_hub.constants.HF_HUB_CACHE", "transformers.utils.hub.constants.HF_HUB_CACHE"):
        monkeypatch.setattr(constant, str(hub.parent))
    return hub


@pytest.fixture(scope="module")
def image():
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8))


@pytest.mark.parametrize(("revision", "commit"), [(None, NEW), ("main", NEW), ("v1", OLD), (OLD, OLD)])
def test_a_revision_gives_the_config_and_the_weights_of_its_commit(cached, image, revision, commit):
    scorer = AestheticScorer.from_pretrained(REPO, revision=revision, device="cpu")
    here = AestheticScorer.from_pretrained(cached / "snapshots" / commit, device="cpu")
    assert (scorer.commit, here.commit) == (commit, None)
    assert scorer.config == here.config
    np.testing.assert_array_equal(scorer.score([image]).mean, here.score([image]).mean)


def test_the_two_commits_give_other_scores(cached, image):
    old, new = (AestheticScorer.from_pretrained(REPO, revision=one, device="cpu").score([image]) for one in (OLD, NEW))
    assert np.abs(old.mean - new.mean).max() > 1e-3


def test_a_push_after_the_config_was_read_does_not_mix_two_commits(cached, image, monkeypatch):
    load = ScorerConfig.load.__func__

    def load_then_push(cls, *given, **options):
        config = load(cls, *given, **options)
        (cached / "refs" / "main").write_text(OLD)
        return config

    monkeypatch.setattr(ScorerConfig, "load", classmethod(load_then_push))
    try:
        scorer = AestheticScorer.from_pretrained(REPO, device="cpu")
    finally:
        (cached / "refs" / "main").write_text(NEW)
    new = AestheticScorer.from_pretrained(cached / "snapshots" / NEW, device="cpu")
    assert scorer.config.calibration_note == "made with seed 2"
    np.testing.assert_array_equal(scorer.score([image]).mean, new.score([image]).mean)


def test_a_judge_at_a_revision_carries_its_commit(cached):
    judge = Judge.from_pretrained(REPO, dimensions=DIMENSIONS, revision="v1", device="cpu")
    assert judge.revision == f"{REPO}@{OLD}"


def test_a_revision_that_is_not_there_is_one_clear_fault(cached):
    with pytest.raises(InputFault, match="example/scorer: no such folder, and no such repo with a revision 'v9'"):
        AestheticScorer.from_pretrained(REPO, revision="v9")


def test_a_folder_has_no_revisions(cached, tmp_path):
    shutil.copy(cached / "snapshots" / OLD / FILE_NAME, tmp_path)
    with pytest.raises(InputFault, match="a folder has no revisions, and 'v1' was asked for"):
        AestheticScorer.from_pretrained(tmp_path, revision="v1")
