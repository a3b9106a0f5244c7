"""How well a trained variant denoises unseen clips, always from the same noise, and the stickers it generates.

Letters: B batch, C channels, T frames.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from reproduction_data import data_config

from vsd2m.generation.config import GenerationConfig
from vsd2m.generation.data import shard_clips
from vsd2m.generation.sampler import generate, load_pipeline, newest_checkpoint

NOISE_LEVELS = (250, 500, 750, 950)
STRIDES = {"near": 2, "far": 1}
"""One in this many clips of a split is scored."""
BATCH_SIZE = 9
PROMPTS = (
    "a cat",
    "a cat face",
    "a dog",
    "a dog face",
    "a panda",
    "a penguin",
    "a mouse face",
    "a tiger",
    "a birthday cake",
    "a motorcycle",
    "a waving hand with light skin",
    "a man running",
    "a rabbit face",
    "an octopus",
    "a dolphin",
    "a christmas tree",
)


def score_variant(out: Path, name: str, *, bf16: bool) -> None:
    """Denoising errors of `variants/NAME` in `scores/NAME.json`; with the name "frames", of the untrained temporal
    layers, which is the two-dimensional network on every frame separately. Existing files are left unchanged."""
    path = out / "scores" / f"{name}.json"
    if path.exists():
        return
    pipeline = load(out, name)
    scores = {split: denoising_errors(out, pipeline, split, bf16=bf16) for split in STRIDES}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(scores) + "\n")


def load(out: Path, name: str) -> Any:
    if name != "frames":
        return load_pipeline(newest_checkpoint(out / "variants" / name))
    pipeline = load_pipeline(newest_checkpoint(next((out / "variants").glob("conv-*"))))
    from diffusers import UNet2DConditionModel

    from vsd2m.generation.diffusion.sticker_unet import StickerUNetModel

    pipeline.unet = StickerUNetModel.from_unet2d(
        UNet2DConditionModel.from_pretrained(out / "base" / "unet"), temporal_layer="conv"
    ).eval()
    return pipeline


def denoising_errors(out: Path, pipeline: Any, split: str, *, bf16: bool) -> dict[str, list[list[float]]]:
    """For every clip of the split and every noise level the mean squared error of the predicted clip, and of its
    changes from frame to frame."""
    import torch

    torch.set_num_threads(1)
    errors: dict[str, list[list[float]]] = {"clip": [], "motion": []}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for clips, texts, first in _batches(out, pipeline, split):
            states = pipeline.encode_prompts(texts)
            by_level = [_error(pipeline, clips, states, level, first) for level in NOISE_LEVELS]
            for kind in errors:
                errors[kind] += np.stack([level_errors[kind] for level_errors in by_level], axis=1).round(6).tolist()
    return errors


def _error(pipeline: Any, clips: Any, states: Any, level: int, first: int) -> dict[str, Any]:
    import torch

    noise = torch.stack(
        [
            torch.randn(clips.shape[1:], generator=torch.Generator().manual_seed(10_000 * level + first + number))
            for number in range(len(clips))
        ]
    )
    timesteps = torch.full((len(clips),), level)
    noisy = pipeline.scheduler.add_noise(clips, noise, timesteps)
    predicted = pipeline.unet(noisy, timesteps, states, return_dict=False)[0].float()
    difference = predicted - clips
    return {
        "clip": difference.square().mean(dim=(1, 2, 3, 4)).numpy(),
        "motion": difference.diff(dim=2).square().mean(dim=(1, 2, 3, 4)).numpy(),
    }


def _batches(out: Path, pipeline: Any, split: str) -> Iterator[tuple[Any, list[str], int]]:
    """Encoded clips [B, C, T, h, w] of a split, with their texts and the first one's number."""
    import torch

    cached = out / "cache" / f"{split}.npz"
    if not cached.exists():
        clips = list(shard_clips(data_config(out, split)).read())
        cached.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cached, frames=np.stack([clip.frames for clip in clips]), texts=[clip.text for clip in clips])
    arrays = np.load(cached)
    pictures, captions = arrays["frames"][:: STRIDES[split]], arrays["texts"][:: STRIDES[split]]
    for first in range(0, len(captions), BATCH_SIZE):
        frames = torch.from_numpy(pictures[first : first + BATCH_SIZE]).float() / 127.5 - 1
        texts = [str(text) for text in captions[first : first + BATCH_SIZE]]
        yield pipeline.codec.encode(frames), texts, first


def draw(out: Path, checkpoint: Path, name: str, *, num_prompts: int, num_steps: int) -> None:
    """Generates stickers for the first prompts into `samples/NAME`, with the same noise for every generator."""
    config = GenerationConfig(num_inference_steps=num_steps, guidance_scale=3.0, media_format="webp", seed=100)
    generate(checkpoint, PROMPTS[:num_prompts], out / "samples" / name, config=config)
