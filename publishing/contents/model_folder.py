"""A folder that holds a vision-language model, whole or as adapters: which of its files are published, and what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ...foundation.faults import Fault, InputFault
from ...foundation.json_text import read_json
from ...model_card.exported_adapter import is_repo_id
from ...model_card.loading import COPY_AGAIN, weight_files, weights_hash
from ...model_card.model_files import (
    ADAPTER_CONFIG,
    INDEX,
    PROCESSOR,
    TEMPLATES,
    model_files,
    weights_named,
)

T = TypeVar("T")
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
CODE = (".py", ".pyc", ".ipynb")
_OF_A_MODEL = ("config.json", ADAPTER_CONFIG)
LICENCES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE")
_AS_SAFETENSORS = "save it as safetensors (model.save_pretrained(FOLDER)), and remove this file"


@dataclass
class ModelFolder:
    """What a model's folder holds.

    Parameters
    ----------
    folder : Path
    faults : list of Fault
        Found so far; a caller adds its own and raises all together.
    files : dict of str to Path
        Those that are published.
    left_out : list of str
        Those that are not, a hidden folder as one.
    """

    folder: Path
    faults: list[Fault] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def attempt(self, call: Callable[[], T]) -> T | None:
        """What a call gives; None, and its faults among the others, where it raises any."""
        try:
            return call()
        except InputFault as error:
            self.faults.extend(error.faults)
            return None

    def fault(self, name: str, row: str, what: str, fix: str) -> None:
        """Add a fault of a file."""
        self.faults.append(Fault(str(self.folder / name) if name else str(self.folder), row, what, fix))

    def raise_faults(self) -> None:
        """All of them together, each once.

        Raises
        ------
        InputFault
        """
        if self.faults:
            raise InputFault(dict.fromkeys(self.faults))


def read_model_folder(folder: Path, more: Iterable[str] = ()) -> ModelFolder:
    """Look through a model's folder.

    Parameters
    ----------
    folder : Path
    more : iterable of str
        Names of further files that are published where they are there.

    Returns
    -------
    ModelFolder
        With the faults that it found.

    Raises
    ------
    InputFault
        If it is no folder, or nothing in it is a model's.
    """
    fix = "give the folder of a scorer (`ppaint distill` writes it), or of a judge (any vision-language model)"
    if not folder.is_dir():
        raise InputFault(Fault(str(folder), "", "there is no such folder", fix))
    found, names = ModelFolder(folder), _names(folder)
    if not any(name in _OF_A_MODEL or name.endswith(".safetensors") for name in names):
        raise InputFault(Fault(str(folder), "", "the folder holds no model: neither config.json nor weights", fix))
    wanted = {*model_files(folder), *LICENCES, *more}
    for name in names:
        ending = Path(name).suffix.lower()
        if ending in PICKLES:
            found.fault(name, "", "is a pickle, which runs what is in it when it is loaded", _AS_SAFETENSORS)
        elif ending in CODE:
            found.fault(name, "", "is code: a model that is published here is loaded without any", "remove it")
        elif name in wanted:
            found.files[name] = folder / name
        else:
            found.left_out.append(name)
    _check_all_there(found)
    for name, path in found.files.items():
        if name.endswith(".json"):
            found.attempt(lambda path=path: _check_settings(path))
    _check_weights(found)
    return found


def _names(folder: Path) -> list[str]:
    """Every file below a folder, with ``/``; hidden folders by their own name, ``.eval_results`` excepted."""
    names = []
    for place, folders, files in os.walk(folder):
        here = Path(place).relative_to(folder)
        hidden = [one for one in folders if one.startswith(".") and one != ".eval_results"]
        names += [f"{(here / one).as_posix()}/" for one in hidden]
        folders[:] = [one for one in folders if one not in hidden]
        names += [(here / one).as_posix() for one in files]
    return sorted(names)


def _check_all_there(found: ModelFolder) -> None:
    """Whatever ``from_pretrained`` cannot do without."""
    folder = found.folder
    needed = list(weights_named(folder))
    if not (folder / ADAPTER_CONFIG).is_file():
        needed.append("config.json")
    needed.append("tokenizer_config.json")
    for name in needed:
        if not (folder / name).is_file():
            found.fault(name, "", "is missing", COPY_AGAIN)
    for names in (("tokenizer.json", "vocab.json"), PROCESSOR[:2]):
        if not any((folder / name).is_file() for name in names):
            found.fault(names[0], "", "is missing", COPY_AGAIN)
    if not any((folder / name).is_file() for name in TEMPLATES):
        settings = folder / "tokenizer_config.json"
        told = found.attempt(lambda: _read(settings)) if settings.is_file() else None  # that it is missing is said
        if not (isinstance(told, dict) and told.get("chat_template")):
            found.fault(TEMPLATES[0], "", "is missing: the questions cannot be put to the model", COPY_AGAIN)


def _check_settings(path: Path) -> None:
    """A settings file is read, asks for no code, and names no place of this machine."""
    told = _read(path)
    if not isinstance(told, dict):
        raise InputFault(Fault(str(path), "", "holds no settings", COPY_AGAIN))
    faults = []
    for where, key, value in _settings_within(told):
        if (
            key == "auto_map" and value and isinstance(value, (dict, list, str))
        ):  # a number is that of a word in a list of them
            what = "asks for code of its own, which whoever loads it would run"
            faults.append(Fault(str(path), where, what, "remove it, or give a model that transformers knows"))
        elif key in ("_name_or_path", "name_or_path") and isinstance(value, str) and value and not is_repo_id(value):
            what = f"names a place on this machine ({value[:80]!r})"
            faults.append(Fault(str(path), where, what, "remove it, or write the repo that it came from, ORG/NAME"))
    if path.name == "config.json" and told.get("model_type") not in _kinds():
        what = f"this is a {told.get('model_type')!r} model, which does not answer questions about images"
        faults.append(Fault(str(path), "model_type", what, "give an image-text-to-text model of transformers"))
    if faults:
        raise InputFault(faults)


def _kinds() -> Collection[str]:
    """The kinds of models that ``AutoModelForImageTextToText`` loads."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    return MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES


