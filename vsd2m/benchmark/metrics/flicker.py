"""The change between frames that motion does not explain: the error of the best match of every block.

T frames, H and W height and width in cells, C colours.
"""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.cells import cell_means
from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.stillness import STILL, distinct_frames
from vsd2m.benchmark.suite.clips import JudgedClip

GRID = 64
"""Cells along the shorter side."""

BLOCK = 4
REACH = 4
"""Cells that a block may move between frames: a sixteenth of the side."""

WORST = 1.0

Cells = NDArray[np.float32]


class Flicker(ClipMetric):
    """Mean change that motion does not explain, 0 (none) to 1 (alternating black and white); a frozen clip has 1.

    Every block is searched in the previous and in the next frame, within a sixteenth of the side, and its difference
    from the better match counts. So motion, appearance and disappearance do not count, but anything visible for only
    one frame does: flickering light, shuffled frames, coarse noise, objects in larger steps. The clip is a loop: its
    first frame follows its last. Repeated frames count once, because they would match each other.
    """

    name = "flicker"
    better = "lower"

    def protocol(self) -> dict[str, str | int]:
        return {
            "frames": f"those that differ, as a loop, means of cells, {GRID} along the shorter side",
            "difference": f"blocks of {BLOCK} cells, within {REACH} cells and half cells between, before or after",
            "frozen": f"{WORST:g}: {STILL}",
        }

    def measure(self, clip: JudgedClip) -> float | None:
        frames = distinct_frames(clip.frames)
        return WORST if len(frames) == 1 else unexplained_change(cell_means(frames, GRID)) / 255


def unexplained_change(cells: Cells) -> float:
    """The mean over all blocks of [T, H, W, C] of the smaller of both differences, in their units."""
    height, width = cells.shape[1:3]
    whole = np.pad(cells, [(0, 0), (0, -height % BLOCK), (0, -width % BLOCK), (0, 0)], mode="edge")
    low, high = _half_cell_range(whole)
    before, after = (_block_errors(whole, np.roll(low, step, axis=0), np.roll(high, step, axis=0)) for step in (1, -1))
    return float(np.minimum(before, after).mean())


def _block_errors(cells: Cells, low: Cells, high: Cells) -> Cells:
    """[T, H / BLOCK, W / BLOCK]: the distance of each block to the range at its best match."""
    num_frames, height, width, channels = cells.shape
    padding = [(0, 0), (REACH, REACH), (REACH, REACH), (0, 0)]
    low, high = np.pad(low, padding, mode="edge"), np.pad(high, padding, mode="edge")
    blocks = (num_frames, height // BLOCK, BLOCK, width // BLOCK, BLOCK * channels)
    best = np.full((num_frames, height // BLOCK, width // BLOCK), np.inf, np.float32)
    for down, right in np.ndindex(2 * REACH + 1, 2 * REACH + 1):
        place = (slice(None), slice(down, down + height), slice(right, right + width))
        outside = np.maximum(np.maximum(low[place] - cells, cells - high[place]), 0)
        np.minimum(best, outside.reshape(blocks).mean(axis=(2, 4)), out=best)
    return best


def _half_cell_range(cells: Cells) -> tuple[Cells, Cells]:
    """The range of values interpolated up to half a cell away, so that blocks can move by fractions of a cell
    (Birchfield and Tomasi, PAMI 20, 1998)."""
    low, high = cells, cells
    for axis in (1, 2):
        padding = [(0, 0)] * cells.ndim
        padding[axis] = (1, 1)
        padded = np.pad(cells, padding, mode="edge")
        for start in (0, 2):
            halfway = (np.take(padded, np.arange(start, start + cells.shape[axis]), axis=axis) + cells) / 2
            low, high = np.minimum(low, halfway), np.maximum(high, halfway)
    return low, high
