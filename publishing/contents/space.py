"""A Space: the page that scores an image, with all of its own code, and the repos that it serves."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...foundation.faults import Fault, InputFault
from ...hub.repo_address import repo_address
from ...spaces_demo.space_file import PARTS, SPACE_FILE, NamedRepo, space_text
from ..content import REPO_TYPES, Content, Links, Place
from ..space_folder import space_code

if TYPE_CHECKING:
    from huggingface_hub import SpaceCardData

_APP = Path(__file__).parents[2] / "spaces_demo" / "app.py"
_TITLE = "ppaint: aesthetic scores of paintings"
_SHORT = "Aesthetic scores of paintings, in one pass"
_BANNER = """> **Simulated.** What this page serves was made from simulated paintings and annotations: its scores mean nothing for real
> paintings, and show that the path works.

"""
_ROLES = {
    "model": ("scores images", "models"),
    "dataset": (
        "its ground truth is shown, and its paintings, scored by the same scorer, are what a score is set beside",
        "datasets",
    ),
    "judge": ("compares two images", "models"),
    "board": ("the leaderboard", "datasets"),
}
_PAGES = (
    (
        "model",
        "- **Score** (`/`): up to 50 images; each one's score in every dimension with the standard deviation of the model's own distribution, and whether it is out of distribution.",
    ),
    ("model", "- **Compare** (`/compare`): two images side by side; with a judge also what it answers in both orders."),
    (
        "dataset",
        "- **Ground truth** (`/truth`): the dataset's paintings with fused scores, every expert's ratings and comparisons.",
    ),
    ("board", "- **Leaderboard** (`/leaderboard`): tables and plots, two systems compared, a submission checked."),
    (
        "model",
        "- **About** (`/about`): what answers here, what the paper reports, what becomes of an uploaded image, how to use and cite it.",
    ),
)
_TEXT = """# {title}

{banner}{pages}

Each page has a link of its own. The same functions answer as an API ("Use via API" at the foot of the page).

| | repo | commit | |
|---|---|---|---|
{rows}

`{space_file}` holds these names and commits, and `app.py` serves exactly these. To serve others, set in the Space's settings `PPAINT_MODEL` (a
scorer), `PPAINT_DATASET`, `PPAINT_JUDGE` and `PPAINT_BOARD` (empty for none), each `ORG/NAME` or `ORG/NAME@REVISION`. Private repos need a secret `HF_TOKEN` that may
read them.

## On your own machine

```sh
hf download {name} --repo-type space --local-dir {folder}
pip install -r {folder}/requirements.txt
python {folder}/app.py
```

The folder is whole: `ppaint/` beside `app.py` holds the files of ppaint that the page imports, and is found before any installed ppaint.

## Hardware

Any CPU or GPU that holds the models. On ZeroGPU, which lends a GPU for the time of a call, the one function that runs a model asks for it; nothing is
scored outside of a visitor's call, so a visitor presses "Score the release's paintings" before an image's place among them is shown. (Tried with the package `spaces` in
its ZeroGPU mode, without such a GPU.) These scores are kept in the folder that `PPAINT_CACHE` names: with persistent storage, the next start finds them there.

Uploads lie in a temporary folder of the page's own, are deleted within the hour, and go with the folder when the page stops. Code: Apache-2.0.
"""


def space_content(name: str, links: Links, *, simulated: bool) -> Content:
    """The files of a Space.

    Parameters
    ----------
    name : str
        ``ORG/NAME`` of its repo.
    links : Links
        The model, and where there are such the dataset, judge and board.
    simulated : bool
        Whether any of these is simulated, or was made from what is.

    Returns
    -------
    Content

    Raises
    ------
    InputFault
        If no model is given, or the code that the Space needs cannot be found.

    Examples
    --------
    >>> content = space_content("org/demo-simulated", Links(model=Place("org/scorer-simulated")), simulated=True)
    >>> sorted(content.files)[:2], b"gradio<7,>=6" in content.read("requirements.txt").split()
    (['README.md', 'app.py'], True)
    """
    if links.model is None:
        what = "a Space needs a scorer to serve"
        raise InputFault(Fault(name, "--model", what, "give --model ORG/NAME"))
    places = {part: getattr(links, part) for part in PARTS}
    code = space_code(_APP)
    named = {part: None if place is None else NamedRepo(place.name, place.commit) for part, place in places.items()}
    files = {
        "README.md": _readme(name, places, simulated).encode(),
        SPACE_FILE: space_text(named).encode(),
        "requirements.txt": "".join(f"{line}\n" for line in code.requirements).encode(),
    }
    files |= {path: file.read_bytes() for path, file in code.files.items()}
    return Content("space", name, files, simulated)


def _readme(name: str, places: dict[str, Place | None], simulated: bool) -> str:
    """Front matter and text."""
    given = {part: place for part, place in places.items() if place is not None}
    rows = [
        f"| {part} | [{place.name}]({repo_address(REPO_TYPES[part], place.name, place.commit)}) | {_commit(place)} | {_ROLES[part][0]} |"
        for part, place in given.items()
    ]
    title = f"{_TITLE} (simulated)" if simulated else _TITLE
    pages = [text for needed, text in _PAGES if needed in given]
    text = _TEXT.format(
        title=title,
        banner=_BANNER if simulated else "",
        pages="\n".join(pages),
        rows="\n".join(rows),
        space_file=SPACE_FILE,
        name=name,
        folder=name.split("/")[-1],
    )
    return f"---\n{_card_data(title, given, simulated).to_yaml()}\n---\n\n{text}"


def _card_data(title: str, given: dict[str, Place], simulated: bool) -> SpaceCardData:
    """The front matter."""
    from huggingface_hub import SpaceCardData

    repos: dict[str, list[str]] = {"models": [], "datasets": []}
    for part, place in given.items():
        repos[_ROLES[part][1]].append(place.name)
    more: dict[str, Any] = {"emoji": "🖌️", "colorFrom": "gray", "colorTo": "red"}
    more["short_description"] = f"Simulated: {_SHORT[0].lower()}{_SHORT[1:]}" if simulated else _SHORT
    return SpaceCardData(
        title=title,
        sdk="gradio",
        sdk_version=version("gradio"),
        python_version=f"{sys.version_info.major}.{sys.version_info.minor}",  # the Hub's own default is older than ppaint's
        app_file="app.py",
        license="apache-2.0",
        models=repos["models"],
        datasets=repos["datasets"] or None,
        tags=["image-aesthetics", "paintings", "psdistill", *(["simulated"] if simulated else [])],
        **more,
    )


def _commit(place: Place) -> str:
    return "newest" if place.commit is None else f"`{place.commit}`"
