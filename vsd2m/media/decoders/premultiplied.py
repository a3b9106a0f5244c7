"""Pixels as drawing libraries and Apple's PNGs store them, to those of a clip."""

import numpy as np
import numpy.typing as npt


def to_straight_rgba(frame: npt.NDArray[np.uint8]) -> None:
    """`[H, W, 4]` of premultiplied BGRA to straight RGBA, rounded to nearest, in place."""
    blue = frame[..., 0].copy()
    frame[..., 0] = frame[..., 2]
    frame[..., 2] = blue
    partly = (frame[..., 3] != 0) & (frame[..., 3] != 255)
    pixels = frame[partly].astype(np.uint32)
    alpha = pixels[:, 3:]
    pixels[:, :3] = np.minimum((2 * 255 * pixels[:, :3] + alpha) // (2 * alpha), 255)
    frame[partly] = pixels
    frame[frame[..., 3] == 0] = 0
