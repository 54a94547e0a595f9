"""A vision-language model's own comparisons, rated as `ppaint pseudo-label` does: the expensive upper road."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...foundation.faults import Fault, InputFault
from ...foundation.held_values import HeldValues
from ...foundation.progress_type import Progress, counted
from ...foundation.scratch_folder import scratch_folder
from ...images.opening import OpenedImage
from ...model_card.encoded_images import HELD_IMAGES
from ...model_card.feature_cache import FeatureCache
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

        with (
            scratch_folder(around.folder, "features") as scratch,
            JudgmentStore(
                folder, self.judge.fingerprint, self.dimensions, parts=self.judge.parts, images=images.hashes
            ) as store,
        ):
            features = StreamedFeatures(self.judge, images, scratch, around.report, f"vision features{name}", note)
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
    """Vision features by image hash, made together when one is first asked for; neither they nor the images are held in memory.

    Parameters
    ----------
    judge : Judge
    images : ClosedImages
        Of different pictures.
    folder : Path
        For the features. Where a model's own processor makes of an image what depends on the prompt, there are none: the images
        are opened again when they are asked for.
    report : callable
    what : str
        Names them on the progress bar.
    on_encoded : callable
        Called once, as ``on_encoded(images, seconds)``, when features were made.
    """

    def __init__(
        self,
        judge: Judge,
        images: ClosedImages,
        folder: Path,
        report: Progress,
        what: str,
        on_encoded: Callable[[int, float], None],
    ) -> None:
        self._judge, self._images, self._folder = judge, images, folder
        self._report, self._what, self._on_encoded = report, what, on_encoded
        self._places = {image: place for place, image in enumerate(images.hashes)}
        self._cache: FeatureCache | None = None
        self._opened = HeldValues(self._open, lambda made: 3 * made.image.width * made.image.height, HELD_IMAGES)

    def n_tokens(self, image: str) -> int:
        """Visual tokens of an image, of features without reading them."""
        return self._encoded().n_tokens(image) if self._judge.asking.packed else self[image].n_tokens

    def __getitem__(self, image: str) -> VisionFeatures:
        if image not in self._places:
            raise KeyError(image)
        return self._encoded()[image] if self._judge.asking.packed else self._opened[image]

    def __contains__(self, image: object) -> bool:
        return image in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _open(self, image: str) -> VisionFeatures:
        return self._judge.encode([self._images[self._places[image]]])[0]

    def _encoded(self) -> FeatureCache:
        if self._cache is None:
            begun, cache = time.perf_counter(), FeatureCache.of(self._folder, self._judge)
            finished = counted(self._report, self._what, len(self._images))
            for few in self._images.few_at_a_time():
                cache.add(self._judge.encode(few, on_batch=finished))
            self._judge.size_batches(cache[max(cache, key=cache.n_tokens)])
            self._on_encoded(len(self._images), time.perf_counter() - begun)
            self._cache = cache
        return self._cache
