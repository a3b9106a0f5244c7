"""How a clip of any length is converted to the fixed number of frames of an extractor; part of every protocol.

I3D needs at least 9 frames and the paper's clips have 8, so the rule must be stated.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vsd2m.media.frame_indices import flip_indices, linspace_indices, repeat_indices, uniform_indices

Indices = NDArray[np.int64]


def loop16(num_frames: int) -> Indices:
    """The clip repeated from the start until there are 16 frames; longer clips are truncated."""
    return repeat_indices(num_frames, 16)


def pingpong16(num_frames: int) -> Indices:
    """The clip played forwards and backwards until there are 16 frames (the paper's flip strategy)."""
    return flip_indices(num_frames, 16)


def repeat16(num_frames: int) -> Indices:
    """Frames repeated in place: 16 moments spread evenly over the clip."""
    return uniform_indices(num_frames, 16)


def spread8(num_frames: int) -> Indices:
    """8 frames from the first to the last, for extractors that read frames one by one."""
    return linspace_indices(num_frames, 8)


FRAME_RULES: dict[str, Callable[[int], Indices]] = {
    "loop16": loop16,
    "pingpong16": pingpong16,
    "repeat16": repeat16,
    "spread8": spread8,
}
