"""Bytes to `Clip`, whatever the format, within a budget."""

from collections.abc import Callable

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import DecodeBudget, Meter
from vsd2m.media.clip import Clip
from vsd2m.media.decoders.avif import decode_avif
from vsd2m.media.decoders.drawings.dotlottie import decode_dotlottie
from vsd2m.media.decoders.drawings.lottie import decode_lottie
from vsd2m.media.decoders.drawings.svg import decode_svg
from vsd2m.media.decoders.gif import decode_gif
from vsd2m.media.decoders.jpeg import decode_jpeg
from vsd2m.media.decoders.png import decode_png
from vsd2m.media.decoders.video import decode_mp4, decode_webm
from vsd2m.media.decoders.webp import decode_webp
from vsd2m.media.media_types import foreign_format, is_cut_signature, sniff

__all__ = ["REASONS", "DecodeBudget", "decode"]

REASONS = {
    "not_an_image": "the bytes are no picture",
    "unsupported_format": "a picture or video of a format that is not decoded",
    "unsupported_feature": "a drawing that needs what the renderer cannot draw; the detail names it",
    "truncated": "the file ends before the picture does",
    "corrupt": "the file contradicts its format",
    "too_many_pixels": "a frame is larger than the budget allows",
    "too_many_frames": "there are more frames than the budget allows",
    "too_many_bytes": "the file, or all frames together, are larger than the budget allows",
    "too_complex": "a drawing of more layers, points or pixels in all frames than is drawn",
    "too_slow": "decoding took longer than the budget allows",
}

_DECODERS: dict[str, Callable[[bytes, Meter], Clip]] = {
    "gif": decode_gif,
    "png": decode_png,
    "apng": decode_png,
    "webp": decode_webp,
    "jpeg": decode_jpeg,
    "cgbi": decode_png,
    "avif": decode_avif,
    "webm": decode_webm,
    "mp4": decode_mp4,
    "tgs": decode_lottie,
    "lottie": decode_lottie,
    "svg": decode_svg,
    "dotlottie": decode_dotlottie,
}

_DEFAULT_BUDGET = DecodeBudget()


def decode(data: bytes, budget: DecodeBudget = _DEFAULT_BUDGET) -> Clip:
    """Every frame of the picture as it appears on screen; raises `MediaError` with a reason of `REASONS`.

    Sizes and counts are checked from headers before any pixel is decoded. A file that is cut short is an error,
    never a shorter clip.
    """
    meter = Meter(budget)
    meter.check_file(len(data))
    media_format = sniff(data)
    if media_format is None:
        raise _unknown(data)
    try:
        return _DECODERS[media_format](data, meter)
    except MemoryError as error:
        raise MediaError("too_many_bytes", "the picture does not fit into memory") from error


def _unknown(data: bytes) -> MediaError:
    if is_cut_signature(data):
        return MediaError("truncated", f"the file ends after {len(data)} bytes")
    foreign = foreign_format(data)
    if foreign is not None:
        return MediaError("unsupported_format", f"{foreign} is not decoded; {', '.join(_DECODERS)} are")
    return MediaError("not_an_image", f"the bytes start with {data[:16]!r}, which no picture does")
