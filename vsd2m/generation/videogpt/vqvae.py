"""The 3D VQ-VAE of VideoGPT (arXiv 2104.10157, section 3.1): clips to grids of codes and back.

Letters: B batch, T frames, C channels, H, W height and width; t, h, w the grid of codes. Clips are in [-1, 1].
"""

import math

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn
from torch.nn import functional

from vsd2m.generation.videogpt.codebook import Codebook, Quantised

GROUPS = 8


class VqVae(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """3D convolutions with strides to the codes and transposed ones back, with residual blocks in both parts.

    Normalisation is by groups within a clip (the paper's code uses batch statistics), so a clip's codes are independent
    of the batch.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        time_factor: int = 4,
        space_factor: int = 8,
        num_hiddens: int = 240,
        num_residual_layers: int = 4,
        axial_attention: bool = True,
        num_heads: int = 2,
        num_codes: int = 2048,
        code_dim: int = 256,
        code_decay: float = 0.99,
        restart_below: float = 1.0,
    ) -> None:
        super().__init__()
        strides = stride_plan(time_factor, space_factor)
        heads = num_heads if axial_attention else None
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for level, stride in enumerate(strides):
            channels = num_hiddens if level else 3
            down += [StrideConv(channels, num_hiddens, stride), nn.SiLU()]
            up = [nn.SiLU(), StrideConvTranspose(num_hiddens, channels, stride), *up]
        before, after = ([ResidualBlock(num_hiddens, heads) for _ in range(num_residual_layers)] for _ in range(2))
        self.encoder = nn.Sequential(*down, *before, norm(num_hiddens), nn.SiLU())
        self.to_code = nn.Conv3d(num_hiddens, code_dim, 1)
        self.codebook = Codebook(num_codes, code_dim, decay=code_decay, restart_below=restart_below)
        self.from_code = nn.Conv3d(code_dim, num_hiddens, 1)
        self.decoder = nn.Sequential(*after, norm(num_hiddens), *up)

    def forward(self, clips: torch.Tensor) -> tuple[torch.Tensor, Quantised]:
        """[B, 3, T, H, W] -> the clips decoded from their codes, and the codes."""
        quantised = self.codebook(self.to_code(self.encoder(clips)))
        return self.decoder(self.from_code(quantised.latents.to(clips.dtype))), quantised

    def encode(self, clips: torch.Tensor) -> torch.Tensor:
        """[B, 3, T, H, W] -> codes [B, t, h, w]."""
        return self.codebook(self.to_code(self.encoder(clips))).codes

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Codes [B, t, h, w] -> clips [B, 3, T, H, W], clamped to [-1, 1]."""
        vectors = self.codebook.look_up(codes).to(self.dtype)
        return self.decoder(self.from_code(vectors)).clamp(-1, 1)


def stride_plan(time_factor: int, space_factor: int) -> list[tuple[int, int, int]]:
    """The strides (time, height, width) of the levels: each halves space, time or both until the factors are
    reached."""
    levels = max(int(math.log2(max(time_factor, space_factor))), 1)
    plan = []
    for _ in range(levels):
        step = (2 if time_factor > 1 else 1, *(2 if space_factor > 1 else 1,) * 2)
        plan.append(step)
        time_factor, space_factor = max(time_factor // 2, 1), max(space_factor // 2, 1)
    return plan


def norm(channels: int) -> nn.GroupNorm:
    """Group normalisation within each clip."""
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)


def _kernel(stride: tuple[int, int, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Kernel and padding with which a stride of 2 exactly halves a size, and a stride of 1 keeps it."""
    return tuple(4 if step == 2 else 3 for step in stride), (1, 1, 1)


class StrideConv(nn.Conv3d):  # type: ignore[misc]
    """Halves the axes of stride 2."""

    def __init__(self, channels: int, width: int, stride: tuple[int, int, int]) -> None:
        kernel, padding = _kernel(stride)
        super().__init__(channels, width, kernel, stride=stride, padding=padding)


class StrideConvTranspose(nn.ConvTranspose3d):  # type: ignore[misc]
    """Doubles the axes of stride 2."""

    def __init__(self, width: int, channels: int, stride: tuple[int, int, int]) -> None:
        kernel, padding = _kernel(stride)
        super().__init__(width, channels, kernel, stride=stride, padding=padding)


class ResidualBlock(nn.Module):  # type: ignore[misc]
    """Two convolutions and, with `num_heads`, attention along time, height and width, added to the input."""

    def __init__(self, channels: int, num_heads: int | None) -> None:
        super().__init__()
        half = max(channels // 2, 1)
        self.convolutions = nn.Sequential(
            norm(channels),
            nn.SiLU(),
            nn.Conv3d(channels, half, 3, padding=1, bias=False),
            norm(half),
            nn.SiLU(),
            nn.Conv3d(half, channels, 1, bias=False),
            norm(channels),
            nn.SiLU(),
        )
        self.attentions = nn.ModuleList(AxialAttention(channels, num_heads, axis) for axis in (2, 3, 4) if num_heads)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        inner = self.convolutions(hidden)
        if len(self.attentions):
            inner = sum(attention(inner) for attention in self.attentions)
        return hidden + inner


class AxialAttention(nn.Module):  # type: ignore[misc]
    """Attention along `axis` of [B, C, t, h, w]."""

    def __init__(self, channels: int, num_heads: int, axis: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.axis = axis
        self.to_qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.to_out = nn.Linear(channels, channels)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        lines = hidden.movedim(1, -1).movedim(self.axis - 1, -2)
        query, key, value = self.to_qkv(lines).unflatten(-1, (3, self.num_heads, -1)).unbind(-3)
        attended = functional.scaled_dot_product_attention(
            query.transpose(-2, -3), key.transpose(-2, -3), value.transpose(-2, -3)
        )
        out = self.to_out(attended.transpose(-2, -3).flatten(-2))
        return out.movedim(-2, self.axis - 1).movedim(-1, 1)
