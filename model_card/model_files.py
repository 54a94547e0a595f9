"""Which files of a model's folder make the model: what ``from_pretrained`` reads, and nothing else that lies there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..foundation.file_hash import file_sha256
from ..foundation.json_text import read_json

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
CONFIGS = ("config.json", "generation_config.json")
TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
)
PROCESSOR = ("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json")
TEMPLATES = ("chat_template.jinja", "chat_template.json")
TEMPLATE_FOLDER = "additional_chat_templates"
_OF_SCORER = "scorer_config.json"
_MEASURES = ("out_of_distribution.safetensors", "out_of_depth.safetensors")  # the second is what older versions wrote


def weights_named(folder: Path) -> list[str]:
    """The files that hold the weights, as ``from_pretrained`` looks for them in a folder.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of str
        Names within the folder: the adapters, or the one file of a whole model, or an index and all files that it names. They need
        not be there.
    """
    if (folder / ADAPTER_CONFIG).is_file():
        return [ADAPTER_WEIGHTS]
    if (folder / WHOLE).is_file() or not (folder / INDEX).is_file():
        return [WHOLE]
    try:
        shards = sorted(set(read_json(folder / INDEX)["weight_map"].values()))
        return [INDEX, *map(str, shards)]
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        return [INDEX]  # whoever reads the index says what is wrong with it


def model_files(folder: str | Path) -> list[str]:
    """All files of a folder that a model or a scorer is made of.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    list of str
        Names within the folder, with ``/``, sorted; those that are there.
    """
    folder = Path(folder)
    named = [*CONFIGS, *TOKENIZER, *PROCESSOR, *TEMPLATES, *weights_named(folder), _OF_SCORER, *_MEASURES]
    named += [ADAPTER_CONFIG]
    named += [path.relative_to(folder).as_posix() for path in folder.glob(f"{TEMPLATE_FOLDER}/*.jinja")]
    return sorted({name for name in named if (folder / name).is_file()})


def files_hash(folder: str | Path) -> str:
    """SHA-256 over names and contents of `model_files`: another one where anything that a score depends on is another.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    str
        In hexadecimal.
    """
    digest = hashlib.sha256()
    for name in model_files(folder):
        digest.update(f"{name} {file_sha256(Path(folder, name))}\n".encode())
    return digest.hexdigest()
