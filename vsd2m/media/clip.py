"""A decoded picture: every frame, how long each is shown, how often it plays.

T frames, H and W the height and width in pixels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
"""uint8 `[T, H, W, 4]`: red, green, blue, straight (not premultiplied) alpha."""

MAX_CLAMPED_MS = 10
CLAMPED_TO_MS = 100
_EXACT_DURATIONS = ("webm", "mp4", "tgs", "lottie", "dotlottie")
"""Formats whose players show each frame for exactly its stated duration, however short."""


def clear_hidden(pixels: npt.NDArray[np.uint8]) -> None:
    """Sets the colour of fully transparent pixels to 0, in place; `pixels` `[..., 4]`, the last axis contiguous."""
    words = pixels.view("<u4")
    np.multiply(words, words > 0x00FFFFFF, out=words)


def played(durations_ms: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """Stored durations as browsers show them: a frame of 10 ms or less is played for 100 ms."""
    stored = np.asarray(durations_ms)
    return np.where(stored <= MAX_CLAMPED_MS, CLAMPED_TO_MS, stored).astype(np.int32)


@dataclass(frozen=True, eq=False)
class Clip:
    """An animated or still picture as it appears on screen, frame by frame.

    Fully transparent pixels are `(0, 0, 0, 0)`. `loop_count` is the number of times the animation plays, 0 for endless.
    `background` is the colour the file suggests; browsers ignore it, and so does `frames`. `faults`:
    errors in the file that browsers tolerate; `frames` are the frames that browsers show.
    """

    frames: Frames
    durations_ms: npt.NDArray[np.int32]  # [T], as stored; 0 for a still
    loop_count: int
    media_format: str
    background: tuple[int, int, int, int] | None = None
    faults: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.frames.dtype != np.uint8 or self.frames.ndim != 4 or self.frames.shape[3] != 4:
            raise ValueError(f"frames: uint8 [T, H, W, 4] expected, {self.frames.dtype} {self.frames.shape} found")
        if not self.frames.size:
            raise ValueError(f"frames: at least one pixel expected, shape {self.frames.shape} found")
        if self.durations_ms.shape != (len(self.frames),):
            raise ValueError(f"durations_ms: {len(self.frames)} expected, {self.durations_ms.shape} found")

    @property
    def num_frames(self) -> int:
        return len(self.frames)

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])

    @property
    def played_durations_ms(self) -> npt.NDArray[np.int32]:
        """`[T]`: as browsers show them; all are positive."""
        if self.media_format in _EXACT_DURATIONS:
            return np.maximum(self.durations_ms, 1)
        return played(self.durations_ms)
