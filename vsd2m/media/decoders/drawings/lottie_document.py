"""Lottie documents, read and rewritten so that the renderer cannot misread them.

JSON has one kind of number and no order of members; the renderer expects whole numbers without a point, and some
members before others. Pictures inside the document are decoded here and handed over as PNGs, within the same budget.
Format: Lottie specification 1.0 (Lottie Animation Community 2024).
"""

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.decoders.drawings.embedded_pictures import as_png

MAX_DOCUMENT_BYTES = 16 << 20
_MAX_DEPTH = 200
_FIRST = ("ty", "ddd", "s", "inv", "mode", "p")
"""Members that decide how the renderer reads those after them."""

Fetch = Callable[[Mapping[str, Any]], bytes | None]
"""The bytes of the picture of an asset, or None where there are none."""


def parse_lottie(document: bytes) -> dict[str, Any]:
    """The document; `MediaError` if it is cut short, no JSON, or has no layers."""
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
    if not isinstance(assets, list) or not all(isinstance(asset, dict) for asset in assets):
        raise MediaError("corrupt", "the Lottie's assets are no list of objects")
    slots = parsed.get("slots")
    rewritten = _rewritten(parsed, slots if isinstance(slots, dict) else {}, 0)
    assert isinstance(rewritten, dict)
    return rewritten


def number_of(document: Mapping[str, Any], name: str) -> float:
    """A required number; `MediaError` `corrupt` if it is missing, infinite or beyond 1e9."""
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > 1e9:
        raise MediaError("corrupt", f"the Lottie's {name!r} is {str(value)[:40]}, no number that makes sense")
    return float(value)


def embed_pictures(document: Mapping[str, Any], fetch: Fetch, meter: Meter) -> None:
    """Puts the pictures that the document shows into it, as PNGs.

    `MediaError` `unsupported_feature` for pictures that are neither in the document nor known to `fetch`.
    """
    for asset in document.get("assets", []):
        if "p" in asset:
            data = _data_of(asset) or fetch(asset)
            if data is None:
                raise MediaError("unsupported_feature", "pictures outside of the file")
            png = base64.b64encode(as_png(data, meter, "a Lottie")).decode("ascii")
            asset.update(u="", p=f"data:image/png;base64,{png}", e=1)


def nothing_outside(_asset: Mapping[str, Any]) -> bytes | None:
    """The `Fetch` of a document without other files."""
    return None


def _data_of(asset: Mapping[str, Any]) -> bytes | None:
    address = asset["p"]
    if not isinstance(address, str) or not address.startswith("data:"):
        return None
    head, _, body = address.partition(",")
    try:
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else None
    except binascii.Error as error:
        raise MediaError("corrupt", f"a picture in the Lottie is not base64 ({error})") from error


def _rewritten(value: Any, slots: Mapping[str, Any], depth: int) -> Any:
    """The same with slots filled in and members in the order that the renderer expects.

    thorvg fills slots too, but after the checks, which would miss what a slot holds in the place where it is used.
    """
    if depth > _MAX_DEPTH:
        raise MediaError("corrupt", f"the Lottie is nested more than {_MAX_DEPTH} deep")
    if isinstance(value, list):
        return [_rewritten(part, slots, depth + 1) for part in value]
    if not isinstance(value, dict):
        return value
    slot = slots.get(value["sid"]) if isinstance(value.get("sid"), str) else None
    if isinstance(slot, dict) and isinstance(slot.get("p"), dict):
        value = {**{name: part for name, part in value.items() if name != "sid"}, **slot["p"]}
    names = [name for name in _FIRST if name in value and _goes_first(name, value)]
    names += [name for name in value if name not in names]
    return {name: _rewritten(value[name], slots, depth + 1) for name in names}


def _goes_first(name: str, value: Mapping[str, Any]) -> bool:
    """`p` is the number of colours before a gradient's `k`; `s` says that a position is split into `x` and `y`."""
    if name == "p":
        return "k" in value
    return name != "s" or isinstance(value["s"], bool)


def _json_number(text: str) -> float:
    """Integers without a point: the renderer ignores `8.0` where it expects an integer."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1 << 31 else value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
