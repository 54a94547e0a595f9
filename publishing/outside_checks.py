"""What holds for everything that is published, checked before the first request: nothing private, nothing simulated unsaid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from unicodedata import category

from ..foundation.any_text import readable
from ..foundation.faults import Fault, InputFault
from ..hub.hub_repo import checked_repo_name
from ..model_card.card_data import UNFILLED
from .card_schema import card_body, front_matter, front_matter_faults
from .content import SIMULATED_ENDING, Content
from .private_words import Found, machine_words_in, secrets_in
from .readable_parts import Part, readable_parts

CARD = "README.md"
# Word lists hold `/home/x` among their words, tables whatever was measured, code its examples: of these only this machine's own paths.
_NOT_OF_THE_USER = ("tokenizer.json", "vocab.json", "merges.txt", ".csv", ".tsv", ".py")
_OTHERS = (
    "accepted/",
    "evaluated/",
    "board/",
    "log.jsonl",
)  # of a board: what others handed in, and what was made of it
_WITHOUT = {
    "text": "write it without, or take it out",
    "column": "correct it in the tables of which it was built, and build it again",
    "images": "take it out of the image's metadata (`exiftool -all= IMAGE`), and build the dataset again",
}
_OF_A_FOLDER = ("dataset", "model", "judge", "board")  # the others are made of ppaint's own files
_HIDDEN_ALLOWED = (".eval_results",)
_LONGEST_NAME, _LONGEST_PATH = 255, 1000
_BLOCK = re.compile(r"^```[a-z]*\n.*?^```", re.M | re.S)
_CODE = re.compile(rf"{_BLOCK.pattern}|`[^`\n]+`", re.M | re.S)
_PLACEHOLDER = re.compile(r"\bORG/[A-Za-z0-9_.-]+")


def check_content(content: Content) -> None:
    """Refuse what must not leave this machine, with everything that is wrong.

    Parameters
    ----------
    content : Content
        What is to be published.

    Raises
    ------
    InputFault
        Secrets in any file (they are not shown); paths or the name of this machine in one, of any machine in a card, a config, a licence or
        a template; files that lead out of the folder, are hidden, or have names that the Hub refuses; a card with unknown fields or values, or unfilled; simulated things
        under a name, a tag or a title that do not say so.
    """
    from huggingface_hub import get_token

    token = get_token()
    faults = [*_name(content), *_file_names(content)]
    broken = {fault.file for fault in faults}
    for path in content.files:
        if _named(content, path) not in broken:
            faults += _private(content, path, token)
    faults += _card(content)
    if faults:
        raise InputFault(faults)


def _named(content: Content, path: str) -> str:
    """A file as the user knows it."""
    return readable(f"{content.source}/{path}" if content.source else path)


def _name(content: Content) -> Iterator[Fault]:
    try:
        checked_repo_name(content.name)
    except InputFault as error:
        yield from error.faults
        return
    says_so = content.name.endswith(SIMULATED_ENDING)
    if content.what == "metric":
        return
    if content.simulated and not says_so:
        what = "is simulated, or made from what is, and its name does not say so: nobody must take it for real"
        yield Fault(content.name, "", what, f"publish it as {content.name}{SIMULATED_ENDING}")
    if says_so and not content.simulated:
        what = "says simulated, and what would be published is not"
        yield Fault(content.name, "", what, f"publish it as {content.name.removesuffix(SIMULATED_ENDING)}")


def _file_names(content: Content) -> Iterator[Fault]:
    """Names that the Hub refuses or hides, and files that lie elsewhere than in the folder."""
    of_a_folder = content.source and content.what in _OF_A_FOLDER
    root = Path(content.source).resolve() if of_a_folder else None
    for path, found in content.files.items():
        parts = PurePosixPath(path).parts
        file = _named(content, path)
        fix = "rename it, or leave it out"
        if path != readable(path) or any(not letter.isprintable() for letter in path):
            yield Fault(file, "", "has a name that is no UTF-8, or cannot be printed", fix)
        elif path != "/".join(parts) or path.startswith("/") or "\\" in path or {"..", "."} & {*parts} or not parts:
            yield Fault(file, "", "is no path within a repo", fix)
        elif len(path.encode()) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_NAME for part in parts):
            yield Fault(file, "", f"has a name longer than {_LONGEST_NAME} bytes", fix)
        elif any(part.startswith(".") for part in parts) and parts[0] not in _HIDDEN_ALLOWED:
            yield Fault(file, "", "is hidden", fix)
        if isinstance(found, bytes):
            continue
        if not found.is_file():
            yield Fault(file, "", "is no file, or cannot be read", "put it back, or check its permissions")
        elif root is not None and not found.resolve().is_relative_to(root):
            yield Fault(file, "", f"leads out of the folder, to {found.resolve()}", "put the file itself there")


def _private(content: Content, path: str, token: str | None) -> Iterator[Fault]:
    """Secrets and the paths and the name of a machine, in a text or in what a table, an image or weights say beside their numbers."""
    of_others = content.what == "board" and path.startswith(_OTHERS)
    for part in readable_parts(path, content.files[path]):
        for what, where in _by_kind(secrets_in(part.text, token)).items():
            revoke = "take it out, and revoke it where it was made: it stood in a file"
            yield Fault(
                _named(content, path), _places(content, path, part, where), f"holds what looks like {what}", revoke
            )
        # A scan's own metadata may name a folder of the museum's machine: that is a note of the dataset's.
        any_machine = not (of_others or path.endswith(_NOT_OF_THE_USER) or part.of == "images")
        words = machine_words_in(part.text, any_machine=any_machine)
        for what, where in _by_kind(words).items():
            said = f"holds a path or a name of a machine: {what}"
            fix = "withdraw its entry with --remove-files" if of_others else _WITHOUT.get(part.of, _WITHOUT["text"])
            yield Fault(_named(content, path), _places(content, path, part, where), said, fix)


def check_message(message: str) -> str:
    """The message of a commit in UTF-8, refused where it cannot be sent or says what must not leave this machine.

    Parameters
    ----------
    message : str
        As it was given, whatever the terminal's encoding.

    Returns
    -------
    str

    Raises
    ------
    InputFault

    Examples
    --------
    >>> check_message("Second version")
    'Second version'
    """
    from huggingface_hub import get_token

    faults = []
    try:
        message = message.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        faults.append(Fault("--message", "", "is no UTF-8", "write it in UTF-8"))
    if any(category(letter) == "Cc" and letter not in "\n\t" for letter in message):
        faults.append(Fault("--message", "", "holds a control character", "take it out"))
    if not message.strip():
        faults.append(Fault("--message", "", "is empty", "say what is new, or leave the option out"))
    for what in _by_kind(secrets_in(message, get_token())):
        faults.append(Fault("--message", "", f"holds what looks like {what}", "take it out: everyone can read it"))
    for what in _by_kind(machine_words_in(message)):
        faults.append(Fault("--message", "", f"holds a path or a name of a machine: {what}", "write it without"))
    if faults:
        raise InputFault(faults)
    return message


def _by_kind(found: list[Found]) -> dict[str, list[int]]:
    kinds: dict[str, list[int]] = {}
    for one in found:
        kinds.setdefault(one.what, []).append(one.line)
    return kinds


def _places(content: Content, path: str, part: Part, lines: list[int]) -> str:
    """Where it stands, in the user's own file where the published one is made of it."""
    there = lines[0]
    others = len({*lines}) - 1
    more = f" and {others} more" if others else ""
    if part.of != "text":
        return f"{part.place(there)}{more}"
    found = content.files[path]
    own = Path(content.source, path)
    if isinstance(found, bytes) and content.source and own.is_file():
        line = found.split(b"\n")[there - 1].rstrip()
        of_own = [one.rstrip() for one in own.read_bytes().split(b"\n")]
        there = of_own.index(line) + 1 if line in of_own else there
    return f"{part.place(there)}{more}"


