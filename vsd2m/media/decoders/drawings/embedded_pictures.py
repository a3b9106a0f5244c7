"""Pictures inside of drawings, decoded here, within the drawing's budget, for renderers that would trust them."""

import io
from collections.abc import Callable

from PIL import Image

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip
from vsd2m.media.decoders.jpeg import decode_jpeg
from vsd2m.media.decoders.png import decode_png
from vsd2m.media.decoders.webp import decode_webp
from vsd2m.media.media_types import sniff

_DECODERS: dict[str | None, Callable[[bytes, Meter], Clip]] = {
    "png": decode_png,
    "apng": decode_png,
    "cgbi": decode_png,
    "jpeg": decode_jpeg,
    "webp": decode_webp,
}


def as_png(data: bytes, meter: Meter, place: str) -> bytes:
    """The picture's first frame as a PNG; `MediaError` `unsupported_feature` for formats that `place` does not hold."""
    decoder = _DECODERS.get(sniff(data))
    if decoder is None:
        raise MediaError("unsupported_feature", f"pictures of format {sniff(data) or 'unknown'} in {place}")
    file = io.BytesIO()
    Image.fromarray(decoder(data, meter).frames[0]).save(file, "PNG", compress_level=1)
    return file.getvalue()
