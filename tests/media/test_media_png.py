import io
import itertools
import struct

import av
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from media_builders import (
    DISPOSE_PREVIOUS,
    OVER,
    PNG_SIGNATURE,
    SOURCE,
    Apng,
    ApngFrame,
    apples_png,
    chunk,
    deflate,
    deflate_rows,
    png_header,
)
from PIL import Image

from vsd2m.core.errors import MediaError
from vsd2m.media.decode import decode

STRAIGHT = [0, 255]


@st.composite
def apngs(draw, alphas):
    width, height = draw(st.integers(1, 10)), draw(st.integers(1, 10))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    frames = []
    for index in range(draw(st.integers(1, 6))):
        left, top = (0, 0) if index == 0 else (draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1)))
        size = (
            (height, width) if index == 0 else (draw(st.integers(1, height - top)), draw(st.integers(1, width - left)))
        )
        pixels = rng.integers(0, 256, (*size, 4))
        pixels[..., 3] = rng.choice(alphas, size)
        dispose, blend = draw(st.integers(0, 2)), draw(st.integers(0, 1))
        delay = (draw(st.integers(0, 65535)), draw(st.sampled_from([0, 1, 30, 100, 1000, 65535])))
        frames.append(ApngFrame(pixels.astype(np.uint8), left, top, dispose, blend, delay))
    return Apng(width, height, frames, draw(st.integers(0, 2**31)))


@given(apngs(STRAIGHT))
@settings(max_examples=200)
def test_every_mix_of_blend_and_dispose_equals_the_pixel_by_pixel_compositor(apng):
    clip = decode(apng.to_bytes())
    np.testing.assert_array_equal(clip.frames, apng.compose())
    expected = [num * 1000 / (den or 100) for num, den in (frame.delay for frame in apng.frames)]
    assert np.abs(clip.durations_ms - np.array(expected)).max() <= 0.5
    assert (clip.media_format, clip.loop_count) == ("apng", apng.num_plays)


@given(apngs(STRAIGHT))
@settings(max_examples=50)
def test_apngs_equal_ffmpegs_reader(apng):
    """But for one thing: FFmpeg does not lay a frame over what is there if it covers the whole canvas and is cleared
    afterwards; by the specification, the clearing comes after the frame is shown."""
    whole = (apng.height, apng.width)
    assume(not any(f.dispose == 1 and f.blend == OVER and f.pixels.shape[:2] == whole for f in apng.frames[1:]))
    with av.open(io.BytesIO(apng.to_bytes())) as container:
        shown = np.stack([frame.to_ndarray(format="rgba") for frame in container.decode(container.streams.video[0])])
    shown[shown[..., 3] == 0] = 0
    np.testing.assert_array_equal(decode(apng.to_bytes()).frames, shown)


@given(apngs([0, 1, 40, 128, 200, 254, 255]))
@settings(max_examples=100)
def test_half_transparent_frames_blend_within_one_level(apng):
    """Each frame is rounded to 8 bits; where little is visible, an invisible rounding of alpha moves the colour."""
    clip, truth = decode(apng.to_bytes()).frames.astype(int), apng.compose()
    assert np.abs(clip[..., 3] - truth[..., 3]).max() <= 1
    error = np.abs(clip[..., :3] - truth[..., :3]) * truth[..., 3:] / 255
    assert error.max() <= 2


def test_blending_one_frame_over_another_is_exact(rng):
    below, above = rng.integers(0, 256, (2, 16, 16, 4)).astype(np.uint8)
    apng = Apng(16, 16, [ApngFrame(below), ApngFrame(above, blend=OVER)])
    np.testing.assert_array_equal(decode(apng.to_bytes()).frames, apng.compose())


