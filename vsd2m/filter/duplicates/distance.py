"""How far apart two stickers are, from their fingerprints alone.

The distance is the root of the sum of the squares of three differences, scaled so that one limit suits all. Copies
differ strongly in at most one of them; two stickers of one character, or with one dance, differ a little in all:

- course: bits in which the frames' hashes differ, each frame compared with the best of three neighbours in time;
- tones: mean difference of the silhouette's colours;
- picture: the difference of the aligned mean pictures (`picture.py`). It separates two texts under one drawing.

If one fits clearly better when played backwards, the distance is infinite: it is another animation.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates.hashes import NUM_BITS, course, runs_backwards
from vsd2m.filter.duplicates.picture import difference
from vsd2m.filter.duplicates.signatures import Rows, Words, frozen
from vsd2m.filter.duplicates.unpacked import (
    Line,
    Plane,
    chroma,
    coarse_coverage,
    has_silhouette,
    silhouette_window,
    unpacked,
)
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

    A pair within `enough` is not measured further, so it is only certain on which side of `enough` a distance is. The
    distance is infinite if course and tones alone exceed it; the pictures are then not compared. With `enough` 0 all
    distances are exact.
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
    """Difference of blue and red in `TONE_UNIT`: the mean over the cells that both silhouettes cover or, if their
    windows differ, the difference of the means; 0 if only one has a silhouette, since other parts would be compared."""
    one, other = coarse_coverage(first), coarse_coverage(second)
    colours, other_colours = chroma(first), chroma(second)
    window, other_window = silhouette_window(first), silhouette_window(second)
    if np.abs(window - other_window).max() <= WINDOW_SLACK:
        return _cells_apart(colours, other_colours, one, other) / _TONE_LEVELS
    if has_silhouette(one) != has_silhouette(other):
        return _ZERO
    blue = np.sum(colours[:64]) / _silhouette_area(one) - np.sum(other_colours[:64]) / _silhouette_area(other)
    red = np.sum(colours[64:]) / _silhouette_area(one) - np.sum(other_colours[64:]) / _silhouette_area(other)
    return np.float32(np.sqrt(blue * blue + red * red) / _TONE_LEVELS)


@compiled
def _cells_apart(colours: Plane, other_colours: Plane, coverage: Plane, other_coverage: Plane) -> np.float32:
    """Mean difference over the cells of the colours (8 x 8), weighted with the smaller coverage (16 x 16)."""
    difference, weight = _ZERO, _ZERO
    for y in range(8):
        for x in range(8):
            cell, corner = 8 * y + x, 32 * y + 2 * x
            both = min(_quarter(coverage, corner), _quarter(other_coverage, corner))
            blue, red = colours[cell] - other_colours[cell], colours[64 + cell] - other_colours[64 + cell]
            difference += both * np.sqrt(blue * blue + red * red)
            weight += both
    return np.float32(difference / max(weight, _ONE))


@compiled
def _quarter(coverage: Plane, corner: int) -> np.float32:
    return np.float32((coverage[corner] + coverage[corner + 1] + coverage[corner + 16] + coverage[corner + 17]) / _FOUR)


@compiled
def _silhouette_area(coverage: Plane) -> np.float32:
    """Cells of the colours that the silhouette covers."""
    return np.float32(max(np.sum(coverage) / _FOUR, _ONE))
