"""A scorer's repo at one commit: the revision is resolved once, and every file is of that commit."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi
from PIL import Image

from ppaint.cli.main import main
from ppaint.images import InputFault
from ppaint.model_card import AestheticScorer, Judge, Prompts, ScorerConfig
from ppaint.model_card.loading import load_model, weights_hash
from ppaint.model_card.out_of_distribution import DistanceMeasure
from ppaint.model_card.scorer_config import BASE_WEIGHTS, FILE_NAME, find_file
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

# huggingface_hub uploads large files in a way that its http client is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
SMALL = {"hidden_size": 32, "text_layers": 1, "vision_layers": 2}
REPO, DIMENSIONS = "example/scorer", ("brushwork", "overall")
OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def downloaded(tmp_path_factory):
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
def cached(downloaded, monkeypatch):
    for constant in ("huggingface_hub.constants.HF_HUB_CACHE", "transformers.utils.hub.constants.HF_HUB_CACHE"):
        monkeypatch.setattr(constant, str(downloaded.parent))
    return downloaded


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
    with pytest.raises(InputFault, match="example/scorer@v9: no such folder, and no such model repo within reach"):
        AestheticScorer.from_pretrained(REPO, revision="v9")


def test_a_folder_has_no_revisions(cached, tmp_path):
    shutil.copy(cached / "snapshots" / OLD / FILE_NAME, tmp_path)
    with pytest.raises(InputFault, match="a folder has no revisions, and 'v1' was asked for"):
        AestheticScorer.from_pretrained(tmp_path, revision="v1")


# On a Hub


class Pushed:
    """A scorer's repo on the loopback Hub to which versions are pushed, each with another model, config and measure."""

    def __init__(self, hub, api, processor, folder):
        self.hub, self.api, self.processor, self.folder = hub, api, processor, folder
        api.create_repo("ann/pushed", exist_ok=True)

    def push(self, seed: int, repo: str = "ann/pushed", *, measure: bool = True) -> str:
        """The commit of a version; nothing of it has the content of another one."""
        folder, entry = self.local(seed), None
        build_tiny_model(self.processor, seed=seed, **SMALL).save_pretrained(folder)
        self.processor.save_pretrained(folder)
        if measure:
            states = np.random.default_rng(seed).normal(size=(40, 32))
            entry = DistanceMeasure.fit(states[:20], states[20:]).save(folder)
        note, prompts = f"made with seed {seed}", Prompts().to_dict()
        ScorerConfig(dimensions=DIMENSIONS, prompts=prompts, calibration_note=note, out_of_distribution=entry).save(
            folder
        )
        return self.api.upload_folder(repo_id=repo, folder_path=folder).oid

    def local(self, seed: int) -> Path:
        return self.folder / str(seed)

    def resolved(self) -> set[str]:
        """The revisions under which files of the repo were asked for since the Hub was calm."""
        calls = [one["call"] for one in self.hub.calls("/ann/pushed/resolve/")]
        return {call.split("/resolve/")[1].split("/")[0] for call in calls}


@pytest.fixture
def pushed(hub, tmp_path, monkeypatch):
    for constant in ("huggingface_hub.constants.HF_HUB_CACHE", "transformers.utils.hub.constants.HF_HUB_CACHE"):
        monkeypatch.setattr(constant, str(tmp_path / "cache"))
    return Pushed(hub, HfApi(endpoint=hub.url, token="hf_ann"), build_processor(DIMENSIONS), tmp_path)


def test_a_push_between_two_files_never_mixes_two_versions(pushed, image, monkeypatch):
    first = pushed.push(1)
    load, second = ScorerConfig.load.__func__, []

    def load_then_push(cls, *given, **options):
        config = load(cls, *given, **options)
        second.append(pushed.push(2))
        return config

    pushed.hub.calm()
    with monkeypatch.context() as hooked:
        hooked.setattr(ScorerConfig, "load", classmethod(load_then_push))
        scorer = AestheticScorer.from_pretrained("ann/pushed", device="cpu")
    assert scorer.commit == first != second[0] == pushed.api.model_info("ann/pushed").sha
    assert pushed.resolved() == {"main", first}  # the branch was looked up once, for the first file
    asked = [one["call"] for one in pushed.hub.calls("/ann/pushed/resolve/main/")]
    assert {call.rsplit("/", 1)[1] for call in asked} == {FILE_NAME}
    assert scorer.config.calibration_note == "made with seed 1"
    table = scorer.score([image])
    wanted = AestheticScorer.from_pretrained(pushed.local(1), device="cpu").score([image])
    np.testing.assert_array_equal(table.mean, wanted.mean)
    np.testing.assert_array_equal(table.distance, wanted.distance)
    newest = AestheticScorer.from_pretrained("ann/pushed", device="cpu")
    assert newest.commit == second[0] and np.abs(newest.score([image]).mean - table.mean).max() > 1e-3


