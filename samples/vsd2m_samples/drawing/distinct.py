"""Avoids similar stickers: a sticker is drawn again, differently, if it looks like an earlier one.

Two stickers are similar if their whole pictures or their cropped foregrounds are similar: the same character in
another position or size is not a new sticker.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m.media.fingerprints.phash import SIDE, phash

_NUM_FRAMES = 8

Signature = npt.NDArray[np.uint64]
"""`[2, 8]`: perceptual hashes of 8 frames at equal steps, whole and cropped to the part that is not transparent."""


def signature(frames: npt.NDArray[np.uint8]) -> Signature:
    """The signature of RGBA frames `[T, H, W, 4]`."""
    sampled_frames = frames[(2 * np.arange(_NUM_FRAMES) + 1) * len(frames) // (2 * _NUM_FRAMES)]
    top, bottom = _extent(sampled_frames[..., 3].max(axis=(0, 2)))
    left, right = _extent(sampled_frames[..., 3].max(axis=(0, 1)))
    return np.stack([_hashes(sampled_frames), _hashes(sampled_frames[:, top:bottom, left:right])])


def distance(first: Signature, second: Signature) -> float:
    """The share of bits in which two signatures differ, 0..1: the smaller one of whole and cropped pictures."""
    return float(np.bitwise_count(first ^ second).mean(axis=-1).min()) / 64


class Gallery:
    """The signatures of the pictures drawn so far."""

    def __init__(self) -> None:
        self._signatures: list[Signature] = []

    def admit(self, candidate: Signature, least_distance: float) -> bool:
        """Adds the picture, unless it is closer than `least_distance` to an earlier one; whether it was added."""
        if self._signatures:
            bits = np.bitwise_count(np.stack(self._signatures) ^ candidate).mean(axis=-1) / 64
            if bits.min() < least_distance:
                return False
        self._signatures.append(candidate)
        return True


def _extent(covered: npt.NDArray[np.uint8]) -> tuple[int, int]:
    covered_indices = np.flatnonzero(covered >= 128)
    return (int(covered_indices[0]), int(covered_indices[-1]) + 1) if len(covered_indices) else (0, len(covered))


def _hashes(frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    small = []
    for frame in frames:
        picture = Image.fromarray(frame)
        flat = Image.new("RGB", picture.size, (255, 255, 255))
        flat.paste(picture, mask=picture.getchannel("A"))
        small.append(np.asarray(flat.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)))
    return phash(np.stack(small))
