"""Settings in YAML, and KEY=VALUE of a command: each value read as it is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..foundation.faults import Fault, InputFault

COMMAND_LINE = "command line"
TAG_DOES_NOT_FIT = "a value is not what its tag (!!) says"  # PyYAML raises AttributeError, KeyError and others then


@dataclass(frozen=True)
class Setting:
    """One value, and where it was given.

    Parameters
    ----------
    value : object
        A text, a number, a truth value, None (nothing was given), a list or a mapping.
    text : str
        As it was written, where it is no list or mapping.
    place : str
        The file, or the command line.
    """

    value: Any
    text: str
    place: str


class _Loader(yaml.SafeLoader):
    """YAML's core values as version 1.2 has them, and no key twice.

    PyYAML follows 1.1, where ``no`` is false, ``010`` is eight, ``1:30`` is ninety and ``3e-4`` is a text.
    """

    yaml_implicit_resolvers: dict = {}

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a list or a mapping", key.start_mark)
            if key.value in seen:
                problem = f"{key.value!r} stands here twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), [*"tTfF"]
)
_NUMBER = r"^[-+]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][-+]?\d+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"
_Loader.add_implicit_resolver("!number", re.compile(_NUMBER), [*"-+.0123456789"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^(?:<<)$"), ["<"])


def _number(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = node.value.replace("_", "").lower()
    if "inf" in text or "nan" in text:
        return float(text.replace(".", ""))
    return int(text) if text.lstrip("+-").isdigit() else float(text)


_Loader.add_constructor("!number", _number)


def read_settings(path: Path | None, overrides: Sequence[str] = ()) -> tuple[dict[str, Setting], list[Fault]]:
    """Read a YAML file of settings, and what the command line puts in their place.

    Parameters
    ----------
    path : Path, optional
        None: there is no file.
    overrides : sequence of str
        ``KEY=VALUE``; a value is read as YAML.

    Returns
    -------
    settings : dict of str to Setting
    faults : list of Fault
        Of the overrides.

    Raises
    ------
    InputFault
        If there is no such file, or it is no list of ``KEY: VALUE``.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "run.yaml"
    >>> _ = path.write_text("learning_rate: 3e-4\\neval_strategy: no\\n")
    >>> settings, faults = read_settings(path, ["seed=010"])
    >>> {key: setting.value for key, setting in settings.items()}, faults
    ({'learning_rate': 0.0003, 'eval_strategy': 'no', 'seed': 10}, [])
    """
    settings = {} if path is None else _of_file(path)
    faults = []
    for override in overrides:
        key, equals, value = override.partition("=")
        if not equals or not key.strip():
            faults.append(Fault(COMMAND_LINE, override, "an override without =", "write KEY=VALUE"))
            continue
        try:
            settings[key.strip()] = Setting(_loaded(value)[0], value.strip(), COMMAND_LINE)
        except (yaml.YAMLError, ValueError, RecursionError):
            faults.append(Fault(COMMAND_LINE, override, "the value is not readable as YAML", "quote it"))
    return settings, faults


def _of_file(path: Path) -> dict[str, Setting]:
    if not path.is_file():
        raise InputFault(Fault(str(path), "", "there is no such file", "give a YAML file; see trainer/configs"))
    try:
        text = path.read_text(encoding="utf-8")
        found, written = _loaded(text)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError, OSError) as error:
        raise InputFault(Fault(str(path), "", f"not readable as YAML ({_why(error)})", "fix the file")) from error
    if found is None:
        found, written = {}, {}
    if not isinstance(found, dict):
        raise InputFault(Fault(str(path), "", "the file is not a list of KEY: VALUE", "see trainer/configs"))
    return {str(key): Setting(value, _as_text(written.get(str(key))), str(path)) for key, value in found.items()}


def _loaded(text: str) -> tuple[Any, Any]:
    """The values, and the same with every one as its text."""
    try:
        return yaml.load(text, _Loader), yaml.load(text, yaml.BaseLoader)
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(TAG_DOES_NOT_FIT) from error
    except OverflowError as error:  # PyYAML on "\\UFFFFFFFF"
        raise ValueError("an escape is no character") from error


def _as_text(written: Any) -> str:
    return written if isinstance(written, str) else ""


def _why(error: Exception) -> str:
    """A YAML error's problem and place on one line."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem and mark:
        return f"{problem}, line {mark.line + 1}"
    return (str(error).splitlines() or [type(error).__name__])[0]
