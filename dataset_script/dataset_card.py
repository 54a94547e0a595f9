"""The dataset card: how to load the dataset, how every column came about, what is simulated, agreement, limits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import yaml

from ..foundation.card_parts import card_part, card_parts, with_part
from ..preference_to_score.fusion.fusion_report import FusionReport
from .agreement_report import AgreementReport, agreement_table
from .column_stories import SCORE_STORIES, STORIES
from .export_summary import conversions
from .fused_facets import Facet
from .hub_licences import HUB_LICENCES
from .parquet_tables import features
from .raw_export import RawExport
from .schema import FUSED_SUFFIXES, PART_SUFFIX, AnnotationsConfig
from .score_tables import score_columns

_TEMPLATE = Path(__file__).with_name("template") / "dataset_card.md"
_PROTOCOL = {"pairs": "pairwise preferences", "ratings": "absolute ratings", None: ""}
_IN_A_FOLDER = (
    '`"ppaint"` is the local folder `./ppaint`, as `ppaint build` writes it. On the Hub the same dataset is `ORG/ppaint`, with '
    "the\norganisation's name before it; a bare `ppaint` never means the Hub. (Offline and without the folder, `datasets` may "
    "serve\nan older cached copy without saying so.)"
)
_ON_THE_HUB = (
    "`{0}` is its repo on the Hub. What stands there may change; `revision=` with a tag or a commit keeps to one version of it. "
    "A local\nfolder `./{0}` would be loaded in its place."
)
_BANNER = (
    "> # SIMULATED\n>\n"
    "> **No person painted or judged anything in this dataset.** The paintings are drawn by a program, and the\n"
    "> experts are random draws from a program whose noise was set so that Kendall's W comes near two reported\n"
    "> figures. It has PPaint's shape and none of its data. It serves to test methods against a truth that is known;\n"
    "> it says nothing about painting, taste or experts, and must not be published or cited as PPaint.\n"
)
_WITHOUT_SCORES = "Paintings judged by panels of experts. There are no scores here, see *Worth knowing*."
_DIGITS = (4, 4, 3, 4, 3)  # of SRCC, PLCC, RMSE, halves, slope
_HALVES = 3
_ORDER = ("fused", "scores", "ratings", "pairs", "paintings")
MEASURED = ("counts", "agreement", "convergence")
_LOADING = "loading"
_LOCAL = "ppaint"  # the folder that `ppaint build` is told to write in all examples


@dataclass(frozen=True, eq=False)
class CardFacts:
    """What the card is made of.

    Parameters
    ----------
    export : RawExport
        The checked export.
    release : dict
        The content of ``ppaint_release.json``.
    facets : tuple of Facet
        What came of every facet.
    notes : tuple of str
        What is worth knowing.
    """

    export: RawExport
    release: dict[str, Any]
    facets: tuple[Facet, ...]
    notes: tuple[str, ...]


def card_text(facts: CardFacts) -> str:
    """``README.md``, whose YAML lets ``load_dataset`` find the configs.

    Parameters
    ----------
    facts : CardFacts
        What to tell.

    Returns
    -------
    str
    """
    header = yaml.safe_dump(card_metadata(facts), sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{header}---\n\n{_body(facts)}"


def measured_parts(card: str) -> dict[str, str]:
    """The hashes of those parts of a card that hold measured figures.

    A build keeps them in ``ppaint_release.json``: figures of another release, or changed by hand, have others.

    Parameters
    ----------
    card : str
        The Markdown.

    Returns
    -------
    dict of str to str
        Name of the part, SHA-256 of its text; a part that is not there is left out.
    """
    found = card_parts(card)
    return {name: hashlib.sha256(found[name].encode()).hexdigest() for name in MEASURED if name in found}


def card_at(card: str, release: Mapping[str, Any], location: str, beside: Sequence[str] = ()) -> str:
    """The card of a dataset that lies elsewhere: its code loads it from there, and all else stays as it is.

    Parameters
    ----------
    card : str
        The Markdown.
    release : mapping
        The content of ``ppaint_release.json``.
    location : str
        ``ORG/NAME`` of its repo on the Hub.
    beside : sequence of str
        What else to name, each a line of Markdown.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If the card has no such part.
    """
    return with_part(card, _LOADING, _loading(release, location, beside))


def card_metadata(facts: CardFacts) -> dict[str, Any]:
    """The YAML at the head of the card.

    Parameters
    ----------
    facts : CardFacts
        What to tell.

    Returns
    -------
    dict
    """
    release, config = facts.release, facts.export.config
    return {
        "pretty_name": config.name,
        **measured_fields(config, release),
        "language": list(config.language),
        # The Hub has no task of its own for scores of images; its libraries treat them under this one.
        "task_categories": ["image-classification" if _has_images(facts.export) else "other"],
        "tags": list(dict.fromkeys([*_tags(facts.export), *config.tags, "ppaint"])),
        "configs": card_configs(release),
    }


def measured_fields(config: AnnotationsConfig, release: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the YAML that are not for an author to choose: they follow from what was built.

    Parameters
    ----------
    config : AnnotationsConfig
        The content of ``annotations.yaml``.
    release : mapping
        The content of ``ppaint_release.json``.

    Returns
    -------
    dict
    """
    licence = config.licence.lower()
    known = licence in HUB_LICENCES
    rows = sum(split["rows"] for split in release["configs"][release["default_config"]].values())
    sizes = (
        (1_000, "n<1K"),
        (10_000, "1K<n<10K"),
        (100_000, "10K<n<100K"),
        (1_000_000, "100K<n<1M"),
        (10_000_000, "1M<n<10M"),
    )
    return {
        "license": licence if known else "other",
        **({} if known else {"license_name": _line(config.licence)}),
        "annotations_creators": ["machine-generated" if config.simulated else "expert-generated"],
        "size_categories": [next((name for limit, name in sizes if rows < limit), "10M<n<100M")],
    }


