"""JPEG: the markers are walked here, libjpeg-turbo decodes (through Pillow)."""

import io
import re
import struct

import numpy as np
import numpy.typing as npt
from PIL import JpegImagePlugin

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip
from vsd2m.media.decoders.pillow_view import pillow_view
from vsd2m.media.decoders.turns import TURNS

_END, _START = 0xD9, 0xD8
_ORIENTATION, _SHORT = 0x0112, 3
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_STANDALONE = {0x01, _START}
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Skips compressed data with their restarts, padding, and stray bytes."""


def decode_jpeg(data: bytes, meter: Meter) -> Clip:
    """The clip, one frame, turned as its EXIF orientation says; raises `MediaError`."""
    width, height = jpeg_size(data)
    frames = meter.allocate(num_frames=1, width=width, height=height)
    try:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
            if image.size != (width, height):
                raise MediaError("corrupt", f"the JPEG says {width}x{height} pixels, then {image.size}")
            turn = TURNS.get(_orientation(image.info.get("exif", b"")))
            if image.mode == "RGB" and turn is None:
                _read_into(frames[0], data)
            else:
                turned = image if turn is None else image.transpose(turn)
                frames = frames.reshape(1, turned.height, turned.width, 4)
                pillow_view(frames[0], "RGBA").paste(turned.convert("RGBA"))
    except (OSError, SyntaxError, ValueError, KeyError, struct.error) as error:
        raise MediaError("corrupt", f"the JPEG cannot be decoded ({error})") from error
    return Clip(frames, np.zeros(1, np.int32), 1, "jpeg")


def _orientation(exif: bytes) -> int:
    """What EXIF's first directory says, 1 (as it is) where it says nothing or cannot be read.

    Not by `Image.getexif`, which looks into XMP too: browsers do not.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4], "")
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (num_entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for place in range(start + 2, start + 2 + 12 * num_entries, 12):
            tag, kind, num_values, value = struct.unpack_from(f"{order}HHIH", tiff, place)
            if order and (tag, kind, num_values) == (_ORIENTATION, _SHORT, 1):
                return int(value)
    except struct.error:
        pass
    return 1


def _read_into(frame: npt.NDArray[np.uint8], data: bytes) -> None:
    pillow_view(frame, "RGBX").frombytes(data, "jpeg", ("RGBX", ""))
    words = frame.view(np.uint32)
    words |= np.uint32(0xFF000000)


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height, once the whole file has been walked to its end marker; stray bytes between segments are
    skipped, as libjpeg does."""
    size: tuple[int, int] | None = None
    position = 2
    while match := _NEXT_MARKER.search(data, position):
        position, marker = match.start(), match[0][1]
        if marker == _END:
            if size is None:
                raise MediaError("corrupt", "the JPEG holds no image")
            return size
        if marker in _STANDALONE:
            position += 2
            continue
        if position + 4 > len(data):
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker in _FRAMES and position + 9 <= len(data):
            height, width = struct.unpack_from(">HH", data, position + 5)
            size = (width, height)
        position += 2 + max(length, 2)
    raise MediaError("truncated", f"the JPEG ends before its end marker, after {len(data)} bytes")
