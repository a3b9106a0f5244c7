"""Video files as generators of others write them."""

from fractions import Fraction

import av
import numpy as np
import pytest
from benchmark_builders import write_video

from vsd2m.benchmark.suite import videos
from vsd2m.benchmark.suite.clip_rule import ClipRule
from vsd2m.benchmark.suite.clips import list_folder
from vsd2m.benchmark.suite.videos import read_video
from vsd2m.core.errors import StorageError


def moving_square(num_frames=6, height=32, width=48):
    frames = np.full((num_frames, height, width, 3), (250, 240, 200), np.uint8)
    for number in range(num_frames):
        frames[number, 8:24, 4 * number : 4 * number + 16] = (30, 60, 200)
    return frames


def test_every_frame_comes_once_in_the_order_it_is_shown(tmp_path):
    """Lossless, so that pixels can be compared exactly."""
    frames = moving_square()
    path = write_video(tmp_path / "a.mkv", frames, codec="ffv1", pixels="bgr0")
    np.testing.assert_array_equal(read_video(path).frames, frames)


def test_frames_last_as_long_as_the_file_says(tmp_path):
    """Timestamps that are not even: 100, 700 and 200 ms."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "bgr0"
        stream.codec_context.time_base = Fraction(1, 1000)
        for moment, pixels in zip((0, 100, 800, 1000), moving_square(num_frames=4), strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = moment, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    video = read_video(path)
    assert video.durations_us.tolist() == [100_000, 700_000, 200_000, 200_000]
    (clip,) = list_folder(tmp_path, ClipRule(12, 16))
    shown = [int(np.abs(clip.load().frames[i].astype(int) - clip.load().frames[5]).mean() > 1) for i in range(12)]
    assert shown == [1] + [0] * 7 + [1] * 4


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "mpeg4"), ("a.mp4", "libx264"), ("a.webm", "libvpx-vp9")])
def test_lossy_codecs_with_frames_stored_out_of_order_come_near(tmp_path, name, codec):
    if codec not in av.codecs_available:
        pytest.skip(f"this build of FFmpeg has no {codec}")
    frames = moving_square(num_frames=12)
    options = {"bf": "2"} if codec == "mpeg4" else {}
    found = read_video(write_video(tmp_path / name, frames, codec=codec, pixels="yuv420p", options=options)).frames
    assert found.shape == frames.shape
    errors = [[np.abs(a.astype(int) - b).mean() for b in frames] for a in found]
    assert [int(np.argmin(row)) for row in errors] == list(range(12)) and max(map(min, errors)) < 12


def test_a_folder_of_videos_is_judged_with_its_manifest(tmp_path):
    write_video(tmp_path / "B.MP4", moving_square(), codec="mpeg4", pixels="yuv420p")
    (tmp_path / "manifest.jsonl").write_text('{"file": "B.MP4", "prompt": "a square", "seed": 3}\n\n')
    (clip,) = list_folder(tmp_path)
    judged = clip.load()
    assert (judged.prompt, judged.alpha, judged.frames.shape) == ("a square", None, (6, 32, 48, 3))


def test_a_film_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(videos, "MAX_DECODED_BYTES", 3 * 32 * 48 * 3)
    path = write_video(tmp_path / "a.mkv", moving_square(), codec="ffv1", pixels="bgr0")
    with pytest.raises(StorageError, match=r"a.mkv: more than .* of frames; expected a short clip"):
        read_video(path)


def test_sound_alone_is_no_sticker(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(StorageError, match=r"a.mkv: it has no pictures"):
        read_video(tmp_path / "a.mkv")


@pytest.mark.parametrize("keep", [0, 7, 0.5])
def test_a_damaged_file_is_an_error_and_no_shorter_clip(tmp_path, keep):
    path = write_video(tmp_path / "a.mp4", moving_square(num_frames=12), codec="mpeg4", pixels="yuv420p")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(StorageError, match=r"cannot evaluate .*a.mp4"):
        read_video(path)
