"""FAST-VQA's network (Wu et al., arXiv 2207.02595): Video Swin-T with gated position biases, and a pixel-wise head.

B clips, C channels, T x H x W tokens in time and space, K windows of N tokens, A heads. Tokens go as [B, T, H, W, C].
Modules are named as in the published checkpoints, so these load without renaming.
"""

import itertools
from functools import lru_cache

import torch
from torch import Tensor, nn

Size = tuple[int, int, int]
WINDOW: Size = (8, 7, 7)
PATCH: Size = (2, 4, 4)
NUM_FRAGMENTS = 7
"""Fragments per side of a frame; the seams between them determine the position bias."""


class FastVqaNetwork(nn.Module):  # type: ignore[misc]
    """Quality of clips [B, 3, T, H, W] (normalised pixels) as a map [B, 1, T', H', W']; its mean is the raw score."""

    def __init__(
        self,
        width: int = 96,
        depths: tuple[int, ...] = (2, 2, 6, 2),
        num_heads: tuple[int, ...] = (3, 6, 12, 24),
        window: Size = WINDOW,
    ) -> None:
        super().__init__()
        self.fragments_backbone = SwinBackbone(width, depths, num_heads, window)
        self.vqa_head = QualityHead(width * 2 ** (len(depths) - 1))

    def forward(self, clips: Tensor) -> Tensor:
        quality: Tensor = self.vqa_head(self.fragments_backbone(clips))
        return quality


