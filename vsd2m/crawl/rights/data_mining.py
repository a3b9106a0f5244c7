"""The property `plus:DataMining` (PLUS, IPTC photo metadata 2023.1) in the XMP of a picture.

XMP lies as plain text in GIF, WebP, JPEG, AVIF and PNG, compressed in PNG alone.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator

from vsd2m.crawl.rights.signal import Signal, Statement

_PROPERTY = re.compile(rb"DataMining\b[^<>\"']{0,60}[\"'>]\s*([^\"'<>]{0,200})")
_NEARBY = re.compile(rb"DataMining.{0,400}?(DMI-[A-Z-]+)", re.DOTALL)
_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_TEXT = 1 << 20


class DataMining(Signal):
    """Every value that begins with `PROHIBITED` reserves, as attribute or element, as an address or its last part."""

    def in_picture(self, data: bytes) -> Iterable[Statement]:
        for text in _texts(data):
            values = [match[1] for match in _PROPERTY.finditer(text)] + [match[1] for match in _NEARBY.finditer(text)]
            for value in dict.fromkeys(value.strip() for value in values):
                word = value.decode("latin-1").rpartition("/")[2].upper().removeprefix("DMI-")
                if word:
                    yield self.says("picture", f"plus:DataMining {word}", reserves=word.startswith("PROHIBIT"))


def _texts(data: bytes) -> Iterator[bytes]:
    """Where the property may stand: the bytes themselves, in 8 or 16 bits, and what a PNG holds compressed."""
    yield data
    if b"D\0a\0t\0a\0M\0i\0n\0i\0n\0g" in data:
        yield data.replace(b"\0", b"")
    if data.startswith(_PNG):
        yield from _png_texts(data)


def _png_texts(data: bytes) -> Iterator[bytes]:
    position = len(_PNG)
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        position += 12 + length
        if name == b"iTXt":
            yield from _inflated(body.partition(b"\0")[2][2:].partition(b"\0")[2].partition(b"\0")[2])
        elif name == b"zTXt":
            yield from _inflated(body.partition(b"\0")[2][1:])
        elif name == b"tEXt" and body.startswith(b"Raw profile type"):
            yield _unhexed(body)


def _inflated(data: bytes) -> Iterator[bytes]:
    try:
        text = zlib.decompressobj().decompress(data, _MAX_TEXT)
    except zlib.error:
        return
    yield text
    if text.lstrip()[:4] in (b"xmp\n", b"xmp "):
        yield _unhexed(text)


def _unhexed(text: bytes) -> bytes:
    """The profile that ImageMagick writes as hexadecimal digits, from its first `<` on."""
    digits = re.sub(rb"[^0-9a-f]", b"", text.lower())
    start = digits.find(b"3c")
    profile = digits[start:] if start >= 0 else b""
    return bytes.fromhex(profile[: len(profile) // 2 * 2].decode())
