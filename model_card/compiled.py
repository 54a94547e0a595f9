"""Compiled layers: on a GPU a pass of the language model becomes fewer, larger kernels, after some seconds of compiling.

Only the decoder layers are compiled, all from the same code: once for batches of two rows or more of any length, once for a
single row. A compiled layer rounds differently in the last digits, so a judge says of itself that its layers are compiled
(``Judge.parts``).
"""

from __future__ import annotations

import os
import shutil

from ..foundation.faults import Fault, InputFault

COMPILERS = {
    "cuda": ("CC", ("cc", "gcc", "clang"), "a C compiler"),
    "cpu": ("CXX", ("c++", "g++", "clang++"), "a C++ compiler"),
}


def compile_layers(model, *, backend: str = "inductor") -> None:
    """Compile the decoder layers of a model in place; the first passes take the time that compiling takes.

    Parameters
    ----------
    model
    backend : str
        Of ``torch.compile``.

    Raises
    ------
    InputFault
        If ``torch.compile`` lacks what it needs here: a C++ compiler on a CPU; a C compiler and Triton on a GPU.
    """
    from torch.utils._triton import has_triton

    variable, names, compiler = COMPILERS["cuda" if model.device.type == "cuda" else "cpu"]
    missing = [] if any(map(shutil.which, (os.environ.get(variable, ""), *names))) else [compiler]
    if model.device.type == "cuda" and not has_triton():
        missing.append("Triton")
    if missing:
        what = f"layers cannot be compiled without {' and '.join(missing)}"
        raise InputFault(
            Fault("torch.compile", "", what, "install it, or leave --compile out: the scores are the same to rounding")
        )
    for layer in decoder_layers(model):
        layer.compile(dynamic=True, backend=backend)


def is_compiled(model) -> bool:
    """Whether the decoder layers are compiled.

    Parameters
    ----------
    model

    Returns
    -------
    bool
    """
    return any(layer._compiled_call_impl is not None for layer in decoder_layers(model))


def decoder_layers(model):
    """The decoder layers of the language model; none where it does not keep them under that name."""
    return getattr(model.get_decoder(), "layers", ())