def is_marked_simulated(card: str) -> bool:
    """Whether a card has the banner of a simulated dataset, as a build writes it.

    Parameters
    ----------
    card : str
        The Markdown.
    """
    return _BANNER.strip() in card


def card_configs(release: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the YAML says of the configs: the files of each, and a version that changes with them.

    Parameters
    ----------
    release : mapping
        The content of ``ppaint_release.json``.

    Returns
    -------
    list of dict
    """
    return [
        {
            "config_name": name,
            **({"default": True} if name == release["default_config"] else {}),
            "version": content_version(release["configs"][name]),
            "data_files": [
                {"split": split, "path": entry["file"]} for split, entry in release["configs"][name].items()
            ],
        }
        for name in _ORDER
        if name in release["configs"]
    ]


def _tags(export: RawExport) -> Iterator[str]:
    if export.config.simulated:
        yield "simulated"
    if _has_images(export):
        yield "image-aesthetics"
    if len(export.pairs):
        yield "pairwise-comparison"
    if len(export.ratings):
        yield "ratings"


def _has_images(export: RawExport) -> bool:
    return bool((export.paintings["file"] != "").any())


def content_version(splits: Mapping[str, Mapping[str, Any]]) -> str:
    """A version number that is another whenever the content is.

    ``load_dataset`` keeps a local folder's data in its cache under the folder's name and this number, and does not look
    whether the files have changed (datasets 5.2): without it, a release that was built again would be served as it was.

    Parameters
    ----------
    splits : mapping of split name to mapping
        With the ``sha256`` of each split's file.

    Returns
    -------
    str

    Examples
    --------
    >>> content_version({"a": {"sha256": "00"}}) == content_version({"a": {"sha256": "01"}})
    False
    """
    digest = hashlib.sha256("\n".join(f"{name} {entry['sha256']}" for name, entry in splits.items()).encode())
    return f"1.0.{int(digest.hexdigest()[:12], 16)}"


def _body(facts: CardFacts) -> str:
    config = facts.export.config
    low, high = config.scale
    repeats = {"forbid": "forbidden, and there are none", "keep": "kept as they are"}[config.repeats]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=config.name,
        banner=_banner(facts),
        opening=_opening(facts),
        counts=card_part("counts", _counts(facts)),
        dimensions=", ".join(f"`{dimension}`" for dimension in config.dimensions),
        headline=config.headline,
        scale=f" Ratings are whole numbers from {low} to {high}." if len(facts.export.ratings) else "",
        repeats=repeats,
        loading=card_part(_LOADING, _loading(facts.release)),
        columns="\n\n".join(_columns(facts)),
        images=_images(facts),
        agreement=card_part("agreement", _agreement(facts)),
        convergence=card_part("convergence", _convergence(facts)),
        notes="\n".join(f"- {_line(note)}" for note in facts.notes) or "Nothing beyond what stands above.",
        limits=_limits(facts),
        licence=_line(config.licence),
        painting_licences=_painting_licences(facts),
        citation=config.citation.strip().replace("```", "'''"),
    )


def _banner(facts: CardFacts) -> str:
    return _BANNER if facts.export.config.simulated else ""


def _opening(facts: CardFacts) -> str:
    what = {
        "fused": "Paintings judged by panels of experts under two protocols, absolute ratings and pairwise preferences, and "
        "scores fused from both.",
        "scores": f"Paintings judged by panels of experts under one protocol, {_PROTOCOL[facts.release['scores_from']]}, and "
        "scores made of it.",
    }.get(facts.release["default_config"], _WITHOUT_SCORES)
    if not facts.export.config.simulated:  # another's data: what PPaint is says nothing of them
        return (
            f"{what} It has the counts below; the names of its categories and dimensions, and its scale, come from its own "
            "`annotations.yaml`."
        )
    return (
        f"{what}\n\n[paper] PPaint is 150 Chinese paintings of 3 categories, judged by 15 experts (5 per category) in 5 "
        "dimensions under both\nprotocols, with 45,900 pairwise judgments of a locally dense design. [ours] This dataset has "
        "the counts below; the names of\nits categories and dimensions, and its scale, come from its own `annotations.yaml`."
    )


def _counts(facts: CardFacts) -> str:
    header = ["category", "paintings", "without image", "experts", "ratings", "pair judgments", "ties"]
    rows = [header, ["---"] * len(header), *(list(row.values()) for row in facts.release["counts"])]
    return "\n".join("| " + " | ".join(str(value) for value in row) + " |" for row in rows)


def _loading(release: Mapping[str, Any], location: str = "", beside: Sequence[str] = ()) -> str:
    """Code that loads the dataset, and where that finds it; without a location in the folder ``./ppaint``."""
    default, configs, path = release["default_config"], release["configs"], location or _LOCAL
    split = next(iter(configs[default]))
    lines = [f'{default} = load_dataset("{path}")  # the default config: {default}']
    lines += [f'{name} = load_dataset("{path}", "{name}")' for name in _ORDER if name in configs and name != default]
    lines.append(f'stream = load_dataset("{path}", split="{split}", streaming=True)')
    code = "\n".join(["```python", "from datasets import load_dataset", "", *lines, "```"])
    if not location:
        return f"{code}\n\n{_IN_A_FOLDER}"
    parts = [code, _ON_THE_HUB.format(location)]
    if beside:
        parts += ["Beside it on the Hub:", "\n".join(f"- {line}" for line in beside)]
    return "\n\n".join(parts)


def _columns(facts: CardFacts) -> Iterator[str]:
    for name in _ORDER:
        if name not in facts.release["configs"]:
            continue
        rows = sum(entry["rows"] for entry in facts.release["configs"][name].values())
        lines = [f"### `{name}` ({rows:,} rows)", "", "| column | how it came about |", "|---|---|"]
        # the columns beside the dimensions' own, which are told for all dimensions at once
        lines += [f"| `{column}` | {STORIES[column]} |" for column in features(name, ())]
        lines += [
            f"| `<dimension>{suffix}` | {story} |" for suffix, story in _stories_of_dimensions(name, facts).items()
        ]
        yield "\n".join(lines)


def _stories_of_dimensions(config: str, facts: CardFacts) -> dict[str, str]:
    """Suffix of a dimension's column, and how it came about."""
    if config == "fused":
        return {suffix: STORIES[f"<dimension>{suffix}"] for suffix in FUSED_SUFFIXES}
    if config != "scores":
        return {}
    stories = dict(SCORE_STORIES[facts.release["scores_from"]])
    if "int32" not in score_columns(facts.export, facts.facets).values():
        stories.pop(PART_SUFFIX, None)
    return stories


def _images(facts: CardFacts) -> str:
    paintings = facts.export.paintings.drop_duplicates("painting_id")
    without = int((paintings["file"] == "").sum())
    parts = [
        f"{len(paintings) - without} of {len(paintings)} paintings have an image; {without} have none (their `image` is null).",
        "JPEG and PNG files that every reader decodes to the same RGB pixels are kept byte for byte; all others were "
        "converted to upright 8-bit RGB and written as PNG.",
    ]
    done = conversions(facts.export)
    listed = "; ".join(f"{_line(note)} ({count})" for note, count in done.items())
    parts.append(f"On opening: {listed}." if done else "None had to be converted.")
    return "\n".join(parts)


def _agreement(facts: CardFacts) -> str:
    config, agreements = facts.export.config, tuple(facet.agreement for facet in facts.facets)
    report = AgreementReport(config.name, config.simulated, agreements, with_truth=False)
    lines = [
        "Kendall's W over the experts' own orders, corrected for ties: of each expert's ratings (over the paintings that "
        "every expert rated),\nand of each expert's own Bradley-Terry worths (Gaussian prior on the log-worths, precision "
        "0.1) [ours]. [reported] The figures of the\npaper's own data are 0.697 for ratings and 0.795 for preferences; they "
        "were not measured here.",
        "",
        "| category | dimension | W, ratings | W, preferences |",
        "|---|---|---|---|",
    ]
    figures = ("w_ratings", "w_preferences")
    lines += [
        f"| {one.category} | {one.dimension} | " + " | ".join(_figure(one.figures[name]) for name in figures) + " |"
        for one in agreements
    ]
    means = [_counted_mean([one.figures[name] for one in agreements]) for name in figures]
    lines.append(f"| **mean** | | {means[0]} | {means[1]} |")
    if config.simulated:
        lines += ["", "The simulated experts' noise was chosen to bring these two means near the reported figures."]
    lines += [
        "",
        "All figures of agreement and reliability [ours], each a mean over the dimensions (an interval is the mean of the "
        "facets' 95 % intervals);\n`ppaint agreement` prints them with every expert's profile and with reliability against "
        "cost, and its page says what each one means:",
        "",
        agreement_table(report),
    ]
    absent = {"ratings": "no ratings", "pairs": "no comparisons"}
    undefined = [
        f"figures of {kind}: there are {why}" for kind, why in absent.items() if getattr(facts.export, kind).empty
    ]
    if undefined := [*undefined, *report.notes()]:
        lines += ["", "Not defined here, and why:", "", *(f"- {_line(note)}" for note in undefined)]
    if any(facet.flagged() for facet in facts.facets):
        lines += ["", "Experts whose answers stand out are named under *Worth knowing*."]
    return "\n".join(lines)


def _convergence(facts: CardFacts) -> str:
    fused = [facet for facet in facts.facets if facet.fused is not None]
    if not fused:
        return "No facet was fused, see *Worth knowing*."
    lines = [
        "[paper] The two methods converge to nearly identical scores. [ours] Measured on this dataset, over the paintings of "
        "a facet (RMSE in rating units;\n*slope* is that of A's map from log-worths to ratings). A and B read the same "
        "tables, so part of SRCC, PLCC and RMSE is shared input. *Halves* is no such artefact:\nwith the experts in two "
        "halves 1 and 2 that share nobody, sqrt(r(A1, B2) r(A2, B1)) / sqrt(r(A1, A2) r(B1, B2)), averaged over the n "
        "splits;\n1 means that A and B differ no more than panels do.",
        "",
        "| category | dimension | SRCC | PLCC | RMSE | halves | slope |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [_convergence_row(facet.fused.report) for facet in fused]
    for facet, row in zip(fused, rows, strict=True):
        cells = list(map(_convergence_figure, row, _DIGITS))
        halves = facet.fused.report.convergence
        cells[_HALVES] += f" (n = {halves.splits}" + (
            f" of {halves.splits + halves.left_out})" if halves.left_out else ")"
        )
        lines.append(f"| {facet.category} | {facet.dimension} | " + " | ".join(cells) + " |")
    means = [_mean(list(column)) for column in zip(*rows, strict=True)]
    parts = [f"**{_convergence_figure(mean, digits)}**" for mean, digits in zip(means, _DIGITS, strict=True)]
    lines.append("| **mean** | | " + " | ".join(parts) + " |")
    return "\n".join(lines)


def _convergence_row(report: FusionReport) -> tuple[float, ...]:
    return report.srcc, report.plcc, report.rmse, report.convergence.value, report.slope


def _convergence_figure(value: float, digits: int) -> str:
    return "not defined" if np.isnan(value) else f"{value:.{digits}f}"


def _limits(facts: CardFacts) -> str:
    low, high = facts.export.config.scale
    parts = []
    if facts.export.config.simulated:
        parts.append("It is simulated: no result on it carries over to paintings or people.")
    if "fused" in facts.release["configs"]:
        parts += [
            "Scores are the view of one small panel per category; `_se` is the error with respect to the population of "
            "experts from which the panel was drawn, and with few experts it is wide.",
            "Constructions A and B read the same tables. That they agree says that the result does not hang on the "
            "method, not that it is right.",
            f"Fused scores are on the rating scale but not bounded by it: a value below {low} or above {high} is kept as "
            "it is.",
        ]
    if "scores" in facts.release["configs"]:
        parts += [
            "Scores are the view of one small panel per category, under one protocol alone; `_se` is the error with respect to "
            "the population of experts from which the panel was drawn, and with few experts it is wide.",
        ]
        if facts.release["scores_from"] == "pairs":
            parts.append(
                "Log-worths have no level of their own: 0 is the mean of the paintings that were compared with one another, "
                "so that scores of different categories or parts cannot be compared."
            )
    parts.append(
        "Nothing was dropped, clipped or filled in: where a facet or a painting has no score, it is null and named above."
    )
    return "\n".join(f"- {line}" for line in parts)


def _painting_licences(facts: CardFacts) -> str:
    paintings = facts.export.paintings.drop_duplicates("painting_id")
    counted = paintings.loc[paintings["licence"] != "", "licence"].value_counts()
    parts = [f"`{_line(licence)}` ({count})" for licence, count in sorted(counted.items())]
    unknown = int((paintings["licence"] == "").sum())
    if unknown:
        parts.append(f"not stated ({unknown})")
    return f"Licences of the paintings' images, by painting: {', '.join(parts)}."


def _line(text: str) -> str:
    """Text from outside as one line of Markdown that opens no tag, table cell or code."""
    return " ".join(text.split()).replace("|", "/").replace("`", "'").replace("<", "&lt;")


def _figure(value: float) -> str:
    return "not defined" if np.isnan(value) else f"{value:.3f}"


def _counted_mean(values: list[float]) -> str:
    """In bold, and of how many it is the mean where not of all."""
    known = sum(not np.isnan(value) for value in values)
    return f"**{_figure(_mean(values))}**" + (f" ({known} of {len(values)})" if 0 < known < len(values) else "")


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
