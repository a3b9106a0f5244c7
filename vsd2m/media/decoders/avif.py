"""AVIF, still and animated: the boxes are checked here, libavif decodes (through Pillow), in a separate process.

Specification: AVIF 1.2 (Alliance for Open Media 2025); animations are ISO media, ISO/IEC 14496-12.
"""

import struct

from vsd2m.core.errors import MediaError
from vsd2m.media.budget import Meter
from vsd2m.media.clip import Clip
from vsd2m.media.decoders.containers import check_iso_is_whole, iso_box
from vsd2m.media.decoders.frame_times import durations_from_times
from vsd2m.media.decoders.worker.process import decode_in_process

_REPEATED = 1
_ENDLESS = ((1 << 32) - 1, (1 << 64) - 1)


def decode_avif(data: bytes, meter: Meter) -> Clip:
    """The clip of an AVIF, turned as it says; raises `MediaError`."""
    check_iso_is_whole(data, needs=b"meta" if iso_box(data, b"moov") is None else b"moov")
    if not has_avif():
        raise MediaError("unsupported_format", "AVIF needs a Pillow that has it; pip install 'pillow>=11.3'")
    frames, facts = decode_in_process("avif", data, {}, meter)
    durations = durations_from_times(facts["times"], facts["seconds"])
    return Clip(frames, durations, loop_count(data) if len(frames) > 1 else 1, "avif")


def has_avif() -> bool:
    """Whether the installed Pillow decodes AVIF."""
    from PIL import features

    return bool(features.check("avif"))


def loop_count(data: bytes) -> int:
    """How often the edit list lets an animation play, 0 for endlessly; also 0 without an edit list, as in browsers."""
    edits, track = iso_box(data, b"moov", b"trak", b"edts", b"elst"), iso_box(data, b"moov", b"trak", b"tkhd")
    if edits is None or track is None:
        return 0
    try:
        flags, num_edits, duration = _edit_list(data, edits.start)
        whole = _track_duration(data, track.start)
    except struct.error:
        return 0
    if num_edits != 1 or duration == 0 or whole in _ENDLESS:
        return 0
    return -(-whole // duration) if flags & _REPEATED else 1


def _edit_list(data: bytes, start: int) -> tuple[int, int, int]:
    """Flags, number of edits and duration of the first."""
    version_and_flags, num_edits = struct.unpack_from(">II", data, start)
    (duration,) = struct.unpack_from(">Q" if version_and_flags >> 24 else ">I", data, start + 8)
    return version_and_flags & 0xFFFFFF, num_edits, duration


def _track_duration(data: bytes, start: int) -> int:
    """Of the whole track, with its repetitions, in the units of the edit list."""
    is_long = data[start] == 1
    (duration,) = struct.unpack_from(">Q" if is_long else ">I", data, start + (28 if is_long else 20))
    return int(duration)
