"""The mean of the weights that several trainings of one model arrived at, put back into a trainer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch

from .adapters import adapters, with_adapters


def put_mean_weights(trainer, checkpoints: Iterable[Path]) -> None:
    """Give a trainer's model the mean of the weights in some checkpoints.

    Where all weights are trained, it is their mean. Of adapters it is the mean of what they add to the model: a product of
    two matrices each, so the mean of K of rank r is one adapter of rank K r, their matrices side by side. It is exact.

    Parameters
    ----------
    trainer : PSDistillExactTrainer
        Its training is done; not of a model that is sharded over devices.
    checkpoints : iterable of Path
        Of this trainer's model, with its settings.
    """
    folders = list(checkpoints)
    if trainer.args.lora_r:
        _put_adapters(trainer, _adapters_of(trainer, folders), len(folders))
        return
    total: dict[str, torch.Tensor] = {}  # one sum, on the CPU: not as many models as there are folds
    for folder in folders:
        for name, values in _trained(trainer, folder):
            total[name] = total[name] + values.float() if name in total else values.float()
    with torch.no_grad():
        for name, parameter in trainer.accelerator.unwrap_model(trainer.model).named_parameters():
            if name in total:
                parameter.copy_(total[name] / len(folders))


def _trained(trainer, folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """The trained weights in a checkpoint, copied to the CPU."""
    trainer._load_from_checkpoint(str(folder))
    for name, parameter in trainer.accelerator.unwrap_model(trainer.model).named_parameters():
        if parameter.requires_grad:
            yield name, parameter.detach().to("cpu", copy=True)


def _adapters_of(trainer, folders: list[Path]) -> dict[str, list[torch.Tensor]]:
    """The matrices of each checkpoint's adapters, by name."""
    found: dict[str, list[torch.Tensor]] = {}
    for folder in folders:
        for name, values in _trained(trainer, folder):
            found.setdefault(name, []).append(values)
    return found


def _put_adapters(trainer, found: dict[str, list[torch.Tensor]], count: int) -> None:
    """A model with adapters of ``count`` times the rank, whose matrices stand side by side."""
    args = trainer.args
    bare = trainer.accelerator.unwrap_model(trainer.model).unload()
    wide = adapters(count * args.lora_r, count * args.lora_alpha, args.lora_target_modules, count * args.vision_lora_r)
    model = with_adapters(bare, wide)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name not in found:
                continue
            inner = "lora_A" in name  # its rows are the ranks; of the other matrix, the columns
            parts = found[name] if inner else [one / count for one in found[name]]
            parameter.copy_(torch.cat(parts, dim=0 if inner else 1))
    trainer.model = model
