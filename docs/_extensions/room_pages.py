"""The API reference by room: its public names, each with a page of its own, and its files, each with all of its other docstrings.

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
COMMAND = "ppaint.cli"
WRITTEN: set[Path] = set()  # the pages of this build


def title(text: str, line: str) -> str:
    """A heading, underlined."""
    return f"{text}\n{line * len(text)}\n\n"


def short(room: str) -> str:
    """A room's name without ``ppaint.``."""
    return room.removeprefix("ppaint.")


def docstring(module: str) -> str:
    """A file's docstring, read without importing the file."""
    path = ROOT.joinpath(*module.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def modules_of(room: str) -> list[str]:
    """The files of a room, those of its sub-packages too."""
    found = []
    for package in PACKAGES:
        if package == room or package.startswith(f"{room}."):
            folder = ROOT.joinpath(*package.split(".")[1:])
            found += [f"{package}.{module.name}" for module in pkgutil.iter_modules([str(folder)]) if not module.ispkg]
    return sorted(found)


def described(module: str) -> list[tuple[str, bool]]:
    """The functions and classes of a file that have a docstring, each with whether it is a class, in the file's order; read without importing it."""
    path = ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py")
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, kinds)]
    return [
        (node.name, isinstance(node, ast.ClassDef))
        for node in found
        if not node.name.startswith("_") and ast.get_docstring(node)
    ]


def files_table(room: str, homes: dict[int, str], folder: Path) -> str:
    """Each file of the room with the first paragraph of its docstring; writes a page of what else it describes."""
    text = title("Files", "-") + "Their paths may change in any release.\n\n"
    for module in modules_of(room):
        name = module.removeprefix(f"{room}.")
        page = file_page(room, module, homes)
        if page:
            write_if_changed(folder / "files" / f"{module}.rst", page)
        text += f":doc:`{name} <files/{module}>`\n" if page else f"``{name}``\n"
        text += textwrap.indent(docstring(module).split("\n\n")[0].rstrip(":"), "    ") + "\n\n"
    return text


def file_page(room: str, module: str, homes: dict[int, str]) -> str:
    """The page of one file: its docstring, and all that it describes and that no public name has a page for; empty where there is nothing."""
    text, elsewhere, loaded = "", "", None
    for name, is_class in described(module):
        loaded = loaded or importlib.import_module(module)
        one = getattr(loaded, name)
        home = homes.get(id(one))
        if (
            home is None and is_class and "\nArgs:\n" in (inspect.getdoc(one) or "")
        ):  # by a library's decorator, in its own form
            text += f"``{name}``\n\n.. code-block:: text\n\n{textwrap.indent(inspect.getdoc(one), '   ')}\n\n"
        elif home is None:
            text += f".. autoclass:: {name}\n   :members:\n\n" if is_class else f".. autofunction:: {name}\n\n"
        else:
            elsewhere += f"- :obj:`{home}`\n"
    if not text:
        return ""
    head = ":orphan:\n\n" + title(module, "=") + f":doc:`{room} <../{short(room)}>`\n\n.. currentmodule:: {module}\n\n"
    listed = f"Public names of the room that are defined here:\n\n{elsewhere}\n" if elsewhere else ""
    return f"{head}{docstring(module)}\n\n{listed}{text}"


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
    return text or "This room has no public names.\n\n" * (room != COMMAND)


def write_if_changed(path: Path, text: str) -> None:
    """So that a second build reads only what is new."""
    WRITTEN.add(path)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def remove_others(folder: Path) -> None:
    """Remove the pages that an earlier build wrote and this one did not: of a file that was moved or removed since."""
    for path in set(folder.rglob("*.rst")) - WRITTEN:
        path.unlink()


def room_page(room: str, names: str, files: str) -> str:
    """The room's docstring, its public names, and its files."""
    text = title(room, "=") + f".. currentmodule:: {room}\n\n{docstring(room)}\n\n"
    return text + names + files


def help_texts() -> str:
    """What ``--help`` prints of the command and of each of its commands."""
    from typer.main import get_command
    from typer.testing import CliRunner

    from ppaint.cli.main import app

    def texts(command, words: list[str]) -> str:
        asked = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"})
        name = " ".join(["ppaint", *words])
        text = title(name, "-") + ".. code-block:: text\n\n" + textwrap.indent(asked.output.strip("\n"), "   ") + "\n\n"
        inner = getattr(command, "commands", {})
        return text + "".join(texts(inner[word], [*words, word]) for word in inner)

    return texts(get_command(app), [])


def write_pages(app: Sphinx, config: Config) -> None:
    """Write a page for each room, and the one that lists the rooms."""
    gc.disable()  # hardly anything of what the imports make is garbage, and looking through it takes ten seconds in all
    folder = Path(app.srcdir) / "reference"
    homes: dict[int, str] = {}
    rows = ""
    names = {room: names_tables(room, homes, folder) for room in ROOMS}
    for room in ROOMS:
        more = help_texts() if room == COMMAND else files_table(room, homes, folder)
        write_if_changed(folder / f"{short(room)}.rst", room_page(room, names[room], more))
        rows += f":doc:`{room} <{short(room)}>`\n    {docstring(room).split(chr(10))[0]}\n\n"
    text = title("API reference", "=")
    text += "Public names are those of the room: ``from ppaint.ROOM import NAME``. Everything else may change in any release, and is described with its file.\n\n"
    text += rows + ".. toctree::\n   :hidden:\n\n" + "".join(f"   {short(room)}\n" for room in ROOMS)
    write_if_changed(folder / "index.rst", text)
    remove_others(folder)
    gc.enable()
    gc.freeze()


def setup(app: Sphinx) -> dict:
    """Tell Sphinx when to call what."""
    app.connect("config-inited", write_pages)
    app.connect("build-finished", lambda app, error: gc.unfreeze())  # libraries complain of what was never given back
    return {"parallel_read_safe": True, "parallel_write_safe": True}
