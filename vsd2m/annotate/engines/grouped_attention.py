"""Grouped-query attention without copies of keys and values, and a cache with a common prefix; for decoding on a CPU.

B rows, H query heads in G groups that share keys and values, L new tokens, P tokens of the common prefix, S tokens
that each row has after it, d head size.
"""

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache, DynamicLayer
from transformers.masking_utils import eager_mask

NAME = "vsd2m_grouped"
MODEL_TYPES = frozenset({"llama", "gemma3_text"})
"""Models for which `grouped_attention` is correct: without soft caps and attention sinks."""


def register() -> str:
    """Registers the attention with transformers; returns the name for `attn_implementation`."""
    AttentionInterface.register(NAME, grouped_attention)
    AttentionMaskInterface.register(NAME, eager_mask)
    return NAME


class SharedLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer: of the common prefix once [1, G, P, d], of each row's tokens in a preallocated
    buffer [B, G, room, d], so that adding a token copies nothing."""

    def __init__(self, shared: tuple[torch.Tensor, torch.Tensor] | None, room: int) -> None:
        super().__init__()
        self.shared = shared
        self._room = room
        self._num_row_tokens = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        super().lazy_initialization(key_states, value_states)
        rows, groups, _, size = key_states.shape
        self.keys = key_states.new_empty(rows, groups, self._room, size)
        self.values = value_states.new_empty(rows, groups, self._room, value_states.shape[-1])

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The rows' keys and values; those of the common prefix are their attribute `shared`."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start, self._num_row_tokens = self._num_row_tokens, self._num_row_tokens + key_states.shape[-2]
        self.keys[:, :, start : self._num_row_tokens] = key_states
        self.values[:, :, start : self._num_row_tokens] = value_states
        row_tensors = self.row_tensors()
        if self.shared is not None:
            row_tensors[0].shared, row_tensors[1].shared = self.shared
        return row_tensors

    def row_tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of the tokens after the common prefix [B, G, S, d]."""
        return self.keys[:, :, : self._num_row_tokens], self.values[:, :, : self._num_row_tokens]

    def get_seq_length(self) -> int:
        return self._num_row_tokens + (0 if self.shared is None else self.shared[0].shape[-2])


def shared_cache(num_layers: int, *, room: int, shared: Cache | None = None) -> Cache:
    """An empty cache with room for that many tokens per row; the tokens of `shared` (one row) are the common prefix."""
    layers = shared.layers if shared is not None else [None] * num_layers
    return Cache(layers=[SharedLayer(layer.row_tensors() if layer else None, room) for layer in layers])


def grouped_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """softmax(Q K^T scaling + mask) V, as [B, L, H, d]; queries [B, H, L, d], keys and values [B, G, S, d], with an
    attribute `shared` [1, G, P, d] if all rows have a common prefix."""
    del module
    rows, heads, new, size = query.shape
    groups = key.shape[1]
    grouped = query.reshape(rows, groups, -1, size)
    scores = torch.matmul(grouped, key.transpose(2, 3))
    shared_keys, shared_values = getattr(key, "shared", None), getattr(value, "shared", None)
    if shared_keys is not None:
        scores = torch.cat([_by_all_rows(grouped, shared_keys.transpose(2, 3)), scores], dim=-1)
    scores = scores * scaling
    if attention_mask is not None:
        num_keys = scores.shape[-1]
        scores = scores.view(rows, groups, heads // groups, new, num_keys) + attention_mask[:, :, None, :, :num_keys]
        scores = scores.view(rows, groups, -1, num_keys)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    num_shared = scores.shape[-1] - key.shape[2]
    mixed = torch.matmul(weights[..., num_shared:], value)
    if shared_values is not None:
        mixed = mixed + _by_all_rows(weights[..., :num_shared], shared_values)
    return mixed.view(rows, heads, new, size).transpose(1, 2).contiguous(), None


def _by_all_rows(rows: torch.Tensor, shared: torch.Tensor) -> torch.Tensor:
    """The products [B, G, n, k] of `rows` [B, G, n, m] with `shared` [1, G, m, k], which is read once for all."""
    count, groups, each, _ = rows.shape
    product = torch.matmul(rows.transpose(0, 1).reshape(groups, count * each, -1), shared[0])
    return product.view(groups, count, each, -1).transpose(0, 1)
