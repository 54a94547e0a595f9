"""Where a run's annotations come from, a raw export or a built dataset: checked whole before anything is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..dataset_script.raw_export import RawExport, read_raw_export
from ..dataset_script.release import RELEASE_FILE, read_release
from ..eval_suite.suite import MEAN
from ..foundation.faults import Fault, InputFault
from ..foundation.file_hash import file_sha256
from ..foundation.progress_type import Progress
from ..trainer.pseudo_scores.schedule_sizes import SMALLEST_SET
from .paintings import read_paintings

FEWEST_MEASURED = 3  # paintings of a category: below it there is no order to correlate


@dataclass(frozen=True)
class AnnotationSource:
    """What a release says of itself before it is judged.

    Parameters
    ----------
    place : str
        The folder, as the user named it.
    name : str
    simulated : bool
        Whether it says that its annotations are.
    categories, dimensions : tuple of str
    pictures : mapping of str to set of str
        Category to the hashes of its images.
    identity : mapping of str to str
        Hashes of all that the annotations are.
    """

    place: str
    name: str
    simulated: bool
    categories: tuple[str, ...]
    dimensions: tuple[str, ...]
    pictures: Mapping[str, set[str]]
    identity: Mapping[str, str]

    def training_category(self, wanted: str | None, *, needs_own_images: bool) -> str:
        """The category to train on; everything that prevents the run is reported together.

        Parameters
        ----------
        wanted : str, optional
            The release's first category by default.
        needs_own_images : bool
            Whether its own paintings are what is trained on.

        Returns
        -------
        str

        Raises
        ------
        InputFault
        """
        faults = []
        if wanted is not None and wanted not in self.categories:
            what = f"there is no category {wanted!r} in {self.name}"
            faults.append(Fault("--train-category", "", what, f"give one of {', '.join(self.categories)}"))
        if MEAN in (*self.categories, *self.dimensions):
            what = f"a category or dimension called {MEAN!r} cannot be distinguished from the mean"
            faults.append(Fault(self.place, "", what, "rename it"))
        for category, pictures in self.pictures.items():
            if len(pictures) < FEWEST_MEASURED:
                what = f"category {category!r} has {len(pictures)} different images: too few to measure an order"
                faults.append(Fault(self.place, "", what, f"give at least {FEWEST_MEASURED} in every category"))
        chosen = wanted or self.categories[0]
        if needs_own_images and len(self.pictures.get(chosen, ())) < SMALLEST_SET and chosen in self.categories:
            what = f"category {chosen!r} has {len(self.pictures[chosen])} different images: too few to train on"
            fix = f"give --images FOLDER with at least {SMALLEST_SET} of that category, or another --train-category"
            faults.append(Fault(self.place, "", what, fix))
        if faults:
            raise InputFault(faults)
        return chosen


def check_annotations(raw: Path, report: Progress) -> AnnotationSource:
    """Read a raw annotation export whole, and refuse one from which no fused scores can come.

    Parameters
    ----------
    raw : Path
    report : callable
        ``report(what, done, total)``.

    Returns
    -------
    AnnotationSource

    Raises
    ------
    InputFault
        With all that is wrong in it.
    """
    export = read_raw_export(raw, report)
    absent = [name for name, table in (("ratings", export.ratings), ("pairs", export.pairs)) if table.empty]
    if absent:
        what = f"there are no {' and no '.join(absent)}, so there is no fused ground truth to evaluate against"
        raise InputFault(Fault(str(raw), "", what, "give an export that has both"))
    config, paintings = export.config, export.paintings[export.paintings["sha256"] != ""]
    pictures = {name: set(paintings.loc[paintings["category"] == name, "sha256"]) for name in config.categories}
    return AnnotationSource(
        str(raw),
        config.name,
        config.simulated,
        tuple(config.categories),
        tuple(config.dimensions),
        pictures,
        {file: file_sha256(raw / file) for file in export.files} | {"images": _digest_images(export)},
    )


def check_dataset(folder: Path, report: Progress) -> AnnotationSource:
    """Check that a built dataset is whole and as it was built.

    Parameters
    ----------
    folder : Path
    report : callable

    Returns
    -------
    AnnotationSource

    Raises
    ------
    InputFault
        If it is no such folder, has no fused scores, or a file of it is missing or was changed.
    """
    release = read_release(folder)
    try:
        splits = [(config, entry) for config, named in release["configs"].items() for entry in named.values()]
        files = {entry["file"]: entry["sha256"] for _, entry in splits}
    except (KeyError, TypeError, AttributeError) as error:
        what, fix = f"{RELEASE_FILE} does not say {error}", "build the dataset again"
        raise InputFault(Fault(str(folder), RELEASE_FILE, what, fix)) from error
    if not {"fused", "paintings"} <= set(release["configs"]):
        what = "the dataset has no fused scores to evaluate against"
        raise InputFault(Fault(str(folder), "fused", what, "build a release that has both ratings and pairs"))
    faults = []
    for done, (file, digest) in enumerate(files.items(), start=1):
        fix = "restore the file, or build the dataset again"
        if not (folder / file).is_file():
            faults.append(Fault(str(folder), file, "the file is missing", fix))
        elif file_sha256(folder / file) != digest:
            faults.append(Fault(str(folder), file, "the file is not the one that was built", fix))
        report("checking the dataset", done, len(files))
    if faults:
        raise InputFault(faults)
    paintings = read_paintings(folder, release.categories)
    pictures = {category: set(paintings.hashes_of(category)) for category in release.categories}
    identity = {RELEASE_FILE: file_sha256(folder / RELEASE_FILE)}
    return AnnotationSource(
        str(folder), release.name, release.simulated, release.categories, release.dimensions, pictures, identity
    )


def _digest_images(export: RawExport) -> str:
    """One hash over which painting shows what."""
    rows = export.paintings[["category", "painting_id", "sha256"]].astype(str).agg("\t".join, axis=1)
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()