def test_a_default_image_that_is_no_frame_is_left_out(rng):
    frames = [ApngFrame(rng.integers(0, 256, (4, 4, 4)).astype(np.uint8) | 255 * np.eye(4, dtype=np.uint8)[3])]
    apng = Apng(4, 4, frames, hidden_default=np.zeros((4, 4, 4), np.uint8))
    clip = decode(apng.to_bytes())
    assert clip.num_frames == 1
    np.testing.assert_array_equal(clip.frames, apng.compose())


def test_a_first_frame_that_asks_for_what_was_before_gets_transparency():
    red = np.full((3, 3, 4), (255, 0, 0, 255), np.uint8)
    dot = np.full((1, 1, 4), (0, 0, 255, 255), np.uint8)
    clip = decode(Apng(3, 3, [ApngFrame(red, dispose=DISPOSE_PREVIOUS), ApngFrame(dot)]).to_bytes())
    assert clip.frames[1, ..., 3].sum() == 255


def still(header, data, *chunks):
    return PNG_SIGNATURE + b"".join([header, *chunks, chunk(b"IDAT", data), chunk(b"IEND", b"")])


def pack_bits(samples, depth):
    """Rows of `samples` at 1, 2, 4, 8 or 16 bits each, most significant first."""
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in samples]
    rows = []
    for row in samples.reshape(len(samples), -1):
        bits = (row[:, None] >> np.arange(depth - 1, -1, -1)) & 1
        rows.append(np.packbits(bits.ravel()).tobytes())
    return rows


@pytest.mark.parametrize(("depth", "with_key"), list(itertools.product([1, 2, 4, 8, 16], [False, True])))
def test_grey_of_every_depth_with_and_without_a_transparent_level(rng, depth, with_key):
    samples = rng.integers(0, 2**depth, (5, 7))
    key = int(samples[2, 3])
    key_chunk = [chunk(b"tRNS", struct.pack(">H", key))] if with_key else []
    clip = decode(still(png_header(7, 5, depth, 0), deflate_rows(pack_bits(samples, depth)), *key_chunk))
    level = samples >> 8 if depth == 16 else samples * 255 // (2**depth - 1)
    expected = np.stack([level, level, level, np.full_like(level, 255)], axis=-1)
    if with_key:
        expected[samples == key] = 0
    np.testing.assert_array_equal(clip.frames[0], expected)


@pytest.mark.parametrize(("depth", "with_key"), list(itertools.product([8, 16], [False, True])))
def test_rgb_of_every_depth_with_and_without_a_transparent_colour(rng, depth, with_key):
    samples = rng.integers(0, 2**depth, (5, 7, 3))
    samples[0, 0] = samples[4, 4]
    samples[1, 1] = samples[4, 4] ^ 1  # at 16 bits the same high bytes: another colour all the same
    key_chunk = [chunk(b"tRNS", struct.pack(">HHH", *samples[4, 4]))] if with_key else []
    clip = decode(still(png_header(7, 5, depth, 2), deflate_rows(pack_bits(samples, depth)), *key_chunk))
    level = samples >> 8 if depth == 16 else samples
    expected = np.concatenate([level, np.full((5, 7, 1), 255)], axis=-1)
    if with_key:
        expected[(samples == samples[4, 4]).all(axis=-1)] = 0
    np.testing.assert_array_equal(clip.frames[0], expected)


@pytest.mark.parametrize(("color", "depth"), [(0, 1), (0, 2), (0, 4), (0, 8), (2, 8)])
def test_only_the_low_bits_of_the_transparent_colour_count(color, depth):
    samples = np.zeros((1, 8, 3 if color else 1), int)
    samples[0, 0] = 2**depth - 1
    key = chunk(b"tRNS", struct.pack(">H", 0xFF00 | (2**depth - 1)) * samples.shape[2])
    clip = decode(still(png_header(8, 1, depth, color), deflate_rows(pack_bits(samples, depth)), key))
    assert clip.frames[0, 0, :, 3].tolist() == [0] + [255] * 7


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes_of_every_depth_with_their_transparency(rng, depth):
    palette = rng.integers(0, 256, (2**depth, 3)).astype(np.uint8)
    alpha = rng.integers(0, 256, 2**depth - 1).astype(np.uint8)
    samples = rng.integers(0, 2**depth, (5, 7))
    chunks = [chunk(b"PLTE", palette.tobytes()), chunk(b"tRNS", alpha.tobytes())]
    clip = decode(still(png_header(7, 5, depth, 3), deflate_rows(pack_bits(samples, depth)), *chunks))
    expected = np.concatenate([palette, np.append(alpha, 255)[:, None]], axis=1)[samples]
    expected[expected[..., 3] == 0] = 0
    np.testing.assert_array_equal(clip.frames[0], expected)


