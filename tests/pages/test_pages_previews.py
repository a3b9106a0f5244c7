"""Reduced animations for pages."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from vsd2m.media.clip import Clip
from vsd2m.media.decode import decode
from vsd2m.media.frame_indices import resize
from vsd2m.pages.previews import MAX_PAGE_BYTES, bytes_each, make_preview, reduce


def noise(num_frames: int = 7, height: int = 90, width: int = 180) -> Clip:
    frames = np.random.default_rng(0).integers(0, 256, (num_frames, height, width, 4), np.uint8)
    frames[..., 3] = 255
    return Clip(frames, np.arange(1, num_frames + 1, dtype=np.int32) * 20, 0, "gif")


def soft_ring(num_frames: int) -> Clip:
    """A coloured ring on nothing, its edge half transparent."""
    y, x = np.mgrid[:120, :120]
    frames = np.zeros((num_frames, 120, 120, 4), np.uint8)
    for number in range(num_frames):
        far = np.hypot(x - 60, y - 60 - 3 * number)
        frames[number, ..., :3] = (200, 80, 40)
        frames[number, ..., 3] = np.where(far < 30, 255, np.where(far < 36, 128, 0))
    return Clip(frames, np.full(num_frames, 90, np.int32), 0, "gif")


def content(url: str) -> bytes:
    head, _, data = url.partition(",")
    assert head == "data:image/webp;base64"
    return base64.b64decode(data)


@pytest.mark.parametrize("num_frames", [1, 6])
def test_a_preview_looks_and_moves_like_the_sticker(num_frames):
    clip = soft_ring(num_frames)
    preview = make_preview(clip, max_bytes=48_000)
    moving, still = decode(content(preview.moving)), decode(content(preview.still))
    assert moving.num_frames == num_frames and still.num_frames == 1
    if num_frames > 1:
        assert list(moving.durations_ms) == list(clip.durations_ms)
    for ours, theirs in ((moving.frames, clip.frames), (still.frames, clip.frames[:1])):
        assert np.abs(ours[..., 3].astype(int) - theirs[..., 3]).max() <= 2
        opaque = theirs[..., 3] == 255
        assert np.abs(ours[opaque].astype(int) - theirs[opaque]).mean() < 12


@pytest.mark.parametrize("num_frames", [1, 6])
def test_other_readers_see_the_alpha_too(num_frames):
    preview = make_preview(soft_ring(num_frames), max_bytes=48_000)
    for url in (preview.moving, preview.still):
        with Image.open(io.BytesIO(content(url))) as image:
            assert getattr(image, "n_frames", 1) == (num_frames if url == preview.moving else 1)
            alpha = np.asarray(image.convert("RGBA"))[..., 3]
        assert alpha[0, 0] == 0 and alpha[60, 60] == 255


@pytest.mark.parametrize("max_bytes", [40_000, 12_000, 6_000])
def test_a_preview_is_never_larger_than_asked_for_and_still_plays_as_long(max_bytes):
    clip = noise()
    preview = make_preview(clip, max_bytes=max_bytes)
    assert len(preview.moving) + len(preview.still) <= max_bytes
    assert decode(content(preview.moving)).durations_ms.sum() == clip.durations_ms.sum()


def test_what_cannot_be_made_small_enough_has_no_preview():
    assert make_preview(noise(), max_bytes=500) is None


def test_a_reduced_clip_keeps_its_shape_and_takes_frames_at_equal_steps():
    clip = noise(num_frames=7)
    reduced = reduce(clip, side=60, num_frames=3)
    assert (reduced.num_frames, reduced.width, reduced.height) == (3, 60, 30)
    assert list(reduced.durations_ms) == [20 + 40, 60 + 80, 100 + 120 + 140]
    np.testing.assert_array_equal(reduced.frames, resize(clip.frames[[0, 2, 4]], (30, 60)))
    assert reduce(clip, side=999, num_frames=99).frames.shape == clip.frames.shape


def test_frames_that_browsers_slow_down_are_slow_in_the_preview_too():
    clip = Clip(noise(4).frames, np.zeros(4, np.int32), 0, "gif")
    assert list(reduce(clip, side=50, num_frames=2).durations_ms) == [200, 200]


def test_the_previews_of_a_page_fit_into_it():
    for num_previews in (0, 1, 24, 160, 2000):
        assert num_previews * bytes_each(num_previews) <= MAX_PAGE_BYTES
