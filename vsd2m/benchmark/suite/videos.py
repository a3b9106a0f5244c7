"""Frames of MP4 and other video files, through PyAV.

T frames, H and W height and width in pixels.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import StorageError

VIDEOS = frozenset({".mp4", ".m4v", ".webm", ".mov", ".mkv", ".avi"})
MAX_DECODED_BYTES = 1 << 30
"""Of all frames as RGB: a generator's sticker takes a few MiB, a film would take the machine."""


def read_video(path: Path) -> NDArray[np.uint8]:
    """All frames in the order they are shown, uint8 [T, H, W, 3].

    Every stored frame comes once, whatever its duration, as with GIFs; sound is ignored. `StorageError` if the file
    cannot be decoded to its end, holds no picture or no end of them.
    """
    import av

    try:
        with av.open(str(path)) as container:
            frames = _decoded(container, path)
    except (av.FFmpegError, ValueError) as error:
        raise StorageError(f"cannot judge {path}: {error}") from error
    if not frames:
        raise StorageError(f"cannot judge {path}: it has no frames")
    sizes = {frame.shape for frame in frames}
    if len(sizes) > 1:
        raise StorageError(f"cannot judge {path}: its frames differ in size")
    return np.stack(frames)


def _decoded(container: Any, path: Path) -> list[NDArray[np.uint8]]:
    if not container.streams.video:
        raise StorageError(f"cannot judge {path}: it has no pictures")
    frames: list[NDArray[np.uint8]] = []
    num_bytes = 0
    for frame in container.decode(video=0):
        frames.append(frame.to_ndarray(format="rgb24"))
        num_bytes += frames[-1].nbytes
        if num_bytes > MAX_DECODED_BYTES:
            raise StorageError(
                f"cannot judge {path}: more than {MAX_DECODED_BYTES >> 20} MiB of frames; expected a short clip"
            )
    return frames
