"""A JSON file held against its schema: every wrong field is one fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..foundation.faults import Fault, InputFault
from ..foundation.json_text import read_json

Schema = TypeVar("Schema", bound=BaseModel)


def read_checked(path: Path, schema: type[Schema], fix: str) -> Schema:
    """Read a JSON file that must fit a schema.

    Parameters
    ----------
    path : Path
    schema : type
        A pydantic model.
    fix : str
        What to do about a file that does not fit.

    Raises
    ------
    InputFault
        If it is no JSON, or does not fit; every field that is missing, unknown or wrong is named.
    """
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise InputFault(Fault(str(path), "", f"not readable as JSON ({error})", fix)) from error
    return checked(content, schema, path, fix)


def checked(content: Any, schema: type[Schema], path: Path, fix: str, *within: str) -> Schema:
    """What stands in a JSON file, held against its schema.

    Parameters
    ----------
    content : JSON value
    schema, path, fix
        As for ``read_checked``.
    *within : str
        Keys under which it stands in the file.

    Raises
    ------
    InputFault
        As ``read_checked``.
    """
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        raise InputFault(
            Fault(str(path), ".".join(map(str, (*within, *one["loc"]))), one["msg"], fix) for one in error.errors()
        ) from error
