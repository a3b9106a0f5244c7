"""Randomly initialised generators for the timings: the paper's size, or tiny ones that run on a CPU."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from vsd2m.generation.config import TextConfig
from vsd2m.generation.diffusion.pipeline import StickerPipeline
from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel
from vsd2m.generation.diffusion.text import small_text_encoder, train_tokenizer


@dataclass(frozen=True)
class Scale:
    """Arguments of the networks, and the generated clip."""

    unet: dict[str, Any]
    vae_channels: tuple[int, ...]
    vae_groups: int
    text: TextConfig
    size: int
    num_frames: int


SCALES = {
    "full": Scale(
        unet={"sample_size": 32, "cross_attention_dim": 1024, "attention_head_dim": 64},
        vae_channels=(128, 256, 512, 512),
        vae_groups=32,
        text=TextConfig(hidden_size=1024, num_layers=23, num_heads=16, max_length=77),
        size=256,
        num_frames=8,
    ),
    "tiny": Scale(
        unet={
            "sample_size": 8,
            "cross_attention_dim": 32,
            "attention_head_dim": 8,
            "block_out_channels": (32, 64),
            "layers_per_block": 1,
            "norm_num_groups": 8,
            "down_block_types": ("CrossAttnDownBlock3D", "DownBlock3D"),
            "up_block_types": ("UpBlock3D", "CrossAttnUpBlock3D"),
        },
        vae_channels=(16, 16, 32, 32),
        vae_groups=8,
        text=TextConfig(hidden_size=32, num_layers=2, num_heads=4, max_length=77),
        size=64,
        num_frames=8,
    ),
}
LAYER_OF = {"conv": "Make-A-Video", "alpha": "VideoLDM", "swap": "VideoFactory", "sti": "STI"}


def make_pipeline(scale: Scale, *, temporal_layer: str, device: str, dtype: torch.dtype) -> StickerPipeline:
    """Ours, with the given temporal layer."""
    tokenizer = train_tokenizer(["a sticker of a cat that waves its paw"], scale.text)
    with torch.device(device):
        parts = {
            "unet": StickerUNetModel(**scale.unet, temporal_layer=temporal_layer),
            "vae": make_vae(scale),
            "text_encoder": small_text_encoder(tokenizer, scale.text),
        }
    parts = {name: part.to(dtype).eval().requires_grad_(False) for name, part in parts.items()}
    pipeline = StickerPipeline(
        **parts, tokenizer=tokenizer, scheduler=make_scheduler(), size=scale.size, num_frames=scale.num_frames
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def make_diffusers_pipeline(scale: Scale, *, device: str, dtype: torch.dtype) -> Any:
    """The peer: diffusers' own text-to-video pipeline over its stock 3D UNet (Make-A-Video's layers)."""
    from diffusers import TextToVideoSDPipeline, UNet3DConditionModel

    tokenizer = train_tokenizer(["a sticker of a cat that waves its paw"], scale.text)
    with torch.device(device):
        parts = {
            "unet": UNet3DConditionModel(**scale.unet),
            "vae": make_vae(scale),
            "text_encoder": small_text_encoder(tokenizer, scale.text),
        }
    parts = {name: part.to(dtype).eval().requires_grad_(False) for name, part in parts.items()}
    pipeline = TextToVideoSDPipeline(**parts, tokenizer=tokenizer, scheduler=make_scheduler())
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def make_vae(scale: Scale) -> Any:
    """Stable Diffusion's autoencoder, or a narrow one."""
    from diffusers import AutoencoderKL

    levels = len(scale.vae_channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=scale.vae_channels,
        norm_num_groups=scale.vae_groups,
        layers_per_block=2,
        latent_channels=4,
    )


def make_scheduler() -> Any:
    """Stable Diffusion's schedule."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False)


@dataclass(frozen=True)
class Timing:
    """Seconds of the timed calls, warm and synchronised; of one processor on a CPU."""

    name: str
    seconds: tuple[float, ...]
    flops: int

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def row(self, baseline: "Timing", peak_flops: float | None) -> str:
        """A line of a Markdown table."""
        usage = f"{100 * self.flops / self.median / peak_flops:.1f} %" if peak_flops else "-"
        spread = f"{min(self.seconds):.3f}-{max(self.seconds):.3f}"
        return f"| {self.name} | {self.median:.3f} | {spread} | {baseline.median / self.median:.2f} | {usage} |"


TABLE_HEAD = "| system | median, s | range, s | speed relative to the peer | MFU |\n|---|---|---|---|---|"


def measure(name: str, call: Callable[[], Any], *, repeats: int, device: str, flops: int | None = None) -> Timing:
    """Times `call` after two warm-up calls (the first compiles), and counts its floating-point operations
    unless they are given, as for compiled code, in which they cannot be counted.

    On a CPU it is processor time, which other jobs do not affect.
    """
    from torch.utils.flop_counter import FlopCounterMode

    clock = time.perf_counter if device.startswith("cuda") else time.process_time
    for _ in range(2):
        call()
    seconds = []
    for _ in range(repeats):
        synchronise(device)
        start = clock()
        call()
        synchronise(device)
        seconds.append(clock() - start)
    if flops is None:
        with FlopCounterMode(display=False) as counter:
            call()
        flops = counter.get_total_flops()
    return Timing(name, tuple(seconds), flops)


def synchronise(device: str) -> None:
    """Waits for the device's queue."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
