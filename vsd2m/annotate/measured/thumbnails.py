"""Small, evenly timed copies of a clip's frames, from which colours and motion are measured.

T frames in, N <= 32 frames out, h height, w width (the longer side is 64).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vsd2m.media.frame_indices import time_indices

LONGER_SIDE = 64
MAX_FRAMES = 32


@dataclass(frozen=True)
class Thumbnails:
    """`pixels` float64 [N, h, w, 4] in 0..1, colours premultiplied by alpha; `duration_ms` of one loop."""

    pixels: NDArray[np.float64]
    duration_ms: int

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def alpha(self) -> NDArray[np.float64]:
        return self.pixels[..., 3]

    def over(self, background: NDArray[np.float64]) -> NDArray[np.float64]:
        """[N, h, w, 3] in 0..1 on one colour, RGB in 0..1."""
        return self.pixels[..., :3] + (1.0 - self.pixels[..., 3:]) * background


def make_thumbnails(frames: NDArray[np.uint8], durations_ms: NDArray[np.int32]) -> Thumbnails:
    """Thumbnails of straight-alpha RGBA frames uint8 [T, H, W, 4] shown for `durations_ms` [T], all positive."""
    height, width = frames.shape[1:3]
    longer = max(height, width)
    size = (max(1, round(width * LONGER_SIDE / longer)), max(1, round(height * LONGER_SIDE / longer)))
    chosen = evenly_timed(durations_ms)
    small = {index: _shrink(frames[index], size) for index in sorted(set(chosen.tolist()))}
    return Thumbnails(np.stack([small[index] for index in chosen.tolist()]), int(durations_ms.sum()))


def evenly_timed(durations_ms: NDArray[np.int32]) -> NDArray[np.int64]:
    """Indices of the frames at N moments spread evenly over the loop.

    Every frame once if there are at most 32 and all have the same duration.
    """
    total = int(durations_ms.sum())
    if len(durations_ms) <= MAX_FRAMES and int(durations_ms.min()) == int(durations_ms.max()):
        return np.arange(len(durations_ms), dtype=np.int64)
    shortest = max(1, int(durations_ms.min()))
    return time_indices(durations_ms, min(MAX_FRAMES, max(len(durations_ms), -(-total // shortest))))


def _shrink(frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float64]:
    picture = Image.fromarray(np.ascontiguousarray(frame), "RGBA").convert("RGBa")
    return np.asarray(picture.resize(size, Image.Resampling.BOX), dtype=np.float64) / 255.0
