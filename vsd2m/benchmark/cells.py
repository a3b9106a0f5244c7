"""Frames at a common low resolution, for metrics of motion.

T frames, H and W height and width in pixels, C colours.
"""

import numpy as np
from numpy.typing import NDArray


def cell_means(frames: NDArray[np.uint8], grid: int) -> NDArray[np.float32]:
    """The mean colours of square cells of uint8 [T, H, W, C], about `grid` along the shorter side; small frames stay as
    they are. Incomplete cells at the right and at the bottom are cropped."""
    num_frames, height, width, channels = frames.shape
    side = max(1, min(height, width) // grid)
    rows, columns = height // side, width // side
    whole = frames[:, : rows * side, : columns * side].reshape(num_frames, rows, side, columns, side, channels)
    means: NDArray[np.float32] = whole.mean(axis=(2, 4), dtype=np.float32)
    return means
