"""Candidate links between look-alikes by banded locality-sensitive hashing.

Four views of a fingerprint are taken: the low frequencies of its small picture with the background exchanged for
white, grey and black, and the bits of its whole frames' hashes. A table orders all stickers by a code of 16 bands of
4 bits, each the cell of a random projection of a view (Datar et al., SCG 2004; sorting by whole codes as in LSH
forests, Bawa et al., WWW 2005): look-alikes come to stand side by side however many stickers there are. Neighbours
that share the first bands and most of a 64-bit sketch are linked.
"""

from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
import numpy.typing as npt

from vsd2m.filter.duplicates import signatures as of
from vsd2m.filter.duplicates.signatures import Rows, Words
from vsd2m.media import fingerprint as layout

BACKGROUNDS = (255.0, 128.0, 0.0)
TABLES_PER_VIEW = 10
NUM_NEIGHBOURS = 6
MAX_SKETCH_BITS = 24
_MAX_FREQUENCY = 5
_NUM_BANDS, _NUM_SHARED = 16, 4
_CELL = 1.0
_CHUNK = 8192

Features = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint64]


def links(words: Words, rank: Rows) -> Iterator[tuple[Rows, Rows]]:
    """For each table the pairs of lines that it links, the one with the smaller `rank` first.

    Lines are taken by rank, so that their order in `words` makes no difference.
    """
    by_rank = np.argsort(rank)
    views: list[Callable[[Words], Features]] = [
        *(partial(low_frequencies, background=background) for background in BACKGROUNDS),
        whole_frames,
    ]
    for which, view in enumerate(views):
        features = view(words)
        sketch = _bits(features @ _directions(features.shape[1], 64, 1000 + which))
        for table in range(TABLES_PER_VIEW):
            first, second = _neighbours(_codes(features, TABLES_PER_VIEW * which + table)[by_rank], sketch[by_rank])
            yield by_rank[first], by_rank[second]


def low_frequencies(words: Words, background: float) -> Features:
    """`[N, 20]`: the cosine transform's coefficients of up to 5 half-waves, brought to one scale."""
    parts = []
    for start in range(0, len(words), _CHUNK):
        some = words[start : start + _CHUNK]
        change = (background - of.backgrounds(some))[:, None, None]
        shown = of.pictures(some) + (1 - of.coverages(some)) * change
        parts.append(_low_frequencies(shown))
    return np.concatenate(parts) if parts else np.empty((0, 20), np.float32)


def whole_frames(words: Words) -> Features:
    """`[N, 64]`: for each bit of the whole frames' hashes the share of frames that have it, brought to one scale."""
    parts = []
    for start in range(0, len(words), _CHUNK):
        hashes = np.ascontiguousarray(words[start : start + _CHUNK, layout.WHOLE]).view(np.uint8)
        bits = np.unpackbits(hashes.reshape(-1, layout.NUM_FRAMES, 8), axis=2)
        parts.append(np.float32(1.5) * (bits.mean(axis=1, dtype=np.float32) - np.float32(0.5)))
    return np.concatenate(parts) if parts else np.empty((0, 64), np.float32)


def _low_frequencies(shown: of.Planes) -> Features:
    wave = np.arange(_MAX_FREQUENCY + 1)
    basis = np.cos(np.pi * wave[:, None] * (2 * np.arange(of.SIDE) + 1) / (2 * of.SIDE)).astype(np.float32)
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    order = np.add.outer(wave, wave)
    used = (order > 0) & (order <= _MAX_FREQUENCY)
    expected = 800 / (1.0 + order[used]) ** 1.3  # falls with frequency as that of pictures does
    features: Features = (basis @ shown @ basis.T)[:, used] / expected.astype(np.float32)
    return features


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


def _neighbours(codes: Codes, sketch: Codes) -> tuple[Rows, Rows]:
    """Places that stand within `NUM_NEIGHBOURS` places in the order of the codes and look alike by their sketch."""
    order = np.argsort(codes, kind="stable")
    shared = (codes >> np.uint64(64 - 4 * _NUM_SHARED))[order]
    sketch = sketch[order]
    first, second = [], []
    for step in range(1, min(NUM_NEIGHBOURS, len(order) - 1) + 1):
        alike = np.bitwise_count(sketch[step:] ^ sketch[:-step]) <= MAX_SKETCH_BITS
        alike &= shared[step:] == shared[:-step]
        place = np.flatnonzero(alike)
        first.append(order[place])
        second.append(order[place + step])
    if not first:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    one, other = np.concatenate(first), np.concatenate(second)
    return np.minimum(one, other), np.maximum(one, other)
