"""What is packed in fingerprints, taken out in numpy, whole arrays of lines at a time."""

import numpy as np

from vsd2m.media.fingerprints import layout

SIDE = 32


def pictures(words: np.ndarray) -> np.ndarray:
    """`[P, 32, 32]` grey levels, a transparent background as the grey level of `backgrounds`."""
    packed = np.ascontiguousarray(words[:, layout.PICTURE]).view(np.uint16)
    out = np.empty((*packed.shape, 3), np.float32)
    for place, shift in enumerate((0, 5, 10)):
        out[..., place] = (packed >> shift) & 31
    out *= np.float32(layout.PICTURE_STEP)
    return out.reshape(len(words), -1)[:, : SIDE * SIDE].reshape(-1, SIDE, SIDE)


def coverages(words: np.ndarray) -> np.ndarray:
    """`[P, 32, 32]` share of the figure, 0..1."""
    return enlarged(coarse_coverages(words))


def coarse_coverages(words: np.ndarray) -> np.ndarray:
    """`[P, 16, 16]` share of the figure, 0..1."""
    return _nibbles(words[:, layout.COVERAGE]).reshape(-1, 16, 16) / np.float32(15)


def figures(words: np.ndarray) -> np.ndarray:
    """`[P, 8, 8]` share of the figure, 0..1."""
    fine = coarse_coverages(words)
    return (fine[:, ::2, ::2] + fine[:, 1::2, ::2] + fine[:, ::2, 1::2] + fine[:, 1::2, 1::2]) / np.float32(4)


def motions(words: np.ndarray) -> np.ndarray:
    """`[P, 8, 8]` standard deviation over the frames, in grey levels."""
    return _nibbles(words[:, layout.MOTION]).reshape(-1, 8, 8) * np.float32(layout.MOTION_STEP)


def chromas(words: np.ndarray) -> np.ndarray:
    """`[P, 2, 8, 8]` blue and red difference."""
    values = _nibbles(words[:, layout.CHROMA]).reshape(-1, 2, 8, 8)
    return (values - np.float32(7.5)) * np.float32(layout.CHROMA_STEP)


def details(words: np.ndarray) -> np.ndarray:
    """`[P, 16, 16]` what is finer than the pictures, in grey levels."""
    return _nibbles(words[:, layout.DETAIL]).reshape(-1, 16, 16) * np.float32(layout.DETAIL_STEP)


def backgrounds(words: np.ndarray) -> np.ndarray:
    """`[P]` grey level of the background."""
    return _bytes(words)[:, 0].astype(np.float32)


def windows(words: np.ndarray) -> np.ndarray:
    """`[P, 4]` top, bottom, left and right of the figure's window, as shares of the side."""
    return _bytes(words)[:, 1:5].astype(np.float32) / np.float32(255)


def enlarged(planes: np.ndarray) -> np.ndarray:
    """np.ndarray `[P, k, k]` brought to `[P, 32, 32]` linearly."""
    side = planes.shape[-1]
    places = np.clip((np.arange(SIDE) + 0.5) * side / SIDE - 0.5, 0, side - 1)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(side))).astype(np.float32)
    large: np.ndarray = weights @ planes @ weights.T
    return large


def _bytes(words: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(words[:, layout.FACTS]).view(np.uint8)


def _nibbles(words: np.ndarray) -> np.ndarray:
    packed = np.ascontiguousarray(words).view(np.uint8)
    return np.stack([packed & 15, packed >> 4], axis=-1).astype(np.float32)
