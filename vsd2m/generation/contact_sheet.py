"""Many clips on one picture: a row per clip, its frames from left to right, its prompt above."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vsd2m.media.sampling import resize

GAP = 4
TEXT_HEIGHT = 14
TEXT_COLOUR = (60, 60, 60)


def contact_sheet(clips: Sequence[NDArray[np.uint8]], titles: Sequence[str], *, frame_size: int) -> bytes:
    """A PNG of clips, each uint8 [T, H, W, 3], every frame `frame_size` pixels wide and high."""
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
