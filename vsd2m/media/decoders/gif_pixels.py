"""The pixels of a GIF's images: LZW codes to palette indices, indices to a frame.

Specification: GIF89a, CompuServe 1990, appendix F. A string of the code table is a string followed by the first
index of the next, and both lie in the output side by side: the table holds places in the output, not characters.
"""

import numpy as np
import numpy.typing as npt

from vsd2m.media.compiled import compiled, inlined

NO_COLOR = 0
"""The word of a palette index that leaves what is there."""
MAX_CODE_SIZE = 11
_MAX_BITS = np.uint64(12)
_LITERALS = 1 << MAX_CODE_SIZE  # the output begins with the strings of one index
_SLACK = 16  # strings are copied eight indices at a time
_START = np.uint64(_LITERALS)
_LENGTH_BITS, _LENGTH_MASK = np.uint64(13), np.uint64((1 << 13) - 1)

# In uint64, because a number that could be negative would be checked at each access.
_0, _1, _2, _3, _4, _5, _6, _7, _8, _16, _24 = (np.uint64(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 24))

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]


def index_buffer(num_pixels: int) -> Bytes:
    """A buffer for the indices of an image of up to `num_pixels`; reusable for the next image."""
    return np.empty(_LITERALS + num_pixels + _SLACK, np.uint8)


def image_row(
    *, start: int, box: tuple[int, int, int, int], code_size: int, interlaced: bool, disposal: int, palette: int
) -> tuple[int, ...]:
    """An image as a row of what `draw_images` takes. `start`: where its sub-blocks begin. `box`: left, top, width and
    height. `code_size`: 1 to `MAX_CODE_SIZE`. `palette`: which one."""
    return (start, *box, code_size, int(interlaced), disposal, palette)


@compiled
def draw_images(
    data: Bytes,
    images: Numbers,
    palettes: Words,
    first: int,
    last: int,
    buffer: Bytes,
    covered_pixels: Words,
    frames: Words,
) -> None:
    """Fills the frames `first` to `last` (not included) of `frames` (`[T, H, W]` words of RGBA), from the frame before
    and the image. Of an image only complete rows are drawn, clipped to the frame.

    `data`: the sub-blocks of all images. `images`: `[T, 9]` of `image_row`. `palettes`: `[n, 256]` words, `NO_COLOR`
    where nothing is drawn. `buffer`: of `index_buffer`. `covered_pixels`: `[H, W]`, what images of disposal 3
    covered; empty where there are none.
    """
    for index in range(first, last):
        start, left, top, width, height = images[index, :5]
        code_size, interlaced, disposal, palette = images[index, 5:]
        num_indices = _unpack(data[start:], code_size, buffer, width * height)
        indices, num_rows = buffer[_LITERALS:], num_indices // width
        for y in range(frames.shape[1]):
            row = frames[index, y]
            if index == 0:
                _clear(row)
            else:
                _lay(
                    images[index - 1], covered_pixels[y] if images[index - 1, 7] == 3 else frames[index - 1, y], y, row
                )
            if disposal == 3:
                _copy(row, covered_pixels[y])
            if top <= y < top + height and left < row.size:
                order = _order(y - top, height) if interlaced else y - top
                if order < num_rows:
                    _paint(indices[order * width : order * width + width], palettes[palette], row[left:])


@inlined
def _lay(image: Numbers, before: Words, y: int, row: Words) -> None:
    """Copies row `y` as it is once `image` is disposed of."""
    left = right = 0
    if image[7] == 2 and image[2] <= y < image[2] + image[4]:
        left, right = min(int(image[1]), row.size), min(int(image[1] + image[3]), row.size)
    _copy(before[:left], row[:left])
    _clear(row[left:right])
    _copy(before[right:], row[right:])


@inlined
def _copy(source: Words, target: Words) -> None:
    for x in range(target.size):
        target[x] = source[x]


@inlined
def _clear(row: Words) -> None:
    for x in range(row.size):
        row[x] = 0


