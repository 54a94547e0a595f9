"""The lines that load what was published, as a user would type them; the check after an upload runs these very lines."""

from __future__ import annotations

from .content import What

_IMAGES = (
    'images = [Image.effect_mandelbrot((160, 128), (k / 12 - 2, -1, k / 24, 1), 60).convert("RGB") for k in range(10)]'
)
_SNIPPETS: dict[What, str] = {
    "dataset": """from datasets import get_dataset_config_names, load_dataset

name, commit = "{name}", "{commit}"
configs = get_dataset_config_names(name, revision=commit)
tables = {{config: load_dataset(name, config, revision=commit) for config in configs}}
""",
    "model": """from PIL import Image
from ppaint.model_card import AestheticScorer

{images}
scorer = AestheticScorer.from_pretrained("{name}", revision="{commit}")
scores = scorer.score(images)
""",
    "judge": """from PIL import Image
from ppaint.model_card import Judge

{images}
judge = Judge.from_pretrained("{name}", dimensions=["overall"], revision="{commit}")
ratings = judge.rate(judge.features(images))
""",
    "metric": """import evaluate

metric = evaluate.load("{name}", revision="{commit}")
figures = metric.compute(predictions=[3.1, 4.5, 6.2, 5.0, 8.8], references=[2.9, 5.1, 6.0, 4.4, 9.0])
""",
    "board": """from huggingface_hub import snapshot_download
from ppaint.eval_suite.leaderboard.verify import verify

board = snapshot_download("{name}", repo_type="dataset", revision="{commit}", local_dir="board")
found = verify(board)
""",
    "space": """from huggingface_hub import snapshot_download

folder = snapshot_download("{name}", repo_type="space", revision="{commit}", local_dir="space")
""",
}


def loading_snippet(what: What, name: str, commit: str) -> str:
    """Python lines that load what stands in a repo at a commit.

    Parameters
    ----------
    what : str
        The kind of thing.
    name : str
        ``ORG/NAME``.
    commit : str

    Returns
    -------
    str

    Examples
    --------
    >>> print(loading_snippet("metric", "org/srcc_plcc", "0" * 7).splitlines()[2])
    metric = evaluate.load("org/srcc_plcc", revision="0000000")
    """
    return _SNIPPETS[what].format(name=name, commit=commit, images=_IMAGES)
