"""``card.json``: what a scorer's card says that its config does not, kept as data so that the card can be written anew."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from ..foundation.faults import Fault, InputFault
from ..foundation.whole_files import write_text
from .checked_json import read_checked
from .model_files import files_hash

CARD_FILE = "card.json"
CARD = "README.md"
MEAN = "mean"
UNFILLED = re.compile(r"\[More Information Needed\]|\b(?:TODO|FIXME|TBD)\b|\{\{.*?\}\}")  # of templates for cards
_FIX = "correct it, or make the scorer's folder again"


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    if found := UNFILLED.search(text):
        raise ValueError(f"{found.group()[:60]!r} was never filled in")
    return text


Text = Annotated[str, AfterValidator(_filled)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Correlation = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


_MEASURED = {"measured": True}  # now, by the caller


class CardFigure(BaseModel):
    """A figure with its interval; None for what is undefined."""

    model_config = ConfigDict(extra="forbid")

    value: Correlation | None
    low: Correlation | None
    high: Correlation | None
    level: float = Field(gt=0, lt=1)

    @model_validator(mode="after")
    def _is_an_interval(self) -> CardFigure:
        if (self.low is None) != (self.high is None) or (self.value is None and self.low is not None):
            raise ValueError("the interval has one end alone, or no value in it")
        if self.low is not None and self.low > self.high:
            raise ValueError(f"the interval's low end {self.low:g} is above its high end {self.high:g}")
        return self

    @property
    def outside(self) -> bool:
        """Whether the value lies outside its interval: rare, and possible where the resamples lie on one side of it."""
        return self.low is not None and not self.low <= self.value <= self.high

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        without = self.low is None or self.high is None
        return f"{self.value:.3f}" + ("" if without else f" [{self.low:.2f}, {self.high:.2f}]")


class CardFigures(BaseModel):
    """What was measured of a scorer, against what, and of which files.

    ``srcc`` and ``plcc`` are category or ``"mean"`` -> dimension or ``"mean"`` -> figure; a category's mean is over its dimensions,
    the mean's over the categories. ``files`` is the `files_hash` that they were measured on, ``run`` the hash of the run's identity.
    ``sha256`` is over all of these, written when they were measured: a value that was changed since is found. It guards against
    accidents, not against somebody who writes another hash; None in what older versions wrote.
    """

    model_config = ConfigDict(extra="forbid")

    release: Text
    release_sha256: Sha256
    simulated: bool
    references: Text
    categories: list[Text] = Field(min_length=1)
    dimensions: list[Text] = Field(min_length=1)
    headline: str | None
    srcc: dict[str, dict[str, CardFigure]]
    plcc: dict[str, dict[str, CardFigure]]
    files: Sha256
    run: Sha256
    sha256: Sha256 | None = None

    @classmethod
    def measured(cls, **fields: Any) -> CardFigures:
        """Figures as they were measured, with the hash of what they say.

        Parameters
        ----------
        fields
            All but ``sha256``.
        """
        figures = cls.model_validate(fields, context=_MEASURED)
        return figures.model_copy(update={"sha256": figures.content_sha256()})

    def content_sha256(self) -> str:
        """SHA-256 over all that the figures say, but for ``sha256``."""
        said = json.dumps(self.model_dump(mode="json", exclude={"sha256"}), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(said.encode()).hexdigest()

    @model_validator(mode="after")
    def _are_as_measured(self, info: ValidationInfo) -> CardFigures:
        if info.context is _MEASURED:
            return self
        if self.sha256 is not None:
            if self.sha256 != self.content_sha256():
                raise ValueError(
                    "they are not what was measured: something in them was changed, and their hash was not"
                )
            return self
        for name in ("srcc", "plcc"):
            for row, cells in getattr(self, name).items():
                for column, one in cells.items():
                    if one.outside:
                        where = f"{name}.{row}.{column}"
                        raise ValueError(f"{where}: {one.value:g} lies outside [{one.low:g}, {one.high:g}]")
        return self

    @property
    def rows(self) -> list[str]:
        """The categories that were measured, and the mean over them."""
        return [row for row in (*self.categories, MEAN) if MEAN in self.srcc.get(row, {})]

    def check(self, folder: Path) -> None:
        """Refuse figures that were measured on other files than those of the folder.

        Raises
        ------
        InputFault
        """
        if files_hash(folder) != self.files:
            what = (
                "the figures were measured on other files than those that lie here now (weights, config or processor)"
            )
            fix = "measure again (`ppaint reproduce` writes them), or set figures to null and say so in `evaluation`"
            raise InputFault(Fault(str(folder / CARD_FILE), "figures", what, fix))


class CardData(BaseModel):
    """Title, paragraphs and figures of a scorer's card.

    ``readme_sha256`` is the hash of the README.md that was made from it: another one was edited by hand.

    Examples
    --------
    >>> CardData(title="A scorer", training="Without labels.", evaluation="Nothing was measured.").figures is None
    True
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    title: Text
    training: Text
    evaluation: Text
    figures: CardFigures | None = None
    readme_sha256: Sha256 | None = None

    @classmethod
    def load(cls, folder: str | Path) -> CardData | None:
        """Read ``card.json`` of a scorer's folder; None where there is none, as in those that older versions wrote.

        Raises
        ------
        InputFault
            If it does not fit the schema; every field that is empty, unknown or wrong is named.
        """
        path = Path(folder) / CARD_FILE
        return read_checked(path, cls, _FIX) if path.is_file() else None

    def for_readme(self, text: str) -> CardData:
        """The same, made one with the README.md that was rendered from it."""
        return self.model_copy(update={"readme_sha256": hashlib.sha256(text.encode()).hexdigest()})

    def text(self) -> str:
        """As it stands in the file."""
        return self.model_dump_json(indent=1) + "\n"

    def save(self, folder: str | Path) -> Path:
        """Write ``card.json`` into a folder."""
        path = Path(folder) / CARD_FILE
        write_text(path, self.text())
        return path

    def check_readme(self, folder: Path) -> None:
        """Refuse a README.md that is not the one made from this: what was written into it by hand would be lost.

        Raises
        ------
        InputFault
        """
        path = folder / CARD
        if not path.is_file() or self.readme_sha256 is None:
            return
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.readme_sha256:
            what = f"it is not the page that was made from {CARD_FILE}: it was edited by hand"
            fix = (
                f"put the text into {CARD_FILE} (title, training, evaluation), and remove {CARD}: it is made from there"
            )
            raise InputFault(Fault(str(path), "", what, fix))
