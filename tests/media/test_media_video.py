import io

import numpy as np
import pytest
from media_builders import chunk

av = pytest.importorskip("av", reason="the extra 'video' is not installed")

from video_builders import plane_frame, rgba_frames, video  # noqa: E402

from vsd2m.core.errors import MediaError  # noqa: E402
from vsd2m.media.budget import DecodeBudget  # noqa: E402
from vsd2m.media.decode import decode  # noqa: E402
from vsd2m.media.media_types import sniff  # noqa: E402
from vsd2m.media.probe import probe  # noqa: E402


def reason(data, **budget):
    with pytest.raises(MediaError) as caught:
        decode(data, DecodeBudget(**budget))
    return caught.value.reason


def yuv_frames(rng, num_frames=4, height=32, width=48, *, alpha=False):
    """Random luma (and alpha) on one colour difference for each frame, so that no interpolation of chroma shows."""
    frames, planes = [], []
    for _ in range(num_frames):
        luma = rng.integers(16, 236, (height, width)).astype(np.uint8)
        blue, red = rng.integers(110, 146, 2)
        chroma = [np.full((height // 2, width // 2), value, np.uint8) for value in (blue, red)]
        opacity = [rng.choice([0, 1, 77, 128, 254, 255], (height, width)).astype(np.uint8)] if alpha else []
        planes.append((luma, int(blue), int(red), *opacity))
        frames.append(plane_frame([luma, *chroma, *opacity], "yuva420p" if alpha else "yuv420p"))
    return frames, planes


def rgb_of(luma, blue, red, *, kr=0.299, kb=0.114):
    """The formula of ITU-T H.273 for limited range; BT.601's weights unless given."""
    y, b, r = (luma.astype(float) - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    red_, blue_ = y + 2 * (1 - kr) * r, y + 2 * (1 - kb) * b
    green = (y - kr * red_ - kb * blue_) / (1 - kr - kb)
    return np.clip(np.rint(255 * np.stack([red_, green, blue_], -1)), 0, 255)


def test_a_webm_has_the_alpha_and_the_colours_of_its_planes(rng):
    frames, planes = yuv_frames(rng, alpha=True)
    clip = decode(video(frames))
    assert (clip.media_format, clip.loop_count, clip.frames.shape) == ("webm", 0, (4, 32, 48, 4))
    for frame, (luma, blue, red, opacity) in zip(clip.frames, planes, strict=True):
        np.testing.assert_array_equal(frame[..., 3], opacity)
        seen = opacity > 0
        assert np.abs(frame[seen][:, :3] - rgb_of(luma, blue, red)[seen]).max() <= 1  # fixed-point rounding
        assert not frame[~seen].any()


def test_the_alpha_is_that_of_the_second_stream_that_another_decoder_reads(rng):
    """The BlockAdditionals, decoded by FFmpeg's own VP9 decoder, which does not know that they are alpha."""
    data = video(yuv_frames(rng, alpha=True)[0])
    native = av.CodecContext.create("vp9", "r")
    lumas = []
    with av.open(io.BytesIO(data)) as file:
        for packet in file.demux(video=0):
            for side_data in packet.iter_sidedata():
                lumas += native.decode(av.Packet(bytes(side_data)[8:]))  # after the number that says it is alpha
    assert len(lumas) == 4
    for frame, luma in zip(decode(data).frames, lumas, strict=True):
        np.testing.assert_array_equal(frame[..., 3], luma.to_ndarray()[:32])


def test_ffmpegs_own_decoder_sees_the_same_colours_and_no_alpha(rng):
    data = video(yuv_frames(rng, alpha=True)[0])
    with av.open(io.BytesIO(data)) as file:
        native = np.stack([frame.to_ndarray(format="rgba") for frame in file.decode(video=0)])
    assert (native[..., 3] == 255).all()
    frames = decode(data).frames
    seen = frames[..., 3] > 0
    assert 0.1 < seen.mean() < 0.9
    assert (
        np.abs(frames[seen][:, :3].astype(int) - native[seen][:, :3]).max() <= 3
    )  # PyAV's default conversion rounds coarsely


@pytest.mark.parametrize(
    ("container", "codec", "tolerance"),
    [
        ("mp4", "libx264", 1),
        ("webm", "libvpx-vp9", 1),
        ("webm", "libvpx", 12),
        ("webm", "libsvtav1", 12),
        ("mp4", "libsvtav1", 12),
    ],
)
def test_every_codec_gives_the_frames_that_went_in(rng, container, codec, tolerance):
    """libvpx's VP8 and SVT-AV1 have no lossless mode: smooth frames, and a tolerance that a wrong frame would miss."""
    ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8) + 40
    planes = [(ramp + 20 * index, 120, 140) for index in range(5)]
    frames = [
        plane_frame([luma, np.full((32, 32), blue, np.uint8), np.full((32, 32), red, np.uint8)], "yuv420p")
        for luma, blue, red in planes
    ]
    clip = decode(video(frames, container=container, codec=codec))
    assert (clip.media_format, clip.num_frames) == (container, 5)
    assert (clip.frames[..., 3] == 255).all()
    for frame, plane in zip(clip.frames, planes, strict=True):
        assert np.abs(frame[..., :3] - rgb_of(*plane)).max() <= tolerance


@pytest.mark.parametrize("container", ["webm", "mp4"])
def test_durations_are_those_of_the_containers_timestamps(rng, container):
    codec = {"webm": "libvpx-vp9", "mp4": "libx264"}[container]
    durations = [40, 10, 250, 33, 34, 33]
    clip = decode(video(yuv_frames(rng, 6)[0], container=container, codec=codec, durations_ms=durations))
    assert clip.durations_ms[:5].tolist() == durations[:5]
    assert clip.durations_ms[5] in (33, 40)  # a WebM states it as that of the stated rate


def test_short_frames_of_videos_last_as_long_as_they_say_where_browsers_would_slow_down_a_gif(rng):
    clip = decode(video(yuv_frames(rng, 5)[0], durations_ms=[8, 8, 8, 8, 8], codec="libx264", container="mp4"))
    assert clip.played_durations_ms[:4].tolist() == [8, 8, 8, 8]


def test_frames_stored_out_of_order_are_shown_in_order(rng):
    levels = [20, 60, 100, 140, 180, 220, 60, 20, 200]
    frames = [
        plane_frame([np.full((32, 32), level, np.uint8), *[np.full((16, 16), 128, np.uint8)] * 2], "yuv420p")
        for level in levels
    ]
    data = video(frames, container="mp4", codec="libx264", qp="4", **{"x264-params": "bframes=3:b-adapt=0:scenecut=0"})
    with av.open(io.BytesIO(data)) as file:
        starts = [packet.pts for packet in file.demux(video=0) if packet.size]
    assert starts != sorted(starts)
    assert decode(data).frames[:, 0, 0, 0].tolist() == pytest.approx(
        [(level - 16) / 219 * 255 for level in levels], abs=5
    )


def test_hd_without_a_stated_colour_space_is_bt709(rng):
    frames, planes = yuv_frames(rng, 1, 720, 64)
    ((luma, blue, red),) = planes
    frame = decode(video(frames, container="mp4", codec="libx264")).frames[0]
    assert np.abs(frame[..., :3] - rgb_of(luma, blue, red, kr=0.2126, kb=0.0722)).max() <= 1


def test_a_stated_colour_space_counts(rng):
    frames, planes = yuv_frames(rng, 1)
    ((luma, blue, red),) = planes
    data = video(frames, container="mp4", codec="libx264", colorspace="bt709")
    assert np.abs(decode(data).frames[0, ..., :3] - rgb_of(luma, blue, red, kr=0.2126, kb=0.0722)).max() <= 1


def test_a_video_is_turned_as_it_says(rng):
    pixels = np.zeros((2, 32, 64, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[:, :16, :32, 0] = 255
    upright = decode(video(rgba_frames(pixels, "yuv420p"), container="mp4", codec="libx264")).frames
    turned = decode(video(rgba_frames(pixels, "yuv420p"), container="mp4", codec="libx264", rotation=90)).frames
    np.testing.assert_array_equal(turned, np.rot90(upright, 1, axes=(1, 2)))
    assert turned[0, 60, 4, 0] > 200
    assert turned[0, 4, 4, 0] < 20


@pytest.mark.parametrize(("aspect", "size"), [("2", (128, 32)), ("1/2", (64, 64)), ("320/321", (64, 32))])
def test_pixels_that_are_not_square_are_made_so(rng, aspect, size):
    clip = decode(video(yuv_frames(rng, 2, 32, 64)[0], container="mp4", codec="libx264", aspect=aspect))
    assert (clip.width, clip.height) == size


def test_a_still_of_a_video_has_no_duration(rng):
    clip = decode(video(yuv_frames(rng, 1)[0]))
    assert clip.durations_ms.tolist() == [0]


def test_the_probe_writes_all_columns(rng):
    columns = probe(video(yuv_frames(rng, alpha=True)[0]))
    assert (columns["media_format"], columns["num_frames"], columns["duration_ms"]) == ("webm", 4, 160)
    assert columns["transparent_share"] > 0.3


def test_a_video_that_is_cut_short_is_truncated(rng):
    for container, codec in (("webm", "libvpx-vp9"), ("mp4", "libx264")):
        data = video(yuv_frames(rng)[0], container=container, codec=codec)
        for end in (40, len(data) // 2, len(data) - 1):
            assert reason(data[:end]) == "truncated"


def test_a_codec_that_is_not_decoded_is_named(rng):
    with pytest.raises(MediaError, match=r"unsupported_format: mpeg4 in mp4"):
        decode(video(yuv_frames(rng)[0], container="mp4", codec="mpeg4"))


@pytest.mark.parametrize(("container", "name"), [("matroska", "matroska"), ("mov", "quicktime"), ("avi", None)])
def test_other_containers_are_not_taken_for_these(rng, container, name):
    data = video(yuv_frames(rng)[0], container=container, codec="libx264")
    assert sniff(data) is None
    assert reason(data) == ("unsupported_format" if name else "not_an_image")


def test_a_file_without_a_picture_says_so():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webm") as output:
        stream = output.add_stream("libopus", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), format="flt", layout="mono")
        frame.sample_rate = 48000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    with pytest.raises(MediaError, match="unsupported_format: the webm holds no video"):
        decode(buffer.getvalue())


def test_a_frame_larger_than_the_budget_is_refused_before_it_is_decoded(rng):
    """The container says 64 x 64, the frames inside say more: what counts is what would be decoded."""
    large = video(yuv_frames(rng, 2, 512, 512)[0])
    small = large.replace(b"\xb0\x82\x02\x00", b"\xb0\x82\x00\x40").replace(b"\xba\x82\x02\x00", b"\xba\x82\x00\x40")
    assert small != large
    assert reason(small, max_pixels=100_000) == "too_many_pixels"
    assert reason(large, max_pixels=100_000) == "too_many_pixels"


def test_without_the_extra_the_detail_names_it(monkeypatch, rng):
    data = video(yuv_frames(rng)[0])
    monkeypatch.setattr("vsd2m.media.decoders.video.find_spec", lambda name: None)
    with pytest.raises(MediaError, match=r"unsupported_format.*pip install '.\[video\]'"):
        decode(data)


def test_a_junk_chunk_is_no_video():
    assert sniff(chunk(b"ftyp", b"isom")) == "mp4"
    assert reason(chunk(b"ftyp", b"isom")) == "truncated"
