"""WebP, still and animated: the container is checked here, libwebp decodes and composes.

libwebp is Pillow's, called without the copies of `Image.seek`, which cost as much as the decoding.

Specification: RFC 9649.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import _webp

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip

_ANIMATION_FLAG = 0x02


@dataclass
class WebpFile:
    """What the container says. `durations_ms` is empty for a still. `loop_count`: 0 for ever."""

    width: int = 0
    height: int = 0
    is_animated: bool = False
    loop_count: int = 1
    background: tuple[int, int, int, int] | None = None
    durations_ms: list[int] = field(default_factory=list)
    num_images: int = 0


def decode_webp(data: bytes, meter: Meter) -> Clip:
    """The clip of a WebP; raises `MediaError` (`truncated`, `corrupt`, or a budget's reason)."""
    webp = parse_webp(data, meter)
    durations_ms = webp.durations_ms if webp.is_animated else [0]
    frames = meter.allocate(num_frames=len(durations_ms), width=webp.width, height=webp.height)
    try:
        decoder = _webp.WebPAnimDecoder(data)
        for frame in frames:
            meter.check_time()
            _draw_next(decoder, frame)
    except (OSError, ValueError) as error:
        raise MediaError("corrupt", f"the WebP cannot be decoded ({error})") from error
    return Clip(frames, np.array(durations_ms, np.int32), webp.loop_count, "webp", webp.background)


def parse_webp(data: bytes, meter: Meter) -> WebpFile:
    """The container's chunks, nothing decompressed."""
    (riff_size,) = struct.unpack_from("<I", data, 4)
    if riff_size + 8 > len(data):
        raise MediaError("truncated", f"the WebP has {len(data)} of {riff_size + 8} bytes")
    webp = WebpFile()
    position, end = 12, riff_size + 8
    while position + 8 <= end:
        name, size = struct.unpack_from("<4sI", data, position)
        if position + 8 + size > end:
            raise MediaError("corrupt", f"chunk {name!r} of the WebP is longer than the file")
        try:
            _read_chunk(webp, name, data[position + 8 : position + 8 + size], meter)
        except (struct.error, IndexError) as error:
            raise MediaError("corrupt", f"chunk {name!r} of the WebP is too short") from error
        position += 8 + size + (size & 1)
    if not (webp.durations_ms if webp.is_animated else webp.num_images):
        raise MediaError("corrupt", "the WebP holds no image")
    return webp


def _read_chunk(webp: WebpFile, name: bytes, body: bytes, meter: Meter) -> None:
    if name == b"VP8X":
        webp.is_animated = bool(body[0] & _ANIMATION_FLAG)
        webp.width, webp.height = 1 + _uint24(body, 4), 1 + _uint24(body, 7)
    elif name == b"ANIM":
        blue, green, red, alpha, webp.loop_count = struct.unpack_from("<BBBBH", body)
        webp.background = (red, green, blue, alpha)
    elif name == b"ANMF":
        webp.durations_ms.append(_uint24(body, 12))
    elif name in (b"VP8 ", b"VP8L"):
        webp.num_images += 1
        if not webp.width:
            webp.width, webp.height = _vp8_size(body) if name == b"VP8 " else _vp8l_size(body)
    else:
        return
    num_frames = max(1, len(webp.durations_ms))
    meter.check_header(num_frames=num_frames, width=max(webp.width, 1), height=max(webp.height, 1))


def _uint24(body: bytes, offset: int) -> int:
    if len(body) < offset + 3:
        raise IndexError
    return int.from_bytes(body[offset : offset + 3], "little")


def _vp8_size(body: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF


def _vp8l_size(body: bytes) -> tuple[int, int]:
    (bits,) = struct.unpack_from("<I", body, 1)
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)


def _draw_next(decoder: Any, frame: npt.NDArray[np.uint8]) -> None:
    """Copies the decoder's canvas into `frame`, fully transparent pixels set to 0."""
    decoded = decoder.get_next()
    if decoded is None or len(decoded[0]) != frame.size:
        raise ValueError("fewer frames than the container holds")
    canvas = np.frombuffer(decoded[0], "<u4")
    np.multiply(canvas, canvas > 0x00FFFFFF, out=frame.reshape(-1).view("<u4"))
