"""Keys and values that a pass of the language model is given, in the form in which transformers takes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch
from transformers import DynamicCache


def cache_argument(forward: Callable) -> str:
    """What a forward pass calls the key-value cache that it is given; transformers 5.24 renamed it.

    Examples
    --------
    >>> cache_argument(lambda input_ids, cache=None: None), cache_argument(lambda past_key_values=None: None)
    ('cache', 'past_key_values')
    """
    return "cache" if "cache" in inspect.signature(forward).parameters else "past_key_values"


class Behind(DynamicCache):
    """Rows that go on behind others, several behind the same; what is read now is kept for no later pass.

    Parameters
    ----------
    read : DynamicCache
        Keys and values of the rows that were read.
    which : Tensor of int, shape (n,)
        The row that each of the new ones goes on behind.
    length : int
        Tokens of a row that was read.
    """

    def __init__(self, read: DynamicCache, which: torch.Tensor, length: int) -> None:
        super().__init__()
        self._read, self._which, self._length = read, which, length

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_args, **_kwargs):
        """Keys and values of one layer, those that were read in front."""
        layer = self._read.layers[layer_idx]
        return tuple(
            torch.cat([before[self._which], now], dim=-2)
            for before, now in ((layer.keys, key_states), (layer.values, value_states))
        )

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Tokens of a row that was read."""
        return self._length


class Given(DynamicCache):
    """All keys and values of one layer, which are known before it is called.

    Parameters
    ----------
    keys, values : Tensor, shape (n, heads, T, head_dim)
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        super().__init__()
        self._given = keys, values

    def update(self, *_args, **_kwargs) -> tuple[torch.Tensor, torch.Tensor]:
        """Those that were given, whatever the layer has made itself."""
        return self._given