@inlined
def _order(y: int, height: int) -> int:
    """The place of row `y` in interlaced data: every eighth row, then the rows halfway between, and so on."""
    if y % 8 == 0:
        return y // 8
    if y % 8 == 4:
        return (height + 7) // 8 + y // 8
    if y % 4 == 2:
        return (height + 3) // 4 + y // 4
    return (height + 1) // 2 + y // 2


@inlined
def _length(data: Bytes) -> int:
    """The bytes of the sub-blocks up to the one that is empty; the last one may be cut short."""
    position = 0
    while position < data.size and data[position]:
        position += 1 + data[position]
    return position


@inlined
def _join_blocks(data: Bytes, codes: Bytes) -> int:
    """The contents of the sub-blocks; how many bytes."""
    position = num_bytes = 0
    while position < data.size and data[position]:
        block = data[position + 1 : position + 1 + data[position]]
        target = codes[num_bytes:]
        for i in range(block.size):
            target[i] = block[i]
        num_bytes += block.size
        position += 1 + data[position]
    return num_bytes


@compiled
def _unpack(data: Bytes, code_size: int, output: Bytes, num_pixels: int) -> int:
    """How many indices come out of the sub-blocks, at most `num_pixels`; fewer where the codes end or make no sense.

    They lie in `output` after the literals.
    """
    codes = np.empty(_length(data) + 4, np.uint8)  # read four bytes at a time
    num_bits = np.uint64(_join_blocks(data, codes)) * _8
    table = np.empty(1 << 12, np.uint64)  # place in `output` and length of each string
    clear = _1 << np.uint64(code_size)
    for literal in range(clear):
        output[literal] = literal
        table[literal] = (np.uint64(literal) << _LENGTH_BITS) | _1
    # The first code after a clear defines no string; its entry is that of the end code, which is never looked up.
    next_code, size = clear + _1, np.uint64(code_size) + _1
    limit = _1 << size
    position, stop = _START, _START + np.uint64(num_pixels)
    bit = last = _0
    while position < stop and bit + size <= num_bits:
        at = bit >> _3
        word = np.uint64(codes[at]) | np.uint64(codes[at + _1]) << _8
        word |= np.uint64(codes[at + _2]) << _16 | np.uint64(codes[at + _3]) << _24
        code = word >> (bit & _7) & (limit - _1)
        bit += size
        if code == clear:
            next_code, size = clear + _1, np.uint64(code_size) + _1
            limit = _1 << size
            continue
        if next_code < limit:
            table[next_code] = last + _1
            next_code += _1
        if code == clear + _1 or code >= next_code:
            break
        entry = table[code]
        last = position << _LENGTH_BITS | entry & _LENGTH_MASK
        position = _append(output, entry >> _LENGTH_BITS, entry & _LENGTH_MASK, position, stop)
        if next_code >= limit and size < _MAX_BITS:
            size += _1
            limit <<= _1
    return min(position, stop) - _START  # type: ignore[return-value]


@inlined
def _append(output: Bytes, start: np.uint64, length: np.uint64, position: np.uint64, stop: np.uint64) -> np.uint64:
    """Copies a string; the new position, which can lie past `stop` by what the slack holds.

    Most strings are short: eight indices are copied at once, whatever the length. A string that ends where it is
    copied to ends with its own first index.
    """
    _copy_eight(output, start, position)
    if length > _8:
        length = min(length, stop - position)
        i = _8
        while i < length:
            _copy_eight(output, start + i, position + i)
            i += _8
    if start + length > position:
        output[position + length - _1] = output[start]
    return position + length


@inlined
def _copy_eight(output: Bytes, start: np.uint64, position: np.uint64) -> None:
    """All are read before any is written, so that the compiler can copy them as one word."""
    i0, i1, i2, i3 = output[start], output[start + _1], output[start + _2], output[start + _3]
    i4, i5, i6, i7 = output[start + _4], output[start + _5], output[start + _6], output[start + _7]
    output[position], output[position + _1], output[position + _2], output[position + _3] = i0, i1, i2, i3
    output[position + _4], output[position + _5], output[position + _6], output[position + _7] = i4, i5, i6, i7


@inlined
def _paint(indices: Bytes, palette: Words, row: Words) -> None:
    for x in range(min(indices.size, row.size)):
        color = palette[indices[x]]
        row[x] = color if color else row[x]