def test_a_push_while_a_judge_is_loaded_does_not_mix_either(pushed, monkeypatch):
    from transformers import AutoConfig

    first = pushed.push(3, measure=False)
    read = AutoConfig.from_pretrained

    def read_then_push(*given, **options):
        config = read(*given, **options)
        pushed.push(4)
        return config

    with monkeypatch.context() as hooked:
        hooked.setattr(AutoConfig, "from_pretrained", read_then_push)
        judge = Judge.from_pretrained("ann/pushed", dimensions=DIMENSIONS, device="cpu")
    assert judge.revision == f"ann/pushed@{first}" and judge.commit_of("ann/pushed") == first
    assert weights_hash("ann/pushed", judge.model) == weights_hash(pushed.local(3), None)
    assert judge.commit_of("ann/other") is None and judge.commit_of("") is None


def test_an_adapter_is_put_on_the_base_of_the_commit_that_it_was_trained_on(pushed, image, monkeypatch):
    from peft import LoraConfig, get_peft_model

    pushed.api.create_repo("ann/pushed-base", exist_ok=True)
    trained_on = pushed.push(5, repo="ann/pushed-base", measure=False)
    model, _ = load_model("ann/pushed-base", revision=trained_on, device="cpu")
    config = {
        "form": "adapter",
        "base": "ann/pushed-base",
        "base_revision": f"ann/pushed-base@{trained_on}",
        "dimensions": DIMENSIONS,
    }
    folder = pushed.folder / "adapter"
    pushed.processor.save_pretrained(folder)
    hashes = {BASE_WEIGHTS: weights_hash("ann/pushed-base", model)}
    ScorerConfig(prompts=Prompts().to_dict(), hashes=hashes, **config).save(folder)
    with pytest.MonkeyPatch.context() as quiet:  # as in `trainer/saving.py`
        quiet.setattr("warnings.warn", lambda *given, **options: None)
        lora = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
        lora.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    pushed.api.create_repo("ann/pushed-adapter", exist_ok=True)
    commit = pushed.api.upload_folder(repo_id="ann/pushed-adapter", folder_path=folder).oid
    pushed.push(6, repo="ann/pushed-base", measure=False)
    scorer = AestheticScorer.from_pretrained("ann/pushed-adapter", revision=commit, device="cpu")
    local = AestheticScorer.from_pretrained(folder, base=pushed.local(5), device="cpu")
    np.testing.assert_array_equal(scorer.score([image]).mean, local.score([image]).mean)
    bases = {one["call"].split("/resolve/")[1].split("/")[0] for one in pushed.hub.calls("/ann/pushed-base/resolve/")}
    assert bases == {trained_on}


def test_the_commands_take_a_revision_and_say_which_commit_it_is(pushed, image, tmp_path, capsys):
    old, new = pushed.push(7), pushed.push(8)
    pushed.api.create_tag("ann/pushed", tag="v7", revision=old)
    image.save(tmp_path / "painting.png")
    for given, commit, seed in ((["--revision", "v7"], old, 7), ([], new, 8)):
        words = ["score", tmp_path / "painting.png", "--model", "ann/pushed", *given, "--format", "json"]
        with pytest.raises(SystemExit) as ending:
            main([str(word) for word in words])
        said = capsys.readouterr()
        assert not ending.value.code and f"note: ann/pushed at commit {commit}" in said.err
        wanted = AestheticScorer.from_pretrained(pushed.local(seed), device="cpu").score(tmp_path / "painting.png")
        assert json.loads(said.out)["scores"][0]["overall"] == wanted.mean[0, 1]


@pytest.mark.parametrize("command", ["score", "demo", "judge", "predict"])
def test_a_revision_of_a_folder_is_refused_by_each_command(command, cached, image, tmp_path, capsys):
    (tmp_path / "images").mkdir()
    for i in range(12):
        Image.fromarray(np.full((40, 40, 3), 20 * i, dtype=np.uint8)).save(tmp_path / "images" / f"{i}.png")
    model = ["--model", cached / "snapshots" / OLD, "--revision", "v1"]
    images = tmp_path / "images"
    words = {
        "score": ["score", images],
        "demo": ["demo"],
        "judge": ["judge", "--images", images, "--out", tmp_path / "judged"],
        "predict": ["predict", "--images", images, "--out", tmp_path / "predicted"],
    }[command]
    with pytest.raises(SystemExit) as ending:
        main([str(word) for word in [*words, *model]])
    said = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert ending.value.code == 2 and "no revisions" in said
    assert not (tmp_path / "judged").exists() and not (tmp_path / "predicted").exists()


def test_a_file_of_a_folder_has_no_revision(cached):
    with pytest.raises(InputFault, match="a folder has no revisions"):
        find_file(cached / "snapshots" / OLD, FILE_NAME, revision="v1")
    with pytest.raises(InputFault, match="a folder has no revisions"):
        load_model(cached / "snapshots" / OLD, revision="v1")
