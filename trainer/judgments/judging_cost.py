"""What judging cost: forward passes, tokens, answers and time, kept beside the judgments so that resumed runs add up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ...foundation.journal import append_lines, foreign, read_lines

FILE = "cost.jsonl"
FIX = "remove this file: no answer is lost with it, only the count of what they cost"


@dataclass(frozen=True)
class JudgingCost:
    """The cost of a judge's answers. Counts are exact; times are of the machine, and stand in no hash.

    Parameters
    ----------
    images : int
        Images that stood in a pair or were rated.
    passes : int
        Forward passes of the language model: one a batch, and two where pairs of a batch share the image shown first.
    ordered_pairs, ratings : int
        Rows of those passes: ordered pairs, and images rated by themselves. Each row asks about every dimension.
    answers, abstentions : int
        Answers to questions, one per row and dimension, and questions that the judge gave no finite answer to.
    text_tokens, visual_tokens : int
        Prompt tokens that the language model read, padding not counted: all questions of a row behind one prefix.
    text_tokens_apart, visual_tokens_apart : int
        Prompt tokens that one prompt per question would have had.
    seconds : float
        In those passes.
    encoded : int
        Images that went through the vision tower; of those whose features lie in a folder, none does so twice.
    encoding_seconds : float
        In the vision tower, the reading of pixels included.
    prompts_apart, prefixes_read_once : int
        Of a model that is asked by its own processor: prompts with one question each, where no tokens are shared between
        questions and what was read is what one prompt per question takes; and rows whose prefix was read once into the model's
        cache, with all questions behind it. Both are 0 where all questions of a row stand in one pass.
    requests, served_tokens : int
        Requests to a server, where one judged, those that failed included; and tokens by its own count.

    Examples
    --------
    >>> cost = JudgingCost(images=20, passes=10, ordered_pairs=300, answers=1500, visual_tokens=9_000,
    ...                    text_tokens=21_000, visual_tokens_apart=45_000, text_tokens_apart=30_000, seconds=4.0)
    >>> cost.passes_an_image, cost.rows_an_image, cost.answers_a_second, cost.share_of_tokens
    (0.5, 15.0, 375.0, 0.4)
    >>> for sentence in cost.sentences():
    ...     print(sentence)
    1,500 answers about 300 ordered pairs and 0 single images: 10 forward passes, 0.5 per image (15.0 pairs or ratings per image)
    30,000 prompt tokens read (21,000 of text, 9,000 of images); one prompt per question would have been 75,000
    4.0 s of judging (375 answers a second), 0.0 s of encoding 0 images
    >>> JudgingCost(answers=6, visual_tokens=90, text_tokens=60, prompts_apart=6).sentences()[1]
    '150 prompt tokens read (60 of text, 90 of images); one prompt per question, 6 of them: no prefix is shared with this model'
    """

    images: int = 0
    passes: int = 0
    ordered_pairs: int = 0
    ratings: int = 0
    answers: int = 0
    abstentions: int = 0
    text_tokens: int = 0
    visual_tokens: int = 0
    text_tokens_apart: int = 0
    visual_tokens_apart: int = 0
    seconds: float = 0.0
    encoded: int = 0
    encoding_seconds: float = 0.0
    prompts_apart: int = 0
    prefixes_read_once: int = 0
    requests: int = 0
    served_tokens: int = 0

    @property
    def passes_an_image(self) -> float:
        """Forward passes of the language model an image."""
        return self.passes / self.images if self.images else 0.0

    @property
    def rows_an_image(self) -> float:
        """Ordered pairs and ratings per image: what ``passes_an_image`` would be in batches of one."""
        return (self.ordered_pairs + self.ratings) / self.images if self.images else 0.0

    @property
    def answers_a_second(self) -> float:
        """Answers a second of the language model's time."""
        return self.answers / self.seconds if self.seconds else 0.0

    @property
    def share_of_tokens(self) -> float:
        """Tokens read, as a share of what one prompt per question would have read."""
        apart = self.text_tokens_apart + self.visual_tokens_apart
        return (self.text_tokens + self.visual_tokens) / apart if apart else 1.0

    def to_dict(self) -> dict:
        """Plain types, the derived figures among them."""
        derived = ("passes_an_image", "rows_an_image", "answers_a_second", "share_of_tokens")
        return asdict(self) | {name: round(getattr(self, name), 6) for name in derived}

    def sentences(self) -> list[str]:
        """The cost in words, one line each."""
        if self.requests:
            return [*self._served(), *self._silence()]
        read, apart = self.text_tokens + self.visual_tokens, self.text_tokens_apart + self.visual_tokens_apart
        shared = f"one prompt per question would have been {apart:,}"
        encoding = f"{self.encoding_seconds:.1f} s of encoding {self.encoded:,} images"
        if self.prefixes_read_once:
            shared += f"; the prefix of {self.prefixes_read_once:,} rows was read once, their questions behind it"
        if self.prompts_apart:
            shared = f"one prompt per question, {self.prompts_apart:,} of them: no prefix is shared with this model"
        if self.prompts_apart or self.prefixes_read_once:
            encoding = "the vision tower's in it"
        lines = [
            f"{self.answers:,} answers about {self.ordered_pairs:,} ordered pairs and {self.ratings:,} single images: "
            f"{self.passes:,} forward passes, {self.passes_an_image:.1f} per image "
            f"({self.rows_an_image:.1f} pairs or ratings per image)",
            f"{read:,} prompt tokens read ({self.text_tokens:,} of text, {self.visual_tokens:,} of images); " + shared,
            f"{self.seconds:.1f} s of judging ({self.answers_a_second:,.0f} answers a second), " + encoding,
        ]
        return [*lines, *self._silence()]

    def _served(self) -> list[str]:
        """Of answers that came from a server."""
        return [
            f"{self.answers:,} answers about {self.ordered_pairs:,} ordered pairs and {self.ratings:,} single images: "
            f"{self.requests:,} requests to the server, {self.served_tokens:,} tokens by its count",
            f"{self.seconds:.1f} s of judging ({self.answers_a_second:,.1f} answers a second)",
        ]

    def _silence(self) -> list[str]:
        if not self.abstentions:
            return []
        share = self.abstentions / (self.answers + self.abstentions)
        return [f"{self.abstentions:,} questions ({share:.1%}) without an answer: the judge abstained"]


