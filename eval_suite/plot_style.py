"""What all plots of this room and those above share: colours, the mark of a simulation, a file that is written whole, a figure that is closed."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib import font_manager

from ..foundation.whole_files import written_file

# Fonts with Chinese letters, as Linux, Windows and macOS have them: names of dimensions and categories may be in any script.
_CHINESE_FONTS = (
    *(
        "Noto Sans CJK SC",
        "Noto Sans SC",
        "Source Han Sans SC",
        "WenQuanYi Micro Hei",
        "WenQuanYi Zen Hei",
        "Noto Sans CJK JP",
    ),
    *(
        "Microsoft YaHei",
        "SimHei",
        "PingFang SC",
        "Heiti SC",
        "Hiragino Sans GB",
        "Arial Unicode MS",
        "Droid Sans Fallback",
    ),
)
_NO_GLYPH = re.compile(r"Glyph (\d+) .*missing from")
NOTHING = "nothing to draw"
DOTS_AN_INCH = 130
BEFORE, AFTER, NEUTRAL = "#b5523b", "#2f6f73", "#6b6558"


@contextmanager
def drawn(path: Path, *shape: int, nothing: str = NOTHING, **options) -> Iterator[tuple]:
    """A figure to draw on, saved as a PNG when the block ends without an error, and closed in any case.

    A run that has nothing for a plot still gets its report: there is always one panel, and a panel without a finite value says so.

    Parameters
    ----------
    path : Path
        Written completely or not at all, a PNG whatever its suffix.
    *shape : int
        Rows and columns of panels; at least one of each is made.
    nothing : str
        Stands in a panel without data.
    **options
        Of ``matplotlib.pyplot.subplots``.

    Yields
    ------
    figure, axes
        As ``matplotlib.pyplot.subplots`` gives them. The figure's title is also written into the file's data, so that a
        picture that is passed on alone still says what it is. Letters that no font of this machine has are logged once.
    """
    with _fonts_for_any_script(path):
        figure, axes = plt.subplots(*(max(count, 1) for count in shape), **options)
        try:
            yield figure, axes
            for axis in figure.axes:
                if not np.isfinite(axis.dataLim.get_points()).all():
                    _say(axis, nothing)
            figure.tight_layout()
            # The layout has done its work: with its engine, or without a box, all would be drawn twice.
            figure.set_layout_engine(None)
            figure.set_dpi(DOTS_AN_INCH)
            box = figure.get_tightbbox().padded(plt.rcParams["savefig.pad_inches"])
            data = {"Software": None, "Title": figure.get_suptitle()}
            with written_file(path) as temporary:
                figure.savefig(temporary, format="png", dpi=DOTS_AN_INCH, bbox_inches=box, metadata=data)
        finally:
            plt.close(figure)


@contextmanager
def _fonts_for_any_script(path: Path) -> Iterator[None]:
    """Fall back on a Chinese font where there is one; where there is none, one line instead of a warning for each letter."""
    installed = set(font_manager.get_font_names())
    families = [*plt.rcParams["font.family"], *(name for name in _CHINESE_FONTS if name in installed)]
    with plt.rc_context({"font.family": families}), warnings.catch_warnings(record=True, action="always") as told:
        yield
    letters = ""
    for warning in told:
        if missing := _NO_GLYPH.match(str(warning.message)):
            letters += chr(int(missing[1]))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if letters:
        shown = "".join(dict.fromkeys(letters))
        logging.getLogger(__name__).warning("%s: no font on this machine has %s: drawn as boxes", path.name, shown)


def _say(axis, text: str) -> None:
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", fontsize=9, color=NEUTRAL, wrap=True)


def marked(text: str, simulated: bool) -> str:
    """A title, with "(simulated)" where what the plot shows is."""
    return f"{text} (simulated)" if simulated else text
