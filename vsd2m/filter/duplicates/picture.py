"""The difference of two stickers' mean pictures after alignment.

Differences are in units of the deviation that compression, motion, resampling and another background explain in a cell.
The worst 4 x 4 of the 32 x 32 cells decides, separately for fine deviations (the letters of a text), uniform deviations
(a surface in another grey), and details beyond 32 x 32. Surfaces may differ more than letters: a palette of few colours
changes surfaces, but hardly ever shapes.
"""

from typing import NamedTuple

import numpy as np

from vsd2m.filter.duplicates.alignment import align, between_windows, slope, warp
from vsd2m.filter.duplicates.unpacked import SIDE, Plane, Unpacked
from vsd2m.media.compiled import compiled

LEAST_OVERLAP = np.float32(0.6)
FAR = np.float32(1000)


class Explained(NamedTuple):
    """The deviation of grey levels that is explained: a constant, and per unit of gradient, motion, detail and of
    uncertainty about the background."""

    always: np.float32
    by_slope: np.float32
    by_motion: np.float32
    by_detail: np.float32
    by_background: np.float32


BY_FINE = Explained(*map(np.float32, (7, 0.32, 0.2, 0, 1)))
BY_EVEN = Explained(*map(np.float32, (13, 0.25, 0.3, 0, 1)))
BY_DETAIL = Explained(*map(np.float32, (6.5, 0, 0.2, 0.27, 2)))
SHOWN, DETAIL, MOTION, UNSURE = range(4)
UNALIGNED, ALIGNED, FRAMED = range(3)
_BACKGROUND_SHARE = np.float32(0.8)
_EVEN_SIDE, _BLOCK = 5, 4
_ZERO, _HALF, _ONE, _WHITE = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)


@compiled
def difference(first: Unpacked, second: Unpacked, enough: np.float32) -> np.float32:
    """The smallest difference over the hypotheses: on each background, unaligned, aligned, and aligned starting from
    their windows in the frame. No further hypotheses are tried for a pair within `enough`."""
    best = FAR
    backgrounds, count = _backgrounds(first, second)
    for hypothesis in range(2 if (first.window == second.window).all() else 3):
        for background in backgrounds[:count]:
            if best <= enough:
                return best
            largest = _ZERO
            one, other = _planes(first, background), _planes(second, background)
            windows = first.window, second.window
            for _ in range(2 if hypothesis == FRAMED else 1):
                largest = max(largest, _laid(one, other, windows, background, hypothesis))
                one, other = other, one
                windows = windows[1], windows[0]
            best = min(best, largest)
    return best


@compiled
def _backgrounds(first: Unpacked, second: Unpacked) -> tuple[Plane, int]:
    """The grey levels of the backgrounds to compare on, and their number: the first picture's, the second's and, if
    only one has a silhouette, the grey that the other shows around that silhouette."""
    levels, count = np.empty(3, np.float32), 1
    levels[0] = first.background
    if second.background != first.background:
        levels[count] = second.background
        count += 1
    if first.has_silhouette != second.has_silhouette:
        levels[count] = _grey_around(first, second) if first.has_silhouette else _grey_around(second, first)
        count += 1
    return levels, count


@compiled
def _grey_around(cut: Unpacked, full: Unpacked) -> np.float32:
    """The mean of the `full` picture outside the other's silhouette, which is moved to its window."""
    moved, inside = warp(cut.coverage.reshape(1, SIDE, SIDE), between_windows(full.window, cut.window, SIDE))
    total, weight = _ZERO, _ZERO
    for y in range(SIDE):
        for x in range(SIDE):
            free = _ONE - min(max(moved[0, y, x] * inside[y, x], _ZERO), _ONE)
            share = free * free * free * free + np.float32(1e-4)
            total += share * full.picture[y, x]
            weight += share
    return total / weight


@compiled
def _planes(of: Unpacked, background: np.float32) -> Plane:
    """`[4, 32, 32]`: `SHOWN` on the background, `DETAIL`, `MOTION`, and `UNSURE`, the deviation to expect along the
    silhouette's edge on another background."""
    planes = np.empty((4, SIDE, SIDE), np.float32)
    change = background - of.background
    for y in range(SIDE):
        for x in range(SIDE):
            planes[DETAIL, y, x], planes[MOTION, y, x] = of.detail[y, x], of.motion[y, x]
            around = _ONE - of.coverage[y, x]
            planes[SHOWN, y, x] = min(max(of.picture[y, x] + around * change, _ZERO), _WHITE)
            planes[UNSURE, y, x] = _BACKGROUND_SHARE * of.coverage[y, x] * around * abs(change)
    return planes


