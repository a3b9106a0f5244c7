"""GIF: the blocks are read and the frames composed here, as browsers do; `gif_pixels` decompresses.

What is not drawn, and what is disposed of, is transparent. The screen grows to hold the first image; later ones are
clipped at its edge.
Specification: GIF89a, CompuServe 1990.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip, Frames

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_GRAPHIC_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPING_APPLICATIONS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
_PIXELS_AT_ONCE = 1 << 21
"""Pixels drawn between two checks of the time limit: a few milliseconds of work."""


class GifImage(NamedTuple):
    """An image block and the graphic control before it. `data`: the LZW code size and the sub-blocks, terminated."""

    left: int
    top: int
    width: int
    height: int
    interlaced: bool
    palette: bytes
    data: bytes
    delay_ms: int
    disposal: int
    transparent_index: int | None


@dataclass(frozen=True)
class GifFile:
    """The blocks of a GIF. `loop_count` is the number of times it plays, 0 for endless."""

    width: int
    height: int
    images: tuple[GifImage, ...]
    loop_count: int
    background: tuple[int, int, int, int] | None
    faults: tuple[str, ...] = ()


def decode_gif(data: bytes, meter: Meter) -> Clip:
    """The clip of a GIF; raises `MediaError` (`truncated`, `corrupt`, or a budget's reason)."""
    gif = parse_gif(data, meter)
    frames = meter.allocate(num_frames=len(gif.images), width=gif.width, height=gif.height)
    _draw(gif, frames, meter)
    durations = np.array([image.delay_ms for image in gif.images], np.int32)
    return Clip(frames, durations, gif.loop_count, "gif", gif.background, gif.faults)


def parse_gif(data: bytes, meter: Meter) -> GifFile:
    """The blocks of a GIF, nothing decompressed. Reading stops as soon as a limit is passed."""
    try:
        return _Parser(data, meter).parse()
    except (IndexError, struct.error) as error:
        raise MediaError("truncated", f"the GIF ends within a block, after {len(data)} bytes") from error


class _Parser:
    """Walks the blocks. Running off the end raises `IndexError` or `struct.error`."""

    def __init__(self, data: bytes, meter: Meter) -> None:
        self._data = data
        self._meter = meter
        self._position = 0
        self._images: list[GifImage] = []
        self._control: bytes | None = None
        self._loop_count = 1
        self._faults: tuple[str, ...] = ()

    def parse(self) -> GifFile:
        width, height, flags, background_index = struct.unpack_from("<HHBB", self._data, 6)
        self._position = 13
        self._global_palette = self._take_palette(flags)
        self._size = (width, height)
        has_trailer = self._read_blocks()
        if self._control is not None and not has_trailer:  # before a trailer it is a leftover, and harmless
            raise MediaError("truncated", "the GIF ends before the frame its last control block announces")
        if not self._images:
            raise MediaError("corrupt" if has_trailer else "truncated", "the GIF holds no image")
        background = self._background(background_index)
        return GifFile(*self._size, tuple(self._images), self._loop_count, background, self._faults)

    def _read_blocks(self) -> bool:
        """Whether the blocks end with a trailer, or with bytes at which browsers stop; False at the end of the file."""
        while self._position < len(self._data):
            kind = self._data[self._position]
            self._position += 1
            if kind == _TRAILER:
                return True
            if kind == _IMAGE:
                self._read_image()
            elif kind == _EXTENSION:
                self._read_extension()
            elif kind != 0:  # stray terminators are harmless and common
                fault = f"byte {self._position - 1} of the GIF starts no block ({kind:#04x})"
                if not self._images:
                    raise MediaError("corrupt", fault)
                self._faults = (f"{fault}; {len(self._images)} frames come before it",)
                return True
        return False

    def _background(self, index: int) -> tuple[int, int, int, int] | None:
        color = self._global_palette[3 * index : 3 * index + 3]
        return (color[0], color[1], color[2], 255) if len(color) == 3 else None

    def _take_palette(self, flags: int) -> bytes:
        if not flags & 0x80:
            return b""
        num_bytes = 3 << ((flags & 7) + 1)
        return self._take(num_bytes)

    def _take(self, num_bytes: int) -> bytes:
        end = self._position + num_bytes
        if end > len(self._data):
            raise IndexError
        chunk = self._data[self._position : end]
        self._position = end
        return chunk

    def _skip_sub_blocks(self) -> None:
        data, position = self._data, self._position
        while size := data[position]:
            position += size + 1
        self._position = position + 1

    def _read_extension(self) -> None:
        label = self._data[self._position]
        self._position += 1
        start = self._position
        self._skip_sub_blocks()
        block = self._data[start + 1 : start + 1 + self._data[start]]
        if label == _GRAPHIC_CONTROL and len(block) >= 4:
            self._control = block
        elif label == _APPLICATION and block in _LOOPING_APPLICATIONS:
            self._read_loop_count(start + 1 + len(block))

    def _read_loop_count(self, start: int) -> None:
        """Browsers repeat `n` times what they have played once."""
        size, identifier = self._data[start : start + 2].ljust(2, b"\0")
        if size >= 3 and identifier & 7 == 1:
            (repeats,) = struct.unpack_from("<H", self._data, start + 2)
            self._loop_count = repeats + 1 if repeats else 0

    def _read_image(self) -> None:
        left, top, width, height, flags = struct.unpack_from("<HHHHB", self._data, self._position)
        self._position += 9
        palette = self._take_palette(flags) or self._global_palette
        if not self._images:
            self._size = (max(self._size[0], left + width), max(self._size[1], top + height))
        self._meter.check_header(num_frames=len(self._images) + 1, width=self._size[0], height=self._size[1])
        self._meter.check_header(num_frames=1, width=width, height=height)
        delay, transparent, control_flags = 0, 0, 0
        if self._control is not None:
            control_flags, delay, transparent = struct.unpack_from("<BHB", self._control)
            self._control = None
        image = GifImage(
            left, top, width, height, bool(flags & 0x40), palette, self._take_image_data(width, height, flags),
            delay * 10, _disposal(control_flags), transparent if control_flags & 1 else None,
        )  # fmt: skip
        self._images.append(image)

    def _take_image_data(self, width: int, height: int, flags: int) -> bytes:
        start = self._position
        self._position += 1
        try:
            self._skip_sub_blocks()
        except IndexError:
            data = self._data[start:]
            if not _is_whole(data, width, height, interlaced=bool(flags & 0x40)):
                raise
            # Only terminators are missing: encoders that leave them out are old, but their pictures are whole.
            self._position = len(self._data)
            return data + b"\0"
        return self._data[start : self._position]


def _disposal(control_flags: int) -> int:
    """0 or 1: leave, 2: clear, 3: restore what was there before. Browsers read 4 as 3, and the rest as 0."""
    method = control_flags >> 2 & 7
    return {2: 2, 3: 3, 4: 3}.get(method, min(method, 1))


def _is_whole(data: bytes, width: int, height: int, *, interlaced: bool) -> bool:
    """Whether unterminated LZW data nevertheless fill the image."""
    try:
        Image.frombytes("L", (width, height), data[1:], "gif", (data[0], interlaced))
    except (ValueError, IndexError):
        return False
    return True


def _draw(gif: GifFile, frames: Frames, meter: Meter) -> None:
    from vsd2m.media.decoders.gif_pixels import draw_images, index_buffer

    largest = max(image.width * image.height for image in gif.images)
    rows, palettes = _tabulate(gif.images)
    data = np.frombuffer(bytearray().join(image.data for image in gif.images), np.uint8)
    has_restores = any(image.disposal == 3 for image in gif.images)
    covered_pixels = np.empty((gif.height, gif.width) if has_restores else (0, 0), np.uint32)
    screens, buffer = frames.view(np.uint32)[..., 0], index_buffer(largest)
    step = max(1, _PIXELS_AT_ONCE // (largest + gif.width * gif.height))
    for first in range(0, len(rows), step):
        meter.check_time()
        draw_images(data, rows, palettes, first, min(first + step, len(rows)), buffer, covered_pixels, screens)


def _tabulate(images: tuple[GifImage, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """What `vsd2m.media.decoders.gif_pixels.draw_images` takes: a row for each image, and the palettes."""
    from vsd2m.media.decoders.gif_pixels import MAX_CODE_SIZE, image_row

    palettes: dict[tuple[bytes, int | None], int] = {}
    rows = []
    start = 0
    for index, image in enumerate(images):
        code_size = image.data[0]
        if not 1 <= code_size <= MAX_CODE_SIZE:
            raise MediaError("corrupt", f"frame {index} of the GIF has codes of {code_size} bits")
        palette = palettes.setdefault((image.palette, image.transparent_index), len(palettes))
        box = (image.left, image.top, image.width, image.height)
        rows.append(
            image_row(
                start=start + 1, box=box, code_size=code_size, interlaced=image.interlaced, disposal=image.disposal,
                palette=palette,
            )
        )  # fmt: skip
        start += len(image.data)
    return np.array(rows, np.int64), np.stack([_palette_words(*colors) for colors in palettes])


def _palette_words(palette: bytes, transparent_index: int | None) -> npt.NDArray[np.uint32]:
    """`[256]` words of RGBA, 0 for the transparent index; others are opaque.

    Indices past the palette are black; without a palette, 0 is black and 1 white.
    """
    table = np.zeros((256, 4), np.uint8)
    colors = np.frombuffer(palette or b"\0\0\0\xff\xff\xff", np.uint8).reshape(-1, 3)
    table[: len(colors), :3] = colors
    table[:, 3] = 255
    if transparent_index is not None:
        table[transparent_index] = 0
    return table.view(np.uint32)[:, 0].copy()
