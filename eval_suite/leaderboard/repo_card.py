"""The card of a board's repo on the Hub: what it is and which commands work with it. It holds no figure, so that no entry makes it stale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from ..shown_text import markdown_text
from .board_file import BoardFile
from .board_place import PREFIX
from .page_files import CLAIM, maintainers, simulated_banner, title
from .tidy import BUILT

TABLE = f"{BUILT}/leaderboard.csv"
SPLIT = "rows"


def repo_card(
    facts: BoardFile, repo: str, *, dataset: tuple[str, str | None] | None = None, beside: Sequence[str] = ()
) -> str:
    """``README.md`` of the repo.

    Parameters
    ----------
    facts : BoardFile
        What ``board.yaml`` says.
    repo : str
        ``ORG/NAME`` of the repo.
    dataset : tuple of str, optional
        ``ORG/NAME`` of the dataset that is predicted, and its commit where that is known.
    beside : sequence of str
        What else to name, each a line of Markdown.

    Returns
    -------
    str
    """
    header = yaml.safe_dump(_front(facts), sort_keys=False, allow_unicode=True, width=120)
    parts = [
        f"# {markdown_text(title(facts))}",
        *([simulated_banner(facts)] if facts.simulated else []),
        f"**[Tables, plots and how to read them]({BUILT}/README.md).** Release {markdown_text(facts.release_name)}, `{facts.release[:16]}`.",
        CLAIM,
        maintainers(facts),
        f"![Every system's SRCC with its interval and rank range]({BUILT}/forest.png)",
        "## The rows as a table",
        _code("python", "from datasets import load_dataset", "", f'rows = load_dataset("{repo}", split="{SPLIT}")'),
        "## Hand in a submission",
        *_handing_in(repo, dataset),
        "## Check the board",
        _code("sh", f"ppaint leaderboard verify {PREFIX}{repo}"),
        "It checks the chain of `log.jsonl` and every file against it; with `--dataset` it makes every figure again from the predictions. "
        "With `--head` and the head that an older page shows, it says whether the log still leads through it.",
        "## What lies here",
        "`board.yaml` is what all figures depend on; `log.jsonl` has one line per event; `accepted/` has each submission's two files as "
        "they came, and `evaluated/` its figures; `board/` is made of these by `ppaint leaderboard build`. Each submission's predictions "
        "are under the licence that its `submission.yaml` names.",
        f"For maintainers: `ppaint leaderboard accept {PREFIX}{repo} --pr NUMBER --dataset ppaint`, then `ppaint leaderboard build "
        f"{PREFIX}{repo}`.",
    ]
    if beside:
        parts += ["## Beside it on the Hub", "\n".join(f"- {line}" for line in beside)]
    return f"---\n{header}---\n\n" + "\n\n".join(parts) + "\n"


def _front(facts: BoardFile) -> dict[str, Any]:
    return {
        "pretty_name": title(facts),
        "language": ["en"],
        "license": "other",
        "license_name": "see-each-submission",
        "tags": ["leaderboard", *(["simulated"] if facts.simulated else []), "ppaint"],
        "configs": [{"config_name": "leaderboard", "data_files": [{"split": SPLIT, "path": TABLE}]}],
    }


def _handing_in(repo: str, dataset: tuple[str, str | None] | None) -> list[str]:
    """The commands, as they are typed; where the dataset is not named it has to be in the folder ``ppaint`` already."""
    fetch = []
    if dataset:
        revision = f" --revision {dataset[1]}" if dataset[1] else ""
        fetch = [f"hf download {dataset[0]} --repo-type dataset{revision} --local-dir ppaint"]
    needed = "" if dataset else " Its dataset has to lie in the folder `ppaint`."
    return [
        "The first commands write `mine/` with what is known; what only you know is marked `TODO`, and the scores are still empty."
        + needed,
        _code("sh", *fetch, "ppaint submit --template mine --dataset ppaint"),
        "When both files are filled in, this checks them and opens a pull request here, which a maintainer accepts or declines:",
        _code("sh", f"ppaint submit mine --dataset ppaint --to {PREFIX}{repo}"),
    ]


def _code(language: str, *lines: str) -> str:
    return "\n".join([f"```{language}", *lines, "```"])
