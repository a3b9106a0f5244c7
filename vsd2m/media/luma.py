"""The grey levels of frames, computed a few frames at a time so that what is worked on stays in the cache.

T frames, H and W the height and width. Luma is that of ITU-R BT.601 in whole grey levels,
`(19595 R + 38470 G + 7471 B + 32768) >> 16`. A pixel is visible where alpha >= 128.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m.media.clip import Frames

VISIBLE_ALPHA = 128
_OPAQUE = 0xFF000000
_CHUNK_BYTES = 1 << 19  # of RGBA

Planes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Luma:
    """`on_black` and `on_white`: `[T, H, W]`, 0 and 255 where a pixel is not visible; one array where all are opaque.

    `num_hidden`: `[T]` pixels that are not visible.
    """

    on_black: Planes
    on_white: Planes
    num_hidden: npt.NDArray[np.int64]

    @property
    def is_opaque(self) -> bool:
        return self.on_black is self.on_white


def visible_luma(frames: Frames) -> Luma:
    """The luma of C-contiguous `frames` (`[T, H, W, 4]`) on black and on white."""
    on_black = np.empty(frames.shape[:3], np.uint8)
    on_white = on_black
    num_hidden = np.zeros(len(frames), np.int64)
    words = frames.view("<u4")[..., 0]
    for part in _chunks(frames):
        _convert(frames[part], on_black[part])
        if words[part].min() >= _OPAQUE:
            if on_white is not on_black:
                on_white[part] = on_black[part]
            continue
        if on_white is on_black:
            on_white = on_black.copy()
        hidden = words[part] < VISIBLE_ALPHA << 24
        num_hidden[part] = [np.count_nonzero(frame) for frame in hidden]  # with axis=, it is ten times slower
        on_black[part] *= ~hidden
        np.bitwise_or(on_black[part], -hidden.view(np.uint8), out=on_white[part])
    return Luma(on_black, on_white, num_hidden)


def histogram(plane: Planes) -> list[int]:
    """How often each of the 256 grey levels occurs in C-contiguous `plane` (`[H, W]`)."""
    return Image.frombuffer("L", plane.shape[::-1], plane, "raw", "L", 0, 1).histogram()


def _chunks(frames: Frames) -> Iterator[slice]:
    step = max(1, _CHUNK_BYTES // frames[0].nbytes)
    return (slice(start, start + step) for start in range(0, len(frames), step))


def _convert(frames: Frames, luma: Planes) -> None:
    """Pillow reads `frames` and writes `luma` in place, as one tall picture: copies would take as long again."""
    num_frames, height, width = luma.shape
    size = (width, num_frames * height)
    target = Image.frombuffer("L", size, luma, "raw", "L", 0, 1)
    target.readonly = 0
    target.paste(Image.frombuffer("RGBA", size, frames, "raw", "RGBA", 0, 1))
