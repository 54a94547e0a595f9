"""What makes two runs the same run: what decides the weights, and nothing else."""

import dataclasses
import json

import numpy as np
import pytest
from small_exact_run import make, same, weights
from transformers import Trainer
from trl import GRPOTrainer

from ppaint.images import InputFault
from ppaint.trainer import PSDistillConfig, PSDistillExactConfig, PSDistillExactTrainer, PSDistillTrainer
from ppaint.trainer.label_free_config import LabelFreeConfig
from ppaint.trainer.label_free_run import LabelFreeRun
from ppaint.trainer.run_identity import CHECKPOINTS_FORMAT, DEFINES_A_RUN
from ppaint.trainer.saving import WholeSaving

CONFIGS = (PSDistillExactConfig, PSDistillConfig)
# Where it writes and what it reports; how memory is used and which devices compute; what our trainers do not use.
DOES_NOT_DEFINE_A_RUN = set(
    """
    output_dir run_name project local_rank report_to disable_tqdm debug skip_memory_metrics
    logging_strategy logging_steps logging_first_step log_on_each_node logging_nan_inf_filter log_level log_level_replica
    include_num_input_tokens_seen trackio_space_id trackio_bucket_id trackio_static_space_id
    push_to_hub hub_token hub_private_repo hub_model_id hub_strategy hub_always_push hub_revision
    save_total_limit save_only_model save_on_each_node enable_jit_checkpoint
    log_completions log_multimodal num_completions_to_print log_unique_prompts log_completions_hub_repo

    per_device_train_batch_size per_device_eval_batch_size gradient_accumulation_steps steps_per_generation
    activation_checkpointing activation_checkpointing_kwargs gradient_checkpointing gradient_checkpointing_kwargs
    torch_empty_cache_steps torch_compile torch_compile_backend torch_compile_mode use_cache use_cpu full_determinism
    parallelism_config ddp_find_unused_parameters ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph ddp_backend
    ddp_timeout ds3_gather_for_generation pad_to_multiple_of cache_implementation transformers_continuous_batching_config
    vllm_mode vllm_model_impl vllm_enable_sleep_mode vllm_server_base_url vllm_server_host vllm_server_port
    vllm_server_timeout vllm_group_port vllm_gpu_memory_utilization vllm_max_model_length vllm_tensor_parallel_size
    dataloader_num_workers dataloader_pin_memory dataloader_persistent_workers dataloader_prefetch_factor
    dataloader_multiprocessing_context dataloader_in_order eval_do_concat_batches eval_use_gather_object
    eval_accumulation_steps

    num_train_epochs prediction_loss_only include_for_metrics batch_eval_metrics num_generations_eval do_train do_eval
    do_predict resume_from_checkpoint restore_callback_states_from_checkpoint dataloader_drop_last remove_unused_columns
    label_names train_sampling_strategy length_column_name shuffle_dataset max_tool_calling_iterations trust_remote_code

    exact_conditions
    """.split()
)


@pytest.fixture
def half_done(features, scores, tmp_path):
    """A run that was stopped after its second step, and the folder's note."""
    folder = tmp_path / "run"
    make(folder, features, scores, max_steps=2).train_from_newest()
    note = json.loads((folder / "run.json").read_text())
    return folder, note


def renote(folder, note, **changed):
    (folder / "run.json").write_text(json.dumps(note | changed))


def test_every_field_of_both_configs_is_in_exactly_one_list():
    known = {field.name for config in CONFIGS for field in dataclasses.fields(config)}
    assert not DEFINES_A_RUN & DOES_NOT_DEFINE_A_RUN
    assert known - DEFINES_A_RUN - DOES_NOT_DEFINE_A_RUN == set()
    assert (DEFINES_A_RUN | DOES_NOT_DEFINE_A_RUN) - known == set()


def test_another_layout_in_memory_and_another_log_are_the_same_run(half_done, features, scores):
    folder, note = half_done
    layout = {"per_device_train_batch_size": 6, "gradient_accumulation_steps": 2, "block_size": 12}
    more = {"per_device_eval_batch_size": 5, "logging_steps": 7, "save_total_limit": 5, "run_name": "another"}
    again = make(folder, features, scores, max_steps=2, **layout, **more)
    again.train_from_newest()
    assert again.state.global_step == 2 and json.loads((folder / "run.json").read_text()) == note


def test_other_rows_of_a_step_are_another_run(half_done, features, scores):
    twice = {"gradient_accumulation_steps": 2}
    with pytest.raises(InputFault, match="different: rows_a_step"):
        make(half_done[0], features, scores, max_steps=2, **twice).train_from_newest()


def test_the_same_answers_about_other_pairs_are_another_run(half_done, features, scores):
    pairs = dataclasses.replace(scores.judged, first=scores.judged.second, second=scores.judged.first)
    with pytest.raises(InputFault, match="different: pseudo_scores"):
        other = dataclasses.replace(scores, judged=pairs)
        make(half_done[0], features, other, max_steps=2).train_from_newest()


def test_other_held_out_judgments_are_another_run(half_done, features, scores):
    trainer = make(half_done[0], features, scores, max_steps=2)
    held = trainer.table.held_out_pairs
    trainer.table = dataclasses.replace(trainer.table, held_out_pairs=dataclasses.replace(held, delta=held.delta + 1))
    with pytest.raises(InputFault, match="different: pseudo_scores"):
        trainer.train_from_newest()


