"""VideoLDM (arXiv 2304.08818): alpha z + (1 - alpha) z' of each temporal layer's input and output, alpha learned."""

from typing import Any

import torch
from diffusers.models.resnet import AlphaBlender, TemporalConvLayer
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel
from torch import nn

from vsd2m.generation.diffusion.layers.conv import dimensions, temporal_blocks
from vsd2m.generation.temporal_layers import TemporalLayer

INITIAL_LOGIT = 0.0
"""alpha = sigmoid(logit) = 0.5. The layers start as the identity, and so does the blend for any alpha."""


class AlphaTemporalConv(TemporalConvLayer):  # type: ignore[misc]
    """The temporal convolution, blended with its input."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mix = AlphaBlender(INITIAL_LOGIT, "learned")

    def forward(self, hidden_states: torch.Tensor, num_frames: int = 1) -> torch.Tensor:
        return self.mix(hidden_states, super().forward(hidden_states, num_frames=num_frames))


class AlphaTemporalAttention(TransformerTemporalModel):  # type: ignore[misc]
    """The temporal transformer, blended with its input."""

    mix: AlphaBlender

    def forward(self, hidden_states: torch.Tensor, **kwargs: Any) -> tuple[torch.Tensor]:
        (mixed,) = super().forward(hidden_states, **{**kwargs, "return_dict": False})
        return (self.mix(hidden_states, mixed),)


class AlphaLayer(TemporalLayer):
    """Blends the input and output of every temporal layer."""

    gates = ("mix_factor",)

    def install(self, unet: Any) -> None:
        """Adds a blend to every temporal convolution and every temporal transformer of the blocks."""
        for block in temporal_blocks(unet):
            block.temp_convs = nn.ModuleList([AlphaTemporalConv(**dimensions(stock)) for stock in block.temp_convs])
            for attention in getattr(block, "temp_attentions", ()):
                # The stock class builds its layers from a dozen arguments that the block does not store: adopting the
                # built module is exact, rebuilding it would not be.
                attention.__class__ = AlphaTemporalAttention
                attention.mix = AlphaBlender(INITIAL_LOGIT, "learned")
