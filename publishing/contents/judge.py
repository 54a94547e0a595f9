"""What belongs into the repo of a judge: the files of a vision-language model, and its card with how it is used from there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from ...dataset_script.stand_in.simulate import DIMENSIONS
from ...foundation.faults import Fault, InputFault
from ...foundation.json_text import read_json
from ...model_card.card_data import CARD
from ...model_card.exported_adapter import is_repo_id
from ...model_card.model_files import ADAPTER_CONFIG, weights_named
from ...trainer.tiny_judge.card import FIGURES, MEASURED_ON, WEIGHTS_SHA256
from ...trainer.tiny_judge.known_weights import SHORT_NAMES, has_tiny_vocabulary, tiny_judge_in
from ..card_schema import front_matter
from ..content import Content, Links
from .model_folder import ModelFolder, hash_of_weights, read_model_folder
from .simulated_marks import SIMULATED, named_simulated

_BEGIN, _END = "<!-- how to use it: written by ppaint publish -->", "<!-- end of how to use it -->"
_OURS = re.compile(rf"{re.escape(_BEGIN)}.*?{re.escape(_END)}\n*", re.S)
_MEASURED_ON = re.compile(rf"{re.escape(MEASURED_ON)} `([0-9a-f]{{64}})`")
_MEASURE_AGAIN = "measure again and write both anew, or remove the figures"
_FIX = "write one that begins with `---`, front matter in YAML (license, library_name, pipeline_tag, tags), and `---`"


def judge_content(folder: str | Path, name: str, links: Links) -> Content:
    """What is to stand in the repo of a judge.

    Parameters
    ----------
    folder : str or Path
        Of a vision-language model, with a README.md that has front matter.
    name : str
        ``ORG/NAME`` of the repo.
    links : Links
        Nothing of them stands on its card, which is the folder's own.

    Returns
    -------
    Content

    Raises
    ------
    InputFault
        If a file is missing, damaged or none that may be published, or the card has no front matter, or does not say that the judge
        is simulated where it is one; or its figures were measured on other weights. All faults together.
    """
    folder = Path(folder)
    found = read_model_folder(folder, [CARD, FIGURES])
    if (folder / ADAPTER_CONFIG).is_file():
        found.fault(ADAPTER_CONFIG, "", "the folder holds adapters, not a whole model", "merge them into their base")
    told = found.attempt(lambda: read_card(folder / CARD))
    known = None if found.faults else tiny_judge_in(found.files[one] for one in _weights(folder))
    figures = _figures(folder)
    because = _simulated_because(folder, known, figures, *(told or ({}, "")))
    if told is not None and because:
        _check_says_so(found, because[0], *told)
    if told is not None and all(name in found.files for name in _weights(folder)):
        found.attempt(lambda: _check_figures(folder, figures, told[1]))
    found.raise_faults()
    assert told is not None  # or there were faults
    front, text = told
    files: dict[str, Path | bytes] = {**found.files, CARD: with_use(text, name).encode()}
    base = str(front.get("base_model") or "")
    return Content(
        what="judge",
        name=name,
        files=dict(sorted(files.items())),
        simulated=bool(because),
        left_out=tuple(found.left_out),
        notes=() if WEIGHTS_SHA256 in figures or not figures else (f"{FIGURES} does not say which weights it is of",),
        source=str(folder),
        made_from=SHORT_NAMES[known] if known else base.split("/")[-1] if is_repo_id(base) else "",
    )


def _weights(folder: Path) -> list[str]:
    return [one for one in weights_named(folder) if one.endswith(".safetensors")]


def read_card(path: Path) -> tuple[dict[str, Any], str]:
    """A judge's card: its front matter, and its whole text.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputFault
        If there is no card, or it has no front matter.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return front_matter(text), text
    except FileNotFoundError as error:
        raise InputFault(Fault(str(path), "", "is missing", _FIX)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputFault(Fault(str(path), "", f"not readable ({error})", _FIX)) from error
    except ValueError as error:
        raise InputFault(Fault(str(path), "", str(error), _FIX)) from error


def _tags(front: dict[str, Any]) -> list[str]:
    tags = front.get("tags") or []
    return [str(tag) for tag in tags] if isinstance(tags, list) else [str(tags)]


def _figures(folder: Path) -> dict[str, Any]:
    """What lies beside the weights as measured; empty where there is nothing, or nothing that can be read, which is said elsewhere."""
    try:
        told = read_json(folder / FIGURES)
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _simulated_because(
    folder: Path, known: str | None, figures: dict[str, Any], front: dict[str, Any], text: str
) -> list[str]:
    """Why a judge is simulated; empty where nothing in its folder says that it is."""
    found = [f"these are the weights of {known}"] if known else []
    if has_tiny_vocabulary(folder):
        found.append("its vocabulary is the simulated tiny judge's own")
    if figures.get(SIMULATED):
        found.append(f"{FIGURES} says that it is")
    if SIMULATED in _tags(front):
        found.append("its tags say that it is")
    bases = front.get("base_model") or []
    if any(named_simulated(base) for base in (bases if isinstance(bases, list) else [bases])):
        found.append("its base is called simulated")
    if SIMULATED in _title(text).lower() or f"**{SIMULATED}" in text.lower():
        found.append("its card says that it is")
    return found


def _title(text: str) -> str:
    title = re.search(r"^# (.*)$", text, re.M)
    return title[1] if title else ""


def _check_figures(folder: Path, figures: dict[str, Any], text: str) -> None:
    """The figures of figures.json and of the card are of the weights that lie here, and the same."""
    faults = []
    told = {CARD: _MEASURED_ON.findall(text), FIGURES: [figures[one] for one in (WEIGHTS_SHA256,) if one in figures]}
    if any(told.values()):
        here = hash_of_weights(folder)
        what = f"was measured on other weights than those that lie here now ({here[:16]})"
        other = [name for name, hashes in told.items() if any(one != here for one in hashes)]
        faults += [Fault(str(folder / name), WEIGHTS_SHA256, what, _MEASURE_AGAIN) for name in other]
    measured = figures.get("figures")
    for block in re.findall(r"^```json\n(.*?)^```", text, re.M | re.S):
        try:
            shown = json.loads(block)
        except ValueError:
            continue  # it is an example, not what was measured
        alike = isinstance(shown, dict) and isinstance(measured, dict) and shown.keys() == measured.keys()
        if alike and shown != measured:
            what = f"are other ones than those of {FIGURES}"
            faults.append(Fault(str(folder / CARD), "figures", what, _MEASURE_AGAIN))
    if faults:
        raise InputFault(faults)


def _check_says_so(found: ModelFolder, why: str, front: dict[str, Any], text: str) -> None:
    """A simulated judge says so where the Hub's visitors look first: in its tags and its title."""
    if SIMULATED not in _tags(front):
        what = f"the judge is simulated ({why}), and no tag says so"
        found.fault(CARD, "tags", what, f"add the tag {SIMULATED}")
    if SIMULATED not in _title(text).lower():
        found.fault(
            CARD, "title", "the judge is simulated, and its title does not say so", f"write `# ... ({SIMULATED})`"
        )


def with_use(text: str, name: str) -> str:
    """A card with a section on how the judge is used from its repo, before the first other section.

    Parameters
    ----------
    text : str
        The card; a section that an earlier publication put into it is replaced.
    name : str
        ``ORG/NAME``.

    Returns
    -------
    str

    Examples
    --------
    >>> one = with_use("# A judge\\n\\nIts story.\\n\\n## How it was made\\n\\nSo.\\n", "org/judge")
    >>> one.index("Its story") < one.index("## Use with ppaint") < one.index("## How it was made")
    True
    >>> one.replace("org/judge", "org/other") == with_use(one, "org/other")
    True
    """
    text = _OURS.sub("", text)
    section = re.search(r"^## ", text, re.M)
    place = section.start() if section else len(text)
    before = text[:place].rstrip("\n")
    return f"{before}\n\n{_use(name)}\n{text[place:]}"


def _use(name: str) -> str:
    return f"""{_BEGIN}
## Use with ppaint

```python
from PIL import Image, ImageOps
from ppaint.model_card import Judge

judge = Judge.from_pretrained({json.dumps(name)}, dimensions={json.dumps(list(DIMENSIONS))})
painting = Image.open("painting.jpg").convert("RGB")
one, mirrored = judge.features([painting, ImageOps.mirror(painting)])
print(judge.dimensions)
print(judge.compare([(one, mirrored), (mirrored, one)]))  # one row for each pair: log-odds that the first is better
print(judge.rate([one]).shape)  # log-probabilities of the marks 0 to 9
```

`revision=` takes a tag or a commit. On the command line: `ppaint judge --images paintings --out judged --model {shlex.quote(name)}`,
and `ppaint distill` makes a scorer of its answers.
{_END}
"""
