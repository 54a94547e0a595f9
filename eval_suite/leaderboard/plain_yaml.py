"""YAML from strangers: keys, lists and texts, and nothing that YAML can do besides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ...foundation.faults import Fault, InputFault

LARGEST = 64_000  # bytes of a file
_DEEPEST = 6
_NULLS = ("null", "~", "")
_LISTED = 10  # faults of a file that are told one by one
_SHOWN = 60  # letters of a text in a fault


@dataclass
class PlainYaml:
    """What a file holds.

    Parameters
    ----------
    content : dict
        Key -> a text, None for a bare ``null``, ``~`` or nothing, a list or a dict of such. No text is read as a number, a truth value or a
        date.
    lines : dict of tuple to int
        Keys and places that lead to a value -> its line.
    faults : list of Fault
        Repeated keys, aliases, anchors and tags.
    """

    content: dict[str, Any]
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_plain_yaml(path: Path, *, largest: int = LARGEST) -> PlainYaml:
    """Read a YAML file with every value as its text.

    It is read event by event, so that an alias is refused where it stands and never followed.

    Parameters
    ----------
    path : Path
    largest : int
        Bytes that are read at most.

    Returns
    -------
    PlainYaml

    Raises
    ------
    InputFault
        If it cannot be read as one mapping of keys to values, in UTF-8.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.yaml"
    ...     _ = path.write_text('version: 1.10\\nanswer: no\\nlink: null\\nnotes: "null"\\n')
    ...     read_plain_yaml(path).content
    {'version': '1.10', 'answer': 'no', 'link': None, 'notes': 'null'}
    """
    text = _text(path, largest)
    found = PlainYaml({})
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        content = _document(events, found, str(path))
    except InputFault as error:  # what was found before it stands first
        raise InputFault([*found.faults, *error.faults]) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        what = f"the character U+{ord(text[error.position]):04X} may not stand in YAML"
        raise InputFault([*found.faults, Fault(str(path), f"line {line}", what, "remove it")]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = f"not valid YAML ({_cut(getattr(error, 'problem', None) or str(error))})"
        place = f"line {mark.line + 1}" if mark else ""
        raise InputFault(
            [*found.faults, Fault(str(path), place, what, "correct the line, or quote the value")]
        ) from error
    except (ValueError, OverflowError) as error:  # an escape such as "\UFFFFFFFF", which is no character
        what = f"not valid YAML ({_cut(str(error))})"
        raise InputFault([*found.faults, Fault(str(path), "", what, "write it again")]) from error
    if len(found.faults) > _LISTED:
        more = f"{len(found.faults) - _LISTED} more aliases, anchors, tags or repeated keys"
        found.faults[_LISTED:] = [Fault(str(path), "", more, "write every value out, once")]
    if not isinstance(content, dict):
        what = "no keys and values in it"
        raise InputFault([*found.faults, Fault(str(path), "", what, "write one KEY: VALUE per line")])
    found.content = content
    return found


def _text(path: Path, largest: int) -> str:
    """The file as text, read no further than it may be long."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        what, fix = f"cannot be read ({error.strerror})", "check the path and its permissions"
        raise InputFault(Fault(str(path), "", what, fix)) from error
    if len(content) > largest:
        what = f"larger than {largest:,} bytes"
        raise InputFault(Fault(str(path), "", what, "keep only the keys that are asked for"))
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
        raise InputFault(Fault(str(path), "", "written as UTF-16 or UTF-32", "save the file as UTF-8"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        what = f"not UTF-8 (byte 0x{content[error.start]:02x})"
        raise InputFault(Fault(str(path), f"line {line}", what, "save the file as UTF-8")) from error


def _document(events: Iterator[yaml.Event], found: PlainYaml, file: str) -> Any:
    """The one document of a file; None where it holds none."""
    content, documents = None, 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                place = f"line {event.start_mark.line + 1}"
                raise InputFault(Fault(file, place, "a second YAML document begins", "keep one, without ---"))
            if event.tags:
                what = f"a %TAG directive ({_cut(', '.join(event.tags))})"
                found.faults.append(Fault(file, f"line {event.start_mark.line + 1}", what, "remove it"))
        elif isinstance(event, yaml.NodeEvent):
            content = _value(event, events, (), found, file)
    return content


def _value(event: yaml.Event, events: Iterator[yaml.Event], place: tuple, found: PlainYaml, file: str) -> Any:
    """The value that begins with this event."""
    line = event.start_mark.line + 1
    found.lines[place] = line

    def fault(what: str, fix: str) -> None:
        found.faults.append(Fault(file, f"line {line}", what, fix))

    if isinstance(event, yaml.AliasEvent):
        fault(f"an alias (*{_cut(event.anchor)})", "write the value out")
        return None
    if event.anchor:
        fault(f"an anchor (&{_cut(event.anchor)})", "remove it")
    if event.tag:
        fault(f"a tag ({_cut(event.tag)})", "remove it; every value is read as text first")
    if isinstance(event, yaml.ScalarEvent):
        bare = event.style is None
        return None if bare and event.value in _NULLS else event.value
    if len(place) >= _DEEPEST:  # before the parser goes on: deep brackets take it a time that grows with their square
        raise InputFault(
            Fault(file, f"line {line}", "lists or mappings stand too deep in one another", "write it flat")
        )
    if isinstance(event, yaml.SequenceStartEvent):
        return list(_items(events, place, found, file))
    return _mapping(events, place, found, file)


def _items(events: Iterator[yaml.Event], place: tuple, found: PlainYaml, file: str) -> Iterator[Any]:
    number = 0
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        yield _value(event, events, (*place, number), found, file)
        number += 1


def _mapping(events: Iterator[yaml.Event], place: tuple, found: PlainYaml, file: str) -> dict[str, Any]:
    content: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        row = f"line {event.start_mark.line + 1}"
        if not isinstance(event, yaml.ScalarEvent):
            raise InputFault(Fault(file, row, "a key is an alias, a list or a mapping", "write the key as a word"))
        if event.anchor or event.tag:
            what = f"the key {_cut(event.value)!r} has an anchor or a tag"
            found.faults.append(Fault(file, row, what, "remove it"))
        key = event.value
        value = _value(next(events), events, (*place, key), found, file)
        if key in content:
            what = f"the key {_cut('.'.join(map(str, (*place, key))))!r} stands there twice"
            found.faults.append(Fault(file, row, what, "keep one of them"))
        content.setdefault(key, value)
    return content


def _cut(text: str) -> str:
    """One line of it, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."