@pytest.mark.parametrize(("color", "channels"), [(4, 2), (6, 4)])
def test_16_bit_alpha_keeps_the_high_bytes(rng, color, channels):
    samples = rng.integers(256, 2**16, (5, 7, channels))
    clip = decode(still(png_header(7, 5, 16, color), deflate_rows(pack_bits(samples, 16))))
    high = samples >> 8
    expected = high if channels == 4 else high[..., [0, 0, 0, 1]]
    np.testing.assert_array_equal(clip.frames[0], expected)


def test_interlaced_pictures_of_real_stickers_read_like_pillow(real_stickers):
    for name, data in real_stickers.items():
        if data[:4] == b"\x89PNG":
            image = np.array(Image.open(io.BytesIO(data)).convert("RGBA"))
            image[image[..., 3] == 0] = 0
            np.testing.assert_array_equal(decode(data).frames[0], image, err_msg=name)


def test_cutting_an_apng_anywhere_is_truncation(rng):
    pixels = rng.integers(0, 256, (2, 3, 4, 4)).astype(np.uint8)
    data = Apng(4, 3, [ApngFrame(pixels[0]), ApngFrame(pixels[1], blend=SOURCE)]).to_bytes()
    for length in range(1, len(data)):
        with pytest.raises(MediaError) as caught:
            decode(data[:length])
        assert caught.value.reason == "truncated", length


def test_junk_after_the_end_is_forgiven(rng):
    apng = Apng(4, 3, [ApngFrame(np.full((3, 4, 4), 255, np.uint8))])
    np.testing.assert_array_equal(decode(apng.to_bytes() + b"junk" * 10).frames, apng.compose())


def test_a_flipped_bit_in_a_chunk_that_matters_is_corrupt(rng):
    data = bytearray(Apng(4, 3, [ApngFrame(np.full((3, 4, 4), 255, np.uint8))] * 2).to_bytes())
    data[data.index(b"fdAT") + 9] ^= 1
    with pytest.raises(MediaError, match="checksum") as caught:
        decode(bytes(data))
    assert caught.value.reason == "corrupt"