def _settings_within(told: Any, above: str = "") -> Iterator[tuple[str, str, Any]]:
    """Each setting with where it stands, its name and its value, those within other settings as well."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield f"{above}{key}", key, value
            yield from _settings_within(value, f"{above}{key}.")
    elif isinstance(told, list):
        for place, value in enumerate(told):
            yield from _settings_within(value, f"{above}{place}.")


def _check_weights(found: ModelFolder) -> None:
    """Every file of tensors is whole, and an index names what its files hold."""
    held: dict[str, set[str]] = {}
    for name, path in found.files.items():
        if not name.endswith(".safetensors"):
            continue
        if (names := found.attempt(lambda path=path: _tensor_names(path))) is not None:
            held[name] = names
    if INDEX not in found.files or INDEX not in weights_named(found.folder):
        return
    told = found.attempt(lambda: _read(found.folder / INDEX))
    places = told.get("weight_map") if isinstance(told, dict) else None
    if not isinstance(places, dict) or not places:
        found.fault(INDEX, "weight_map", "names no weights", COPY_AGAIN)
        return
    for file in sorted({str(file) for file in places.values()} & held.keys()):
        missing = {tensor for tensor, place in places.items() if place == file} - held[file]
        if missing:
            what = f"{len(missing)} weights that the index names are not in it, {min(missing)} the first of them"
            found.fault(file, "", what, COPY_AGAIN)


def hash_of_weights(folder: Path) -> str:
    """`weights_hash` of a model's folder.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    InputFault
        If a file of weights cannot be read.
    """
    for path in weight_files(folder):
        if path.suffix == ".safetensors":
            _tensor_names(path)
    return weights_hash(folder, None)


def _tensor_names(path: Path) -> set[str]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as stream:
            return set(stream.keys())
    except (SafetensorError, OSError, ValueError) as error:
        what = f"is damaged or not all there ({str(error).splitlines()[0]})"
        raise InputFault(Fault(str(path), "", what, COPY_AGAIN)) from error


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise InputFault(Fault(str(path), "", f"not readable as JSON ({error})", COPY_AGAIN)) from error
