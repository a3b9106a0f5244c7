"""Frames of MP4 and other video files, through PyAV.

T frames, H and W height and width in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import StorageError
from vsd2m.media.media_types import suffixes_of

VIDEOS = suffixes_of("mp4", "webm", "quicktime", "matroska", "avi")
MAX_DECODED_BYTES = 1 << 30
"""Limit of all frames as RGB: a generated sticker takes a few MiB, a film would exhaust the memory."""


@dataclass(frozen=True)
class Video:
    """`frames` uint8 [T, H, W, 3], each stored frame once, in display order; `durations_us` [T], above 0."""

    frames: NDArray[np.uint8]
    durations_us: NDArray[np.int64]


def read_video(path: Path) -> Video:
    """All frames; sound is ignored. `StorageError` if the file cannot be decoded completely, has no pictures or too
    many."""
    import av

    try:
        with av.open(str(path)) as container:
            frames, moments = _decoded(container, path)
    except (av.FFmpegError, ValueError) as error:
        raise StorageError(f"cannot evaluate {path}: {error}") from error
    if not frames:
        raise StorageError(f"cannot evaluate {path}: it has no frames")
    sizes = {frame.shape for frame in frames}
    if len(sizes) > 1:
        raise StorageError(f"cannot evaluate {path}: its frames differ in size")
    return Video(np.stack(frames), _durations(moments))


def _decoded(container: Any, path: Path) -> tuple[list[NDArray[np.uint8]], list[float | None]]:
    """Frames, and the time in seconds at which each is first shown, if the file states it."""
    if not container.streams.video:
        raise StorageError(f"cannot evaluate {path}: it has no pictures")
    frames: list[NDArray[np.uint8]] = []
    moments: list[float | None] = []
    num_bytes = 0
    for frame in container.decode(video=0):
        frames.append(frame.to_ndarray(format="rgb24"))
        moments.append(frame.time)
        num_bytes += frames[-1].nbytes
        if num_bytes > MAX_DECODED_BYTES:
            raise StorageError(
                f"cannot evaluate {path}: more than {MAX_DECODED_BYTES >> 20} MiB of frames; expected a short clip"
            )
    return frames, moments


def _durations(moments: Sequence[float | None]) -> NDArray[np.int64]:
    """Microseconds until the next frame; the last has the median of the others, as most files do not state it. All
    are equal if times are missing or do not increase."""
    known_moments = [moment for moment in moments if moment is not None]
    steps = np.diff(np.array(known_moments) * 1e6).round().astype(np.int64)
    if len(known_moments) < len(moments) or not len(steps) or steps.min() < 1:
        return np.ones(len(moments), np.int64)
    return np.append(steps, int(np.median(steps)))
