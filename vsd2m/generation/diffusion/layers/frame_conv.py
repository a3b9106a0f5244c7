"""The 3x1x1 convolution over frames, computed as a 3x1 convolution of [frames x pixels] pictures.

Same weights and same result as `Conv3d`, whose backward pass on CPUs is many times slower for such kernels.
"""

from typing import Any

import torch
from diffusers.models.resnet import TemporalConvLayer
from torch import nn
from torch.nn import functional


class FrameConv(nn.Conv3d):  # type: ignore[misc]
    """[B, C, T, H, W] -> [B, C', T, H, W] with a kernel of extent 1 in height and width."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        flat = functional.conv2d(hidden_states.flatten(3), self.weight[..., 0], self.bias, padding=(self.padding[0], 0))
        return flat.unflatten(3, hidden_states.shape[3:])


def install(unet: Any) -> None:
    """Makes every temporal convolution of the network use this; weights and their names stay."""
    _compute_by(unet, FrameConv)


def uninstall(unet: Any) -> None:
    """Restores torch's 3D convolution, for comparisons."""
    _compute_by(unet, nn.Conv3d)


def _compute_by(unet: Any, kind: type[nn.Conv3d]) -> None:
    for layer in unet.modules():
        if isinstance(layer, TemporalConvLayer):
            for module in layer.modules():
                if isinstance(module, nn.Conv3d):
                    module.__class__ = kind
