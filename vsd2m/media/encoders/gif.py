"""GIF writing: palettes and boxes are chosen here, the LZW encoder is Pillow's.

One palette serves all frames where all their colours fit; else each frame has its own, exact where its colours fit,
else quantised by median cut.
"""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m.media.clip import Clip, Frames
from vsd2m.media.encoders.changed_regions import Box, bounding_box, changed_box

_TRANSPARENT = 255
_MAX_COLORS = 255
_VISIBLE_ALPHA = 128
_LEAVE, _CLEAR = 1, 2

Indices = npt.NDArray[np.uint8]
Colors = npt.NDArray[np.uint32]
"""`[N]`, N at most 255: `0xBBGGRR`, ascending."""


@dataclass(frozen=True)
class _Indexed:
    """One frame as palette indices `[H, W]`; `_TRANSPARENT` is index 255."""

    indices: Indices
    palette: bytes


def encode_gif(clip: Clip) -> bytes:
    """All frames. Durations are rounded to hundredths of a second, alpha to visible (>= 128) or not."""
    packed = _packed(clip.frames)
    shared = _shared_colors(packed)
    frames = [_indexed(image, shared) for image in packed]
    disposal = _LEAVE if _never_uncovers(packed) else _CLEAR
    global_palette = frames[0].palette if shared is not None else b""
    chunks = [_header(clip, global_palette), _loop_extension(clip.loop_count)]
    for index, frame in enumerate(frames):
        box = _box(packed, index, disposal)
        chunks.append(_control(int(clip.durations_ms[index]), disposal))
        chunks.append(_image(frame, box, with_palette=shared is None))
    return b"".join([*chunks, b";"])


def _packed(frames: Frames) -> npt.NDArray[np.uint32]:
    """`[T, H, W]`: `0xFFBBGGRR` where visible, 0 elsewhere."""
    words = np.ascontiguousarray(frames).view("<u4")[..., 0] | np.uint32(0xFF000000)
    return np.where(frames[..., 3] >= _VISIBLE_ALPHA, words, np.uint32(0))


def _shared_colors(packed: npt.NDArray[np.uint32]) -> Colors | None:
    """The colours of all frames, or None if they are too many for one palette."""
    colors = np.empty(0, np.uint32)
    for image in packed:
        colors = np.union1d(colors, _colors(image))
        if len(colors) > _MAX_COLORS:
            return None
    return colors


def _colors(image: npt.NDArray[np.uint32]) -> Colors:
    colors = np.unique(image)
    return colors[colors > 0]


def _indexed(image: npt.NDArray[np.uint32], shared: Colors | None) -> _Indexed:
    colors = _colors(image) if shared is None else shared
    if len(colors) > _MAX_COLORS:
        return _quantised(image)
    indices = np.searchsorted(colors, image).astype(np.uint8)
    indices[image == 0] = _TRANSPARENT
    return _Indexed(indices, _palette_bytes(colors))


def _quantised(image: npt.NDArray[np.uint32]) -> _Indexed:
    """Median cut over the visible pixels alone, each pixel then taking its nearest colour."""
    visible = image != 0
    pixels = image[visible].view(np.uint8).reshape(-1, 4)[:, :3]
    strip = Image.fromarray(np.ascontiguousarray(pixels[None]))
    quantised = strip.quantize(_MAX_COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    indices = np.full(image.shape, _TRANSPARENT, np.uint8)
    indices[visible] = np.asarray(quantised)[0]
    palette = bytes(quantised.getpalette() or [])
    return _Indexed(indices, palette[: 3 * _MAX_COLORS].ljust(768, b"\0"))


def _palette_bytes(colors: Colors) -> bytes:
    return colors.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes().ljust(768, b"\0")


def _never_uncovers(packed: npt.NDArray[np.uint32]) -> bool:
    """Whether no pixel that was visible becomes transparent, also from the last frame to the first."""
    return not bool(((packed[:-1] != 0) & (packed[1:] == 0)).any())


def _box(packed: npt.NDArray[np.uint32], index: int, disposal: int) -> Box:
    if index == 0 and disposal == _LEAVE:
        return changed_box(None, packed[0][..., None].view(np.uint8))
    if disposal == _CLEAR:
        return bounding_box(packed[index] != 0)
    return bounding_box(packed[index - 1] != packed[index])


def _header(clip: Clip, palette: bytes) -> bytes:
    flags = 0x70 | (0x87 if palette else 0)
    return b"GIF89a" + struct.pack("<HHBBB", clip.width, clip.height, flags, 0, 0) + palette


def _loop_extension(loop_count: int) -> bytes:
    """Browsers repeat `n` times what they have played once; without the extension they play it once."""
    if loop_count == 1:
        return b""
    repeats = max(loop_count - 1, 0)
    return b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", repeats) + b"\0"


def _control(duration_ms: int, disposal: int) -> bytes:
    flags = disposal << 2 | 1
    return b"\x21\xf9\x04" + struct.pack("<BHBB", flags, (duration_ms + 5) // 10, _TRANSPARENT, 0)


def _image(frame: _Indexed, box: Box, *, with_palette: bool) -> bytes:
    left, top, right, bottom = box
    indices = Image.fromarray(np.ascontiguousarray(frame.indices[top:bottom, left:right]))
    placed = struct.pack("<HHHHB", left, top, right - left, bottom - top, 0x87 if with_palette else 0)
    data = b"\x08" + indices.tobytes("gif", "L", 8, 0) + b"\0"
    return b"," + placed + (frame.palette if with_palette else b"") + data
