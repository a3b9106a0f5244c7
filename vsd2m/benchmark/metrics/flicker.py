"""How much of the change is back and forth."""

import numpy as np

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.suite.clips import JudgedClip


class Flicker(ClipMetric):
    """Mean absolute second difference in time over the mean absolute first difference, 0 (even motion) to 2.

    A pixel that changes steadily gives 0, one that alternates gives 2, independent noise about 1.7 (for Gaussian
    noise exactly sqrt(3)). Clips that do not move have no flicker to speak of and are not counted.
    """

    name = "flicker"
    better = "lower"

    def protocol(self) -> dict[str, str | int]:
        return {"frames": "all", "difference": "second over first, absolute"}

    def measure(self, clip: JudgedClip) -> float | None:
        if len(clip.frames) < 3:
            return None
        frames = clip.frames.astype(np.float32)
        first = np.abs(np.diff(frames, axis=0)).mean()
        return float(np.abs(np.diff(frames, n=2, axis=0)).mean() / first) if first > 0 else None
