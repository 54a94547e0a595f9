"""Bytes that a training step keeps for its backward pass, counted on shapes alone.

Autograd reports what it saves (``saved_tensors_hooks``) on the meta device, where tensors have no content. Attention is
handed to the fused kernel that runs on real tensors: it keeps queries, keys, values, output and mask, and not the matrix of
its weights. One layer and two layers are counted; a deeper model keeps the same for each further layer. The last one is computed
at the answers alone (``model_card/last_layer.py``), unless activations are recomputed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch.overrides import TorchFunctionMode
from transformers import Qwen3VLConfig

from ...model_card.last_layer import answers_alone
from .flop_count import shapes_only, with_layers
from .task_cost import with_gradients


@dataclass(frozen=True)
class Activations:
    """Bytes kept between the forward and the backward pass.

    Parameters
    ----------
    layer : int
        For each layer of the language model but the last.
    last : int
        For the last layer.
    boundary : int
        A layer's input alone: what is kept of it under gradient checkpointing.
    rest : int
        For everything around the layers: embeddings, mask, logits.
    layers : int
        Layers of the language model.
    """

    layer: int
    last: int
    boundary: int
    rest: int
    layers: int

    def kept(self, *, checkpointing: bool = False) -> int:
        """All of it; under gradient checkpointing the inputs of all layers, and one layer that is being recomputed.

        Examples
        --------
        >>> one = Activations(layer=100, last=20, boundary=10, rest=5, layers=4)
        >>> one.kept(), one.kept(checkpointing=True)
        (325, 145)
        """
        layers = (self.layers - 1) * self.layer + self.last
        inside = self.layer + self.layers * self.boundary if checkpointing else layers
        return inside + self.rest


@dataclass
class SavedBytes:
    """What ``saved_bytes`` has seen so far."""

    total: int = 0
    _storages: list = field(default_factory=list)  # held, so that no address is used twice
    _seen: set = field(default_factory=set)

    def add(self, tensor: torch.Tensor) -> None:
        """Count a tensor's storage, once."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._seen:
            self._seen.add(storage._cdata)
            self._storages.append(storage)
            self.total += storage.nbytes()


@contextlib.contextmanager
def saved_bytes(model: torch.nn.Module) -> Iterator[SavedBytes]:
    """Count what autograd saves for the backward pass, weights left out; works on real tensors and on the meta device.

    Parameters
    ----------
    model : torch.nn.Module
        Its parameters and buffers do not count: they are there anyway.

    Yields
    ------
    SavedBytes

    Examples
    --------
    >>> layer = torch.nn.Linear(4, 3)
    >>> with saved_bytes(layer) as saved:
    ...     out = layer(torch.ones(2, 4)).exp()      # keeps its input, 2 x 4 floats, and what exp gave, 2 x 3
    >>> saved.total
    56
    """
    saved = SavedBytes()
    for own in (*model.parameters(), *model.buffers()):
        saved.add(own)
    saved.total = 0

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved.add(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield saved


def count_activations(
    config: Qwen3VLConfig,
    positions: int,
    answers: int,
    rows: int,
    *,
    alone: bool = True,
    lora_r: int = 0,
    lora_targets=None,
    dtype: torch.dtype = torch.float32,
    autocast: torch.dtype | None = None,
) -> Activations:
    """Count the activations of a training step.

    Parameters
    ----------
    config : Qwen3VLConfig
    positions, answers : int
        Tokens of a row, and positions at which logits are formed.
    rows : int
        Images per device and forward pass.
    alone : bool
        The last layer is computed at the answers alone, as the exact trainer does it.
    lora_r, lora_targets
        What is trained; see ``with_gradients``.
    dtype : torch.dtype
        Of the weights.
    autocast : torch.dtype, optional
        Of the products under autocast; the copies of the weights that it makes are kept, and counted.

    Returns
    -------
    Activations
    """
    one, two, short = (
        _count(with_layers(config, n), positions, answers, rows, lora_r, lora_targets, dtype, autocast, cut)
        for n, cut in ((1, False), (2, False), (1, alone))
    )
    layer = two - one
    rest = one - layer
    boundary = rows * positions * config.text_config.hidden_size * (torch.empty(0, dtype=dtype).element_size())
    return Activations(layer, short - rest, boundary, rest, config.text_config.num_hidden_layers)


def _count(config, positions, answers, rows, lora_r, lora_targets, dtype, autocast, alone) -> int:
    model = shapes_only(config, dtype=dtype)
    trained = with_gradients(model, lora_r, lora_targets).train()
    embedded = torch.empty(rows, positions, config.text_config.hidden_size, dtype=dtype, device="meta")
    embedded.requires_grad_(model.model.language_model.embed_tokens.weight.requires_grad)
    at = torch.arange(answers, device="meta")
    with saved_bytes(trained) as saved, _AsOnADevice(autocast):
        hidden = model.model.language_model(
            inputs_embeds=embedded,
            position_ids=torch.empty(3, rows, positions, dtype=torch.long, device="meta"),
            attention_mask=torch.empty(rows, 1, positions, positions, dtype=torch.bool, device="meta"),
            use_cache=False,
            **(answers_alone(model, at) if alone else {}),
        ).last_hidden_state
        # the trainer's own reading of the logits; a list of positions is taken out, not sliced
        logits = model.lm_head(hidden[:, at])
        logits.float().log_softmax(-1)[..., torch.arange(10, device="meta")].logsumexp(-1)
    return saved.total


class _AsOnADevice(TorchFunctionMode):
    """What a real device does and the meta device does not: a fused kernel for attention, and autocast.

    Without it attention falls back to two matrix products; and ``torch.autocast`` knows no meta device.
    """

    def __init__(self, autocast: torch.dtype | None) -> None:
        super().__init__()
        self.autocast = autocast
        self._copies: dict[int, torch.Tensor] = {}  # of weights: made once, as autocast's cache does

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.nn.functional.linear:
            inputs, weight, *bias = (self._lower(value) for value in args)
            return func(inputs, weight, *bias, **kwargs)
        if func is torch.nn.functional.scaled_dot_product_attention:
            return self._attention(*(self._lower(value) for value in args), kwargs["attn_mask"], kwargs.get("scale"))
        return func(*args, **kwargs)

    def _attention(self, query, key, value, mask, scale):
        added = torch.zeros_like(mask, dtype=query.dtype).masked_fill_(mask.logical_not(), -torch.inf)
        kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        return kernel(query, key, value, 0.0, False, attn_mask=added, scale=scale)[0]

    def _lower(self, value):
        if self.autocast is None or value is None or value.dtype != torch.float32:
            return value
        if not value.is_leaf or not value.requires_grad:
            return value.to(self.autocast)
        if id(value) not in self._copies:
            self._copies[id(value)] = value.to(self.autocast)
        return self._copies[id(value)]
