"""Writers of GIF, APNG and WebP block by block, and compositors that follow the specifications pixel for pixel.

They share no code with the package: the LZW coder below never compresses, the compositors loop.
"""

import io
import struct
import zlib
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

LEAVE_UNSAID, LEAVE, CLEAR, RESTORE = 0, 1, 2, 3


# -- GIF -------------------------------------------------------------------------------------


@dataclass
class GifFrame:
    indices: np.ndarray  # [h, w]
    left: int = 0
    top: int = 0
    delay_cs: int = 5
    disposal: int = LEAVE
    transparent: int | None = None
    palette: np.ndarray | None = None  # [N, 3], local; N a power of two
    interlaced: bool = False
    control: bool = True


@dataclass
class Gif:
    width: int
    height: int
    frames: list[GifFrame]
    palette: np.ndarray | None = None
    background_index: int = 0
    repeats: int | None = 0  # None: no looping extension
    trailer: bytes = b";"
    version: bytes = b"GIF89a"
    comments: list[bytes] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        flags = 0x70 | (0x80 | _size_bits(self.palette) if self.palette is not None else 0)
        parts = [self.version, struct.pack("<HHBBB", self.width, self.height, flags, self.background_index, 0)]
        parts.append(b"" if self.palette is None else self.palette.astype(np.uint8).tobytes())
        if self.repeats is not None:
            parts.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", self.repeats) + b"\0")
        parts += [b"\x21\xfe" + _sub_blocks(comment) for comment in self.comments]
        return b"".join([*parts, *map(gif_frame_bytes, self.frames), self.trailer])

    def compose(self) -> np.ndarray:
        """`[T, H, W, 4]` as browsers show it: what is not drawn, or cleared, is transparent, and the screen grows to
        hold the first image."""
        rows, columns = self.frames[0].indices.shape
        height, width = max(self.height, self.frames[0].top + rows), max(self.width, self.frames[0].left + columns)
        canvas = np.zeros((height, width, 4), np.uint8)
        shown = []
        for frame in self.frames:
            before = canvas.copy()
            palette = self.palette if frame.palette is None else frame.palette
            cells = []
            for (row, column), index in np.ndenumerate(frame.indices):
                y, x = frame.top + row, frame.left + column
                if y >= height or x >= width:
                    continue
                cells.append((y, x))
                if index != frame.transparent:
                    canvas[y, x] = (*palette[index], 255)
            shown.append(canvas.copy())
            if frame.disposal == CLEAR:
                for cell in cells:
                    canvas[cell] = 0
            elif frame.disposal == RESTORE:
                canvas = before
        return np.stack(shown)


def gif_frame_bytes(frame: GifFrame) -> bytes:
    height, width = frame.indices.shape
    flags = frame.disposal << 2 | (frame.transparent is not None)
    control = b"\x21\xf9\x04" + struct.pack("<BHBB", flags, frame.delay_cs, frame.transparent or 0, 0)
    local = 0 if frame.palette is None else 0x80 | _size_bits(frame.palette)
    box = b"," + struct.pack("<HHHHB", frame.left, frame.top, width, height, local | 0x40 * frame.interlaced)
    palette = b"" if frame.palette is None else frame.palette.astype(np.uint8).tobytes()
    rows = interlaced_order(height) if frame.interlaced else range(height)
    data = lzw(np.concatenate([frame.indices[row] for row in rows]))
    return (control if frame.control else b"") + box + palette + data


def interlaced_order(height: int) -> list[int]:
    return [*range(0, height, 8), *range(4, height, 8), *range(2, height, 4), *range(1, height, 2)]


def lzw(indices: np.ndarray) -> bytes:
    """Every index as a 9-bit code; a clear code before the table would need a tenth bit."""
    codes = []
    for position, index in enumerate(indices.tolist()):
        if position % 250 == 0:
            codes.append(256)
        codes.append(index)
    bits = sum(code << 9 * place for place, code in enumerate([*codes, 257]))
    return b"\x08" + _sub_blocks(bits.to_bytes((9 * len(codes) + 9 + 7) // 8, "little"))


def _sub_blocks(data: bytes) -> bytes:
    blocks = (data[start : start + 255] for start in range(0, len(data), 255))
    return b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def _size_bits(palette: np.ndarray) -> int:
    return int(np.log2(len(palette))) - 1


# -- APNG ------------------------------------------------------------------------------------

DISPOSE_NONE, DISPOSE_BACKGROUND, DISPOSE_PREVIOUS = 0, 1, 2
SOURCE, OVER = 0, 1
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass
class ApngFrame:
    pixels: np.ndarray  # [h, w, 4]
    left: int = 0
    top: int = 0
    dispose: int = DISPOSE_NONE
    blend: int = SOURCE
    delay: tuple[int, int] = (1, 10)


@dataclass
class Apng:
    width: int
    height: int
    frames: list[ApngFrame]
    num_plays: int = 0
    hidden_default: np.ndarray | None = None  # a default image that is no frame

    def to_bytes(self) -> bytes:
        chunks = [
            png_header(self.width, self.height),
            chunk(b"acTL", struct.pack(">II", len(self.frames), self.num_plays)),
        ]
        if self.hidden_default is not None:
            chunks.append(chunk(b"IDAT", deflate(self.hidden_default)))
        sequence = 0
        for index, frame in enumerate(self.frames):
            height, width = frame.pixels.shape[:2]
            box = (width, height, frame.left, frame.top)
            chunks.append(
                chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, *box, *frame.delay, frame.dispose, frame.blend))
            )
            sequence += 1
            if index == 0 and self.hidden_default is None:
                chunks.append(chunk(b"IDAT", deflate(frame.pixels)))
                continue
            chunks.append(chunk(b"fdAT", struct.pack(">I", sequence) + deflate(frame.pixels)))
            sequence += 1
        return PNG_SIGNATURE + b"".join([*chunks, chunk(b"IEND", b"")])

    def compose(self) -> np.ndarray:
        """`[T, H, W, 4]` float64, as the specification's formula gives it; colours of invisible pixels are 0."""
        canvas = np.zeros((self.height, self.width, 4))
        shown = []
        for index, frame in enumerate(self.frames):
            before = canvas.copy()
            for row, column in np.ndindex(*frame.pixels.shape[:2]):
                cell = (frame.top + row, frame.left + column)
                source = frame.pixels[row, column].astype(float)
                canvas[cell] = source if frame.blend == SOURCE else _over(source, canvas[cell])
            canvas[np.rint(canvas[..., 3]) == 0] = 0
            canvas = np.rint(canvas)
            shown.append(canvas.copy())
            box = np.s_[frame.top : frame.top + frame.pixels.shape[0], frame.left : frame.left + frame.pixels.shape[1]]
            if frame.dispose == DISPOSE_BACKGROUND or (frame.dispose == DISPOSE_PREVIOUS and index == 0):
                canvas[box] = 0
            elif frame.dispose == DISPOSE_PREVIOUS:
                canvas = before
        return np.stack(shown)


