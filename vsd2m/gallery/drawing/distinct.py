"""Which pictures are already there: a sticker is drawn again, differently, where it looks like an earlier one."""

import numpy as np
import numpy.typing as npt

from vsd2m.media.fingerprint import fingerprint

_NUM_PLACES = 8


def signature(frames: npt.NDArray[np.uint8], durations_ms: list[int]) -> npt.NDArray[np.uint64]:
    """The perceptual hashes of the frames on white, `[8]`, spread where there are fewer."""
    words = np.array(fingerprint(frames, durations_ms), dtype=np.uint64)
    on_white = words[: len(words) // 2]
    if not len(on_white):
        return np.zeros(_NUM_PLACES, dtype=np.uint64)
    spread: npt.NDArray[np.uint64] = on_white[np.arange(_NUM_PLACES) * len(on_white) // _NUM_PLACES]
    return spread


def distance(first: npt.NDArray[np.uint64], second: npt.NDArray[np.uint64]) -> float:
    """The share of bits in which two signatures differ, 0..1."""
    return float(np.bitwise_count(first ^ second).mean()) / 64


class Gallery:
    """The signatures of the pictures drawn so far."""

    def __init__(self, least_distance: float) -> None:
        self._least_distance = least_distance
        self._signatures: list[npt.NDArray[np.uint64]] = []

    def admit(self, candidate: npt.NDArray[np.uint64]) -> bool:
        """Takes the picture in, unless it is closer than the least distance to one that is there."""
        if self._signatures:
            bits = np.bitwise_count(np.stack(self._signatures) ^ candidate).mean(axis=1) / 64
            if bits.min() < self._least_distance:
                return False
        self._signatures.append(candidate)
        return True
