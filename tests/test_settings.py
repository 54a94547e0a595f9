"""Every setting of a training run is checked by its key before anything is read, claimed or written."""

from __future__ import annotations

import dataclasses

import pytest

from ppaint.cli.main import main
from ppaint.images import InputFault
from ppaint.trainer import PSDistillExactConfig
from ppaint.trainer.estimator import Estimator, config_class
from ppaint.trainer.psdistill_config import PSDistillConfig
from ppaint.trainer.setting_values import BOUNDS, LARGEST_SEED
from ppaint.trainer.training_config import read_config

GIVEN = "images: a\npseudo_labels: b\nout: c\n"
NO_NUMBER = {
    "learning_rate": ["1e-3x", "-1", "0", "[", "[1e-3]", "nan", ".nan", "inf", "true", "", "{a: 1}", "1e400", "one"],
    "max_steps": ["6.5", "six", "0", "-1", "true", "", "nan", "[6]", "6 steps", "1" * 400],
    "seed": ["abc", "-1", "1.5", "", str(LARGEST_SEED + 1), "true", "0x1g"],
    "lora_r": ["4.5", "-1", "true", "r"],
    "per_device_train_batch_size": ["0", "-4", "2.5", "", "32x"],
    "per_device_eval_batch_size": ["0", "nan"],
    "gradient_accumulation_steps": ["0", "-1"],
    "beta": ["abc", "-0.1", "nan", "inf", "", "false"],
    "save_steps": ["abc", "0", "-10", "1.5", "nan"],
    "eval_steps": ["0", "2.5", "x"],
    "warmup_steps": ["-1", "2.5", "inf", "x"],
    "held_out_fraction": ["1", "-0.1", "15%", "nan"],
    "min_opponents": ["0", "7.5"],
    "weight_decay": ["-1", "nan"],
    "max_grad_norm": ["-1", "inf"],
    "adam_beta2": ["1", "x"],
    "use_confidence": ["maybe", "2", ""],
    "lora_target_modules": ["q_proj", "5"],
    "objective": ["5", "best", ""],
    "optim": ["best"],
    "eval_strategy": ["sometimes"],
    "out": ["[a]", ""],
}
SAMPLED = {
    "num_generations": ["1", "8.5", "x"],
    "temperature": ["0", "-1", "nan", "hot"],
    "top_p": ["0", "1.5"],
    "max_completion_length": ["0", "x"],
    "num_iterations": ["0"],
}
CASES = [
    *((Estimator.exact, key, value) for key, values in NO_NUMBER.items() for value in values),
    *((Estimator.sampled, key, value) for key, values in SAMPLED.items() for value in values),
]


def faults(path, overrides=(), estimator=Estimator.exact):
    with pytest.raises(InputFault) as caught:
        read_config(path, list(overrides), estimator)
    return caught.value.faults


@pytest.fixture
def given(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(GIVEN, encoding="utf-8")
    return path


@pytest.mark.parametrize(("estimator", "key", "value"), CASES)
def test_a_value_that_cannot_be_meant_is_refused_by_its_key(given, estimator, key, value):
    (fault,) = faults(given, [f"{key}={value}"], estimator)
    assert fault.row in (key, f"{key}={value}") and fault.file in ("command line", str(given))


@pytest.mark.parametrize(("estimator", "key", "value"), [case for case in CASES if case[1] != "out" and case[2] != "["])
def test_in_the_file_too(given, estimator, key, value):
    given.write_text(f"{GIVEN}{key}: {value}\n", encoding="utf-8")
    (fault,) = faults(given, (), estimator)
    assert (fault.file, fault.row) == (str(given), key)


def test_all_of_them_at_once(given):
    found = faults(given, ["learning_rate=-1", "seed=x", "lora_rank=8", "max_steps=1.5", "beta"])
    assert {fault.row for fault in found} == {"learning_rate", "seed", "lora_rank", "max_steps", "beta"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("learning_rate=3e-4", 3e-4),
        ("learning_rate=1E-3", 1e-3),
        ("learning_rate='2e-4'", 2e-4),
        ("max_steps=1_000", 1000),
        ("max_steps=6.0", 6),
        ("seed=010", 10),
        ("lora_r=0", 0),
        ("warmup_steps=2", 2),
        ("warmup_steps=0.1", 0.1),
        ("eval_steps=0.5", 0.5),
        ("bf16=no", False),
        ("eval_strategy=no", "no"),
        ("save_total_limit=", None),
        ("lora_target_modules=[q_proj, v_proj]", ["q_proj", "v_proj"]),
        ("run_name=2024", "2024"),
        ("lr_scheduler_type=cosine", "cosine"),
    ],
)
def test_what_is_meant_is_read_as_it_is_meant(given, written, value):
    held = ["held_out_fraction=0"] if "eval_strategy" in written else []
    _, options = read_config(given, [written, *held])
    found = options[written.partition("=")[0]]
    assert found == value and type(found) is type(value)


