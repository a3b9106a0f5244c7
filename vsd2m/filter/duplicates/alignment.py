"""Aligns one small picture with another: shift and scale along each axis (Lucas and Kanade, IJCAI 1981).

A motion `[4]` is (shift, scale) down, then (shift, scale) across: the cell at distance u from the middle of the first
picture is at u + shift + scale u in the second.
"""

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates.unpacked import Plane
from vsd2m.media.compiled import compiled

Motion = npt.NDArray[np.float32]

NUM_SMOOTH_STEPS, NUM_STEPS = 2, 5
MAX_SHIFT, MAX_SCALE = np.float32(3.3), np.float32(0.13)
"""Cells and share: borders of up to 5 % cut off or added on each side."""
OUTLIER, OUTLIER_SLOPE = np.float32(8), np.float32(0.5)
"""Grey levels, and share of the gradient, past which a cell loses weight."""
_RIDGE, _RIGID = np.float32(50), np.float32(1e9)
_HALF, _ONE, _TWO = np.float32(0.5), np.float32(1), np.float32(2)
_FOUR, _SIX, _SIXTEEN = np.float32(4), np.float32(6), np.float32(16)
_NUM_TAPS = 4


@compiled
def align(first: Plane, second: Plane, start: Motion) -> Motion:
    """The motion, near `start`, that aligns `second` (`[n, n]`) best with `first`.

    The pictures are smoothed first, because thin lines guide the search only within a cell, and the first step is a
    pure shift. Cells that differ have less weight (Cauchy's), so that parts that only one picture shows have no effect.
    """
    size = len(first)
    still, moving = _smoothed(first), _smoothed(second)
    motion = start.copy()
    for step in range(NUM_STEPS):
        if step == NUM_SMOOTH_STEPS:
            still, moving = first, second
        moved, inside = warp(moving.reshape(1, size, size), motion)
        slopes, weighted, error = _linearised(still, moved[0], inside)
        normal, right = np.empty((4, 4), np.float32), np.empty(4, np.float32)
        for k in range(4):
            right[k] = _product(weighted[k], error)
            for j in range(k + 1):
                normal[k, j] = _product(weighted[k], slopes[j])
            ridge = _RIDGE if k % 2 == 0 else _RIDGE * np.float32(size * size) / _SIX
            normal[k, k] += ridge + (_RIGID if step == 0 and k % 2 == 1 else np.float32(0))
        change = _solved(normal, right)
        for k in range(4):
            bound = MAX_SHIFT if k % 2 == 0 else MAX_SCALE
            motion[k] = min(max(motion[k] + change[k], start[k] - bound), start[k] + bound)
    return motion


@compiled
def warp(planes: Plane, motion: Motion) -> tuple[Plane, Plane]:
    """`planes` (`[k, n, n]`) moved, by cubic convolution (Keys, ASSP 1981), because linear interpolation blurs; and a
    mask `[n, n]` (1 or 0) of the cells that lie inside them."""
    size = planes.shape[-1]
    up, weights_up, inside_up = _taps(motion[0], motion[1], size)
    low, weights, inside = _taps(motion[2], motion[3], size)
    moved, where = np.empty(planes.shape, np.float32), np.empty((size, size), np.float32)
    high = np.empty((size, size), np.float32)
    for k in range(len(planes)):
        for y in range(size):
            four, share = planes[k, up[y] : up[y] + _NUM_TAPS], weights_up[y]
            for x in range(size):
                high[y, x] = (
                    share[0] * four[0, x] + share[1] * four[1, x] + share[2] * four[2, x] + share[3] * four[3, x]
                )
        for y in range(size):
            row = high[y]
            for x in range(size):
                four_across, share = row[low[x] : low[x] + _NUM_TAPS], weights[x]
                moved[k, y, x] = (
                    share[0] * four_across[0]
                    + share[1] * four_across[1]
                    + share[2] * four_across[2]
                    + share[3] * four_across[3]
                )
    for y in range(size):
        for x in range(size):
            where[y, x] = inside_up[y] * inside[x]
    return moved, where


@compiled
def between_windows(first: Plane, second: Plane, size: int) -> Motion:
    """The motion between pictures of the windows `first` and `second` (`[4]`) of the same frame."""
    middle = np.float32(size - 1) / _TWO
    motion = np.empty(4, np.float32)
    for k in (0, 2):
        length, other = first[k + 1] - first[k], second[k + 1] - second[k]
        centre = (first[k] + length / _TWO - second[k]) / other * np.float32(size) - _HALF
        motion[k], motion[k + 1] = centre - middle, length / other - _ONE
    return motion


@compiled
def _taps(shift: np.float32, scale: np.float32, size: int) -> tuple[npt.NDArray[np.int64], Plane, Plane]:
    """For each cell the first of the four cells it is interpolated from, their weights, and whether it is inside."""
    low, weights, inside = np.empty(size, np.int64), np.zeros((size, _NUM_TAPS), np.float32), np.empty(size, np.float32)
    middle, last = np.float32(size - 1) / _TWO, np.float32(size - 1)
    for i in range(size):
        place = np.float32(i) + shift + scale * (np.float32(i) - middle)
        inside[i] = _ONE if -_HALF <= place <= last + _HALF else np.float32(0)
        place = min(max(place, np.float32(0)), last)
        low[i] = min(max(int(np.floor(place)) - 1, 0), size - _NUM_TAPS)
        total = np.float32(0)
        for k in range(_NUM_TAPS):
            weights[i, k] = _cubic(abs(place - np.float32(low[i] + k)))
            total += weights[i, k]
        for k in range(_NUM_TAPS):
            weights[i, k] /= total
    return low, weights, inside


