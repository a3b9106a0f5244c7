"""JPEG: the markers are walked here, libjpeg-turbo decodes (through Pillow)."""

import io
import re
import struct

import numpy as np
import numpy.typing as npt
from PIL import ImageOps, JpegImagePlugin

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip
from vsd2m.media.pillow_view import pillow_view

_END, _SCAN, _START = 0xD9, 0xDA, 0xD8
_ORIENTATION = 0x0112  # of EXIF
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def decode_jpeg(data: bytes, meter: Meter) -> Clip:
    """The clip, one frame, turned as its EXIF orientation says; raises `MediaError`."""
    width, height = jpeg_size(data)
    frames = meter.allocate(num_frames=1, width=width, height=height)
    try:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
            if image.size != (width, height):
                raise MediaError("corrupt", f"the JPEG says {width}x{height} pixels, then {image.size}")
            if image.mode == "RGB" and image.getexif().get(_ORIENTATION, 1) == 1:
                _read_into(frames[0], data)
            else:
                ImageOps.exif_transpose(image, in_place=True)
                frames = frames.reshape(1, image.height, image.width, 4)
                pillow_view(frames[0], "RGBA").paste(image.convert("RGBA"))
    except (OSError, SyntaxError, ValueError, KeyError, struct.error) as error:
        raise MediaError("corrupt", f"the JPEG cannot be decoded ({error})") from error
    return Clip(frames, np.zeros(1, np.int32), 1, "jpeg")


def _read_into(frame: npt.NDArray[np.uint8], data: bytes) -> None:
    pillow_view(frame, "RGBX").frombytes(data, "jpeg", ("RGBX", ""))
    words = frame.view(np.uint32)
    words |= np.uint32(0xFF000000)


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height, once the whole file has been walked to its end marker."""
    size: tuple[int, int] | None = None
    position = 2
    while position + 4 <= len(data) or data[position : position + 2] == b"\xff\xd9":
        if data[position] != 0xFF:
            raise MediaError("corrupt", f"byte {position} of the JPEG starts no marker")
        marker = data[position + 1]
        if marker == _END:
            if size is None:
                raise MediaError("corrupt", "the JPEG holds no image")
            return size
        if marker == 0xFF:
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker in _FRAMES and position + 9 <= len(data):
            height, width = struct.unpack_from(">HH", data, position + 5)
            size = (width, height)
        position += 2 + max(length, 2)
        if marker == _SCAN:
            found = _NEXT_MARKER.search(data, position)
            if found is None:
                break
            position = found.start()
    raise MediaError("truncated", f"the JPEG ends before its end marker, after {len(data)} bytes")
