"""What ``ppaint score`` takes: files and folders, a built dataset, or a dataset of the Hub as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..foundation.faults import Fault, InputFault
from ..images.image_source import ImageSource


@dataclass(frozen=True)
class DatasetImages:
    """The images of a dataset, in its order; each row is read when its turn comes.

    Parameters
    ----------
    name : str
        A folder that ``ppaint build`` made, or a dataset repo (``ORG/NAME``) of the Hub.
    config, split, revision : str, optional
        Of a repo; of a built dataset, the split is one of its categories. Without a split: all of them.
    image_column, id_column : str, optional
        Of a repo: by default the first column of images, and for names the file that an image came from, or its row's number.
    """

    name: str
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    image_column: str | None = None
    id_column: str | None = None

    def sources(self) -> tuple[Iterator[ImageSource], int | None]:
        """The images one after another, and how many there are, where that is known.

        Returns
        -------
        iterator of ImageSource
        int or None

        Raises
        ------
        InputFault
            If there is no such dataset, split or column; while reading, if fewer rows come than the dataset says it has.
        """
        from ..dataset_script.release import RELEASE_FILE  # it takes 60 MB, and files need it not

        if Path(self.name, RELEASE_FILE).is_file():
            return self._of_release()
        if Path(self.name).exists():
            what = f"a folder without {RELEASE_FILE}: it is not a built dataset"
            fix = "give the folder that `ppaint build` made; a folder of images is given without --dataset"
            raise InputFault(Fault(self.name, "", what, fix))
        return self._of_repo()

    def _of_release(self) -> tuple[Iterator[ImageSource], int]:
        from ..dataset_script.release import read_release

        release = read_release(self.name)
        for option, value in (
            ("--id-column", self.id_column),
            ("--config", self.config),
            ("--dataset-revision", self.revision),
            ("--image-column", self.image_column),
        ):
            if value is not None:
                raise InputFault(Fault(option, "", "a built dataset has none of it", "leave it out"))
        if self.split is not None and self.split not in release.categories:
            fix = f"give one of {', '.join(release.categories)}"
            raise InputFault(Fault("--split", self.split, "the dataset has no such split", fix))
        categories = release.categories if self.split is None else (self.split,)
        total = release.painting_count(categories)

        def rows() -> Iterator[ImageSource]:
            for batch in release.paintings(categories):
                for painting in batch:
                    name = painting.painting_id if self.split else f"{painting.category}/{painting.painting_id}"
                    yield ImageSource(name, painting.image)

        return _counted(rows(), total, self.name), total

    def _of_repo(self) -> tuple[Iterator[ImageSource], int | None]:
        from datasets import Image, IterableDataset, get_dataset_split_names, load_dataset

        try:
            given = {"revision": self.revision}
            splits = [self.split] if self.split else get_dataset_split_names(self.name, self.config, **given)
            opened: dict[str, IterableDataset] = {
                split: load_dataset(self.name, self.config, split=split, streaming=True, **given) for split in splits
            }
        except Exception as error:  # its library raises nearly anything: no such repo, config, split; no way to the Hub
            raise _not_opened(self.name, error) from error
        first = next(iter(opened.values()))
        column = self.image_column or _image_column(self.name, first)
        for named, option in ((column, "--image-column"), (self.id_column, "--id-column")):
            if named is not None and first.column_names is not None and named not in first.column_names:
                fix = f"give one of {', '.join(first.column_names)}"
                raise InputFault(Fault(option, named, "the dataset has no such column", fix))
        sizes = [(data.info.splits or {}).get(split) for split, data in opened.items()]
        counts = [size.num_examples for size in sizes if size is not None and size.num_examples]
        total = sum(counts) if len(counts) == len(opened) else None

        def rows() -> Iterator[ImageSource]:
            for split, data in opened.items():
                for number, row in enumerate(data.cast_column(column, Image(decode=False)), start=1):
                    yield _source(row[column], self._name(row, column, split, number))

        return _counted(rows(), total, self.name), total

    def _name(self, row: dict[str, Any], column: str, split: str, number: int) -> str:
        if self.id_column is not None:
            return str(row[self.id_column])
        path = row[column].get("path") if isinstance(row[column], dict) else None
        return Path(path).name if path else f"{split}/{number}"


def _source(cell: Any, name: str) -> ImageSource:
    """A cell as the library gives an image that it has not decoded."""
    if isinstance(cell, dict) and cell.get("bytes"):
        return ImageSource(name, cell["bytes"])
    if isinstance(cell, dict) and cell.get("path") and Path(cell["path"]).is_file():
        return ImageSource(name, Path(cell["path"]))
    return ImageSource(name, None)


def _image_column(name: str, data: Any) -> str:
    from datasets import Image

    found = [column for column, kind in (data.features or {}).items() if isinstance(kind, Image)]
    if not found:
        what = "the dataset has no column of images, or does not say which"
        raise InputFault(Fault(name, "", what, "name it: --image-column"))
    return found[0]


def _counted(rows: Iterator[ImageSource], total: int | None, name: str) -> Iterator[ImageSource]:
    """The rows; a fault at the end where fewer came than there should be."""
    seen, again = 0, "start the same command again: it goes on from what is stored"
    try:
        for row in rows:
            seen += 1
            yield row
    except InputFault:
        raise
    except Exception as error:  # the way to the Hub, a damaged file: its library raises nearly anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        what = f"it cannot be read on after {seen:,} images ({reason})"
        raise InputFault(Fault(name, "", what, again)) from error
    if total is not None and seen < total:
        what = f"it ended after {seen:,} of {total:,} images: it was changed while it was read"
        raise InputFault(Fault(name, "", what, again))


def _not_opened(name: str, error: Exception) -> InputFault:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    fix = "give a folder that `ppaint build` made, or a dataset repo ORG/NAME with --config and --split as its page names them"
    return InputFault(Fault(name, "", f"no dataset can be opened there ({reason})", fix))
