"""The difference between the courses of two stickers, by the perceptual hashes of their frames."""

import numpy as np

from vsd2m.filter.duplicates.unpacked import Line
from vsd2m.media.compiled import compiled
from vsd2m.media.fingerprints import layout

_HASHES, _NUM_FRAMES = layout.ON_WHITE.start, layout.NUM_FRAMES
_LAST = _NUM_FRAMES - 1
NUM_BITS = 64 * _NUM_FRAMES
BACKWARDS_BITS = 16


@compiled
def course(first: Line, second: Line) -> int:
    """Differing bits of `NUM_BITS`: the fewest among the hashes on white, on black and of the whole frames."""
    least = NUM_BITS
    for part in range(3):
        start = _HASHES + part * _NUM_FRAMES
        least = min(least, _differing_bits(first[start : start + _NUM_FRAMES], second[start : start + _NUM_FRAMES]))
    return least


@compiled
def runs_backwards(first: Line, second: Line) -> bool:
    """Whether the second fits clearly better when played backwards, from any start frame: another animation."""
    forth, back = NUM_BITS, NUM_BITS
    for part in range(3):
        start = _HASHES + part * _NUM_FRAMES
        for phase in range(_NUM_FRAMES):
            ahead, turned = 0, 0
            for k in range(_NUM_FRAMES):
                ahead += bit_count(first[start + k] ^ second[start + ((phase + k) & _LAST)])
                turned += bit_count(first[start + k] ^ second[start + ((phase - k) & _LAST)])
            forth, back = min(forth, ahead), min(back, turned)
    return forth - back > BACKWARDS_BITS


@compiled
def _differing_bits(first: Line, second: Line) -> int:
    """For each frame the smallest difference to three frames around its time, in the worse direction."""
    forth, back = 0, 0
    for k in range(_NUM_FRAMES):
        before, after = (k + _LAST) & _LAST, (k + 1) & _LAST
        here = bit_count(first[k] ^ second[k])
        forth += min(here, bit_count(first[k] ^ second[before]), bit_count(first[k] ^ second[after]))
        back += min(here, bit_count(first[before] ^ second[k]), bit_count(first[after] ^ second[k]))
    return max(forth, back)


@compiled
def bit_count(word: np.uint64) -> int:
    """The number of set bits."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
