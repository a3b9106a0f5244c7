"""The silhouette of a clip: all pixels that no path of the background's colour connects to the border.

It is solid, so that copies on other backgrounds have the same one; `vsd2m.annotate.measured.foreground` measures the
visible foreground instead, with soft weights. The window is the rectangle in which the silhouette moves.


n frames, h and w the size of the (reduced) pictures, `vsd2m.media.fingerprints.reduced.Reduced`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vsd2m.media.compiled import compiled, inlined
from vsd2m.media.fingerprints.reduced import Planes, Reduced, Words
from vsd2m.media.fingerprints.resampling import Window

TOLERANCE = 24
"""Grey levels by which a background pixel may differ from the background's colour (compression does that)."""
FLAT_SHARE = 0.6
"""A background is uniform if this share of the border has its colour."""

_FLAT_SPREAD = 6
"""Largest difference in grey levels within a uniform surface."""

_24 = np.uint32(24)
_BYTE = np.uint32(255)


class Silhouette(NamedTuple):
    """`coverage`: `[n, h, w]`, 255 on the silhouette, 0 on the background. `background`: the background's luma."""

    coverage: Planes
    background: int


def silhouette(reduced: Reduced) -> Silhouette:
    """The pixels that are not transparent; in an opaque clip those outside a uniform background that reaches the
    border; all pixels if there is neither. A transparent background counts as mid-grey."""
    pixels, luma = reduced
    coverage = np.empty_like(luma)
    num_transparent = _take_alpha(pixels.reshape(-1), coverage.reshape(-1))
    if num_transparent / luma.size > 0.01:
        return Silhouette(coverage, 128)
    medians, flat_share = _describe_border(pixels, luma)
    background = int(medians[3])
    if flat_share < FLAT_SHARE:
        return Silhouette(coverage, background)
    outside = np.empty_like(luma)
    num_outside = _find_outside(pixels, medians, outside)
    if num_outside / luma.size > 0.995:
        return Silhouette(coverage, background)
    return Silhouette(np.bitwise_not(outside, out=outside), background)


def window(coverage: Planes) -> Window:
    """The rectangle around the silhouette in all frames; specks below 2 % of a side are ignored."""
    return Window(*_window(coverage))


def flat_rectangles(luma: Planes, coverage: Planes, around: Window) -> npt.NDArray[np.bool_]:
    """`[n]`: whether a frame's silhouette is a rectangle of one grey level that fills the window `around`.

    The outermost pixels do not count: where a rectangle ends between two pixels they are paler, at one size and not
    at another.
    """
    inside = np.s_[:, slice(*_shrunk(around.top, around.bottom)), slice(*_shrunk(around.left, around.right))]
    levels = luma[inside].reshape(len(luma), -1)
    spread = levels.max(axis=1).astype(np.int64) - levels.min(axis=1)
    is_full: npt.NDArray[np.bool_] = coverage[inside].reshape(len(luma), -1).min(axis=1) == _BYTE
    is_flat: npt.NDArray[np.bool_] = np.logical_and(is_full, spread <= _FLAT_SPREAD)
    return is_flat


def _shrunk(start: int, end: int) -> tuple[int, int]:
    return (start + 1, end - 1) if end - start > 2 else (start, end)


@compiled
def _take_alpha(pixels: Words, alpha: Planes) -> int:
    """Copies alpha; returns the number of pixels that are more than half transparent."""
    for i in range(pixels.size):
        alpha[i] = pixels[i] >> _24
    num_opaque = np.uint64(0)
    for i in range(alpha.size):
        num_opaque += alpha[i] >> np.uint8(7)
    return alpha.size - np.int64(num_opaque)  # type: ignore[return-value]


@compiled
def _describe_border(pixels: Words, luma: Planes) -> tuple[npt.NDArray[np.int64], float]:
    """The medians of red, green, blue and luma of the outermost pixels, rounded down, and the share of these pixels
    within `TOLERANCE` of the first three."""
    counts = np.zeros((4, 256), np.int64)
    num_frames, height, width = luma.shape
    for n in range(num_frames):
        for x in range(width):
            for y in (0, height - 1):
                _count_pixel(pixels[n, y, x], luma[n, y, x], counts)
        for y in range(height):
            for x in (0, width - 1):
                _count_pixel(pixels[n, y, x], luma[n, y, x], counts)
    medians = np.array([_median(counts[channel]) for channel in range(4)])
    num_alike = 0
    for n in range(num_frames):
        for x in range(width):
            for y in (0, height - 1):
                num_alike += _is_alike(pixels[n, y, x], medians)
        for y in range(height):
            for x in (0, width - 1):
                num_alike += _is_alike(pixels[n, y, x], medians)
    return medians, num_alike / (2 * num_frames * (height + width))


