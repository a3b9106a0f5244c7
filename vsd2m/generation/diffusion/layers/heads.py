"""The same number of attention heads at every level, as in Stable Diffusion 1.x."""

from typing import Any

from diffusers.models.attention_processor import Attention

from vsd2m.generation.diffusion.layers.conv import temporal_blocks


def set_num_heads(unet: Any, num_heads: int) -> None:
    """Splits every attention of the blocks into `num_heads`; the weights and their shapes stay."""
    for block in temporal_blocks(unet):
        for transformers in (getattr(block, "attentions", ()), getattr(block, "temp_attentions", ())):
            for transformer in transformers:
                for module in transformer.modules():
                    if isinstance(module, Attention):
                        module.heads = num_heads
                        module.sliceable_head_dim = num_heads
                        module.scale = (module.inner_dim // num_heads) ** -0.5
