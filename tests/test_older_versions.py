"""What users have on disk, made by older versions, opens and gives what it gave; see tests/older_versions/README.md."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from datasets import load_dataset
from transformers import AutoModelForImageTextToText, AutoProcessor, TrainerCallback

from ppaint.cli.main import main
from ppaint.images import open_image
from ppaint.model_card import AestheticScorer, Judge
from ppaint.trainer import (
    JudgmentStore,
    PSDistillConfig,
    PSDistillExactConfig,
    PSDistillExactTrainer,
    PSDistillTrainer,
    PseudoScores,
    ReferencePool,
)

# TRL and peft ask transformers 5 for activation checkpointing under names that it is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing.*` is deprecated:FutureWarning")
MADE = Path(__file__).parent / "older_versions" / "commit_039d0e2"
RECORDED = json.loads((MADE / "recorded.json").read_text(encoding="utf-8"))
STRANGE = json.loads((MADE / "strange/recorded.json").read_text(encoding="utf-8"))
RENAMED = {
    "depth": "distance",
    "out_of_depth": "out_of_distribution",
}  # a column or key then -> what it is called today
DIMENSIONS = ("brushwork", "overall")
IMAGES = sorted((MADE / "images").iterdir())
INPUTS = ("model", "images", "pseudo_labels", "out", "title", "export", "base_repo")
TRAINERS = {
    "exact": (PSDistillExactTrainer, PSDistillExactConfig),
    "sampled": (PSDistillTrainer, PSDistillConfig),
}


def run(*words) -> int:
    """Exit status of a command."""
    with pytest.raises(SystemExit) as ending:
        main([str(word) for word in words])
    return int(ending.value.code or 0)


def in_todays_words(row: dict) -> dict:
    return {RENAMED.get(key, key): value for key, value in row.items()}


def check_rows(rows: list[dict], recorded: list[dict], tolerance: float = 1e-5) -> None:
    """Scores by image are those that were recorded, the depth column among them."""
    wanted = [in_todays_words(row) for row in recorded]
    found = [{key: row[key] for key in wanted[0]} | {"name": Path(row["name"]).name} for row in rows]
    assert len(found) == len(wanted)
    depth, marked = (RENAMED.get(name, name) for name in ("depth", "out_of_depth"))
    for row, then in zip(found, wanted, strict=True):
        if abs(then[depth] - 1) < 1e-3:  # a held-out image set the threshold: rounding decides on which side it lies
            row, then = ({key: value for key, value in one.items() if key != marked} for one in (row, then))
        assert row == pytest.approx(then, abs=tolerance)


def check_logs(log: list[dict], kind: str) -> None:
    """Losses and held-out metrics of a training, step by step, are those that were recorded."""
    timing = ("_runtime", "_per_second", "step_time")
    assert len(log) == len(RECORDED["logs"][kind])
    for row, then in zip(log, RECORDED["logs"][kind], strict=True):
        figures = {key: value for key, value in in_todays_words(then).items() if not key.endswith(timing)}
        assert {key: row[key] for key in figures} == pytest.approx(figures, abs=1e-4, nan_ok=True)


# Scorers


@pytest.mark.parametrize("kind", ["merged", "adapter"])
def test_a_scorer_gives_the_scores_it_gave(kind):
    base = None if kind == "merged" else MADE / "model"
    scorer = AestheticScorer.from_pretrained(MADE / f"scorer_{kind}", base=base, device="cpu")
    table = scorer.score(IMAGES)
    check_rows(table.rows(), RECORDED["scores"][kind])
    check_rows(scorer.score(sorted((MADE / "strange").glob("*.png"))).rows(), STRANGE[kind])
    assert [row["name"] for row in STRANGE[kind] if not row["out_of_depth"]] == ["black.png", "noise.png", "white.png"]
    assert scorer.config.stated_scale == "0 to 9 before calibration; may lie outside"  # of before it was stated
    assert set(scorer.config.calibration) == set(DIMENSIONS) and np.ptp(table.mean, axis=0).min() > 0.1


@pytest.mark.parametrize("kind", ["merged", "adapter"])
def test_ppaint_score_takes_it(kind, tmp_path):
    base = [] if kind == "merged" else ["--base", MADE / "model"]
    words = ["score", MADE / "images", "--model", MADE / f"scorer_{kind}", *base]
    assert run(*words, "--format", "csv", "--out", tmp_path / "scores.csv") == 0
    check_rows(pd.read_csv(tmp_path / "scores.csv").to_dict("records"), RECORDED["scores"][kind])


# Judgments and pseudo-scores


def test_judgments_are_read_without_a_judge(tmp_path):
    folder = shutil.copytree(MADE / "judged/judgments", tmp_path / "judgments")
    with JudgmentStore.open_finished(folder) as store:
        assert len(store) == len(RECORDED["judgments"]) and store.dimensions == DIMENSIONS
        found = store.log_odds([(row["first"], row["second"]) for row in RECORDED["judgments"]])
    np.testing.assert_array_equal(found, [row["log_odds"] for row in RECORDED["judgments"]])


def test_ppaint_judge_resumes_it_and_asks_nothing(tmp_path):
    folder = shutil.copytree(MADE / "judged", tmp_path / "judged")
    names = ("judgments.jsonl", "plan.jsonl", "ratings.jsonl", "cost.jsonl")
    before = {name: (folder / "judgments" / name).read_bytes() for name in names}
    asked = [word for name in DIMENSIONS for word in ("--dimension", name)]
    words = ["--images", MADE / "images", "--out", folder, "--model", MADE / "model", *asked, "--opponents", 4]
    assert run("judge", *words) == 0
    for name in names[:3]:
        assert (folder / "judgments" / name).read_bytes() == before[name], name
    costs = [json.loads(line) for line in (folder / "judgments/cost.jsonl").read_text().splitlines()]
    assert sum(row.get("passes", 0) for row in costs) == 8  # all of them made then


def test_judgments_of_format_2_are_read_and_nothing_is_asked_again(tmp_path):
    folder = shutil.copytree(MADE.parent / "judgments_format_2", tmp_path / "judged")
    then = pd.read_parquet(folder / "judgments/judgments.parquet")
    before = {
        name: (folder / "judgments" / name).read_bytes() for name in ("plan.bin", "judgments.bin", "ratings.jsonl")
    }
    with JudgmentStore.open_finished(folder / "judgments") as store:
        assert store.format == 2 and len(store) == len(then) == len(RECORDED["judgments"])
        found = store.log_odds(list(zip(then["first"], then["second"], strict=True)))
        recorded = store.log_odds([(row["first"], row["second"]) for row in RECORDED["judgments"]])
    np.testing.assert_array_equal(found, then[[f"{name}_log_odds" for name in DIMENSIONS]])
    np.testing.assert_allclose(recorded, [row["log_odds"] for row in RECORDED["judgments"]], atol=1e-5)
    asked = [word for name in DIMENSIONS for word in ("--dimension", name)]
    words = ["--images", MADE / "images", "--out", folder, "--model", MADE / "model", *asked, "--opponents", 4]
    assert run("judge", *words) == 0
    for name, content in before.items():
        assert (folder / "judgments" / name).read_bytes() == content, name


def test_ppaint_pseudo_label_finds_all_that_it_asks_for(tmp_path):
    """The same pairs serve the same images; the scores have the precision that these judgments ask for, no longer 0.1."""
    judged = shutil.copytree(MADE / "judged", tmp_path / "judged")
    assert run("pseudo-label", "--judgments", judged, "--out", tmp_path / "labels", "--min-reliability", 0) == 0
    for file in ("pool/pool.parquet", "pseudo_scores/pseudo_scores.parquet", "pseudo_scores/judged_pairs.parquet"):
        then = pd.read_parquet(MADE / "labels" / file).rename(columns=RENAMED)
        found = pd.read_parquet(tmp_path / "labels" / file)[then.columns]
        scored = [name for name in then if name.startswith(tuple(DIMENSIONS)) and not name.endswith(("ward", "_games"))]
        pd.testing.assert_frame_equal(found.drop(columns=scored), then.drop(columns=scored), rtol=1e-9)
        for name in set(scored) & set(DIMENSIONS):
            assert found[name].corr(then[name]) > 0.95
    assert (tmp_path / "labels/fitness/judge_fitness.md").is_file()


def test_pool_and_pseudo_scores_load():
    pool, scores = ReferencePool.load(MADE / "labels/pool"), PseudoScores.load(MADE / "labels/pseudo_scores")
    assert pool.hash == RECORDED["pool"] and scores.hash == RECORDED["pseudo_scores"]
    assert len(scores.images) == 20 and scores.in_pool.sum() == len(pool.images) == 10


# Datasets


def test_a_dataset_loads(tmp_path):
    folder = shutil.copytree(MADE / "dataset", tmp_path / "dataset")
    fused = load_dataset(str(folder))
    assert list(fused) == ["landscape", "figure"] and fused["figure"][1]["image"].size == (128, 96)
    for file, then in RECORDED["release"]["fused"].items():
        table = fused[file.split("-")[0]].remove_columns("image").to_pandas()
        wanted = pd.DataFrame(then).rename(columns=RENAMED)
        pd.testing.assert_frame_equal(table[wanted.columns], wanted, check_dtype=False, rtol=1e-9)
    for config, rows in {"paintings": 16, "ratings": 96, "pairs": 336}.items():
        assert sum(len(split) for split in load_dataset(str(folder), config).values()) == rows


def test_ppaint_evaluate_reads_it(tmp_path):
    words = ["--predictions", MADE / "predictions.csv", "--dataset", MADE / "dataset"]
    assert run("evaluate", *words, "--json", tmp_path / "figures.json") == 0
    found = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    then = RECORDED["release"]["evaluation"]
    compared = numbers(then)
    compared.pop("/predictions", None)  # the path that was given
    # Of eight paintings, resamples that equal the figure but for rounding fell on either side of it by the last digit.
    moved = json.loads((MADE.parent / "moved_intervals.json").read_text(encoding="utf-8"))
    assert len(moved) == 20 and all(key.endswith(("/low", "/high")) and compared[key] is not None for key in moved)
    compared |= moved
    assert len(compared) > 100 and {key: numbers(found).get(key) for key in compared} == pytest.approx(
        compared, abs=1e-9
    )


def numbers(tree, path: str = "") -> dict:
    """The leaves of a JSON tree by their path."""
    if isinstance(tree, dict):
        return {k: v for name, branch in tree.items() for k, v in numbers(branch, f"{path}/{name}").items()}
    if isinstance(tree, list):
        return {k: v for i, branch in enumerate(tree) for k, v in numbers(branch, f"{path}/{i}").items()}
    return {path: tree}


# Runs that were killed


class WhereItBegins(TrainerCallback):
    """Notes the step that a training goes on from."""

    def on_train_begin(self, args, state, control, **more):
        self.step = state.global_step


@pytest.mark.parametrize("kind", list(TRAINERS))
def test_a_trainer_resumes_from_its_checkpoint(kind, tmp_path):
    trainer_class, config_class = TRAINERS[kind]
    folder = shutil.copytree(MADE / kind / "checkpoints", tmp_path / "checkpoints")
    options = yaml.safe_load((MADE / f"{kind}.yaml").read_text(encoding="utf-8"))
    args = config_class(output_dir=str(folder), **{k: v for k, v in options.items() if k not in INPUTS})
    images = [open_image(path) for path in IMAGES]
    processor = AutoProcessor.from_pretrained(MADE / "model")
    model = AutoModelForImageTextToText.from_pretrained(MADE / "model")
    features = Judge(model, processor, DIMENSIONS).features(images)
    scores, begins = PseudoScores.load(MADE / "labels/pseudo_scores"), WhereItBegins()
    data = {"features": features, "images": images, "scores": scores, "callbacks": [begins]}
    trainer = trainer_class(model, args, processor, **data)
    trainer.train_from_newest()
    assert begins.step == 2 and trainer.state.global_step == 6
    newest = json.loads((folder / "checkpoint-6/trainer_state.json").read_text(encoding="utf-8"))
    check_logs(newest["log_history"], kind)


def test_ppaint_distill_resumes_a_killed_run_and_ends_at_the_recorded_scores(tmp_path):
    folder = shutil.copytree(MADE / "exact", tmp_path / "exact")
    given = [f"model={MADE / 'model'}", f"images={MADE / 'images'}", f"pseudo_labels={MADE / 'labels'}"]
    assert run("distill", "--config", MADE / "exact.yaml", *given, f"out={folder}") == 0
    table = AestheticScorer.from_pretrained(folder / "scorer", device="cpu").score(IMAGES)
    check_rows(table.rows(), RECORDED["scores"]["merged"], 1e-4)


def test_another_runs_checkpoints_are_refused_and_stay(tmp_path, capsys):
    folder = shutil.copytree(MADE / "exact", tmp_path / "exact")
    given = [f"model={MADE / 'model'}", f"images={MADE / 'images'}", f"pseudo_labels={MADE / 'labels'}"]
    assert run("distill", "--config", MADE / "exact.yaml", *given, f"out={folder}", "learning_rate=0.5") == 2
    assert "learning_rate" in capsys.readouterr().err and (folder / "checkpoints/checkpoint-2").is_dir()


@pytest.mark.parametrize("name", ["own_images", "quickstart", "reproduce"])
def test_a_run_folder_of_another_run_is_refused_and_left_as_it_is(name, tmp_path, capsys):
    seen = [word for one in DIMENSIONS for word in ("--dimension", one)]
    words = {
        "own_images": ["quickstart", "--images", MADE / "images", *seen],
        "quickstart": ["quickstart"],
        "reproduce": ["reproduce", "--dataset", MADE / "dataset", "--images", MADE / "images"],
    }[name]
    folder = shutil.copytree(MADE / "begun" / name, tmp_path / name)
    before = (folder / "run.json").read_bytes()
    assert run(*words, "--model", MADE / "model", "--seed", 7, "--out", folder) == 2
    assert "run.json" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["run.json"] and (folder / "run.json").read_bytes() == before
