"""The features for the search of candidates: six views of each sticker.

Low frequencies of its small picture on several backgrounds, of the silhouette in its window and of the whole frame (if
no background is detected in a copy, its window is the frame); and the bits of the whole frames' hashes. All sums are
computed in a fixed order, so that every machine gives the same result.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates.signatures import Rows, Words
from vsd2m.filter.duplicates.unpacked import SIDE, Plane, coarse_coverage, picture
from vsd2m.media.compiled import compiled
from vsd2m.media.fingerprints import layout

Features = npt.NDArray[np.int16] | npt.NDArray[np.int8]

_UNIT = np.float32(2.0**-8)
BACKGROUNDS = {"window": (255.0, 128.0, 0.0), "frame": (255.0, 0.0)}
_OWN = -1.0
_CHANGE_UNIT = np.float32(2.0**-15)  # of the coverage's part of a feature, per grey level of change of the background
_MAX_FREQUENCY = 5
_COVERAGE_SIDE = 16
_STEPS = 1024
_WHOLE, _NUM_FRAMES, _NUM_BITS = layout.WHOLE.start, layout.NUM_FRAMES, 64
_BIT_UNIT = 1.5 / _NUM_FRAMES / 2
_CHUNK = 1 << 14


def views(words: Words, order: Rows, pool: ThreadPoolExecutor) -> Iterator[tuple[Features, float]]:
    """The features `[M, k]` of each view and their unit, in the order of the lines in `order`."""
    lots = [slice(start, start + _CHUNK) for start in range(0, len(order), _CHUNK)]

    def fill(function: Callable[..., None], *arrays: Features, settings: tuple[object, ...] = ()) -> None:
        """Calls `function` for batches of lines, with their part of the `arrays`."""
        parts = ([array[lot] for array in (order, *arrays)] for lot in lots)
        list(pool.map(lambda part: function(words, *part, *settings), parts))

    shades, covered = (np.empty((len(order), len(_expected())), np.int16) for _ in range(2))
    for part, backgrounds in BACKGROUNDS.items():
        fill(_frequencies, shades, covered, settings=(_waves(), _expected(), part == "frame"))
        for before, grey in pairwise((_OWN, *backgrounds)):
            fill(_exchange, shades, covered, settings=(np.float32(before), np.float32(grey)))
            yield shades, float(_UNIT)
    del shades, covered
    bits = np.empty((len(order), _NUM_BITS), np.int8)
    fill(_hash_bits, bits)
    yield bits, _BIT_UNIT


@cache
def _waves() -> Plane:
    """`[_STEPS, frequencies]` of the cosine transform; rounded, so that cosines are equal on all machines."""
    exact = np.cos(np.pi * np.arange(_MAX_FREQUENCY + 1) * (np.arange(_STEPS)[:, None] + 0.5) / _STEPS)
    return (np.round(exact * 2**16) / 2**16).astype(np.float32)


@cache
def _expected() -> Plane:
    """The divisor of each coefficient, in the order of features: it decreases with frequency as in natural pictures."""
    count = _MAX_FREQUENCY + 1
    orders = np.array([down + across for down in range(count) for across in range(count - down)][1:])
    return np.round(800 / (1.0 + orders) ** 1.3).astype(np.float32)


@compiled
def _frequencies(
    words: Words, order: Rows, shades: Features, covered: Features, waves: Plane, expected: Plane, framed: bool
) -> None:
    window, unit, change_unit = np.array([0, 255, 0, 255], np.uint8), expected * _UNIT, expected * _CHANGE_UNIT
    fine, coarse = _cosines(waves, window, SIDE), _cosines(waves, window, _COVERAGE_SIDE)
    for i in range(len(order)):
        line = words[order[i]]
        facts = line[:1].view(np.uint8)
        if framed and _moved(window, facts[1:5]):
            fine, coarse = _cosines(waves, window, SIDE), _cosines(waves, window, _COVERAGE_SIDE)
        cut, behind = picture(line), np.float32(facts[0])
        for y in range(SIDE):
            for x in range(SIDE):
                cut[y, x] -= behind
        _transform(cut, fine, unit, shades[i])
        coverage = coarse_coverage(line).reshape(_COVERAGE_SIDE, _COVERAGE_SIDE)
        _transform(coverage, coarse, change_unit, covered[i])


@compiled
def _moved(window: npt.NDArray[np.uint8], target: npt.NDArray[np.uint8]) -> bool:
    """Sets `window` to `target`; returns whether it changed."""
    changed = False
    for k in range(len(window)):
        changed |= window[k] != target[k]
        window[k] = target[k]
    return changed


@compiled
def _transform(plane: Plane, cosines: Plane, unit: Plane, out: Features) -> None:
    """Coefficients of the cosine transform of a frame up to `_MAX_FREQUENCY` half-waves, each in its `unit`; the frame
    is the plane in its window and empty around it."""
    size, count = cosines.shape[1:]
    row, sums, place = np.empty(size, np.float32), np.empty(count, np.float32), 0
    for vertical in range(count):
        row[:] = 0
        for y in range(size):
            factor = cosines[0, y, vertical]
            for x in range(size):
                row[x] += factor * plane[y, x]
        sums[:] = 0
        for x in range(size):
            for horizontal in range(count):
                sums[horizontal] += cosines[1, x, horizontal] * row[x]
        for horizontal in range(0 if vertical else 1, count - vertical):
            out[place] = _limited(sums[horizontal] / unit[place])
            place += 1


@compiled
def _cosines(waves: Plane, window: npt.NDArray[np.uint8], size: int) -> Plane:
    """`[2, size, frequencies]`: the waves, down and across, at the middles of the cells of a window (top, bottom, left,
    right, of 255), scaled independently of the number of cells."""
    out = np.empty((2, size, waves.shape[1]), np.float32)
    for axis in range(2):
        start, stop = np.float32(window[2 * axis]), np.float32(window[2 * axis + 1])
        cell = (stop - start) / np.float32(255 * size)
        norm, first_norm = cell * np.float32(np.sqrt(2 * SIDE)), cell * np.float32(np.sqrt(SIDE))
        for i in range(size):
            place = start / np.float32(255) + (np.float32(i) + np.float32(0.5)) * cell
            step = min(int(place * np.float32(_STEPS)), _STEPS - 1)
            out[axis, i, 0] = first_norm
            for k in range(1, waves.shape[1]):
                out[axis, i, k] = waves[step, k] * norm
    return out


@compiled
def _exchange(
    words: Words, order: Rows, shades: Features, covered: Features, before: np.float32, grey: np.float32
) -> None:
    """Converts the features from one background (`_OWN`: that of the sticker) to another, by subtracting the
    coverage's features times the change."""
    factor = _CHANGE_UNIT / _UNIT
    for i in range(len(order)):
        behind = np.float32(words[order[i], 0] & np.uint64(255)) if before == _OWN else before
        change = (grey - behind) * factor
        for k in range(shades.shape[1]):
            shades[i, k] = _limited(np.float32(shades[i, k]) - change * np.float32(covered[i, k]))


@compiled
def _limited(value: np.float32) -> np.int16:
    return np.int16(min(max(np.rint(value), np.float32(-32767)), np.float32(32767)))


@compiled
def _hash_bits(words: Words, order: Rows, out: Features) -> None:
    """For each bit of the whole frames' hashes the number of frames that have it minus those that do not."""
    for i in range(len(order)):
        hashes = words[order[i], _WHOLE : _WHOLE + _NUM_FRAMES]
        for bit in range(_NUM_BITS):
            count = 0
            for k in range(_NUM_FRAMES):
                count += (hashes[k] >> np.uint64(bit)) & np.uint64(1)
            out[i, bit] = 2 * np.int64(count) - _NUM_FRAMES
