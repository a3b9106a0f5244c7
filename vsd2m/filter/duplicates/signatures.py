"""Fingerprints as one matrix."""

import numpy as np
import numpy.typing as npt
import polars as pl

from vsd2m.media.fingerprint import NUM_FRAMES

Words = npt.NDArray[np.uint64]


def signatures(fingerprints: pl.Series) -> Words:
    """`[N, 2 * NUM_FRAMES]` words, frames on white then on black; the frames of a shorter fingerprint are spread
    over all places, and one without frames is all zeros."""
    width = 2 * NUM_FRAMES
    out = np.zeros((len(fingerprints), width), dtype=np.uint64)
    lengths = fingerprints.list.len().fill_null(0).to_numpy()
    for length in np.unique(lengths[lengths > 0]):
        rows = np.flatnonzero(lengths == length)
        words = fingerprints.gather(rows).explode().to_numpy().reshape(len(rows), 2, length // 2)
        spread = np.arange(NUM_FRAMES) * (length // 2) // NUM_FRAMES
        out[rows] = words[:, :, spread].reshape(len(rows), width)
    return out