@compiled
def _cubic(away: np.float32) -> np.float32:
    if away < _ONE:
        return (np.float32(1.5) * away - np.float32(2.5)) * away * away + _ONE
    if away < _TWO:
        return ((np.float32(2.5) - _HALF * away) * away - _FOUR) * away + _TWO
    return np.float32(0)


@compiled
def _linearised(still: Plane, moved: Plane, inside: Plane) -> tuple[Plane, Plane, Plane]:
    """The derivatives `[4, n, n]` of the moved picture by the motion, their weighted values, and the error `[n, n]`."""
    size = len(still)
    middle = np.float32(size - 1) / _TWO
    down, across = _gradient(moved)
    slopes, weighted = np.empty((4, size, size), np.float32), np.empty((4, size, size), np.float32)
    error, weight = np.empty((size, size), np.float32), np.empty((size, size), np.float32)
    for y in range(size):
        for x in range(size):
            error[y, x] = (still[y, x] - moved[y, x]) * inside[y, x]
            steep = np.sqrt(down[y, x] * down[y, x] + across[y, x] * across[y, x])
            outlying = error[y, x] / (OUTLIER + OUTLIER_SLOPE * steep)
            weight[y, x] = inside[y, x] / (_ONE + outlying * outlying)
    for y in range(size):
        offset = np.float32(y) - middle
        for x in range(size):
            slopes[0, y, x] = down[y, x] * inside[y, x]
            slopes[1, y, x] = down[y, x] * inside[y, x] * offset
            slopes[2, y, x] = across[y, x] * inside[y, x]
            slopes[3, y, x] = across[y, x] * inside[y, x] * (np.float32(x) - middle)
    for k in range(4):
        for y in range(size):
            for x in range(size):
                weighted[k, y, x] = slopes[k, y, x] * weight[y, x]
    return slopes, weighted, error


@compiled
def slope(plane: Plane) -> Plane:
    """Size of the gradient."""
    down, across = _gradient(plane)
    for y in range(len(plane)):
        for x in range(len(plane)):
            down[y, x] = np.sqrt(down[y, x] * down[y, x] + across[y, x] * across[y, x])
    return down


@compiled
def _gradient(plane: Plane) -> tuple[Plane, Plane]:
    """Down and across, by central differences, one-sided at the edge."""
    size = len(plane)
    down, across = np.empty((size, size), np.float32), np.empty((size, size), np.float32)
    for y in range(size):
        above, below = plane[max(y - 1, 0)], plane[min(y + 1, size - 1)]
        share = _HALF if 0 < y < size - 1 else _ONE
        for x in range(size):
            down[y, x] = (below[x] - above[x]) * share
        row = plane[y]
        for x in range(1, size - 1):
            across[y, x] = (row[x + 1] - row[x - 1]) * _HALF
        across[y, 0], across[y, size - 1] = row[1] - row[0], row[size - 1] - row[size - 2]
    return down, across


@compiled
def _product(one: Plane, other: Plane) -> np.float32:
    """The sum of the products of two planes, by columns first: allows vector instructions in a fixed order."""
    size = len(one)
    columns = np.zeros(size, np.float32)
    for y in range(size):
        for x in range(size):
            columns[x] += one[y, x] * other[y, x]
    total = np.float32(0)
    for x in range(size):
        total += columns[x]
    return total


@compiled
def _solved(normal: Plane, right: Plane) -> Plane:
    """The solution of four normal equations (lower triangle given), by Cholesky's factors."""
    factor, out = np.zeros((4, 4), np.float64), np.empty(4, np.float64)
    for k in range(4):
        for j in range(k + 1):
            rest = np.float64(normal[k, j])
            for i in range(j):
                rest -= factor[k, i] * factor[j, i]
            factor[k, j] = np.sqrt(rest) if k == j else rest / factor[j, j]
    for k in range(4):
        rest = np.float64(right[k])
        for i in range(k):
            rest -= factor[k, i] * out[i]
        out[k] = rest / factor[k, k]
    for k in range(3, -1, -1):
        rest = out[k]
        for i in range(k + 1, 4):
            rest -= factor[i, k] * out[i]
        out[k] = rest / factor[k, k]
    return out.astype(np.float32)


@compiled
def _smoothed(plane: Plane) -> Plane:
    """Binomial means over five cells each way."""
    size = len(plane)
    high, out = np.empty((size, size), np.float32), np.empty((size, size), np.float32)
    for y in range(size):
        above, upper, row = plane[max(y - 2, 0)], plane[max(y - 1, 0)], plane[y]
        lower, below = plane[min(y + 1, size - 1)], plane[min(y + 2, size - 1)]
        for x in range(size):
            high[y, x] = (above[x] + below[x] + _FOUR * (upper[x] + lower[x]) + _SIX * row[x]) / _SIXTEEN
    for y in range(size):
        row = high[y]
        for x in range(size):
            outer = row[max(x - 2, 0)] + row[min(x + 2, size - 1)]
            inner = row[max(x - 1, 0)] + row[min(x + 1, size - 1)]
            out[y, x] = (outer + _FOUR * inner + _SIX * row[x]) / _SIXTEEN
    return out