@inlined
def _count_pixel(pixel: np.uint32, luma: np.uint8, counts: npt.NDArray[np.int64]) -> None:
    counts[0, pixel & 255] += 1
    counts[1, pixel >> 8 & 255] += 1
    counts[2, pixel >> 16 & 255] += 1
    counts[3, luma] += 1


@inlined
def _median(counts: npt.NDArray[np.int64]) -> int:
    """Of an even number of values: the mean of the middle two, rounded down."""
    middle = counts.sum() // 2
    num_values, lower = 0, -1
    for value in range(256):
        num_values += counts[value]
        if lower < 0 and num_values >= middle:
            lower = value
        if num_values > middle:
            return (lower + value) // 2
    return lower


@inlined
def _is_alike(pixel: np.uint32, colors: npt.NDArray[np.int64]) -> bool:
    red, green, blue = np.int64(pixel & 255), np.int64(pixel >> 8 & 255), np.int64(pixel >> 16 & 255)
    difference = max(abs(red - colors[0]), abs(green - colors[1]), abs(blue - colors[2]))
    return bool(difference <= TOLERANCE)


@compiled
def _find_outside(pixels: Words, colors: npt.NDArray[np.int64], outside: Planes) -> int:
    """Marks with 255 the pixels of the background's colour that are connected to the border by a path of this colour
    with at most two bends; returns their number."""
    alike = np.empty(outside.shape[1:], np.uint8)
    num_outside = np.uint64(0)
    for n in range(len(outside)):
        _mark_alike(pixels[n].reshape(-1), colors, alike.reshape(-1))
        reached = outside[n]
        reached[:] = 0
        for _ in range(2):
            _sweep_down(alike, reached)
            _sweep_down(alike[::-1], reached[::-1])
            _sweep_across(alike, reached)
        flat = reached.reshape(-1)
        for i in range(flat.size):
            num_outside += flat[i] & np.uint8(1)
    return num_outside  # type: ignore[return-value]


@inlined
def _mark_alike(pixels: Words, colors: npt.NDArray[np.int64], alike: Planes) -> None:
    red, green, blue = np.int32(colors[0]), np.int32(colors[1]), np.int32(colors[2])
    for i in range(pixels.size):
        word = np.int32(pixels[i] & np.uint32(0xFFFFFF))
        difference = max(abs((word & 255) - red), abs((word >> 8 & 255) - green), abs((word >> 16) - blue))
        alike[i] = 255 if difference <= TOLERANCE else 0


@inlined
def _sweep_down(alike: Planes, reached: Planes) -> None:
    """Extends `reached` down each column within runs of `alike`, from the border and from reached pixels."""
    state = np.full(alike.shape[1], 255, np.uint8)
    for y in range(alike.shape[0]):
        here, reached_row = alike[y], reached[y]
        for x in range(state.size):
            state[x] = here[x] & (state[x] | reached_row[x])
            reached_row[x] |= state[x]


@inlined
def _sweep_across(alike: Planes, reached: Planes) -> None:
    """The same for rows, first to the right, then to the left."""
    for y in range(alike.shape[0]):
        here, reached_row = alike[y], reached[y]
        state = np.uint8(255)
        for x in range(here.size):
            state = here[x] & (state | reached_row[x])
            reached_row[x] |= state
        state = np.uint8(255)
        for x in range(here.size - 1, -1, -1):
            state = here[x] & (state | reached_row[x])
            reached_row[x] |= state


@compiled
def _window(coverage: Planes) -> tuple[int, int, int, int]:
    """The rows and columns of which the silhouette covers enough in any frame."""
    _, height, width = coverage.shape
    rows, columns, is_covered = np.zeros(height, np.int64), np.zeros(width, np.int64), np.empty(width, np.uint8)
    for y in range(height):
        is_covered[:] = 0
        for n in range(len(coverage)):
            row = coverage[n, y]
            for x in range(width):
                is_covered[x] |= row[x] >> np.uint8(7)
        for x in range(width):
            columns[x] += is_covered[x]
            rows[y] += is_covered[x]
    return (*_span(rows, width), *_span(columns, height))


@inlined
def _span(counts: npt.NDArray[np.int64], length: int) -> tuple[int, int]:
    """The range from the first to the last count of at least 2 % of `length`; the whole range if there is none."""
    first, last = len(counts), -1
    for i in range(len(counts)):
        if counts[i] >= max(1.0, 0.02 * length):
            first, last = min(first, i), i
    return (first, last + 1) if last >= 0 else (0, len(counts))
