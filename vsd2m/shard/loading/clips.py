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
    """How frames of a clip are chosen.

    `frames` applies if a sticker has at least `num_frames`: `linspace` (evenly, first and last included, as the
    paper's loader), `uniform` (the starts of `num_frames` equal intervals, for loops), `time` (the frames
    shown at `num_frames` equal steps of one loop). `fill` extends a shorter one: `flip` (back and forth, the
    paper's), `repeat` (from the start again), `none` (stays shorter).
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
    """`[T]`: the index in the sticker of each frame of the clip; T is `num_frames`, or less with `fill="none"`."""
    num_stored, num_wanted = clip.num_frames, options.num_frames
    if num_stored < num_wanted:
        return _filled_indices(num_stored, num_wanted, options.fill)
    if options.frames == "linspace":
        return linspace_indices(num_stored, num_wanted)
    if options.frames == "uniform":
        return uniform_indices(num_stored, num_wanted)
    return time_indices(clip.played_durations_ms, num_wanted)


def cut_clip(clip: Clip, indices: NDArray[np.int64], options: ClipOptions) -> NDArray[np.uint8]:
    """uint8 `[T, C, H, W]`: the chosen frames, on the background, stretched to the size."""
    used_indices, positions = np.unique(indices, return_inverse=True)
    frames = flatten(clip.frames[used_indices], background=options.background)
    return np.ascontiguousarray(resize(frames, options.size).transpose(0, 3, 1, 2)[positions])


def _filled_indices(num_stored: int, num_wanted: int, fill: Fill) -> NDArray[np.int64]:
    if num_stored == 1 and fill != "none":
        return np.zeros(num_wanted, np.int64)
    if fill == "flip":
        return flip_indices(num_stored, num_wanted)
    return repeat_indices(num_stored, num_wanted if fill == "repeat" else num_stored)
