"""Adds to every frame a share of the one some frames before."""

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import nn

from vsd2m.generation.temporal_layers import TemporalLayer, TemporalLayerConfig


class Echo(nn.Module):
    """Nothing at the start, since its gate is 0."""

    def __init__(self, delay: int) -> None:
        super().__init__()
        self.delay = delay
        self.echo_gate = nn.Parameter(torch.zeros(1))

    def forward(self, hidden_states: torch.Tensor, num_frames: int = 1) -> torch.Tensor:
        clips = hidden_states.unflatten(0, (-1, num_frames))
        return (clips + self.echo_gate * clips.roll(self.delay, dims=1)).flatten(0, 1)


class EchoConfig(TemporalLayerConfig):
    delay: int = Field(1, ge=1, description="frames between a frame and its echo")


class EchoLayer(TemporalLayer):
    """An echo behind every spatial block."""

    Config: ClassVar[type[TemporalLayerConfig]] = EchoConfig
    gates = ("echo_gate",)

    def install(self, unet: Any) -> None:
        for block in (*unet.down_blocks, unet.mid_block, *unet.up_blocks):
            block.temp_convs = nn.ModuleList([Echo(self.config.delay) for _ in block.temp_convs])
