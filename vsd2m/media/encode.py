"""`Clip` to bytes, the same bytes for the same clip; every frame is kept, equal neighbours too."""

from vsd2m.core.errors import ConfigError
from vsd2m.media.clip import Clip
from vsd2m.media.encoders.gif import encode_gif
from vsd2m.media.encoders.png import encode_apng, encode_png
from vsd2m.media.encoders.webp import encode_webp

_ENCODERS = {"gif": encode_gif, "apng": encode_apng, "png": encode_png, "webp": encode_webp}


def encode(clip: Clip, media_format: str) -> bytes:
    """The clip as `gif`, `apng`, `png` (its first frame) or `webp`. All but GIF keep every pixel exactly.

    GIF keeps frames of up to 255 colours exactly, quantises others, holds alpha as visible (>= 128) or not, and
    durations in hundredths of a second.
    """
    if media_format not in _ENCODERS:
        raise ConfigError(f"cannot encode as {media_format!r}; known: {', '.join(sorted(_ENCODERS))}")
    return _ENCODERS[media_format](clip)
