"""Whether the end leads back to the start: stickers are played in a loop."""

import numpy as np

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.suite.clips import JudgedClip


class LoopClosure(ClipMetric):
    """Mean absolute change from the last frame to the first, over that between successive frames.

    About 1: the loop is seamless. Above 1: it jumps, by that factor. 0: the last frame repeats the first. Clips that
    do not move are not counted.
    """

    name = "loop_closure"
    better = "lower"

    def protocol(self) -> dict[str, str | int]:
        return {"frames": "all", "difference": "last to first over successive, absolute"}

    def measure(self, clip: JudgedClip) -> float | None:
        if len(clip.frames) < 2:
            return None
        frames = clip.frames.astype(np.float32)
        step = np.abs(np.diff(frames, axis=0)).mean()
        return float(np.abs(frames[-1] - frames[0]).mean() / step) if step > 0 else None
