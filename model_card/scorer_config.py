"""``scorer_config.json``: what a published scorer needs beside its checkpoint, and what it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    computed_field,
    field_validator,
    model_validator,
)

from ..foundation.faults import Fault, InputFault
from ..foundation.whole_files import write_text
from ..hub.out_of_reach import out_of_reach
from .checked_json import read_checked
from .out_of_distribution import DistanceEntry
from .prompts import DIGITS, Prompts
from .teacher import Teacher

FILE_NAME = "scorer_config.json"
BASE_WEIGHTS = "base weights"


class Calibration(BaseModel):
    """An affine map from the readout's mean (0 to 9) to the reported scale, of one dimension."""

    model_config = ConfigDict(extra="forbid")

    slope: float = Field(gt=0)
    intercept: float


class ScorerConfig(BaseModel):
    """Everything that turns a vision-language model's checkpoint into an aesthetic scorer.

    ``form`` says what the folder holds: the whole checkpoint (``merged``), or an ``adapter`` on ``base``, a repo id.
    ``base_revision`` and ``hashes`` say what the scorer was made from; ``training`` has a ``teacher`` where the judgments are another
    model's. ``out_of_distribution`` is None where the scorer cannot
    tell whether an image is unlike its training images. ``scale`` is the readout's; ``scale_open`` says that scores may lie outside it.
    It follows from the calibration, and is written into the file for those who read it alone.

    Examples
    --------
    >>> config = ScorerConfig(dimensions=["overall"], prompts=Prompts().to_dict())
    >>> config.calibrate("overall", 4.5), config.stated_scale
    (4.5, '0 to 9')
    >>> config.calibration["overall"] = Calibration(slope=3, intercept=-9)
    >>> config.calibrate("overall", 2.5), config.scale_open, config.stated_scale
    (-1.5, True, '0 to 9 before calibration; may lie outside')
    """

    model_config = ConfigDict(extra="forbid")

    format_version: int = 1
    dimensions: list[str] = Field(min_length=1)
    headline: str | None = None
    prompts: dict
    score_tokens: list[str] = list(DIGITS)
    scale: tuple[float, float] = (0.0, 9.0)
    calibration: dict[str, Calibration] = Field(default_factory=dict)
    calibration_note: str = "none: the readout's own 0 to 9 scale"
    simulated: bool = False
    form: Literal["merged", "adapter"] = "merged"
    base: str = ""
    base_revision: str = ""
    hashes: dict[str, str] = Field(default_factory=dict)
    training: dict = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    # older scorers have the entry under its old name, and so has the file that it names
    out_of_distribution: DistanceEntry | None = Field(
        default=None, validation_alias=AliasChoices("out_of_distribution", "out_of_depth")
    )

    @computed_field
    @property
    def scale_open(self) -> bool:
        """Whether scores may leave `scale`: a calibration shifts and stretches them, and nothing is clipped."""
        return bool(self.calibration)

    @property
    def stated_scale(self) -> str:
        """The scale in words, as it stands wherever scores are shown."""
        low, high = self.scale
        return f"{low:g} to {high:g}" + (" before calibration; may lie outside" if self.scale_open else "")

    @model_validator(mode="wrap")
    @classmethod
    def _scale_open_agrees(cls, data: Any, read: ValidatorFunctionWrapHandler) -> ScorerConfig:
        """Older configs have no ``scale_open``; one that has it must say what its calibration says."""
        if not isinstance(data, dict) or "scale_open" not in data:
            return read(data)
        stated = data["scale_open"]
        config = read({key: value for key, value in data.items() if key != "scale_open"})
        if stated is not config.scale_open:
            has = "a calibration" if config.scale_open else "no calibration"
            raise ValueError(f"scale_open is {json.dumps(stated)}, but the config has {has}")
        return config

    @field_validator("training")
    @classmethod
    def _teacher_is_one(cls, training: dict) -> dict:
        if "teacher" in training:
            try:
                Teacher.model_validate(training["teacher"])
            except ValidationError as error:
                wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
                raise ValueError(f"teacher is not one: {wrong}") from None
        return training

    @property
    def teacher(self) -> Teacher | None:
        """On whose judgments it was trained; None where they are its own."""
        return Teacher.model_validate(self.training["teacher"]) if "teacher" in self.training else None

    def prompt_set(self) -> Prompts:
        """The wording as ``Prompts``."""
        return Prompts(**self.prompts)

    def calibrate(self, dimension: str, mean: float) -> float:
        """The readout's mean on the reported scale; order is kept, nothing is clipped."""
        fit = self.calibration.get(dimension)
        return mean if fit is None else fit.slope * mean + fit.intercept

    def save(self, folder: str | Path) -> Path:
        """Write ``scorer_config.json`` into a folder (to a temporary name, then renamed)."""
        path = Path(folder) / FILE_NAME
        write_text(path, self.model_dump_json(indent=2) + "\n")
        return path

    @classmethod
    def load(cls, path_or_repo: str | Path, *, revision: str | None = None) -> ScorerConfig:
        """Read the config of a scorer's folder or repo.

        Parameters
        ----------
        path_or_repo : str or Path
        revision : str, optional
            As for ``find_file``.

        Raises
        ------
        InputFault
            If there is none, or it does not fit the schema; every wrong field is named.
        """
        path = find_file(path_or_repo, FILE_NAME, revision=revision)
        return read_checked(path, cls, "make the scorer's folder again")


