"""The perceptual hash of imagehash, for many pictures at once and exact on every host."""

from functools import cache

import numpy as np
import numpy.typing as npt

SIDE = 32
HASH_SIDE = 8


def phash(gray: npt.NDArray[np.generic]) -> npt.NDArray[np.uint64]:
    """The 64-bit perceptual hash of each picture of `gray` (`[N, 32, 32]`), as `imagehash.phash` computes it.

    Cosines are rounded to multiples of 2**-16, so that with integer pixels every sum is exact whatever its order:
    all hosts give the same bits. They can differ from imagehash's only where a coefficient equals the median but
    for rounding, as it does in symmetrical pictures.
    """
    basis = cosines()
    low = basis @ gray.astype(np.float64) @ basis.T
    flat = low.reshape(len(gray), HASH_SIDE * HASH_SIDE)
    bits = flat > np.median(flat, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


@cache
def cosines() -> npt.NDArray[np.float64]:
    """`[HASH_SIDE, SIDE]`: the basis of the transform, rounded."""
    frequency, position = np.arange(HASH_SIDE)[:, None], np.arange(SIDE)
    exact = np.cos(np.pi * frequency * (2 * position + 1) / (2 * SIDE))
    return np.round(exact * 2**16) / 2**16
