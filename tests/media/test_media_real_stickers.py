"""Real stickers, read by us and by readers that share no code with us."""

import io
import subprocess

import numpy as np
import pytest
from PIL import Image

from vsd2m.media.clip import Clip
from vsd2m.media.decode import decode
from vsd2m.media.encode import encode


def visible(frames):
    cleared = frames.copy()
    cleared[cleared[..., 3] == 0] = 0
    return cleared


def coalesced(command, data, shape):
    """What ImageMagick shows, `[T, H, W, 4]`."""
    arguments = [command, "gif:-", "-coalesce", "-depth", "8", "rgba:-"]
    raw = subprocess.run(arguments, input=data, capture_output=True, check=True).stdout
    return visible(np.frombuffer(raw, np.uint8).reshape(-1, *shape[1:]))


def test_every_real_sticker_decodes(real_stickers):
    formats = {}
    for name, data in real_stickers.items():
        clip = decode(data)
        formats[clip.media_format] = formats.get(clip.media_format, 0) + 1
        hidden = clip.frames[clip.frames[..., 3] == 0]
        assert not hidden.any(), name
    assert formats == {"gif": 284, "png": 74, "jpeg": 38, "webp": 6}


def test_frames_and_times_are_pillows(real_stickers):
    for name, data in real_stickers.items():
        clip = decode(data)
        with Image.open(io.BytesIO(data)) as image:
            assert clip.num_frames == getattr(image, "n_frames", 1), name
            if clip.media_format != "gif" or clip.num_frames == 1:
                continue
            for index in range(0, clip.num_frames, 7):
                image.seek(index)
                assert clip.durations_ms[index] == image.info.get("duration", 0), (name, index)


@pytest.mark.parametrize("folder", ["parrot", "bufo", "reaction", "published"])
def test_real_gifs_equal_imagemagick(real_stickers, imagemagick, folder):
    gifs = [(name, data) for name, data in real_stickers.items() if name.startswith(folder) and data[:3] == b"GIF"]
    small = [(name, data) for name, data in gifs if len(data) < 150_000]
    for name, data in small[:: max(1, len(small) // 12)]:
        clip = decode(data)
        np.testing.assert_array_equal(clip.frames, coalesced(imagemagick, data, clip.frames.shape), err_msg=name)


def test_real_webps_equal_vips(real_stickers, vips, tmp_path):
    """libvips composes animations itself."""
    for name, data in real_stickers.items():
        if data[:4] != b"RIFF":
            continue
        source, target = tmp_path / "in.webp", tmp_path / "out.png"
        source.write_bytes(data)
        subprocess.run([vips, "copy", f"{source}[n=-1]", str(target)], check=True)
        clip = decode(data)
        strip = np.asarray(Image.open(target).convert("RGBA")).reshape(clip.frames.shape)
        np.testing.assert_array_equal(clip.frames, visible(strip), err_msg=name)


def test_real_stickers_survive_writing(real_stickers):
    animated = [data for data in real_stickers.values() if data[:3] == b"GIF" and len(data) < 30_000]
    for data in animated[::12]:
        clip = decode(data)
        few = Clip(clip.frames[:6], clip.durations_ms[:6], clip.loop_count, clip.media_format)
        for media_format in ("gif", "apng", "webp"):
            np.testing.assert_array_equal(decode(encode(few, media_format)).frames, few.frames)
