"""TGS (Telegram's animated stickers) and Lottie: checked here, drawn by thorvg in a separate process.

Renderers trust their input: some files keep them busy endlessly, others crash them. The extra `lottie` brings thorvg.
Format: Lottie specification 1.0 (Lottie Animation Community 2024); a TGS is one that is gzipped.
"""

import json
import zlib
from importlib.util import find_spec
from typing import Any

import numpy as np

from vsd2m.core.errors import MediaError, install_line
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip
from vsd2m.media.decoders.drawings.lottie_document import (
    MAX_DOCUMENT_BYTES,
    Fetch,
    embed_pictures,
    nothing_outside,
    number_of,
    parse_lottie,
)
from vsd2m.media.decoders.drawings.lottie_features import check_complexity, check_features
from vsd2m.media.decoders.worker.process import decode_in_process


def decode_lottie(data: bytes, meter: Meter) -> Clip:
    """The clip of a TGS or Lottie, in the size it was drawn for, which loops endlessly; raises `MediaError`.

    `unsupported_feature` for features that are not drawn, `too_complex` beyond the limits of `check_complexity`.
    """
    is_packed = data[:2] == b"\x1f\x8b"
    document = parse_lottie(inflate(data) if is_packed else data)
    return draw_lottie(document, nothing_outside, "tgs" if is_packed else "lottie", meter)


def draw_lottie(document: dict[str, Any], fetch: Fetch, media_format: str, meter: Meter, speed: float = 1) -> Clip:
    """The clip of a document. Frames last as long as the frame rate says, rounded so that the sum keeps to it."""
    width, height = _size(document, "w"), _size(document, "h")
    num_frames = max(1, int(number_of(document, "op")) - int(number_of(document, "ip")))
    rate = number_of(document, "fr") * speed
    if not 1 <= rate <= 1000:
        raise MediaError("corrupt", f"the Lottie plays {rate:g} frames a second")
    meter.check_header(num_frames=num_frames, width=width, height=height)
    check_features(document)
    check_complexity(document, num_frames=num_frames, num_pixels=width * height)
    if find_spec("thorvg_python") is None:
        raise MediaError("unsupported_format", f"TGS and Lottie need thorvg-python; {install_line('lottie')}")
    embed_pictures(document, fetch, meter)
    options = {"width": width, "height": height, "num_frames": num_frames}
    frames, _ = decode_in_process("lottie", json.dumps(document).encode(), options, meter)
    ends = np.floor(np.arange(num_frames + 1) * 1000 / rate + 0.5).astype(np.int32)
    durations_ms = np.diff(ends) if num_frames > 1 else np.zeros(1, np.int32)
    return Clip(frames, durations_ms.astype(np.int32), 0, media_format)


def _size(document: dict[str, Any], name: str) -> int:
    """Whole pixels; 0 or less where the document says so, which no picture has."""
    size = number_of(document, name)
    return max(1, int(size + 0.5)) if size > 0 else int(size)


def inflate(data: bytes) -> bytes:
    """The document of a TGS or SVGZ, at most `MAX_DOCUMENT_BYTES`; nothing beyond is inflated."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        document = inflater.decompress(data, MAX_DOCUMENT_BYTES)
    except zlib.error as error:
        raise MediaError("corrupt", f"the file cannot be inflated ({error})") from error
    if inflater.unconsumed_tail:
        raise MediaError(
            "too_many_bytes",
            f"the file inflates to more than {MAX_DOCUMENT_BYTES} bytes",
            value=MAX_DOCUMENT_BYTES + 1,
            limit=MAX_DOCUMENT_BYTES,
        )
    if not inflater.eof:
        raise MediaError("truncated", f"the file ends before its data do, after {len(data)} bytes")
    return document
