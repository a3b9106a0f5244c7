"""The amount of motion."""

import numpy as np

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.suite.clips import JudgedClip


class MotionAmount(ClipMetric):
    """Mean absolute change between successive frames over pixels and channels, 0 (still) to 1 (black to white).

    Neither high nor low is good by itself: a model should move as much as real stickers do.
    """

    name = "motion_amount"
    better = "neither"

    def protocol(self) -> dict[str, str | int]:
        return {"frames": "all", "range": "0..1"}

    def measure(self, clip: JudgedClip) -> float | None:
        if len(clip.frames) < 2:
            return 0.0
        frames = clip.frames.astype(np.float32) / 255
        return float(np.abs(np.diff(frames, axis=0)).mean())
