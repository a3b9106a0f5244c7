import io
import struct
import warnings

import numpy as np
import pytest
from media_builders import (
    PNG_SIGNATURE,
    Apng,
    ApngFrame,
    Gif,
    GifFrame,
    Webp,
    WebpFrame,
    apples_png,
    chunk,
    png_header,
    riff,
    riff_chunk,
)
from PIL import Image
from video_builders import avif, rgba_frames, video

from vsd2m.core.errors import MediaError
from vsd2m.media.decode import REASONS, DecodeBudget, decode
from vsd2m.media.media_types import sniff

OPAQUE = np.full((4, 6, 4), 255, np.uint8)
PALETTE = np.array([[0, 0, 0], [255, 255, 255]])


def picture(media_format, num_frames=3):
    buffer = io.BytesIO()
    if media_format == "gif":
        return Gif(6, 4, [GifFrame(np.full((4, 6), k % 2)) for k in range(num_frames)], PALETTE).to_bytes()
    if media_format == "apng":
        return Apng(6, 4, [ApngFrame(OPAQUE)] * num_frames).to_bytes()
    if media_format == "webp":
        return Webp(6, 4, [WebpFrame(OPAQUE)] * num_frames).to_bytes()
    if media_format == "cgbi":
        return apples_png(OPAQUE)
    if media_format == "avif":
        return avif([OPAQUE + 60 * k for k in range(num_frames)])
    if media_format in ("webm", "mp4"):
        codec = {"webm": "libvpx-vp9", "mp4": "libx264"}[media_format]
        return video(rgba_frames([OPAQUE] * num_frames, "yuv420p"), container=media_format, codec=codec)
    Image.fromarray(OPAQUE[..., :3]).save(buffer, format=media_format)
    return buffer.getvalue()


FORMATS = ["gif", "apng", "png", "webp", "jpeg", "cgbi", "avif", "webm", "mp4"]
ANIMATED = ["gif", "apng", "webp", "avif", "webm", "mp4"]


def reason_of(data, budget=None):
    with pytest.raises(MediaError) as caught:
        decode(data, budget or DecodeBudget())
    assert caught.value.reason in REASONS
    return caught.value.reason


@pytest.mark.parametrize("media_format", FORMATS)
def test_the_content_decides_the_format(media_format):
    data = picture(media_format)
    assert sniff(data) == media_format
    clip = decode(data)
    assert clip.media_format == media_format
    assert clip.frames.shape == ((3 if media_format in ANIMATED else 1), 4, 6, 4)
    assert clip.frames.dtype == np.uint8
    assert clip.durations_ms.dtype == np.int32


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!doctype html><title>Not found</title>",
        b"<!-- page --><html><body><svg></svg></body></html>",
        b"\0" * 100,
        b"GIF88a" + bytes(50),
        b"RIFF",
    ],
)
def test_what_is_no_picture_says_so(data):
    expected = "truncated" if data == b"RIFF" else "not_an_image"
    assert reason_of(data) == expected


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"BM" + bytes(60), "bmp"),
        (b"\x1a\x45\xdf\xa3" + bytes(20), "matroska"),
        (b"\x1f\x8b\x08" + bytes(20), "gzip"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"avif" * 5, "heic"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(20), "quicktime"),
        (b"PK\x03\x04" + bytes(26) + b"word/document.xml", "zip"),
        (b"qoif" + bytes(30), "qoi"),
        (b"\0\0\x02\0\x01\0" + bytes(30), "cur"),
    ],
)
def test_other_formats_are_named(data, name):
    with pytest.raises(MediaError, match=name) as caught:
        decode(data)
    assert caught.value.reason == "unsupported_format"


