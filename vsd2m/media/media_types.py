"""The media formats there are: their MIME types and suffixes, and which one given bytes have.

The content decides, names and suffixes are not trusted; only videos that are not decoded go by their suffix.
"""

import struct
import zlib
from dataclasses import dataclass

from vsd2m.media.decoders.containers import matroska_doc_type


@dataclass(frozen=True)
class MediaType:
    """One format. Files are written with the first of its `suffixes`. `in_browsers`: all current browsers show it."""

    name: str
    mime: str
    suffixes: tuple[str, ...]
    in_browsers: bool

    @property
    def is_video(self) -> bool:
        return self.mime.startswith("video/")


_MEDIA_TYPES = (
    MediaType("gif", "image/gif", (".gif",), True),
    MediaType("png", "image/png", (".png",), True),  # before apng: what a `.png` is by its name
    MediaType("apng", "image/apng", (".png", ".apng"), True),
    MediaType("webp", "image/webp", (".webp",), True),
    MediaType("jpeg", "image/jpeg", (".jpg", ".jpeg"), True),
    MediaType("avif", "image/avif", (".avif",), True),
    MediaType("cgbi", "image/png", (".png",), False),  # Apple's variant of PNG, which only its devices read
    MediaType("tgs", "application/x-tgsticker", (".tgs",), False),
    MediaType("lottie", "application/json", (".json",), False),
    MediaType("dotlottie", "application/zip+dotlottie", (".lottie",), False),
    MediaType("svg", "image/svg+xml", (".svg", ".svgz"), False),  # browsers would run its scripts if it were opened
    MediaType("mp4", "video/mp4", (".mp4", ".m4v"), True),
    MediaType("webm", "video/webm", (".webm",), True),
    MediaType("quicktime", "video/quicktime", (".mov",), False),
    MediaType("matroska", "video/x-matroska", (".mkv",), False),
    MediaType("avi", "video/vnd.avi", (".avi",), False),
)
MEDIA_TYPES = {media_type.name: media_type for media_type in _MEDIA_TYPES}
"""Format name, as `sniff` gives it, -> media type."""

BROWSER_PICTURES = tuple(name for name, kind in MEDIA_TYPES.items() if kind.in_browsers and not kind.is_video)
"""The formats that an `<img>` of every current browser shows."""

STICKER_FORMATS = tuple(name for name in MEDIA_TYPES if name not in ("lottie", "quicktime", "matroska", "avi"))
"""The formats that are decoded and whose files are known by their suffixes: a Lottie's `.json` may be anything."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MATROSKA_SIGNATURE = b"\x1a\x45\xdf\xa3"
_ZIP_SIGNATURE = b"PK\x03\x04"
_SIGNATURES = (b"GIF87a", b"GIF89a", PNG_SIGNATURE, b"RIFF", b"\xff\xd8\xff", _MATROSKA_SIGNATURE)
_AVIF_BRANDS = {b"avif", b"avis"}
_MP4_BRANDS = {b"isom", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4VP", b"M4VH", b"dash", b"MSNV", b"f4v "} | {
    b"iso%d" % number for number in range(2, 10)
}

_BLANKS = b"\xef\xbb\xbf \t\r\n"  # and a byte order mark
_FOREIGN = (
    (b"BM", "bmp"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"\x00\x00\x01\x00", "ico"),
    (b"\x00\x00\x02\x00", "cur"),
    (b"qoif", "qoi"),
    (b"8BPS", "psd"),
    (b"\xff\x0a", "jpeg-xl"),
    (b"\x00\x00\x00\x0cJXL ", "jpeg-xl"),
    (b"\x00\x00\x00\x0cjP  ", "jpeg-2000"),
    (b"\x1f\x8b", "gzip"),
    (b"\x8aMNG\r\n\x1a\n", "mng"),
    (b"%PDF", "pdf"),
)


def sniff(data: bytes) -> str | None:
    """The name of a format that `vsd2m.media.decode` decodes, or None for anything else."""
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[:8] == PNG_SIGNATURE:
        return "cgbi" if data[12:16] == b"CgBI" else "apng" if _has_animation_control(data) else "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if data[:4] == _MATROSKA_SIGNATURE:
        return "webm" if matroska_doc_type(data) == "webm" else None
    if data[4:8] == b"ftyp":
        return _sniff_iso(data)
    if data[:3] == b"\x1f\x8b\x08":
        head = _inflated_head(data).lstrip(_BLANKS)
        return "tgs" if head[:1] == b"{" else "svg" if _is_svg(head.lower()) else None
    if data[:4] == _ZIP_SIGNATURE:
        return "dotlottie" if b"manifest.json" in data and (b"animations/" in data or b"a/" in data) else None
    if _is_svg(data[:4096].lstrip(_BLANKS).lower()):
        return "svg"
    return "lottie" if data[:64].lstrip(_BLANKS)[:1] == b"{" and b'"layers"' in data else None


def _sniff_iso(data: bytes) -> str | None:
    brands = _brands(data)
    if brands & _AVIF_BRANDS:
        return "avif"
    return "mp4" if brands & _MP4_BRANDS and data[8:12] != b"qt  " else None


def type_of_file(data: bytes, suffix: str = "") -> MediaType | None:
    """The type of a whole file: by its content, or by the file's `suffix` (any case) for videos not decoded here."""
    media_format = sniff(data)
    if media_format is not None:
        return MEDIA_TYPES[media_format]
    return next((kind for kind in _MEDIA_TYPES if kind.is_video and suffix.lower() in kind.suffixes), None)


