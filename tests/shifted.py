"""A model moved away from its reference."""

import torch


def shift(model):
    """Away from the reference, so that the KL has a gradient, and with spread-out scores."""
    generator = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.requires_grad and "embed" in name:
                p.add_(0.2 * torch.randn(p.shape, generator=generator))