@compiled
def _laid(
    first: Plane, second: Plane, windows: tuple[Plane, Plane], background: np.float32, hypothesis: int
) -> np.float32:
    """The difference after the second planes are aligned with the first.

    `UNALIGNED`: without alignment. `ALIGNED`: a border was cropped or added; parts outside the other picture are
    ignored. `FRAMED`: the silhouette has another position in the frame; the area outside its window is background.
    """
    inside = np.ones((SIDE, SIDE), np.float32)
    if hypothesis != UNALIGNED:
        start = np.zeros(4, np.float32) if hypothesis == ALIGNED else between_windows(windows[0], windows[1], SIDE)
        second, inside = warp(second, align(first[SHOWN], second[SHOWN], start))
        if hypothesis == ALIGNED and np.mean(inside) < LEAST_OVERLAP:
            return FAR
    if hypothesis == FRAMED:
        for y in range(SIDE):
            for x in range(SIDE):
                second[SHOWN, y, x] = background + (second[SHOWN, y, x] - background) * inside[y, x]
                second[DETAIL, y, x] *= inside[y, x]
                inside[y, x] = _ONE
    return _worst(first, second, inside)


@compiled
def _worst(first: Plane, second: Plane, inside: Plane) -> np.float32:
    """The worst block of cells, in units of the explained deviation, where the two overlap."""
    deviation = np.empty((SIDE, SIDE), np.float32)
    for y in range(SIDE):
        for x in range(SIDE):
            deviation[y, x] = (first[SHOWN, y, x] - second[SHOWN, y, x]) * inside[y, x]
    even = _even(deviation)
    slopes, other_slopes = slope(first[SHOWN]), slope(second[SHOWN])
    units = np.empty((3, SIDE, SIDE), np.float32)
    for y in range(SIDE):
        for x in range(SIDE):
            steep = (slopes[y, x] + other_slopes[y, x]) * _HALF
            motion = min(first[MOTION, y, x], second[MOTION, y, x])
            unsure = first[UNSURE, y, x] + second[UNSURE, y, x]
            detail = max(first[DETAIL, y, x], second[DETAIL, y, x])
            beyond = abs(first[DETAIL, y, x] - second[DETAIL, y, x]) * inside[y, x]
            units[0, y, x] = abs(deviation[y, x] - even[y, x]) / _explained(BY_FINE, steep, motion, unsure, detail)
            units[1, y, x] = deviation[y, x] / _explained(BY_EVEN, steep, motion, unsure, detail)
            units[2, y, x] = beyond / _explained(BY_DETAIL, steep, motion, unsure, detail)
    worst = _ZERO
    for k in range(len(units)):
        for mean in _means(units[k], _BLOCK).ravel():
            worst = max(worst, abs(mean))
    return worst


@compiled
def _explained(
    by: Explained, steep: np.float32, motion: np.float32, unsure: np.float32, detail: np.float32
) -> np.float32:
    explained = by.always + by.by_slope * steep + by.by_motion * motion
    return explained + by.by_detail * detail + by.by_background * unsure


@compiled
def _even(plane: Plane) -> Plane:
    """The mean of the cells around each, mirrored at the edge."""
    size, margin = len(plane), _EVEN_SIDE // 2
    padded = np.empty((size + 2 * margin, size + 2 * margin), np.float32)
    for y in range(size):
        row, out = plane[y], padded[y + margin]
        for x in range(size):
            out[x + margin] = row[x]
        for k in range(margin):
            out[k], out[margin + size + k] = row[margin - k], row[size - 2 - k]
    for k in range(margin):
        for x in range(size + 2 * margin):
            padded[k, x] = padded[2 * margin - k, x]
            padded[margin + size + k, x] = padded[margin + size - 2 - k, x]
    return _means(padded, _EVEN_SIDE)


@compiled
def _means(plane: Plane, side: int) -> Plane:
    """Means over every block of `side` x `side`."""
    size, width = len(plane) - side + 1, len(plane)
    down, means = np.empty((size, width), np.float32), np.empty((size, size), np.float32)
    for y in range(size):
        for x in range(width):
            total = plane[y, x] + plane[y + 1, x] + plane[y + 2, x] + plane[y + 3, x]
            down[y, x] = total + plane[y + 4, x] if side == _EVEN_SIDE else total
    for y in range(size):
        row = down[y]
        for x in range(size):
            total = row[x] + row[x + 1] + row[x + 2] + row[x + 3]
            means[y, x] = (total + row[x + 4] if side == _EVEN_SIDE else total) / np.float32(side * side)
    return means