def _over(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    alpha, below = source[3] / 255, target[3] / 255
    total = alpha + below * (1 - alpha)
    if total == 0:
        return np.zeros(4)
    color = (source[:3] * alpha + target[:3] * below * (1 - alpha)) / total
    return np.array([*color, total * 255])


def apples_png(pixels: np.ndarray) -> bytes:
    """As Xcode writes a PNG (`CgBI`) of `[H, W, 3]` or `[H, W, 4]`: raw deflate, BGR, multiplied by alpha."""
    height, width, num_channels = pixels.shape
    stored = pixels[..., [2, 1, 0, 3][:num_channels]].astype(int)
    if num_channels == 4:
        stored[..., :3] = (stored[..., :3] * stored[..., 3:] + 127) // 255
    rows = b""
    for index, row in enumerate(stored):
        filtered = row - stored[index - 1] if index % 2 else row  # every second one by the filter `up`
        rows += bytes([2 * (index % 2)]) + (filtered % 256).astype(np.uint8).tobytes()
    packer = zlib.compressobj(9, wbits=-15)
    data = packer.compress(rows) + packer.flush()
    header = png_header(width, height, color=2 if num_channels == 3 else 6)
    half = len(data) // 2
    parts = [chunk(b"CgBI", b"\x50\0\x20\x02"), header, chunk(b"IDAT", data[:half]), chunk(b"IDAT", data[half:])]
    return PNG_SIGNATURE + b"".join([*parts, chunk(b"IEND", b"")])


def png_header(width: int, height: int, depth: int = 8, color: int = 6) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def deflate(pixels: np.ndarray) -> bytes:
    return deflate_rows([row.tobytes() for row in np.ascontiguousarray(pixels)])


def deflate_rows(rows: list[bytes]) -> bytes:
    return zlib.compress(b"".join(b"\0" + row for row in rows))


# -- WebP ------------------------------------------------------------------------------------


@dataclass
class WebpFrame:
    pixels: np.ndarray  # [h, w, 4]
    left: int = 0  # even
    top: int = 0  # even
    duration_ms: int = 100
    blend: bool = True
    clear: bool = False


@dataclass
class Webp:
    width: int
    height: int
    frames: list[WebpFrame]
    loop_count: int = 0
    uses_alpha: bool = True

    def to_bytes(self) -> bytes:
        canvas = struct.pack("<I", 0x12 if self.uses_alpha else 0x02) + _u24(self.width - 1) + _u24(self.height - 1)
        chunks = [riff_chunk(b"VP8X", canvas), riff_chunk(b"ANIM", struct.pack("<IH", 0xFF00FF00, self.loop_count))]
        for frame in self.frames:
            height, width = frame.pixels.shape[:2]
            box = (frame.left // 2, frame.top // 2, width - 1, height - 1, frame.duration_ms)
            flags = bytes([2 * (not frame.blend) | frame.clear])
            chunks.append(riff_chunk(b"ANMF", b"".join(map(_u24, box)) + flags + vp8l(frame.pixels)))
        return riff(b"".join(chunks))

    def compose(self) -> np.ndarray:
        """`[T, H, W, 4]` float64; a cleared box is transparent, whatever the background colour. Where alpha is not
        used, every pixel of a frame is opaque."""
        canvas = np.zeros((self.height, self.width, 4))
        shown = []
        for frame in self.frames:
            for row, column in np.ndindex(*frame.pixels.shape[:2]):
                cell = (frame.top + row, frame.left + column)
                source = frame.pixels[row, column].astype(float)
                if not self.uses_alpha:
                    source[3] = 255
                canvas[cell] = _over(source, canvas[cell]) if frame.blend else source
            canvas[np.rint(canvas[..., 3]) == 0] = 0
            canvas = np.rint(canvas)
            shown.append(canvas.copy())
            if frame.clear:
                height, width = frame.pixels.shape[:2]
                canvas[frame.top : frame.top + height, frame.left : frame.left + width] = 0
        return np.stack(shown)


def vp8l(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="WEBP", lossless=True, exact=True)
    body = buffer.getvalue()[12:]
    return body if body[:4] == b"VP8L" else body[18:]


def riff(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def riff_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _u24(value: int) -> bytes:
    return value.to_bytes(3, "little")
