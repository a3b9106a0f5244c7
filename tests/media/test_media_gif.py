import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_builders import CLEAR, LEAVE, LEAVE_UNSAID, RESTORE, Gif, GifFrame, interlaced_order

from vsd2m.core.errors import MediaError
from vsd2m.media.decode import decode
from vsd2m.media.probe import probe

GRADIENT = np.array([[i, (i * 3) % 256, 255 - i] for i in range(256)])


def sprite(rng, height=9, width=7, transparent=255):
    indices = rng.integers(0, 255, (height, width))
    return np.where(rng.random((height, width)) < 0.4, transparent, indices)


def decoded(gif):
    return decode(gif.to_bytes())


@pytest.mark.parametrize("disposal", [LEAVE_UNSAID, LEAVE, CLEAR, RESTORE])
def test_every_disposal_is_drawn_as_browsers_do(rng, disposal):
    frames = [GifFrame(rng.integers(0, 255, (16, 18)))]
    frames += [GifFrame(sprite(rng), 2 * k, k, disposal=disposal, transparent=255) for k in range(5)]
    gif = Gif(18, 16, frames, GRADIENT)
    np.testing.assert_array_equal(decoded(gif).frames, gif.compose())


@st.composite
def gifs(draw):
    width, height = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    frames = []
    for _ in range(draw(st.integers(1, 6))):
        box = (draw(st.integers(1, height + 2)), draw(st.integers(1, width + 2)))
        colors = draw(st.sampled_from([2, 8, 256]))
        frames.append(
            GifFrame(
                rng.integers(0, colors, box),
                draw(st.integers(0, width - 1)),
                draw(st.integers(0, height - 1)),
                delay_cs=draw(st.integers(0, 65535)),
                disposal=draw(st.integers(0, 3)),
                transparent=draw(st.none() | st.integers(0, colors - 1)),
                palette=draw(st.none() | st.just(rng.integers(0, 256, (colors, 3)))),
                interlaced=draw(st.booleans()),
            )
        )
    background = draw(st.integers(0, 255))
    return Gif(
        width, height, frames, rng.integers(0, 256, (256, 3)), background, draw(st.none() | st.integers(0, 65535))
    )


@given(gifs())
@settings(max_examples=300)
def test_any_mix_of_boxes_palettes_disposals_and_interlacing_equals_the_pixel_by_pixel_compositor(gif):
    clip = decoded(gif)
    np.testing.assert_array_equal(clip.frames, gif.compose())
    assert clip.durations_ms.tolist() == [10 * frame.delay_cs for frame in gif.frames]
    assert clip.loop_count == (1 if gif.repeats is None else 0 if gif.repeats == 0 else gif.repeats + 1)


def test_a_frame_without_control_block_is_opaque_and_takes_no_time(rng):
    gif = Gif(6, 5, [GifFrame(rng.integers(0, 4, (5, 6)), control=False, delay_cs=0)], GRADIENT[:4])
    clip = decoded(gif)
    np.testing.assert_array_equal(clip.frames, gif.compose())
    assert clip.durations_ms.tolist() == [0]
    assert clip.played_durations_ms.tolist() == [100]


def test_a_control_block_holds_for_one_frame_only(rng):
    frames = [
        GifFrame(np.zeros((4, 4), int), transparent=0, delay_cs=7),
        GifFrame(np.zeros((4, 4), int), control=False),
    ]
    clip = decoded(Gif(4, 4, frames, GRADIENT[:2]))
    assert clip.frames[0].max() == 0
    assert (clip.frames[1] == [0, 0, 255, 255]).all()
    assert clip.durations_ms.tolist() == [70, 0]


@pytest.mark.parametrize("background_index", [0, 3])
def test_the_background_colour_is_told_but_not_painted(background_index):
    palette = np.array([[10, 20, 30], [1, 1, 1], [2, 2, 2], [250, 251, 252]])
    frames = [GifFrame(np.ones((2, 2), int), 1, 1, disposal=CLEAR), GifFrame(np.ones((1, 1), int))]
    gif = Gif(5, 5, frames, palette, background_index)
    clip = decoded(gif)
    np.testing.assert_array_equal(clip.frames, gif.compose())
    assert clip.background == (*palette[background_index], 255)


def test_without_any_palette_a_picture_is_still_drawn():
    clip = decode(Gif(2, 1, [GifFrame(np.array([[0, 1]]))]).to_bytes())
    assert clip.frames[0].tolist() == [[[0, 0, 0, 255], [255, 255, 255, 255]]]


def test_reserved_disposal_4_restores_and_5_to_7_leave(rng):
    base = GifFrame(rng.integers(0, 255, (6, 6)))
    for stored, meant in ((4, RESTORE), (5, LEAVE), (6, LEAVE), (7, LEAVE)):
        frames = [
            base,
            GifFrame(sprite(rng, 3, 3), 1, 1, disposal=stored, transparent=255),
            GifFrame(np.ones((1, 1), int)),
        ]
        as_meant = [frames[0], GifFrame(frames[1].indices, 1, 1, disposal=meant, transparent=255), frames[2]]
        shown = decoded(Gif(6, 6, frames, GRADIENT)).frames
        np.testing.assert_array_equal(shown, Gif(6, 6, as_meant, GRADIENT).compose())


