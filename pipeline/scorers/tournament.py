"""A vision-language model's own comparisons, rated as `ppaint pseudo-label` does: the expensive upper road."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...foundation.faults import Fault, InputFault
from ...foundation.progress_type import Progress, counted
from ...images.opening import OpenedImage
from ...model_card.features import VisionFeatures
from ...model_card.judge import Judge
from ...trainer.judgments.judging import Judging
from ...trainer.judgments.judging_cost import JudgingCost
from ...trainer.judgments.judgment_store import JudgmentStore
from ...trainer.pseudo_scores.schedule import Schedule, follow_schedule
from ...trainer.pseudo_scores.schedule_sizes import MIN_RELIABILITY, SMALLEST_SET
from ..predicted_paintings import ClosedImages
from .options import Options
from .pointwise import JudgeScorer
from .protocol import Scored, Scorer, Surroundings


class TournamentScorer(JudgeScorer):
    """Elo points of a category's images, from pairs that are asked in both orders.

    Judgments lie in a folder of their own beside the answers, one per category, since a pair belongs to no one image.

    Parameters
    ----------
    options : Options
        ``model``, ``revision``, ``compiled``, ``dimensions``, ``pool_size`` and ``opponents``.
    """

    whole_category = True
    depends_on_others = True

    def __init__(self, options: Options) -> None:
        super().__init__(options, batch_size=32)
        self._schedule = Schedule(options.pool_size, options.opponents)
        self._around: Surroundings | None = None
        self._costs: list[JudgingCost] = []
        self._notes: list[str] = []

    def get_ready(self, surroundings: Surroundings) -> None:
        """Refuse a category that is too small, before anything is asked."""
        self._around = surroundings
        paintings = surroundings.paintings
        faults = []
        for category in paintings.category_names:
            count = len(paintings.different(category))
            if count < SMALLEST_SET:
                of = f" of {category}" if category else ""
                what = f"{count} different images{of} are too few for a pool and others to rate against it"
                faults.append(Fault("--scorer tournament", "", what, f"give at least {SMALLEST_SET} images a category"))
        if faults:
            raise InputFault(faults)

    def for_category(self, category: str) -> Scorer:
        """A tournament of its own for each category: panels judged one category only, so nothing is ranked across."""
        return _CategoryTournament(self, category)

    def identity(self) -> dict[str, Any]:
        """The model's, and the schedule."""
        schedule = {"pool": self._schedule.pool_size, "opponents": self._schedule.opponents}
        return super().identity() | {"schedule": schedule}

    def about(self) -> dict[str, Any]:
        """As for a rating, but for what it costs, over all runs: ordered pairs and ratings are rows of a pass."""
        known, images = super().about(), sum(cost.images for cost in self._costs)
        if not images:
            return known
        rows = sum(cost.ordered_pairs + cost.ratings for cost in self._costs) / images
        seconds = sum(cost.seconds + cost.encoding_seconds for cost in self._costs) / images
        return known | {"cost": known["cost"] | {"passes_per_image": round(rows, 2), "seconds_per_image": seconds}}

    def notes(self) -> tuple[str, ...]:
        """Dimensions without a usable signal, and what the pool's self-check says."""
        return tuple(self._notes)

    def play(self, category: str, images: ClosedImages) -> Scored:
        """Ask what is to be asked about a category, and rate its images."""
        around, folder = self._around, self.judgments_folder(category)
        name = f" {category}" if category else ""

        def note(encoded: int, seconds: float) -> None:
            judging.costs.add("vision", encoded=encoded, encoding_seconds=round(seconds, 6))

        features = StreamedFeatures(self.judge, images, around.report, f"vision features{name}", note)
        with JudgmentStore(
            folder, self.judge.fingerprint, self.dimensions, parts=self.judge.parts, images=images.hashes
        ) as store:
            judging = Judging(
                store, self.judge, features, on_batch=lambda *now: around.report(f"judging{name} (ordered pairs)", *now)
            )
            found = follow_schedule(judging, images.hashes, self._schedule)
            store.export()
            self._costs.append(judging.cost)
        where = f"{category}, " if category else ""
        for dimension, reliability in zip(self.dimensions, found.scores.reliability, strict=True):
            if not reliability >= MIN_RELIABILITY:
                self._notes.append(
                    f"{where}{dimension}: reliability {reliability:.2f}, no usable signal; predicted all the same"
                )
        self._notes += [f"{where}{sentence}" for sentence in found.check.warnings()]
        place = {image: row for row, image in enumerate(found.scores.images)}
        rows = [place[image] for image in images.hashes]
        return Scored.of(found.scores.elo[rows], found.scores.tau[rows])

    def judgments_folder(self, category: str) -> Path:
        """Where a category's judgments lie; by its number, since a name need not be one that a folder can have."""
        return self._around.folder / str(self._around.paintings.category_names.index(category) + 1)


class _CategoryTournament(Scorer):
    """The tournament of one category."""

    whole_category = True
    depends_on_others = True

    def __init__(self, tournament: TournamentScorer, category: str) -> None:
        self._tournament, self._category = tournament, category
        self.dimensions, self.simulated = tournament.dimensions, tournament.simulated

    def score(self, images: Sequence[OpenedImage]) -> Scored:
        return self._tournament.play(self._category, images)

    def identity(self) -> dict[str, Any]:
        return self._tournament.identity()

    def about(self) -> dict[str, Any]:
        return self._tournament.about()


class StreamedFeatures(Mapping[str, VisionFeatures]):
    """Vision features by image hash, computed together when one is first asked for; the images are opened a few at a time.

    Parameters
    ----------
    judge : Judge
    images : ClosedImages
        Of different pictures.
    report : callable
    what : str
        Names them on the progress bar.
    on_encoded : callable
        Called once, as ``on_encoded(images, seconds)``, when they were computed.
    """

    def __init__(
        self,
        judge: Judge,
        images: ClosedImages,
        report: Progress,
        what: str,
        on_encoded: Callable[[int, float], None],
    ) -> None:
        self._judge, self._images, self._report, self._what = judge, images, report, what
        self._on_encoded = on_encoded
        self._hashes = dict.fromkeys(images.hashes)
        self._found: dict[str, VisionFeatures] = {}

    def __getitem__(self, image: str) -> VisionFeatures:
        if image not in self._hashes:
            raise KeyError(image)
        if not self._found:
            begun = time.perf_counter()
            finished = counted(self._report, self._what, len(self._images))
            for few in self._images.few_at_a_time():
                self._found |= {one.sha256: one for one in self._judge.features(few, on_batch=finished)}
            self._on_encoded(len(self._images), time.perf_counter() - begun)
        return self._found[image]

    def __contains__(self, image: object) -> bool:
        return image in self._hashes

    def __iter__(self) -> Iterator[str]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)
