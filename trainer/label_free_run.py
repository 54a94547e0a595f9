"""What a PSDistill run is, whatever estimates its gradient: readout, label-free stopping, checkpoints, saved model."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers.trainer_utils import rotate_checkpoints

from ..images.faults import Fault, InputFault
from ..model_card.shared_prefix import pack
from . import ranking
from .block_sampler import BlockSampler
from .checkpoints import WRITING, newest_complete_checkpoint, sync_tree
from .held_out import order_log_loss
from .psdistill_exact_config import LORA_TARGETS
from .training_table import TrainingTable


class LabelFreeRun:
    """The part of a trainer that no estimator touches; stands before a transformers ``Trainer`` among the bases.

    It reads scores as the published scorer does, looks at held-out judgments instead of labels, writes checkpoints that
    are whole or not there, goes on from the newest, and writes the model as a plain Qwen3-VL checkpoint. The class that
    uses it sets ``table``, ``features``, ``readout``, ``processor`` and ``core`` before the ``Trainer`` is initialised.
    """

    # The readout

    def log_probs(self, model, places: Tensor) -> tuple[Tensor, Tensor]:
        """The policy over the score tokens, from one pass for all dimensions; the scorer's readout, with a gradient.

        Parameters
        ----------
        model
            The model as accelerate wrapped it.
        places : Tensor of int, shape (B,)

        Returns
        -------
        log_probs : Tensor, shape (D, B, 10)
            Renormalised over the ten tokens.
        mass : Tensor, shape (D, B)
            What they hold together before that.
        """
        rows = [(self.features[i],) for i in places.tolist()]
        logits = model(**pack(self.core, self.readout.sheet, rows), use_cache=False).logits.float()
        log_all = logits.log_softmax(-1)[..., self.readout.tokens.to(logits.device)].transpose(0, 1)
        log_mass = log_all.logsumexp(-1)
        return log_all - log_mass[..., None], log_mass.exp()

    def _in_chunks(self, places: Tensor) -> Tensor:
        """The current policy for some images, shape (D, n, 10), without accelerate's wrapping."""
        size = self.args.per_device_eval_batch_size
        return torch.cat([self.log_probs(self.model, part)[0] for part in places.split(size)], dim=1)

    def _put_table_on_device(self) -> None:
        table, device = self.table, self.args.device

        def by_dimension(values: np.ndarray) -> Tensor:
            return torch.tensor(values.T, dtype=torch.float32, device=device).contiguous()

        self.category = torch.tensor(table.category, device=device)
        self.confidence = by_dimension(table.confidence)
        self.elo = by_dimension(np.nan_to_num(table.elo))  # where there is none the confidence is 0

    # The label-free look at held-out judgments

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix: str = "eval") -> dict[str, float]:
        """Held-out images: SRCC against their pseudo-scores, log-loss of their judgments; never a human score."""
        places = torch.tensor(self._evaluation_places())
        self.model.eval()
        with torch.no_grad():
            mean = ranking.policy_moments(self._in_chunks(places))[0].double().cpu().numpy().T
        score = np.full((len(self.table.images), len(self.table.dimensions)), np.nan)
        score[places.numpy()] = mean
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in held_out_metrics(self.table, score).items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _evaluate(self, trial, ignore_keys_for_eval, skip_scheduler=False):
        if skip_scheduler and self.state.log_history:  # the look on start, in a run that goes on: it was had
            return {}
        metrics = super()._evaluate(trial, ignore_keys_for_eval, skip_scheduler)
        if self.state.global_step == 0:  # the starting model is a candidate, so it is kept as a checkpoint too
            self._determine_best_metric(metrics, trial)
            self._save_checkpoint(self.model, trial)
        return metrics

    def _evaluation_places(self) -> list[int]:
        """Held-out images, and the opponents that their judgments need."""
        pairs = self.table.held_out_pairs
        wanted = {*np.flatnonzero(self.table.held_out), *pairs.first, *pairs.second}
        return sorted(int(i) for i in wanted)

    # Checkpoints

    def train_from_newest(self):
        """Train, or go on from the newest complete checkpoint in ``args.output_dir``.

        A run that was killed and is started again ends at the same weights, bit for bit on a CPU.

        Returns
        -------
        TrainOutput

        Raises
        ------
        InputFault
            If the folder holds the checkpoints of a run with other settings, pseudo-scores or starting model.
        """
        folder = Path(self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        check_same_run(folder, self._identity(), write=self.is_world_process_zero())
        newest = newest_complete_checkpoint(folder)
        return self.train(resume_from_checkpoint=None if newest is None else str(newest))

    def _identity(self) -> dict:
        settings = {k: v for k, v in self.args.to_dict().items() if k not in NOT_IDENTITY}
        table = hashlib.sha256("\n".join(self.table.images).encode())
        for values in (self.table.elo, self.table.confidence, self.table.training_pairs.delta):
            table.update(np.ascontiguousarray(values).tobytes())
        weights = hashlib.sha256()
        for parameter in self.core.parameters():
            weights.update(parameter.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return {"settings": settings, "starting_model": weights.hexdigest(), "pseudo_scores": table.hexdigest()}

    def _save_checkpoint(self, model, trial) -> None:
        """As the parent's, but written to a temporary folder and renamed, so that a checkpoint is whole or not there."""
        output_dir = Path(self.args.output_dir)
        final = output_dir / f"checkpoint-{self.state.global_step}"
        partial = output_dir / f"{WRITING}{self.state.global_step}"
        if self.args.should_save:
            shutil.rmtree(partial, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self.save_model(str(partial), _internal_call=True)
        self._save_optimizer_and_scheduler(str(partial))
        self._save_scaler(str(partial))
        self._save_rng_state(str(partial))
        if self.state.best_global_step is not None:
            self.state.best_model_checkpoint = str(output_dir / f"checkpoint-{self.state.best_global_step}")
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            self.state.stateful_callbacks["TrainerControl"] = self.control.state()
            self.state.save_to_json(str(partial / "trainer_state.json"))
            sync_tree(partial)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(partial, final)
            rotate_checkpoints(
                output_dir=str(output_dir),
                save_total_limit=self.args.save_total_limit,
                best_model_checkpoint=self.state.best_model_checkpoint,
            )
        self.accelerator.wait_for_everyone()

    def save_plain(self, folder: str | Path) -> Path:
        """Write the model (adapters merged) and its processor as a plain Qwen3-VL checkpoint; the trainer is done then.

        Parameters
        ----------
        folder : Path
            Written to a temporary sibling and renamed; what was there is replaced.

        Returns
        -------
        Path
        """
        folder = Path(folder)
        model = self.accelerator.unwrap_model(self.model)
        model = model.merge_and_unload() if self.args.lora_r else model
        if self.args.should_save:
            partial = folder.with_name(f".{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            model.save_pretrained(partial)
            self.processor.save_pretrained(partial)
            sync_tree(partial)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
        self.accelerator.wait_for_everyone()
        return folder


class PlacesInBlocks(torch.utils.data.Sampler):
    """A block sampler's order over some of a table's images, in the table's own places.

    Parameters
    ----------
    order : BlockSampler
        Over the images that are trained on.
    places : ndarray of int
        Their places in the table.
    """

    def __init__(self, order: BlockSampler, places: np.ndarray) -> None:
        self.order, self.places = order, places

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self):
        return (int(self.places[i]) for i in self.order)


def held_out_metrics(table: TrainingTable, score: np.ndarray) -> dict[str, float]:
    """How well scores order the held-out judgments, by dimension and on average.

    Parameters
    ----------
    table : TrainingTable
    score : ndarray, shape (n, D)
        The scorer's means, of the held-out images and their opponents at least.

    Returns
    -------
    dict
        ``log_loss`` and ``srcc`` (means over dimensions), ``log_loss_floor``, and each by dimension.
    """
    from scipy.stats import rankdata

    pairs, held, out = table.held_out_pairs, np.flatnonzero(table.held_out), {}
    losses, floors, agreements = [], [], []
    for k, name in enumerate(table.dimensions):
        if np.isnan(pairs.delta[:, k]).all():
            continue
        fit = order_log_loss(score[pairs.first, k] - score[pairs.second, k], pairs.delta[:, k])
        ranked = held[np.isfinite(table.elo[held, k])]
        ranks = np.stack([rankdata(score[ranked, k]), rankdata(table.elo[ranked, k])])
        steady = (ranks.std(axis=1) > 0).all()
        agreement = float(np.corrcoef(ranks)[0, 1]) if steady else float("nan")
        losses.append(fit.loss)
        floors.append(fit.floor)
        agreements.append(agreement)
        out |= {f"log_loss_{name}": fit.loss, f"srcc_{name}": agreement}
    means = {"log_loss": np.mean(losses), "log_loss_floor": np.mean(floors), "srcc": np.mean(agreements)}
    return {name: float(value) for name, value in means.items()} | out


# Where a run writes, what it says, and how it is placed do not make it another run.
NOT_IDENTITY = {"output_dir", "logging_dir", "run_name", "logging_steps", "report_to", "disable_tqdm", "local_rank"}


def check_same_run(folder: Path, mine: dict, *, write: bool) -> None:
    """Refuse a folder that holds another run's checkpoints; in a new one, note whose it is.

    Parameters
    ----------
    folder : Path
    mine : dict
        ``settings`` and hashes.
    write : bool
        Whether this process writes the note.

    Raises
    ------
    InputFault
        It names what is different.
    """
    path = folder / "run.json"
    mine = json.loads(json.dumps(mine, default=str))
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found != mine:
            parts = [k for k in mine if k != "settings" and found.get(k) != mine[k]]
            parts += [k for k, v in mine["settings"].items() if found.get("settings", {}).get(k) != v]
            what = f"the checkpoints here are of another run (different: {', '.join(parts) or 'a setting'})"
            mend = "give another output folder, or remove this one"
            raise InputFault(Fault(str(folder), "run.json", what, mend))
    elif write:
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)


def freeze_vision_tower(model) -> None:
    """No gradient for the vision tower: an image's features stay what they were."""
    for parameter in model.model.visual.parameters():
        parameter.requires_grad_(False)


def language_adapters(rank: int, alpha: int, layers: Sequence[str] | None = None):
    """LoRA adapters on the language model's layers, and not on the vision tower's of the same names.

    Parameters
    ----------
    rank, alpha : int
    layers : sequence of str, optional
        Names of layers; by default all linear ones.

    Returns
    -------
    peft.LoraConfig
    """
    from peft import LoraConfig

    names = "|".join(layers or LORA_TARGETS)
    return LoraConfig(r=rank, lora_alpha=alpha, target_modules=rf".*language_model.*\.({names})")


def with_adapters(model, config):
    """The model with adapters; peft asks transformers 5 for checkpointing under a name that it is giving up."""
    from peft import get_peft_model

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return get_peft_model(model, config)
