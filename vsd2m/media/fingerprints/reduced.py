"""Frames reduced to the size that the fingerprint works on.

T frames of the clip, H and W its size; n frames reduced, h and w the size they are reduced to, under 2 * `SIDE`.
The arithmetic is that of Pillow's conversion to premultiplied alpha ("RGBa") and of its `Image.reduce`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vsd2m.media.clip import Frames
from vsd2m.media.compiled import compiled, inlined

SIDE = 64

# Sums are kept in lanes of 16 bits, in the order red, blue, green, alpha; then of 32 bits: red and green, blue and
# alpha.
_BYTE, _8, _16, _24, _32 = (np.uint64(n) for n in (255, 8, 16, 24, 32))
_ODD, _EVEN = np.uint64(0xFF00FF00), np.uint64(0x00FF00FF)
_WIDE = np.uint64(0x0000FFFF0000FFFF)
_LANE = np.uint64(0xFFFFFFFF)
_HALF2, _EVEN2, _BYTE2, _8_2, _16_2, _24_2 = (np.uint32(n) for n in (0x00800080, 0x00FF00FF, 255, 8, 16, 24))
_RED, _GREEN, _BLUE = np.uint32(77), np.uint32(150), np.uint32(29)

Words = npt.NDArray[np.uint32]
Lanes = npt.NDArray[np.uint64]
Planes = npt.NDArray[np.uint8]


class Reduced(NamedTuple):
    """`pixels`: `[n, h, w]` words of RGBA, colours multiplied by alpha. `luma`: `[n, h, w]` of ITU-R BT.601, in whole
    grey levels with weights of 1/256, likewise multiplied."""

    pixels: Words
    luma: Planes


def reduce(frames: Frames, indices: npt.NDArray[np.int64]) -> Reduced:
    """The frames `indices` of `frames` (`[T, H, W, 4]`), averaged over blocks of whole pixels.

    Columns at the right that fill no block make one that is narrower; rows at the bottom that fill none are left out.
    """
    frames = np.require(frames, requirements=["C", "W"])
    height, width = frames.shape[1:3]
    across, down = max(1, width // SIDE), max(1, height // SIDE)
    words = frames.view(np.uint32)[..., 0]
    shape = (len(indices), height // down, -(-width // across))
    reduced = Reduced(np.empty(shape, np.uint32), np.empty(shape, np.uint8))
    _reduce(words, indices, across, down, _divisors(across, down, width), *reduced)
    return reduced


def _divisors(across: int, down: int, width: int) -> Words:
    """The factors of 2**-24 that stand for a division by the size of a block, and of the last one of a row."""
    sizes = np.array([across * down, (width % across or across) * down])
    return (np.float32(1 << 32) / (256 * sizes).astype(np.float32)).astype(np.uint32)


@compiled
def _reduce(
    words: Words,
    indices: npt.NDArray[np.int64],
    across: int,
    down: int,
    divisors: Words,
    pixels: Words,
    luma: Planes,
) -> None:
    sums = np.empty(words.shape[2], np.uint64)
    even, odd = np.empty(luma.shape[2], np.uint64), np.empty(luma.shape[2], np.uint64)
    for n in range(indices.size):
        frame = words[indices[n]]
        for y in range(luma.shape[1]):
            if n > 0 and _same(frame, words[indices[n - 1]], y * down, down):
                for x in range(luma.shape[2]):
                    pixels[n, y, x] = pixels[n - 1, y, x]
                    luma[n, y, x] = luma[n - 1, y, x]
                continue
            sums[:] = 0
            for row in range(down):
                _add_row(frame[y * down + row], sums)
            _join(sums, across, even, odd)
            last = luma.shape[2] - 1
            size = across * down
            _divide(even[:last], odd[:last], size, divisors[0], pixels[n, y], luma[n, y])
            size = (sums.size - last * across) * down
            _divide(even[last:], odd[last:], size, divisors[1], pixels[n, y, last:], luma[n, y, last:])


@inlined
def _same(one: Words, other: Words, start: int, num_rows: int) -> bool:
    for row in range(num_rows):
        first, second = one[start + row], other[start + row]
        difference = np.uint32(0)
        for x in range(first.size):
            difference |= first[x] ^ second[x]
        if difference:
            return False
    return True


@inlined
def _add_row(row: Words, sums: Lanes) -> None:
    all_bits = np.uint32(0xFFFFFFFF)
    for x in range(row.size):
        all_bits &= row[x]
    if all_bits >> _24_2 == _BYTE2:
        for x in range(row.size):
            word = np.uint64(row[x])
            sums[x] += (word & _EVEN) | (word & _ODD) << _24
    else:
        for x in range(row.size):
            opacity = np.uint32(row[x] >> _24_2)
            red_blue = _times(np.uint32(row[x] & _EVEN2), opacity)
            green = _times(np.uint32(np.uint32(row[x] >> _8_2) & _BYTE2), opacity)
            sums[x] += np.uint64(red_blue) | np.uint64(green | np.uint32(opacity << _16_2)) << _32


@inlined
def _times(levels: np.uint32, opacity: np.uint32) -> np.uint32:
    """Two levels at once: `level * opacity / 255`, rounded."""
    product = np.uint32(np.uint32(levels * opacity) + _HALF2)
    return np.uint32(np.uint32(product + np.uint32(np.uint32(product >> _8_2) & _EVEN2)) >> _8_2) & _EVEN2


@inlined
def _join(sums: Lanes, across: int, even: Lanes, odd: Lanes) -> None:
    if across == 1:
        for x in range(sums.size):
            even[x], odd[x] = sums[x] & _WIDE, sums[x] >> _16 & _WIDE
        return
    if across == 2:
        for x in range(sums.size // 2):
            first, second = sums[2 * x], sums[2 * x + 1]
            even[x] = (first & _WIDE) + (second & _WIDE)
            odd[x] = (first >> _16 & _WIDE) + (second >> _16 & _WIDE)
        if sums.size % 2:
            even[-1], odd[-1] = sums[-1] & _WIDE, sums[-1] >> _16 & _WIDE
        return
    at, last = np.uint64(0), np.uint64(sums.size)
    for x in range(even.size):
        stop = min(at + np.uint64(across), last)
        total_even = total_odd = np.uint64(0)
        while at < stop:
            total_even += sums[at] & _WIDE
            total_odd += sums[at] >> _16 & _WIDE
            at += np.uint64(1)
        even[x], odd[x] = total_even, total_odd


@inlined
def _divide(even: Lanes, odd: Lanes, size: int, divisor: np.uint32, pixels: Words, luma: Planes) -> None:
    half = np.uint32(size // 2)
    for x in range(even.size):
        red = _scaled(np.uint32(even[x] & _LANE), half, divisor)
        green = _scaled(np.uint32(even[x] >> _32), half, divisor)
        blue = _scaled(np.uint32(odd[x] & _LANE), half, divisor)
        alpha = _scaled(np.uint32(odd[x] >> _32), half, divisor)
        colors = np.uint32(np.uint32(red | np.uint32(green << _8_2)) | np.uint32(blue << _16_2))
        pixels[x] = np.uint32(colors | np.uint32(alpha << _24_2))
        level = np.uint32(np.uint32(red * _RED) + np.uint32(green * _GREEN))
        luma[x] = np.uint32(np.uint32(level + np.uint32(blue * _BLUE)) >> _8_2)


@inlined
def _scaled(total: np.uint32, half: np.uint32, divisor: np.uint32) -> np.uint32:
    return np.uint32(np.uint32(np.uint32(total + half) * divisor) >> _24_2)
