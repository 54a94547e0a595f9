"""What all plots of this room share: colours, the mark of a simulation, a file that is written whole, a figure that is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from ..foundation.whole_files import written_file

BEFORE, AFTER, NEUTRAL = "#b5523b", "#2f6f73", "#6b6558"


@contextmanager
def drawn(path: Path, *shape: int, **options) -> Iterator[tuple]:
    """A figure to draw on, saved as a PNG when the block ends without an error, and closed in any case.

    Parameters
    ----------
    path : Path
        Written completely or not at all, a PNG whatever its suffix.
    *shape : int
        Rows and columns of panels.
    **options
        Of ``matplotlib.pyplot.subplots``.

    Yields
    ------
    figure, axes
        As ``matplotlib.pyplot.subplots`` gives them. The figure's title is also written into the file's data, so that a
        picture that is passed on alone still says what it is.
    """
    figure, axes = plt.subplots(*shape, **options)
    try:
        yield figure, axes
        figure.tight_layout()
        data = {"Software": None, "Title": figure.get_suptitle()}
        with written_file(path) as temporary:
            figure.savefig(temporary, format="png", dpi=130, bbox_inches="tight", metadata=data)
    finally:
        plt.close(figure)


def marked(text: str, simulated: bool) -> str:
    """A title, with "(simulated)" where what the plot shows is."""
    return f"{text} (simulated)" if simulated else text
