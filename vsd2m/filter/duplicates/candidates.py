"""Candidate links between similar stickers by banded locality-sensitive hashing.

A table orders all stickers by a code of 16 bands of 3 bits, each the cell of a random projection of a view of the
sticker (Datar et al., SCG 2004; sorting by whole codes as in LSH forests, Bawa et al., WWW 2005): similar stickers
become neighbours regardless of the number of stickers. Neighbours that share the first bands and most of a 64-bit
sketch are linked.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates.features import Features, views
from vsd2m.filter.duplicates.hashes import bit_count
from vsd2m.filter.duplicates.signatures import Rows, Words, frozen
from vsd2m.filter.duplicates.unpacked import Plane
from vsd2m.media.compiled import compiled

TABLES_PER_VIEW = 8
NUM_NEIGHBOURS = 4
MAX_SKETCH_BITS = 14
_NUM_BANDS, _BAND_BITS, _NUM_SHARED, _SKETCH_BITS = 16, 3, 4, 64
_UNUSED_BITS, _UNSHARED_BITS = np.uint64(64 - _NUM_BANDS * _BAND_BITS), np.uint64(64 - _NUM_SHARED * _BAND_BITS)

Codes = npt.NDArray[np.uint64]


def links(words: Words, rank: Rows, *, num_threads: int = 1) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of lines that are neighbours in a table, the one with the smaller `rank` first, in many small batches.

    A later batch can skip pairs that an earlier one has joined. Lines are processed by rank, so that the result is
    independent of their order in `words`.
    """
    by_rank = np.argsort(rank)
    with ThreadPoolExecutor(num_threads) as pool:
        for which, (features, unit) in enumerate(views(frozen(words), by_rank, pool)):
            sketch = np.empty(len(features), np.uint64)
            _sketch(features, _directions(features.shape[1], _SKETCH_BITS, 1000 + which, unit), sketch)
            for start in range(0, TABLES_PER_VIEW, num_threads):
                tables = range(TABLES_PER_VIEW)[start : start + num_threads]
                numbers = [TABLES_PER_VIEW * which + table for table in tables]
                for lots in pool.map(partial(_neighbours, features, unit, sketch), numbers):
                    yield from ((by_rank[first], by_rank[second]) for first, second in lots)


def _neighbours(features: Features, unit: float, sketch: Codes, table: int) -> list[tuple[Rows, Rows]]:
    """The positions at distances 1, 2, ... `NUM_NEIGHBOURS` in the table whose sketches are similar."""
    keys = np.empty(len(features), np.uint64)
    shift = np.random.default_rng(2000 + table).uniform(0, 1, _NUM_BANDS).astype(np.float32)
    place_bits = np.uint64(max(len(features) - 1, 1).bit_length())
    _codes(features, _directions(features.shape[1], _NUM_BANDS, 3000 + table, unit), shift, place_bits, keys)
    keys.sort()
    return [_side_by_side(keys, sketch, place_bits, step) for step in range(1, NUM_NEIGHBOURS + 1)]


@cache
def _directions(num_features: int, count: int, seed: int, length: float) -> Plane:
    """Random vectors `[num_features, count]` of equal length."""
    directions = np.random.default_rng(seed).standard_normal((num_features, count))
    vectors: Plane = (directions / np.linalg.norm(directions, axis=0) * length).astype(np.float32)
    return vectors


@compiled
def _project(features: Features, directions: Plane, out: Plane) -> None:
    out[:] = 0
    for k in range(len(features)):
        value = np.float32(features[k])
        for band in range(len(out)):
            out[band] += value * directions[k, band]


@compiled
def _sketch(features: Features, directions: Plane, out: Codes) -> None:
    """The side of random planes on which a sticker lies, one bit each."""
    projected = np.empty(_SKETCH_BITS, np.float32)
    for i in range(len(features)):
        _project(features[i], directions, projected)
        word = np.uint64(0)
        for bit in range(_SKETCH_BITS):
            word |= np.uint64(projected[bit] > 0) << np.uint64(bit)
        out[i] = word


@compiled
def _codes(features: Features, directions: Plane, shift: Plane, place_bits: np.uint64, out: Codes) -> None:
    """The cells of the table's projections, the first in the highest bits, and the line number in the lowest bits, so
    that sorting the codes orders the lines. Every eighth cell has the same bits; similar stickers are never that far
    apart."""
    mask = (1 << _BAND_BITS) - 1
    projected = np.empty(_NUM_BANDS, np.float32)
    for i in range(len(features)):
        _project(features[i], directions, projected)
        code = np.uint64(0)
        for band in range(_NUM_BANDS):
            cell = np.int64(np.floor(projected[band] + shift[band])) & mask
            code = code << np.uint64(_BAND_BITS) | np.uint64(cell)
        out[i] = (code << _UNUSED_BITS) >> place_bits << place_bits | np.uint64(i)


@compiled
def _side_by_side(keys: Codes, sketch: Codes, place_bits: np.uint64, step: int) -> tuple[Rows, Rows]:
    """The pairs of positions, the smaller first."""
    mask = (np.uint64(1) << place_bits) - np.uint64(1)
    first, second, count = np.empty(len(keys), np.int32), np.empty(len(keys), np.int32), 0
    for i in range(len(keys) - step):
        one, other = keys[i] & mask, keys[i + step] & mask
        shared = (keys[i] ^ keys[i + step]) >> _UNSHARED_BITS == 0
        if shared and bit_count(sketch[one] ^ sketch[other]) <= MAX_SKETCH_BITS:
            first[count], second[count] = min(one, other), max(one, other)
            count += 1
    return first[:count].astype(np.int64), second[:count].astype(np.int64)
