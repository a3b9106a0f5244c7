"""VideoFactory (arXiv 2305.10874): swapped cross-attention between the spatial and the temporal stream in 3D windows.

Letters: B batch, T frames, C channels, H, W height and width, w window side, N = T w w tokens of a window.
"""

from typing import Any

import torch
from diffusers.models.resnet import TemporalConvLayer
from torch import nn
from torch.nn import functional

from vsd2m.generation.diffusion.layers.conv import dimensions, temporal_blocks
from vsd2m.generation.temporal_layers import TemporalLayer

WINDOW = 8
REDUCTION = 8  # queries and keys have C / 8 channels: with this the model has the paper's 1.847 B parameters


class SwapTemporalConv(TemporalConvLayer):  # type: ignore[misc]
    """The temporal convolution, then attention from one stream to the other, added through a zero gate.

    The queries come from the temporal stream (the convolution's output) and the keys and values from the
    spatial one (its input); with `swap` vice versa.
    """

    def __init__(self, *, swap: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        channels = kwargs["in_dim"]
        self.swap = swap
        self.to_q = nn.Linear(channels, channels // REDUCTION)
        self.to_k = nn.Linear(channels, channels // REDUCTION)
        self.to_v = nn.Linear(channels, channels)
        self.gate = nn.Parameter(torch.zeros(1))

    def forward(self, hidden_states: torch.Tensor, num_frames: int = 1) -> torch.Tensor:
        spatial, temporal = hidden_states, super().forward(hidden_states, num_frames=num_frames)
        query, context = (spatial, temporal) if self.swap else (temporal, spatial)
        height, width = spatial.shape[-2:]
        query, context = to_windows(query, num_frames), to_windows(context, num_frames)
        attended = functional.scaled_dot_product_attention(
            self.to_q(query)[:, None],
            self.to_k(context)[:, None],
            self.to_v(context)[:, None],
            attn_mask=inside_mask(spatial, num_frames),
        )[:, 0]
        return temporal + self.gate * from_windows(attended, num_frames, height, width)


def to_windows(hidden_states: torch.Tensor, num_frames: int) -> torch.Tensor:
    """[B*T, C, H, W] -> [B * windows, T*w*w, C]; odd sizes are padded at the right and the bottom."""
    _, channels, height, width = hidden_states.shape
    padded = functional.pad(hidden_states, (0, -width % WINDOW, 0, -height % WINDOW))
    rows, columns = padded.shape[-2] // WINDOW, padded.shape[-1] // WINDOW
    split = padded.reshape(-1, num_frames, channels, rows, WINDOW, columns, WINDOW)
    return split.permute(0, 3, 5, 1, 4, 6, 2).reshape(-1, num_frames * WINDOW * WINDOW, channels)


def from_windows(tokens: torch.Tensor, num_frames: int, height: int, width: int) -> torch.Tensor:
    """The inverse of `to_windows`, without the padding."""
    rows, columns, channels = -(-height // WINDOW), -(-width // WINDOW), tokens.shape[-1]
    split = tokens.reshape(-1, rows, columns, num_frames, WINDOW, WINDOW, channels)
    whole = split.permute(0, 3, 6, 1, 4, 2, 5).reshape(-1, channels, rows * WINDOW, columns * WINDOW)
    return whole[..., :height, :width]


def inside_mask(hidden_states: torch.Tensor, num_frames: int) -> torch.Tensor | None:
    """[B * windows, 1, 1, N], True for pixels, False for padding; None without padding."""
    height, width = hidden_states.shape[-2:]
    if height % WINDOW == 0 and width % WINDOW == 0:
        return None
    pixels = torch.ones_like(hidden_states[:, :1], dtype=torch.bool)
    return to_windows(pixels, num_frames)[..., 0][:, None, None]


class SwapLayer(TemporalLayer):
    """One swap attention at the end of every block."""

    gates = ("gate",)

    def install(self, unet: Any) -> None:
        """Adds a swap attention at the end of every block, with alternating directions."""
        for number, block in enumerate(temporal_blocks(unet)):
            block.temp_convs[-1] = SwapTemporalConv(swap=bool(number % 2), **dimensions(block.temp_convs[-1]))
