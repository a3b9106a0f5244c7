"""SVG, as a still: parsed and checked here, drawn by resvg in a separate process. The extra `svg` brings it.

What is drawn is what a browser shows in an `<img>`: scripts do not run, and nothing outside of the file is read.
Specification: SVG 1.1 (W3C 2011).
"""

import base64
import binascii
import re
from importlib.util import find_spec
from xml.etree import ElementTree

import numpy as np

from vsd2m.core.errors import MediaError, install_line
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip
from vsd2m.media.decoders.drawings.embedded_pictures import as_png
from vsd2m.media.decoders.drawings.lottie import inflate
from vsd2m.media.decoders.worker.process import decode_in_process

MAX_DOCUMENT_BYTES = 16 << 20
MAX_ELEMENTS = 20_000  # with all copies that `use` makes
_MAX_DEPTH = 150

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_HREFS = ("href", f"{{{_XLINK}}}href")
_MOVING = {"animate", "animateTransform", "animateMotion", "animateColor", "set"}
_FEATURES = {"text": "text, whose fonts are not in the file", "foreignObject": "foreign objects"}
_MOVING_STYLE = re.compile(r"@keyframes|\banimation(-name)?\s*:", re.IGNORECASE)
_LENGTH = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(px|pt|pc|mm|cm|in|em|rem|ex|)\s*$", re.IGNORECASE)
_UNITS = {
    "": 1, "px": 1, "pt": 4 / 3, "pc": 16, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96, "em": 16, "rem": 16, "ex": 8,
}  # fmt: skip


def decode_svg(data: bytes, meter: Meter) -> Clip:
    """The clip, one frame, in the size that the SVG states; raises `MediaError`."""
    root = _parse(inflate(data) if data[:2] == b"\x1f\x8b" else data)
    width, height = _size(root)
    meter.check_header(num_frames=1, width=width, height=height)
    _check_features(root)
    _check_copies(root)
    if find_spec("resvg_py") is None:
        raise MediaError("unsupported_format", f"SVG needs resvg-py; {install_line('svg')}")
    _cut_references(root, meter)
    root.set("width", str(width))
    root.set("height", str(height))
    document = ElementTree.tostring(root)
    frames, _ = decode_in_process("svg", document, {"width": width, "height": height}, meter)
    return Clip(frames, np.zeros(1, np.int32), 1, "svg")


def _parse(document: bytes) -> ElementTree.Element:
    """The root element; entities are filled in, as far as the parser's guard against bombs allows."""
    if len(document) > MAX_DOCUMENT_BYTES:
        raise MediaError("too_many_bytes", "the SVG is too long", value=len(document), limit=MAX_DOCUMENT_BYTES)
    try:
        root = ElementTree.fromstring(document.strip())
    except ElementTree.ParseError as error:
        is_cut = b"</svg" not in document[-256:].lower() and b"/>" not in document[-64:]
        raise MediaError("truncated" if is_cut else "corrupt", f"the SVG is no XML ({error})") from error
    except (ValueError, LookupError) as error:  # an encoding that there is not
        raise MediaError("corrupt", f"the SVG is no XML ({error})") from error
    if _name(root) != "svg":
        raise MediaError("corrupt", f"the root element is {_name(root)[:40]!r}, not svg")
    if not root.tag.startswith("{"):
        raise MediaError("corrupt", f"the SVG does not name its namespace, {_SVG}; browsers do not draw it")
    _check_depth(root)
    return root


def _check_depth(root: ElementTree.Element) -> None:
    level = [root]
    for _ in range(_MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return
    raise MediaError("too_complex", f"the SVG is nested more than {_MAX_DEPTH} deep", _MAX_DEPTH + 1, _MAX_DEPTH)


def _name(element: ElementTree.Element) -> str:
    """The name of an SVG element; of one from another namespace, with that."""
    return str(element.tag).removeprefix(f"{{{_SVG}}}")


def _size(root: ElementTree.Element) -> tuple[int, int]:
    """Whole pixels: as stated, else from the view box and its ratio."""
    box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
    try:
        box_width, box_height = (float(part) for part in box[2:4]) if len(box) == 4 else (0.0, 0.0)
    except ValueError:
        box_width, box_height = 0.0, 0.0
    ratio = box_width / box_height if box_width > 0 and box_height > 0 else None
    width, height = _length(root.get("width")), _length(root.get("height"))
    if ratio is not None:
        if width is None and height is None:
            width, height = box_width, box_height
        width, height = width or (height or 0) * ratio, height or (width or 0) / ratio
    if not width or not height or not 0 < width < 1e9 or not 0 < height < 1e9:
        raise MediaError("corrupt", "the SVG states no size: neither width and height nor a view box")
    return max(1, int(width + 0.5)), max(1, int(height + 0.5))


def _length(text: str | None) -> float | None:
    """Pixels; None for none, and for a percentage of a missing page."""
    match = _LENGTH.match(text or "")
    return float(match[1]) * _UNITS[match[2].lower()] if match else None


def _check_features(root: ElementTree.Element) -> None:
    for element in root.iter():
        name = _name(element)
        styles = (element.get("style", ""), element.text or "" if name == "style" else "")
        if name in _MOVING or any(map(_MOVING_STYLE.search, styles)):
            raise MediaError("unsupported_feature", "the SVG moves; only stills are drawn")
        if name in _FEATURES:
            raise MediaError("unsupported_feature", f"the SVG uses {_FEATURES[name]}")


def _check_copies(root: ElementTree.Element) -> None:
    """`MediaError` `too_complex` if `use` multiplies the elements beyond what is drawn."""
    named = {element.get("id"): element for element in root.iter() if element.get("id")}
    counts: dict[ElementTree.Element, int] = {}

    def count(element: ElementTree.Element, around: tuple[ElementTree.Element, ...]) -> int:
        if element in around or len(around) > 2 * _MAX_DEPTH:
            raise MediaError("corrupt", "an element of the SVG contains itself")
        if element not in counts:
            inside = (*around, element)
            total = 1 + sum(count(child, inside) for child in element)
            target = named.get(_href(element).removeprefix("#")) if _name(element) == "use" else None
            counts[element] = total + (count(target, inside) if target is not None else 0)
        return counts[element]

    total = count(root, ())
    if total > MAX_ELEMENTS:
        detail = f"{min(total, 10**15)} elements with all copies; at most {MAX_ELEMENTS} are drawn"
        raise MediaError("too_complex", detail, value=min(total, 10**15), limit=MAX_ELEMENTS)


def _href(element: ElementTree.Element) -> str:
    return next((element.get(name, "") for name in _HREFS if element.get(name)), "").strip()


def _cut_references(root: ElementTree.Element, meter: Meter) -> None:
    """Leaves references within the file and pictures that are in it, as PNGs; no other is ever followed."""
    for element in root.iter():
        address = _href(element)
        for name in _HREFS:
            element.attrib.pop(name, None)
        if address.startswith("#"):
            element.set("href", address)
        elif address.startswith("data:image/") and _name(element) in ("image", "feImage"):
            head, _, body = address.partition(",")
            if not head.endswith(";base64"):
                raise MediaError("unsupported_feature", "the SVG holds a picture that is not base64")
            try:
                picture = base64.b64decode(re.sub(r"\s", "", body), validate=True)
            except binascii.Error as error:
                raise MediaError("corrupt", f"a picture in the SVG is not base64 ({error})") from error
            png = base64.b64encode(as_png(picture, meter, "an SVG")).decode("ascii")
            element.set("href", f"data:image/png;base64,{png}")
