"""What belongs into the repo of a built dataset: its card, its tables, and what says how they were made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import pyarrow
import pyarrow.parquet
from PIL import ExifTags, Image
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from ...dataset_script.dataset_card import (
    MEASURED,
    card_at,
    card_configs,
    is_marked_simulated,
    measured_fields,
    measured_parts,
)
from ...dataset_script.release import RELEASE_FILE, ReleaseTables, read_release
from ...dataset_script.schema import CONFIG_FILE, read_config
from ...foundation.faults import Fault, InputFault
from ...foundation.file_hash import file_sha256
from ..card_schema import front_matter
from ..content import Content, Links
from ..place_links import link_lines
from ..private_words import machine_words_in
from ..readable_parts import opened_image, text_in_image
from .files_beside import files_beside

CARD = "README.md"
_LICENCES = ("LICENSE", "LICENSE.md", "LICENSE.txt")  # the Hub asks for one where a licence is not among its own
_BESIDE = ("metric", "model", "judge", "board", "space")
_AGAIN = "build the dataset again (`ppaint build RAW --out FOLDER --overwrite`)"
_IMAGES_AT_ONCE = 16  # scans are large
_NEEDED = ("configs", "default_config", "counts", "raw_sha256", "card_sha256")


class _Split(BaseModel):
    file: Annotated[str, Field(pattern=r"^[^/\\]+/[^/\\]+\.parquet$")]
    rows: int
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


_CONFIGS = TypeAdapter(dict[str, Annotated[dict[str, _Split], Field(min_length=1)]])


def dataset_content(folder: Path, name: str, links: Links) -> Content:
    """Everything of a built dataset and nothing else, checked whole.

    Parameters
    ----------
    folder : Path
        As ``ppaint build`` made it; its card may have been edited, but for its measured figures.
    name : str
        ``ORG/NAME``; the card's code loads the dataset from there.
    links : Links
        The repos that the card names.

    Returns
    -------
    Content

    Raises
    ------
    InputFault
        With all that is wrong: files that are missing or are not those that were built, figures of another build on the card.
    """
    folder = Path(folder)
    release = read_release(folder)
    configs = _configs(folder, release)
    tables = {split.file: folder / split.file for splits in configs.values() for split in splits.values()}
    own = {CARD, CONFIG_FILE, RELEASE_FILE, *_LICENCES, *tables}
    strangers = sorted(files_beside(folder, own))
    faults = [*_changed_tables(folder, configs), *_other_config(folder, release)]
    faults += [
        Fault(str(folder / path), "", "is a program, and a dataset holds none", "move it elsewhere")
        for path in strangers
        if path.endswith((".py", ".pyc"))
    ]
    card, faults_of_card = _card(folder, release, name, links)
    faults += faults_of_card
    if faults:
        raise InputFault(faults)
    files: dict[str, Path | bytes] = {CARD: card.encode()}
    files |= {path: folder / path for path in (CONFIG_FILE, RELEASE_FILE, *_LICENCES) if (folder / path).is_file()}
    return Content(
        "dataset",
        name,
        files | tables,
        release.simulated,
        left_out=tuple(strangers),
        notes=tuple(_notes(folder, configs)),
        source=str(folder),
    )


def _configs(folder: Path, release: ReleaseTables) -> dict[str, dict[str, _Split]]:
    path = str(folder / RELEASE_FILE)
    missing = [key for key in _NEEDED if key not in release]
    if missing:
        what = f"the dataset was built by an older version of ppaint (no {missing[0]})"
        raise InputFault(Fault(path, missing[0], what, _AGAIN))
    try:
        configs = _CONFIGS.validate_python(release["configs"])
    except ValidationError as error:
        where = ".".join(map(str, ("configs", *error.errors()[0]["loc"])))
        raise InputFault(Fault(path, where, "is not what `ppaint build` writes there", _AGAIN)) from error
    if release["default_config"] not in configs or not all(
        isinstance(release[key], dict) for key in ("raw_sha256", "card_sha256")
    ):
        raise InputFault(Fault(path, "", "is not what `ppaint build` writes", _AGAIN))
    return configs


def _changed_tables(folder: Path, configs: Mapping[str, Mapping[str, _Split]]) -> Iterator[Fault]:
    """Tables that are missing or are not those that were built, or whose images are named by paths."""
    for splits in configs.values():
        for split in splits.values():
            path = folder / split.file
            try:
                same = file_sha256(path) == split.sha256
            except OSError as error:
                yield Fault(str(path), "", f"cannot be read ({error.strerror})", _AGAIN)
                continue
            if not same:
                yield Fault(
                    str(path), "", f"is not what was built: its SHA-256 is not the one in {RELEASE_FILE}", _AGAIN
                )
            else:
                yield from _images_with_folders(path)


def _images_with_folders(path: Path) -> Iterator[Fault]:
    """Images are named by their files alone; what else a table must not hold is looked for in everything that is published."""
    try:
        names = _files_of_images(path)
    except (pyarrow.ArrowException, OSError):
        yield Fault(str(path), "", "is not a readable Parquet file", _AGAIN)
        return
    for row, name in enumerate(names, start=1):
        if name and ("/" in name or "\\" in name):
            what = f"holds a path of a machine ({name[:80]!r})"
            yield Fault(str(path), f"row {row}, image", what, f"correct it in paintings.csv, and {_AGAIN}")
            return


def _files_of_images(path: Path) -> list[str | None]:
    """The files' names of a table's images, without their bytes; none where it has no images."""
    if "image" not in pyarrow.parquet.read_schema(path).names:
        return []
    return pyarrow.parquet.read_table(path, columns=["image.path"])["path"].to_pylist()


def _other_config(folder: Path, release: ReleaseTables) -> list[Fault]:
    """``annotations.yaml`` that is not the one of which the dataset was built."""
    found: list[Fault] = []
    config, _ = read_config(folder, found)
    if config is None:
        return [Fault(str(folder / one.file), one.row, one.what, _AGAIN) for one in found]
    if file_sha256(folder / CONFIG_FILE) == release["raw_sha256"].get(CONFIG_FILE) and (
        (config.name, config.simulated) == (release.name, release.simulated)
    ):
        return []
    return [Fault(str(folder / CONFIG_FILE), "", f"is not the one that {RELEASE_FILE} names", _AGAIN)]


def _card(folder: Path, release: ReleaseTables, name: str, links: Links) -> tuple[str, list[Fault]]:
    """The card with the repo's name in it, and what is wrong with the one that lies there."""
    path = folder / CARD
    try:
        card = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        front = front_matter(card)
    except OSError as error:
        return "", [Fault(str(path), "", f"cannot be read ({error.strerror})", _AGAIN)]
    except ValueError as error:
        return "", [Fault(str(path), "", str(error), _AGAIN)]
    faults = [
        Fault(str(path), f"part {part!r}", "holds figures that are not of this build, or were changed by hand", _AGAIN)
        for part in MEASURED
        if measured_parts(card).get(part) != release["card_sha256"].get(part)
    ]
    faults += _other_fields(folder, front, release)
    if release.simulated and not is_marked_simulated(card):
        what = "lacks the banner that says that the dataset is simulated"
        faults.append(Fault(str(path), "", what, f"put it back, or {_AGAIN}"))
    faults += _other_configs(path, front.get("configs"), card_configs(release))
    try:
        card = card_at(card, release, name, link_lines(links, _BESIDE))
    except KeyError as error:
        faults.append(
            Fault(str(path), f"part {error.args[0]!r}", "is missing: it says how to load the dataset", _AGAIN)
        )
    return card, faults


