"""Vision features of images, computed when one is first asked for, and never where everything is stored already."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from ...foundation.progress_type import Progress, counted
from ...images.image_folder import by_hash
from ...images.opening import OpenedImage
from ...model_card.features import VisionFeatures
from ...model_card.judge import Judge


class FeaturesWhenAsked(Mapping[str, VisionFeatures]):
    """Features by image hash: which images there are is known at once, the features of all are computed together.

    Parameters
    ----------
    judge : Judge
    images : sequence of OpenedImage
        The same picture counts once.
    report : callable
        ``report(what, done, total)``.
    what : str
        Names the images on the progress bar.
    on_encoded : callable, optional
        Called once, as ``on_encoded(images, seconds)``, when they were computed.
    """

    def __init__(
        self,
        judge: Judge,
        images: Sequence[OpenedImage],
        report: Progress,
        what: str,
        on_encoded: Callable[[int, float], None] | None = None,
    ) -> None:
        self._judge, self._report, self._what, self._on_encoded = judge, report, what, on_encoded
        self._images = by_hash(images)
        self._found: dict[str, VisionFeatures] | None = None

    def __getitem__(self, image: str) -> VisionFeatures:
        if image not in self._images:
            raise KeyError(image)
        if self._found is None:
            self._found = self._encode()
        return self._found[image]

    def __contains__(self, image: object) -> bool:
        return image in self._images

    def __iter__(self) -> Iterator[str]:
        return iter(self._images)

    def __len__(self) -> int:
        return len(self._images)

    def _encode(self) -> dict[str, VisionFeatures]:
        begun = time.perf_counter()
        unique = list(self._images.values())
        found = self._judge.features(unique, on_batch=counted(self._report, self._what, len(unique)))
        if self._on_encoded is not None:
            self._on_encoded(len(unique), time.perf_counter() - begun)
        return {feature.sha256: feature for feature in found}
