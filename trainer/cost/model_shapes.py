"""What a model looks like before its weights are there: shapes, image processor, tokens of the shipped questions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ...foundation.faults import Fault, InputFault
from ...foundation.json_text import read_json
from ...model_card.prompts import Prompts, same_start

if TYPE_CHECKING:
    from transformers import Qwen3VLConfig

CONFIGS = Path(__file__).parents[1] / "configs"
BUNDLED = {"qwen3-vl-8b": CONFIGS / "qwen3_vl_8b_shapes.yaml"}
_FIX = f"give a folder with a Qwen3-VL's config.json and processor, or one of: {', '.join(BUNDLED)}"


@dataclass(frozen=True)
class PromptTokens:
    """Tokens of one set of questions about the same images.

    Parameters
    ----------
    around : int
        Tokens of the prefix other than the visual ones: before, between and after the images, and those that all questions begin
        with.
    questions : tuple of int
        Tokens of each question, from the first that is its own to the answer position.
    images : int
        Images in the prefix.
    head : int
        Those of ``around`` that stand before the first image.

    Examples
    --------
    >>> tokens = PromptTokens(7, (17, 18), 2, head=4)
    >>> tokens.packed(256), tokens.alone(256), tokens.first(256)
    (554, (536, 537), 260)
    """

    around: int
    questions: tuple[int, ...]
    images: int
    head: int = 0

    def prefix(self, visual: int) -> int:
        """Tokens of the prefix for images of ``visual`` tokens each."""
        return self.around + self.images * visual

    def first(self, visual: int) -> int:
        """Tokens up to the end of the first image."""
        return self.head + visual

    def packed(self, visual: int) -> int:
        """Positions of one pass with all questions behind one prefix."""
        return self.prefix(visual) + sum(self.questions)

    def alone(self, visual: int) -> tuple[int, ...]:
        """Positions of a pass of each question by itself."""
        return tuple(self.prefix(visual) + q for q in self.questions)


@dataclass(frozen=True)
class ModelShapes:
    """A model's shapes and its prompts in tokens.

    Parameters
    ----------
    name, source : str
        What it is called, and where the shapes come from.
    config : Qwen3VLConfig
    pixels : tuple of int
        Fewest and most pixels that the image processor makes of an image.
    dimensions : tuple of str
    compare, rate : PromptTokens
        The questions about two images, and about one.
    counted : str
        How the tokens were counted.
    """

    name: str
    source: str
    config: Qwen3VLConfig
    pixels: tuple[int, int]
    dimensions: tuple[str, ...]
    compare: PromptTokens
    rate: PromptTokens
    counted: str


def read_shapes(model: str | Path, dimensions: Sequence[str], prompts: Prompts | None = None) -> ModelShapes:
    """Shapes of a bundled name or of a local folder; no weights are read, and nothing is downloaded.

    Parameters
    ----------
    model : str or Path
        A name in ``BUNDLED`` (capitals do not count), or a folder.
    dimensions : sequence of str
        The dimensions that are asked about.
    prompts : Prompts, optional
        The wording.

    Returns
    -------
    ModelShapes

    Raises
    ------
    InputFault
        If it is neither, or no Qwen3-VL.

    Examples
    --------
    >>> shapes = read_shapes("Qwen3-VL-8B", ["composition", "overall"])
    >>> shapes.config.text_config.hidden_size, shapes.rate.questions
    (4096, (7, 7))
    """
    prompts = prompts or Prompts()
    if (file := BUNDLED.get(str(model).lower())) is not None:
        return _bundled(file, tuple(dimensions), prompts)
    folder = Path(model)
    if not folder.is_dir():
        raise InputFault(Fault(str(model), "--model", "no such folder, and no model whose shapes are bundled", _FIX))
    return _of_folder(folder, tuple(dimensions), prompts)


def _bundled(file: Path, dimensions: tuple[str, ...], prompts: Prompts) -> ModelShapes:
    from transformers import Qwen3VLConfig

    shapes = yaml.safe_load(file.read_text(encoding="utf-8"))
    known, chat = shapes["questions"], shapes["chat"]
    compare, rate = ([ask(d) for d in dimensions] for ask in (prompts.compare_question, prompts.rate_question))
    exact = all(question in known for question in (*compare, *rate))

    def tokens(questions: list[str], images: int) -> PromptTokens:
        lengths = (len(known.get(q) or pieces(q)) + chat["behind"] for q in questions)
        words = [known[q] for q in questions] if exact else [pieces(q) for q in questions]
        start = same_start([[*those, *([None] * chat["behind"])] for those in words])
        around = chat["head"] + chat["between"] * (images - 1) + chat["tail"] + start
        return PromptTokens(around, tuple(n - start for n in lengths), images, chat["head"])

    return ModelShapes(
        name=shapes["name"],
        source=shapes["source"],
        config=Qwen3VLConfig(**shapes["config"]),
        pixels=tuple(shapes["pixels"]),
        dimensions=dimensions,
        compare=tokens(compare, 2),
        rate=tokens(rate, 1),
        counted="its own vocabulary" if exact else "one token per word where a question is not a shipped one",
    )


def pieces(text: str) -> list[str]:
    """Words, digits and signs of a text, as Qwen's tokenizer cuts it first; rare words take more tokens than one.

    Examples
    --------
    >>> pieces("Rate this from 0 to 9.")
    ['Rate', ' this', ' from', ' ', '0', ' to', ' ', '9', '.']
    """
    return re.findall(r" ?[^\W\d_]+|\d| ?[^\w\s]+|\s|_", text)


def _of_folder(folder: Path, dimensions: tuple[str, ...], prompts: Prompts) -> ModelShapes:
    config = _config_of(folder)
    from transformers import AutoProcessor

    from ...model_card.shared_prefix import questionnaire

    try:
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        questionnaires = [
            questionnaire(processor, [ask(d) for d in dimensions], images)
            for ask, images in ((prompts.compare_question, 2), (prompts.rate_question, 1))
        ]
        size = processor.image_processor.size
        pixels = (int(size["shortest_edge"]), int(size["longest_edge"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"its processor cannot be used ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        raise InputFault(Fault(str(folder), "processor", what, _FIX)) from error
    compare, rate = (
        PromptTokens(len(q.head) + len(q.between) * (q.n_images - 1) + len(q.tail), lengths, q.n_images, len(q.head))
        for q in questionnaires
        for lengths in [tuple(map(len, q.questions))]
    )
    return ModelShapes(
        folder.name, str(folder), config, pixels, dimensions, compare, rate, "its own tokenizer and chat template"
    )


def _config_of(folder: Path) -> Qwen3VLConfig:
    path = folder / "config.json"
    if not path.is_file():
        raise InputFault(Fault(str(folder), "config.json", "the file is missing", _FIX))
    try:
        content = read_json(path)
    except ValueError as error:
        raise InputFault(Fault(str(path), "", f"not readable as JSON ({error})", _FIX)) from error
    kind = content.get("model_type") if isinstance(content, dict) else None
    if kind != "qwen3_vl":
        what = f"this is a {kind!r} model, whose FLOPs and memory are not counted: only Qwen3-VL's are"
        raise InputFault(Fault(str(path), "model_type", what, f"give a Qwen3-VL, or one of: {', '.join(BUNDLED)}"))
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # each field has a validator of its own
        what = f"the configuration does not fit ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        raise InputFault(Fault(str(path), "", what, _FIX)) from error
