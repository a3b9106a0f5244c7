"""Animated previews of stickers for pages: the whole animation in few pixels, frames and bytes."""

import base64
from dataclasses import dataclass

import numpy as np

from vsd2m.media.clip import Clip
from vsd2m.media.encoders.webp import encode_webp
from vsd2m.media.frame_indices import resize

MAX_PAGE_BYTES = 1_350_000
"""Limit of all previews of a page together, as data URLs."""

MAX_PREVIEW_BYTES = 48_000
_LEVELS = ((160, 24, 70), (144, 16, 50), (128, 12, 40), (96, 8, 30), (80, 5, 20), (64, 2, 15))
"""(longest side, frames, quality); the first that fits is used."""


@dataclass(frozen=True)
class Preview:
    """Data URLs of a reduced animation and of its first frame, for readers who prefer no motion."""

    moving: str
    still: str


def bytes_each(num_previews: int) -> int:
    """The limit of each of a page's previews."""
    return min(MAX_PREVIEW_BYTES, MAX_PAGE_BYTES // max(1, num_previews))


def make_preview(clip: Clip, *, max_bytes: int) -> Preview | None:
    """The best preview of at most `max_bytes` as a data URL; None if none is small enough."""
    for side, num_frames, quality in _LEVELS:
        reduced = reduce(clip, side=side, num_frames=num_frames)
        preview = Preview(_data_url(reduced, quality), _data_url(_first(reduced), min(quality, 50)))
        if len(preview.moving) + len(preview.still) <= max_bytes:
            return preview
    return None


def reduce(clip: Clip, *, side: int, num_frames: int) -> Clip:
    """The clip at most `side` pixels long and wide, in at most `num_frames` frames; its duration is unchanged."""
    count = min(clip.num_frames, num_frames)
    starts = np.arange(count) * clip.num_frames // count
    scale = min(1.0, side / max(clip.width, clip.height))
    height, width = max(1, round(scale * clip.height)), max(1, round(scale * clip.width))
    durations = np.add.reduceat(clip.played_durations_ms, starts)
    frames = resize(clip.frames[starts], (height, width))
    return Clip(frames, np.minimum(durations, (1 << 24) - 1).astype(np.int32), clip.loop_count, "webp")


def _first(clip: Clip) -> Clip:
    return Clip(clip.frames[:1], clip.durations_ms[:1], 0, "webp")


def _data_url(clip: Clip, quality: int) -> str:
    return f"data:image/webp;base64,{base64.b64encode(encode_webp(clip, quality=quality)).decode('ascii')}"
