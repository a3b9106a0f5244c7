"""Fingerprints as one matrix of words."""

import numpy as np
import numpy.typing as npt
import polars as pl

from vsd2m.core.errors import StageError
from vsd2m.media.fingerprints import layout

Words = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


def matrix(fingerprints: pl.Series) -> tuple[Words, Rows]:
    """The fingerprints as `[M, NUM_WORDS]`, without a copy if they are contiguous, and the row of each.

    Blank stickers have an empty fingerprint, no line in the matrix, and therefore no near duplicates. `StageError` if
    a fingerprint is missing or has another length, because another version wrote it.
    """
    lengths = fingerprints.list.len()
    is_invalid = fingerprints.is_null() | ~lengths.is_in([0, layout.NUM_WORDS])
    if is_invalid.any():
        raise StageError(
            f"near_duplicates needs fingerprints of {layout.NUM_WORDS} words or none, and found "
            f"{lengths.filter(is_invalid)[0]}; run the probe stage again with this version"
        )
    rows = np.flatnonzero(lengths.to_numpy() > 0)
    used = fingerprints if len(rows) == len(fingerprints) else fingerprints.gather(rows)
    flat = used.explode(empty_as_null=False).to_numpy()
    return flat.reshape(len(rows), layout.NUM_WORDS), rows


def frozen(words: Words) -> Words:
    """A read-only view of `words`: code is compiled separately for writable arrays, and this avoids that."""
    view = words.view()
    view.flags.writeable = False
    return view
