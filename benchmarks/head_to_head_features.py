"""Vision features that TRL's path reads from memory: it starts from pixels in every pass, though the tower is frozen."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor
from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures


class KnownFeatures:
    """A vision tower's ``forward`` that runs the tower once per image.

    Parameters
    ----------
    tower : Module
        Frozen; its ``forward`` is replaced.

    Attributes
    ----------
    looked : int
        Images that the tower itself has seen.
    """

    def __init__(self, tower) -> None:
        self.run, self.known, self.looked = tower.forward, {}, 0
        tower.forward = self

    def of_another(self, tower) -> None:
        """Let another tower of the same weights (the reference policy's) read here too."""
        tower.forward = self

    @torch.no_grad()
    def __call__(self, hidden_states: Tensor, grid_thw: Tensor, **given) -> BaseModelOutputWithDeepstackFeatures:
        """As the tower's, for the patches of several images one after the other."""
        found = []
        for patches, grid in zip(hidden_states.split(grid_thw.prod(-1).tolist()), grid_thw, strict=True):
            key = hashlib.sha256(patches.contiguous().numpy()).digest(), tuple(grid.tolist())
            if key not in self.known:
                out = self.run(patches, grid_thw=grid[None], return_dict=True)
                self.known[key] = (out.pooler_output, *out.deepstack_features)
                self.looked += 1
            found.append(self.known[key])
        tokens, *deepstack = (torch.cat(parts) for parts in zip(*found, strict=True))
        return BaseModelOutputWithDeepstackFeatures(pooler_output=tokens, deepstack_features=deepstack)
