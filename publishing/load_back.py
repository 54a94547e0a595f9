"""Load back what was published and compare it with what lies here: the program that `check_back` runs in a new process.

It begins with an empty cache and an empty working directory.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import os
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import Any

from ..foundation.faults import InputFault
from ..foundation.stopped import Stopped
from ..hub.hub_repo import HubRepo

AT_A_TIME = 64  # rows
_DOING = "it was published, and not loaded back"


class DifferentError(Exception):
    """What came back is not what lies here; its text says where."""


def load_back(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the snippet, then compare files, and what the snippet loaded.

    A file that differs is reported before anything that follows from it. What the Hub cannot answer now is asked again.

    Parameters
    ----------
    task : mapping
        ``what``, ``name``, ``repo_type``, ``commit``, ``snippet``, ``local`` (a folder with the files as they should be), ``files``
        (their paths in it).

    Returns
    -------
    dict
        ``lines``: what was equal. ``different``: what was not. ``failed``: why it could not be loaded. ``stopped``: why the Hub could
        not be asked, and what to do. None where all was well.
    """
    told: dict[str, Any] = {"lines": [], "different": None, "failed": None, "stopped": None}
    hub = HubRepo(task["name"], kind=task["repo_type"])
    loaded: dict[str, Any] = {}
    failure: Exception | None = None
    try:
        loaded = hub.ask(_DOING, lambda: _run(task["snippet"]))
    except Exception as error:
        failure = error
    try:
        told["lines"].append(_compare_files(task, hub))
        if failure is not None:
            raise failure
        told["lines"] += COMPARE[task["what"]](loaded, Path(task["local"]))
    except DifferentError as error:
        told["different"] = str(error)
    except Exception as error:
        error = failure or error
        cause = error.__cause__
        if isinstance(error, Stopped) and not isinstance(cause, InputFault):
            told["stopped"] = [error.problem, error.to_go_on]
        else:  # a fault of what was loaded, though a question to the Hub stands behind it
            told["failed"] = in_words(cause if isinstance(error, Stopped) and cause is not None else error)
    return told


def _run(snippet: str) -> dict[str, Any]:
    """The names that the lines leave."""
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(snippet, "snippet", "exec"), names)  # lines of our own
    return names


def in_words(error: BaseException) -> str:
    """An error as one line, without a traceback.

    Examples
    --------
    >>> in_words(KeyError("model_type")), in_words(MemoryError())
    ("KeyError: 'model_type'", 'MemoryError')
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kind = type(error).__name__
    if not lines:
        return kind
    return (lines[0] if isinstance(error, InputFault) else f"{kind}: {lines[0]}").rstrip(".")


def _compare_files(task: Mapping[str, Any], hub: HubRepo) -> str:
    """Every file by its SHA-256."""
    name, kind, commit, paths = task["name"], task["repo_type"], task["commit"], sorted(task["files"])
    there = set(hub.ask(_DOING, lambda: hub.api.list_repo_files(name, repo_type=kind, revision=commit)))
    missing = [path for path in paths if path not in there]
    if missing:
        raise DifferentError(f"{missing[0]} is not there" + _and_more(missing))
    asked = {"repo_type": kind, "revision": commit, "allow_patterns": [escape(path) for path in paths]}
    came = Path(hub.ask(_DOING, lambda: hub.api.snapshot_download(name, **asked)))
    local, size = Path(task["local"]), 0
    for path in paths:
        here, back = _sha256(local / path), _sha256(came / path)
        if here != back:
            raise DifferentError(f"{path} came back with SHA-256 {back[:16]}…, and here it has {here[:16]}…")
        size += (local / path).stat().st_size
    others = sorted(there - set(paths) - {".gitattributes"})
    more = f"; {len(others)} more in the repo ({others[0]}{_and_more(others)}), not part of it" if others else ""
    return f"{_count(len(paths), 'file')}, {size:,} bytes: SHA-256 equal{more}"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _compare_tables(loaded: dict[str, Any], local: Path) -> Iterator[str]:
    """Each row of each split of each config with the Parquet files that the card names for it."""
    from ppaint.publishing.card_schema import front_matter

    front = front_matter((local / "README.md").read_text(encoding="utf-8"))
    configs = {entry["config_name"]: entry["data_files"] for entry in front["configs"]}
    _same_names("configs", loaded["tables"], configs)
    for config, entries in configs.items():
        files = {entry["split"]: _parquet_files(local, entry["path"]) for entry in entries}
        splits = loaded["tables"][config]
        _same_names(f"splits of {config}", splits, files)
        for split, paths in files.items():
            _compare_rows(f"{config}, {split}", splits[split], paths)
        rows = sum(len(splits[split]) for split in files)
        yield f"load_dataset, {config}: {_count(rows, 'row')} in {_count(len(files), 'split')} equal to the local Parquet"


def _parquet_files(local: Path, patterns: str | list[str]) -> list[Path]:
    patterns = [patterns] if isinstance(patterns, str) else patterns
    return [file for pattern in patterns for file in sorted(local.glob(pattern))]


def _same_names(what: str, back: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    if set(back) != set(here):
        raise DifferentError(f"its {what} came back as {', '.join(back)}, and here they are {', '.join(here)}")


def _compare_rows(where: str, table: Any, files: Sequence[Path]) -> None:
    """A split with its files, a few rows at a time: images are in them."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    rows, start = table.with_format("arrow"), 0
    for file in files:
        for batch in ParquetFile(file).iter_batches(batch_size=AT_A_TIME):
            here = pyarrow.Table.from_batches([batch])
            back = rows[start : start + len(here)]
            if here.num_rows != back.num_rows or here.column_names != back.column_names:
                raise DifferentError(f"{where}: other columns, or {len(table)} rows, came back")
            if not here.cast(back.schema).equals(back):
                _compare_cells(f"{where}, row", start, back.to_pylist(), here.to_pylist())
            start += len(here)
    if start != len(table):
        raise DifferentError(f"{where}: {len(table)} rows came back, and here there are {start}")


