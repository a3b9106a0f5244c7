import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_builders import Webp, WebpFrame, riff, vp8l
from PIL import Image

from vsd2m.core.errors import MediaError
from vsd2m.media.decode import decode


@st.composite
def webps(draw):
    width, height = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    frames = []
    for _ in range(draw(st.integers(1, 5))):
        left, top = 2 * draw(st.integers(0, (width - 1) // 2)), 2 * draw(st.integers(0, (height - 1) // 2))
        pixels = rng.integers(0, 256, (draw(st.integers(1, height - top)), draw(st.integers(1, width - left)), 4))
        pixels[..., 3] = rng.choice([0, 255], pixels.shape[:2])
        duration = draw(st.integers(0, 2**24 - 1))
        frames.append(WebpFrame(pixels.astype(np.uint8), left, top, duration, draw(st.booleans()), draw(st.booleans())))
    return Webp(width, height, frames, draw(st.integers(0, 65535)), draw(st.booleans()))


@given(webps())
@settings(max_examples=100)
def test_every_mix_of_blending_and_clearing_equals_the_pixel_by_pixel_compositor(webp):
    clip = decode(webp.to_bytes())
    np.testing.assert_array_equal(clip.frames, webp.compose())
    assert clip.durations_ms.tolist() == [frame.duration_ms for frame in webp.frames]
    assert (clip.loop_count, clip.background) == (webp.loop_count, (0, 255, 0, 255))


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_still_has_one_frame_without_duration(rng, lossless, mode):
    pixels = rng.integers(0, 256, (13, 17, len(mode))).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="WEBP", lossless=lossless)
    clip = decode(buffer.getvalue())
    expected = np.array(Image.open(io.BytesIO(buffer.getvalue())).convert("RGBA"))
    expected[expected[..., 3] == 0] = 0
    np.testing.assert_array_equal(clip.frames[0], expected)
    assert (clip.num_frames, clip.durations_ms.tolist(), clip.loop_count) == (1, [0], 1)


def test_alpha_that_the_header_says_is_not_used_counts_for_nothing():
    red, green = (np.full((4, 4, 4), (*color, 0), np.uint8) for color in ((255, 0, 0), (0, 255, 0)))
    webp = Webp(8, 4, [WebpFrame(red, clear=True), WebpFrame(green, 2, 0)], uses_alpha=False)
    first, second = decode(webp.to_bytes()).frames
    assert (first[:, :4] == [255, 0, 0, 255]).all() and not first[:, 4:].any()  # what is not drawn is transparent
    assert (second[:, 2:6] == [0, 255, 0, 255]).all() and not second[:, :2].any() and not second[:, 6:].any()


def test_alpha_that_a_lossless_still_says_is_not_used_counts_for_nothing(rng):
    pixels = rng.integers(0, 256, (5, 7, 4)).astype(np.uint8)
    data = bytearray(riff(vp8l(pixels)))
    data[24] &= ~0x10  # alpha_is_used, bit 28 after the signature
    np.testing.assert_array_equal(decode(bytes(data)).frames[0, ..., :3], pixels[..., :3])
    assert (decode(bytes(data)).frames[..., 3] == 255).all()


def test_cutting_an_animation_anywhere_is_truncation(rng):
    pixels = rng.integers(0, 256, (2, 6, 6, 4)).astype(np.uint8)
    data = Webp(6, 6, [WebpFrame(pixels[0]), WebpFrame(pixels[1])]).to_bytes()
    for length in range(1, len(data)):
        with pytest.raises(MediaError) as caught:
            decode(data[:length])
        assert caught.value.reason == "truncated", length


def test_junk_after_the_container_is_forgiven(rng):
    data = riff(vp8l(np.full((4, 4, 4), 255, np.uint8)))
    assert decode(data + b"junk" * 5).num_frames == 1


def test_damaged_image_data_are_corrupt(rng):
    data = bytearray(Webp(16, 16, [WebpFrame(rng.integers(0, 256, (16, 16, 4)).astype(np.uint8))] * 2).to_bytes())
    data[data.rindex(b"VP8L") + 8] ^= 0xFF  # the bitstream's signature
    with pytest.raises(MediaError) as caught:
        decode(bytes(data))
    assert caught.value.reason == "corrupt"
