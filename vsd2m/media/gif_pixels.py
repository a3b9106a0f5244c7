"""The pixels of a GIF's images: LZW codes to palette indices, indices to a frame.

Specification: GIF89a, CompuServe 1990, appendix F. A string of the code table is a string followed by the first
index of the next, and both lie in the output side by side: the table holds places in the output, not characters.
"""

import numpy as np
import numpy.typing as npt

from vsd2m.media.compiled import compiled

NO_COLOR = 0
"""The word of a palette index that leaves what is there."""
MAX_CODE_SIZE = 11
_MAX_BITS = np.uint64(12)
_LITERALS = 1 << MAX_CODE_SIZE  # the output begins with the strings of one index
_SLACK = 8  # strings are copied eight indices at a time
_START = np.uint64(_LITERALS)
_LENGTH_BITS, _LENGTH_MASK = np.uint64(13), np.uint64((1 << 13) - 1)

# In uint64, because a number that could be negative would be checked at each access.
_0, _1, _2, _3, _4, _5, _6, _7, _8, _16, _24 = (np.uint64(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 24))

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint32]


def index_buffer(num_pixels: int) -> Bytes:
    """Room for the indices of an image of up to `num_pixels`; can be used again for the next."""
    return np.empty(_LITERALS + num_pixels + _SLACK, np.uint8)


@compiled
def draw_image(
    data: Bytes, buffer: Bytes, palette: Words, frame: Words, left: int, top: int, width: int, height: int, bits: int
) -> None:
    """Draws an image onto `frame` (`[H, W]` words of RGBA) as far as its data and the frame reach, in whole rows.

    `data`: the sub-blocks after the code size. `palette`: `[256]` words, `NO_COLOR` where nothing is drawn. `bits`: the
    code size, 1 to `MAX_CODE_SIZE`, plus 16 if the rows are interlaced. `buffer`: of `index_buffer`.
    """
    codes = np.empty(data.size + 4, np.uint8)
    num_bytes = _join_blocks(data, codes)
    num_indices = _unpack(codes, num_bytes, bits & 15, buffer, width * height)
    indices = buffer[_LITERALS:]
    y, step = 0, 8 if bits & 16 else 1
    first = 4
    for row in range(num_indices // width):
        if top + y < frame.shape[0]:
            target = frame[top + y, left:]
            _paint(indices[row * width : row * width + min(width, target.size)], palette, target)
        y += step
        while y >= height and step > 1:  # the next of the four passes of an interlaced image
            step = 2 * first if first < 4 else 8
            if first == 0:
                break
            y = first
            first //= 2


@compiled
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
def _unpack(codes: Bytes, num_bytes: int, code_size: int, output: Bytes, num_pixels: int) -> int:
    """How many indices come out, at most `num_pixels`; fewer where the codes end or make no sense.

    `codes` is readable four bytes further than `num_bytes`. They lie in `output` after the literals.
    """
    table = np.empty(1 << 12, np.uint64)  # place in `output` and length of each string
    clear = _1 << np.uint64(code_size)
    for literal in range(clear):
        output[literal] = literal
        table[literal] = (np.uint64(literal) << _LENGTH_BITS) | _1
    next_code, size = clear + _2, np.uint64(code_size) + _1
    position, stop = _START, _START + np.uint64(num_pixels)
    bit, num_bits = _0, np.uint64(num_bytes) * _8
    last, last_length = _0, _0
    while position < stop and bit + size <= num_bits:
        at = bit >> _3
        word = np.uint64(codes[at]) | np.uint64(codes[at + _1]) << _8
        word |= np.uint64(codes[at + _2]) << _16 | np.uint64(codes[at + _3]) << _24
        code = word >> (bit & _7) & ((_1 << size) - _1)
        bit += size
        if code == clear:
            next_code, size, last = clear + _2, np.uint64(code_size) + _1, _0
            continue
        if last != _0 and next_code < _1 << size:
            table[next_code] = last << _LENGTH_BITS | (last_length + _1)
            next_code += _1
        if code == clear + _1 or code >= next_code:
            break
        last, last_length = position, table[code] & _LENGTH_MASK
        position = _append(output, table[code] >> _LENGTH_BITS, last_length, position, stop)
        if next_code >= _1 << size and size < _MAX_BITS:
            size += _1
    return min(position, stop) - _START  # type: ignore[return-value]


@compiled
def _append(output: Bytes, start: np.uint64, length: np.uint64, position: np.uint64, stop: np.uint64) -> np.uint64:
    """Copies a string; the new position, which can lie past `stop` by what the slack holds.

    Most strings are short: eight indices are copied at once, whatever the length. A string that ends where it is
    copied to ends with its own first index.
    """
    i0, i1, i2, i3 = output[start], output[start + _1], output[start + _2], output[start + _3]
    i4, i5, i6, i7 = output[start + _4], output[start + _5], output[start + _6], output[start + _7]
    first = i0
    output[position], output[position + _1], output[position + _2], output[position + _3] = i0, i1, i2, i3
    output[position + _4], output[position + _5], output[position + _6], output[position + _7] = i4, i5, i6, i7
    if length > _8:
        length = min(length, stop - position)
        i = _8
        while i < length:
            output[position + i] = output[start + i]
            i += _1
    if start + length > position:
        output[position + length - _1] = first
    return position + length


@compiled
def _paint(indices: Bytes, palette: Words, row: Words) -> None:
    for x in range(indices.size):
        color = palette[indices[x]]
        row[x] = color if color else row[x]