def commit_of(path_or_repo: str | Path, revision: str | None = None) -> str | None:
    """The commit at which every file of a scorer's repo is to be read: two files of different commits may not fit together.

    Parameters
    ----------
    path_or_repo : str or Path
    revision : str, optional
        A branch, tag or commit; the newest state of the repo by default.

    Returns
    -------
    str or None
        None for a folder, which has no commits.

    Raises
    ------
    InputFault
        If a revision of a folder is asked for, or there is no such repo or revision within reach.
    """
    if not Path(path_or_repo).is_dir():
        return find_file(
            path_or_repo, FILE_NAME, revision=revision
        ).parent.name  # the cache names a snapshot by its commit
    check_is_no_folders(path_or_repo, revision)
    return None


def check_is_no_folders(path_or_repo: str | Path, revision: str | None) -> None:
    """Refuse a revision of a folder: whoever asks for one would get what lies there now.

    Parameters
    ----------
    path_or_repo : str or Path
    revision : str or None

    Raises
    ------
    InputFault

    Examples
    --------
    >>> check_is_no_folders("Qwen/Qwen3-VL-8B-Instruct", "v1")
    >>> check_is_no_folders(".", "v1")
    Traceback (most recent call last):
        ...
    ppaint.foundation.faults.InputFault: ., revision: a folder has no revisions, and 'v1' was asked for. Fix: leave the revision out, or give a repo id.
    """
    if revision is not None and Path(path_or_repo).is_dir():
        what = f"a folder has no revisions, and {revision!r} was asked for"
        raise InputFault(Fault(str(path_or_repo), "revision", what, "leave the revision out, or give a repo id"))


def find_file(path_or_repo: str | Path, name: str, *, revision: str | None = None) -> Path:
    """A file of a scorer's folder or repo.

    Parameters
    ----------
    path_or_repo : str or Path
    name : str
    revision : str, optional
        Of the repo: a branch, tag or commit; its newest state by default.

    Returns
    -------
    Path

    Raises
    ------
    InputFault
        If there is no such file, or no such repo within reach, or a revision of a folder is asked for.
    """
    folder = Path(path_or_repo)
    check_is_no_folders(folder, revision)
    fix = "give the folder that `ppaint distill` or `ppaint quickstart` wrote, or a scorer's repo id"
    if folder.is_dir():
        if not (folder / name).is_file():
            raise InputFault(Fault(str(folder), name, "the folder is not a scorer: this file is missing", fix))
        return folder / name
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(str(path_or_repo), name, revision=revision))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        lacks = f"no {name}: it holds no scorer"
        raise out_of_reach(error, str(path_or_repo), revision, lacks=lacks, fix=fix) from error
