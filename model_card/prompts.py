"""The questions that a vision-language model is asked, and the answers that are read from its next-token logits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from ..foundation.faults import Fault, InputFault

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Prompts:
    """The two questions, with ``{dimension}`` where the name of the dimension goes.

    The images come before the question, so that the questions of all dimensions about one image, or about one ordered
    pair, share one prefix. The wording is ours; the paper's prompts were not available.

    Parameters
    ----------
    compare : str
        Question about two images; the answer is ``first`` or ``second``.
    rate : str
        Question about one image; the answer is one digit.
    first, second : str
        The answers that name the first and the second image, each a single token of the model's vocabulary.
    phrases : mapping of str to str
        How a dimension is worded in a question; by default its name with spaces for underscores.

    Examples
    --------
    >>> Prompts().compare_question("ink_and_color")
    'Which painting is better in ink and color? Answer A or B.'
    >>> Prompts(phrases={"overall": "overall quality"}).rate_question("overall")
    'Rate this painting from 0 to 9 in overall quality.'
    """

    compare: str = "Which painting is better in {dimension}? Answer A or B."
    rate: str = "Rate this painting from 0 to 9 in {dimension}."
    first: str = "A"
    second: str = "B"
    phrases: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("compare", "rate"):
            if "{dimension}" not in getattr(self, name):
                raise ValueError(f"the prompt {name!r} has no {{dimension}} in it")

    def phrase(self, dimension: str) -> str:
        """How a dimension is worded."""
        return self.phrases.get(dimension, dimension.replace("_", " "))

    def compare_question(self, dimension: str) -> str:
        """The question about two images in one dimension."""
        return self.compare.format(dimension=self.phrase(dimension))

    def rate_question(self, dimension: str) -> str:
        """The question about one image in one dimension."""
        return self.rate.format(dimension=self.phrase(dimension))

    def to_dict(self) -> dict:
        """Plain types, for ``scorer_config.json``."""
        return asdict(self) | {"phrases": dict(self.phrases)}

    def sha256(self) -> str:
        """Hash of the wording, in hexadecimal."""
        return sha256_of(self.to_dict())


def sha256_of(prompts: object) -> str:
    """Hash of a wording in plain types, as `Prompts.sha256` has it."""
    return hashlib.sha256(json.dumps(prompts, sort_keys=True).encode()).hexdigest()


def messages(question: str, n_images: int) -> list[dict]:
    """A chat of one turn: the images, then the question.

    Examples
    --------
    >>> [part["type"] for part in messages("Which?", 2)[0]["content"]]
    ['image', 'image', 'text']
    """
    content = [{"type": "image"} for _ in range(n_images)]
    return [{"role": "user", "content": [*content, {"type": "text", "text": question}]}]


def same_start(questions: Sequence[Sequence[int]]) -> int:
    """How many ids all questions begin with, short of the answer position of each.

    Examples
    --------
    >>> same_start([(1, 2, 3, 9), (1, 2, 4, 5, 9)]), same_start([(1, 9)])
    (2, 1)
    """
    shortest = min(map(len, questions))
    return next((k for k in range(shortest - 1) if len({ids[k] for ids in questions}) > 1), shortest - 1)


def single_token(tokenizer, text: str) -> int:
    """The id of an answer that must be one token.

    Raises
    ------
    InputFault
        If the tokenizer splits the answer, or does not know it.
    """
    return answer_tokens(tokenizer, [text])[0]


def answer_tokens(tokenizer, answers: Sequence[str]) -> list[int]:
    """The ids of answers that must each be one token, and each another one.

    Raises
    ------
    InputFault
        With a fault for every answer that the tokenizer splits or does not know, or that it cannot tell from another.
    """
    where = str(getattr(tokenizer, "name_or_path", "") or "tokenizer")
    fix = "ask for answers that are single tokens of this model (by default A, B and the digits), or take another model"
    found: dict[int, str] = {}
    tokens, faults = [], []
    for text in answers:
        ids = tokenizer.encode(text, add_special_tokens=False)
        if len(ids) != 1:
            what = f"the answer {text!r} is {len(ids)} tokens in this model's vocabulary; it must be one"
        elif ids[0] == tokenizer.unk_token_id:
            what = f"the answer {text!r} is not in this model's vocabulary"
        elif ids[0] in found:
            what = f"the answers {found[ids[0]]!r} and {text!r} are the same token in this model's vocabulary"
        else:
            found[ids[0]] = text
            tokens.append(ids[0])
            continue
        faults.append(Fault(where, "tokenizer.json", what, fix))
    if faults:
        raise InputFault(faults)
    return tokens
