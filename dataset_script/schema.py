"""``annotations.yaml``: what a release is called, what was judged, and on which scale."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..foundation.faults import Fault

CONFIG_FILE = "annotations.yaml"
# What the fused table appends to a dimension's name, in the order of its columns.
FUSED_SUFFIXES = ("", "_se", "_se_panel", "_a", "_a_se", "_b", "_b_se")
# What the table of scores appends, by the one protocol that the release has.
SCORE_SUFFIXES = {"pairs": ("", "_se"), "ratings": ("", "_se", "_bias_removed", "_bias_removed_se")}
PART_SUFFIX = "_part"  # the part of the comparison graph, where there are several
# What may be known of a painting besides its id, category and file.
PAINTING_FACTS = ("title", "artist", "period", "source", "licence")
# Columns beside which a table holds the dimensions' own (``file`` until the images are put in). Those of the paintings
# alone, such as ``width``, are free: a lab may well have listeners judge the width of a sound.
_TAKEN = {"painting_id", "category", "image", "file"}
_LARGEST_FILE = 1_000_000
_MOST_LEVELS = 101


def _split_name(value: str) -> str:
    if value == "all":
        raise ValueError("a category cannot be named 'all', which `datasets` keeps for all splits together")
    if not re.fullmatch(r"\w+(\.\w+)*", value):
        raise ValueError(f"category {value!r} cannot name a split: letters, digits, _ and single inner dots only")
    return value


def _dimension_name(value: str) -> str:
    if not re.fullmatch(r"[^\W\d_]\w*", value):
        raise ValueError(
            f"dimension {value!r} cannot name a column: a letter (of any script), then letters, digits and _"
        )
    return value


def clashing_columns(dimensions: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    """Columns that two dimensions would share, or that stand in the table already.

    Parameters
    ----------
    dimensions, suffixes : sequence of str
        Every dimension has a column with each suffix.

    Returns
    -------
    list of str

    Examples
    --------
    >>> clashing_columns(["overall", "overall_se", "file"], ["", "_se"])
    ['file', 'overall_se']
    """
    columns = [dimension + suffix for dimension in dimensions for suffix in suffixes]
    return sorted({column for column in columns if columns.count(column) > 1 or column in _TAKEN})


class AnnotationsConfig(BaseModel):
    """The content of ``annotations.yaml``.

    Parameters
    ----------
    name : str
        The release's name. It says "simulated" where, and only where, `simulated` is true.
    simulated : bool
        Whether the annotations were made by a program rather than by people.
    categories : list of str
        Splits of the dataset, in order: ``^\\w+(\\.\\w+)*$`` and not ``all``.
    dimensions : list of str
        What was judged, in order; they become columns: a letter of any script, then letters, digits and ``_``.
    headline : str
        The dimension that stands for the painting as a whole.
    rating_scale : list of int
        Lowest and highest rating. Ratings are whole numbers.
    repeats : {"forbid", "keep"}
        Whether an expert may judge the same thing more than once.
    licence, citation : str
        Of the annotations. A painting's own licence stands in ``paintings.csv``.
    tags : list of str, optional
        Further tags of the card, by which the Hub finds datasets (lower case, digits, hyphens).
    language : list of str, optional
        Of the texts in the release (titles, names of categories and dimensions), two or three letters as in ISO 639; the
        card itself is in English.

    Examples
    --------
    >>> config = AnnotationsConfig(
    ...     name="pilot", simulated=False, categories=["landscape"], dimensions=["overall"], headline="overall",
    ...     rating_scale=[1, 10], repeats="forbid", licence="CC-BY-4.0", citation="A pilot, 2026.",
    ... )
    >>> config.scale
    (1, 10)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")]
    simulated: bool
    categories: Annotated[list[Annotated[str, AfterValidator(_split_name)]], Field(min_length=1)]
    dimensions: Annotated[list[Annotated[str, AfterValidator(_dimension_name)]], Field(min_length=1)]
    headline: str
    rating_scale: Annotated[list[int], Field(min_length=2, max_length=2)]
    repeats: Literal["forbid", "keep"]
    licence: Annotated[str, Field(min_length=1)]
    citation: Annotated[str, Field(min_length=1)]
    tags: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,49}$")]] = []
    language: Annotated[list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]], Field(min_length=1)] = ["en"]

    @property
    def scale(self) -> tuple[int, int]:
        """Lowest and highest rating."""
        return self.rating_scale[0], self.rating_scale[1]

    @model_validator(mode="after")
    def _consistent(self) -> AnnotationsConfig:
        for field in ("categories", "dimensions"):
            values = [value.lower() for value in getattr(self, field)]
            if len(set(values)) < len(values):
                raise ValueError(f"{field}: the same name is listed twice (names that differ by case only count)")
        if clashes := clashing_columns(self.dimensions, FUSED_SUFFIXES):
            raise ValueError(f"dimensions: their columns would clash ({', '.join(clashes)})")
        if self.headline not in self.dimensions:
            raise ValueError(f"headline: {self.headline!r} is not one of the dimensions")
        low, high = self.rating_scale
        if not 1 <= high - low < _MOST_LEVELS:
            raise ValueError(f"rating_scale: [{low}, {high}] must rise, by at most {_MOST_LEVELS - 1} steps")
        if ("simulated" in self.name.lower()) != self.simulated:
            says = "true but the name does not say 'simulated'" if self.simulated else "false but the name says it is"
            raise ValueError(f"simulated: it is {says}")
        return self


