"""What belongs into the repo of the metric: a Space named like its module, so that ``evaluate.load`` finds it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from ...eval_suite import srcc_plcc
from ...foundation.card_parts import with_part
from ...foundation.faults import Fault, InputFault
from ..content import Content, Links
from ..place_links import link_lines
from ..space_folder import requirements_of

MODULE = "srcc_plcc"
CARD, REQUIREMENTS = "README.md", "requirements.txt"
_BESIDE = ("dataset", "model", "board", "space")
_FROM_THE_SDK = "gradio"  # a Space installs it by the card's sdk_version
_LOADING = """```python
import evaluate

metric = evaluate.load("{0}")
result = metric.compute(predictions=[3.1, 4.5, 6.2, 5.0, 8.8], references=[2.9, 5.1, 6.0, 4.4, 9.0])
result["srcc"], result["srcc_interval"]
```

**Loading a metric runs the code that is fetched**, with your rights. So give `revision=` with the 40 digits of a commit whose files you
have read; without it, whatever stands in `{0}` today is run. A local folder `./{0}` would be loaded in its place."""


def metric_content(name: str, links: Links) -> Content:
    """The metric's module with its siblings, its page, and what they need.

    Parameters
    ----------
    name : str
        ``ORG/srcc_plcc``: ``evaluate.load`` fetches the file that is called like the repo.
    links : Links
        The repos that the card names.

    Returns
    -------
    Content
        Never simulated: it holds no data.

    Raises
    ------
    InputFault
        If the repo has another name.

    Examples
    --------
    >>> sorted(metric_content("org/srcc_plcc", Links()).files)[:3]
    ['README.md', '__init__.py', 'app.py']
    """
    owner, _, module = name.rpartition("/")
    if module != MODULE:
        what = f"is no name for the metric: `evaluate.load` fetches {module or 'NAME'}.py of it, and the module is {MODULE}.py"
        raise InputFault(Fault(name, "", what, f"publish it as {owner or 'ORG'}/{MODULE}"))
    folder = Path(str(srcc_plcc.__file__)).parent
    programs = {path.name: path for path in sorted(folder.glob("*.py"))}
    loading = _LOADING.format(name)
    if beside := link_lines(links, _BESIDE):
        loading += "\n\nBeside it on the Hub:\n\n" + "\n".join(f"- {line}" for line in beside)
    card = with_part((folder / CARD).read_text(encoding="utf-8"), "loading", loading)
    card = re.sub(r"^sdk_version: .*$", f"sdk_version: {version(_FROM_THE_SDK)}", card, count=1, flags=re.M)
    imported = {module for path in programs.values() for module in _imports(path)}
    needed = requirements_of(imported - {*sys.stdlib_module_names, _FROM_THE_SDK})
    made = {CARD: card.encode(), REQUIREMENTS: "".join(f"{line}\n" for line in needed).encode()}
    return Content("metric", name, {**made, **programs}, simulated=False)


def _imports(path: Path) -> Iterable[str]:
    """The packages that a file imports by name; its siblings it imports by a dot."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).split(".")[0]
