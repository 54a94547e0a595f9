"""What a Space carries: ``app.py``, the files of the rooms that it imports beside it, and the packages that these import."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from importlib.util import find_spec
from pathlib import Path

from ..foundation.faults import Fault, InputFault

_OURS = "ppaint"
# What a library imports when it is used, and does not ask for itself: Qwen3-VL's image processor.
_WITH = {"transformers": ("torchvision",)}


@dataclass(frozen=True)
class SpaceCode:
    """The code of a Space.

    Parameters
    ----------
    files : dict of str to Path
        By path in the Space, with ``/``: ``app.py``, and ``ppaint/<room>/<file>`` for each module that is imported from it on.
    requirements : tuple of str
        The packages from outside, each with the range that ppaint was installed with.
    """

    files: dict[str, Path]
    requirements: tuple[str, ...]


def space_code(app: str | Path) -> SpaceCode:
    """Find what an app needs, by its imports and those of what it imports.

    Imports inside functions count; those for type checkers alone do not. A public name of a room brings the file that defines it.

    Parameters
    ----------
    app : str or Path
        A file that imports ``ppaint.*`` absolutely.

    Returns
    -------
    SpaceCode

    Raises
    ------
    InputFault
        If ppaint is not installed, or what is imported is in no room and no package that ppaint or its extra ``space`` asks for.
    """
    app = Path(app)
    found: dict[str, Path] = {}
    outside: set[str] = set()
    waiting = [("", app)]
    while waiting:
        module, file = waiting.pop()
        for name in _imported(file, module):
            top = name.split(".")[0]
            if top != _OURS:
                outside |= {top} - set(sys.stdlib_module_names)
                continue
            for needed in _with_packages(name):
                place = _place(needed)
                if place is not None and needed not in found:
                    found[needed] = place
                    waiting.append((needed, place))
    files = {_path_in_space(module, place): place for module, place in sorted(found.items())}
    return SpaceCode({"app.py": app} | files, requirements_of(outside))


def _path_in_space(module: str, place: Path) -> str:
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if place.name == "__init__.py" else f"{path}.py"


def _with_packages(name: str) -> list[str]:
    """A module and the packages around it, without ``ppaint`` itself: it has no ``__init__.py``."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(2, len(parts) + 1)]


@cache
def _place(module: str) -> Path | None:
    """The file of a module of ours; None where there is no such module."""
    _, room, *inner = module.split(".")
    spec = find_spec(f"{_OURS}.{room}")
    if spec is None or spec.submodule_search_locations is None:
        return None
    path = Path(next(iter(spec.submodule_search_locations))).joinpath(*inner)
    places = (path / "__init__.py", path.with_name(f"{path.name}.py")) if inner else (path / "__init__.py",)
    return next((place for place in places if place.is_file()), None)


def _imported(file: Path, module: str) -> Iterator[str]:
    """The names of the modules that a file imports when it runs."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for base, level, names in _import_lines(file.read_text(encoding="utf-8")):
        if names is None:
            yield base
            continue
        parts = package.split(".")
        above = parts[: len(parts) - level + 1] if level else []
        full = ".".join([*above, *([base] if base else [])])
        yield full
        if full.split(".")[0] == _OURS:
            yield from (_defining(full, name) for name in names)


@cache
def _import_lines(text: str) -> tuple[tuple[str, int, tuple[str, ...] | None], ...]:
    """Of each import that runs: the module as it is written, how many dots before it, the names from it; None where it is imported whole.

    Kept by what a file says: a publication makes the Space's content several times, and to parse all of its code takes a second.
    """
    found: list[tuple[str, int, tuple[str, ...] | None]] = []
    for node in _run_nodes(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [(alias.name, 0, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", node.level, tuple(alias.name for alias in node.names)))
    return tuple(found)


def _defining(base: str, name: str) -> str:
    """The module that an imported name is, or that a room takes it from when it is first used; else `base` itself."""
    if _place(f"{base}.{name}") is not None:
        return f"{base}.{name}"
    place = _place(base)
    homes = _lazy_homes(place) if place is not None and place.name == "__init__.py" else {}
    return f"{base}.{homes[name]}" if name in homes else base


@cache
def _lazy_homes(init: Path) -> dict[str, str]:
    """Which file of a room defines which of its public names; see ``foundation/lazy_names.py``."""
    for node in ast.parse(init.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["_HOME"]:
            return dict(ast.literal_eval(node.value))
    return {}


def _run_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker reads."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def requirements_of(modules: set[str]) -> tuple[str, ...]:
    """The packages that modules come from, with ppaint's own ranges.

    Parameters
    ----------
    modules : set of str
        Names that are imported, from outside of ppaint.

    Returns
    -------
    tuple of str
        As in ``requirements.txt``.

    Raises
    ------
    InputFault
        If ppaint is not installed, or asks for no package of such a module.

    Examples
    --------
    >>> requirements_of({"numpy"})
    ('numpy>=2.0',)
    """
    try:
        declared = {_package(line): line.split(";")[0].strip() for line in requires(_OURS) or () if _for_a_space(line)}
    except PackageNotFoundError as error:
        what, fix = "it is not installed, so that its requirements are not known", "install it (`pip install .`)"
        raise InputFault(Fault(_OURS, "", what, fix)) from error
    modules = modules | {name for module in modules for name in _WITH.get(module, ())}
    packages = _packages_of_modules()
    found, faults = set(), []
    for module in sorted(modules):
        names = {_same(name) for name in packages.get(module, [module])} & set(declared)
        found |= {declared[name] for name in names}
        if not names:
            what = f"the Space imports {module}, which belongs to no package that ppaint asks for"
            faults.append(
                Fault(
                    "setup.cfg",
                    "install_requires",
                    what,
                    "add the package there (or to the extra `space`), and install again",
                )
            )
    if faults:
        raise InputFault(faults)
    return tuple(sorted(found))


@cache
def _packages_of_modules() -> Mapping[str, list[str]]:
    """Asked once: every installed package is read for it, half a second."""
    return packages_distributions()


def _for_a_space(requirement: str) -> bool:
    """Whether ppaint always asks for it, or in its extra ``space``."""
    marker = requirement.partition(";")[2]
    return not marker or re.fullmatch(r"\s*extra\s*==\s*['\"]space['\"]\s*", marker) is not None


def _package(requirement: str) -> str:
    return _same(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])


def _same(package: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()