def _compare_cells(where: str, start: int, back: Sequence[Mapping], here: Sequence[Mapping]) -> None:
    """Which row differs first; as text, since a NaN is no other NaN."""
    for number, (one, other) in enumerate(zip(back, here, strict=True), start=start + 1):
        _compare_mappings(f"{where} {number}", one, other)


def _compare_mappings(where: str, back: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    for key in dict.fromkeys([*here, *back]):
        one, other = repr(back.get(key)), repr(here.get(key))
        if one != other:
            raise DifferentError(f"{where}, {key}: {one[:60]} came back, and here it is {other[:60]}")


def _compare_scores(loaded: dict[str, Any], local: Path) -> Iterator[str]:
    """Ten images by the scorer that came back and by the local folder's, to the last digit."""
    from ppaint.model_card import AestheticScorer

    images, dimensions = loaded["images"], loaded["scorer"].dimensions
    _let_go(loaded, "scorer")
    here = AestheticScorer.from_pretrained(local).score(images)
    _compare_cells("image", 0, loaded["scores"].rows(), here.rows())
    first = float(here.mean[0, 0])
    yield (
        f"AestheticScorer.from_pretrained: {len(images)} images in {_count(len(dimensions), 'dimension')}, scores equal to the last "
        f"digit (the first: {first!r})"
    )


def _let_go(loaded: dict[str, Any], name: str) -> None:
    """Free the model that came back, so that two of them need not fit into memory."""
    from ppaint.model_card.memory import release_memory

    del loaded[name]
    release_memory()


def _compare_ratings(loaded: dict[str, Any], local: Path) -> Iterator[str]:
    """Ten images by the judge that came back and by the local folder's, to the last digit."""
    from ppaint.model_card import Judge

    images, back = loaded["images"], loaded["ratings"].tolist()
    dimensions = loaded["judge"].dimensions
    _let_go(loaded, "judge")
    judge = Judge.from_pretrained(local, dimensions=dimensions)
    here = judge.rate(judge.features(images)).tolist()
    rows = [[dict(zip("0123456789", row[0], strict=True)) for row in side] for side in (back, here)]
    _compare_cells("the rating of image", 0, *rows)
    yield f"Judge.from_pretrained: ratings of {len(images)} images equal to the last digit (the first: {here[0][0][0]!r})"


def _compare_figures(loaded: dict[str, Any], local: Path) -> Iterator[str]:
    """A fixed table by the metric that came back and by the local folder's."""
    import evaluate

    table = {"predictions": [3.1, 4.5, 6.2, 5.0, 8.8], "references": [2.9, 5.1, 6.0, 4.4, 9.0]}
    here = evaluate.load(str(local)).compute(**table)
    _compare_mappings("the metric", loaded["figures"], here)
    yield f"evaluate.load: {_count(len(here), 'figure')} of a table of 5 rows equal (srcc {here['srcc']!r})"


def _compare_boards(loaded: dict[str, Any], local: Path) -> Iterator[str]:
    """The board's own proof: its chain of hashes and the hash of every file of an entry."""
    from ppaint.eval_suite.leaderboard.verify import verify

    back, here = loaded["found"], verify(local)
    if back.faults != here.faults and back.faults:
        raise DifferentError(f"the board that came back is not what its log says: {back.faults[0]}")
    if (back.entries, back.head) != (here.entries, here.head):
        raise DifferentError(f"the log's last line came back as {back.head[:16]}…, and here it is {here.head[:16]}…")
    yield f"verify: {_count(back.entries, 'line')} of the log in one chain, its head {back.head}"


def _compare_code(loaded: dict[str, Any], local: Path) -> Iterator[str]:
    """The Space's app and every file beside it are imported, from the folder that came back and from nowhere else."""
    folder = Path(loaded["folder"]).resolve()
    installed = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "ppaint"}
    for name in installed:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    try:
        runpy.run_path(str(folder / "app.py"), run_name="app")
        number = _import_all(folder, local)
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == "ppaint"]:
            del sys.modules[name]
        sys.modules.update(installed)
    yield f"app.py and {_count(number, 'module')} of ppaint beside it import, from the Space's own folder"


def _import_all(folder: Path, local: Path) -> int:
    """Import every module that was published from the folder that came back; all that is imported must lie there."""
    files = sorted(path.relative_to(local) for path in (local / "ppaint").rglob("*.py"))
    for file in files:
        importlib.import_module(".".join(file.with_suffix("").parts).removesuffix(".__init__"))
    for name, module in sorted(sys.modules.items()):
        found = getattr(module, "__file__", None)
        if name.startswith("ppaint.") and (found is None or not Path(found).resolve().is_relative_to(folder)):
            raise DifferentError(f"{name} was imported from elsewhere: it is not in the Space's folder")
    return len(files)


COMPARE: dict[str, Callable[[dict[str, Any], Path], Iterator[str]]] = {
    "dataset": _compare_tables,
    "model": _compare_scores,
    "judge": _compare_ratings,
    "metric": _compare_figures,
    "board": _compare_boards,
    "space": _compare_code,
}


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def _and_more(found: Sequence[str]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def main(task_file: str, result_file: str) -> None:
    """Read the tasks, and write what came of them after each: a process may die."""
    gc.disable()  # what the libraries' imports make stays, and looking through it takes seconds
    told = []
    for task in json.loads(Path(task_file).read_text(encoding="utf-8")):
        os.chdir(task["work"])
        told.append(load_back(task))
        gc.collect()
        Path(result_file).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
