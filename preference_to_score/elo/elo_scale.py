"""The Elo scale, usual since Elo (1978): 400 points are a factor of ten in odds."""

from __future__ import annotations

import numpy as np

ELO_PER_LOGIT = 400 / np.log(10)  # a natural-log worth theta is theta * ELO_PER_LOGIT points
