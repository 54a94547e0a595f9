"""Stage 1: the tiny vision tower learns to see the painter's latents, by regression from its pooled tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from .training_scrolls import TrainingScrolls, one_frame


class OneFrameEmbedding(nn.Module):
    """Qwen3-VL's patch embedding for images, whose two frames are equal: its weights summed over time, as one product.

    The same function of the same weights as the convolution over both frames, at a fraction of its cost on a CPU.
    """

    def __init__(self, patch_embed: nn.Module) -> None:
        super().__init__()
        self.patch_embed = patch_embed

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        """Embed patches of one frame, shape (P, 768) to (P, hidden)."""
        convolution = self.patch_embed.proj
        weight = convolution.weight.sum(dim=2).flatten(1)
        return nn.functional.linear(frame, weight, convolution.bias)


@contextmanager
def embedding_one_frame(model) -> Iterator[None]:
    """Within this context the vision tower takes patches of one frame, ``one_frame(...)``."""
    visual = model.model.visual
    original = visual.patch_embed
    visual.patch_embed = OneFrameEmbedding(original)
    try:
        yield
    finally:
        visual.patch_embed = original


class PooledRegression(nn.Module):
    """A linear head on the mean of an image's merged and deepstack tokens; thrown away after stage 1."""

    def __init__(self, hidden_size: int, layers: int, targets: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden_size * layers)
        self.linear = nn.Linear(hidden_size * layers, targets)

    def forward(self, vision_output, token_counts: list[int]) -> torch.Tensor:
        """Predicted latents, shape (n, targets)."""
        tokens = torch.cat([vision_output.pooler_output, *vision_output.deepstack_features], dim=-1)
        pooled = torch.stack([part.mean(0) for part in torch.split(tokens, token_counts)])
        return self.linear(self.norm(pooled))


def pretrain_vision(
    model,
    scrolls: TrainingScrolls,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 48,
    learning_rate: float = 1.5e-3,
    on_step: Callable[[float], None] | None = None,
) -> PooledRegression:
    """Train the vision tower in place.

    Parameters
    ----------
    model : Qwen3VLForConditionalGeneration
    scrolls : TrainingScrolls
    epochs, seed, batch_size, learning_rate
        AdamW, one-cycle schedule, mirrored at random.
    on_step : callable, optional
        Called with the loss of each step.

    Returns
    -------
    PooledRegression
        The head, for a look at what was learnt.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = PooledRegression(model.config.text_config.hidden_size, 2, scrolls.quality.shape[1] + 1)
    targets = torch.cat([scrolls.quality, scrolls.toning[:, None]], dim=1)
    parameters = [*model.model.visual.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, learning_rate, weight_decay=0.05)
    steps = epochs * (len(scrolls) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps, pct_start=0.15)
    model.model.visual.train()
    order = torch.empty(0, dtype=torch.long)
    with embedding_one_frame(model):
        for _ in range(steps):
            if len(order) < batch_size:
                order = torch.randperm(len(scrolls), generator=generator)
            index, order = order[:batch_size], order[batch_size:]
            flip = torch.rand(batch_size, generator=generator) < 0.5
            loss = (_predict(model, head, scrolls, index, flip) - targets[index]).square().mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            if on_step is not None:
                on_step(loss.item())
    model.model.visual.eval()
    return head


def _predict(model, head: PooledRegression, scrolls: TrainingScrolls, index, flip=None) -> torch.Tensor:
    grids = scrolls.grids[index]
    frames = one_frame([scrolls.patches[i] for i in index], grids, flip)
    output = model.model.visual(frames, grid_thw=grids, return_dict=True)
    return head(output, (grids.prod(-1) // 4).tolist())


@torch.no_grad()
def regress(model, head: PooledRegression, scrolls: TrainingScrolls, *, batch_size: int = 50) -> torch.Tensor:
    """The head's predictions for all scrolls, shape (n, targets)."""
    with embedding_one_frame(model):
        starts = range(0, len(scrolls), batch_size)
        index = torch.arange(len(scrolls))
        return torch.cat([_predict(model, head, scrolls, index[i : i + batch_size]) for i in starts])
