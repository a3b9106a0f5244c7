import io
import struct

import numpy as np
import pytest
from PIL import Image
from video_builders import avif

from vsd2m.core.errors import MediaError
from vsd2m.media.decode import decode
from vsd2m.media.decoders.avif import has_avif, loop_count
from vsd2m.media.media_types import sniff

pytestmark = pytest.mark.skipif(not has_avif(), reason="this Pillow has no AVIF")


def smooth_frames(num_frames=3, height=40, width=48):
    """Slow ramps of colour and alpha: what a codec with loss keeps almost as it is."""
    rows, columns = np.mgrid[:height, :width]
    frames = np.empty((num_frames, height, width, 4), np.uint8)
    for index, frame in enumerate(frames):
        frame[..., 0], frame[..., 1] = 4 * rows + 20 * index, 5 * columns
        frame[..., 2], frame[..., 3] = 180 - 30 * index, np.where(columns < 8, 0, 60 + 4 * columns)
    return frames


def assert_close(ours, expected, tolerance):
    """AV1 as it is written here loses a little; what is not seen has no colour."""
    np.testing.assert_allclose(ours[..., 3].astype(int), expected[..., 3], atol=tolerance)
    seen = (ours[..., 3] > 0) & (expected[..., 3] > 0)
    assert np.abs(ours[seen].astype(int) - expected[seen]).max() <= tolerance
    assert not ours[ours[..., 3] == 0].any()


@pytest.mark.parametrize("num_frames", [1, 3])
def test_frames_have_the_colours_and_the_alpha_that_went_in(num_frames):
    frames = smooth_frames(num_frames)
    clip = decode(avif(frames))
    assert (clip.media_format, clip.frames.shape) == ("avif", frames.shape)
    assert_close(clip.frames, frames, 6)


def test_another_av1_decoder_shows_the_same_luma():
    """The tracks of colour and of alpha, read by FFmpeg's demuxer and decoded by its dav1d: libavif takes no part."""
    av = pytest.importorskip("av")
    gray = smooth_frames()
    gray[..., :3] = gray[..., :1]
    data = avif(gray)
    with av.open(io.BytesIO(data), format="mov") as file:
        indices = [stream.index for stream in file.streams.video if stream.frames == 3]  # the others are the cover
    color, alpha = (np.stack([frame.to_ndarray()[:40] for frame in _decoded(av, data, index)]) for index in indices)
    frames = decode(data).frames
    np.testing.assert_array_equal(frames[..., 3], alpha)
    seen = alpha > 0
    assert np.abs(frames[..., 0][seen].astype(int) - color[seen]).max() <= 1


def _decoded(av, data, index):
    with av.open(io.BytesIO(data), format="mov") as file:
        yield from (frame.reformat(format="gray") for frame in file.decode(file.streams[index]))


def test_durations_are_those_of_the_container():
    clip = decode(avif(smooth_frames(4), [40, 10, 250, 33]))
    assert clip.durations_ms.tolist() == [40, 10, 250, 33]
    assert clip.played_durations_ms.tolist() == [40, 100, 250, 33]  # as browsers show animated pictures
    assert decode(avif(smooth_frames(1))).durations_ms.tolist() == [0]


def test_an_animation_plays_for_ever_unless_its_edit_list_says_how_often():
    data = avif(smooth_frames(2), 100)
    assert decode(data).loop_count == 0
    edits = data.index(b"elst") + 4
    (seconds,) = struct.unpack_from(">Q", data, edits + 8) if data[edits] else struct.unpack_from(">I", data, edits + 8)
    track = data.index(b"tkhd") + 4
    for times in (1, 3):
        changed = bytearray(data)
        struct.pack_into(">Q" if data[track] else ">I", changed, track + (28 if data[track] else 20), times * seconds)
        assert loop_count(bytes(changed)) == times
    once = bytearray(data)
    once[edits + 3] = 0  # the flag that it repeats
    struct.pack_into(">Q" if data[track] else ">I", once, track + (28 if data[track] else 20), seconds)
    assert loop_count(bytes(once)) == 1


def test_a_picture_is_turned_as_its_container_says():
    picture = np.zeros((16, 32, 4), np.uint8)
    picture[..., 3], picture[:8, :16, 0] = 255, 255
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(avif([picture], exif=exif.tobytes())).frames[0]
    assert_close(turned, np.rot90(picture, -1), 30)


@pytest.mark.parametrize("brand", [b"mif1", b"msf1", b"avis"])
def test_the_major_brand_may_be_a_general_one(brand):
    data = avif(smooth_frames(2))
    assert sniff(data.replace(b"ftypavis", b"ftyp" + brand)) == "avif"


def test_an_avif_that_is_cut_short_is_truncated():
    for data in (avif(smooth_frames(1)), avif(smooth_frames(3))):
        for end in (14, 60, len(data) // 2, len(data) - 1):
            with pytest.raises(MediaError) as caught:
                decode(data[:end])
            assert caught.value.reason == "truncated"
