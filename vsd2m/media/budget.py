"""What decoding one picture may cost, checked against headers before anything is allocated."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vsd2m.core.errors import MediaError
from vsd2m.media.clip import Frames

MiB = 1 << 20


@dataclass(frozen=True)
class DecodeBudget:
    """Limits (all inclusive) for one picture.

    `max_seconds` and `max_cpu_seconds` (of the process that decodes AVIF, videos and drawings) only stop unforeseen
    cases. They are far above what a picture within the other limits takes, because the outcome near a time limit
    depends on the machine.
    """

    max_file_bytes: int = 64 * MiB
    max_pixels: int = 1 << 24  # of one frame
    max_frames: int = 2000
    max_decoded_bytes: int = 1024 * MiB  # all frames, RGBA
    max_seconds: float = 60.0
    max_cpu_seconds: float = 10.0


class Meter:
    """Enforces the budget of one decoding; decoders call the methods in this order."""

    def __init__(self, budget: DecodeBudget, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget = budget
        self._clock = clock
        self._started = clock()

    def check_file(self, num_bytes: int) -> None:
        """`MediaError` `too_many_bytes` if the file is larger than a picture may be."""
        _hold("too_many_bytes", "bytes in the file", num_bytes, self.budget.max_file_bytes)

    def check_header(self, *, num_frames: int, width: int, height: int) -> None:
        """`MediaError` if what the header claims is no picture (`corrupt`) or passes a limit (`too_many_...`)."""
        if width <= 0 or height <= 0 or num_frames <= 0:
            raise MediaError("corrupt", f"{num_frames} frames of {width}x{height} pixels hold no picture")
        check_num_pixels(width, height, self.budget.max_pixels)
        _hold("too_many_frames", "frames", num_frames, self.budget.max_frames)
        decoded_bytes = num_frames * width * height * 4
        _hold("too_many_bytes", "bytes when decoded", decoded_bytes, self.budget.max_decoded_bytes)

    def allocate(self, *, num_frames: int, width: int, height: int) -> Frames:
        """Room for all frames, not cleared, once the header is checked."""
        self.check_header(num_frames=num_frames, width=width, height=height)
        return np.empty((num_frames, height, width, 4), np.uint8)

    def seconds_left(self) -> float:
        """What is left of the time; negative where it is used up."""
        return self.budget.max_seconds - (self._clock() - self._started)

    def check_time(self) -> None:
        """`MediaError` `too_slow` if the time is used up; called between frames."""
        seconds = self._clock() - self._started
        if seconds > self.budget.max_seconds:
            raise MediaError(
                "too_slow", f"not decoded after {seconds:.1f} s", value=seconds, limit=self.budget.max_seconds
            )


def check_num_pixels(width: int, height: int, max_pixels: int) -> None:
    """`MediaError` `too_many_pixels` if a frame has more."""
    _hold("too_many_pixels", f"pixels in a frame of {width}x{height}", width * height, max_pixels)


def _hold(reason: str, what: str, value: int, limit: int) -> None:
    if value > limit:
        raise MediaError(reason, f"{value} {what}; at most {limit} are decoded", value=value, limit=limit)
