"""WebM and MP4: the container is checked here, FFmpeg's libraries decode (PyAV, the extra `video`), in a
separate process. Sound is ignored.
"""

from importlib.util import find_spec

from vsd2m.core.errors import MediaError, install_line
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip
from vsd2m.media.decoders.containers import check_iso_is_whole, check_matroska_is_whole
from vsd2m.media.decoders.frame_times import durations_from_times
from vsd2m.media.decoders.worker.process import decode_in_process


def decode_webm(data: bytes, meter: Meter) -> Clip:
    """The clip of a WebM, with its alpha, which loops endlessly, as sites play stickers; raises `MediaError`."""
    check_matroska_is_whole(data)
    return _decode(data, "webm", meter)


def decode_mp4(data: bytes, meter: Meter) -> Clip:
    """The clip of an MP4, which loops endlessly, as sites play stickers; raises `MediaError`."""
    check_iso_is_whole(data, needs=b"moov")
    return _decode(data, "mp4", meter)


def _decode(data: bytes, container: str, meter: Meter) -> Clip:
    if find_spec("av") is None:
        raise MediaError("unsupported_format", f"WebM and MP4 need PyAV; {install_line('video')}")
    options = {"container": container, "max_pixels": meter.budget.max_pixels}
    frames, facts = decode_in_process("video", data, options, meter)
    return Clip(frames, durations_from_times(facts["times"], facts["seconds"]), 0, container)
