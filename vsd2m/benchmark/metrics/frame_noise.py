"""How noisy the frames are (Immerkær, Fast noise variance estimation, CVIU 64, 1996)."""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.suite.clips import JudgedClip

FRAMES = "spread8"


class FrameNoise(ClipMetric):
    """Standard deviation of the noise, 0 (none) to 1 (the range of colours), mean over 8 frames and the channels.

    Computed with a filter that removes flat and evenly curved areas. It does not remove fine drawing: compare with
    real stickers of the same kind.
    """

    name = "frame_noise"
    better = "lower"

    def protocol(self) -> dict[str, str | int]:
        return {"frames": FRAMES, "filter": "difference of two Laplacians, 3 x 3", "range": "0..1"}

    def measure(self, clip: JudgedClip) -> float | None:
        frames = clip.frames_by(FRAMES)
        return noise_of(frames.astype(np.float64) / 255) if min(frames.shape[1:3]) >= 3 else None


def noise_of(frames: NDArray[np.float64]) -> float:
    """Standard deviation of the noise in [T, H, W, C]; H, W >= 3."""
    for axis in (1, 2):
        length = frames.shape[axis]
        before, middle, after = (np.take(frames, np.arange(i, length - 2 + i), axis) for i in range(3))
        frames = before - 2 * middle + after
    return float(np.sqrt(np.pi / 2) / 6 * np.abs(frames).mean())
