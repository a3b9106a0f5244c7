"""Tiny networks and drawn clips."""

from typing import Any

import numpy as np
import pytest

from vsd2m.generation.config import TrainConfig, merge
from vsd2m.generation.data import ClipSource, TrainingClip

torch = pytest.importorskip("torch")


TINY_2D = {
    "sample_size": 8,
    "block_out_channels": (16, 32),
    "layers_per_block": 1,
    "cross_attention_dim": 16,
    "norm_num_groups": 8,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "attention_head_dim": (2, 4),  # diffusers' misnomer: heads
    "use_linear_projection": True,
}


def make_unet(unet2d: Any, temporal_layer: str, *, trained: bool, **options: Any) -> Any:
    """A tiny `StickerUNetModel`; `trained` moves every weight off its initial value."""
    from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel

    torch.manual_seed(1)
    if temporal_layer == "sti":
        options = {"num_heads": 2, "head_dim": 8, **options}
    unet = StickerUNetModel.from_unet2d(unet2d, temporal_layer=temporal_layer, temporal_options=options).eval()
    if trained:
        with torch.no_grad():
            for weight in unet.parameters():
                weight.add_(0.05 * torch.randn_like(weight))
    return unet


def noisy_clip(*, batch: int = 2, num_frames: int = 4, height: int = 8, width: int = 8) -> tuple[Any, Any, Any]:
    """Random latents [B, 4, T, H, W], timesteps [B] and text states [B, 5, 16]."""
    generator = torch.Generator().manual_seed(2)
    latents = torch.randn(batch, 4, num_frames, height, width, generator=generator)
    return latents, torch.tensor([3, 700, 41][:batch]), torch.randn(batch, 5, 16, generator=generator)


def equal_but_for_rounding(first: Any, second: Any) -> bool:
    """Whether two float32 results of one computation, in whichever order its sums were taken, are the same: within some
    hundred roundings of the largest number. Kernels of different processors differ by tens."""
    largest = max(first.abs().max(), second.abs().max())
    return bool((first - second).abs().max() <= 256 * torch.finfo(torch.float32).eps * largest)


def frame_by_frame(unet2d: Any, latents: Any, timesteps: Any, states: Any) -> Any:
    """The 2D network applied to every frame, in the shape of a video network's output."""
    batch, _, num_frames = latents.shape[:3]
    images = latents.transpose(1, 2).flatten(0, 1)
    output = unet2d(images, timesteps.repeat_interleave(num_frames), states.repeat_interleave(num_frames, 0)).sample
    return output.unflatten(0, (batch, num_frames)).transpose(1, 2)


def drawn_clips(*, count: int, num_frames: int = 4, size: int = 8) -> ClipSource:
    """Squares of different colours that move to the right; the first half has one frame that only fills."""
    colours = {"red": (230, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 220)}

    def clip(number: int) -> TrainingClip:
        name = list(colours)[number % 3]
        frames = np.full((num_frames, 3, size, size), 255, np.uint8)
        for time in range(num_frames):
            column = (number + time) % (size - 2)
            frames[time, :, 2:5, column : column + 3] = np.array(colours[name], np.uint8)[:, None, None]
        mask = np.arange(num_frames) < num_frames - (number < count // 2)
        return TrainingClip(key=f"{number:032x}", text=f"cartoon\ta {name} square", frames=frames, mask=mask)

    return ClipSource(identity=f"drawn-{count}-{num_frames}-{size}", read=lambda: map(clip, range(count)))


def tiny_config(out: Any, **values: Any) -> TrainConfig:
    """Seconds on one thread: 4 frames of 8 x 8 pixels."""
    return TrainConfig.model_validate(
        {
            "preset": "tiny",
            "out": str(out),
            "model": {
                "block_out_channels": (16, 32),
                "attention_levels": (False, True),
                "attention_head_dim": 8,
                "patch_size": 2,
                "temporal_layer": {"layer": "sti", "num_heads": 2, "head_dim": 8},
            },
            "text": {"hidden_size": 16, "num_heads": 2, "max_length": 8, "vocab_size": 300},
            "data": {"shards": "unused", "num_frames": 4, "size": 8},
            "batch_size": 4,
            "num_steps": 4,
            "num_threads": 1,
            **values,
        }
    )


SMALL_VIDEOGPT = {
    "num_hiddens": 16,
    "num_residual_layers": 1,
    "time_factor": 2,
    "space_factor": 2,
    "num_codes": 16,
    "code_dim": 4,
    "width": 32,
    "num_layers": 1,
    "num_heads": 2,
    "vqvae_steps": 3,
}


def small_videogpt_config(out: Any, **values: Any) -> TrainConfig:
    """VideoGPT in seconds on one thread."""
    base = {
        "preset": "videogpt_tiny",
        "out": str(out),
        "videogpt": SMALL_VIDEOGPT,
        "data": {"shards": "unused", "num_frames": 4, "size": 8},
        "batch_size": 4,
        "num_steps": 3,
        "num_threads": 1,
    }
    return TrainConfig.model_validate(merge(base, values))


def tagged_clips(count: int = 6) -> ClipSource:
    """`drawn_clips` with tags."""
    clips = drawn_clips(count=count)
    tags = [("cartoon", "red"), ("cartoon", "green"), ("cartoon", "blue")]

    def read() -> Any:
        for number, clip in enumerate(clips.read()):
            yield TrainingClip(clip.key, clip.text, clip.frames, clip.mask, tags[number % 3])

    return ClipSource(f"tagged-{clips.identity}", read)
