"""What `submission.yaml` says of a model that runs here; a path of this machine is never in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...model_card.loading import weights_hash
from ...trainer.tiny_judge import SMALL
from ...trainer.tiny_judge.known_weights import parameter_count, simulated_because

TAUGHT = "the tiny judge, or what was made of it: it was taught with the latent quality behind simulated experts"


def model_facts(source: str, model: Any, commit: str | None) -> dict[str, Any]:
    """Id, commit and size of a model: a folder has neither id nor commit.

    Parameters
    ----------
    source : str
        Folder or repo.
    model : torch.nn.Module
    commit : str or None

    Returns
    -------
    dict
        ``id``, ``revision``, ``parameters``.
    """
    is_folder = Path(source).is_dir()
    return {
        "id": None if is_folder else source,
        "revision": None if is_folder else commit,
        "parameters": float(sum(parameter.numel() for parameter in model.parameters())),
    }


def labels_behind(source: str, model: Any) -> dict[str, str]:
    """What is known of the labels that a model has seen: the tiny judge, its twin and what was distilled from them have seen some.

    Parameters
    ----------
    source : str
        Folder or repo.
    model : torch.nn.Module

    Returns
    -------
    dict
        ``labels`` and ``data`` of a submission's ``training``.
    """
    small = parameter_count(model) < SMALL
    if small and simulated_because(source, model):
        return {"labels": "others", "data": TAUGHT}
    return {"labels": "none", "data": "not disclosed"}


def device_name(model: Any) -> str:
    """What a model runs on, in a word or two."""
    import torch

    device = next(model.parameters()).device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def commit_of_model(model: Any) -> str | None:
    """The commit that a model was loaded at; None where it came from a folder."""
    return getattr(model.config, "_commit_hash", None)


def weights_of(source: str, model: Any) -> str:
    """Hash of a whole checkpoint's tensors; the same for a folder and for the repo that it was uploaded to."""
    return weights_hash(source, model)
