"""Load a Qwen3-VL checkpoint and its processor, and say which one it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch

from ..images.faults import Fault, InputFault


def best_device() -> torch.device:
    """A GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_model(path_or_repo: str | Path, *, device=None, dtype: torch.dtype | None = None):
    """Load model and processor with the Auto classes.

    Parameters
    ----------
    path_or_repo : str or Path
        A local folder, or a repo id on the Hub.
    device : torch.device, optional
        A GPU where there is one, by default.
    dtype : torch.dtype, optional
        bfloat16 on a GPU, float32 on a CPU, by default.

    Returns
    -------
    model, processor
        The model in evaluation mode.

    Raises
    ------
    InputFault
        If there is no such folder or repo, or it is not a Qwen3-VL checkpoint.
    """
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    device = torch.device(device) if device is not None else best_device()
    dtype = dtype or (torch.bfloat16 if device.type == "cuda" else torch.float32)
    try:
        config = AutoConfig.from_pretrained(path_or_repo)
    except (OSError, ValueError) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        mend = (
            "give a folder that holds config.json, model.safetensors and the processor's files, or a reachable repo id"
        )
        raise InputFault(Fault(str(path_or_repo), "", f"no model could be loaded ({what})", mend)) from error
    if config.model_type != "qwen3_vl":
        what, mend = f"this is a {config.model_type!r} model", "give a Qwen3-VL checkpoint"
        raise InputFault(Fault(str(path_or_repo), "config.json", what, mend))
    model = AutoModelForImageTextToText.from_pretrained(path_or_repo, dtype=dtype).to(device).eval()
    processor = AutoProcessor.from_pretrained(path_or_repo)
    return model, processor


def model_revision(path_or_repo: str | Path, model) -> str:
    """What the weights are: the hash of a local folder's weight files, or the commit of a repo.

    Parameters
    ----------
    path_or_repo : str or Path
        What the model was loaded from.
    model
        The loaded model; its config remembers the commit it came from.

    Returns
    -------
    str
        ``"sha256:<hex>"`` or ``"<repo>@<commit>"``.
    """
    folder = Path(path_or_repo)
    if folder.is_dir():
        digest = hashlib.sha256()
        for file in sorted([*folder.glob("*.safetensors"), folder / "config.json"]):
            digest.update(file.name.encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return f"sha256:{digest.hexdigest()}"
    return f"{path_or_repo}@{getattr(model.config, '_commit_hash', None)}"


def fingerprint(**parts: str) -> str:
    """One hash over named parts (revision, processor settings, prompts), in hexadecimal.

    Examples
    --------
    >>> fingerprint(revision="a", prompts="b") == fingerprint(prompts="b", revision="a")
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
