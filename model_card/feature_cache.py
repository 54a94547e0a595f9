"""Vision features in a folder: written once per image, read by memory mapping, a bounded part of them held.

A folder holds a folder for each vision tower, in which ``cache.json`` says of which. ``features-<hash>.safetensors`` is one batch of images,
named after them and written whole, so that a run that is killed goes on behind the last batch, and two runs that fill one folder
write the same files. An 8B model's features of an image of 512 x 512 take 8.4 MB; at 5,000 images they fit on a disk, but not into memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..foundation.disk_full import disk_full_as_fault
from ..foundation.faults import Fault, InputFault
from ..foundation.free_memory import give_back_free_memory
from ..foundation.held_values import HeldValues
from ..foundation.json_text import read_json
from ..foundation.whole_files import flush_to_disk, write_json, written_file
from ..foundation.whole_folders import check_folder_can_be_written
from .apart import set_apart
from .features import VisionFeatures, settings_hash

FORMAT = 1
INFO = "cache.json"
LEAST_HELD = 64 * 2**20  # bytes; the features of some 2,000 scrolls by the tiny judge
GIVE_BACK_AFTER = 4 * 2**20  # bytes of features that were made or read: about a second's work of the tiny judge
SHARE_OF_MODEL = 4  # of a large model, features as large as this part of its weights are held
_PARTS = {
    "revision": "model weights",
    "processor": "image processor settings",
    "dtype": "dtype",
    "layers": "layers whose features are kept",
}
_REMOVE = "remove this file: the images in it are encoded again"


def tower_identity(model, processor, revision: str) -> dict[str, Any]:
    """What vision features depend on, besides the image.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    processor : Qwen3VLProcessor
    revision : str
        What the weights are.

    Returns
    -------
    dict
    """
    layers = getattr(model.config.vision_config, "deepstack_visual_indexes", [])
    return {
        "revision": revision,
        "processor": settings_hash(processor),
        "dtype": str(next(model.parameters()).dtype).removeprefix("torch."),
        "layers": list(layers),
    }


def held_bytes(weights: int) -> int:
    """Bytes of features that are held in memory beside a model of so many bytes.

    Examples
    --------
    >>> held_bytes(17_534_000_000), held_bytes(10_000_000)
    (4383500000, 67108864)
    """
    return max(LEAST_HELD, weights // SHARE_OF_MODEL)


@dataclass(frozen=True)
class _Place:
    """Where the features of an image lie: a file, and in it so many layers of so many tokens."""

    file: str
    layers: int
    n_tokens: int
    grid: tuple[int, int, int]


class FeatureCache(Mapping[str, VisionFeatures]):
    """Features by image hash.

    Parameters
    ----------
    folder : str or Path
        Made when the first features come; it may hold other towers' too.
    identity : mapping
        Of ``tower_identity``.
    device : torch.device
        Where features are wanted.
    held : int
        Bytes of features that are held for the next time; those asked for last stay.

    Raises
    ------
    InputFault
        If the folder cannot be written to, a file in it is damaged, or its own folder holds another tower's features.

    Examples
    --------
    >>> import tempfile
    >>> identity = {"revision": "sha256:0", "processor": "0", "dtype": "float32", "layers": [0]}
    >>> seen = VisionFeatures("0" * 64, torch.ones(4, 8), (torch.zeros(4, 8),), (1, 4, 4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     FeatureCache(folder, identity).add([seen])
    ...     again = FeatureCache(folder, identity)
    ...     again.n_tokens(seen.sha256), bool((again[seen.sha256].tokens == 1).all())
    (4, True)
    """

    def __init__(
        self,
        folder: str | Path,
        identity: Mapping[str, Any],
        device: torch.device | str = "cpu",
        *,
        held: int = LEAST_HELD,
    ) -> None:
        self._identity, self._device = dict(identity), device
        self.folder = Path(folder) / _name_of(self._identity)
        self._places: dict[str, _Place] = {}
        self._held = HeldValues(self._read, _bytes, held)
        self._new_bytes = 0
        check_folder_can_be_written(self.folder, "the folder of vision features")
        if self.folder.is_dir():
            self._read_folder()

    @classmethod
    def of(cls, folder: str | Path, judge) -> FeatureCache:
        """The cache of a judge's vision tower.

        Parameters
        ----------
        folder : str or Path
        judge : Judge
            Loaded from a folder or a repo, so that its weights have a name.

        Returns
        -------
        FeatureCache

        Raises
        ------
        ValueError
            If its weights have none.
        """
        if judge.revision == "unsaved":
            raise ValueError("the model's weights have no name: load the judge with `Judge.from_pretrained`")
        model = judge.model
        size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
        identity = tower_identity(model, judge.processor, judge.revision)
        return cls(folder, identity, model.device, held=held_bytes(size))

    def add(self, features: Sequence[VisionFeatures]) -> None:
        """Store the features of a batch of images, synced to the disk before this returns.

        Raises
        ------
        InputFault
            If the disk is full; what was stored before is whole.
        """
        if not features:
            return
        from safetensors.torch import save_file

        names = hashlib.sha256("\n".join(one.sha256 for one in features).encode()).hexdigest()
        file = f"features-{names[:32]}.safetensors"
        tensors, rows = {}, []
        for one in features:
            layers = dict(enumerate((one.tokens, *one.deepstack)))
            tensors |= {f"{one.sha256}.{k}": layer.detach().cpu().contiguous() for k, layer in layers.items()}
            rows.append([one.sha256, len(layers), one.n_tokens, *one.grid_thw])
        size = sum(tensor.nbytes for tensor in tensors.values())
        with disk_full_as_fault(self.folder, needed=size, then="run it again: it goes on behind the last batch"):
            self.folder.mkdir(parents=True, exist_ok=True)
            if not (self.folder / INFO).exists():
                write_json(self.folder / INFO, {"format": FORMAT, **self._identity}, sync=True)
            with written_file(self.folder / file, sync=True) as temporary:
                save_file(tensors, temporary, metadata={"images": json.dumps(rows)})
            flush_to_disk(self.folder)
        for one, (image, layers, tokens, *grid) in zip(features, rows, strict=True):
            self._places[image] = _Place(file, layers, tokens, tuple(grid))
            self._held.hold(image, self._as_held(image, (one.tokens, *one.deepstack), tuple(grid)))
            self._count(one)

    def n_tokens(self, image: str) -> int:
        """Visual tokens of an image, without reading its features.

        Raises
        ------
        KeyError
            If the image is not in the cache.
        """
        return self._places[image].n_tokens

    def __getitem__(self, image: str) -> VisionFeatures:
        return self._held[image]

    def __contains__(self, image: object) -> bool:
        return image in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _read(self, image: str) -> VisionFeatures:
        place = self._places[image]
        with _opened(self.folder / place.file) as stream:
            # copied out of the mapped file, which is let go of: what is held is counted here, and not by the system
            layers = [stream.get_tensor(f"{image}.{k}") for k in range(place.layers)]
            found = self._as_held(image, layers, place.grid)
        self._count(found)
        return found

    def _as_held(self, image: str, layers: Sequence[torch.Tensor], grid: tuple[int, int, int]) -> VisionFeatures:
        """A copy where features are wanted; on the CPU it lies apart from the heap."""
        if torch.device(self._device).type == "cpu":
            copies = set_apart(layers)
        else:
            copies = [layer.detach().to(self._device, copy=True) for layer in layers]
        return VisionFeatures(image, copies[0], tuple(copies[1:]), grid)

    def _count(self, new: VisionFeatures) -> None:
        """Features that stay lie between large blocks that come and go, which stay the process's unless they are given back."""
        self._new_bytes += _bytes(new)
        if self._new_bytes > GIVE_BACK_AFTER:
            self._new_bytes = 0
            give_back_free_memory()

    def _read_folder(self) -> None:
        """Check whose features these are, and which images they are of."""
        files, info = sorted(self.folder.glob("features-*.safetensors")), self.folder / INFO
        if not info.is_file():
            if files:
                what = f"the folder holds {files[0].name}, but no {INFO} that says which model made it"
                raise InputFault(Fault(str(self.folder), INFO, what, "give another folder, or empty this one"))
            return
        self._check_identity(info)
        for file in files:
            with _opened(file) as stream:
                rows = json.loads((stream.metadata() or {}).get("images", "null"))
            if not isinstance(rows, list):
                raise InputFault(Fault(str(file), "", "does not say which images it is of", _REMOVE))
            for image, layers, tokens, *grid in rows:
                self._places[image] = _Place(file.name, layers, tokens, tuple(grid))

    def _check_identity(self, info: Path) -> None:
        try:
            found = read_json(info)
        except ValueError as error:
            found, reason = None, f"not readable as JSON ({error})"
        else:
            reason = "not a file that ppaint wrote"
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            fix = "give another folder, or remove this one: the features are made again"
            raise InputFault(Fault(str(self.folder), INFO, reason, fix))
        other = [words for name, words in _PARTS.items() if found.get(name) != self._identity.get(name)]
        if other:
            what = f"these are another model's vision features (different: {', '.join(other)})"
            fix = "give another folder, or remove this one: the features are made again"
            raise InputFault(Fault(str(self.folder), INFO, what, fix))


def _name_of(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def _opened(file: Path):
    """A file of features, mapped into memory."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as stream:
            yield stream
    except (SafetensorError, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputFault(Fault(str(file), "", f"not readable as vision features ({reason})", _REMOVE)) from error


def _bytes(features: VisionFeatures) -> int:
    return sum(layer.nbytes for layer in (features.tokens, *features.deepstack))
