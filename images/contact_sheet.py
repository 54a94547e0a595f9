"""Many pictures on one page, each with a caption."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..foundation.whole_files import written_file

_GAP = 10
_PAPER, _INK, _FAINT = (250, 249, 246), (30, 30, 30), (205, 202, 195)
# A scroll longer than this, drawn whole, would be a line; its middle is drawn instead, between torn edges.
_LONGEST = 5.0


def contact_sheet(
    images: Iterable[Image.Image],
    captions: Iterable[str],
    path: str | Path,
    *,
    title: str,
    columns: int = 10,
    thumb: int = 128,
) -> Path:
    """Draw pictures in rows, in the order given, each with a caption below, and write them as a PNG.

    Pictures keep their proportions. Of one that is longer than 5 to 1 the middle part is drawn, and a zigzag at both ends
    says so. Pictures are taken one at a time, so a generator may open them as they are needed.

    Parameters
    ----------
    images : iterable of PIL.Image.Image
        The pictures.
    captions : iterable of str
        One caption per picture; lines are separated by a newline, and cut where they are wider than the cell.
    path : str or Path
        The PNG to write.
    title : str
        Printed at the top.
    columns : int
        Pictures in a row.
    thumb : int
        Side of a picture's square cell, in pixels.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ValueError
        If there is no picture, or not one caption per picture.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sheet = contact_sheet([Image.new("RGB", (60, 90))] * 3, ["a", "b", "c"], Path(folder) / "s.png", title="Three")
    ...     sheet.name, sheet.read_bytes()[1:4]
    ('s.png', b'PNG')
    """
    small, large = ImageFont.load_default(max(10, thumb // 11)), ImageFont.load_default(max(14, thumb // 7))
    captions = list(captions)
    thumbs = [_thumbnail(image, thumb) for image in images]
    if not thumbs or len(thumbs) != len(captions):
        raise ValueError(
            f"a contact sheet needs one caption per picture, and at least one; not {len(captions)} captions for {len(thumbs)} pictures"
        )
    columns = min(columns, len(thumbs))
    lines = max(caption.count("\n") + 1 for caption in captions)
    line_height = sum(small.getmetrics()) + 1
    cell_height = thumb + 4 + lines * line_height
    head = sum(large.getmetrics()) + 2 * _GAP
    rows = -(-len(thumbs) // columns)
    width = max(_GAP + columns * (thumb + _GAP), int(large.getlength(title)) + 2 * _GAP)
    sheet = Image.new("RGB", (width, head + rows * (cell_height + _GAP)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _GAP), title, _INK, large)
    for place, (picture, caption) in enumerate(zip(thumbs, captions, strict=True)):
        row, column = divmod(place, columns)
        x, y = _GAP + column * (thumb + _GAP), head + row * (cell_height + _GAP)
        corner = (x + (thumb - picture.width) // 2, y + (thumb - picture.height) // 2)
        sheet.paste(picture, corner)
        draw.rectangle(
            (corner[0] - 1, corner[1] - 1, corner[0] + picture.width, corner[1] + picture.height), outline=_FAINT
        )
        for line, text in enumerate(caption.split("\n")):
            draw.text((x, y + thumb + 4 + line * line_height), _fit(text, small, thumb), _INK, small)
    return _write(sheet, Path(path))


def _thumbnail(image: Image.Image, side: int) -> Image.Image:
    image = image.convert("RGB")
    short, long = sorted(image.size)
    torn = long > _LONGEST * short
    if torn:
        keep = round(_LONGEST * short)
        start = (long - keep) // 2
        wide = image.width > image.height
        image = image.crop((start, 0, start + keep, short) if wide else (0, start, short, start + keep))
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if torn:
        _tear(small)
    return small


def _tear(image: Image.Image) -> None:
    """Give both ends of the longer side a zigzag edge."""
    wide = image.width > image.height
    length, across = (image.width, image.height) if wide else (image.height, image.width)
    tooth = max(3, across // 6)
    zigzag = [(0 if step % 2 else tooth, step * tooth) for step in range(across // tooth + 2)]
    for far in (False, True):
        edge = [(length - 1 - depth if far else depth, along) for depth, along in zigzag]
        outside = length if far else -1
        corners = [(outside, 0), *edge, (outside, edge[-1][1])]
        ImageDraw.Draw(image).polygon([(p if wide else q, q if wide else p) for p, q in corners], fill=_PAPER)


def _fit(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _write(sheet: Image.Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_file(path) as temporary:
        sheet.save(temporary, format="PNG")
    return path