def test_a_newer_transformers_is_the_same_run(half_done, features, scores):
    folder, note = half_done
    settings = {name: value for name, value in note["settings"].items() if name != "use_liger_kernel"}
    settings |= {"dropped_since": 3, "accelerator_config": {**settings["accelerator_config"], "dropped": True}}
    del settings["accelerator_config"]["even_batches"]
    renote(folder, note, settings=settings)
    make(folder, features, scores, max_steps=2).train_from_newest()
    assert json.loads((folder / "run.json").read_text()) == note
    renote(folder, note, settings=settings)
    with pytest.raises(InputFault, match=r"different: use_liger_kernel\)"):
        trainer = make(folder, features, scores, max_steps=2)
        trainer.args.use_liger_kernel = True
        trainer.train_from_newest()


def test_a_note_of_an_older_version_is_taken_over(half_done, features, scores):
    """As older versions wrote it: no format, all settings, and a hash that does not know which pairs were judged."""
    folder, note = half_done
    trainer = make(folder, features, scores, max_steps=2)
    import hashlib

    digest = hashlib.sha256("\n".join(trainer.table.images).encode())
    for values in (trainer.table.elo, trainer.table.confidence, trainer.table.training_pairs.delta):
        digest.update(np.ascontiguousarray(values).tobytes())
    settings = json.loads(json.dumps(trainer.args.to_dict(), default=str)) | {"rows_a_step": 12}
    older = {"settings": settings, "starting_model": note["starting_model"], "pseudo_scores": digest.hexdigest()}
    renote(folder, older)
    trainer.train_from_newest()
    assert json.loads((folder / "run.json").read_text()) == note and note["format"] == CHECKPOINTS_FORMAT
    renote(folder, older, pseudo_scores="of others")
    with pytest.raises(InputFault, match="different: pseudo_scores"):
        make(folder, features, scores, max_steps=2).train_from_newest()


def test_a_folder_of_the_other_trainer_is_refused(half_done, features, scores):
    folder, note = half_done
    settings = {name: value for name, value in note["settings"].items() if name != "objective"}
    renote(folder, note, settings=settings)
    with pytest.raises(InputFault, match="different: the trainer"):
        make(folder, features, scores, max_steps=2).train_from_newest()


@pytest.mark.parametrize("text", ['{"format": 99}', "[]", '{"format"'])
def test_a_note_that_cannot_be_read_is_refused_and_says_what_stays_usable(text, half_done, features, scores):
    folder, _ = half_done
    (folder / "run.json").write_text(text)
    with pytest.raises(InputFault, match="each checkpoint here can still be loaded"):
        make(folder, features, scores, max_steps=2).train_from_newest()
    assert (folder / "run.json").read_text() == text and (folder / "checkpoint-2").is_dir()


def test_what_a_killed_run_left_is_cleared(half_done, features, scores):
    folder, _ = half_done
    for name in ("partial-checkpoint-4", ".checkpoint-2.99999999.old"):
        (folder / name).mkdir()
        (folder / name / "model.safetensors").write_bytes(b"torn")
    make(folder, features, scores, max_steps=2).train_from_newest()
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["checkpoint-0", "checkpoint-2"]


def test_with_one_checkpoint_the_newest_is_kept_beside_an_older_best(features, scores, tmp_path):
    """The parent would delete it at the end of training: a run started again would train again from the best."""
    trainer = make(tmp_path, features, scores, save_total_limit=1, max_steps=4)
    losses = [0.4, 0.1, 0.3]
    honest = trainer._determine_best_metric
    trainer._determine_best_metric = lambda metrics, trial: honest({"eval_log_loss": losses.pop(0)}, trial)
    trainer.train_from_newest()
    assert {path.name for path in tmp_path.glob("checkpoint-*")} == {"checkpoint-2", "checkpoint-4"}
    again = make(tmp_path, features, scores, save_total_limit=1, max_steps=4)
    steps = []
    again.training_step = lambda *given, **named: steps.append(given)
    again.train_from_newest()
    assert not steps and same(weights(trainer), weights(again))


@pytest.mark.parametrize("config", [LabelFreeConfig, *CONFIGS])
def test_every_field_is_documented_once(config):
    own = {field.name: field for field in dataclasses.fields(config) if field.name in config.__annotations__}
    for name, field in own.items():
        assert field.metadata.get("help"), name
        assert f"`{name}`" in config.__doc__ or f"        {name} (`" in config.__doc__, name
    if config is not LabelFreeConfig:
        assert not own.keys() & LabelFreeConfig.__annotations__.keys() and issubclass(config, LabelFreeConfig)


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (WholeSaving, Trainer),
        (LabelFreeRun, Trainer),
        (PSDistillExactTrainer, Trainer),
        (PSDistillTrainer, GRPOTrainer),
    ],
)
def test_every_overridden_method_stands_in_the_class_docstring(kind, parent):
    overridden = {name for name in vars(kind) if not name.startswith("__") and callable(getattr(parent, name, None))}
    assert overridden and [name for name in overridden if f"`{name}`" not in kind.__doc__] == []


def test_a_start_that_fails_claims_no_folder(features, scores, tmp_path):
    (tmp_path / "mine").mkdir()
    trainer = make(tmp_path / "mine" / "run", features, scores, optim="adamw_bnb_8bit", held_out_fraction=0)
    with pytest.raises(ImportError):  # known only when the optimiser is made
        trainer.train_from_newest()
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]
    make(tmp_path / "mine" / "run", features, scores, max_steps=2).train_from_newest()


def test_a_run_that_fails_after_its_first_checkpoint_keeps_its_claim(half_done, features, scores):
    folder, note = half_done
    trainer = make(folder, features, scores, max_steps=2)
    trainer.train = lambda **_: (_ for _ in ()).throw(RuntimeError("power cut"))
    with pytest.raises(RuntimeError):
        trainer.train_from_newest()
    assert json.loads((folder / "run.json").read_text()) == note
