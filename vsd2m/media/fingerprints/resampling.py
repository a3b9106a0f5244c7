"""Windows of small planes resampled to squares, in whole numbers.

h and w: the size of a plane. The filter is a triangle, wide enough not to alias. Weights are multiples of 2**-12, so
results are multiples of `2**-24`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vsd2m.media.compiled import compiled, inlined

UNIT = 1 << 24
"""The value of 1 in the resampled planes."""
_ONE = 1 << 12

Squares = npt.NDArray[np.int64]
Planes = npt.NDArray[np.uint8] | npt.NDArray[np.int32]


class Window(NamedTuple):
    """A rectangle in pixels, ends not included."""

    top: int
    bottom: int
    left: int
    right: int


def resample(planes: Planes, around: Window, size: int) -> Squares:
    """The window of each of `planes` (`[n, h, w]`, below 2**18) as `[n, size, size]`, in units of 2**-24."""
    squares = np.empty((len(planes), size, size), np.int64)
    _resample(planes, *around, squares)
    return squares


@compiled
def _resample(planes: Planes, top: int, bottom: int, left: int, right: int, squares: Squares) -> None:
    size = squares.shape[1]
    row_starts, row_weights = _weights(top, bottom, planes.shape[1], size)
    column_starts, column_weights = _weights(left, right, planes.shape[2], size)
    half = np.zeros(planes.shape[2] + len(column_weights), np.int32)  # taps past the end weigh nothing
    for n in range(len(planes)):
        for i in range(size):
            total = half[: planes.shape[2]]
            total[:] = 0
            rows = planes[n, np.int64(row_starts[i]) :]
            for tap in range(len(row_weights)):
                if row_weights[tap, i]:
                    add_scaled(rows[tap], row_weights[tap, i], total)
            _gather(half, column_starts, column_weights, squares[n, i])


@inlined
def add_scaled(row: Planes, weight: np.int32, total: npt.NDArray[np.int32]) -> None:
    """Adds `row` times `weight` to `total`."""
    for x in range(total.size):
        total[x] += np.int32(row[x]) * weight


@inlined
def _gather(
    half: npt.NDArray[np.int32], starts: npt.NDArray[np.uint64], weights: npt.NDArray[np.int32], out: Squares
) -> None:
    out[:] = 0
    for tap in range(len(weights)):
        factors, shift = weights[tap], np.uint64(tap)
        for k in range(out.size):
            out[k] += np.int64(half[starts[k] + shift]) * np.int64(factors[k])


@inlined
def _weights(start: int, stop: int, length: int, size: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """For each of `size` steps from `start` to `stop` of a side, the first pixel that counts and the weights from it
    on, multiples of 2**-12, `[taps, size]`.

    Distances are in units of 1 / (2 * size), so that all of them are whole.
    """
    span = stop - start
    reach = 2 * max(span, size)
    num_taps = min(reach // size + 2, length)
    starts, weights = np.empty(size, np.uint64), np.zeros((num_taps, size), np.int32)
    distances = np.empty(num_taps, np.int64)
    for i in range(size):
        centre = (2 * i + 1) * span
        first = start + max(0, (centre - reach - size) // (2 * size) + 1)
        count = total = 0
        while count < num_taps and first + count < stop:
            nearness = reach - abs((2 * (first + count - start) + 1) * size - centre)
            if nearness <= 0:
                break
            distances[count] = nearness
            total += nearness
            count += 1
        starts[i] = first
        for tap in range(count):
            weights[tap, i] = _rounded(_ONE * distances[tap], total)
    return starts, weights


@inlined
def _rounded(dividend: int, divisor: int) -> int:
    """The quotient, rounded to nearest, half to even."""
    quotient = (2 * dividend + divisor) // (2 * divisor)
    is_half = (2 * dividend + divisor) % (2 * divisor) == 0
    return quotient - (quotient & 1) if is_half else quotient