@pytest.mark.parametrize(("left", "top"), [(0, 0), (3, 1)])
def test_the_screen_grows_to_hold_the_first_image_and_later_ones_are_clipped(rng, left, top):
    frames = [
        GifFrame(rng.integers(0, 255, (4, 5)), left, top),
        GifFrame(rng.integers(0, 255, (9, 9)), 1, 1, disposal=CLEAR),
        GifFrame(rng.integers(0, 255, (1, 1))),
    ]
    gif = Gif(2, 3, frames, GRADIENT)
    clip = decoded(gif)
    assert (clip.width, clip.height) == (left + 5, top + 4)
    np.testing.assert_array_equal(clip.frames, gif.compose())


def test_a_screen_without_size_takes_that_of_the_first_frame(rng):
    gif = Gif(0, 0, [GifFrame(rng.integers(0, 255, (4, 3)), 2, 1)], GRADIENT)
    clip = decoded(gif)
    assert (clip.width, clip.height) == (5, 5)
    assert (clip.frames[0, 1:, 2:, 3] == 255).all() and clip.frames[0, 0].max() == 0


def test_comments_unknown_extensions_and_gif87a_are_read(rng):
    frame = GifFrame(rng.integers(0, 255, (4, 3)))
    gif = Gif(3, 4, [frame], GRADIENT, comments=[b"drawn by hand" * 40, b""], version=b"GIF87a")
    np.testing.assert_array_equal(decoded(gif).frames, gif.compose())
    animexts = gif.to_bytes().replace(b"NETSCAPE2.0\x03\x01\0\0", b"ANIMEXTS1.0\x03\x01\x05\0")
    assert decode(animexts).loop_count == 6


@pytest.mark.parametrize("trailer", [b"", b";", b"\0\0;", b"\0", b";" + b"junk \x21\xf9 after the end" * 9])
def test_a_missing_trailer_and_junk_after_it_are_forgiven(rng, trailer):
    gif = Gif(8, 8, [GifFrame(rng.integers(0, 255, (8, 8))) for _ in range(3)], GRADIENT, trailer=trailer)
    np.testing.assert_array_equal(decoded(gif).frames, gif.compose())


CONTROL = b"\x21\xf9\x04\0\x05\0\0\0"


@pytest.mark.parametrize("between", [b"", b"\x21\xfe\x03bye\0", b"\x21\xff\x0bXMP DataXMP\x01x\0", CONTROL])
def test_a_control_block_left_over_before_the_trailer_is_forgiven(rng, between):
    gif = Gif(4, 4, [GifFrame(rng.integers(0, 255, (4, 4))) for _ in range(2)], GRADIENT, trailer=CONTROL + between)
    np.testing.assert_array_equal(decode(gif.to_bytes() + b";").frames, gif.compose())
    with pytest.raises(MediaError) as caught:
        decode(gif.to_bytes())
    assert caught.value.reason == "truncated"


def test_missing_terminators_after_whole_image_data_are_forgiven(rng):
    gif = Gif(8, 8, [GifFrame(rng.integers(0, 255, (8, 8))) for _ in range(3)], GRADIENT, trailer=b"")
    np.testing.assert_array_equal(decode(gif.to_bytes()[:-1]).frames, gif.compose())


def test_cutting_a_gif_anywhere_is_noticed_unless_whole_frames_remain(rng):
    frames = [GifFrame(sprite(rng, 5, 6), palette=GRADIENT[:256], transparent=255) for _ in range(3)]
    gif = Gif(6, 5, frames, GRADIENT, comments=[b"words"])
    data = gif.to_bytes()
    truth = gif.compose()
    whole = {len(data) - 1: 3, len(data) - 2: 3}  # the trailer, the last terminator
    for length in range(1, len(data)):
        try:
            clip = decode(data[:length])
        except MediaError as error:
            assert error.reason == "truncated", (length, error)
            assert length not in whole
            continue
        np.testing.assert_array_equal(clip.frames, truth[: clip.num_frames])
        # Cut exactly between two frames, a file cannot be told from one that never had more.
        assert clip.num_frames == whole.get(length, clip.num_frames)
        assert gif_ends_between_frames(data[:length], gif) or length in whole


def gif_ends_between_frames(cut, gif):
    ends = [
        Gif(gif.width, gif.height, gif.frames[:count], gif.palette, comments=gif.comments, trailer=b"").to_bytes()
        for count in range(1, len(gif.frames) + 1)
    ]
    return any(cut in (end, end[:-1]) for end in ends)


@pytest.mark.parametrize(
    "junk", [b"\x0a", b"<html>", b"\x99" * 50, None], ids=["line feed", "html", "bytes", "a second GIF"]
)
def test_frames_before_bytes_that_start_no_block_are_shown_and_the_fault_is_recorded(rng, junk):
    frames = [GifFrame(rng.integers(0, 255, (8, 8))) for _ in range(2)]
    gif = Gif(8, 8, frames, GRADIENT, trailer=b"")
    data = gif.to_bytes() + (gif.to_bytes() if junk is None else junk)
    clip = decode(data)
    np.testing.assert_array_equal(clip.frames, gif.compose())
    (fault,) = clip.faults
    assert f"byte {len(gif.to_bytes())} of the GIF starts no block" in fault
    assert "2 frames come before it" in fault
    assert probe(data)["faults"] == [fault]


def test_bytes_that_start_no_block_before_the_first_image_are_corrupt():
    with pytest.raises(MediaError, match="starts no block") as caught:
        decode(b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0, 0, 0) + b"\x99" * 50)
    assert caught.value.reason == "corrupt"


def test_a_gif_without_a_fault_has_none(rng):
    assert decoded(Gif(8, 8, [GifFrame(rng.integers(0, 255, (8, 8)))], GRADIENT)).faults == ()


def test_interlacing_has_each_row_once():
    for height in range(1, 40):
        assert sorted(interlaced_order(height)) == list(range(height))
