"""The transformer of VideoGPT (arXiv 2104.10157, section 3.2): a distribution over the codes of a clip, one by one.

Letters: B batch, L codes of a clip in raster order (time, height, width), K codes to choose from, D channels,
A attention heads, G tags of a clip.
"""

from dataclasses import dataclass

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn
from torch.nn import functional


@dataclass
class KeyValueCache:
    """Keys and values [B, A, L, D / A] of every layer, in tensors of full length that are filled from the left."""

    keys: list[torch.Tensor]
    values: list[torch.Tensor]


class CodePrior(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A causal transformer over codes, conditioned on a set of tags: domain and trigger words, not sentences.

    The sum of the tags' embeddings takes the place of the first code's predecessor. `tag_names` are the tags by
    number; number 0 of the embedding is padding.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        grid: tuple[int, int, int] = (2, 32, 32),
        num_codes: int = 2048,
        width: int = 576,
        num_layers: int = 18,
        num_heads: int = 4,
        dropout: float = 0.2,
        tag_names: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.length = grid[0] * grid[1] * grid[2]
        self.code_embedding = nn.Embedding(num_codes, width)
        self.tag_embedding = nn.Embedding(len(tag_names) + 1, width, padding_idx=0)
        self.start = nn.Parameter(torch.zeros(width))
        self.axes = nn.ParameterList(nn.Parameter(torch.zeros(side, width)) for side in grid)
        self.drop = nn.Dropout(dropout)  # `dropout` is a setting, and diffusers guards their names
        self.layers = nn.ModuleList(Layer(width, num_heads, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_codes)
        self.apply(_initialise)
        for axis in self.axes:
            nn.init.normal_(axis, std=0.01)

    def forward(self, codes: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
        """Logits [B, L, K] of each code, from the codes before it; codes [B, L], tags [B, G] padded with 0.

        For fewer than L codes it returns as many logits.
        """
        before = torch.cat([self.begin(tags)[:, None], self.code_embedding(codes[:, :-1])], dim=1)
        hidden = self.drop(before + self.positions()[: codes.shape[1]])
        for layer in self.layers:
            hidden = layer(hidden)
        return self.head(self.norm(hidden))

    def step(self, before: torch.Tensor, position: int, cache: KeyValueCache) -> torch.Tensor:
        """Logits [B, K] of the code at `position`; `before` [B, D] is the embedding of the code before it, or what
        `begin` returns. The cache must hold all earlier positions and then holds this one."""
        hidden = (before + self.positions()[position])[:, None]
        for layer, keys, values in zip(self.layers, cache.keys, cache.values, strict=True):
            hidden = layer.step(hidden, position, keys, values)
        return self.head(self.norm(hidden))[:, 0]

    def begin(self, tags: torch.Tensor) -> torch.Tensor:
        """The embedding before the first code [B, D]."""
        return self.start + self.tag_embedding(tags).sum(dim=1)

    def positions(self) -> torch.Tensor:
        """Position codes [L, D]: the sum of one per time, row and column."""
        time, height, width = self.axes
        return (time[:, None, None] + height[:, None] + width).flatten(0, 2)

    def empty_cache(self, batch_size: int) -> KeyValueCache:
        """An empty cache for all positions of `batch_size` clips."""
        layer = self.layers[0]
        shape = (batch_size, layer.num_heads, self.length, self.config.width // layer.num_heads)
        keys, values = (
            [torch.zeros(shape, device=self.device, dtype=self.dtype) for _ in self.layers] for _ in range(2)
        )
        return KeyValueCache(keys, values)


class Layer(nn.Module):  # type: ignore[misc]
    """Causal attention, then two matrices; both residual, with pre-normalisation."""

    def __init__(self, width: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm_attention = nn.LayerNorm(width)
        self.to_qkv = nn.Linear(width, 3 * width)
        self.to_out = nn.Linear(width, width)
        self.norm_feed = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        query, key, value = self._project(hidden)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self._feed(hidden, attended)

    def step(self, hidden: torch.Tensor, position: int, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """One position, [B, 1, D]; `keys` and `values` [B, A, L, D / A] are filled up to here."""
        query, key, value = self._project(hidden)
        keys[:, :, position : position + 1] = key
        values[:, :, position : position + 1] = value
        past = slice(0, position + 1)
        attended = functional.scaled_dot_product_attention(query, keys[:, :, past], values[:, :, past])
        return self._feed(hidden, attended)

    def _project(self, hidden: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Queries, keys and values, each [B, A, L, D / A]."""
        projected = self.to_qkv(self.norm_attention(hidden)).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        return query, key, value

    def _feed(self, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        hidden = hidden + self.dropout(self.to_out(attended.transpose(1, 2).flatten(2)))
        return hidden + self.dropout(self.feed(self.norm_feed(hidden)))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx].zero_()
