"""Training presets on Stable Diffusion, in addition to `presets.PAPER` (only the 3D convolutions); and VideoGPT."""

from typing import Any

from vsd2m.generation.presets import PAPER

TEMPORAL: dict[str, Any] = {**PAPER, "trainable": "temporal"}
"""All layers that mix frames, including attention; the 2D network is frozen."""

FULL: dict[str, Any] = {**PAPER, "trainable": "all"}
"""All weights of the denoiser."""

LORA: dict[str, Any] = {
    **PAPER,
    "trainable": "lora",
    "lora": {"rank": 16, "alpha": 16.0},
    "optimizer": {"learning_rate": 1e-4, "warmup_steps": 500, "ema_decay": 0.999},
}
"""Low-rank adapters on the attention, with `model.temporal_weights` from an earlier training."""

SCRATCH: dict[str, Any] = {
    "model": {
        "temporal_layer": "sti",
        "block_out_channels": (128, 256, 384),
        "attention_levels": (False, True, True),
        "layers_per_block": 2,
        "attention_head_dim": 64,
        "norm_num_groups": 32,
        "patch_size": 4,
    },
    "text": {"hidden_size": 512, "num_layers": 6, "num_heads": 8, "vocab_size": 16384, "max_length": 64},
    "data": {"num_frames": 8, "size": 128},
    "noise": {"prediction_type": "v_prediction", "zero_terminal_snr": True, "min_snr_gamma": 5.0},
    "optimizer": {"learning_rate": 1e-4, "warmup_steps": 1000, "decay": "cosine", "ema_decay": 0.9995},
    "batch_size": 32,
    "num_steps": 100_000,
    "save_every": 5_000,
}
"""Without a base checkpoint: everything from scratch, on pixels, on one GPU."""

VIDEOGPT: dict[str, Any] = {
    "family": "videogpt",
    "videogpt": {"vqvae_steps": 50_000},
    "data": {"num_frames": 8, "size": 256},
    "optimizer": {"learning_rate": 3e-4, "warmup_steps": 500, "decay": "cosine", "ema_decay": 0.9995},
    "batch_size": 16,
    "num_steps": 100_000,
    "save_every": 5_000,
}
"""VideoGPT at 8 frames of 256 x 256: 2,048 codes per sticker."""

VIDEOGPT_TINY: dict[str, Any] = {
    "family": "videogpt",
    "videogpt": {
        "vqvae_steps": 300,
        "time_factor": 2,
        "space_factor": 4,
        "num_hiddens": 32,
        "num_residual_layers": 1,
        "num_codes": 256,
        "code_dim": 16,
        "width": 96,
        "num_layers": 3,
        "num_heads": 4,
        "dropout": 0.0,
        "max_tags": 200,
    },
    "data": {"num_frames": 8, "size": 32},
    "optimizer": {"learning_rate": 2e-3, "warmup_steps": 20, "decay": "cosine", "beta2": 0.99, "ema_decay": 0.98},
    "batch_size": 8,
    "num_steps": 300,
    "save_every": 150,
    "keep_last_n": 1,
}
"""VideoGPT at 32 x 32 on a CPU."""

CURRICULA: dict[str, dict[str, Any]] = {
    "temporal": TEMPORAL,
    "full": FULL,
    "lora": LORA,
    "scratch": SCRATCH,
    "videogpt": VIDEOGPT,
    "videogpt_tiny": VIDEOGPT_TINY,
}