def _card(content: Content) -> Iterator[Fault]:
    file = _named(content, CARD)
    if CARD not in content.files:
        yield Fault(file, "", "there is no card", "make the folder again: what makes it writes one")
        return
    try:
        card = content.read(CARD).decode("utf-8")
        front = front_matter(card)
    except OSError:
        return  # said of its file
    except UnicodeDecodeError:
        yield Fault(file, "", "is not UTF-8", "save it as UTF-8")
        return
    except ValueError as error:
        yield Fault(file, "", str(error), "write the front matter again")
        return
    yield from front_matter_faults(content.what, front, file)
    yield from _files_that_the_card_names(content, front, file)
    yield from _says_simulated(content, front, card, file)
    yield from _unfilled(content, card_body(card), file)


def _unfilled(content: Content, body: str, file: str) -> Iterator[Fault]:
    """What a template left open: a field in the text, or the name of a repo in its code."""
    fix = "fill it, or take it out"
    text = _CODE.sub(lambda block: "\n" * block.group().count("\n"), body)
    for found in UNFILLED.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Fault(file, f"line {line}", f"holds {found.group()[:60]!r}, which was never filled", fix)
    if content.name.startswith("ORG/"):
        return
    for block in _BLOCK.finditer(body):
        for found in _PLACEHOLDER.finditer(block.group()):
            line = body.count("\n", 0, block.start() + found.start()) + 1
            yield Fault(file, f"line {line}", f"its code holds {found.group()!r}, which is no repo", "name the repo")


def _files_that_the_card_names(content: Content, front: dict[str, Any], file: str) -> Iterator[Fault]:
    """A Space's program, a dataset's tables: the Hub looks for them by the card."""
    named = [("app_file", front.get("app_file"))]
    configs = front.get("configs")
    for config in configs if isinstance(configs, list) else []:
        files = config.get("data_files") if isinstance(config, dict) else None
        for one in files if isinstance(files, list) else [files]:
            path = one.get("path") if isinstance(one, dict) else one
            named += [
                (f"configs, {config.get('config_name')}", each) for each in (path if isinstance(path, list) else [path])
            ]
    for field, path in named:
        if isinstance(path, str) and not set("*?[") & set(path) and path not in content.files:
            yield Fault(file, field, f"names {path!r}, which is not there", "correct it")


def _says_simulated(content: Content, front: dict[str, Any], card: str, file: str) -> Iterator[Fault]:
    """Tag and title say that it is simulated where it is, and only there."""
    if content.what == "metric":
        return
    tags = front.get("tags")
    tagged = isinstance(tags, list) and "simulated" in tags
    if tagged and not content.simulated:
        yield Fault(file, "tags", "says simulated, and what would be published is not", "take the tag out")
    if not content.simulated:
        return
    if not tagged:
        yield Fault(file, "tags", "does not hold `simulated`, and it is", "add the tag")
    heading = re.search(r"^# +(.+)$", card_body(card), re.M)
    titles = {"the title": heading.group(1) if heading else ""}
    field = {"dataset": "pretty_name", "board": "pretty_name", "space": "title"}.get(content.what)
    if content.what == "space":
        titles = {}  # the page has a banner of its own
    if field:
        titles[field] = str(front.get(field, ""))
    for where, title in titles.items():
        if "simulated" not in title.lower():
            yield Fault(file, where, f"does not say that it is simulated ({title[:60]!r})", "say so there")
