"""A perceptual fingerprint of an animation, from which near duplicates are told without the pictures.

T frames of the clip, H and W its size in pixels; n distinct frames looked at, h and w the size they are reduced to.
All arithmetic is exact (whole pixels, weights that are multiples of 2**-12), so every host gives the same words.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m.media.background import Window, figure, window
from vsd2m.media.phash import SIDE, phash

NUM_FRAMES = 8
FINE_SIDE, MEDIUM_SIDE, COARSE_SIDE = 64, 16, 8
PICTURE_STEP, COVERAGE_STEP, MOTION_STEP, CHROMA_STEP, DETAIL_STEP = 255 / 31, 255 / 15, 4.0, 12.0, 2.5

FACTS = slice(0, 1)
ON_WHITE = slice(1, 9)
ON_BLACK = slice(9, 17)
WHOLE = slice(17, 25)
PICTURE = slice(25, 111)
COVERAGE = slice(111, 127)
MOTION = slice(127, 131)
CHROMA = slice(131, 139)
DETAIL = slice(139, 155)
NUM_WORDS = 155
"""The layout, in words of 64 bits.

`FACTS`: bytes: luma of the background, then top, bottom, left and right of the figure's window in 1/255 of the side.
`ON_WHITE`, `ON_BLACK`: the 64-bit perceptual hash of each of 8 time-normalised frames, the figure in its window on
white and on black. `WHOLE`: the same of the whole frames, a transparent background grey: where a copy's background is
told differently, these still agree. `PICTURE`: the mean of the frames in the figure's window, a transparent background
grey, 32 x 32 grey levels of 5 bits, three to 16 bits.
`COVERAGE`: mean coverage of the figure, 16 x 16 of 4 bits. `MOTION`: standard deviation over the frames, 8 x 8 of
4 bits. `CHROMA`: mean blue and red difference of the figure, 8 x 8 each, 4 bits. `DETAIL`: what `PICTURE` is too coarse
for, such as thin letters: the root mean square of what the mean frame at 64 x 64 has beyond 32 x 32, 16 x 16 of 4 bits.
"""

_CLAMPED_MS = 100
_REDUCED_SIDE = 64
_BLANK_SPREAD = 6
_LUMA = np.array([77, 150, 29, 0], np.float32) / 256
Planes = npt.NDArray[np.float64]


def fingerprint(frames: npt.NDArray[np.uint8], durations_ms: npt.NDArray[Any] | Sequence[int]) -> list[int]:
    """The `NUM_WORDS` words of a clip's fingerprint (`frames`: RGBA `[T, H, W, 4]`), laid out as above; an empty list
    for a clip that shows nothing.

    Frames are taken at equal steps of the playing time, so a re-timed copy gives the same. A frame without content
    gives way to the one before it. The background, transparent or flat, is told from the figure, so that a copy on
    another background can be recognised.
    """
    distinct, place = np.unique(normalised_indices(durations_ms, NUM_FRAMES), return_inverse=True)
    pixels = _reduced(frames[distinct])
    luma = _luma(pixels)
    whole = _whole(pixels, luma)
    coverage, background = figure(pixels, luma)
    shown = _on_background(luma, pixels[..., 3], background)
    keep = coverage > 0
    pixels, luma = pixels * keep[..., None], luma * keep
    around = window(coverage)
    rows, columns = _weights(around, pixels.shape[1:3], SIDE)
    on_black, covered = _resampled(luma, rows, columns), _resampled(coverage, rows, columns)
    on_white = on_black + 255 - covered
    order = _content_order(on_white, on_black, place)
    if not len(order):
        return []
    hashes = phash(np.round(np.concatenate([on_white, on_black, whole])).clip(0, 255)).reshape(3, -1)
    total = shown[order].sum(axis=0, dtype=np.float64)
    words = [
        _facts(background, around, pixels.shape[1:3]),
        hashes[:, order].ravel(),
        pack_triples(_steps(rows @ total @ columns.T / NUM_FRAMES, PICTURE_STEP, 31)),
        pack_nibbles(_steps(_shrunk(covered[order].mean(axis=0), MEDIUM_SIDE), COVERAGE_STEP, 15)),
        pack_nibbles(_steps(_shrunk(_on_grey(on_black, covered)[order], COARSE_SIDE).std(axis=0), MOTION_STEP, 15)),
        pack_nibbles(_steps(_chroma(pixels, luma, around, order) + 7.5 * CHROMA_STEP, CHROMA_STEP, 15)),
        pack_nibbles(_steps(_detail(total, around), DETAIL_STEP, 15)),
    ]
    return [int(word) for word in np.concatenate(words)]


def normalised_indices(durations_ms: npt.NDArray[Any] | Sequence[int], num_frames: int) -> npt.NDArray[np.int64]:
    """The frames on screen in the middle of each of `num_frames` equal parts of one loop, as browsers play it."""
    durations = np.asarray(durations_ms, dtype=np.int64)
    ends = np.cumsum(np.where(durations <= 10, _CLAMPED_MS, durations))
    middles = (2 * np.arange(num_frames) + 1) * ends[-1]
    found: npt.NDArray[np.int64] = np.searchsorted(2 * num_frames * ends, middles, side="right")
    return found


def pack_triples(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Values of 5 bits, three to each 16 bits, padded with zeros to whole words."""
    padded = np.zeros(-(-values.size // 12) * 12, dtype="<u2")
    padded[: values.size] = values.ravel()
    first, second, third = padded.reshape(-1, 3).T
    words: npt.NDArray[np.uint64] = (first | (second << 5) | (third << 10)).astype("<u2").view("<u8").astype(np.uint64)
    return words


def pack_nibbles(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Values of 4 bits, two to a byte, a multiple of 16 of them."""
    low, high = values.reshape(-1, 2).T
    return np.ascontiguousarray(low | (high << 4)).view("<u8").astype(np.uint64)


def _reduced(frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The frames reduced by whole factors to sides under twice `_REDUCED_SIDE`, colours multiplied by alpha.

    All frames go through Pillow as one tall picture; rows at the bottom that fill no block are left out.
    """
    across, down = (max(1, side // _REDUCED_SIDE) for side in (frames.shape[2], frames.shape[1]))
    whole = np.ascontiguousarray(frames[:, : frames.shape[1] // down * down])
    size = (whole.shape[2], whole.shape[0] * whole.shape[1])
    if int(whole[..., 3].min()) == 255:  # multiplied by alpha already, so that the conversion can be spared
        tall = Image.frombuffer("RGBa", size, whole, "raw", "RGBa", 0, 1)
    else:
        tall = Image.frombuffer("RGBA", size, whole, "raw", "RGBA", 0, 1).convert("RGBa")
    small = np.asarray(tall.reduce((across, down)))
    return small.reshape(len(frames), -1, *small.shape[1:])


def _luma(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """ITU-R BT.601 luma in whole grey levels, with weights of 1/256."""
    luma: npt.NDArray[np.uint8] = (pixels.astype(np.float32) @ _LUMA).astype(np.uint8)
    return luma


def _on_background(luma: npt.NDArray[np.uint8], alpha: npt.NDArray[np.uint8], background: int) -> npt.NDArray[np.uint8]:
    """Luma that was multiplied by alpha, with the background's where nothing covers it."""
    uncovered = (255 - alpha).astype(np.uint16)
    return (luma + uncovered * background // 255).astype(np.uint8)


def _whole(pixels: npt.NDArray[np.uint8], luma: npt.NDArray[np.uint8]) -> Planes:
    """The luma of the whole frames on grey, `[n, SIDE, SIDE]`."""
    height, width = luma.shape[1:]
    rows, columns = _weights(Window(0, height, 0, width), luma.shape[1:], SIDE)
    return _resampled(_on_background(luma, pixels[..., 3], 128), rows, columns)


def _resampled(planes: npt.NDArray[np.uint8], rows: Planes, columns: Planes) -> Planes:
    """`rows` x planes x `columns`. The first product needs 20 bits a number and so is exact in single precision."""
    half = rows.astype(np.float32) @ planes.astype(np.float32)
    whole: Planes = half.astype(np.float64) @ columns.T
    return whole


def _weights(around: Window, shape: tuple[int, ...], size: int) -> tuple[Planes, Planes]:
    """The matrices that resample the window's rows and columns to `size`."""
    return (
        _resampler(around.top, around.bottom, shape[0], size),
        _resampler(around.left, around.right, shape[1], size),
    )


@lru_cache(maxsize=512)
def _resampler(start: int, stop: int, length: int, size: int) -> Planes:
    """Triangle-filter weights `[size, length]` from `start` to `stop`, wide enough not to alias."""
    step = (stop - start) / size
    centres = start + (np.arange(size) + 0.5) * step
    distance = np.abs(np.arange(length) + 0.5 - centres[:, None])
    weights = np.maximum(0.0, 1 - distance / max(step, 1.0))
    weights[:, :start] = 0
    weights[:, stop:] = 0
    scaled: Planes = np.round(weights / weights.sum(axis=1, keepdims=True) * 4096) / 4096
    return scaled


def _content_order(on_white: Planes, on_black: Planes, place: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each of the `NUM_FRAMES` steps the frame that stands for it: its own, or the last one that shows something;
    empty if none does."""
    spread = np.maximum(np.ptp(on_white, axis=(1, 2)), np.ptp(on_black, axis=(1, 2)))
    seen = (spread > _BLANK_SPREAD)[place]
    if not seen.any():
        return np.empty(0, np.int64)
    latest = np.maximum.accumulate(np.where(seen, np.arange(len(place)), -1))
    latest[latest < 0] = np.flatnonzero(seen)[-1]
    chosen: npt.NDArray[np.int64] = place[latest]
    return chosen


def _facts(background: int, around: Window, shape: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    sides = zip(around, (shape[0], shape[0], shape[1], shape[1]), strict=True)
    parts = bytes([background, *(round(255 * edge / side) for edge, side in sides), 0, 0, 0])
    return np.frombuffer(parts, dtype="<u8").astype(np.uint64)


def _on_grey(on_black: Planes, covered: Planes) -> Planes:
    return on_black + (255 - covered) * (128 / 255)


def _shrunk(planes: Planes, side: int) -> Planes:
    """Planes `[..., S, S]` averaged down to `[..., side, side]`."""
    block = planes.shape[-1] // side
    mean: Planes = planes.reshape(*planes.shape[:-2], side, block, side, block).mean(axis=(-3, -1))
    return mean


def _steps(values: Planes, step: float, greatest: int) -> npt.NDArray[np.uint8]:
    return np.floor(values / step + 0.5).clip(0, greatest).astype(np.uint8)


def _chroma(
    pixels: npt.NDArray[np.uint8], luma: npt.NDArray[np.uint8], around: Window, order: npt.NDArray[np.int64]
) -> Planes:
    """Mean blue and red difference `[2, 8, 8]`, about -113..113; the background counts as grey."""
    total = np.zeros(pixels.shape[1:], np.uint16)
    gray = np.zeros(luma.shape[1:], np.int32)
    for frame in order:
        total += pixels[frame]
        gray += luma[frame]
    blue_red = np.stack([total[..., 2], total[..., 0]]).astype(np.int32)
    difference = (blue_red - gray) * np.array([577, 730])[:, None, None]
    rows, columns = _weights(around, pixels.shape[1:3], COARSE_SIDE)
    mean: Planes = rows @ difference.astype(np.float64) @ columns.T / (1024 * len(order))
    return mean


def _detail(total: Planes, around: Window) -> Planes:
    """`[16, 16]`, from the sum of the frames. In quarters of a grey level, so that the squares add up exactly."""
    rows, columns = _weights(around, total.shape, FINE_SIDE)
    fine = np.round(rows @ total @ columns.T / NUM_FRAMES * 4) / 4
    beyond = fine - _shrunk(fine, SIDE).repeat(2, axis=0).repeat(2, axis=1)
    detail: Planes = np.sqrt(_shrunk(beyond * beyond, MEDIUM_SIDE))
    return detail
