"""PNG and APNG: chunks and composition are read and done here, inflating and unfiltering are Pillow's.

Specification: PNG, third edition (W3C 2025), which includes APNG. Apple's variant (`CgBI`, made for iPhones by Xcode)
is not specified: its data are deflated without the frame of zlib, its colours are BGR and multiplied by alpha.
"""

import struct
import zlib
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip, Frames, clear_hidden
from vsd2m.media.decoders.pillow_view import pillow_view
from vsd2m.media.decoders.premultiplied import to_straight_rgba
from vsd2m.media.media_types import PNG_SIGNATURE

_GRAY, _RGB, _PALETTE, _GRAY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_DISPOSE_BACKGROUND, _DISPOSE_PREVIOUS = 1, 2
_BLEND_OVER = 1
_CHECKED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"acTL", b"fcTL", b"fdAT")

# (bit depth, colour type) -> Pillow's mode and raw mode
_MODES = {
    (1, _GRAY): ("1", "1"), (2, _GRAY): ("L", "L;2"), (4, _GRAY): ("L", "L;4"), (8, _GRAY): ("L", "L"),
    (16, _GRAY): ("I;16", "I;16B"), (8, _RGB): ("RGB", "RGB"), (16, _RGB): ("RGB", "RGB;16B"),
    (1, _PALETTE): ("P", "P;1"), (2, _PALETTE): ("P", "P;2"), (4, _PALETTE): ("P", "P;4"), (8, _PALETTE): ("P", "P"),
    (8, _GRAY_ALPHA): ("LA", "LA"), (16, _GRAY_ALPHA): ("RGBA", "LA;16B"),
    (8, _RGBA): ("RGBA", "RGBA"), (16, _RGBA): ("RGBA", "RGBA;16B"),
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """The `IHDR` chunk, with the palette and the transparency that hold for every frame."""

    width: int
    height: int
    bit_depth: int
    color_type: int
    interlaced: bool
    is_apples: bool = False
    palette: bytes = b""
    transparency: bytes | None = None


@dataclass
class Frame:
    """A `fcTL` chunk and the compressed data that follow it; for a still, the default image."""

    width: int
    height: int
    left: int = 0
    top: int = 0
    delay_ms: int = 0
    dispose: int = 0
    blend: int = 0
    data: list[bytes] = field(default_factory=list)


@dataclass(frozen=True)
class PngFile:
    """`frames` are the animation's, or the one default image of a still."""

    header: Header
    frames: tuple[Frame, ...]
    loop_count: int
    is_animated: bool
    faults: tuple[str, ...] = ()


def decode_png(data: bytes, meter: Meter) -> Clip:
    """The clip of a PNG or APNG; raises `MediaError` (`truncated`, `corrupt`, or a budget's reason)."""
    png = parse_png(data, meter)
    header = png.header
    frames = meter.allocate(num_frames=len(png.frames), width=header.width, height=header.height)
    if png.is_animated:
        _compose(png, frames, meter)
    else:
        pillow_view(frames[0], "RGBA").paste(_image(png.frames[0], header))
        if header.is_apples and header.color_type in (_RGB, _RGBA):
            to_straight_rgba(frames[0])
        elif header.transparency is not None or header.color_type in (_GRAY_ALPHA, _RGBA):
            clear_hidden(frames[0])
    durations = np.array([frame.delay_ms for frame in png.frames], np.int32)
    media_format = "apng" if png.is_animated else "cgbi" if header.is_apples else "png"
    return Clip(frames, durations, png.loop_count, media_format, faults=png.faults)


def parse_png(data: bytes, meter: Meter) -> PngFile:
    """The chunks of a PNG or APNG, nothing inflated."""
    parser = _Parser(meter)
    position = len(PNG_SIGNATURE)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            break
        body = data[position + 8 : end - 4]
        if name in _CHECKED and zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(data[end - 4 : end], "big"):
            raise MediaError("corrupt", f"the checksum of chunk {name.decode()} at byte {position} is wrong")
        if name == b"IEND":
            return parser.finish()
        parser.read(name, body)
        position = end
    raise MediaError("truncated", f"the PNG ends before its IEND chunk, after {len(data)} bytes")


class _Parser:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._header: Header | None = None
        self._default: Frame | None = None
        self._frames: list[Frame] = []
        self._control: tuple[int, int] | None = None
        self._is_apples = False
        self._sequence_number = 0
        self._faults: list[str] = []

    def read(self, name: bytes, body: bytes) -> None:
        if self._header is None:
            if name == b"CgBI":
                self._is_apples = True
                return
            if name != b"IHDR":
                raise MediaError("corrupt", "the PNG does not begin with its header")
            self._header = self._read_header(body)
            return
        try:
            self._read_chunk(name, body, self._header)
        except struct.error as error:
            raise MediaError("corrupt", f"chunk {name.decode()} is too short") from error

    def finish(self) -> PngFile:
        if self._header is None or self._default is None:
            raise MediaError("corrupt", "the PNG holds no image data")
        if self._control is None:
            return PngFile(self._header, (self._default,), 1, is_animated=False)
        announced, loop_count = self._control
        if self._frames and not self._frames[-1].data:  # a frame without data, or whose data are out of order
            self._frames.pop()
        if announced != len(self._frames):
            self._faults.append(f"the APNG announces {announced} frames and holds {len(self._frames)} in order")
        frames, faults = tuple(self._frames[:announced]), tuple(self._faults)
        if not frames or not all(frame.data for frame in frames):
            still = Frame(self._header.width, self._header.height, data=self._default.data)
            return PngFile(self._header, (still,), 1, is_animated=False, faults=faults)
        return PngFile(self._header, frames, loop_count, is_animated=True, faults=faults)

    def _read_header(self, body: bytes) -> Header:
        if len(body) != 13:
            raise MediaError("corrupt", "the PNG's header has a wrong length")
        width, height, depth, color, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
        if (depth, color) not in _MODES or compression or filtering or interlace > 1:
            raise MediaError("corrupt", f"no PNG has bit depth {depth}, colour type {color}, interlacing {interlace}")
        if self._is_apples and depth == 16:
            raise MediaError("unsupported_format", "Apple's PNG (CgBI) with 16 bits a channel is not decoded")
        self._meter.check_header(num_frames=1, width=width, height=height)
        return Header(width, height, depth, color, bool(interlace), self._is_apples)

    def _read_chunk(self, name: bytes, body: bytes, header: Header) -> None:
        if name == b"PLTE":
            self._header = replace(header, palette=body)
        elif name == b"tRNS":
            self._header = replace(header, transparency=body)
        elif name == b"acTL" and self._default is None and not self._is_apples:
            self._read_animation_control(*struct.unpack(">II", body))
        elif name == b"fcTL" and self._control is not None:
            if self._is_in_order(body):
                self._read_frame_control(body, header)
        elif name == b"IDAT":
            self._read_default(body, header)
        elif name == b"fdAT" and self._frames:
            self._read_frame_data(body)

    def _is_in_order(self, body: bytes) -> bool:
        """Whether an animation chunk has the expected sequence number. After the first wrong one, no chunk is read."""
        (number,) = struct.unpack_from(">I", body)
        if not self._faults and number != self._sequence_number:
            fault = f"an APNG chunk has the sequence number {number} where {self._sequence_number} is due"
            self._faults.append(fault)
        self._sequence_number += 1
        return not self._faults

    def _read_animation_control(self, num_frames: int, loop_count: int) -> None:
        assert self._header is not None
        self._meter.check_header(num_frames=max(num_frames, 1), width=self._header.width, height=self._header.height)
        self._control = (num_frames, loop_count)

    def _read_frame_control(self, body: bytes, header: Header) -> None:
        _, width, height, left, top, num, den, dispose, blend = struct.unpack(">IIIIIHHBB", body)
        inside = left + width <= header.width and top + height <= header.height
        if not (width and height and inside) or dispose > _DISPOSE_PREVIOUS or blend > _BLEND_OVER:
            raise MediaError("corrupt", f"frame {len(self._frames)} of the APNG lies outside of the picture")
        delay_ms = (2000 * num + (den or 100)) // (2 * (den or 100))
        self._meter.check_header(num_frames=len(self._frames) + 1, width=header.width, height=header.height)
        self._frames.append(Frame(width, height, left, top, delay_ms, dispose, blend))

    def _read_frame_data(self, body: bytes) -> None:
        was_in_order = not self._faults
        if self._is_in_order(body):
            self._frames[-1].data.append(body[4:])
        elif was_in_order and self._frames[-1] is not self._default:
            self._frames[-1].data.clear()  # the data before are incomplete

    def _read_default(self, body: bytes, header: Header) -> None:
        """The default image is the first frame if a frame control comes before it."""
        if self._default is None:
            self._default = self._frames[0] if self._frames else Frame(header.width, header.height)
        self._default.data.append(body)


def _compose(png: PngFile, frames: Frames, meter: Meter) -> None:
    canvas = np.zeros(frames.shape[1:], np.uint8)
    for index, frame in enumerate(png.frames):
        meter.check_time()
        region = canvas[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
        before = region.copy() if frame.dispose == _DISPOSE_PREVIOUS else None
        pixels = _pixels(frame, png.header)
        region[...] = over(pixels, region) if frame.blend == _BLEND_OVER else pixels
        clear_hidden(region)
        frames[index] = canvas
        if frame.dispose == _DISPOSE_BACKGROUND:
            region[...] = 0
        elif before is not None:
            region[...] = before


def over(source: npt.NDArray[np.uint8], target: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Straight-alpha `source` over `target` (both `[H, W, 4]`), rounded to nearest."""
    alpha = source[..., 3]
    if alpha.min() == 255:
        return source
    binary = (alpha == 0) | (alpha == 255)
    if binary.all():
        return np.where(alpha[..., None] == 255, source, target)
    opacity = alpha.astype(np.uint32) * 255
    behind = target[..., 3].astype(np.uint32) * (255 - alpha)
    total = np.maximum(opacity + behind, 1)
    color = source[..., :3] * opacity[..., None] + target[..., :3] * behind[..., None]
    blended = np.empty_like(source)
    blended[..., :3] = (2 * color + total[..., None]) // (2 * total[..., None])
    blended[..., 3] = (2 * (opacity + behind) + 255) // 510
    return blended


def _pixels(frame: Frame, header: Header) -> npt.NDArray[np.uint8]:
    """RGBA `[H, W, 4]` of one frame, before composition."""
    return np.asarray(_image(frame, header))


def _image(frame: Frame, header: Header) -> Image.Image:
    """The same as Pillow's picture."""
    mode, raw_mode = _MODES[header.bit_depth, header.color_type]
    image = _inflate(frame, mode, raw_mode, header)
    if header.color_type == _PALETTE:
        image.putpalette(_palette(header), "RGBA")
    elif header.transparency is not None and header.color_type in (_GRAY, _RGB):
        return Image.fromarray(_with_color_key(frame, image, header))
    elif mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image if image.mode == "RGBA" else image.convert("RGBA")


def _inflate(frame: Frame, mode: str, raw_mode: str, header: Header) -> Image.Image:
    try:
        return Image.frombytes(
            mode, (frame.width, frame.height), _zlib_data(frame, header), "zip", (raw_mode, int(header.interlaced))
        )
    except (ValueError, OSError, zlib.error) as error:
        raise MediaError("corrupt", f"the PNG's image data cannot be inflated ({error})") from error


def _zlib_data(frame: Frame, header: Header) -> bytes:
    data = b"".join(frame.data)
    if not header.is_apples:
        return data
    row_bytes = 1 + 4 * header.width
    most_bytes = 2 * row_bytes * (header.height + 8)  # interlacing adds less than a half
    return zlib.compress(zlib.decompressobj(wbits=-15).decompress(data, most_bytes), 0)


def _palette(header: Header) -> bytes:
    """256 times RGBA; indices past the palette are opaque black."""
    table = np.zeros((256, 4), np.uint8)
    table[:, 3] = 255
    colors = np.frombuffer(header.palette[: 3 * (len(header.palette) // 3)][:768], np.uint8).reshape(-1, 3)
    table[: len(colors), :3] = colors
    alpha = np.frombuffer((header.transparency or b"")[:256], np.uint8)
    table[: len(alpha), 3] = alpha
    return table.tobytes()


def _with_color_key(frame: Frame, image: Image.Image, header: Header) -> npt.NDArray[np.uint8]:
    """The one colour that `tRNS` names becomes transparent, compared at the file's full bit depth."""
    num_samples = 1 if header.color_type == _GRAY else 3
    if len(header.transparency or b"") != 2 * num_samples:
        raise MediaError("corrupt", "the PNG's tRNS chunk has a wrong length")
    used_bits = (1 << header.bit_depth) - 1  # the other bits are ignored
    key = np.array(struct.unpack(f">{num_samples}H", header.transparency or b"")) & used_bits
    samples = np.asarray(image.convert("L") if image.mode == "1" else image).astype(np.uint16)
    if header.bit_depth == 16 and header.color_type == _RGB:
        low = _inflate(frame, "RGB", "RGB;16L", header)
        samples = samples << 8 | np.asarray(low)
    scale = {1: 255, 2: 85, 4: 17}.get(header.bit_depth, 1)
    is_key = (samples.reshape(*samples.shape[:2], num_samples) == key * scale).all(axis=-1)
    gray_or_rgb = (samples >> 8 if header.bit_depth == 16 else samples).astype(np.uint8)
    pixels = np.array(Image.fromarray(gray_or_rgb).convert("RGBA"))
    pixels[is_key] = 0
    return pixels
