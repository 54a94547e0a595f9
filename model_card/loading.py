"""Load a vision-language model and its processor, and say which one it is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ..foundation.faults import Fault, InputFault
from ..foundation.file_hash import file_sha256
from ..foundation.json_text import read_json
from ..hub.out_of_reach import out_of_reach
from .memory import out_of_memory
from .model_files import ADAPTER_CONFIG
from .scorer_config import check_is_no_folders

COPY_AGAIN = "copy or download the model again, all its files: weights, config.json, tokenizer and processor"


def best_device() -> torch.device:
    """A GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_model(path_or_repo: str | Path, *, device=None, dtype: torch.dtype | None = None, revision: str | None = None):
    """Load model and processor with the Auto classes.

    Parameters
    ----------
    path_or_repo : str or Path
        A local folder, or a repo id on the Hub.
    device : torch.device, optional
        A GPU where there is one, by default.
    dtype : torch.dtype, optional
        bfloat16 on a GPU, float32 on a CPU, by default.
    revision : str, optional
        A branch, tag or commit of the repo; its newest state by default. It is looked up once: all files are of one commit.

    Returns
    -------
    model, processor
        The model in evaluation mode.

    Raises
    ------
    InputFault
        If there is no such folder or repo, a revision of a folder is asked for, it is no image-text-to-text model of
        transformers, it has no processor for images, or its files are damaged or not all there.
    """
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

    check_is_no_folders(path_or_repo, revision)
    if Path(path_or_repo, ADAPTER_CONFIG).is_file():  # transformers would load the base that it names, wherever it lies
        what, fix = "the folder holds adapters, not a whole model", "merge them into their base, or give another folder"
        raise InputFault(Fault(str(path_or_repo), ADAPTER_CONFIG, what, fix))
    device = torch.device(device) if device is not None else best_device()
    dtype = dtype or (torch.bfloat16 if device.type == "cuda" else torch.float32)
    fix = "give a folder that holds config.json, model.safetensors and the processor's files, or a reachable repo id"
    commit = None if Path(path_or_repo).is_dir() else _commit(str(path_or_repo), revision, fix)
    revision = commit or revision  # a push between two files would mix two versions
    try:
        config = AutoConfig.from_pretrained(path_or_repo, revision=revision)
    except (OSError, ValueError) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputFault(Fault(str(path_or_repo), "", f"no model could be loaded ({what})", fix)) from error
    if type(config) not in AutoModelForImageTextToText._model_mapping:
        what = f"this is a {config.model_type!r} model, which does not answer questions about images"
        fix = "give an image-text-to-text model of transformers, for example a Qwen3-VL"
        raise InputFault(Fault(str(path_or_repo), "config.json", what, fix))
    with _damage_as_fault(path_or_repo, "weights"):
        model, report = AutoModelForImageTextToText.from_pretrained(
            path_or_repo, dtype=dtype, revision=revision, output_loading_info=True
        )
        model = model.to(device).eval()
    if report["missing_keys"]:  # transformers would go on with random ones
        missing = sorted(report["missing_keys"])
        what = f"{len(missing)} weights are missing, {missing[0]} the first of them"
        raise InputFault(Fault(str(path_or_repo), "weights", what, COPY_AGAIN))
    if commit is not None:
        model.config._commit_hash = commit  # transformers no longer says which one it was
    with _damage_as_fault(path_or_repo, "processor"):
        processor = AutoProcessor.from_pretrained(path_or_repo, revision=revision)
    if getattr(processor, "image_processor", None) is None or getattr(processor, "tokenizer", None) is None:
        what = f"there is no processor for images and text here (found: {type(processor).__name__})"
        fix = "copy the model's preprocessor_config.json or processor_config.json and its tokenizer into the folder"
        raise InputFault(Fault(str(path_or_repo), "processor", what, fix))
    return model, processor


def _commit(repo: str, revision: str | None, fix: str) -> str:
    """Which commit of a repo a branch or tag is now; an InputFault where its config is out of reach."""
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repo, "config.json", revision=revision)).parent.name  # a snapshot's name
    except (OSError, ValueError) as error:
        raise out_of_reach(error, repo, revision, lacks="no config.json: it holds no model", fix=fix) from error