COUNTED = tuple(field.name for field in fields(JudgingCost) if field.name != "images")


class CostLog:
    """Running totals of a store, one line per batch in ``cost.jsonl``.

    A line is written before the answers of its batch, and counts once they are stored: a run killed between the two
    leaves a line that does not count, and the batch asked again writes another in its place.

    Parameters
    ----------
    folder : Path
        The store's.

    Examples
    --------
    >>> import tempfile
    >>> log = CostLog(tempfile.mkdtemp())
    >>> log.note("batch 0", passes=1, answers=10)
    >>> log.note("batch 1", passes=1, answers=10)
    >>> log.note("batch 1", passes=1, answers=8)
    >>> log.total(images=4, counts=lambda key: True).answers, log.total(images=4, counts=lambda key: "0" in key).answers
    (18, 10)
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / FILE
        self._lines: dict[str, dict] = {}
        for number, (row, _) in enumerate(read_lines(self.path, FIX), start=1):
            key = row.pop("of", None)
            good = isinstance(key, str) and all(k in COUNTED and isinstance(v, int | float) for k, v in row.items())
            if not good:
                raise foreign(self.path, number, FIX)
            self._lines[key] = row

    def note(self, key: str, **counts: float) -> None:
        """Write what one batch cost; a later note under the same key takes its place."""
        self._lines[key] = counts
        append_lines(self.path, [{"of": key, **counts}], sync=False)  # a lost line loses a count, never an answer

    def add(self, what: str, **counts: float) -> None:
        """Write a cost that belongs to no batch; every one counts."""
        self.note(f"{what} {len(self._lines)}", **counts)

    def total(self, *, images: int, counts: Callable[[str], bool]) -> JudgingCost:
        """The sum of the lines whose key counts."""
        lines = [line for key, line in self._lines.items() if counts(key)]
        sums = {name: sum(line.get(name, 0) for line in lines) for name in COUNTED}
        return JudgingCost(images=images, **sums)
