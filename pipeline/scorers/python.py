"""A function of the user's own: images in, an array of scores out. It runs with all the rights of whoever starts it."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ...eval_suite.predictions_table import LARGEST
from ...foundation.faults import Fault, InputFault
from ...foundation.file_hash import file_sha256
from ...images.opening import OpenedImage
from .options import Options
from .protocol import Scored, Scorer

OPTION = "--function"


class PythonScorer(Scorer):
    """Any callable ``list[PIL.Image.Image] -> array (n,) or (n, D)``.

    Parameters
    ----------
    options : Options
        ``function``, ``dimensions`` and ``references``. One score per image stands for the headline; D scores are those of
        the named dimensions, else of the references.

    Raises
    ------
    InputFault
        If there is no such module or callable, or the module cannot be imported.
    """

    def __init__(self, options: Options) -> None:
        self._name = options.function or ""
        module, _, name = self._name.partition(":")
        if not module or not name:
            what = "no function is named" if not self._name else f"{self._name!r} names no function"
            raise InputFault(Fault(OPTION, "", what, "give it as module:name, as in my_scorer:score"))
        options.tell(f"this runs your own code: {name} of the module {module}, with all the rights that you have")
        imported = _import(module)
        self._function = _callable_of(imported, module, name)
        self._source = _source_hash(imported)
        self._options = options
        self.dimensions = self._dimensions(len(options.dimensions)) if options.dimensions else ()

    def score(self, images: Sequence[OpenedImage]) -> Scored:
        """What the function returns; NaN is an abstention."""
        pictures = [opened.image for opened in images]
        try:
            given = self._function(pictures)
        except (Exception, SystemExit) as error:  # whatever the user's code raises is told with its place
            raise InputFault(_raised(self._name, error)) from error
        scores = self._as_array(given, len(pictures))
        bad = np.argwhere(np.abs(scores) > LARGEST)  # inf too
        if len(bad):
            what = f"the function gave {scores[tuple(bad[0])]} for {images[bad[0][0]].name}"
            raise InputFault(Fault(self._name, "", what, "give a number as a score may be, or nan where it abstains"))
        dimensions = self._dimensions(scores.shape[1])
        if self.dimensions and dimensions != self.dimensions:
            what = f"the function gave {scores.shape[1]} scores per image, and {len(self.dimensions)} before"
            raise InputFault(Fault(self._name, "", what, "give the same number every time"))
        self.dimensions = dimensions
        return Scored.of(scores)

    def identity(self) -> dict[str, Any]:
        """The function's name and the source of its module; not of what that imports."""
        references = self._options.references
        wanted = self._options.dimensions or (references.dimensions if references else ())
        return {"scorer": "python", "function": self._name, "source": self._source, "dimensions": list(wanted)}

    def about(self) -> dict[str, Any]:
        """Only what can be known: how it was made is for its owner to say."""
        return {
            "system": self._name,
            "kind": "model",
            "made_with": {"weights_sha256": None, "prompt_sha256": None},
        }

    def notes(self) -> tuple[str, ...]:
        """What only the owner of the code can say."""
        return (
            "submission.yaml cannot know how your own function was made: look through access, training, teacher, deterministic "
            "and cost before you submit",
        )

    def _dimensions(self, width: int) -> tuple[str, ...]:
        references = self._options.references
        wanted = self._options.dimensions or (references.dimensions if references else ())
        if width == 1 and len(wanted) != 1:
            return self._options.single_dimension()
        if width == len(wanted):
            return tuple(wanted)
        named = f"{len(wanted)} ({', '.join(wanted)})" if wanted else "none"
        what = f"the function gave {width} scores per image, and the dimensions are {named}"
        raise InputFault(Fault(self._name, "", what, "name the dimensions of its columns: --dimensions a,b"))

    def _as_array(self, given: Any, n: int) -> np.ndarray:
        """What came as an array (n, D) of float64."""
        if hasattr(given, "detach"):  # a tensor of torch, on whatever device
            given = given.detach().cpu().numpy()
        try:
            if np.iscomplexobj(given):  # numpy would drop a part of each number
                raise TypeError
            scores = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            what = f"the function gave no array of numbers ({type(given).__name__})"
            raise InputFault(Fault(self._name, "", what, "return an array with a score for each image")) from error
        if scores.ndim not in (1, 2) or len(scores) != n or not scores.size:
            what = f"the function gave an array of shape {scores.shape} for {n} images"
            raise InputFault(Fault(self._name, "", what, f"return one of shape ({n},) or ({n}, D)"))
        return scores[:, None] if scores.ndim == 1 else scores


def _import(name: str) -> ModuleType:
    """The module, also where it lies in the folder in which the command was started."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            fix = "start the command in the folder that holds it, or install it"
            raise InputFault(Fault(OPTION, "", f"there is no module {name!r}", fix)) from error
        raise InputFault(_raised(name, error)) from error
    except (Exception, SystemExit) as error:  # importing runs it
        raise InputFault(_raised(name, error)) from error


def _callable_of(module: ModuleType, module_name: str, name: str) -> Callable[[list], Any]:
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        what = f"{name!r} of the module {module_name!r} is {'not there' if found is None else 'not callable'}"
        raise InputFault(Fault(OPTION, "", what, "give the name of a function"))
    return found


def _source_hash(module: ModuleType) -> str | None:
    """Hash of the module's file; None where it has none."""
    try:
        file = inspect.getsourcefile(module)
    except TypeError:
        return None
    return file_sha256(file) if file else None


def _raised(name: str, error: BaseException) -> Fault:
    """What the user's code raised, and where."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "importlib" not in frame.filename and frame.filename != __file__]
    place = f", in line {own[-1].lineno} of {Path(own[-1].filename).name}" if own else ""
    said = " ".join(str(error).split())[:200]
    return Fault(name, "", f"your code raised {type(error).__name__}{f': {said}' if said else ''}{place}", "correct it")
