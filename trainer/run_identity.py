"""Which run a folder of checkpoints belongs to: what defines a run is written first, and another run is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..foundation.faults import Fault, InputFault
from ..foundation.json_text import read_json
from ..foundation.run_folder import RUN_FILE
from ..foundation.whole_files import write_json
from .training_table import TrainingTable

EVIDENCE_FILE = "label_evidence.json"  # whether there was anything to train on, once it is known

# Of a checkpoint folder's RUN_FILE. Files without a number (1) name all settings there were, and do not say which pairs were judged.
CHECKPOINTS_FORMAT = 2

# Settings that decide the weights a run ends at. Where a run writes, what it logs, on which devices it computes and how
# its batches are laid out in memory do not define it; the rows of a step do (`rows_a_step`).
DEFINES_A_RUN = frozenset(
    {
        # transformers: optimiser, schedule, precision, order of the data
        *("max_steps", "learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "max_grad_norm"),
        *("optim", "optim_args", "optim_target_modules", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon"),
        *("average_tokens_across_devices", "label_smoothing_factor", "neftune_noise_alpha", "auto_find_batch_size"),
        *("bf16", "fp16", "bf16_full_eval", "fp16_full_eval", "tf32", "use_liger_kernel", "liger_kernel_config"),
        *("seed", "data_seed", "ignore_data_skip", "accelerator_config", "fsdp", "fsdp_config", "deepspeed"),
        # transformers: which checkpoint is kept
        *("eval_strategy", "eval_steps", "eval_delay", "eval_on_start", "save_strategy", "save_steps"),
        *("load_best_model_at_end", "metric_for_best_model", "greater_is_better"),
        # TRL: what is generated
        *("model_init_kwargs", "num_generations", "generation_batch_size", "max_completion_length", "temperature"),
        *("top_p", "top_k", "min_p", "repetition_penalty", "generation_kwargs", "chat_template_kwargs"),
        *("use_vllm", "vllm_structured_outputs_regex", "use_transformers_continuous_batching"),
        *("use_transformers_paged",),
        # TRL: the loss
        *("num_iterations", "epsilon", "epsilon_high", "delta", "importance_sampling_level", "loss_type"),
        *("sapo_temperature_neg", "sapo_temperature_pos", "vespo_k_pos", "vespo_lambda_pos", "vespo_k_neg"),
        *("vespo_lambda_neg", "reward_weights", "multi_objective_aggregation", "scale_rewards", "disable_dropout"),
        *("mask_truncated_completions", "sync_ref_model", "ref_model_mixup_alpha", "ref_model_sync_steps"),
        *("top_entropy_quantile", "entropy_coef", "use_adaptive_entropy", "entropy_coef_min", "entropy_coef_max"),
        *("entropy_coef_delta", "entropy_target", "off_policy_mask_threshold", "use_bias_correction_kl"),
        *("vllm_importance_sampling_correction", "vllm_importance_sampling_mode", "vllm_importance_sampling_cap"),
        *("vllm_importance_sampling_clip_max", "vllm_importance_sampling_clip_min", "cast_lm_head_to_fp32"),
        *("router_aux_loss_coef",),
        # PSDistill
        *("objective", "sampled_answers", "beta", "use_confidence", "soft_label_stretch", "block_size"),
        "min_opponents",
        *("lora_r", "lora_alpha", "lora_target_modules", "vision_lora_r", "held_out_fraction"),
        *("folds", "joint_fit", "label_spread"),
        *("score_tokens_only", "think_first", "think_prompt", "opponent_moments", "group_size_correction"),
    }
)


def run_identity(args, model, table: TrainingTable) -> dict[str, Any]:
    """What defines a run.

    Parameters
    ----------
    args : PSDistillExactConfig or PSDistillConfig
    model : Qwen3VLForConditionalGeneration
        The starting model.
    table : TrainingTable

    Returns
    -------
    dict
        ``format``, ``settings``, and hashes of the starting model and of the pseudo-scores with their judgments.
    """
    settings = {name: value for name, value in args.to_dict().items() if name in DEFINES_A_RUN}
    settings["rows_a_step"] = args.per_device_train_batch_size * args.world_size * args.gradient_accumulation_steps
    weights = hashlib.sha256()
    for parameter in model.parameters():
        weights.update(parameter.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    identity = {"format": CHECKPOINTS_FORMAT, "settings": settings, "starting_model": weights.hexdigest()}
    return json.loads(json.dumps(identity | {"pseudo_scores": _table_hash(table, CHECKPOINTS_FORMAT)}, default=str))


def claim_checkpoints(folder: Path, args, model, table: TrainingTable, *, write: bool) -> None:
    """Refuse a folder that holds another run's checkpoints; in a new one, note whose it is.

    A folder of an older version is taken over where its settings, starting model and pseudo-scores are this run's.

    Parameters
    ----------
    folder : Path
    args, model, table
        As for ``run_identity``.
    write : bool
        Whether this process writes the note.

    Raises
    ------
    InputFault
        It names what is different.
    """
    mine = run_identity(args, model, table)
    found = _read(folder)
    if found is not None:
        expected = mine
        if found.get("format", 1) == 1:
            expected = mine | {"pseudo_scores": _table_hash(table, 1)}
        if different := _differences(found, expected, _defaults(args)):
            what = f"the checkpoints here are of another run (different: {', '.join(different)})"
            fix = "give another output folder, or remove this one; its checkpoints stay as they are"
            raise InputFault(Fault(str(folder), RUN_FILE, what, fix))
    if write and found != mine:
        write_json(folder / RUN_FILE, mine)


@contextmanager
def unclaimed_if_nothing_comes(folder: Path) -> Iterator[None]:
    """A start that fails before its first checkpoint leaves no claim, so that the corrected command can use the folder.

    Parameters
    ----------
    folder : Path
        Of checkpoints; where it was claimed before the block, or holds a checkpoint after it, it stays as it is.
    """
    claimed = (folder / RUN_FILE).is_file()
    made = [folder, *(place for place in folder.parents if not place.exists())]  # a Trainer makes the folder itself
    try:
        yield
    except BaseException:
        if not claimed and not any(folder.glob("**/checkpoint-*")):
            for name in (RUN_FILE, EVIDENCE_FILE):
                (folder / name).unlink(missing_ok=True)
            for place in made:
                try:
                    place.rmdir()
                except FileNotFoundError:
                    continue
                except OSError:
                    break  # it holds something
        raise


def _read(folder: Path) -> dict[str, Any] | None:
    """What is noted in the folder; None in a new one."""
    path = folder / RUN_FILE
    if not path.is_file():
        return None
    fix = "give another output folder; each checkpoint here can still be loaded with transformers' from_pretrained"
    try:
        found = read_json(path)
    except ValueError as error:
        raise InputFault(Fault(str(folder), RUN_FILE, f"is not readable as JSON ({error})", fix)) from error
    if not isinstance(found, dict) or found.get("format", 1) not in (1, CHECKPOINTS_FORMAT):
        what = f"was written by a newer version of ppaint: this one reads format {CHECKPOINTS_FORMAT} and older"
        raise InputFault(Fault(str(folder), RUN_FILE, what, fix))
    return found


def _differences(found: Mapping, mine: Mapping, defaults: Mapping) -> list[str]:
    """Names of what is different.

    A setting that came with a newer library is not in an older note, and must have its default; one that a newer library
    dropped cannot be set any more.
    """
    then, now = found.get("settings", {}), mine["settings"]
    if ("objective" in then) != ("objective" in now):
        return ["the trainer"]
    different = [name for name in ("starting_model", "pseudo_scores") if found.get(name) != mine[name]]
    return different + [name for name in now if not _same(then.get(name, defaults.get(name)), now[name])]


def _same(then: Any, now: Any) -> bool:
    """Equal; of nested settings, those that both know (a library's newer version may have more)."""
    if isinstance(then, dict) and isinstance(now, dict):
        return all(_same(then[name], now[name]) for name in then.keys() & now.keys())
    return then == now


def _defaults(args) -> dict[str, Any]:
    """The default of every setting, as JSON has it."""
    given = {field.name: field.default for field in fields(args)}
    return json.loads(json.dumps(given, default=str))


def _table_hash(table: TrainingTable, version: int) -> str:
    """SHA-256 of what is learnt from; format 1 leaves out which pairs were judged, and what was held out."""
    digest = hashlib.sha256("\n".join(table.images).encode())
    values = [table.elo, table.confidence, table.training_pairs.delta]
    if version > 1:
        digest.update("\n".join(("", *table.dimensions)).encode())
        values += [table.category, table.training_pairs.first, table.training_pairs.second]
        values += [table.held_out_pairs.first, table.held_out_pairs.second, table.held_out_pairs.delta]
    for array in values:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
