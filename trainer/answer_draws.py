"""The uniform numbers that answers are drawn with: by image, dimension and step, however a step is laid out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

STREAM = 71  # tells these draws from others with the same seed


def uniform_draws(seed: int, step: int, places: Tensor, position: Tensor, dimensions: int, answers: int) -> Tensor:
    """Uniform numbers for the answers about some images of an optimiser step.

    They depend on the seed, the step, the image and the dimension alone, not on which process or pass asks about the image, nor
    on what was drawn before: a resumed run draws what it would have drawn, and so does one whose passes became smaller.

    Parameters
    ----------
    seed, step : int
        Of the run; optimiser steps done.
    places : Tensor of int, shape (N,)
        Places in the training table of all images of the step. One that stands there twice has two sets of draws.
    position : Tensor of int, shape (n,)
        Which of them are asked about.
    dimensions, answers : int
        D and G.

    Returns
    -------
    Tensor of float64, shape (D, n, G)
        On [0, 1), on the device of ``places``.

    Examples
    --------
    >>> step_of_three = torch.tensor([8, 5, 8])
    >>> whole = uniform_draws(0, 4, step_of_three, torch.tensor([0, 1, 2]), dimensions=2, answers=3)
    >>> torch.equal(whole[:, 1:2], uniform_draws(0, 4, step_of_three, torch.tensor([1]), dimensions=2, answers=3))
    True
    >>> bool((whole[:, 0] == whole[:, 2]).any())
    False
    """
    everybody = places.tolist()
    drawn = []
    for k in position.tolist():
        before = everybody[:k].count(everybody[k])
        drawn.append(np.random.default_rng([seed, STREAM, step, everybody[k], before]).random((dimensions, answers)))
    return torch.tensor(np.stack(drawn, axis=1), device=places.device)
