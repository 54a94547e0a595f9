"""What a simulated painter brings to each scroll, and the quality that a perfectly fair eye would see in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

TRAITS = ("composition", "brushwork", "ink_and_color", "artistic_conception", "finish")
SCROLL_FORMATS = ("hanging_scroll", "album_leaf", "handscroll")
FORMAT_SHARES = (0.4, 0.35, 0.25)
COMMON_SHARE = 0.25
TRUNCATION = 2.5
WEIGHT_OF_MEAN = 0.9
WEIGHT_OF_FINISH = 0.44


@dataclass(frozen=True)
class Latents:
    """Hidden causes of `n` paintings.

    Attributes
    ----------
    traits : ndarray, shape (n, 5)
        Standard-normal painter's traits, in the order of `TRAITS`, within +-2.5.
    quality : ndarray, shape (n, 5)
        Standard-normal latent quality: composition, brushwork, ink_and_color, artistic_conception, overall.
    toning : ndarray, shape (n,)
        Standard-normal age of the paper (higher is darker and warmer), independent of traits and quality.
    formats : ndarray of str, shape (n,)
        "hanging_scroll", "album_leaf" or "handscroll".
    """

    traits: np.ndarray
    quality: np.ndarray
    toning: np.ndarray
    formats: np.ndarray


def draw_latents(n: int, rng: np.random.Generator) -> Latents:
    """Draw the latents of `n` paintings.

    Parameters
    ----------
    n : int
        How many paintings; at least 1.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Latents
        Traits share a common factor of a quarter of their variance. Overall quality is
        ``0.9 * m + 0.44 * finish``, where ``m`` is the mean of the four seen traits; both ``m`` and the sum
        are standardised by their variance before truncation (which leaves 0.92 of the spread), so a scroll's quality does not depend on the others drawn.

    Raises
    ------
    ValueError
        If `n` is below 1.

    Examples
    --------
    >>> latents = draw_latents(50, np.random.default_rng(0))
    >>> latents.traits.shape, latents.quality.shape
    ((50, 5), (50, 5))
    >>> bool(abs(latents.traits).max() <= 2.5)
    True
    """
    if n < 1:
        raise ValueError(f"n is {n}; at least one painting is needed")
    traits = _correlated_traits(n, rng)
    toning = _truncated_normals((n, 1), rng.standard_normal)[:, 0]
    formats = rng.choice(np.array(SCROLL_FORMATS), size=n, p=FORMAT_SHARES)
    return Latents(traits, latent_quality(traits), toning, formats)


def latent_quality(traits: np.ndarray) -> np.ndarray:
    """Latent quality of the five dimensions, given painter's traits.

    Parameters
    ----------
    traits : ndarray, shape (n, 5)
        Traits in the order of `TRAITS`.

    Returns
    -------
    ndarray, shape (n, 5)
        The four seen traits as they are, then overall quality with unit population variance.

    Examples
    --------
    >>> latent_quality(np.zeros((1, 5))).tolist()
    [[0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    variance_of_mean = (1 + 3 * COMMON_SHARE) / 4
    covariance = COMMON_SHARE / np.sqrt(variance_of_mean)
    variance = WEIGHT_OF_MEAN**2 + WEIGHT_OF_FINISH**2 + 2 * WEIGHT_OF_MEAN * WEIGHT_OF_FINISH * covariance
    mean = traits[:, :4].mean(axis=1) / np.sqrt(variance_of_mean)
    overall = (WEIGHT_OF_MEAN * mean + WEIGHT_OF_FINISH * traits[:, 4]) / np.sqrt(variance)
    return np.column_stack([traits[:, :4], overall])


def _correlated_traits(n: int, rng: np.random.Generator) -> np.ndarray:
    def draw(shape: tuple[int, int]) -> np.ndarray:
        common = rng.standard_normal((shape[0], 1))
        return np.sqrt(COMMON_SHARE) * common + np.sqrt(1 - COMMON_SHARE) * rng.standard_normal(shape)

    return _truncated_normals((n, len(TRAITS)), draw)


def _truncated_normals(shape: tuple[int, int], draw: Callable[[tuple[int, int]], np.ndarray]) -> np.ndarray:
    values = draw(shape)
    # Whole rows are drawn again, so that truncation leaves the correlation of the row's traits alone.
    while (outside := np.abs(values).max(axis=1) > TRUNCATION).any():
        values[outside] = draw((int(outside.sum()), shape[1]))
    return values
