"""Whether a clip moves at all: a model that freezes has not drawn an animation, whatever else is measured of it."""

import numpy as np
from numpy.typing import NDArray

VISIBLE = 8
"""Levels of 255 by which a pixel has to change: more than a codec's noise on a still."""

MIN_SHARE = 1e-4
"""Of the pixels: seven of a clip of 256 x 256, less than the smallest eye that blinks."""

STILL = f"fewer than {MIN_SHARE:g} of the pixels change by {VISIBLE} of 255"
"""For the protocols of metrics that treat frozen clips in a way of their own."""


def is_frozen(frames: NDArray[np.uint8]) -> bool:
    """Whether the frames uint8 [T, H, W, 3] are one picture; a single frame is."""
    changes = (frames.max(axis=0) - frames.min(axis=0)).max(axis=-1)
    return bool((changes >= VISIBLE).mean() < MIN_SHARE)
