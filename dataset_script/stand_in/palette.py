"""Ink and colour: the range of tones that the ink has, and the pigments on the painter's dish."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

MINERAL = {
    "ochre": (222, 180, 128),
    "indigo": (128, 156, 184),
    "malachite": (140, 186, 156),
    "cinnabar": (206, 84, 62),
    "rouge": (232, 150, 150),
    "gamboge": (236, 208, 128),
}
MUD = (186, 178, 162)
GARISH = ((236, 40, 168), (120, 226, 30), (20, 150, 240), (255, 128, 0), (150, 40, 230), (0, 214, 170), (250, 230, 0))


class Palette:
    """Ink and pigments of a painter whose sense of ink and colour is `sense`.

    Parameters
    ----------
    sense : float
        0 (muddy, flat and garish) to 1 (full range of ink, restrained mineral colour).
    rng : numpy.random.Generator
        Source of randomness.

    Examples
    --------
    >>> Palette(1.0, np.random.default_rng(0)).colour("ochre")
    (222, 180, 128)
    >>> dark, _, _ = Palette(0.0, np.random.default_rng(0)).ink_tables()
    >>> dark[0] > Palette(1.0, np.random.default_rng(0)).ink_tables()[0][0]
    True
    """

    def __init__(self, sense: float, rng: np.random.Generator) -> None:
        self.sense = sense
        self.rng = rng

    def colour(self, name: str, strength: float = 1.0) -> tuple[int, int, int]:
        """Return pigment `name` diluted to `strength`; a poor sense of colour muddies it."""
        pigment = np.array(MINERAL[name], dtype=float)
        mixed = self.sense * pigment + (1 - self.sense) * (0.25 * pigment + 0.75 * np.array(MUD))
        red, green, blue = (int(value) for value in 255 - strength * (255 - mixed))
        return red, green, blue

    def ink_tables(self) -> list[list[int]]:
        """Return lookup tables (red, green, blue) from painted tone to seen tone."""
        darkness = 1.0 - np.arange(256) / 255.0
        rich = 0.97 * darkness**1.12
        muddy = 0.50 * np.minimum(darkness * 3.2, 1.0) ** 0.8 + 0.04 * darkness
        seen = self.sense * rich + (1 - self.sense) * muddy
        warmth = (1.0, 1.0 + 0.02 * self.sense, 1.0 + 0.06 * self.sense - 0.03)
        return [np.clip(255 * (1 - seen * factor), 0, 255).astype(int).tolist() for factor in warmth]

    def clash(self, picture: Image.Image, spots: np.ndarray) -> Image.Image:
        """Return `picture` with clashing patches over it, as many and as strong as the sense of colour is poor.

        Parameters
        ----------
        picture : PIL.Image.Image
            RGB picture on white.
        spots : ndarray, shape (k, 2)
            Where patches may lie, in pixels.
        """
        fault = 1 - self.sense
        unit = float(np.sqrt(picture.width * picture.height))
        # The patches run anyway, so they are painted at half the size.
        layer = Image.new("RGB", (picture.width // 2, picture.height // 2), (255, 255, 255))
        pen = ImageDraw.Draw(layer)
        colours = self.rng.permutation(len(GARISH))
        angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        for i, (x, y) in enumerate(spots):
            wobble = 1 + 0.22 * self.rng.standard_normal(12)
            stretch = self.rng.uniform(0.7, 1.5)
            radius = unit * self.rng.uniform(0.042, 0.062) * np.sqrt(np.clip(len(spots) * fault * 1.15 - i, 0, 1))
            colour = np.array(GARISH[colours[i % len(GARISH)]])
            strength = 0.18 + 0.5 * fault
            outline = np.column_stack(
                [x + radius * stretch * wobble * np.cos(angles), y + radius / stretch * wobble * np.sin(angles)]
            )
            if radius > 0.5:
                pen.polygon(
                    (0.5 * outline).ravel().tolist(), fill=tuple((255 - strength * (255 - colour)).astype(int).tolist())
                )
        patches = layer.filter(ImageFilter.BoxBlur(0.004 * unit)).resize(picture.size, Image.Resampling.BILINEAR)
        return ImageChops.multiply(picture, patches)
