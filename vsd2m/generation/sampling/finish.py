"""Converts generated frames to the clip that is written: size, transparent background, palette.

Letters: T frames, H, W height and width.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vsd2m.generation.config import GenerationConfig
from vsd2m.media.clip import Clip
from vsd2m.media.frame_indices import resize

NEARLY_WHITE = 232
"""The smallest red, green and blue of a background pixel."""

MAX_COLOURS = 255
"""One entry of a GIF's palette is for transparency."""


def finish(frames: NDArray[np.uint8], config: GenerationConfig) -> Clip:
    """The clip of frames uint8 [T, H, W, 3], with the config's settings."""
    height, width = frames.shape[1:3]
    pixels = resize(frames, (height * config.upscale, width * config.upscale))
    opaque = ~background(pixels) if config.background == "transparent" else np.ones(pixels.shape[:3], bool)
    if config.palette == "shared":
        pixels = share_palette(pixels)
    return Clip(
        frames=np.concatenate([pixels, np.where(opaque, 255, 0).astype(np.uint8)[..., None]], axis=3),
        durations_ms=np.full(len(frames), config.duration_ms, np.int32),
        loop_count=0,
        media_format=config.media_format,
    )


def background(frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """[T, H, W], True for nearly white pixels that are connected to the border by nearly white pixels, per frame."""
    white: NDArray[np.bool_] = frames.min(axis=3) >= NEARLY_WHITE
    border = np.zeros_like(white)
    border[:, [0, -1]] = True
    border[:, :, [0, -1]] = True
    reached = white & border
    while True:
        grown = reached.copy()
        grown[:, 1:] |= reached[:, :-1]
        grown[:, :-1] |= reached[:, 1:]
        grown[:, :, 1:] |= reached[:, :, :-1]
        grown[:, :, :-1] |= reached[:, :, 1:]
        grown &= white
        if np.array_equal(grown, reached):
            return reached
        reached = grown


def share_palette(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frames with a common palette of at most 255 colours, chosen by median cut."""
    num_frames, height, width = frames.shape[:3]
    tall = Image.fromarray(frames.reshape(num_frames * height, width, 3))
    reduced = tall.quantize(MAX_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    return np.asarray(reduced, np.uint8).reshape(frames.shape)