def test_image_data_cut_under_a_right_checksum_are_corrupt(rng):
    data = deflate(rng.integers(0, 256, (4, 4, 4)).astype(np.uint8))
    short = still(png_header(4, 4), data[: len(data) // 2])
    with pytest.raises(MediaError) as caught:
        decode(short)
    assert caught.value.reason == "corrupt"


def colors_of(clip):
    return [frame[0, 0].tolist() for frame in clip.frames]


COLORS = [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]]


def animation(announced, numbers, *, hidden=False):
    """Three frames whose chunks have these sequence numbers; a hidden default image is white."""
    chunks = [png_header(2, 2), chunk(b"acTL", struct.pack(">II", announced, 0))]
    if hidden:
        chunks.append(chunk(b"IDAT", deflate(np.full((2, 2, 4), 255, np.uint8))))
    numbers = iter(numbers)
    for index, color in enumerate(COLORS):
        pixels = deflate(np.full((2, 2, 4), color, np.uint8))
        chunks.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", next(numbers), 2, 2, 0, 0, 1, 10, 0, 0)))
        is_default = index == 0 and not hidden
        data = b"" if is_default else struct.pack(">I", next(numbers))
        chunks.append(chunk(b"IDAT" if is_default else b"fdAT", data + pixels))
    return PNG_SIGNATURE + b"".join([*chunks, chunk(b"IEND", b"")])


@pytest.mark.parametrize(
    ("numbers", "num_frames"),
    [((0, 1, 2, 3, 4), 3), ((0, 5, 9, 3, 4), 1), ((0, 1, 2, 9, 4), 2), ((0, 1, 2, 3, 9), 2), ((0, 1, 7, 3, 4), 1)],
)
def test_the_frames_that_are_in_order_are_shown_and_the_fault_is_recorded(numbers, num_frames):
    clip = decode(animation(3, numbers))
    assert (clip.media_format, colors_of(clip)) == ("apng", COLORS[:num_frames])
    assert bool(clip.faults) == (num_frames < 3)
    assert all("sequence number" in fault or "announces 3" in fault for fault in clip.faults)


@pytest.mark.parametrize(("announced", "num_frames"), [(1, 1), (2, 2), (5, 3)])
def test_another_number_of_frames_than_announced_is_a_fault_and_shows_those_that_are_there(announced, num_frames):
    clip = decode(animation(announced, range(5)))
    assert colors_of(clip) == COLORS[:num_frames]
    (fault,) = clip.faults
    assert f"announces {announced} frames and holds 3" in fault


@pytest.mark.parametrize(
    ("data", "color"),
    [(animation(3, (4, 1, 2, 3, 4)), COLORS[0]), (animation(0, range(5)), COLORS[0]),
     (animation(3, (9, 1, 2, 3, 4, 5), hidden=True), [255] * 4)],
    ids=["first number wrong", "no frames announced", "hidden default image"],
)  # fmt: skip
def test_an_animation_without_a_frame_in_order_is_its_still(data, color):
    clip = decode(data)
    assert (clip.media_format, colors_of(clip), clip.loop_count) == ("png", [color], 1)
    assert clip.faults


@pytest.mark.parametrize("box", [(5, 1, 0, 0), (1, 1, 4, 0), (0, 1, 0, 0), (2**31, 1, 0, 0)])
def test_a_frame_outside_of_the_picture_is_corrupt(box):
    control = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, *box, 1, 10, 0, 0))
    animation = chunk(b"acTL", struct.pack(">II", 1, 0))
    with pytest.raises(MediaError) as caught:
        decode(still(png_header(4, 4), deflate(np.zeros((4, 4, 4), np.uint8)), animation, control))
    assert caught.value.reason == "corrupt"


def test_apples_png_is_the_picture_that_it_was_made_from(rng):
    opaque = rng.integers(0, 256, (9, 7, 3)).astype(np.uint8)
    clip = decode(apples_png(opaque))
    assert clip.media_format == "cgbi"
    np.testing.assert_array_equal(clip.frames[0], np.dstack([opaque, np.full((9, 7), 255)]))


def test_apples_png_loses_what_multiplying_by_alpha_loses(rng):
    pixels = rng.integers(0, 256, (16, 16, 4)).astype(np.uint8)
    pixels[..., 3] = rng.choice([0, 1, 20, 128, 200, 255], (16, 16))
    frame = decode(apples_png(pixels)).frames[0].astype(int)
    np.testing.assert_array_equal(frame[..., 3], pixels[..., 3])
    seen = pixels[..., 3] > 0
    error = np.abs(frame - pixels)[seen][:, :3].max(axis=1)
    assert (error <= np.ceil(255 / (2 * pixels[..., 3][seen].astype(float)))).all()
    assert not frame[~seen].any()


def test_apples_png_that_inflates_to_too_little_is_corrupt_and_to_too_much_is_cut():
    data = apples_png(np.full((50, 40, 4), 7, np.uint8))
    assert decode(data.replace(png_header(40, 50), png_header(40, 49))).height == 49
    with pytest.raises(MediaError, match="corrupt"):
        decode(data.replace(png_header(40, 50), png_header(4000, 3000)))
