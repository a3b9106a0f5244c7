"""Which frames of a clip differ: a model that freezes has not drawn an animation, whatever else is measured of it."""

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]

VISIBLE = 8
"""Levels of 255 by which a pixel has to change: more than a codec's noise on a still."""

MIN_SHARE = 1e-4
"""Of the pixels: seven of a frame of 256 x 256, less than the smallest eye that blinks."""

STILL = f"fewer than {MIN_SHARE:g} of the pixels change by {VISIBLE} of 255"
"""For the protocols of metrics that treat frozen clips in a way of their own."""


def is_frozen(frames: Frames) -> bool:
    """Whether no frame of uint8 [T, H, W, 3] differs visibly from the first; a single frame is frozen."""
    return len(distinct_frames(frames)) == 1


def distinct_frames(frames: Frames) -> Frames:
    """The first frame, and each that differs visibly from the last one taken: what is shown longer comes once."""
    taken = [0]
    for number in range(1, len(frames)):
        if _differ(frames[number], frames[taken[-1]]):
            taken.append(number)
    return frames[taken]


def _differ(one: Frames, other: Frames) -> bool:
    changes = (np.maximum(one, other) - np.minimum(one, other)).max(axis=-1)
    return bool((changes >= VISIBLE).mean() >= MIN_SHARE)
