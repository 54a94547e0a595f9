"""A 64-bit perceptual hash: near-equal pictures have near-equal hashes."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.fft import dctn

_SIDE = 32
# The 64 lowest spatial frequencies after the constant, which says nothing but how light the picture is.
_LOWEST = sorted(((u, v) for u in range(12) for v in range(12)), key=lambda uv: (sum(uv), uv))[1:65]
_ROWS, _COLUMNS = (np.array(axis) for axis in zip(*_LOWEST, strict=True))


def perceptual_hash(image: Image.Image) -> int:
    """Hash a picture by its coarse structure (a DCT hash).

    The picture is made grey, scaled to 32 x 32 and transformed by a cosine transform; each of the 64 lowest frequencies
    after the constant gives one bit, whether it lies above their median. It is unmoved by scale, file format and mild
    changes of tone.

    Parameters
    ----------
    image : PIL.Image.Image
        The picture; any size, RGB or grey.

    Returns
    -------
    int
        64 bits.

    References
    ----------
    C. Zauner, *Implementation and Benchmarking of Perceptual Image Hash Functions*, 2010 (pHash's DCT hash).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> picture = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((200, 300), Image.BICUBIC)
    >>> hash_distance(perceptual_hash(picture), perceptual_hash(picture.resize((100, 150)))) <= 4
    True
    """
    grey = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    low = dctn(np.asarray(grey, dtype=np.float64), norm="ortho")[_ROWS, _COLUMNS]
    bits = low > np.median(low)
    return int("".join("1" if bit else "0" for bit in bits), 2)


def hash_distance(a: int, b: int) -> int:
    """Count the bits in which two hashes differ.

    Parameters
    ----------
    a, b : int
        Hashes of :func:`perceptual_hash`.

    Returns
    -------
    int
        0 (the same) to 64; unrelated pictures are near 32.

    Examples
    --------
    >>> hash_distance(0b1011, 0b1001)
    1
    """
    return (a ^ b).bit_count()