class QualityHead(nn.Module):  # type: ignore[misc]
    """A perceptron applied to every token on its own."""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.fc_hid = nn.Conv3d(num_channels, 64, 1)
        self.fc_last = nn.Conv3d(64, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        quality: Tensor = self.fc_last(nn.functional.gelu(self.fc_hid(features)))
        return quality


class SwinBackbone(nn.Module):  # type: ignore[misc]
    """Video Swin (Liu et al., arXiv 2106.13230); the biases are gated in all stages but the last."""

    def __init__(self, width: int, depths: tuple[int, ...], num_heads: tuple[int, ...], window: Size) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(width)
        last = len(depths) - 1
        self.layers = nn.ModuleList(
            Stage(width * 2**i, depth, heads, window, is_last=i == last)
            for i, (depth, heads) in enumerate(zip(depths, num_heads, strict=True))
        )
        self.norm = nn.LayerNorm(width * 2**last)

    def forward(self, clips: Tensor) -> Tensor:
        tokens = self.patch_embed(clips)
        for stage in self.layers:
            tokens = stage(tokens)
        features: Tensor = self.norm(tokens).permute(0, 4, 1, 2, 3)
        return features


class PatchEmbedding(nn.Module):  # type: ignore[misc]
    """Clips [B, 3, T, H, W] to tokens of 2 x 4 x 4 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, width, PATCH, PATCH)
        self.norm = nn.LayerNorm(width)

    def forward(self, clips: Tensor) -> Tensor:
        tokens: Tensor = self.norm(self.proj(clips).permute(0, 2, 3, 4, 1))
        return tokens


class Stage(nn.Module):  # type: ignore[misc]
    """Blocks with alternating regular and shifted windows, then half the resolution at twice the width."""

    def __init__(self, width: int, depth: int, num_heads: int, window: Size, *, is_last: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(width, num_heads, window, is_shifted=i % 2 == 1, is_gated=not is_last) for i in range(depth)
        )
        self.downsample = None if is_last else PatchMerging(width)

    def forward(self, tokens: Tensor) -> Tensor:
        for block in self.blocks:
            tokens = block(tokens)
        return tokens if self.downsample is None else self.downsample(tokens)


class PatchMerging(nn.Module):  # type: ignore[misc]
    """Merges 2 x 2 tokens of a frame into one; odd sides are padded with zeros."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        height, width = tokens.shape[2:4]
        padded = nn.functional.pad(tokens, (0, 0, 0, width % 2, 0, height % 2))
        corners = [padded[:, :, y::2, x::2] for x, y in itertools.product((0, 1), (0, 1))]
        merged: Tensor = self.reduction(self.norm(torch.cat(corners, dim=-1)))
        return merged


class Block(nn.Module):  # type: ignore[misc]
    """Attention within windows, then a perceptron; both residual, with pre-normalisation."""

    def __init__(self, width: int, num_heads: int, window: Size, *, is_shifted: bool, is_gated: bool) -> None:
        super().__init__()
        self.window = window
        self.is_shifted = is_shifted
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, num_heads, window, is_gated=is_gated)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Perceptron(width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self._attend(self.norm1(tokens))
        result: Tensor = tokens + self.mlp(self.norm2(tokens))
        return result

    def _attend(self, tokens: Tensor) -> Tensor:
        batch, *size, _ = tokens.shape
        window, shift = self._fit((size[0], size[1], size[2]))
        padding = [-length % side for length, side in zip(size, window, strict=True)]
        padded = nn.functional.pad(tokens, (0, 0, 0, padding[2], 0, padding[1], 0, padding[0]))
        grid = (padded.shape[1], padded.shape[2], padded.shape[3])
        rolled = torch.roll(padded, [-step for step in shift], (1, 2, 3))
        regions, seams = _region_mask(grid, window, shift), _num_seams(grid, window, shift)
        attended = self.attn(to_windows(rolled, window), regions.to(tokens.device), seams.to(tokens.device))
        back = torch.roll(from_windows(attended, window, batch, grid), shift, (1, 2, 3))
        return back[:, : size[0], : size[1], : size[2]]

    def _fit(self, size: Size) -> tuple[Size, Size]:
        """Windows that are at most as large as the input, without a shift along sides that one window covers."""
        fits = [side < length for side, length in zip(self.window, size, strict=True)]
        window = [side if fit else length for side, length, fit in zip(self.window, size, fits, strict=True)]
        shift = [side // 2 if fit and self.is_shifted else 0 for side, fit in zip(self.window, fits, strict=True)]
        return (window[0], window[1], window[2]), (shift[0], shift[1], shift[2])


class Perceptron(nn.Module):  # type: ignore[misc]
    """Two layers with a hidden width of four times the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.fc2(nn.functional.gelu(self.fc1(tokens)))
        return result


class WindowAttention(nn.Module):  # type: ignore[misc]
    """Attention with a bias per relative position, from one table within a fragment and from another across seams.

    The paper's gate is 0 or 1. The published network, which this one has to match, counts seams instead: with d steps
    from fragment to fragment, rows and columns together, the bias is (1 - d) fragment + d relative.
    """

    relative_position_index: Tensor

    def __init__(self, width: int, num_heads: int, window: Size, *, is_gated: bool) -> None:
        super().__init__()
        self.num_heads = num_heads
        num_positions = (2 * window[0] - 1) * (2 * window[1] - 1) * (2 * window[2] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(num_positions, num_heads))
        self.fragment_position_bias_table = nn.Parameter(torch.zeros(num_positions, num_heads)) if is_gated else None
        self.register_buffer("relative_position_index", _relative_index(window))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, windows: Tensor, regions: Tensor, num_seams: Tensor) -> Tensor:
        """`windows` [B K, N, C]; `regions` bool and `num_seams` [K, N, N]."""
        num_tokens, width = windows.shape[1:]
        query, key, value = self.qkv(windows).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        bias = self._bias(num_tokens, num_seams) - 100.0 * (~regions)[:, None]
        mask = bias.repeat(len(windows) // len(regions), 1, 1, 1)
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        result: Tensor = self.proj(attended.transpose(1, 2).reshape(-1, num_tokens, width))
        return result

    def _bias(self, num_tokens: int, num_seams: Tensor) -> Tensor:
        """The bias [K, A, N, N]. Smaller windows use the first rows of the index, as in the published network."""
        index = self.relative_position_index[:num_tokens, :num_tokens]
        relative = self.relative_position_bias_table[index].permute(2, 0, 1)
        if self.fragment_position_bias_table is None:
            return relative[None].expand(len(num_seams), -1, -1, -1)
        fragment = self.fragment_position_bias_table[index].permute(2, 0, 1)
        return fragment + num_seams[:, None] * (relative - fragment)


def to_windows(tokens: Tensor, window: Size) -> Tensor:
    """[B, T, H, W, C] to [B K, N, C]; the sides must be multiples of the window's."""
    split = tokens.unflatten(3, (-1, window[2])).unflatten(2, (-1, window[1])).unflatten(1, (-1, window[0]))
    return split.permute(0, 1, 3, 5, 2, 4, 6, 7).flatten(4, 6).flatten(0, 3)


def from_windows(windows: Tensor, window: Size, batch: int, grid: Size) -> Tensor:
    """The inverse of `to_windows`, [B, T, H, W, C]."""
    counts = [length // side for length, side in zip(grid, window, strict=True)]
    split = windows.view(batch, *counts, *window, -1)
    return split.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(batch, *grid, -1)


def _relative_index(window: Size) -> Tensor:
    """[N, N]: the row of the bias table for each pair of tokens of a window."""
    axes = torch.meshgrid(*(torch.arange(side) for side in window), indexing="ij")
    places = torch.stack(axes).flatten(1)
    steps = places[:, :, None] - places[:, None, :] + torch.tensor(window)[:, None, None] - 1
    rows: Tensor = (steps[0] * (2 * window[1] - 1) + steps[1]) * (2 * window[2] - 1) + steps[2]
    return rows


@lru_cache(maxsize=64)
def _region_mask(grid: Size, window: Size, shift: Size) -> Tensor:
    """bool [K, N, N]: whether two tokens of a window were in the same region before the shift wrapped them around."""
    regions = torch.zeros((1, *grid, 1))
    cuts = [
        [slice(None)] if not step else [slice(-side), slice(-side, -step), slice(-step, None)]
        for side, step in zip(window, shift, strict=True)
    ]
    for number, (t, h, w) in enumerate(itertools.product(*cuts)):
        regions[:, t, h, w] = number
    windows = to_windows(regions, window)[..., 0]
    return windows[:, :, None] == windows[:, None, :]


@lru_cache(maxsize=64)
def _num_seams(grid: Size, window: Size, shift: Size) -> Tensor:
    """[K, N, N]: the number of rows and columns of fragments between two tokens of a window."""
    rows, columns = (torch.arange(length) * NUM_FRAGMENTS // length for length in grid[1:])
    places = torch.stack([rows[:, None].expand(grid), columns.expand(grid)], dim=-1)[None]
    windows = to_windows(torch.roll(places, [-step for step in shift], (1, 2, 3)), window)
    return (windows[:, :, None] - windows[:, None, :]).abs().sum(dim=-1).float()
