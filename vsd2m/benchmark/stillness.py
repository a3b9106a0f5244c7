"""Which frames of a clip differ: a frozen clip is not an animation, regardless of other metrics."""

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]

VISIBLE = 8
"""Levels of 255 by which a pixel has to change: more than a codec's noise on a still."""

MIN_SHARE = 1e-4
"""Share of the pixels: seven of a frame of 256 x 256, less than the smallest blinking eye."""

STILL = f"fewer than {MIN_SHARE:g} of the pixels change by {VISIBLE} of 255"
"""For the protocols of metrics that treat frozen clips differently."""


def is_frozen(frames: Frames) -> bool:
    """Whether no frame of uint8 [T, H, W, 3] differs visibly from the first; a single frame is frozen."""
    return len(distinct_frames(frames)) == 1


def distinct_frames(frames: Frames) -> Frames:
    """The first frame, and each that differs visibly from the previously selected one: repeated frames are merged."""
    positions = [0]
    for number in range(1, len(frames)):
        if _differ(frames[number], frames[positions[-1]]):
            positions.append(number)
    return frames[positions]


def _differ(one: Frames, other: Frames) -> bool:
    changes = (np.maximum(one, other) - np.minimum(one, other)).max(axis=-1)
    return bool((changes >= VISIBLE).mean() >= MIN_SHARE)
