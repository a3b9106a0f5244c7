import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from vsd2m.core.errors import MediaError
from vsd2m.media.decode import decode


def photograph(rng, size=(40, 30), mode="RGB"):
    noise = Image.fromarray(rng.integers(0, 256, (5, 6, 3)).astype(np.uint8))
    return noise.resize(size, Image.Resampling.BICUBIC).convert(mode)


def jpeg(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_every_kind_of_jpeg_reads_like_pillow(rng, mode, progressive):
    data = jpeg(photograph(rng, mode=mode), progressive=progressive)
    clip = decode(data)
    np.testing.assert_array_equal(clip.frames[0], np.array(Image.open(io.BytesIO(data)).convert("RGBA")))
    assert (clip.media_format, clip.num_frames) == ("jpeg", 1)


def test_the_exif_orientation_is_obeyed(rng):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    plain, turned = (decode(jpeg(photograph(rng.spawn(1)[0]), quality=90, **extra)) for extra in ({}, {"exif": exif}))
    assert (turned.width, turned.height) == (30, 40)
    assert plain.frames.shape[1:3] == (30, 40)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_what_pillow_makes_of_it(rng, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = jpeg(photograph(rng), exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode(data).frames[0], np.array(expected.convert("RGBA")))


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_orientation_is_read_in_both_byte_orders(rng, order):
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, 6, 0)
    tiff = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, 1) + entry + bytes(4)
    assert decode(jpeg(photograph(rng), exif=b"Exif\0\0" + tiff)).frames.shape[1:3] == (40, 30)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")  # of Pillow, when it opens the file
@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\x09\0"])
def test_exif_that_cannot_be_read_turns_nothing(rng, exif):
    assert decode(jpeg(photograph(rng), exif=exif)).frames.shape[1:3] == (30, 40)


@pytest.mark.parametrize("with_exif", [False, True])
def test_an_orientation_in_xmp_alone_turns_nothing(rng, with_exif):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    exif = Image.Exif()
    exif[0x011A] = 72.0  # a resolution makes Pillow read the orientation when it opens the file
    data = jpeg(photograph(rng), xmp=xmp, **({"exif": exif} if with_exif else {}))
    assert Image.open(io.BytesIO(data)).getexif()[0x0112] == 6
    assert decode(data).frames.shape[1:3] == (30, 40)


def segments(data):
    """Where the segments from the second one to the scan start."""
    places = [2]
    while data[places[-1] + 1] != 0xDA:
        places.append(places[-1] + 2 + int.from_bytes(data[places[-1] + 2 : places[-1] + 4], "big"))
    return places[1:]


@pytest.mark.parametrize("stray", [b"\0\0\0", b"junk", b"\xff\0", b"\xff" * 5, b"\xff\xd3", b"\n"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_stray_bytes_between_segments_are_skipped(rng, stray, mode):
    data = jpeg(photograph(rng, mode=mode))
    expected = decode(data).frames
    for place in segments(data):
        np.testing.assert_array_equal(decode(data[:place] + stray + data[place:]).frames, expected)
    np.testing.assert_array_equal(decode(data[:-2] + stray + data[-2:]).frames, expected)


def test_what_is_cut_after_stray_bytes_is_truncated(rng):
    data = jpeg(photograph(rng))
    place = segments(data)[3]
    for cut in (place, place + 1, len(data) - 2):
        with pytest.raises(MediaError) as caught:
            decode(data[:place] + b"junk" + data[place:cut])
        assert caught.value.reason == "truncated"


@pytest.mark.parametrize("progressive", [False, True])
def test_cutting_a_jpeg_anywhere_is_truncation(rng, progressive):
    data = jpeg(photograph(rng), progressive=progressive, optimize=True)
    for length in range(1, len(data)):
        with pytest.raises(MediaError) as caught:
            decode(data[:length])
        assert caught.value.reason == "truncated", length


def test_the_end_marker_of_a_thumbnail_does_not_count(rng):
    exif = b"Exif\0\0" + jpeg(photograph(rng, (8, 8)))
    data = jpeg(photograph(rng), exif=exif)
    assert decode(data).num_frames == 1
    with pytest.raises(MediaError) as caught:
        decode(data[: len(exif) + 300])
    assert caught.value.reason == "truncated"


def test_junk_after_the_end_is_forgiven(rng):
    assert decode(jpeg(photograph(rng)) + b"\0\0junk").num_frames == 1


def test_a_restarted_scan_is_walked_over(rng):
    data = jpeg(photograph(rng), restart_marker_blocks=1)
    assert b"\xff\xd0" in data
    assert decode(data).num_frames == 1


@pytest.mark.parametrize("size", [(1, 1), (400, 300)])
def test_a_second_frame_header_with_another_size_is_corrupt(rng, size):
    data = jpeg(photograph(rng))
    place = data.index(b"\xff\xc0")
    header = bytearray(data[place : place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")])
    header[5:9] = size[0].to_bytes(2, "big") + size[1].to_bytes(2, "big")
    with pytest.raises(MediaError, match="corrupt"):
        decode(data[:-2] + bytes(header) + data[-2:])
