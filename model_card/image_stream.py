"""Images as a stream: opened, hashed, resized and let go, ahead of the model, in this process or in worker processes.

Workers are torch's ``DataLoader``. What they send back are the resized pixels, as bytes through a pipe: no tensors, which would take room in
``/dev/shm`` (64 MB in a container). They are started by **forkserver** where there is one (see ``foundation/worker_server.py``). ``fork`` would copy
this process with the locks of threads that do not live on in the copy (torch's, a progress bar's), and with a GPU that a copy cannot
use; ``spawn`` is safe too, but every worker imports torch for itself.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch.utils.data import DataLoader, Dataset

from ..foundation.faults import Fault, InputFault
from ..foundation.worker_pool import end_with_the_asking_process
from ..foundation.worker_server import START_METHOD, start_worker_server
from ..images.image_source import ImageChanged, ImageSource
from ..images.opening import OpenedImage
from .imports_of_workers import FEW, IMPORTS_OF_WORKERS, LITTLE, SMALL
from .resized import ByProcessor, Resizing, resized

UNREAD = "not read"  # in place of a hash
_MOST_WORKERS = 8
_AHEAD = 2  # images per worker that wait for the model


@dataclass(frozen=True, eq=False)
class TakenImage:
    """What became of one source.

    Parameters
    ----------
    name : str
    file_sha256 : str
        Of the file's bytes, in hexadecimal; of the pixels where there is no file. Empty where a dataset has no image; `UNREAD` where what is
        wrong does not follow from a file's bytes.
    image : OpenedImage or None
        Resized where that can be done ahead; None where it could not be opened, or is not to be kept.
    fault : InputFault or None
        Why it could not.
    notes : tuple of str
        What was converted on opening.
    sha256 : str
        Of the decoded pixels; empty where it could not be opened.
    """

    name: str
    file_sha256: str
    image: OpenedImage | None
    fault: InputFault | None = None
    notes: tuple[str, ...] = ()
    sha256: str = ""


def content_sha256(source: ImageSource) -> str:
    """SHA-256 of a file's bytes, or that of the pixels of an image that is open already.

    Parameters
    ----------
    source : ImageSource

    Returns
    -------
    str

    Raises
    ------
    InputFault
        If the file cannot be read.
    """
    source = source.read()
    if isinstance(source.content, bytes):
        return hashlib.sha256(source.content).hexdigest()
    return source.open().sha256


def workers_for(asked: int | None, images: int, sources: Sequence[ImageSource] = ()) -> int:
    """Processes that open so many images: none for a few, or small ones, since each takes memory; else as many as were asked for.

    Parameters
    ----------
    asked : int or None
        None: one for each core that this process may use, at most eight; of several processes on a machine (`torchrun`) each has its
        part of the cores.
    images : int
    sources : sequence of ImageSource
        Where their headers were read.

    Returns
    -------
    int
    """
    if images < FEW:
        return 0
    if asked is not None:
        return asked
    pixels = [source.size and source.size[0] * source.size[1] for source in sources]
    if pixels and None not in pixels and sum(each for each in pixels if each >= SMALL) < LITTLE:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    return min(cores, _MOST_WORKERS)


def images_ahead(
    sources: Iterable[ImageSource],
    resizing: Resizing | ByProcessor | None,
    *,
    keep: bool = True,
    workers: int = 0,
    start_method: str = START_METHOD,
) -> Iterator[TakenImage]:
    """Open images one after another, each only when it is about to be needed.

    Parameters
    ----------
    sources : iterable of ImageSource
        Taken from lazily.
    resizing : Resizing, ByProcessor or None
        None: they stay as they are.
    keep : bool
        Whether the images are wanted; if not, each is opened, hashed, and let go.
    workers : int
        Worker processes; 0: each is opened when it is asked for. A script that asks for workers needs a ``__main__`` guard.
    start_method : {"forkserver", "spawn", "fork"}
        See the module.

    Yields
    ------
    TakenImage
        In the order of the sources.

    Raises
    ------
    InputFault
        If a worker dies.
    """
    opener = _Opener(resizing, keep)
    if workers == 0:
        yield from map(opener.__getitem__, sources)
        return
    if start_method == "forkserver":
        start_worker_server(IMPORTS_OF_WORKERS)
    loader = DataLoader(
        opener,
        batch_size=None,
        sampler=sources,  # its items need not be numbers: a worker is sent the source itself
        num_workers=workers,
        prefetch_factor=_AHEAD,
        collate_fn=_as_it_is,
        multiprocessing_context=start_method,
        worker_init_fn=_begin,
    )
    try:
        yield from loader
    except RuntimeError as error:
        if not re.match(r"DataLoader worker .*(exited unexpectedly|is killed by signal)", str(error), re.DOTALL):
            raise
        what = "a process that opens images ended before its time; most often, memory ran out"
        fix = (
            "give fewer --workers (0: none), or end other programs, and run the same command again; a script of your own needs "
            'an `if __name__ == "__main__":` around what asks for workers'
        )
        raise InputFault(Fault("--workers", "", what, fix)) from error


class _Opener(Dataset):
    """Opens and resizes a source; of a worker's, one image at a time is held at its full size."""

    def __init__(self, resizing: Resizing | ByProcessor | None, keep: bool) -> None:
        self._resizing, self._keep = resizing, keep

    def __getitem__(self, source: ImageSource) -> TakenImage:
        digest = "" if source.content is None else UNREAD
        try:
            source = source.read()
            if isinstance(source.content, bytes):
                digest = hashlib.sha256(source.content).hexdigest()
            opened = source.open()
            digest = opened.sha256 if digest == UNREAD else digest
            small = resized(self._resizing, opened) if self._keep else None
            return TakenImage(source.name, digest, small, notes=opened.notes, sha256=opened.sha256)
        except ImageChanged as error:
            return TakenImage(source.name, UNREAD, None, error)
        except InputFault as error:
            return TakenImage(source.name, digest, None, error)


def _begin(_worker: int) -> None:
    """Torch's own watch looks at the process that forked a worker: the server."""
    end_with_the_asking_process()


def _as_it_is(one: TakenImage) -> TakenImage:
    return one
