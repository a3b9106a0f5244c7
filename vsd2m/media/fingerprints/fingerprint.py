"""A perceptual fingerprint of an animation, by which near duplicates are recognised without the pictures.

T frames of the clip, H and W its size in pixels.
All arithmetic is exact (whole pixels, weights that are multiples of 2**-12), so every host gives the same words.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vsd2m.media.clip import played
from vsd2m.media.fingerprints.layout import (
    CHROMA,
    COARSE_SIDE,
    COVERAGE,
    DETAIL,
    FACTS,
    FINE_SIDE,
    MOTION,
    NUM_FRAMES,
    NUM_WORDS,
    ON_WHITE,
    PICTURE,
    WHOLE,
)
from vsd2m.media.fingerprints.phash import SIDE, cosines
from vsd2m.media.frame_indices import time_indices

if TYPE_CHECKING:
    from vsd2m.media.fingerprints.resampling import Window


def fingerprint(frames: npt.NDArray[np.uint8], durations_ms: npt.NDArray[Any] | Sequence[int]) -> list[int]:
    """The `NUM_WORDS` words of a clip's fingerprint (`frames`: RGBA `[T, H, W, 4]`), laid out as in `layout`; an empty
    list for a blank clip.

    Frames are taken at equal steps of the playing time, so a re-timed copy gives the same. A frame without content
    is replaced by the previous one. The silhouette is separated from a transparent or uniform background, so that a
    copy on another background can be recognised.
    """
    from vsd2m.media.fingerprints import fingerprint_words as write
    from vsd2m.media.fingerprints.reduced import reduce
    from vsd2m.media.fingerprints.resampling import Window, resample
    from vsd2m.media.fingerprints.silhouette import flat_rectangles, silhouette, window

    indices = time_indices(played(durations_ms), NUM_FRAMES).tolist()
    distinct = sorted(set(indices))
    place = np.array([distinct.index(index) for index in indices])
    reduced = reduce(frames, np.array(distinct))
    pixels, luma = reduced
    coverage, background = silhouette(reduced)
    cut, whole = np.empty_like(luma), np.empty_like(luma)
    write.cut_out(pixels.ravel(), luma.ravel(), coverage.ravel(), cut.ravel(), whole.ravel())
    around, everything = window(coverage), Window(0, luma.shape[1], 0, luma.shape[2])
    on_black, covered = resample(cut, around, SIDE), resample(coverage, around, SIDE)
    order = write.content_order(on_black, covered, flat_rectangles(luma, coverage, around), place)
    if not len(order):
        return []
    words = np.zeros(NUM_WORDS, np.uint64)
    words[FACTS] = _facts(background, around, luma.shape[1:])
    hashes = words[ON_WHITE.start : WHOLE.stop].reshape(3, NUM_FRAMES)
    write.write_hashes(on_black, covered, resample(whole, everything, SIDE), order, cosines_as_integers(), hashes)
    sums = np.zeros((3, *luma.shape[1:]), np.int32)
    write.sum_frames(pixels, luma, coverage, background, order, sums.reshape(3, -1))
    write.write_picture(resample(sums[:1], around, SIDE), words[PICTURE])
    write.write_coverage(covered, order, words[COVERAGE])
    write.write_motion(on_black, covered, order, words[MOTION])
    write.write_chroma(resample(sums[1:], around, COARSE_SIDE), words[CHROMA])
    write.write_detail(resample(sums[:1], around, FINE_SIDE)[0], words[DETAIL])
    return words.tolist()


def _facts(background: int, around: "Window", shape: tuple[int, ...]) -> np.uint64:
    sides = zip(around, (shape[0], shape[0], shape[1], shape[1]), strict=True)
    parts = bytes([background, *(round(255 * edge / side) for edge, side in sides)])
    return np.uint64(int.from_bytes(parts, "little"))


@cache
def cosines_as_integers() -> npt.NDArray[np.int64]:
    """`vsd2m.media.fingerprints.phash.cosines` in units of 2**-16."""
    return (cosines() * 2**16).astype(np.int64)
