"""The fields that a card's front matter may have, and their values; the Hub tells of a wrong one only after the upload.

From the Hub's documentation: datasetcard.md and modelcard.md of huggingface/hub-docs, docs/hub/model-cards.md, datasets-gated.md,
spaces-config-reference.md, and the tasks of huggingface.js.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ..dataset_script.hub_licences import HUB_LICENCES
from ..foundation.faults import Fault
from .content import What

# The same as in huggingface_hub, which says that it is the Hub's.
_FRONT = re.compile(r"^(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(\r\n|\n|$))")
_TASKS = frozenset(
    (
        "text-classification token-classification table-question-answering question-answering zero-shot-classification translation "
        "summarization feature-extraction text-generation text2text-generation fill-mask sentence-similarity text-to-speech text-to-audio "
        "automatic-speech-recognition audio-to-audio audio-classification audio-text-to-text voice-activity-detection depth-estimation "
        "image-classification object-detection image-segmentation text-to-image image-to-text image-to-image image-to-video "
        "unconditional-image-generation video-classification reinforcement-learning robotics tabular-classification tabular-regression "
        "tabular-to-text table-to-text multiple-choice text-ranking text-retrieval time-series-forecasting text-to-video "
        "image-text-to-text image-text-to-image image-text-to-video visual-question-answering document-question-answering "
        "zero-shot-image-classification graph-ml mask-generation zero-shot-object-detection text-to-3d image-to-3d "
        "image-feature-extraction video-text-to-text video-to-video keypoint-detection visual-document-retrieval any-to-any other"
    ).split()
)
_REPO = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$"


def _listed(known: Iterable[str], called: str) -> AfterValidator:
    names = frozenset(known)

    def check(value: str) -> str:
        if value not in names:
            raise ValueError(f"{value!r} is no {called} of the Hub")
        return value

    return AfterValidator(check)


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) or value is None else [value]


def _as_files(value: Any) -> Any:
    """The ways to write ``data_files`` as one: a list of splits with their paths."""
    if isinstance(value, dict):
        return [{"split": split, "path": path} for split, path in value.items()]
    return [{"split": "train", "path": one} if isinstance(one, str) else one for one in _as_list(value)]


T = TypeVar("T")
Several = Annotated[list[T], BeforeValidator(_as_list)]  # the Hub takes one without a list as well
Licence = Annotated[str, _listed(HUB_LICENCES | {"other"}, "licence")]
Task = Annotated[str, _listed(_TASKS, "task")]
Language = Annotated[str, Field(pattern=r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*|code|multilingual)$")]
Repo = Annotated[str, Field(pattern=_REPO)]
Tag = Annotated[str, Field(min_length=1, max_length=100)]
Colour = Literal["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]
Size = Literal[
    *("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B", "10B<n<100B"),
    *("100B<n<1T", "n>1T", "other"),
]
Creator = Literal["found", "crowdsourced", "expert-generated", "machine-generated", "no-annotation", "other"]
Text = Annotated[str, Field(min_length=1)]


class _Fields(BaseModel):
    """What every card may have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    license: Several[Licence] | None = None
    license_name: Text | None = None
    license_link: Text | None = None
    license_details: Text | None = None
    tags: list[Tag] | None = None
    thumbnail: Text | None = None
    extra_gated_fields: dict[str, Any] | list[Any] | None = None
    extra_gated_prompt: Text | None = None
    extra_gated_heading: Text | None = None
    extra_gated_description: Text | None = None
    extra_gated_button_content: Text | None = None
    extra_gated_eu_disallowed: bool | None = None

    @model_validator(mode="after")
    def _other_has_a_name(self) -> _Fields:
        if self.license is not None and "other" in self.license and not self.license_name:
            raise ValueError("license: 'other' needs its name in license_name")
        return self


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    split: Annotated[str, Field(pattern=r"^\w+(\.\w+)*$")]
    path: Several[Text]


class _Config(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)  # a reader of `datasets` takes settings of its own here

    config_name: Annotated[str, Field(pattern=r"^[^<>:/\\|?*]+$")]
    default: bool = False
    data_files: Annotated[list[_File], BeforeValidator(_as_files)] | None = None
    data_dir: Text | None = None


