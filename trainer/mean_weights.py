"""The mean of the weights that several trainings of one model arrived at, put back into a trainer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from .adapters import adapters, with_adapters


def put_mean_weights(trainer, trainings: Sequence[Sequence[Path]]) -> None:
    """Give a trainer's model the mean of the weights in some checkpoints of each training.

    Where all weights are trained, it is their mean. Of adapters, the matrices of one training are averaged as they are (its
    checkpoints lie close together), and over the trainings it is the mean of what they add to the model: a product of two
    matrices each, so the mean of K of rank r is one adapter of rank K r, their matrices side by side; that mean is exact.

    Parameters
    ----------
    trainer : PSDistillExactTrainer
        Its training is done; not of a model that is sharded over devices.
    trainings : sequence of sequences of Path
        The checkpoints of each training, as many of each, of this trainer's model, with its settings.
    """
    if trainer.args.lora_r:
        _put_adapters(trainer, [_mean(trainer, folders) for folders in trainings])
        return
    mean = _mean(trainer, [folder for folders in trainings for folder in folders])
    with torch.no_grad():
        for name, parameter in trainer.accelerator.unwrap_model(trainer.model).named_parameters():
            if name in mean:
                parameter.copy_(mean[name])


def _mean(trainer, folders: Sequence[Path]) -> dict[str, torch.Tensor]:
    """The mean of the trained weights in some checkpoints: one sum, on the CPU, not as many models as there are checkpoints."""
    total: dict[str, torch.Tensor] = {}
    for folder in folders:
        for name, values in _trained(trainer, folder):
            total[name] = total[name] + values.float() if name in total else values.float()
    return {name: values / len(folders) for name, values in total.items()}


def _trained(trainer, folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """The trained weights in a checkpoint, copied to the CPU."""
    trainer._load_from_checkpoint(str(folder))
    for name, parameter in trainer.accelerator.unwrap_model(trainer.model).named_parameters():
        if parameter.requires_grad:
            yield name, parameter.detach().to("cpu", copy=True)


def _put_adapters(trainer, found: Sequence[dict[str, torch.Tensor]]) -> None:
    """A model with adapters of as many times the rank as there are trainings, whose matrices stand side by side."""
    args, count = trainer.args, len(found)
    bare = trainer.accelerator.unwrap_model(trainer.model).unload()
    ranks = {"rank": count * args.lora_r, "alpha": count * args.lora_alpha, "vision_rank": count * args.vision_lora_r}
    model = with_adapters(bare, adapters(bare, **ranks, layers=args.lora_target_modules))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name not in found[0]:
                continue
            inner = "lora_A" in name  # its rows are the ranks; of the other matrix, the columns
            parts = [one[name] if inner else one[name] / count for one in found]
            parameter.copy_(torch.cat(parts, dim=0 if inner else 1))
    trainer.model = model