def _other_fields(folder: Path, front: dict[str, Any], release: ReleaseTables) -> list[Fault]:
    """Fields of the card's YAML that follow from what was built, and say something else."""
    config, _ = read_config(folder, [])
    if config is None:
        return []  # a fault of its own
    return [
        Fault(
            str(folder / CARD),
            field,
            f"is {front.get(field)!r}, and what was built says {value!r}",
            f"correct it, or {_AGAIN}",
        )
        for field, value in measured_fields(config, release).items()
        if front.get(field) != value and front.get(field) != [value] and [front.get(field)] != value
    ]


def _other_configs(path: Path, there: Any, built: list[dict[str, Any]]) -> list[Fault]:
    """Configs of the card's YAML that are not those that were built; what else a config says is its author's."""
    if not isinstance(there, list) or not all(isinstance(one, dict) for one in there):
        return [Fault(str(path), "configs", "is missing: load_dataset finds nothing", _AGAIN)]
    named = {one.get("config_name"): one for one in there}
    faults = [
        Fault(str(path), f"configs, {config}", "is no config of this dataset", "take it out")
        for config in named.keys() - {one["config_name"] for one in built}
    ]
    for one in built:
        config = one["config_name"]
        found = {"default": False} | named.get(config, {})
        other = [key for key, value in ({"default": False} | one).items() if found.get(key) != value]
        if other:
            what = f"is not that of {RELEASE_FILE} ({', '.join(other)})"
            faults.append(Fault(str(path), f"configs, {config}", what, _AGAIN))
    return faults


def _notes(folder: Path, configs: Mapping[str, Mapping[str, _Split]]) -> Iterator[str]:
    """Of the images: whose licence nobody stated, and whose metadata say where; whoever publishes them should know."""
    images = without = taken = named = 0
    for split in configs.get("paintings", {}).values():
        table = pyarrow.parquet.ParquetFile(folder / split.file)
        for rows in table.iter_batches(_IMAGES_AT_ONCE, columns=["licence", "image"]):
            shown = [row for row in rows.to_pylist() if row["image"] and row["image"]["path"]]
            images, without = images + len(shown), without + sum(row["licence"] is None for row in shown)
            contents = [row["image"]["bytes"] or b"" for row in shown]
            taken += sum(map(_says_where, contents))
            lines = "\n".join(map(text_in_image, contents))
            named += len({found.line for found in machine_words_in(lines)})
    if without:
        yield f"{without} of {images} images have no licence stated in paintings.csv; they become public with the dataset"
    if taken:
        yield f"{taken} of {images} images say in their metadata where they were taken (GPS); it becomes public with them"
    if named:
        yield f"{named} of {images} images name a folder of some machine in their metadata; it becomes public with them"


def _says_where(content: bytes) -> bool:
    """Whether an image's metadata say where it was taken."""
    image = opened_image(content)
    if image is None:
        return False
    exif = Image.Image.getexif(image)  # a PNG's own decodes all of it first
    return bool(exif.get_ifd(ExifTags.IFD.GPSInfo))
