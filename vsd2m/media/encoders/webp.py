"""WebP writing: libwebp compresses the frames (through Pillow), the container is ours, so that no frame is merged."""

import io
import struct

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m.media.clip import Clip
from vsd2m.media.encoders.changed_regions import changed_box

_ANIMATION, _ALPHA = 0x02, 0x10
_NO_BLEND = 0x02


def encode_webp(clip: Clip, *, quality: int | None = None) -> bytes:
    """All frames, lossless, or lossy at a `quality` of 0 to 100; a clip of one frame is a still picture."""
    if clip.num_frames == 1:
        chunks = [_bitstream(clip.frames[0], quality)]
        if chunks[0].startswith(b"ALPH"):  # the alpha of a lossy still is announced
            chunks.insert(0, _chunk(b"VP8X", _canvas(_ALPHA, clip)))
        return _riff(b"".join(chunks))
    canvas = _chunk(b"VP8X", _canvas(_ANIMATION | _ALPHA, clip))
    chunks = [canvas, _chunk(b"ANIM", struct.pack("<IH", 0, clip.loop_count))]
    for index, frame in enumerate(clip.frames):
        left, top, right, bottom = changed_box(clip.frames[index - 1] if index else None, frame)
        left, top = left & ~1, top & ~1  # positions are stored halved
        box = (left // 2, top // 2, right - left - 1, bottom - top - 1, int(clip.durations_ms[index]))
        header = b"".join(map(_uint24, box)) + bytes([_NO_BLEND])
        chunks.append(_chunk(b"ANMF", header + _bitstream(frame[top:bottom, left:right], quality)))
    return _riff(b"".join(chunks))


def _canvas(flags: int, clip: Clip) -> bytes:
    return struct.pack("<BBH", flags, 0, 0) + _uint24(clip.width - 1) + _uint24(clip.height - 1)


def _bitstream(pixels: npt.NDArray[np.uint8], quality: int | None) -> bytes:
    """The image chunks of a still WebP, its file header left out."""
    options = {"lossless": True, "quality": 60, "method": 2} if quality is None else {"quality": quality, "method": 4}
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="WEBP", **options)
    encoded = buffer.getvalue()[12:]
    return encoded if encoded[:4] != b"VP8X" else encoded[18:]


def _riff(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def _uint24(value: int) -> bytes:
    return value.to_bytes(3, "little")