def mime_of_name(suffix: str) -> str | None:
    """The MIME type that a web server states for a file with this `suffix` (any case); a `.png` is `image/png`."""
    return next((kind.mime for kind in _MEDIA_TYPES if suffix.lower() in kind.suffixes), None)


def suffixes_of(*names: str) -> frozenset[str]:
    """All suffixes of the formats with these `names`."""
    return frozenset(suffix for name in names for suffix in MEDIA_TYPES[name].suffixes)


def is_cut_signature(data: bytes) -> bool:
    """Whether `data` ends within the first bytes of a picture."""
    if len(data) < 12 and data[:4] == b"RIFF":
        return True
    return bool(data) and any(len(data) < len(full) and full.startswith(data) for full in _SIGNATURES)


def foreign_format(data: bytes) -> str | None:
    """The name of a picture or video format that `data` starts like and this package does not decode."""
    for signature, name in _FOREIGN:
        if data.startswith(signature):
            return name
    if data[:4] == _MATROSKA_SIGNATURE:
        return "matroska"
    if data[4:8] == b"ftyp":
        return "quicktime" if data[8:12] == b"qt  " else "iso media (heic, 3gp)"
    if data[:4] == _ZIP_SIGNATURE:
        return "zip"
    return None


def _brands(data: bytes) -> set[bytes]:
    """The major brand of ISO media and those it is compatible with."""
    (size,) = struct.unpack_from(">I", data)
    return {data[8:12], *(data[start : start + 4] for start in range(16, min(size, 512), 4))}


def _is_svg(head: bytes) -> bool:
    """Whether the root element of `head`, in lower case, is `svg`."""
    if not head.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")):
        return False
    return b"<html" not in head.partition(b"<svg")[0] and b"<svg" in head


def _inflated_head(data: bytes) -> bytes:
    """The first bytes of what was gzipped; empty where nothing comes out."""
    try:
        return zlib.decompressobj(wbits=31).decompress(data[:4096], 4096)
    except zlib.error:
        return b""


def _has_animation_control(data: bytes) -> bool:
    """Whether an `acTL` chunk comes before the first `IDAT`, which is what makes a PNG an APNG."""
    position = len(PNG_SIGNATURE)
    while position + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        if name in (b"IDAT", b"acTL"):
            return bool(name == b"acTL")
        position += 12 + length
    return False
