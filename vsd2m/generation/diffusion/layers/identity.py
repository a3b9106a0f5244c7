"""Temporal transformers that start as the identity, so that a video network starts as its 2D network."""

from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel
from torch import nn


def start_as_identity(unet: nn.Module) -> None:
    """Zeroes the last projection of every temporal transformer; diffusers initialises it at random."""
    for module in unet.modules():
        if isinstance(module, TransformerTemporalModel):
            nn.init.zeros_(module.proj_out.weight)
            nn.init.zeros_(module.proj_out.bias)
