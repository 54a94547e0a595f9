"""What a PSDistill run is, whatever estimates its gradient: readout, label-free stopping, checkpoints, saved model."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers.trainer_utils import rotate_checkpoints

from ..foundation.disk_full import disk_full_as_fault
from ..foundation.faults import Fault, InputFault
from ..images.opening import OpenedImage
from ..model_card.features import VisionFeatures
from ..model_card.judge import Judge
from ..model_card.memory import in_shrinking_batches, out_of_memory, release_memory
from ..model_card.readout import moments
from ..model_card.shared_prefix import pack
from . import ranking
from .block_sampler import BlockSampler
from .checkpoints import WRITING, newest_complete_checkpoint, sync_tree
from .held_out import order_log_loss
from .pixel_inputs import PixelInputs, from_pixels, pixel_inputs
from .pseudo_scores.pseudo_labels import PseudoScores
from .training_faults import OutOfMemory, first_line, not_finite, not_finite_weights
from .training_table import TrainingTable

logger = logging.getLogger(__name__)


class LabelFreeRun:
    """The part of a trainer that no estimator touches; stands before a transformers ``Trainer`` among the bases.

    It reads scores as the published scorer does, looks at held-out judgments instead of labels, writes checkpoints that
    are complete or absent, resumes from the newest, stops before a number that is not finite reaches the weights, and
    writes the model as a plain Qwen3-VL checkpoint. The class that uses it sets ``table``, ``readout``, ``prompts``,
    ``processor`` and ``core``, and calls ``_take_images``, before the ``Trainer`` is initialised.
    """

    features: list[VisionFeatures]
    pixels: list[PixelInputs] | None = None  # where adapters change the vision tower, and with it the features
    images: list[OpenedImage] | None = None
    bias: Mapping[str, float] = {}

    def _take_images(self, scores, features, images, vision_lora_r: int, device: torch.device) -> None:
        """Features where the vision tower stays as it is; else pixels, from which every pass makes them anew."""
        self.bias = position_bias(scores, self.table.dimensions)
        if images is not None:
            self.images = in_order(images, self.table.images)
        if not vision_lora_r:
            self.features = in_order(features, self.table.images)
            return
        if images is None:
            what, fix = "vision_lora_r needs the images themselves", "give the trainer images=, or vision_lora_r=0"
            raise InputFault(Fault("config", "vision_lora_r", what, fix))
        self.pixels = pixel_inputs(self.processor, self.images, device)
        self.features = [image.place for image in self.pixels]

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
        wanted = places.tolist()
        inputs = pack(self.core, self.readout.sheet, [(self.features[i],) for i in wanted])
        if self.pixels is not None:
            inputs = from_pixels(inputs, [self.pixels[i] for i in wanted])
        logits = model(**inputs, use_cache=False).logits.float()
        log_all = logits.log_softmax(-1)[..., self.readout.tokens.to(logits.device)].transpose(0, 1)
        log_mass = log_all.logsumexp(-1)
        return log_all - log_mass[..., None], log_mass.exp()

    def _in_chunks(self, places: Tensor) -> Tensor:
        """The current policy for some images, shape (D, n, 10), without accelerate's wrapping."""
        size = self.args.per_device_eval_batch_size
        if self.is_fsdp_enabled:  # all processes make the same passes, so none may make smaller ones by itself
            parts = [self.log_probs(self.model, part)[0] for part in places.split(size)]
        else:
            parts = list(in_shrinking_batches(places, size, lambda part: self.log_probs(self.model, part)[0]))
        return torch.cat(parts, dim=1)

    def readout_means(self, dimensions: Sequence[str] | None = None) -> np.ndarray:
        """The scorer's means of all images of the table, by the model as it is now.

        Parameters
        ----------
        dimensions : sequence of str, optional
            Those of the table, by default; any that the prompts can ask about.

        Returns
        -------
        ndarray, shape (n, D)
            In the order of ``table.images``.
        """
        self.core.eval()
        scorer = Judge(self.core, self.processor, dimensions or self.table.dimensions, prompts=self.prompts)
        features = self.features if self.pixels is None else scorer.features(self.images)
        return moments(scorer.rate(features))[0]

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
            log_probs = self._in_chunks(places)
        self._stop_unless_finite(log_probs, "the scores of the held-out images")
        mean = ranking.policy_moments(log_probs)[0].double().cpu().numpy().T
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

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As the parent's; the first entry of a run says how large the position bias of its judgments was."""
        super().log(logs if self.state.log_history else logs | dict(self.bias), start_time)

    def _evaluation_places(self) -> list[int]:
        """Held-out images, and the opponents that their judgments need."""
        pairs = self.table.held_out_pairs
        wanted = {*np.flatnonzero(self.table.held_out), *pairs.first, *pairs.second}
        return sorted(int(i) for i in wanted)

    # Checkpoints

    def train_from_newest(self):
        """Train, or resume from the newest complete checkpoint in ``args.output_dir``.

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
        done = self.train(resume_from_checkpoint=None if newest is None else str(newest))
        self._check_weights()
        return done

    # Numbers that are not finite, and memory

    def training_step(self, model, inputs, num_items_in_batch=None) -> Tensor:
        """As the parent's; a loss that is not finite stops the run before the optimiser sees its gradient.

        Raises
        ------
        InputFault
            If the loss is not finite, or memory runs out.
        """
        said = None
        try:
            loss = super().training_step(model, inputs, num_items_in_batch)
        except (RuntimeError, MemoryError) as error:
            if "probability tensor contains" in str(error):  # torch, when it is to draw from NaN
                raise not_finite("the probabilities that answers are drawn from", [], self.state) from error
            if not out_of_memory(error):
                raise
            said = first_line(error)
        if said is not None:  # the failed pass's tensors are gone with the error
            release_memory()
            raise OutOfMemory(said, self.args)
        if not loss.isfinite():
            raise not_finite("the loss", [], self.state)
        return loss

    def _get_grad_norm(self, model, grad_norm=None):
        """As the parent's; a gradient that is not finite does not reach the weights (with fp16 it is the scaler's business)."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if self.accelerator.scaler is None and not np.isfinite(float(norm)):
            raise not_finite("the gradient", [], self.state)
        return norm

    def _stop_unless_finite(self, log_probs: Tensor, what: str) -> None:
        """Name the dimensions, of shape (D, n, 10), that hold a number that is not finite."""
        sound = log_probs.detach().isfinite().flatten(1).all(dim=1).tolist()
        if not all(sound):
            bad = [name for name, good in zip(self.table.dimensions, sound, strict=True) if not good]
            raise not_finite(what, bad, self.state)

    def _check_weights(self) -> None:
        """Refuse to write weights that are not finite."""
        for name, parameter in self.model.named_parameters():
            mine = getattr(parameter, "to_local", lambda p=parameter: p)()
            if parameter.requires_grad and not mine.detach().isfinite().all():
                raise not_finite_weights(name, self.state)

    # The run's folder

    def _identity(self) -> dict:
        args = self.args
        settings = {k: v for k, v in args.to_dict().items() if k not in NOT_IDENTITY}
        settings["rows_a_step"] = args.per_device_train_batch_size * args.world_size * args.gradient_accumulation_steps
        table = hashlib.sha256("\n".join(self.table.images).encode())
        for values in (self.table.elo, self.table.confidence, self.table.training_pairs.delta):
            table.update(np.ascontiguousarray(values).tobytes())
        weights = hashlib.sha256()
        for parameter in self.core.parameters():
            weights.update(parameter.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return {"settings": settings, "starting_model": weights.hexdigest(), "pseudo_scores": table.hexdigest()}

    def _save_checkpoint(self, model, trial) -> None:
        """As the parent's, but written to a temporary folder and renamed, so that a checkpoint is whole or not there.

        Raises
        ------
        InputFault
            If the weights are not finite, or the disk takes no more; the checkpoints that are there stay.
        """
        self._check_weights()
        output_dir = Path(self.args.output_dir)
        try:
            with disk_full_as_fault(
                output_dir, then="start the same command again; the checkpoints that are there are whole"
            ):
                self._write_checkpoint(output_dir)
        except BaseException:
            shutil.rmtree(output_dir / f"{WRITING}{self.state.global_step}", ignore_errors=True)
            raise

    def _write_checkpoint(self, output_dir: Path) -> None:
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

    def save_plain(self, folder: str | Path, *, form: str = "merged", base: str = "", revision: str = "") -> Path:
        """Write the model and its processor, as safetensors; the trainer is done then.

        Parameters
        ----------
        folder : Path
            Written to a temporary sibling and renamed; what was there is replaced.
        form : str
            ``"merged"``: a plain Qwen3-VL checkpoint, adapters merged into it. ``"adapter"``: the adapters alone.
        base, revision : str
            For adapters: the repo that holds their base model, and its commit where it is known. The path that the base
            was loaded from is written nowhere.

        Returns
        -------
        Path

        Raises
        ------
        InputFault
            If the disk is full; nothing half-written stays.
        """
        folder = Path(folder)
        model = self.accelerator.unwrap_model(self.model)
        if form == "adapter":
            save = _save_adapters(model, base, revision)
        else:
            model = model.merge_and_unload() if self.args.lora_r else model
            save = model.save_pretrained
        # sharded weights are brought together by all processes; the main one has them then
        whole = {"state_dict": self.accelerator.get_state_dict(model)} if self.is_fsdp_enabled else {}
        if self.args.should_save:
            partial = folder.with_name(f".{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            try:
                with disk_full_as_fault(folder.parent, needed=_size(model)):
                    save(partial, **whole)
                    self.processor.save_pretrained(partial)
                    sync_tree(partial)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
        self.accelerator.wait_for_everyone()
        return folder


def _save_adapters(model, base: str, revision: str) -> Callable[..., None]:
    """What writes the adapters of a peft model, with a repo id as their base."""
    adapters = model.peft_config["default"]
    adapters.base_model_name_or_path, adapters.revision = base, revision or None

    def save(folder: Path, **whole) -> None:
        # no embedding is trained; asked to find out for itself, peft would ask the Hub
        model.save_pretrained(folder, save_embedding_layers=False, **whole)
        (folder / "README.md").unlink()  # peft's card names the path that the base was loaded from

    return save


def _size(model) -> int:
    """Bytes of a model's weights."""
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def in_order(given, hashes: Sequence[str]) -> list:
    """Images, or their features, in the order of a table.

    Parameters
    ----------
    given : sequence or mapping (by hash) of OpenedImage or VisionFeatures
    hashes : sequence of str

    Returns
    -------
    list

    Raises
    ------
    InputFault
        If one is missing.
    """
    by_hash = given if isinstance(given, Mapping) else {one.sha256: one for one in given}
    missing = [image for image in hashes if image not in by_hash]
    if missing:
        what = f"{len(missing)} of the {len(hashes)} images with a pseudo-score are not here"
        raise InputFault(Fault("images", missing[0][:16], what, "give all images that were judged"))
    return [by_hash[image] for image in hashes]


def position_bias(scores: PseudoScores | Sequence[PseudoScores], dimensions: Sequence[str]) -> dict[str, float]:
    """How far the judgments behind the pseudo-scores favour the image shown first, in logits.

    Parameters
    ----------
    scores : PseudoScores, or a sequence of them
    dimensions : sequence of str

    Returns
    -------
    dict
        ``position_bias`` (mean over pairs and dimensions; positive favours the first), ``position_bias_size`` (mean of its
        absolute value), and the first by dimension.
    """
    parts = [scores] if isinstance(scores, PseudoScores) else list(scores)
    names = parts[0].dimensions
    bias = np.concatenate([part.judged.position_bias for part in parts])[:, [names.index(d) for d in dimensions]]
    if np.isnan(bias).all():
        return {}
    means = {
        f"position_bias_{d}": float(np.nanmean(b))
        for d, b in zip(dimensions, bias.T, strict=True)
        if not np.isnan(b).all()
    }
    return {"position_bias": float(np.nanmean(bias)), "position_bias_size": float(np.nanmean(np.abs(bias)))} | means


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


# Where a run writes, what it says, and how it is laid out in memory do not make it another run; the rows of a step do.
NOT_IDENTITY = {
    *("output_dir", "logging_dir", "run_name", "logging_steps", "report_to", "disable_tqdm", "local_rank"),
    *(
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "steps_per_generation",
        "per_device_eval_batch_size",
    ),
    *("activation_checkpointing", "gradient_checkpointing"),
}


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
            fix = "give another output folder, or remove this one"
            raise InputFault(Fault(str(folder), "run.json", what, fix))
    elif write:
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, path)
