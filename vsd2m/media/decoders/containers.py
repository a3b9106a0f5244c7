"""The outer structure of ISO media (MP4, AVIF) and of Matroska (WebM): where parts begin and end, nothing decoded.

Specifications: ISO/IEC 14496-12; RFC 8794 (EBML), RFC 9559 (Matroska).
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from vsd2m.core.errors import MediaError

_SEGMENT, _DOC_TYPE = b"\x18\x53\x80\x67", b"\x42\x82"


class Box(NamedTuple):
    """A box of ISO media; its body is `data[start:end]`, and `end` may lie past the end of the data."""

    name: bytes
    start: int
    end: int


def iso_boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes that lie next to each other from `start` on; ends before one whose size makes no sense."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:
            size = end - start
        if size < body - start:
            return
        yield Box(name, body, start + size)
        start += size


def iso_box(data: bytes, *path: bytes) -> Box | None:
    """The first box at `path`, from the outermost name to the innermost."""
    start, end = 0, len(data)
    box = None
    for name in path:
        box = next((inner for inner in iso_boxes(data, start, end) if inner.name == name), None)
        if box is None:
            return None
        start, end = box.start, min(box.end, len(data))
    return box


def check_iso_is_whole(data: bytes, *, needs: bytes) -> None:
    """`MediaError` `truncated` if the data end within a box, or before the box `needs`."""
    boxes = list(iso_boxes(data))
    end = boxes[-1].end if boxes else 0
    if end > len(data) or needs not in [box.name for box in boxes]:
        raise MediaError(
            "truncated", f"the file ends within a box, or before {needs.decode()}, after {len(data)} bytes"
        )


def check_matroska_is_whole(data: bytes) -> None:
    """`MediaError` `truncated` if the data end within an element."""
    position = 0
    while position < len(data):
        try:
            name, size, position = _element(data, position)
        except IndexError:
            raise _torn(data) from None
        if size is None:  # it ends where an element of its own level begins: its parts are walked like its neighbours
            continue
        if position + size > len(data):
            raise _torn(data)
        if name != _SEGMENT:
            position += size


def _torn(data: bytes) -> MediaError:
    return MediaError("truncated", f"the WebM ends within an element, after {len(data)} bytes")


def matroska_doc_type(data: bytes) -> str | None:
    """`webm`, `matroska` or another name that the EBML header gives; None where it cannot be read."""
    try:
        _, size, position = _element(data, 0)
        end = position + (size or 0)
        while position < end:
            name, size, position = _element(data, position)
            if name == _DOC_TYPE:
                return data[position : position + (size or 0)].rstrip(b"\0").decode("ascii", "replace")
            position += size or 0
    except IndexError:
        pass
    return None


def _element(data: bytes, position: int) -> tuple[bytes, int | None, int]:
    """Identifier, size (None: not known) and place of the body of the element at `position`."""
    id_length = 9 - data[position].bit_length()
    start = position + id_length
    size_length = 9 - data[start].bit_length()
    if size_length > 8 or start + size_length > len(data):
        raise IndexError
    marker = 1 << 7 * size_length
    size = int.from_bytes(data[start : start + size_length], "big") & (marker - 1)
    return data[position:start], None if size == marker - 1 else size, start + size_length