def test_a_folder_may_have_the_name_of_a_number(given):
    inputs, _ = read_config(given, ["out=010", "title=no", "images=2024-01-01"])
    assert inputs == {"out": "010", "title": "no", "images": "2024-01-01", "pseudo_labels": "b"}


def test_a_key_that_stands_in_the_file_twice_is_refused(given):
    given.write_text(f"{GIVEN}lora_r: 8\nlora_r: 16\n", encoding="utf-8")
    (fault,) = faults(given)
    assert "'lora_r' stands here twice, line 5" in fault.what


@pytest.mark.parametrize(
    "value", ["!!timestamp x", "!!bool x", "!!int ''", "!!int x", "{[a]: b}", "{{a: 1}: b}", "[" * 3000]
)
def test_what_no_yaml_can_hold_is_one_fault(given, value):
    (fault,) = faults(given, [f"learning_rate={value}"])
    assert fault.row.startswith("learning_rate") and "YAML" in fault.what
    given.write_text(f"{GIVEN}learning_rate: {value}\n", encoding="utf-8")
    (fault,) = faults(given)
    assert fault.file == str(given) and "YAML" in fault.what


def test_settings_that_do_not_go_together_are_named_together(given):
    (fault,) = faults(given, ["save_steps=7", "eval_steps=3", "learning_rate=1e-3"])
    assert set(fault.row.split(", ")) == {"save_steps", "eval_steps"}
    (fault,) = faults(given, ["vision_lora_r=4", "learning_rate=1e-3"])
    assert fault.row == "vision_lora_r" and "needs lora_r" in fault.what


@pytest.mark.parametrize("arguments", [PSDistillExactConfig, PSDistillConfig])
def test_in_python_a_number_out_of_bounds_is_refused_by_its_name(arguments, tmp_path):
    for name, value in (("learning_rate", -1.0), ("beta", float("nan")), ("lora_r", -1), ("seed", -1)):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            arguments(output_dir=str(tmp_path), **{name: value})


def test_every_bound_is_of_a_setting():
    fields = {field.name for estimator in Estimator for field in dataclasses.fields(config_class(estimator))}
    assert BOUNDS.keys() <= fields


@pytest.mark.parametrize(
    "words",
    [
        ["distill", "--config", "run.yaml", "learning_rate=1e-3x"],
        ["plan", "--config", "run.yaml", "--json", "plan.json", "learning_rate=1e-3x"],
        ["reproduce", "--config", "own.yaml", "--model", "absent", "--annotations", "absent", "--out", "c"],
    ],
)
def test_no_command_reads_claims_or_writes_anything_then(words, given, monkeypatch, capsys):
    monkeypatch.chdir(given.parent)
    (given.parent / "own.yaml").write_text("learning_rate: 1e-3x\n", encoding="utf-8")
    with pytest.raises(SystemExit) as ending:
        main(words)
    assert ending.value.code == 2 and "learning_rate" in capsys.readouterr().err
    assert sorted(path.name for path in given.parent.iterdir()) == ["own.yaml", "run.yaml"]


@pytest.mark.parametrize(
    "words",
    [
        ["judge", "--images", "a", "--out", "b", "--seed", "-1"],
        ["judge", "--images", "a", "--out", "b", "--pool-size", "6.5"],
        ["judge", "--images", "a", "--out", "b", "--batch-size", "nan"],
        ["pseudo-label", "--judgments", "a", "--out", "b", "--min-reliability", "nan"],
        ["quickstart", "--out", "b", "--seed", str(LARGEST_SEED + 1)],
        ["quickstart", "--out", "b", "--steps", "0"],
        ["reproduce", "--model", "tiny", "--out", "b", "--seed", str(LARGEST_SEED + 1)],
        ["plan", "--config", "run.yaml", "--tflops", "inf"],
        ["plan", "--config", "run.yaml", "--images", "6.5"],
    ],
)
def test_options_of_the_commands_that_are_no_numbers(words, given, monkeypatch, capsys):
    monkeypatch.chdir(given.parent)
    with pytest.raises(SystemExit) as ending:
        main(words)
    assert ending.value.code == 2 and words[-2] in capsys.readouterr().err
    assert [path.name for path in given.parent.iterdir()] == ["run.yaml"]
