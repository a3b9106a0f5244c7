"""Temporal layers: one file each. A layer sits after every spatial ResNet block of the UNet and mixes frames.

Every layer is a module `forward(hidden_states [B*T, C, H, W], num_frames) -> [B*T, C, H, W]`; at the start it is the
identity.
"""

TEMPORAL_LAYERS: dict[str, str] = {
    "conv": "vsd2m.generation.diffusion.layers.conv:install",
    "alpha": "vsd2m.generation.diffusion.layers.alpha:install",
    "swap": "vsd2m.generation.diffusion.layers.swap:install",
    "sti": "vsd2m.generation.diffusion.layers.sti:install",
}
"""Name -> `install(unet)`, which puts the layer into a freshly built `StickerUNetModel`."""
