"""Attention for grouped queries that does not copy keys and values; for decoding on a CPU.

B rows, H query heads in G groups that share keys and values, L new tokens, S tokens seen, d head size.
"""

from typing import Any

import torch

NAME = "vsd2m_grouped"


def register() -> str:
    """Makes the attention known to transformers; returns the name to load a model with."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(NAME, grouped_attention)
    AttentionMaskInterface.register(NAME, eager_mask)
    return NAME


def grouped_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """softmax(Q K^T scaling + mask) V, as [B, L, H, d]; queries [B, H, L, d], keys and values [B, G, S, d].

    Without soft caps, sinks and dropout: for Llama and Gemma 3 only.
    """
    del module
    rows, heads, new, size = query.shape
    groups, seen = key.shape[1:3]
    scores = torch.matmul(query.reshape(rows, groups, -1, size), key.transpose(2, 3)) * scaling
    if attention_mask is not None:
        scores = (scores.view(rows, groups, heads // groups, new, seen) + attention_mask[:, :, None, :, :seen]).view(
            rows, groups, -1, seen
        )
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    mixed = torch.matmul(weights, value).view(rows, heads, new, size)
    return mixed.transpose(1, 2).contiguous(), None