@pytest.mark.parametrize("media_format", FORMATS)
@pytest.mark.parametrize(
    ("limit", "reason"),
    [("max_pixels", "too_many_pixels"), ("max_decoded_bytes", "too_many_bytes"), ("max_file_bytes", "too_many_bytes")],
)
def test_limits_are_inclusive_and_reported(media_format, limit, reason):
    data = picture(media_format)
    num_frames = 3 if media_format in ANIMATED else 1
    exact = {"max_pixels": 24, "max_decoded_bytes": num_frames * 96, "max_file_bytes": len(data)}[limit]
    assert decode(data, DecodeBudget(**{limit: exact})).width == 6
    with pytest.raises(MediaError) as caught:
        decode(data, DecodeBudget(**{limit: exact - 1}))
    assert caught.value.reason == reason
    assert caught.value.limit == exact - 1
    assert caught.value.value > exact - 1


@pytest.mark.parametrize("media_format", ANIMATED)
def test_the_number_of_frames_is_limited(media_format):
    data = picture(media_format)
    assert decode(data, DecodeBudget(max_frames=3)).num_frames == 3
    assert reason_of(data, DecodeBudget(max_frames=2)) == "too_many_frames"


@pytest.mark.parametrize("media_format", ANIMATED)
def test_the_clock_is_looked_at_between_frames(media_format):
    assert reason_of(picture(media_format), DecodeBudget(max_seconds=0.0)) == "too_slow"


def bombs():
    """Small files that claim, or would become, gigabytes."""
    side = 60_000
    huge_gif = (
        b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0xF0, 0, 0) + bytes(6) + b",\0\0\0\0\1\0\1\0\0\2\2\x4c\1\0;"
    )
    huge_image = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
    deep = chunk(b"IDAT", b"\x78\x9c" + bytes(100)) + chunk(b"IEND", b"")
    many = chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
    wide_webp = riff(riff_chunk(b"VP8X", struct.pack("<I", 2) + b"\xff\xff\xff" * 2) + riff_chunk(b"ANMF", bytes(40)))
    lossless = riff(riff_chunk(b"VP8L", b"\x2f" + struct.pack("<I", 0x0FFFFFFF) + bytes(40)))
    jpeg = picture("jpeg")
    start = jpeg.index(b"\xff\xc0") + 5
    small = b"\x21\xf9\x04\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2\x4c\1\0"
    long_gif = b"GIF89a" + struct.pack("<HHBBB", 1000, 1000, 0xF0, 0, 0) + bytes(6) + small * 5000 + b";"
    return {
        "gif screen": (huge_gif, "too_many_pixels"),
        "gif image": (huge_image + b"\2\2\x4c\1\0;", "too_many_pixels"),
        "gif frames": (long_gif, "too_many_bytes"),
        "png": (PNG_SIGNATURE + png_header(side, side) + deep, "too_many_pixels"),
        "apng frames": (PNG_SIGNATURE + png_header(9, 9) + many + deep, "too_many_frames"),
        "webp canvas": (wide_webp, "too_many_pixels"),
        "webp still": (lossless, "too_many_pixels"),
        "jpeg": (jpeg[:start] + struct.pack(">HH", side, side) + jpeg[start + 4 :], "too_many_pixels"),
    }


@pytest.mark.parametrize("name", bombs())
def test_bombs_are_refused_from_their_headers_without_a_warning(name):
    data, reason = bombs()[name]
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reason_of(data) == reason
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("media_format", FORMATS)
def test_pillows_own_limit_plays_no_part(media_format, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    assert decode(picture(media_format)).width == 6


@pytest.mark.parametrize("media_format", FORMATS)
def test_mutated_files_give_a_clip_or_a_reason(media_format, rng):
    original = np.frombuffer(picture(media_format), np.uint8)
    budget = DecodeBudget(max_pixels=10_000, max_decoded_bytes=1 << 20)
    for _ in range(300):
        data = original.copy()
        where = rng.integers(0, len(data), rng.integers(1, 6))
        data[where] = rng.integers(0, 256, len(where))
        try:
            decode(data.tobytes(), budget)
        except MediaError as error:
            assert error.reason in REASONS