class _NoTwice(yaml.SafeLoader):
    """YAML's own rule, which PyYAML does not enforce: a key stands in a mapping once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is listed twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_config(folder: Path, faults: list[Fault]) -> tuple[AnnotationsConfig | None, dict[str, Any]]:
    """Read ``annotations.yaml``; what is wrong with it is added to `faults`.

    Parameters
    ----------
    folder : Path
        The export.
    faults : list of Fault
        Is appended to.

    Returns
    -------
    config : AnnotationsConfig or None
        None where the file is at fault.
    declared : dict
        Those of the keys ``categories``, ``dimensions``, ``rating_scale`` and ``repeats`` that can be understood even
        where the rest is at fault, so that the tables can still be checked against them.
    """
    values = _read_yaml(folder / CONFIG_FILE, faults)
    if values is None:
        return None, {}
    try:
        config = AnnotationsConfig.model_validate(values)
    except ValidationError as error:
        faults.extend(_as_fault(detail) for detail in error.errors())
        return None, _declared(values)
    return config, _declared(values)


def _declared(values: dict[str, Any]) -> dict[str, Any]:
    kinds = {"categories": str, "dimensions": str, "rating_scale": int}
    known: dict[str, Any] = {
        key: values[key]
        for key, kind in kinds.items()
        if isinstance(values.get(key), list) and values[key] and all(type(value) is kind for value in values[key])
    }
    if len(known.get("rating_scale", (0, 0))) != 2:
        del known["rating_scale"]
    if values.get("repeats") in ("forbid", "keep"):
        known["repeats"] = values["repeats"]
    return known


def _read_yaml(path: Path, faults: list[Fault]) -> dict[str, Any] | None:
    def fault(row: str, what: str, fix: str) -> None:
        faults.append(Fault(CONFIG_FILE, row, what, fix))

    if not path.is_file():
        return fault("", "the file is missing", "write it as docs/raw-format.md shows")
    try:
        content = path.read_bytes()
        if len(content) > _LARGEST_FILE:
            return fault("", f"larger than {_LARGEST_FILE:,} bytes", "keep only the documented keys")
        values = yaml.load(content.decode("utf-8-sig"), Loader=_NoTwice)
    except OSError as error:
        return fault("", f"cannot be read ({error.strerror})", "check its permissions")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        return fault(f"line {row}", "not UTF-8", "save the file as UTF-8")
    except (AttributeError, LookupError, TypeError):  # what PyYAML raises for `!!bool x`, and the like
        return fault("", "not valid YAML (a value is not what its tag, !!, says)", "take the tag out")
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:  # the last for "\UFFFFFFFF"
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error) or type(error).__name__
        return fault(f"line {mark.line + 1}" if mark else "", f"not valid YAML ({reason})", "correct the line")
    if not isinstance(values, dict):
        return fault("", "no keys and values in it", "write it as docs/raw-format.md shows")
    return {str(key): value for key, value in values.items()}


def _as_fault(detail: dict[str, Any]) -> Fault:
    place = ".".join(str(part) for part in detail["loc"])
    kind = detail["type"]
    if kind == "missing":
        return Fault(CONFIG_FILE, place, "the key is missing", "add it")
    if kind == "extra_forbidden":
        return Fault(CONFIG_FILE, place, "unknown key", "remove it, or correct its spelling")
    what = detail["msg"].removeprefix("Value error, ")
    if kind == "value_error" and not place:
        place, _, what = what.partition(": ")
    return Fault(CONFIG_FILE, place, what, "correct the value")
