"""A JSON file held against its schema: every wrong field is one fault."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

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
        return schema.model_validate(read_json(path))
    except ValidationError as error:
        raise InputFault(
            Fault(str(path), ".".join(map(str, one["loc"])), one["msg"], fix) for one in error.errors()
        ) from error
    except (OSError, ValueError) as error:
        raise InputFault(Fault(str(path), "", f"not readable as JSON ({error})", fix)) from error
