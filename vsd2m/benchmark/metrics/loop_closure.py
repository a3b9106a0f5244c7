"""Whether the end of a clip continues at its start, as stickers are played in a loop."""

import numpy as np

from vsd2m.benchmark.cells import cell_means
from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.stillness import STILL, distinct_frames
from vsd2m.benchmark.suite.clips import JudgedClip

QUANTILE = 0.9
GRID = 32
"""Cells along the shorter side in which colours are averaged: this removes noise, but not motion."""

WORST = 1.0


class LoopClosure(ClipMetric):
    """Share of the change from the last frame to the first that exceeds an ordinary step, 0 to 1.

    0: the loop is seamless, its seam no larger than the 90 % quantile of the steps within the clip. 0.5: the seam is
    twice that step, 0.9: ten times. A frozen clip has the worst value, 1. Distances are mean absolute changes of 32 x
    32 cells; they stop growing when an object has moved by its own size, so large steps of a small object hide a jump.
    """

    name = "loop_closure"
    better = "lower"

    def protocol(self) -> dict[str, str | int]:
        return {
            "frames": f"those that differ, means of cells, {GRID} along the shorter side",
            "difference": f"last to first, above the {QUANTILE:g} quantile of successive ones, as a share",
            "frozen": f"{WORST:g}: {STILL}",
        }

    def measure(self, clip: JudgedClip) -> float | None:
        frames = distinct_frames(clip.frames)
        if len(frames) == 1:
            return WORST
        cells = cell_means(frames, GRID)
        step = np.quantile(np.abs(np.diff(cells, axis=0)).mean(axis=(1, 2, 3)), QUANTILE)
        seam = np.abs(cells[-1] - cells[0]).mean()
        return float(1 - step / seam) if seam > step else 0.0
