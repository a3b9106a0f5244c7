"""A perceptual fingerprint of an animation: hashes of time-normalised frames, on two backgrounds.

T frames of the clip, H and W its size in pixels, S the side of the reduced picture.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

NUM_FRAMES = 8
SIDE = 32
HASH_SIDE = 8
_CLAMPED_MS = 100

Gray = npt.NDArray[np.uint8]


def fingerprint(frames: npt.NDArray[np.uint8], durations_ms: npt.NDArray[Any] | Sequence[int]) -> list[int]:
    """Perceptual hashes of up to `NUM_FRAMES` frames of `frames` (RGBA `[T, H, W, 4]`): first those of the frames
    on white, then as many of the frames on black.

    Frames are taken at equal steps of the playing time, so a re-timed copy gives the same; frames without
    content are left out; a clip without content gives an empty list.
    """
    chosen = normalised_indices(durations_ms, NUM_FRAMES)
    unique, inverse = np.unique(chosen, return_inverse=True)
    on_white, on_black = _reduced(frames[unique])
    seen = _has_content(on_white) | _has_content(on_black)
    kept = inverse[seen[inverse]]
    hashes = np.concatenate([phash(on_white)[kept], phash(on_black)[kept]])
    return [int(word) for word in hashes]


def normalised_indices(durations_ms: npt.NDArray[Any] | Sequence[int], num_frames: int) -> npt.NDArray[np.int64]:
    """The frames on screen in the middle of each of `num_frames` equal parts of one loop, as browsers play it."""
    durations = np.asarray(durations_ms, dtype=np.int64)
    ends = np.cumsum(np.where(durations <= 10, _CLAMPED_MS, durations))
    middles = (2 * np.arange(num_frames) + 1) * ends[-1]
    found: npt.NDArray[np.int64] = np.searchsorted(2 * num_frames * ends, middles, side="right")
    return found


def phash(gray: Gray) -> npt.NDArray[np.uint64]:
    """The 64-bit perceptual hash of each picture of `gray` (`[N, 32, 32]`), as `imagehash.phash` computes it.

    The arithmetic is exact (cosines are multiples of 2**-16), so every host gives the same bits; they can differ
    from imagehash's only where a coefficient equals the median but for rounding.
    """
    basis = _cosines()
    low = basis @ gray.astype(np.float64) @ basis.T
    flat = low.reshape(len(gray), HASH_SIDE * HASH_SIDE)
    bits = flat > np.median(flat, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


@cache
def _cosines() -> npt.NDArray[np.float64]:
    frequency, position = np.arange(HASH_SIDE)[:, None], np.arange(SIDE)
    exact = np.cos(np.pi * frequency * (2 * position + 1) / (2 * SIDE))
    return np.round(exact * 2**16) / 2**16


def _reduced(frames: npt.NDArray[np.uint8]) -> tuple[Gray, Gray]:
    """The luma of each frame on white and on black, averaged down to `[T, SIDE, SIDE]`."""
    on_white, on_black = [], []
    for frame in frames:
        picture = Image.fromarray(frame)
        luma = picture.convert("L")
        if frame[..., 3].min() == 255:
            small = np.asarray(luma.resize((SIDE, SIDE), Image.Resampling.BOX))
            on_white.append(small)
            on_black.append(small)
            continue
        alpha = picture.getchannel("A")
        for background, out in ((255, on_white), (0, on_black)):
            canvas = Image.new("L", picture.size, background)
            canvas.paste(luma, mask=alpha)
            out.append(np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.BOX)))
    return np.stack(on_white), np.stack(on_black)


def _has_content(gray: Gray) -> npt.NDArray[np.bool_]:
    """Whether each picture has more than one tone (a spread of over 2 grey levels)."""
    flat = gray.reshape(len(gray), -1)
    spread = flat.max(axis=1).astype(np.int16) - flat.min(axis=1)
    seen: npt.NDArray[np.bool_] = spread > 2
    return seen
