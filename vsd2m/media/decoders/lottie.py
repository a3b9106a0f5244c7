"""TGS (Telegram's animated stickers) and Lottie: checked here, drawn by rlottie in a process of its own.

rlottie trusts its input: some files keep it busy for ever, others crash it. The extra `lottie` brings it.
Format: Lottie specification 1.0 (Lottie Animation Community 2024); a TGS is one that is gzipped.
"""

import json
import math
import zlib
from importlib.util import find_spec
from typing import Any, NoReturn

import numpy as np

from vsd2m.core.errors import MediaError, install_line
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip
from vsd2m.media.decoders.lottie_renderer import RendererError, render
from vsd2m.media.decoders.premultiplied import to_straight_rgba

MAX_DOCUMENT_BYTES = 16 << 20


def decode_lottie(data: bytes, meter: Meter) -> Clip:
    """The clip of a TGS or Lottie, in the size it was drawn for, which loops for ever; raises `MediaError`.

    Frames last as long as the frame rate says, rounded so that the sum keeps to it. Documents that refer to pictures
    are `unsupported_format`.
    """
    is_packed = data[:2] == b"\x1f\x8b"
    document = _parse(_inflate(data) if is_packed else data)
    width, height = _whole_number(document, "w"), _whole_number(document, "h")
    num_frames = max(1, int(_number(document, "op")) - int(_number(document, "ip")))
    rate = _number(document, "fr")
    if not 1 <= rate <= 1000:
        raise MediaError("corrupt", f"the Lottie plays {rate:g} frames a second")
    meter.check_header(num_frames=num_frames, width=width, height=height)
    if find_spec("rlottie_python") is None:
        raise MediaError("unsupported_format", f"TGS and Lottie need rlottie-python; {install_line('lottie')}")
    frames = meter.allocate(num_frames=num_frames, width=width, height=height)
    try:
        render(json.dumps(document).encode(), frames, meter)
    except RendererError as error:
        raise MediaError("corrupt", f"the Lottie cannot be drawn ({error})") from error
    for frame in frames:
        meter.check_time()
        to_straight_rgba(frame)
    ends = np.floor(np.arange(num_frames + 1) * 1000 / rate + 0.5).astype(np.int32)
    durations_ms = np.diff(ends) if num_frames > 1 else np.zeros(1, np.int32)
    return Clip(frames, durations_ms.astype(np.int32), 0, "tgs" if is_packed else "lottie")


def _inflate(data: bytes) -> bytes:
    """The document of a TGS, at most `MAX_DOCUMENT_BYTES`; nothing beyond is inflated."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        document = inflater.decompress(data, MAX_DOCUMENT_BYTES)
    except zlib.error as error:
        raise MediaError("corrupt", f"the TGS cannot be inflated ({error})") from error
    if inflater.unconsumed_tail:
        raise MediaError(
            "too_many_bytes",
            f"the TGS inflates to more than {MAX_DOCUMENT_BYTES} bytes",
            value=MAX_DOCUMENT_BYTES + 1,
            limit=MAX_DOCUMENT_BYTES,
        )
    if not inflater.eof:
        raise MediaError("truncated", f"the TGS ends before its data do, after {len(data)} bytes")
    return document


def _parse(document: bytes) -> dict[str, Any]:
    if len(document) > MAX_DOCUMENT_BYTES:
        raise MediaError("too_many_bytes", "the Lottie is too long", value=len(document), limit=MAX_DOCUMENT_BYTES)
    try:
        parsed = json.loads(document, parse_constant=_refuse_constant, parse_float=_json_number)
    except json.JSONDecodeError as error:
        reason = "truncated" if error.pos >= len(error.doc.rstrip()) else "corrupt"
        raise MediaError(reason, f"the Lottie is no JSON ({error})") from error
    except (ValueError, RecursionError) as error:  # no Unicode, a number of thousands of digits, a million brackets
        raise MediaError("corrupt", f"the Lottie is no JSON ({error})") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("layers"), list):
        raise MediaError("corrupt", "the Lottie has no layers")
    assets = parsed.get("assets", [])
    if not isinstance(assets, list) or any(not isinstance(asset, dict) or "p" in asset for asset in assets):
        raise MediaError("unsupported_format", "the Lottie refers to pictures; only drawings are decoded")
    return parsed


def _json_number(text: str) -> float:
    """JSON has one kind of number; rlottie reads `8.0` as none where it expects a whole one."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1 << 31 else value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _number(document: dict[str, Any], name: str) -> float:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e9:
        raise MediaError("corrupt", f"the Lottie's {name!r} is {str(value)[:40]}, no number that makes sense")
    return float(value)


def _whole_number(document: dict[str, Any], name: str) -> int:
    value = _number(document, name)
    if value != int(value):
        raise MediaError("corrupt", f"the Lottie's {name!r} is {value:g}; whole pixels are expected")
    return int(value)
