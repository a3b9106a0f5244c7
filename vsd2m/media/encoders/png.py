"""PNG and APNG writing: each frame is the box that changed, stored as it is (dispose: none, blend: source)."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

from vsd2m.media.clip import Clip
from vsd2m.media.encoders.changed_regions import changed_box
from vsd2m.media.media_types import PNG_SIGNATURE

_LEVEL = 6


def encode_png(clip: Clip) -> bytes:
    """The first frame as a still PNG, 8-bit RGBA."""
    return b"".join([PNG_SIGNATURE, _header(clip), _chunk(b"IDAT", _compress(clip.frames[0])), _chunk(b"IEND", b"")])


def encode_apng(clip: Clip) -> bytes:
    """All frames, 8-bit RGBA, durations in milliseconds."""
    chunks = [PNG_SIGNATURE, _header(clip), _chunk(b"acTL", struct.pack(">II", clip.num_frames, clip.loop_count))]
    sequence = 0
    for index, frame in enumerate(clip.frames):
        left, top, right, bottom = changed_box(clip.frames[index - 1] if index else None, frame)
        box = (right - left, bottom - top, left, top)
        timing = (int(clip.durations_ms[index]), 1000)
        chunks.append(_chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, *box, *timing, 0, 0)))
        sequence += 1
        data = _compress(frame[top:bottom, left:right])
        if index == 0:
            chunks.append(_chunk(b"IDAT", data))
            continue
        chunks.append(_chunk(b"fdAT", struct.pack(">I", sequence) + data))
        sequence += 1
    return b"".join([*chunks, _chunk(b"IEND", b"")])


def _header(clip: Clip) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", clip.width, clip.height, 8, 6, 0, 0, 0))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _compress(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Each row as its difference to the row above (filter 2), which suits flat drawings."""
    rows = pixels.reshape(len(pixels), -1)
    filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return zlib.compress(filtered.tobytes(), _LEVEL)
