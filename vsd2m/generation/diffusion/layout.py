"""Converts a 2D network's config to the arguments of the 3D network."""

from typing import Any

from vsd2m.core.errors import ConfigError

SHARED_SETTINGS = (
    "sample_size",
    "in_channels",
    "out_channels",
    "layers_per_block",
    "downsample_padding",
    "mid_block_scale_factor",
    "act_fn",
    "norm_num_groups",
    "norm_eps",
    "cross_attention_dim",
    "time_cond_proj_dim",
)
"""Settings with the same meaning in the 2D and the 3D network."""


def layout_of(unet2d: Any) -> dict[str, Any]:
    """The 3D network's arguments that correspond to a 2D network's config.

    Stable Diffusion 2.x has the same width of attention heads at all levels, 1.x the same number; `ConfigError` for
    anything else.
    """
    config = unet2d.config
    channels = list(config.block_out_channels)
    heads = config.num_attention_heads or config.attention_head_dim  # diffusers' historic misnomer: this counts heads
    heads = [heads] * len(channels) if isinstance(heads, int) else list(heads)
    widths = [width // count for width, count in zip(channels, heads, strict=True)]
    if len(set(widths)) > 1 and len(set(heads)) > 1:
        raise ConfigError(
            "expected the layout of Stable Diffusion 2.x (one head width) or 1.x (one number of heads); found head "
            f"widths {widths} and numbers of heads {heads}"
        )
    return {
        **{name: config[name] for name in SHARED_SETTINGS},
        "block_out_channels": tuple(channels),
        "down_block_types": tuple(name.replace("2D", "3D") for name in config.down_block_types),
        "up_block_types": tuple(name.replace("2D", "3D") for name in config.up_block_types),
        "attention_head_dim": widths[0],
        "num_attention_heads": heads[0] if len(set(widths)) > 1 else None,
    }
