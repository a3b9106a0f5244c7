import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vsd2m.media.decode import decode
from vsd2m.media.decoders.gif_pixels import draw_images, image_row, index_buffer

COLORS = (np.arange(256, dtype=np.uint32) * 0x01020304) | np.uint32(0xFF000000)


def strings(codes, code_size):
    """The indices of a list of codes, by the textbook, up to a code that makes no sense."""
    clear = 1 << code_size
    last, found = None, []
    table = {code: [code & 255] for code in range(clear)}
    next_code = clear + 2
    for code in codes:
        if code == clear:
            table = {code: [code & 255] for code in range(clear)}
            next_code, last = clear + 2, None
            continue
        if code == clear + 1:
            break
        if last is not None and next_code < 4096:
            follower = table.get(code, last if code == next_code else None)
            if follower is None:
                break
            table[next_code] = [*last, follower[0]]
            next_code += 1
        if code not in table:
            break
        last = table[code]
        found += last
    return found


def packed(codes, code_size):
    """Sub-blocks of the codes, of the width that a decoder expects; codes that are wider lose their upper bits."""
    clear, size, next_code, fresh = 1 << code_size, code_size + 1, (1 << code_size) + 2, True
    value = place = 0
    for index, wide in enumerate(codes):
        codes[index] = code = wide & ((1 << size) - 1)
        value |= code << place
        place += size
        if code == clear:
            size, next_code, fresh = code_size + 1, clear + 2, True
            continue
        if not fresh and next_code < 4096:
            next_code += 1
        fresh = False
        if next_code >= 1 << size and size < 12:
            size += 1
    data = value.to_bytes(place // 8 + 1, "little")
    return b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255)) + b"\0"


def drawn(data, code_size, shape, interlaced=False, frame=None, at=(0, 0)):
    """The image of `shape` drawn onto `frame`."""
    before = np.zeros(shape, np.uint32) if frame is None else frame
    buffer = index_buffer(shape[0] * shape[1])
    buffer[:] = 77  # what an earlier image left
    blank = image_row(start=0, box=(0, 0, 1, 1), code_size=2, interlaced=False, disposal=0, palette=0)
    box = (*at, shape[1], shape[0])
    row = image_row(start=0, box=box, code_size=code_size, interlaced=interlaced, disposal=0, palette=0)
    frames = np.stack([before, np.full_like(before, 5)])
    source = np.frombuffer(bytearray(data), np.uint8)
    draw_images(source, np.array([blank, row]), COLORS[None], 1, 2, buffer, frames[0, :0], frames)
    return frames[1]


@given(st.integers(1, 11), st.integers(0, 2**32), st.integers(1, 40))
@settings(max_examples=150)
def test_any_codes_give_the_strings_of_the_textbook(code_size, seed, width):
    rng = np.random.default_rng(seed)
    clear, codes, next_code = 1 << code_size, [1 << code_size], (1 << code_size) + 2
    for _ in range(rng.integers(1, 600)):
        wild = rng.random()
        code = int(rng.integers(0, clear)) if wild < 0.3 else int(rng.integers(clear + 2, max(next_code, clear + 3)))
        code = clear if wild > 0.995 else clear + 1 if wild > 0.993 else min(code + (wild > 0.99), 4095)
        next_code = clear + 2 if code == clear else min(next_code + 1, 4096)
        codes.append(code)
    codes.append(clear + 1)
    data = packed(codes, code_size)
    found = strings(codes, code_size)
    height = len(found) // width + 1
    expected = np.zeros(height * width, np.uint32)
    whole = len(found) // width * width
    expected[:whole] = COLORS[found[:whole]]
    np.testing.assert_array_equal(drawn(data, code_size, (height, width)).ravel(), expected)


@pytest.mark.parametrize("kind", ["flat", "stripes", "noise", "gradient", "few colours"])
def test_what_another_encoder_compressed_comes_back(rng, kind):
    height, width = 211, 190
    y, x = np.indices((height, width))
    picture = {
        "flat": np.full((height, width), 3),
        "stripes": x // 9 % 2,
        "noise": rng.integers(0, 256, (height, width)),
        "gradient": (x + y) % 256,
        "few colours": rng.integers(0, 4, (height, width)) * (x > 60),
    }[kind].astype(np.uint8)
    image = Image.fromarray(picture).convert("P")
    image.putpalette(np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="GIF", interlace=kind == "noise")
    np.testing.assert_array_equal(decode(buffer.getvalue()).frames[0, ..., 1], picture)


@pytest.mark.parametrize("height", range(1, 20))
def test_interlaced_rows_come_in_four_passes(height):
    order = [*range(0, height, 8), *range(4, height, 8), *range(2, height, 4), *range(1, height, 2)]
    codes = [32, *order, 33]
    code_size = codes[0].bit_length() - 1
    frame = drawn(packed(codes, code_size), code_size, (height, 1), interlaced=True)
    np.testing.assert_array_equal(frame[:, 0], COLORS[:height])


def test_only_whole_rows_are_drawn_and_the_others_left():
    data = packed([4, 1, 2, 3, 1, 2, 5], 2)
    frame = drawn(data, 2, (3, 3), frame=np.full((3, 3), 9, np.uint32))
    assert frame.tolist() == [COLORS[[1, 2, 3]].tolist(), [9] * 3, [9] * 3]


def test_codes_past_the_picture_are_not_drawn():
    frame = np.full((2, 4), 9, np.uint32)
    codes = [4, *[1] * 40, 5]
    frame = drawn(packed(codes, 2), 2, (2, 2), frame=frame, at=(1, 1))
    assert (frame == [[9] * 4, [9, COLORS[1], COLORS[1], 9]]).all()


def test_a_last_block_that_is_cut_short_is_read_as_far_as_it_goes():
    data = bytearray(packed([4, *[1] * 9, 5], 2))
    data[0] = 255
    assert (drawn(data[:-1], 2, (3, 3)) == COLORS[1]).all()


def test_drawing_in_several_calls_gives_the_frames_of_one(rng):
    """Images that clear, keep or restore what is below, one after the other."""
    num_images, side = 40, 12
    data, rows = b"", []
    for _ in range(num_images):
        left, top, width, height = rng.integers([0, 0, 1, 1], side).tolist()
        start, data = len(data), data + packed([4, *rng.integers(0, 4, width * height).tolist(), 5], 2)
        disposal = int(rng.integers(0, 4))
        box = (left, top, width, height)
        rows.append(image_row(start=start, box=box, code_size=2, interlaced=False, disposal=disposal, palette=0))
    palette = COLORS.copy()
    palette[0] = 0  # transparent

    def frames_of(cuts):
        frames = np.full((num_images, side, side), 3, np.uint32)
        buffer, kept = index_buffer(side * side), np.full((side, side), 8, np.uint32)
        source = np.frombuffer(bytearray(data), np.uint8)
        for first, last in zip([0, *cuts], [*cuts, num_images], strict=True):
            draw_images(source, np.array(rows), palette[None], first, last, buffer, kept, frames)
        return frames

    np.testing.assert_array_equal(frames_of(range(1, num_images)), frames_of([]))
