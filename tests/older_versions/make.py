"""Makes one small specimen of each thing that users have on disk, with the code that is installed.

    HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 python tests/older_versions/make.py NEW_FOLDER

It runs on the commit that NEW_FOLDER is named after, and is kept as it was there: later commits need not be able to run it.
All numbers come from random weights and from invented judgments.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image

from ppaint.cli.main import main
from ppaint.model_card import AestheticScorer
from ppaint.trainer import PseudoScores, ReferencePool
from ppaint.trainer.tiny_judge.architecture import build_processor, build_tiny_model

DIMENSIONS = ("brushwork", "overall")
BASE_REPO = "example/specimen-model"  # exists nowhere: an adapter's base is given as a folder
STEPS = 6
PACKAGES = ("ppaint", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "numpy", "pyarrow", "pillow")
TRAINING = {
    "model": "model",
    "images": "images",
    "pseudo_labels": "labels",
    "title": "A specimen of random weights: its scores mean nothing",
    "max_steps": STEPS,
    "eval_steps": 2,
    "save_steps": 2,
    "logging_steps": 1,
    "eval_on_start": False,
    "held_out_fraction": 0.4,
    "learning_rate": 0.002,
    "min_opponents": 3,
    "use_cpu": True,
    "seed": 3,
}
EXACT = TRAINING | {"out": "exact", "per_device_train_batch_size": 6}
SAMPLED = TRAINING | {
    "out": "sampled",
    "export": "adapter",
    "base_repo": BASE_REPO,
    "lora_r": 2,
    "exact_conditions": True,
    "num_generations": 2,
    "per_device_train_batch_size": 24,
    "gradient_accumulation_steps": 1,
    "block_size": 6,
    "activation_checkpointing": False,
}


def ppaint(*words) -> None:
    """Run a ``ppaint`` command, and stop where it fails."""
    print("ppaint", *words, flush=True)
    try:
        main([str(word) for word in words])
    except SystemExit as ending:
        if ending.code:
            raise


def kill_when(words: list, there) -> None:
    """Start a ``ppaint`` command, and kill it as soon as ``there()`` holds."""
    print("ppaint", *words, "# and kill it", flush=True)
    command = [sys.executable, "-m", "ppaint.cli.main", *map(str, words)]
    working = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not there():
        if working.poll() is not None:
            raise SystemExit(f"ended by itself: {words}")
        time.sleep(0.0005)
    working.send_signal(signal.SIGKILL)
    working.wait()


def make_model() -> None:
    """A Qwen3-VL of random weights, half a megabyte, with some made larger so that answers differ from image to image."""
    processor = build_processor(DIMENSIONS)
    model = build_tiny_model(processor, seed=2, hidden_size=32, text_layers=1, vision_layers=1)
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(12)  # tied to the logits
        for weight in model.model.language_model.layers.parameters():
            if weight.ndim > 1:  # not the norms
                weight.mul_(16)
    model.save_pretrained("model")
    processor.save_pretrained("model")


def make_images() -> None:
    """Twenty images of coarse patches, some dark and some light, of three shapes."""
    Path("images").mkdir()
    for i in range(20):
        rng = np.random.default_rng(i)
        shape = ((96, 128), (128, 96), (96, 96))[i % 3]
        coarse = np.clip(rng.uniform(20, 235) + rng.normal(0, 40, (shape[0] // 16, shape[1] // 16, 3)), 0, 255)
        Image.fromarray(coarse.astype(np.uint8).repeat(16, 0).repeat(16, 1)).save(f"images/{i:02d}.png")


def make_labels() -> None:
    """What `ppaint judge` and `ppaint pseudo-label` write."""
    asked = [word for name in DIMENSIONS for word in ("--dimension", name)]
    ppaint("judge", "--images", "images", "--out", "judged", "--model", "model", *asked, "--opponents", 4)
    ppaint("pseudo-label", "--judgments", "judged", "--out", "labels", "--min-reliability", 0)


def make_scorer(config: dict, estimator: str, kept: str) -> list[dict]:
    """A run killed half-way, and the scorer that it ends with when it goes on; returns its log."""
    folder = Path(config["out"])
    file = f"{folder}.yaml"
    Path(file).write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    words = ["distill", "--config", file, "--estimator", estimator]
    for _ in range(20):  # until it is killed between two checkpoints, and not while one is written
        kill_when(words, (folder / "checkpoints/checkpoint-2").is_dir)
        if {path.name for path in (folder / "checkpoints").iterdir()} == {"run.json", "checkpoint-2"}:
            break
        shutil.rmtree(folder)
    else:
        raise SystemExit("every kill came at the wrong moment: run it again")
    ended = f"{folder}-ended"
    shutil.copytree(folder, ended)
    ppaint(*words, f"out={ended}")
    state = json.loads(Path(ended, f"checkpoints/checkpoint-{STEPS}/trainer_state.json").read_text(encoding="utf-8"))
    shutil.move(f"{ended}/scorer", kept)
    shutil.rmtree(ended)
    return state["log_history"]


def scores(folder: str, base: str | None = None, of: str = "images") -> list[dict]:
    """What a scorer says of the images, a row each."""
    table = AestheticScorer.from_pretrained(folder, base=base, device="cpu").score(sorted(Path(of).iterdir()))
    return [row | {"name": Path(row["name"]).name} for row in table.rows()]


def make_strange() -> None:
    """Images unlike the training images, and what both scorers say of them; run alone, after the rest."""
    Path("strange").mkdir()
    noise = np.random.default_rng(0).integers(0, 2, (64, 192, 3), dtype=np.uint8) * 255
    Image.fromarray(noise).save("strange/noise.png")
    for colour in ("white", "black", "red", "lime", "blue", "yellow", "cyan"):
        Image.new("RGB", (64, 64), colour).save(f"strange/{colour}.png")
    found = {"merged": scores("scorer_merged", of="strange"), "adapter": scores("scorer_adapter", "model", "strange")}
    Path("strange/recorded.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def write_raw_export() -> None:
    """A raw annotation export, small and invented: two categories of eight paintings, half of them with an image."""
    rng = np.random.default_rng(0)
    raw, pictures = Path("raw"), sorted(Path("images").iterdir())
    (raw / "images").mkdir(parents=True)
    paintings, ratings, pairs = [], [], []
    for number, category in enumerate(("landscape", "figure")):
        names = [f"{category}_{i}" for i in range(8)]
        for i, name in enumerate(names):
            file = f"images/{name}.png" if i % 2 else ""
            if file:
                shutil.copy(pictures[8 * number + i], raw / file)
            paintings.append((name, category, file))
        quality = rng.normal(0, 1.5, (8, len(DIMENSIONS)))
        for expert in (f"simulated_{category}_{i}" for i in range(3)):
            for k, dimension in enumerate(DIMENSIONS):
                seen = quality[:, k] + rng.normal(0, 0.6, 8)
                marks = np.clip(np.rint(5.5 + 1.6 * seen), 1, 10).astype(int)
                ratings += [(name, expert, dimension, mark) for name, mark in zip(names, marks, strict=True)]
                for i, j in combinations(range(8), 2):
                    gap = quality[i, k] - quality[j, k] + rng.normal(0, 1)
                    choice = "tie" if abs(gap) < 0.2 else "a" if gap > 0 else "b"
                    pairs.append((names[i], names[j], expert, dimension, choice))
    for name, rows, columns in (
        ("paintings", paintings, ["painting_id", "category", "file"]),
        ("ratings", ratings, ["painting_id", "expert_id", "dimension", "rating"]),
        ("pairs", pairs, ["painting_a", "painting_b", "expert_id", "dimension", "choice"]),
    ):
        pd.DataFrame(rows, columns=columns).to_csv(raw / f"{name}.csv", index=False)
    config = {"name": "specimen-simulated", "simulated": True, "categories": ["landscape", "figure"]}
    config |= {"dimensions": list(DIMENSIONS), "headline": "overall", "rating_scale": [1, 10], "repeats": "forbid"}
    config |= {"licence": "CC0-1.0", "citation": "none"}
    (raw / "annotations.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def make_dataset() -> dict:
    """A built release, and a table of predictions with the figures it gets."""
    write_raw_export()
    ppaint("build", "raw", "--out", "dataset")
    paintings = pd.read_csv("raw/paintings.csv")[["painting_id", "category"]]
    rng = np.random.default_rng(1)
    table = paintings.assign(**{name: rng.normal(size=len(paintings)).round(4) for name in DIMENSIONS})
    table.to_csv("predictions.csv", index=False)
    ppaint("evaluate", "--predictions", "predictions.csv", "--dataset", "dataset", "--json", "evaluation.json")
    figures = json.loads(Path("evaluation.json").read_text(encoding="utf-8"))
    Path("evaluation.json").unlink()
    fused = {path.name: pd.read_parquet(path) for path in sorted(Path("dataset/fused").glob("*.parquet"))}
    numbers = {file: rows.drop(columns="image").to_dict("list") for file, rows in fused.items()}
    return {"evaluation": figures, "fused": numbers}


def make_run_notes() -> None:
    """Whose run a folder of `quickstart` or `reproduce` is: its run.json alone, of runs killed at once."""
    seen = [word for name in DIMENSIONS for word in ("--dimension", name)]
    runs = {
        "own_images": ["quickstart", "--images", "images", "--model", "model", *seen],
        "quickstart": ["quickstart", "--model", "model"],
        "reproduce": ["reproduce", "--dataset", "dataset", "--images", "images", "--model", "model"],
    }
    for name, words in runs.items():
        kill_when([*words, "--out", f"begun/{name}"], Path(f"begun/{name}/run.json").is_file)
        for path in Path(f"begun/{name}").iterdir():
            if path.name != "run.json":
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def make_all() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True)
    os.chdir(out)  # so that no path of this machine is written
    make_model()
    make_images()
    make_labels()
    logs = {"exact": make_scorer(EXACT, "exact", "scorer_merged")}
    logs["sampled"] = make_scorer(SAMPLED, "sampled", "scorer_adapter")
    judgments = [json.loads(line) for line in Path("judged/judgments/judgments.jsonl").read_text().splitlines()]
    recorded = {
        "versions": {name: version(name) for name in PACKAGES},
        "python": sys.version.split()[0],
        "scores": {"merged": scores("scorer_merged"), "adapter": scores("scorer_adapter", "model")},
        "judgments": judgments,
        "pool": ReferencePool.load("labels/pool").hash,
        "pseudo_scores": PseudoScores.load("labels/pseudo_scores").hash,
        "logs": logs,
        "release": make_dataset(),
    }
    Path("recorded.json").write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree("raw")
    make_run_notes()


if __name__ == "__main__":
    make_all()
