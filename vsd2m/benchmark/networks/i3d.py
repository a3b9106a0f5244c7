"""Inception I3D (Carreira and Zisserman, arXiv 1705.07750): the network of FVD, with the public checkpoint's names.

B clips, C channels, T x H x W pixels in time and space. `load_state_dict` accepts `i3d_pretrained_400.pt` unchanged;
`fold` then rewrites the network for inference: the same results with fewer passes over memory.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

NUM_CLASSES = 400
Size = tuple[int, int, int]
CUBE: Size = (3, 3, 3)
POINT: Size = (1, 1, 1)

MIXED: dict[str, tuple[int, tuple[int, int, int, int, int, int]]] = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}
"""Name -> channels in, and out of: the point branch, the two convolutions of the next two, the pooled branch."""


class I3dNetwork(nn.Module):  # type: ignore[misc]
    """Logits [B, 400] of clips [B, 3, T, H, W] of -1..1, T >= 9 and H, W at least 193; averaged over time."""

    def __init__(self, num_classes: int = NUM_CLASSES) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, (7, 7, 7), (2, 2, 2))
        self.Conv3d_2b_1x1 = Unit(64, 64, POINT)
        self.Conv3d_2c_3x3 = Unit(64, 192, CUBE)
        for name, (num_in, nums_out) in MIXED.items():
            self.add_module(name, Mixed(num_in, nums_out))
        self.logits = nn.Module()
        self.logits.conv3d = nn.Conv3d(1024, num_classes, 1)

    def forward(self, clips: Tensor) -> Tensor:
        features = _pooled(self.Conv3d_1a_7x7(clips), (1, 3, 3), (1, 2, 2))
        features = _pooled(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(features)), (1, 3, 3), (1, 2, 2))
        for name in MIXED:
            if name == "Mixed_4b":
                features = _pooled(features, (3, 3, 3), (2, 2, 2))
            if name == "Mixed_5b":
                features = _pooled(features, (2, 2, 2), (2, 2, 2))
            features = self.get_submodule(name)(features)
        pooled = nn.functional.avg_pool3d(features, (2, 7, 7), 1)
        logits: Tensor = self.logits.conv3d(pooled)[..., 0, 0].mean(dim=2)
        return logits

    def fold(self) -> "I3dNetwork":
        """Converts the network for inference: folded normalisations, channels last. Cannot be reverted."""
        for module in list(self.modules()):
            if isinstance(module, Unit | Mixed):
                module.fold()
        self.eval().to(memory_format=torch.channels_last_3d)
        return self


class Unit(nn.Module):  # type: ignore[misc]
    """Convolution, normalisation, ReLU, padded with zeros so that only the stride reduces the size."""

    def __init__(self, num_in: int, num_out: int, kernel: Size, stride: Size = POINT) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(num_in, num_out, kernel, stride, bias=False)
        self.bn: nn.Module = nn.BatchNorm3d(num_out)

    def forward(self, clips: Tensor) -> Tensor:
        clips, padding = _same_padding(clips, self.conv3d.kernel_size, self.conv3d.stride)
        convolved = nn.functional.conv3d(clips, self.conv3d.weight, self.conv3d.bias, self.conv3d.stride, padding)
        return self.bn(convolved).relu_()

    def fold(self) -> None:
        if isinstance(self.bn, nn.BatchNorm3d):
            self.conv3d = torch.nn.utils.fuse_conv_bn_eval(self.conv3d.eval(), self.bn.eval())
            self.bn = nn.Identity()


class Mixed(nn.Module):  # type: ignore[misc]
    """Inception's four branches, with concatenated channels."""

    def __init__(self, num_in: int, nums_out: Sequence[int]) -> None:
        super().__init__()
        self.b0 = Unit(num_in, nums_out[0], POINT)
        self.b1a = Unit(num_in, nums_out[1], POINT)
        self.b1b = Unit(nums_out[1], nums_out[2], CUBE)
        self.b2a = Unit(num_in, nums_out[3], POINT)
        self.b2b = Unit(nums_out[3], nums_out[4], CUBE)
        self.b3b = Unit(num_in, nums_out[5], POINT)
        self.points: Unit | None = None
        self.split = [nums_out[0], nums_out[1], nums_out[3]]

    def forward(self, clips: Tensor) -> Tensor:
        if self.points is None:
            b0, b1, b2 = self.b0(clips), self.b1a(clips), self.b2a(clips)
        else:
            b0, b1, b2 = self.points(clips).split(self.split, dim=1)
        return torch.cat([b0, self.b1b(b1), self.b2b(b2), self.b3b(_pooled(clips, CUBE, POINT))], dim=1)

    def fold(self) -> None:
        """Merges the three convolutions that read the same points into one."""
        if self.points is not None:
            return
        units = [self.b0, self.b1a, self.b2a]
        for unit in units:
            unit.fold()
        combined = Unit(units[0].conv3d.in_channels, sum(self.split), POINT)
        combined.conv3d.weight = nn.Parameter(torch.cat([unit.conv3d.weight for unit in units]))
        combined.conv3d.bias = nn.Parameter(torch.cat([unit.conv3d.bias for unit in units]))
        combined.bn = nn.Identity()
        self.points = combined
        del self.b0, self.b1a, self.b2a


def _pooled(clips: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Max pooling, one axis after the other: the same result as `max_pool3d`, and many times as fast on a CPU.

    The input is not negative, so the zeros of `SAME` padding change no maximum and are omitted.
    """
    for axis in (4, 3, 2):
        clips = _pooled_along(clips, axis, kernel[axis - 2], stride[axis - 2])
    return clips


def _pooled_along(clips: Tensor, axis: int, side: int, step: int) -> Tensor:
    length = clips.shape[axis]
    before = _total_padding((length,), (side,), (step,))[0] // 2
    every = (slice(None),) * axis
    result = clips[(*every, slice(None, None, step))].clone()
    for move in range(-before, side - before):
        first, last = max(0, -(move // step)), min(result.shape[axis] - 1, (length - 1 - move) // step)
        if move and first <= last:
            shifted = clips[(*every, slice(first * step + move, last * step + move + 1, step))]
            part = result[(*every, slice(first, last + 1))]
            torch.maximum(part, shifted, out=part)
    return result


def _same_padding(clips: Tensor, kernel: Any, stride: Any) -> tuple[Tensor, Size]:
    """TensorFlow's `SAME` padding: the symmetric part is done by the operation, the rest here."""
    totals = _total_padding(clips.shape[2:], kernel, stride)
    if all(total % 2 == 0 for total in totals):
        return clips, (totals[0] // 2, totals[1] // 2, totals[2] // 2)
    sides = [side for total in reversed(totals) for side in (total // 2, total - total // 2)]
    return nn.functional.pad(clips, sides), (0, 0, 0)


def _total_padding(lengths: Sequence[int], kernel: Sequence[int], stride: Sequence[int]) -> list[int]:
    """The padding of both sides together, per axis."""
    return [max(side - (length % step or step), 0) for length, side, step in zip(lengths, kernel, stride, strict=True)]
