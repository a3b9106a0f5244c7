"""Candidate links between look-alikes by banded locality-sensitive hashing.

Four views of a fingerprint are taken: the low frequencies of its small picture with the background exchanged for
white, grey and black, and the bits of its whole frames' hashes. A table orders all stickers by a code of 16 bands of
4 bits, each the cell of a random projection of a view (Datar et al., SCG 2004; sorting by whole codes as in LSH
forests, Bawa et al., WWW 2005): look-alikes come to stand side by side however many stickers there are. Neighbours
that share the first bands and most of a 64-bit sketch are linked.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates import signatures as of
from vsd2m.filter.duplicates.signatures import Rows, Words
from vsd2m.media import fingerprint as layout

BACKGROUNDS = (255.0, 128.0, 0.0)
TABLES_PER_VIEW = 8
NUM_NEIGHBOURS = 4
MAX_SKETCH_BITS = 18
_MAX_FREQUENCY = 5
_NUM_BANDS, _NUM_SHARED = 16, 4
_CELL = 1.0
_CHUNK = 2048

Features = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint64]


def links(words: Words, rank: Rows, *, num_threads: int = 1) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of lines that stand side by side in some table, the one with the smaller `rank` first, in many small
    lots: what an earlier lot joined need not be looked at in a later one.

    Lines are taken by rank, so that their order in `words` makes no difference.
    """
    by_rank = np.argsort(rank)
    with ThreadPoolExecutor(num_threads) as pool:
        for which, features in enumerate(_views(words, by_rank, pool)):
            sketch = _bits(features @ _directions(features.shape[1], 64, 1000 + which))
            tables = range(TABLES_PER_VIEW * which, TABLES_PER_VIEW * (which + 1))
            for lots in pool.map(partial(_neighbours, features, sketch), tables):
                for first, second in lots:
                    yield by_rank[first], by_rank[second]


def _views(words: Words, by_rank: Rows, pool: ThreadPoolExecutor) -> Iterator[Features]:
    """The features of each view, lines by rank."""
    starts = range(0, len(words), _CHUNK)
    parts = pool.map(lambda start: _low_frequencies(words[by_rank[start : start + _CHUNK]]), starts)
    shown, covered, own = (np.concatenate(part) for part in zip(*parts, strict=True))
    for background in BACKGROUNDS:
        yield shown - (np.float32(background) - own[:, None]) * covered
    del shown, covered
    yield np.concatenate(list(pool.map(lambda start: _whole_frames(words[by_rank[start : start + _CHUNK]]), starts)))


def _low_frequencies(words: Words) -> tuple[Features, Features, Features]:
    """The low frequencies `[P, 20]` of the pictures and of the coverage, and the grey level of the background.

    On another background a picture's are its own, less the change of background times those of the coverage.
    """
    pictures = _transformed(of.pictures(words))
    return pictures, _transformed(of.coarse_coverages(words)) * 2, of.backgrounds(words)


def _transformed(planes: of.Planes) -> Features:
    """Cosine transform up to `_MAX_FREQUENCY` half-waves, brought to one scale."""
    side = planes.shape[-1]
    wave = np.arange(_MAX_FREQUENCY + 1)
    basis = np.cos(np.pi * wave[:, None] * (2 * np.arange(side) + 1) / (2 * side)).astype(np.float32)
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    order = np.add.outer(wave, wave)
    used = (order > 0) & (order <= _MAX_FREQUENCY)
    expected = 800 / (1.0 + order[used]) ** 1.3  # falls with frequency as that of pictures does
    features: Features = (basis @ planes @ basis.T)[:, used] / expected.astype(np.float32)
    return features


def _whole_frames(words: Words) -> Features:
    """`[P, 64]`: for each bit of the whole frames' hashes the share of frames that have it, brought to one scale."""
    hashes = np.ascontiguousarray(words[:, layout.WHOLE]).view(np.uint8)
    bits = np.unpackbits(hashes.reshape(-1, layout.NUM_FRAMES, 8), axis=2)
    share: Features = np.float32(1.5) * (bits.mean(axis=1, dtype=np.float32) - np.float32(0.5))
    return share


@cache
def _directions(num_features: int, count: int, seed: int) -> Features:
    """Random unit vectors `[num_features, count]`."""
    drawn = np.random.default_rng(seed).standard_normal((num_features, count))
    unit: Features = (drawn / np.linalg.norm(drawn, axis=0)).astype(np.float32)
    return unit


def _codes(features: Features, table: int) -> Codes:
    """The cells of the table's projections, the first in the highest bits."""
    shift = np.random.default_rng(2000 + table).uniform(0, 1, _NUM_BANDS).astype(np.float32)
    cells = features @ _directions(features.shape[1], _NUM_BANDS, 3000 + table)
    cells /= np.float32(_CELL)
    cells += shift + np.float32(8)
    np.clip(cells, 0, 15.5, out=cells)
    nibbles = cells.astype(np.uint8)
    paired = (nibbles[:, 0::2] << 4) | nibbles[:, 1::2]
    return np.ascontiguousarray(paired).view(">u8")[:, 0].astype(np.uint64)


def _bits(projections: Features) -> Codes:
    words: Codes = np.packbits(projections > 0, axis=1).view(np.uint64)[:, 0]
    return words


def _neighbours(features: Features, sketch: Codes, table: int) -> list[tuple[Rows, Rows]]:
    """The places that stand 1, 2, ... `NUM_NEIGHBOURS` apart in the table and look alike by their sketch."""
    codes = _codes(features, table)
    order = np.argsort(codes, kind="stable")
    shared = (codes >> np.uint64(64 - 4 * _NUM_SHARED))[order]
    sketch = sketch[order]
    lots = []
    for step in range(1, min(NUM_NEIGHBOURS, len(order) - 1) + 1):
        alike = np.bitwise_count(sketch[step:] ^ sketch[:-step]) <= MAX_SKETCH_BITS
        alike &= shared[step:] == shared[:-step]
        place = np.flatnonzero(alike)
        one, other = order[place], order[place + step]
        lots.append((np.minimum(one, other), np.maximum(one, other)))
    return lots
