"""How far apart two stickers are, from their fingerprints alone.

The distance is the root of the sum of the squares of three differences, each scaled so that the same limit serves all.
Copies differ much in one of them at most; two stickers with one character, or one dance, a little in all:

- course: bits in which the frames' hashes differ, each frame beside the best of three neighbours in time;
- tones: mean difference of the figure's colours;
- picture: the mean pictures laid on each other (`picture.py`). This is what keeps two texts under one drawing apart.

What fits clearly better when played backwards is infinitely far: it is another animation.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates.hashes import NUM_BITS, course, runs_backwards
from vsd2m.filter.duplicates.picture import difference
from vsd2m.filter.duplicates.signatures import Rows, Words, frozen
from vsd2m.filter.duplicates.unpacked import Line, Plane, chroma, coarse_coverage, figure_window, is_told, unpacked
from vsd2m.media.compiled import compiled

Distances = npt.NDArray[np.float32]

COURSE_UNIT, TONE_UNIT = 0.3, 20.0  # share of bits, and grey levels, that count as a distance of 1
WINDOW_SLACK = np.float32(0.06)
_COURSE_BITS = np.float32(COURSE_UNIT * NUM_BITS)
_TONE_LEVELS = np.float32(TONE_UNIT)
_CHUNK = 2048
_ZERO, _ONE, _FOUR = np.float32(0), np.float32(1), np.float32(4)


def distances(words: Words, first: Rows, second: Rows, enough: float, *, num_threads: int = 1) -> Distances:
    """The distance of the pairs of lines (`first[i]`, the better sticker, and `second[i]`).

    A pair found within `enough` is not measured further, so that only on which side of `enough` a distance lies is
    sure; infinite where course and tones alone differ by more, so that the pictures were not compared. With `enough`
    0 all is measured.
    """
    words, out = frozen(words), np.empty(len(first), np.float32)

    def measure(lot: slice) -> None:
        _distances(words, first[lot], second[lot], np.float32(enough), out[lot])

    lots = [slice(start, start + _CHUNK) for start in range(0, len(first), _CHUNK)]
    with ThreadPoolExecutor(num_threads) as pool:
        list(pool.map(measure, lots))
    return out


@compiled
def _distances(words: Words, first: Rows, second: Rows, enough: np.float32, out: Distances) -> None:
    limit = enough * enough if enough > 0 else np.float32(np.inf)
    for i in range(len(first)):
        one, other = words[first[i]], words[second[i]]
        square = (np.float32(course(one, other)) / _COURSE_BITS) ** 2
        if square <= limit:
            square += _tones(one, other) ** 2
        if square <= limit and not runs_backwards(one, other):
            allowed = np.sqrt(limit - square) if enough > 0 else _ZERO
            out[i] = np.sqrt(square + difference(unpacked(one), unpacked(other), allowed) ** 2)
        else:
            out[i] = np.inf


@compiled
def _tones(first: Line, second: Line) -> np.float32:
    """Difference of blue and red in `TONE_UNIT`: mean over the cells that both figures cover, or, where their windows
    differ, of the figures' means; 0 where only one is told from a background, since then other parts would be
    compared."""
    one, other = coarse_coverage(first), coarse_coverage(second)
    colours, other_colours = chroma(first), chroma(second)
    window, other_window = figure_window(first), figure_window(second)
    if np.abs(window - other_window).max() <= WINDOW_SLACK:
        return _cells_apart(colours, other_colours, one, other) / _TONE_LEVELS
    if is_told(one) != is_told(other):
        return _ZERO
    blue = np.sum(colours[:64]) / _figure(one) - np.sum(other_colours[:64]) / _figure(other)
    red = np.sum(colours[64:]) / _figure(one) - np.sum(other_colours[64:]) / _figure(other)
    return np.float32(np.sqrt(blue * blue + red * red) / _TONE_LEVELS)


@compiled
def _cells_apart(colours: Plane, other_colours: Plane, coverage: Plane, other_coverage: Plane) -> np.float32:
    """Mean difference over the cells of the colours (8 x 8), weighted with the lesser of both coverages (16 x 16)."""
    apart, weight = _ZERO, _ZERO
    for y in range(8):
        for x in range(8):
            cell, corner = 8 * y + x, 32 * y + 2 * x
            both = min(_quarter(coverage, corner), _quarter(other_coverage, corner))
            blue, red = colours[cell] - other_colours[cell], colours[64 + cell] - other_colours[64 + cell]
            apart += both * np.sqrt(blue * blue + red * red)
            weight += both
    return np.float32(apart / max(weight, _ONE))


@compiled
def _quarter(coverage: Plane, corner: int) -> np.float32:
    return np.float32((coverage[corner] + coverage[corner + 1] + coverage[corner + 16] + coverage[corner + 17]) / _FOUR)


@compiled
def _figure(coverage: Plane) -> np.float32:
    """Cells of the colours that the figure covers."""
    return np.float32(max(np.sum(coverage) / _FOUR, _ONE))
