"""STI, the spatial temporal interaction layer of the VSD2M paper (arXiv 2412.08259).

    S = Up(Attention(AvgPool_g(h))) + h        semantic: every token of every frame attends to all others
    D = TemporalConv(h)                        detail
    out = w1 S + w2 D

Letters: B batch, T frames, C channels, H, W height and width; h, w after pooling.
"""

from typing import Any, Literal

import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.embeddings import get_1d_sincos_pos_embed_from_grid
from pydantic import Field
from torch import nn
from torch.nn import functional

from vsd2m.generation.diffusion.layers.conv import identity_layer, temporal_blocks
from vsd2m.generation.temporal_layers import TemporalLayer, TemporalLayerConfig


class StiLayer(nn.Module):  # type: ignore[misc]
    """One STI layer around the temporal convolution `detail`.

    `gamma` is the pooling factor g. `mix`: "free" is the paper's two unconstrained scalars, w1 = 0 and w2 = 1 at
    the start; "convex" is w1 = sigmoid(m), w2 = 1 - w1 with the attention's output projection zero at the start.
    `norm` puts a GroupNorm before the attention; `positions` adds zero-gated sine embeddings of the frame number.
    """

    def __init__(
        self,
        detail: nn.Module,
        *,
        channels: int,
        norm_num_groups: int,
        gamma: int,
        num_heads: int,
        head_dim: int,
        mix: str,
        norm: bool,
        positions: bool,
    ) -> None:
        super().__init__()
        self.detail = detail
        self.gamma = gamma
        self.norm = nn.GroupNorm(norm_num_groups, channels) if norm else None
        self.attention = Attention(channels, heads=num_heads, dim_head=head_dim)
        self.position_gate = nn.Parameter(torch.zeros(1)) if positions else None
        self.mix = mix
        if mix == "free":
            self.w_semantic = nn.Parameter(torch.zeros(1))
            self.w_detail = nn.Parameter(torch.ones(1))
        else:
            self.mix_logit = nn.Parameter(torch.zeros(1))
            nn.init.zeros_(self.attention.to_out[0].weight)
            nn.init.zeros_(self.attention.to_out[0].bias)

    def forward(self, hidden_states: torch.Tensor, num_frames: int = 1) -> torch.Tensor:
        w_semantic, w_detail = self.weights()
        semantic = self.semantic(hidden_states, num_frames)
        return w_semantic * semantic + w_detail * self.detail(hidden_states, num_frames=num_frames)

    def weights(self) -> tuple[torch.Tensor, torch.Tensor]:
        """w1 and w2."""
        if self.mix == "free":
            return self.w_semantic, self.w_detail
        w_semantic = torch.sigmoid(self.mix_logit)
        return w_semantic, 1 - w_semantic

    def semantic(self, hidden_states: torch.Tensor, num_frames: int) -> torch.Tensor:
        """S: [B*T, C, H, W] -> [B*T, C, H, W]; attention over the T*h*w tokens of each clip, never across the batch."""
        height, width = hidden_states.shape[-2:]
        pooled = hidden_states if self.norm is None else self.norm(hidden_states)
        if self.gamma > 1:
            pooled = functional.avg_pool2d(pooled, self.gamma, ceil_mode=True)
        _, channels, h, w = pooled.shape
        tokens = pooled.reshape(-1, num_frames, channels, h * w).transpose(2, 3)
        if self.position_gate is not None:
            tokens = tokens + self.position_gate * frame_codes(num_frames, channels).to(tokens)[None, :, None]
        attended = self.attention(tokens.reshape(-1, num_frames * h * w, channels))
        grid = attended.reshape(-1, h * w, channels).transpose(1, 2).reshape(-1, channels, h, w)
        return functional.interpolate(grid, size=(height, width), mode="nearest") + hidden_states


def frame_codes(num_frames: int, channels: int) -> torch.Tensor:
    """Sine codes [T, C] of the frame numbers; any number of frames."""
    return get_1d_sincos_pos_embed_from_grid(channels, torch.arange(num_frames), output_type="pt")


class StiConfig(TemporalLayerConfig):
    """The options of STI."""

    layer: str = "sti"
    gamma: int = Field(default=2, ge=1, le=16, description="pooling factor before the attention")
    num_heads: int = Field(default=8, ge=1, le=64, description="attention heads")
    head_dim: int = Field(default=32, ge=4, le=256, description="channels per head")
    mix: Literal["free", "convex"] = Field(
        default="free", description="unconstrained scalars (the paper) or a convex mix"
    )
    norm: bool = Field(default=False, description="GroupNorm before the attention")
    positions: bool = Field(default=False, description="zero-gated codes of the frame numbers")


class StiLayerKind(TemporalLayer):
    """Replaces every temporal convolution by an STI layer around it."""

    Config = StiConfig
    gates = ("w_semantic", "w_detail", "mix_logit", "position_gate")

    def install(self, unet: Any) -> None:
        """Replaces them in every block."""
        options = self.config.model_dump(exclude={"layer"})
        for block in temporal_blocks(unet):
            block.temp_convs = nn.ModuleList(
                [
                    StiLayer(
                        identity_layer(stock),
                        channels=stock.in_dim,
                        norm_num_groups=stock.conv1[0].num_groups,
                        **options,
                    )
                    for stock in block.temp_convs
                ]
            )