@contextmanager
def _damage_as_fault(path_or_repo: str | Path, what: str) -> Iterator[None]:
    """Name the folder and the part of it that a library could not read."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, RuntimeError, MemoryError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        problem, fix = f"the {what} could not be read ({reason})", COPY_AGAIN
        if out_of_memory(error):
            problem, fix = (
                f"the {what} do not fit into memory ({reason})",
                "end other programs, or take a larger device",
            )
        raise InputFault(Fault(str(path_or_repo), what, problem, fix)) from error


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
        for file in sorted([*weight_files(folder), folder / "config.json"]):
            digest.update(Path(os.path.relpath(file, folder)).as_posix().encode())
            digest.update(bytes.fromhex(file_sha256(file)))
        return f"sha256:{digest.hexdigest()}"
    return f"{path_or_repo}@{getattr(model.config, '_commit_hash', None)}"


def weights_hash(path_or_repo: str | Path, model) -> str:
    """Hash of a checkpoint's tensors as they lie in its files, however many files they are spread over.

    Unlike ``model_revision`` it is the same for a local folder and for the repo that the folder was uploaded to, and the same
    whether the tensors lie in safetensors or in PyTorch's own files.

    Parameters
    ----------
    path_or_repo, model
        As for ``model_revision``.

    Returns
    -------
    str
        SHA-256 over names, types, shapes and bytes of all tensors, in hexadecimal.
    """
    hashes = {}
    for file in weight_files(_local_folder(path_or_repo, model)):
        hashes |= _tensor_hashes(file)
    digest = hashlib.sha256()
    for name in sorted(hashes):
        digest.update(f"{name} {hashes[name]}\n".encode())
    return digest.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """The files of a model's folder that ``from_pretrained`` may take weights from.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Path
        All safetensors files of the folder, those that an index, or ``transformers_weights`` in the config, names in folders
        below it; and PyTorch's own files where there is nothing else to load. Sorted.
    """
    found, indexes = set(folder.glob("*.safetensors")), list(folder.glob("*.safetensors.index.json"))
    named = _read_json(folder / "config.json").get("transformers_weights")
    if isinstance(named, str) and (folder / named).is_file():
        indexes += [folder / named] if named.endswith(".json") else []
        found |= set() if named.endswith(".json") else {folder / named}
    loads = bool(indexes) or isinstance(named, str) or (folder / "model.safetensors").is_file()
    if not loads:  # the order in which transformers looks
        whole, index = folder / "pytorch_model.bin", folder / "pytorch_model.bin.index.json"
        if whole.is_file():
            found.add(whole)
        elif index.is_file():
            indexes.append(index)
    for index in indexes:
        shards = _read_json(index).get("weight_map", {}).values()
        found |= {index.parent / shard for shard in shards if (index.parent / shard).is_file()}
    return sorted(found)


def _read_json(path: Path) -> dict:
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return {}  # what loads the model says what is wrong with it
    return content if isinstance(content, dict) else {}


def _tensor_hashes(file: Path) -> dict[str, str]:
    """Of each tensor of a file, by its name."""
    from safetensors import safe_open

    if file.suffix != ".safetensors":
        tensors = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        return {name: _tensor_hash(tensor) for name, tensor in tensors.items()}
    with safe_open(file, "pt") as stream:
        return {name: _tensor_hash(stream.get_tensor(name)) for name in stream.keys()}


def _tensor_hash(tensor: torch.Tensor) -> str:
    digest = hashlib.sha256(f"{tensor.dtype} {list(tensor.shape)} ".encode())
    digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _local_folder(path_or_repo: str | Path, model) -> Path:
    """Where the files lie: the folder itself, or a repo's snapshot in the cache."""
    if Path(path_or_repo).is_dir():
        return Path(path_or_repo)
    from huggingface_hub import try_to_load_from_cache

    commit = getattr(model.config, "_commit_hash", None)
    return Path(try_to_load_from_cache(str(path_or_repo), "config.json", revision=commit)).parent
