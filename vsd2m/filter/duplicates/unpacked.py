"""Extracts a fingerprint's small pictures from its words; compiled, one sticker at a time."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vsd2m.media.compiled import compiled
from vsd2m.media.fingerprints import layout

Plane = npt.NDArray[np.float32]
Line = npt.NDArray[np.uint64]

SIDE = 32
TOLD_SHARE = np.float32(0.97)
_PICTURE_STEP, _DETAIL_STEP = np.float32(layout.PICTURE_STEP), np.float32(layout.DETAIL_STEP)
_MOTION_STEP, _CHROMA_STEP = np.float32(layout.MOTION_STEP), np.float32(layout.CHROMA_STEP)
_PICTURE, _PICTURE_END = layout.PICTURE.start, layout.PICTURE.stop
_COVERAGE, _COVERAGE_END = layout.COVERAGE.start, layout.COVERAGE.stop
_MOTION, _MOTION_END = layout.MOTION.start, layout.MOTION.stop
_CHROMA, _CHROMA_END = layout.CHROMA.start, layout.CHROMA.stop
_DETAIL, _DETAIL_END = layout.DETAIL.start, layout.DETAIL.stop
_NUM_TRIPLES = SIDE * SIDE // 3
_ZERO, _HALF = np.float32(0), np.float32(0.5)


class Unpacked(NamedTuple):
    """Planes `[32, 32]`: grey levels, share of the silhouette (0..1), fine details and the standard deviation over the
    frames, both in grey levels. `window`: top, bottom, left and right of the silhouette's window as shares of the side.
    `has_silhouette`: whether a background was detected; if not, the silhouette is the whole picture."""

    picture: Plane
    coverage: Plane
    detail: Plane
    motion: Plane
    window: Plane
    background: np.float32
    has_silhouette: bool


@compiled
def unpacked(line: Line) -> Unpacked:
    """The input of `picture.difference`."""
    coarse = coarse_coverage(line)
    detail = _enlarged(_nibbles(line[_DETAIL:_DETAIL_END], _ZERO, _DETAIL_STEP), 16)
    motion = _enlarged(_nibbles(line[_MOTION:_MOTION_END], _ZERO, _MOTION_STEP), 8)
    background = np.float32(line[0] & np.uint64(255))
    return Unpacked(
        picture(line),
        _enlarged(coarse, 16),
        detail,
        motion,
        silhouette_window(line),
        background,
        has_silhouette(coarse),
    )


@compiled
def silhouette_window(line: Line) -> Plane:
    """`[4]` top, bottom, left and right of the silhouette's window, as shares of the side."""
    return line[:1].view(np.uint8)[1:5].astype(np.float32) / np.float32(255)


@compiled
def coarse_coverage(line: Line) -> Plane:
    """`[256]` share of the silhouette, 0..1, of 16 x 16 cells."""
    return _nibbles(line[_COVERAGE:_COVERAGE_END], _ZERO, np.float32(1 / 15))


@compiled
def has_silhouette(coarse_coverage: Plane) -> bool:
    """Whether a background was detected; if not, the silhouette is the whole picture."""
    return bool(np.mean(coarse_coverage) < TOLD_SHARE)


@compiled
def chroma(line: Line) -> Plane:
    """`[128]` blue difference of 8 x 8 cells, then red."""
    return _nibbles(line[_CHROMA:_CHROMA_END], np.float32(7.5), _CHROMA_STEP)


@compiled
def picture(line: Line) -> Plane:
    """`[32, 32]` grey levels, a transparent background as its grey level."""
    packed = line[_PICTURE:_PICTURE_END].view(np.uint16)
    levels = np.empty(SIDE * SIDE, np.float32)
    for i in range(_NUM_TRIPLES):
        levels[3 * i] = _PICTURE_STEP * np.float32(packed[i] & 31)
        levels[3 * i + 1] = _PICTURE_STEP * np.float32((packed[i] >> 5) & 31)
        levels[3 * i + 2] = _PICTURE_STEP * np.float32((packed[i] >> 10) & 31)
    levels[3 * _NUM_TRIPLES] = _PICTURE_STEP * np.float32(packed[_NUM_TRIPLES] & 31)
    return levels.reshape(SIDE, SIDE)


@compiled
def _nibbles(words: Line, zero: np.float32, step: np.float32) -> Plane:
    packed = words.view(np.uint8)
    values = np.empty(2 * len(packed), np.float32)
    for i in range(len(packed)):
        values[2 * i] = (np.float32(packed[i] & 15) - zero) * step
        values[2 * i + 1] = (np.float32(packed[i] >> 4) - zero) * step
    return values


@compiled
def _enlarged(values: Plane, side: int) -> Plane:
    """`side * side` values resized linearly to `[32, 32]`."""
    coarse, low, share = values.reshape(side, side), np.empty(SIDE, np.int64), np.empty(SIDE, np.float32)
    for i in range(SIDE):  # the coarse cell below the middle of cell i, and its distance to the next cell
        exact = (np.float32(i) + _HALF) * np.float32(side) / np.float32(SIDE) - _HALF
        low[i] = min(max(int(np.floor(exact)), 0), side - 2)
        share[i] = min(max(exact - np.float32(low[i]), _ZERO), np.float32(1))
    large = np.empty((SIDE, SIDE), np.float32)
    high = np.empty(side, np.float32)
    for y in range(SIDE):
        above, below = coarse[low[y]], coarse[low[y] + 1]
        for x in range(side):
            high[x] = above[x] + share[y] * (below[x] - above[x])
        for x in range(SIDE):
            large[y, x] = high[low[x]] + share[x] * (high[low[x] + 1] - high[low[x]])
    return large
