"""Contact sheets of many clips: one row per clip with its prompt above its frames; or an animated grid."""

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vsd2m.media.clip import Clip
from vsd2m.media.frame_indices import linspace_indices, resize

GAP = 4
TEXT_HEIGHT = 14
TEXT_COLOUR = (60, 60, 60)


def contact_sheet(clips: Sequence[NDArray[np.uint8]], titles: Sequence[str], *, frame_size: int) -> bytes:
    """A PNG of clips, each uint8 [T, H, W, 3]; every frame is `frame_size` pixels wide and high."""
    num_frames = max(len(clip) for clip in clips)
    row_height = TEXT_HEIGHT + frame_size + GAP
    sheet = Image.new("RGB", (GAP + num_frames * (frame_size + GAP), GAP + len(clips) * row_height), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (clip, title) in enumerate(zip(clips, titles, strict=True)):
        top = GAP + row * row_height
        # Pillow's built-in font has Latin letters only
        draw.text((GAP, top), title.encode("ascii", "replace").decode(), fill=TEXT_COLOUR)
        for column, frame in enumerate(resize(clip, frame_size)):
            sheet.paste(Image.fromarray(frame), (GAP + column * (frame_size + GAP), top + TEXT_HEIGHT))
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()


def grid(clips: Sequence[NDArray[np.uint8]], *, frame_size: int, duration_ms: int) -> Clip:
    """An animated square grid of clips, each uint8 [T, H, W, 3]; clips with fewer frames play slower."""
    num_frames = max(len(clip) for clip in clips)
    columns = math.ceil(math.sqrt(len(clips)))
    side = frame_size + GAP
    height, width = GAP + math.ceil(len(clips) / columns) * side, GAP + columns * side
    frames = np.full((num_frames, height, width, 4), 255, np.uint8)
    for number, clip in enumerate(clips):
        top, left = GAP + number // columns * side, GAP + number % columns * side
        chosen_frames = resize(clip[linspace_indices(len(clip), num_frames)], frame_size)
        frames[:, top : top + frame_size, left : left + frame_size, :3] = chosen_frames
    durations = np.full(num_frames, duration_ms, np.int32)
    return Clip(frames=frames, durations_ms=durations, loop_count=0, media_format="gif")
