"""The words of a fingerprint from its resampled pictures; `vsd2m.media.fingerprints.layout` has their layout.

n distinct frames; h and w the size they were reduced to. Pictures come as `[..., S, S]` in units of 2**-24 (`UNIT`).
Where numbers are floats they are exact, or computed in the order that is written: every host gets the same words.
"""

import numpy as np
import numpy.typing as npt

from vsd2m.media.compiled import compiled, inlined
from vsd2m.media.fingerprints import layout
from vsd2m.media.fingerprints.phash import HASH_SIDE, SIDE
from vsd2m.media.fingerprints.reduced import Planes, Words
from vsd2m.media.fingerprints.resampling import UNIT, Squares, add_scaled

_24, _16, _BYTE = np.uint32(24), np.uint32(16), np.uint32(255)
_FULL, _HALF, _UNIT_BITS = 255 * UNIT, UNIT // 2, 24
_NUM_BITS = HASH_SIDE * HASH_SIDE
_BLANK_SPREAD = 6 * UNIT
_BLUE_DIFFERENCE, _RED_DIFFERENCE = 577 / 1024, 730 / 1024
_NUM_FRAMES = layout.NUM_FRAMES
_PICTURE_STEP, _COVERAGE_STEP, _MOTION_STEP = layout.PICTURE_STEP, layout.COVERAGE_STEP, layout.MOTION_STEP
_CHROMA_STEP, _DETAIL_STEP = layout.CHROMA_STEP, layout.DETAIL_STEP

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@compiled
def cut_out(pixels: Words, luma: Planes, coverage: Planes, cut: Planes, whole: Planes) -> None:
    """Fills `cut`, the luma where the silhouette covers anything, and `whole`, the luma of all on mid-grey."""
    for i in range(pixels.size):
        uncovered = np.uint32(_BYTE - np.uint32(pixels[i] >> _24))
        cut[i] = luma[i] if coverage[i] else np.uint8(0)
        whole[i] = np.uint32(luma[i]) + np.uint32(uncovered * np.uint32(128)) // _BYTE


@compiled
def content_order(on_black: Squares, covered: Squares, is_flat: npt.NDArray[np.bool_], place: Numbers) -> Numbers:
    """For each step the frame that stands for it: its own, or the last one that shows something; empty if none does."""
    shows = np.zeros(len(on_black), np.bool_)
    for n in range(len(on_black)):
        black = on_black[n].ravel()
        white = black + _FULL - covered[n].ravel()
        shows[n] = not is_flat[n] and max(black.max() - black.min(), white.max() - white.min()) > _BLANK_SPREAD
    latest = np.int64(-1)
    for frame in place:
        if shows[frame]:
            latest = frame
    if latest < 0:
        return np.empty(0, np.int64)
    order = np.empty(place.size, np.int64)
    for step in range(place.size):  # steps before the first that shows something get the last one that does
        if shows[place[step]]:
            latest = place[step]
        order[step] = latest
    return order


