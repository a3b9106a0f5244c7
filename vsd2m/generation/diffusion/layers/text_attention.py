"""Attention of the pixels to the text, whose keys and values are projected once per clip instead of once per frame.

All frames of a clip read the same text: their pixels become the queries of one attention. Inside `text_projected`,
keys and values are even reused between denoising steps.

Letters: B batch, T frames, N pixels of a frame, L tokens, C channels, A heads, D channels of the text states.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.nn import functional

from vsd2m.generation.diffusion.layers.conv import temporal_blocks


class TextAttention:
    """An attention processor: pixels [B*T, N, C] attend to the text states [B, L, D] of their clip."""

    def __init__(self) -> None:
        self.projected: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __call__(
        self, attn: Any, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor, **kwargs: Any
    ) -> torch.Tensor:
        num_frames_all, num_pixels, _ = hidden_states.shape
        batch_size = len(encoder_hidden_states)
        key, value = self.projected.get(batch_size) or project(attn, encoder_hidden_states)
        query = attn.to_q(hidden_states).reshape(batch_size, -1, attn.heads, key.shape[-1]).transpose(1, 2)
        attended = functional.scaled_dot_product_attention(query, key, value)
        attended = attended.transpose(1, 2).reshape(num_frames_all, num_pixels, -1)
        return attn.to_out[1](attn.to_out[0](attended)) / attn.rescale_output_factor


def project(attn: Any, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and values [B, A, L, C / A] of text states [B, L, D]."""
    key, value = (
        projection(states).unflatten(-1, (attn.heads, -1)).transpose(1, 2) for projection in (attn.to_k, attn.to_v)
    )
    return key, value


def text_attentions(unet: Any) -> list[Any]:
    """The attentions to the text, from the input to the output."""
    return [
        inner.attn2
        for block in temporal_blocks(unet)
        for transformer in getattr(block, "attentions", ())
        for inner in transformer.transformer_blocks
    ]


def install(unet: Any) -> None:
    """Makes the network use this attention; weights and their names stay."""
    for attention in text_attentions(unet):
        attention.set_processor(TextAttention())


@contextlib.contextmanager
def text_projected(unet: Any, batches: Sequence[torch.Tensor]) -> Iterator[None]:
    """A context in which the network is only called with these text states, each [B, L, D] with its own B."""
    attentions = [attn for attn in text_attentions(unet) if isinstance(attn.processor, TextAttention)]
    for attention in attentions:
        attention.processor.projected = {len(states): project(attention, states) for states in batches}
    try:
        yield
    finally:
        for attention in attentions:
            attention.processor.projected = {}
