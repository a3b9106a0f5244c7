"""WebP, still and animated: the container is checked here, libwebp decodes and composes.

libwebp is Pillow's, called without the copies of `Image.seek`, which cost as much as the decoding.
Where the header says that alpha is not used, stored alpha is ignored: the picture is opaque.

Specification: RFC 9649.
"""

import struct
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import _webp

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip, Frames

_ANIMATION_FLAG = 0x02
_CLEAR_FLAG, _NO_BLEND_FLAG = 0x01, 0x02


class WebpImage(NamedTuple):
    """An `ANMF` chunk. `is_cleared`: its box is cleared afterwards. `flags_position`: offset of its flags."""

    left: int
    top: int
    width: int
    height: int
    duration_ms: int
    is_cleared: bool
    flags_position: int

    @property
    def box(self) -> tuple[slice, slice]:
        return np.s_[self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass
class WebpFile:
    """What the container says. `images` are the frames of an animation. `loop_count`: 0 for endless."""

    width: int = 0
    height: int = 0
    is_animated: bool = False
    loop_count: int = 1
    background: tuple[int, int, int, int] | None = None
    images: list[WebpImage] = field(default_factory=list)
    num_stills: int = 0


def decode_webp(data: bytes, meter: Meter) -> Clip:
    """The clip of a WebP; raises `MediaError` (`truncated`, `corrupt`, or a budget's reason)."""
    webp = parse_webp(data, meter)
    durations_ms = [image.duration_ms for image in webp.images] if webp.is_animated else [0]
    frames = meter.allocate(num_frames=len(durations_ms), width=webp.width, height=webp.height)
    try:
        decoder = _webp.WebPAnimDecoder(data)
        if decoder.get_info()[-1] == "RGBX":
            _draw_opaque(data, webp.images if webp.is_animated else [], frames, meter)
        else:
            for frame in frames:
                meter.check_time()
                canvas = _next_canvas(decoder, frame)
                np.multiply(canvas, canvas > 0x00FFFFFF, out=frame.view("<u4")[..., 0])
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
            _read_chunk(webp, name, data[position + 8 : position + 8 + size], position + 8, meter)
        except (struct.error, IndexError) as error:
            raise MediaError("corrupt", f"chunk {name!r} of the WebP is too short") from error
        position += 8 + size + (size & 1)
    if not (webp.images if webp.is_animated else webp.num_stills):
        raise MediaError("corrupt", "the WebP holds no image")
    return webp


def _read_chunk(webp: WebpFile, name: bytes, body: bytes, start: int, meter: Meter) -> None:
    if name == b"VP8X":
        webp.is_animated = bool(body[0] & _ANIMATION_FLAG)
        webp.width, webp.height = 1 + _uint24(body, 4), 1 + _uint24(body, 7)
    elif name == b"ANIM":
        blue, green, red, alpha, webp.loop_count = struct.unpack_from("<BBBBH", body)
        webp.background = (red, green, blue, alpha)
    elif name == b"ANMF":
        left, top, width, height, duration_ms = (_uint24(body, offset) for offset in range(0, 15, 3))
        is_cleared = bool(body[15] & _CLEAR_FLAG)
        webp.images.append(WebpImage(2 * left, 2 * top, 1 + width, 1 + height, duration_ms, is_cleared, start + 15))
    elif name in (b"VP8 ", b"VP8L"):
        webp.num_stills += 1
        if not webp.width:
            webp.width, webp.height = _vp8_size(body) if name == b"VP8 " else _vp8l_size(body)
    else:
        return
    num_frames = max(1, len(webp.images))
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


def _next_canvas(decoder: Any, frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """What the decoder shows next, `[H, W]` words of RGBA in the size of `frame`."""
    decoded = decoder.get_next()
    if decoded is None or len(decoded[0]) != frame.size:
        raise ValueError("fewer frames than the container holds")
    return np.frombuffer(decoded[0], "<u4").reshape(frame.shape[:2])


def _draw_opaque(data: bytes, images: list[WebpImage], frames: Frames, meter: Meter) -> None:
    """Images replace what they cover, whatever their alpha; what none covers is transparent."""
    unblended = bytearray(data)
    for image in images:
        unblended[image.flags_position] |= _NO_BLEND_FLAG
    decoder = _webp.WebPAnimDecoder(bytes(unblended))
    is_covered = np.full(frames.shape[1:3], not images)
    for index, frame in enumerate(frames):
        meter.check_time()
        if images:
            _cover(is_covered, images[index - 1] if index else None, images[index])
        canvas = _next_canvas(decoder, frame)
        np.multiply(canvas | np.uint32(0xFF000000), is_covered, out=frame.view("<u4")[..., 0])


def _cover(is_covered: npt.NDArray[np.bool_], before: WebpImage | None, image: WebpImage) -> None:
    if before is not None and before.is_cleared:
        is_covered[before.box] = False
    is_covered[image.box] = True