@compiled
def sum_frames(
    pixels: Words, luma: Planes, coverage: Planes, background: int, order: Numbers, sums: npt.NDArray[np.int32]
) -> None:
    """Adds up the frames of `order`: `sums` `[3, h * w]` get the luma on the background, then the silhouette's blue and
    red less its luma."""
    for frame in order:
        words, levels, covered = pixels[frame].reshape(-1), luma[frame].reshape(-1), coverage[frame].reshape(-1)
        gray, blue, red = sums[0], sums[1], sums[2]
        behind = np.uint32(background)
        for i in range(words.size):
            word, level = words[i], np.int32(levels[i])
            uncovered = np.uint32(_BYTE - np.uint32(word >> _24))
            gray[i] += level + np.int32(np.uint32(uncovered * behind) // _BYTE)
            blue[i] += np.int32(np.uint32(word >> _16) & _BYTE) - level if covered[i] else np.int32(0)
            red[i] += np.int32(word & _BYTE) - level if covered[i] else np.int32(0)


@compiled
def write_hashes(
    on_black: Squares, covered: Squares, whole: Squares, order: Numbers, cosines: Numbers, words: npt.NDArray[np.uint64]
) -> None:
    """Fills `words` `[3, 8]`: the hash of each step's frame on white, on black and whole, as `phash.phash`
    of the pictures in whole grey levels. `cosines`: `phash.cosines`, in units of 2**-16."""
    num = len(on_black)
    gray = np.empty((SIDE, 3 * num, SIDE), np.int32)  # a row of all pictures, then the next
    for n in range(num):
        for y in range(SIDE):
            _to_levels(on_black[n, y], covered[n, y], _FULL, gray[y, n])
            _to_levels(on_black[n, y], covered[n, y], 0, gray[y, num + n])
            _to_levels(whole[n, y], covered[n, y], 0, gray[y, 2 * num + n])
    half = np.zeros((HASH_SIDE, 3 * num, SIDE), np.int32)
    for v in range(HASH_SIDE):
        for y in range(SIDE):
            add_scaled(gray[y].reshape(-1), np.int32(cosines[v, y]), half[v].reshape(-1))
    low = np.empty((HASH_SIDE, HASH_SIDE), np.int64)
    for kind in range(3):
        for n in range(num):
            for v in range(HASH_SIDE):
                for u in range(HASH_SIDE):
                    low[v, u] = _product(half[v, kind * num + n], cosines[u])
            word = _above_median(low.reshape(-1))
            for step in range(order.size):
                if order[step] == n:
                    words[kind, step] = word


@inlined
def _to_levels(row: Numbers, covered: Numbers, behind: int, gray: npt.NDArray[np.int32]) -> None:
    """The nearest whole grey levels, half to even, of a row on the level `behind`."""
    for x in range(row.size):
        raised = row[x] + _HALF + (behind - covered[x] if behind else 0)
        level = raised >> _UNIT_BITS
        level -= level & np.int64(raised & (UNIT - 1) == 0)
        gray[x] = min(max(level, 0), 255)


@inlined
def _product(row: npt.NDArray[np.int32], cosines: Numbers) -> int:
    total = np.int64(0)
    for x in range(row.size):
        total += np.int64(row[x]) * cosines[x]
    return total  # type: ignore[return-value]


@inlined
def _above_median(values: Numbers) -> np.uint64:
    """A bit for each value, set where at least half of the values are smaller."""
    word = np.uint64(0)
    for i in range(_NUM_BITS):
        num_smaller = np.int64(0)
        for j in range(_NUM_BITS):
            num_smaller += values[j] < values[i]
        word = word << np.uint64(1) | np.uint64(num_smaller >= _NUM_BITS // 2)
    return word


@compiled
def write_picture(total: Squares, words: npt.NDArray[np.uint64]) -> None:
    """32 x 32 means of 5 bits, three to each 16 bits."""
    values = total.ravel()
    for i in range(values.size):
        level = _step(values[i] / (UNIT * _NUM_FRAMES), _PICTURE_STEP, 31)
        words[i // 12] |= level << np.uint64(i % 12 // 3 * 16 + i % 3 * 5)


@compiled
def write_coverage(covered: Squares, order: Numbers, words: npt.NDArray[np.uint64]) -> None:
    """16 x 16 means of 4 bits."""
    for y in range(16):
        for x in range(16):
            total = 0
            for frame in order:
                square = covered[frame]
                total += square[2 * y, 2 * x] + square[2 * y, 2 * x + 1]
                total += square[2 * y + 1, 2 * x] + square[2 * y + 1, 2 * x + 1]
            _put(words, 16 * y + x, _step(total / (UNIT * _NUM_FRAMES * 4), _COVERAGE_STEP, 15))


@compiled
def write_motion(on_black: Squares, covered: Squares, order: Numbers, words: npt.NDArray[np.uint64]) -> None:
    """8 x 8 standard deviations over the steps, uncovered parts mid-grey, of 4 bits."""
    means = np.empty((len(on_black), 8, 8))
    for n in range(len(on_black)):
        for y in range(8):
            for x in range(8):
                black = on_black[n, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4].sum()
                uncovered = 16 * _FULL - covered[n, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4].sum()
                means[n, y, x] = (black / UNIT + uncovered / UNIT * (128 / 255)) / 16
    for y in range(8):
        for x in range(8):
            mean = squares = 0.0
            for frame in order:
                mean += means[frame, y, x]
            mean /= _NUM_FRAMES
            for frame in order:
                squares += (means[frame, y, x] - mean) ** 2
            _put(words, 8 * y + x, _step(np.sqrt(squares / _NUM_FRAMES), _MOTION_STEP, 15))


@compiled
def write_chroma(differences: Squares, words: npt.NDArray[np.uint64]) -> None:
    """Blue, then red differences, 8 x 8 of 4 bits each."""
    for kind in range(2):
        factor = _RED_DIFFERENCE if kind else _BLUE_DIFFERENCE
        values = differences[kind].ravel()
        for i in range(values.size):
            mean = values[i] * factor / (UNIT * _NUM_FRAMES)
            _put(words, 64 * kind + i, _step(mean + 7.5 * _CHROMA_STEP, _CHROMA_STEP, 15))


@compiled
def write_detail(total: Squares, words: npt.NDArray[np.uint64]) -> None:
    """16 x 16 root mean squares of 4 bits, from the 64 x 64 sum of the frames.

    Means are taken in quarters of a grey level, so that the squares add up exactly.
    """
    fine = np.empty(total.shape)
    for y in range(64):
        for x in range(64):
            fine[y, x] = np.rint(total[y, x] / (UNIT * _NUM_FRAMES) * 4) / 4
    squares = np.zeros((16, 16))
    for y in range(32):
        upper, lower = fine[2 * y], fine[2 * y + 1]
        for x in range(32):
            i, j = 2 * x, 2 * x + 1
            mean = (upper[i] + upper[j] + lower[i] + lower[j]) / 4
            squares[y // 2, x // 2] += (upper[i] - mean) ** 2 + (upper[j] - mean) ** 2
            squares[y // 2, x // 2] += (lower[i] - mean) ** 2 + (lower[j] - mean) ** 2
    for y in range(16):
        for x in range(16):
            _put(words, 16 * y + x, _step(np.sqrt(squares[y, x] / 16), _DETAIL_STEP, 15))


@inlined
def _step(value: float, step: float, greatest: int) -> np.uint64:
    return np.uint64(min(max(np.floor(value / step + 0.5), 0.0), greatest))


@inlined
def _put(words: npt.NDArray[np.uint64], index: int, level: np.uint64) -> None:
    """Sixteen levels of 4 bits to a word."""
    words[index // 16] |= level << np.uint64(index % 16 * 4)