class DatasetFields(_Fields):
    """Front matter of a dataset's card."""

    pretty_name: Text
    language: Several[Language]
    license: Several[Licence]
    tags: list[Tag]
    configs: list[_Config]
    task_categories: list[Task]
    size_categories: Several[Size]
    language_creators: Several[Creator] | None = None
    language_details: Several[str] | None = None
    language_bcp47: list[str] | None = None
    annotations_creators: Several[Creator] | None = None
    multilinguality: Several[str] | None = None
    source_datasets: list[Text] | None = None
    task_ids: Several[str] | None = None
    paperswithcode_id: str | None = None
    config_names: list[str] | None = None
    dataset_info: dict[str, Any] | list[dict[str, Any]] | None = None
    train_eval_index: Annotated[list[Any] | None, Field(alias="train-eval-index")] = None
    viewer: bool | None = None
    arxiv: Several[str] | None = None
    doi: str | None = None


class BoardFields(DatasetFields):
    """Front matter of a leaderboard's card: a dataset repo whose rows are systems, with no task of its own."""

    task_categories: list[Task] | None = None  # type: ignore[assignment]
    size_categories: Several[Size] | None = None  # type: ignore[assignment]


class _Result(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    class _Task(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        type: Task
        name: Text | None = None

    class _Dataset(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        type: Text
        name: Text
        config: Text | None = None
        split: Text | None = None
        revision: Text | None = None
        args: Any = None

    class _Metric(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        type: Text
        value: Any
        name: Text | None = None
        config: Text | None = None
        args: Any = None
        verified: bool | None = None
        verifyToken: str | None = None

    class _Source(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        name: Text | None = None
        url: Text | None = None

    task: _Task
    dataset: _Dataset
    metrics: Annotated[list[_Metric], Field(min_length=1)]
    source: _Source | None = None


class _Index(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Text
    results: Annotated[list[_Result], Field(min_length=1)]


class ModelFields(_Fields):
    """Front matter of a model's card."""

    license: Several[Licence]
    library_name: Text
    pipeline_tag: Task
    tags: list[Tag]
    language: Several[Language] | None = None
    base_model: Several[Repo] | None = None
    base_model_relation: Literal["finetune", "adapter", "quantized", "merge"] | None = None
    datasets: Several[Repo] | None = None
    metrics: Several[Text] | None = None
    model_index: Annotated[list[_Index] | None, Field(alias="model-index")] = None
    model_name: Text | None = None
    new_version: Repo | None = None
    inference: Any = None
    widget: Any = None
    co2_eq_emissions: Any = None
    instance_prompt: str | None = None
    arxiv: Several[str] | None = None
    doi: str | None = None


class SpaceFields(_Fields):
    """Front matter of a Space, the metric among them."""

    title: Annotated[str, Field(min_length=1, max_length=100)]
    sdk: Literal["gradio", "docker", "static"]
    sdk_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] | None = None
    app_file: Text | None = None
    emoji: Annotated[str, Field(min_length=1, max_length=8, pattern=r"^[^\x00-\x7f]+$")] | None = None
    colorFrom: Colour | None = None
    colorTo: Colour | None = None
    python_version: Annotated[str, Field(pattern=r"^3\.\d+(\.\d+)?$")] | None = None
    app_port: int | None = None
    base_path: Annotated[str, Field(pattern="^/")] | None = None
    app_build_command: str | None = None
    short_description: Annotated[str, Field(max_length=60)] | None = None
    description: Text | None = None  # of a metric, on the Hub's page of metrics
    suggested_hardware: Text | None = None
    suggested_storage: Literal["small", "medium", "large"] | None = None
    startup_duration_timeout: str | None = None
    fullWidth: bool | None = None
    header: Literal["mini", "default"] | None = None
    pinned: bool | None = None
    disable_embedding: bool | None = None
    models: list[Repo] | None = None
    datasets: list[Repo] | None = None
    duplicated_from: Repo | None = None
    custom_headers: dict[str, str] | None = None
    preload_from_hub: list[Text] | None = None
    hf_oauth: bool | None = None
    hf_oauth_scopes: list[str] | None = None
    hf_oauth_expiration_minutes: int | None = None
    hf_oauth_authorized_org: Several[str] | None = None

    @model_validator(mode="after")
    def _gradio_has_a_version(self) -> SpaceFields:
        missing = [name for name in ("sdk_version", "app_file") if getattr(self, name) is None]
        if self.sdk == "gradio" and missing:
            raise ValueError(f"{missing[0]}: is missing; without it the Hub takes a Gradio or a file of its own choice")
        return self


_KINDS: dict[What, type[_Fields]] = {
    "dataset": DatasetFields,
    "board": BoardFields,
    "model": ModelFields,
    "judge": ModelFields,
    "metric": SpaceFields,
    "space": SpaceFields,
}


class _NoTwice(yaml.SafeLoader):
    """A field stands once: of two, YAML's readers take the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice!r} is listed twice", node.start_mark)
        return super().construct_mapping(node, deep)


def front_matter(card: str) -> dict[str, Any]:
    """The YAML at the head of a card.

    Parameters
    ----------
    card : str
        The Markdown.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there is none, or it cannot be read.

    Examples
    --------
    >>> front_matter("---\\nlicense: mit\\n---\\n# A model")
    {'license': 'mit'}
    """
    match = _FRONT.search(card)
    if match is None:
        raise ValueError("has no front matter (YAML between two lines of ---)")
    try:
        found = yaml.load(match.group(2), Loader=_NoTwice)
    except (
        yaml.YAMLError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
        TypeError,
        RecursionError,
    ) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f", line {line + 2}"
        raise ValueError(f"its front matter is no YAML ({getattr(error, 'problem', None) or error}{where})") from error
    if not isinstance(found, dict):
        raise ValueError("its front matter holds no fields")
    return found


def card_body(card: str) -> str:
    """A card's Markdown with blank lines in place of its front matter, so that every line keeps its number.

    Examples
    --------
    >>> card_body("---\\nlicense: mit\\n---\\n# A model")
    '\\n\\n\\n# A model'
    """
    match = _FRONT.search(card)
    return card if match is None else "\n" * match.group().count("\n") + card[match.end() :]


def front_matter_faults(what: What, front: dict[str, Any], file: str) -> Iterator[Fault]:
    """Fields and values that the Hub does not know, or that this kind of card must have.

    Parameters
    ----------
    what : str
        The kind of thing.
    front : dict
        The card's front matter.
    file : str
        To name in a fault.

    Yields
    ------
    Fault
    """
    kind = _KINDS[what]
    try:
        kind.model_validate(front)
    except ValidationError as error:
        seen = set()
        for one in error.errors():
            where = _place(front, one["loc"])
            said = one["msg"].removeprefix("Value error, ")
            if one["type"] == "extra_forbidden":
                fault = Fault(
                    file, where, "is no field of the Hub for this kind of card", "correct its name, or take it out"
                )
            elif one["type"] == "missing":
                fault = Fault(file, where, "is missing", "add it")
            elif one["loc"] == ():  # a rule on several fields begins with the one that it is about
                field, _, said = said.partition(": ")
                fault = Fault(file, field, said, "correct it")
            else:
                given = "" if one["type"] == "value_error" else f"{repr(one['input'])[:60]} is not allowed: "
                fault = Fault(file, where, given + said[:1].lower() + said[1:], "give one that the Hub knows")
            if (fault.row, fault.what) not in seen:
                seen.add((fault.row, fault.what))
                yield fault


def _place(front: Any, loc: tuple[int | str, ...]) -> str:
    """Where it is in the card as it is written: what a single value was made a list for is no place of its own."""
    parts = []
    for part in loc:
        there = isinstance(front, list) if isinstance(part, int) else isinstance(front, dict)
        if there:
            parts.append(str(part))
            known = range(len(front)) if isinstance(front, list) else front
            front = front[part] if part in known else None
    return ".".join(parts)
