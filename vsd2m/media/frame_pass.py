"""One pass over the frames of a clip, with the counts from which `vsd2m.media.measures` computes its measures.

T frames of N pixels, a pixel one little-endian word of RGBA. Luma is that of ITU-R BT.601 in whole grey levels,
`(19595 R + 38470 G + 7471 B + 32768) >> 16`. A pixel is visible where alpha >= 128; others are 0 in luma on black and
255 on white. Frames are processed in blocks; blocks that equal those of the previous frame are skipped.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vsd2m.media.clip import Frames
from vsd2m.media.compiled import compiled, inlined

_BLOCK = 256
_WEIGHTS = (np.uint32(19595), np.uint32(38470), np.uint32(7471))
_HALF = np.uint32(1 << 15)

Words = npt.NDArray[np.uint32]
Plane = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


class FrameCounts(NamedTuple):
    """Sums over whole frames, in whole numbers.

    `histograms`: `[T, 256]` how often each luma occurs on black. `num_hidden`: `[T]` pixels that are not visible.
    `num_framed`: `[T]` pixels of the smallest rectangle around the visible ones; 0 where there are none.
    `changes`: `[2]` the sum of |luma - luma of the frame before| on black and on white. `num_distinct`: frames that
    equal no earlier one. `laplacians`: `[n, 2]` sum and sum of squares of the 4-neighbour Laplacian of the luma on
    white, over the inner pixels of each frame of `sharp_indices`.
    """

    histograms: npt.NDArray[np.int32]
    num_hidden: Numbers
    num_framed: Numbers
    changes: Numbers
    num_distinct: int
    laplacians: Numbers


def count_frames(frames: Frames, sharp_indices: Numbers) -> FrameCounts:
    """The counts of `frames` (`[T, H, W, 4]`); `sharp_indices` are increasing."""
    frames = np.require(frames, requirements=["C", "W"])
    num_frames, height, width, _ = frames.shape
    histograms = np.zeros((num_frames, 256), np.int32)
    num_hidden, num_framed = np.zeros(num_frames, np.int64), np.zeros(num_frames, np.int64)
    changes = np.zeros(2, np.int64)
    on_white = np.empty((len(sharp_indices), height, width), np.uint8)
    words = frames.reshape(num_frames, -1).view(np.uint32)
    planes = on_white.reshape(len(sharp_indices), -1)
    num_distinct = _count(words, width, sharp_indices, histograms, num_hidden, num_framed, changes, planes)
    laplacians = np.array([_laplacian(plane) for plane in on_white], np.int64).reshape(-1, 2)
    return FrameCounts(histograms, num_hidden, num_framed, changes, num_distinct, laplacians)


@compiled
def _count(
    words: Words,
    width: int,
    sharp_indices: Numbers,
    histograms: npt.NDArray[np.int32],
    num_hidden: Numbers,
    num_framed: Numbers,
    changes: Numbers,
    planes: Plane,
) -> int:
    """Fills `histograms`, `num_hidden`, `num_framed`, `changes` and `planes`, the luma on white of the frames
    `sharp_indices`; returns the number of distinct frames."""
    num_frames, num_pixels = words.shape
    luma, hidden = np.empty(num_pixels, np.uint8), np.empty(num_pixels, np.uint8)
    is_changed = np.empty((num_pixels + _BLOCK - 1) // _BLOCK, np.uint8)
    distinct = np.zeros(num_frames, np.int64)
    num_distinct = 1
    num_sharp = 0
    for t in range(num_frames):
        num_changed = is_changed.size
        if t == 0:
            _convert(words[0], luma, hidden)
        else:
            num_changed = _compare(words[t - 1], words[t], is_changed)
            for level in range(256):
                histograms[t, level] = histograms[t - 1, level]
            on_black, on_white = _update(words[t], is_changed, luma, hidden)
            changes[0] += on_black
            changes[1] += on_white
        if num_changed:
            _tally(luma, histograms[t])
            if t and _is_new(words, histograms, t, distinct[:num_distinct]):
                distinct[num_distinct] = t
                num_distinct += 1
        if num_changed:
            num_hidden[t] = _count_set(hidden)
            num_framed[t] = _count_framed(hidden, width) if num_hidden[t] else num_pixels
        else:
            num_hidden[t], num_framed[t] = num_hidden[t - 1], num_framed[t - 1]
        if num_sharp < sharp_indices.size and sharp_indices[num_sharp] == t:
            _combine(luma, hidden, planes[num_sharp])
            num_sharp += 1
    return num_distinct


@inlined
def _compare(before: Words, after: Words, is_changed: Plane) -> int:
    """Marks the blocks that differ; returns their number."""
    num_changed = 0
    for block in range(is_changed.size):
        start = block * _BLOCK
        is_changed[block] = _differ(before[start : start + _BLOCK], after[start : start + _BLOCK])
        num_changed += is_changed[block]
    return num_changed


@inlined
def _differ(one: Words, other: Words) -> bool:
    difference = np.uint32(0)
    for i in range(one.size):
        difference |= one[i] ^ other[i]
    return bool(difference)


@inlined
def _update(words: Words, is_changed: Plane, luma: Plane, hidden: Plane) -> tuple[int, int]:
    """Updates `luma` and `hidden` (255 if a pixel is not visible); returns the change on black and on white."""
    new_luma, new_hidden = np.empty(_BLOCK, np.uint8), np.empty(_BLOCK, np.uint8)
    on_black = on_white = np.uint64(0)
    for block in range(is_changed.size):
        if not is_changed[block]:
            continue
        start = block * _BLOCK
        old, old_hidden = luma[start : start + _BLOCK], hidden[start : start + _BLOCK]
        _convert(words[start : start + _BLOCK], new_luma, new_hidden)
        black, white = _difference(old, old_hidden, new_luma, new_hidden)
        on_black += np.uint64(black)
        on_white += np.uint64(white)
        for i in range(old.size):
            old[i] = new_luma[i]
            old_hidden[i] = new_hidden[i]
    return on_black, on_white  # type: ignore[return-value]


@inlined
def _convert(words: Words, luma: Plane, hidden: Plane) -> None:
    red, green, blue = _WEIGHTS
    byte = np.uint32(255)
    for i in range(words.size):
        word = words[i]
        is_visible = np.uint32(word >> np.uint32(31))
        level = np.uint32(np.uint32(word & byte) * red)
        level = np.uint32(level + np.uint32(np.uint32(np.uint32(word >> np.uint32(8)) & byte) * green))
        level = np.uint32(level + np.uint32(np.uint32(np.uint32(word >> np.uint32(16)) & byte) * blue))
        level = np.uint32(np.uint32(level + _HALF) >> np.uint32(16))
        luma[i] = np.uint8(level * is_visible)
        hidden[i] = np.uint8(is_visible) - np.uint8(1)


@inlined
def _difference(old: Plane, old_hidden: Plane, new: Plane, new_hidden: Plane) -> tuple[int, int]:
    on_black = on_white = np.uint64(0)
    for i in range(old.size):
        before, after = old[i], new[i]
        on_black += np.uint8(max(before, after) - min(before, after))
        before |= old_hidden[i]
        after |= new_hidden[i]
        on_white += np.uint8(max(before, after) - min(before, after))
    return on_black, on_white  # type: ignore[return-value]


@inlined
def _tally(luma: Plane, histogram: npt.NDArray[np.int32]) -> None:
    """Alternates between four histograms: with one, additions for equal neighbours would have to wait for each
    other."""
    parts = np.zeros((4, 256), np.int32)
    first, second, third, fourth = parts[0], parts[1], parts[2], parts[3]
    for i in range(0, luma.size - 3, 4):
        first[luma[i]] += 1
        second[luma[i + 1]] += 1
        third[luma[i + 2]] += 1
        fourth[luma[i + 3]] += 1
    for i in range(luma.size - luma.size % 4, luma.size):
        first[luma[i]] += 1
    for level in range(256):
        histogram[level] = first[level] + second[level] + third[level] + fourth[level]


@inlined
def _count_set(hidden: Plane) -> int:
    total = np.uint64(0)
    for i in range(hidden.size):
        total += hidden[i] & np.uint8(1)
    return total  # type: ignore[return-value]


@inlined
def _count_framed(hidden: Plane, width: int) -> int:
    """The pixels of the smallest rectangle around those that are visible, in rows of `width`."""
    is_empty = np.empty(width, np.uint8)
    for x in range(width):
        is_empty[x] = 255
    height = hidden.size // width
    top, bottom = height, 0
    for y in range(height):
        row = hidden[y * width : (y + 1) * width]
        all_hidden = np.uint8(255)
        for x in range(width):
            all_hidden &= row[x]
            is_empty[x] &= row[x]
        if not all_hidden:
            top, bottom = min(top, y), y + 1
    left, right = width, 0
    for x in range(width):
        if not is_empty[x]:
            left, right = min(left, x), x + 1
    return max(bottom - top, 0) * max(right - left, 0)


@inlined
def _is_new(words: Words, histograms: npt.NDArray[np.int32], t: int, distinct: Numbers) -> bool:
    """Whether frame `t` differs from all frames `distinct`; histograms are compared first."""
    for index in distinct:
        alike = True
        for level in range(256):
            if histograms[index, level] != histograms[t, level]:
                alike = False
                break
        if alike and not _differ(words[index], words[t]):
            return False
    return True


@inlined
def _combine(luma: Plane, hidden: Plane, on_white: Plane) -> None:
    for i in range(luma.size):
        on_white[i] = luma[i] | hidden[i]


@compiled
def _laplacian(plane: Plane) -> tuple[int, int]:
    """The sum and the sum of squares over the inner pixels of `plane` (`[H, W]`)."""
    total = squares = np.int64(0)
    for y in range(1, plane.shape[0] - 1):
        above, row, below = plane[y - 1, 1:], plane[y], plane[y + 1, 1:]
        left, middle, right = row, row[1:], row[2:]
        for x in range(right.size):
            around = np.int32(above[x]) + np.int32(below[x]) + np.int32(left[x]) + np.int32(right[x])
            value = np.int32(around - 4 * np.int32(middle[x]))
            total += value
            squares += value * value
    return total, squares  # type: ignore[return-value]
