"""A scorer published as adapters: files of a few megabytes, on a base model that is loaded from elsewhere."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import torch

from ..foundation.faults import Fault, InputFault
from .loading import load_model, model_revision, weights_hash
from .model_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from .scorer_config import BASE_WEIGHTS, ScorerConfig, find_file

FORMS = ("merged", "adapter")


def is_repo_id(name: str | Path) -> bool:
    """Whether a name is that of a repo on the Hub, and no path of this machine.

    Examples
    --------
    >>> [is_repo_id(name) for name in ("Qwen/Qwen3-VL-8B-Instruct", "/models/qwen", "./qwen", "a/b/c", "qwen")]
    [True, False, False, False, False]
    """
    words = r"[A-Za-z0-9][\w.-]*"
    return re.fullmatch(f"{words}/{words}", str(name)) is not None and not Path(name).exists()


def load_adapter(
    path_or_repo: str | Path,
    config: ScorerConfig,
    *,
    base: str | Path | None = None,
    device=None,
    dtype: torch.dtype | None = None,
    revision: str | None = None,
):
    """Load a base model and put a scorer's adapters on it.

    Parameters
    ----------
    path_or_repo : str or Path
        The scorer's folder or repo.
    config : ScorerConfig
        Names the base, and the weights that the adapters were trained on.
    base : str or Path, optional
        Where to take the base from instead: a local folder, or another repo.
    device, dtype : optional
        As for ``load_model``.
    revision : str, optional
        The commit of the scorer's repo.

    Returns
    -------
    model, processor
        The adapters stay beside the weights, as in training; the processor is the scorer's own.

    Raises
    ------
    InputFault
        If the base cannot be reached, or is not the model that the adapters were trained on.
    """
    from peft import PeftModel
    from transformers import AutoProcessor

    folder = find_file(path_or_repo, ADAPTER_CONFIG, revision=revision).parent
    find_file(path_or_repo, ADAPTER_WEIGHTS, revision=revision)
    source = config.base if base is None else str(base)
    repo, _, commit = config.base_revision.rpartition("@")
    commit = commit if repo == source and commit != "None" else None
    model = _load_base(path_or_repo, source, device=device, dtype=dtype, revision=commit)
    _check_base(source, model, config)
    with warnings.catch_warnings():  # peft asks transformers 5 for checkpointing under a name that it is giving up
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        adapted = PeftModel.from_pretrained(model, folder, is_trainable=False)
    return adapted.get_base_model().eval(), AutoProcessor.from_pretrained(path_or_repo, revision=revision)


def _load_base(scorer: str | Path, source: str, **how):
    try:
        return load_model(source, **how)[0]
    except InputFault as error:
        what = f"its adapters are for the base model {source!r}, which cannot be loaded ({error.faults[0].what})"
        fix = "connect to the Hub, or give a local copy of the base model: --base FOLDER"
        raise InputFault(Fault(str(scorer), "base", what, fix)) from error


def _check_base(source: str, model, config: ScorerConfig) -> None:
    """The base must have the weights that the adapters were trained on; a repo's commit alone can vouch for them."""
    if model_revision(source, model) == config.base_revision:
        return
    wanted, found = config.hashes.get(BASE_WEIGHTS, "unknown"), weights_hash(source, model)
    if found != wanted:
        what = (
            f"another base revision: the adapters were trained on weights with the hash {wanted[:16]}, these have "
            f"{found[:16]}"
        )
        fix = f"give the base that the scorer was made from ({config.base_revision}): --base FOLDER"
        raise InputFault(Fault(source, "", what, fix))
