"""From a sticker's bytes to a clip of fixed length and size. Arrays: T frames, C = 3 channels, H, W."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import ConfigError
from vsd2m.media.clip import Clip
from vsd2m.media.frame_indices import (
    flatten,
    flip_indices,
    linspace_indices,
    repeat_indices,
    resize,
    time_indices,
    uniform_indices,
)

Frames = Literal["linspace", "uniform", "time"]
Fill = Literal["flip", "repeat", "none"]
FRAMES: tuple[Frames, ...] = ("linspace", "uniform", "time")
FILLS: tuple[Fill, ...] = ("flip", "repeat", "none")


@dataclass(frozen=True)
class ClipOptions:
    """How a clip is cut.

    `frames` chooses where a sticker has at least `num_frames`: `linspace` (evenly, first and last included, as the
    paper's loader), `uniform` (the starts of `num_frames` equal stretches, for loops), `time` (what is on the
    screen at `num_frames` equal steps of one loop). `fill` completes a shorter one: `flip` (forth and back, the
    paper's), `repeat` (from the start again), `none` (left short).
    """

    num_frames: int
    size: int
    frames: Frames = "linspace"
    fill: Fill = "flip"
    background: tuple[int, int, int] = (255, 255, 255)

    def __post_init__(self) -> None:
        if self.num_frames < 1:
            raise ConfigError(f"num_frames must be at least 1, found {self.num_frames}")
        if self.size < 1:
            raise ConfigError(f"size must be at least 1 pixel, found {self.size}")
        if self.frames not in FRAMES:
            raise ConfigError(f"frames must be one of {', '.join(FRAMES)}, found {self.frames!r}")
        if self.fill not in FILLS:
            raise ConfigError(f"fill must be one of {', '.join(FILLS)}, found {self.fill!r}")
        if len(self.background) != 3 or not all(0 <= value <= 255 for value in self.background):
            raise ConfigError(f"background must be three values in 0..255, found {self.background}")


def frame_indices(clip: Clip, options: ClipOptions) -> NDArray[np.int64]:
    """`[T]`: the stored frame that each frame of the clip shows; T is `num_frames`, or less with `fill="none"`."""
    stored, wanted = clip.num_frames, options.num_frames
    if stored < wanted:
        return _filled(stored, wanted, options.fill)
    if options.frames == "linspace":
        return linspace_indices(stored, wanted)
    if options.frames == "uniform":
        return uniform_indices(stored, wanted)
    return time_indices(clip.played_durations_ms, wanted)


def cut_clip(clip: Clip, indices: NDArray[np.int64], options: ClipOptions) -> NDArray[np.uint8]:
    """uint8 `[T, C, H, W]`: the chosen frames, on the background, stretched to the size."""
    used, where = np.unique(indices, return_inverse=True)
    frames = flatten(clip.frames[used], background=options.background)
    return np.ascontiguousarray(resize(frames, options.size).transpose(0, 3, 1, 2)[where])


def _filled(stored: int, wanted: int, fill: Fill) -> NDArray[np.int64]:
    if stored == 1 and fill != "none":
        return np.zeros(wanted, np.int64)
    if fill == "flip":
        return flip_indices(stored, wanted)
    return repeat_indices(stored, wanted if fill == "repeat" else stored)
