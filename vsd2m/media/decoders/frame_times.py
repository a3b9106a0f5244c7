"""Durations of frames from the times at which a container shows them."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vsd2m.core.errors import MediaError


def durations_from_times(times: Sequence[tuple[int, int]], seconds: tuple[int, int]) -> npt.NDArray[np.int32]:
    """Milliseconds of each frame, rounded so that the sum keeps to the container's; 0 for a single frame.

    `times`: start and duration (0: not stated) of each frame, in units of the fraction `seconds`. A frame lasts until
    the next starts, the last one as long as it says, else as long as the one before it. `MediaError` `corrupt` where
    a frame starts before the one it follows.
    """
    if len(times) == 1:
        return np.zeros(1, np.int32)
    if min(seconds) <= 0:
        raise MediaError("corrupt", f"frames are timed in units of {seconds[0]} / {seconds[1]} s")
    starts = [start for start, _ in times]
    if any(after < before for before, after in pairwise(starts)):
        raise MediaError("corrupt", "a frame is shown before the one that it follows")
    last = times[-1][1] if times[-1][1] > 0 else starts[-1] - starts[-2]
    tick = Fraction(1000 * seconds[0], seconds[1])
    ends = [int((start - starts[0]) * tick + Fraction(1, 2)) for start in (*starts, starts[-1] + last)]
    if ends[-1] >= 1 << 31:
        raise MediaError("corrupt", f"the frames are shown for {ends[-1]} ms")
    return np.diff(np.array(ends, np.int64)).astype(np.int32)
