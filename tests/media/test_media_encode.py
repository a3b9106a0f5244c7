import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vsd2m.core.errors import ConfigError
from vsd2m.media.clip import Clip
from vsd2m.media.decode import decode
from vsd2m.media.encode import encode


@st.composite
def clips(draw, levels):
    shape = (draw(st.integers(1, 5)), draw(st.integers(1, 9)), draw(st.integers(1, 9)), 4)
    frames = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from(levels)))
    if draw(st.booleans()):
        frames[-1] = frames[0]
    frames[frames[..., 3] == 0] = 0
    durations = draw(hnp.arrays(np.int32, shape[0], elements=st.integers(0, 6553).map(lambda value: 10 * value)))
    return Clip(frames, durations, draw(st.integers(0, 65535)), "apng")


@pytest.mark.parametrize("media_format", ["apng", "webp"])
@given(clip=clips([0, 1, 90, 128, 254, 255]))
@settings(max_examples=80)
def test_apng_and_webp_keep_every_pixel_every_frame_and_the_timing(media_format, clip):
    again = decode(encode(clip, media_format))
    np.testing.assert_array_equal(again.frames, clip.frames)
    if clip.num_frames > 1:
        assert again.durations_ms.tolist() == clip.durations_ms.tolist()
        assert again.loop_count == clip.loop_count


@given(clip=clips([0, 255]))
@settings(max_examples=80)
def test_gif_keeps_few_colours_exactly(clip):
    again = decode(encode(clip, "gif"))
    np.testing.assert_array_equal(again.frames, clip.frames)
    assert again.durations_ms.tolist() == clip.durations_ms.tolist()
    assert again.loop_count == clip.loop_count


def animation(rng, colors, num_frames=4, side=24):
    palette = rng.integers(0, 256, (num_frames, colors, 4)).astype(np.uint8)
    palette[..., 3] = 255
    frames = np.stack([palette[k][rng.integers(0, colors, (side, side))] for k in range(num_frames)])
    frames[:, :5] = 0
    return Clip(frames, np.full(num_frames, 50, np.int32), 0, "gif")


def test_gif_keeps_up_to_255_colours_a_frame_exactly(rng):
    clip = animation(rng, 255)
    np.testing.assert_array_equal(decode(encode(clip, "gif")).frames, clip.frames)


def test_gif_quantises_more_colours_closely_and_keeps_the_outline(rng):
    rows, columns = np.mgrid[:64, :64]
    ramp = np.stack([4 * rows, 4 * columns, (rows + columns) * 2, np.full_like(rows, 255)], axis=-1).astype(np.uint8)
    ramp[:9] = 0
    clip = Clip(np.stack([ramp, ramp[:, ::-1]]), np.array([100, 100], np.int32), 0, "apng")
    again = decode(encode(clip, "gif"))
    np.testing.assert_array_equal(again.frames[..., 3], clip.frames[..., 3])
    assert np.abs(again.frames.astype(int) - clip.frames).mean() < 4


def test_gif_makes_half_transparent_pixels_visible_or_not(rng):
    frames = np.full((1, 2, 2, 4), 200, np.uint8)
    frames[0, 0, :, 3] = [127, 128]
    again = decode(encode(Clip(frames, np.zeros(1, np.int32), 1, "png"), "gif")).frames[0]
    assert again[0].tolist() == [[0, 0, 0, 0], [200, 200, 200, 255]]


def test_durations_between_hundredths_are_rounded_half_up_in_a_gif(rng):
    clip = Clip(animation(rng, 3).frames, np.array([14, 15, 4, 655_350], np.int32), 0, "webp")
    assert decode(encode(clip, "gif")).durations_ms.tolist() == [10, 20, 0, 655_350]


@pytest.mark.parametrize("media_format", ["apng", "webp", "gif"])
def test_what_does_not_change_costs_little(rng, media_format):
    still = animation(rng, 100, num_frames=1, side=64).frames
    frames = np.repeat(still, 20, axis=0)
    frames[10:, 30:34, 30:34] = 255
    one = encode(Clip(still, np.array([50], np.int32), 0, "gif"), media_format)
    many = encode(Clip(frames, np.full(20, 50, np.int32), 0, "gif"), media_format)
    assert len(many) < 2 * len(one)
    np.testing.assert_array_equal(decode(many).frames, frames)


def test_the_first_frame_alone_makes_a_png(rng):
    clip = animation(rng, 9)
    again = decode(encode(clip, "png"))
    np.testing.assert_array_equal(again.frames, clip.frames[:1])
    assert again.media_format == "png"


@pytest.mark.parametrize("media_format", ["apng", "webp", "gif", "png"])
def test_the_same_clip_gives_the_same_bytes(rng, media_format):
    clip = animation(rng, 300)
    assert encode(clip, media_format) == encode(clip, media_format)


def test_an_unknown_format_is_refused(rng):
    with pytest.raises(ConfigError, match="apng, gif, png, webp"):
        encode(animation(rng, 2), "bmp")
