"""The fields of a Protocol Buffers message, without its schema: the wire format that manifests use."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class ProtobufError(ValueError):
    """The bytes are no message."""


@dataclass(frozen=True)
class Fields:
    """Field number -> values, in their order."""

    values: dict[int, list[int | bytes]]

    def number(self, field: int) -> int:
        """The last number, as the format requires; 0 where there is none."""
        return next((value for value in reversed(self.values.get(field, [])) if isinstance(value, int)), 0)

    def messages(self, field: int) -> list[bytes]:
        """All values that are bytes."""
        return [value for value in self.values.get(field, []) if isinstance(value, bytes)]

    def text(self, field: int) -> str:
        """The last text; "" where there is none."""
        return next(iter(reversed(self.messages(field))), b"").decode("utf-8", "replace")


def fields_of(data: bytes) -> Fields:
    """The fields of a message; `ProtobufError` where it is truncated or not a message."""
    values: dict[int, list[int | bytes]] = defaultdict(list)
    for field, value in _fields(data):
        values[field].append(value)
    return Fields(dict(values))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind, size = tag & 7, 0
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, position = _varint(data, position)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise ProtobufError(f"field {tag >> 3} has the unknown wire type {kind}")
        if position + size > len(data):
            raise ProtobufError(f"field {tag >> 3} ends after the message")
        yield tag >> 3, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for number, byte in enumerate(data[position : position + 10]):
        value |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            return value, position + number + 1
    raise ProtobufError("a number does not end")
