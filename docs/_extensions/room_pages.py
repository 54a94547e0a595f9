"""The API reference by room: its public names, each with a page of its own, and what each of its files is for.

The pages are written before Sphinx looks which pages there are, into ``docs/reference/``, which git ignores.
"""

from __future__ import annotations

import ast
import configparser
import gc
import importlib
import inspect
import pkgutil
import textwrap
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

ROOT = Path(__file__).resolve().parents[2]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
# from the lowest floor up, so that a name which an upper room passes on is described where it belongs
ROOMS = SETUP["importlinter"]["root_packages"].split()
PACKAGES = SETUP["options"]["packages"].split()


def title(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n\n"


def short(room: str) -> str:
    return room.removeprefix("ppaint.")


def docstring(module: str) -> str:
    """A file's docstring, read without importing the file."""
    path = ROOT.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def files_table(room: str) -> str:
    """Each file of the room, those of its sub-packages too, with the first paragraph of its docstring."""
    found = []
    for package in PACKAGES:
        if package == room or package.startswith(f"{room}."):
            folder = ROOT.joinpath(*package.split(".")[1:])
            found += [f"{package}.{module.name}" for module in pkgutil.iter_modules([str(folder)]) if not module.ispkg]
    text = title("Files", "-") + "Their paths may change in any release.\n\n"
    for module in sorted(found):
        text += f"``{module.removeprefix(f'{room}.')}``\n"
        text += textwrap.indent(docstring(module).split("\n\n")[0].rstrip(":"), "    ") + "\n\n"
    return text


def name_page(room: str, name: str, is_class: bool) -> str:
    """The page of one function or class. It stands in no list of pages: 200 entries beside every page help nobody."""
    text = ":orphan:\n\n" + title(name, "=") + f":doc:`{room} <../{short(room)}>`\n\n.. currentmodule:: {room}\n\n"
    return text + (f".. autoclass:: {name}\n   :members:\n" if is_class else f".. autofunction:: {name}\n")


def names_tables(room: str, homes: dict[int, str], folder: Path) -> str:
    """The room's public names by kind; writes the page of each.

    ``homes``: what is described already, by its ``id``, and under which name.
    """
    module = importlib.import_module(room)
    kinds: dict[str, list[str]] = {"Functions": [], "Classes": [], "Constants": [], "Other names": []}
    for name in sorted(getattr(module, "__all__", [])):
        one = getattr(module, name)
        if id(one) in homes:
            kinds["Other names"].append(f"- ``{name}``: :obj:`{homes[id(one)]}`\n")
        elif inspect.isclass(one) or inspect.isroutine(one):
            kinds["Classes" if inspect.isclass(one) else "Functions"].append(f"   {name}\n")
            homes[id(one)] = f"{room}.{name}"
            write_if_changed(folder / "names" / f"{room}.{name}.rst", name_page(room, name, inspect.isclass(one)))
        else:
            kinds["Constants"].append(f".. autodata:: {name}\n")
    text = ""
    for kind, lines in kinds.items():
        if lines:
            table = ".. autosummary::\n   :nosignatures:\n\n"
            text += title(kind, "-") + table * (kind in ("Functions", "Classes")) + "".join(lines) + "\n"
    return text or "This room has no public names.\n\n"


def write_if_changed(path: Path, text: str) -> None:
    """So that a second build reads only what is new."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def room_page(room: str, names: str) -> str:
    """The room's docstring, its public names, and its files."""
    text = title(room, "=") + f".. currentmodule:: {room}\n\n{docstring(room)}\n\n"
    return text + names + files_table(room)


def write_pages(app: Sphinx, config: Config) -> None:
    """Write a page for each room, and the one that lists the rooms."""
    gc.disable()  # hardly anything of what the imports make is garbage, and looking through it takes ten seconds in all
    folder = Path(app.srcdir) / "reference"
    homes: dict[int, str] = {}
    rows = ""
    for room in ROOMS:
        write_if_changed(folder / f"{short(room)}.rst", room_page(room, names_tables(room, homes, folder)))
        rows += f":doc:`{room} <{short(room)}>`\n    {docstring(room).split(chr(10))[0]}\n\n"
    text = title("API reference", "=")
    text += "Public names are those of the room: ``from ppaint.ROOM import NAME``. Everything else may change in any release.\n\n"
    text += rows + ".. toctree::\n   :hidden:\n\n" + "".join(f"   {short(room)}\n" for room in ROOMS)
    write_if_changed(folder / "index.rst", text)
    gc.enable()
    gc.freeze()


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", write_pages)
    app.connect("build-finished", lambda app, error: gc.unfreeze())  # libraries complain of what was never given back
    return {"parallel_read_safe": True, "parallel_write_safe": True}
