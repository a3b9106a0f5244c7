"""Which frames of a sticker are read, on what background, and how large.

T frames, H and W the height and width in pixels.
"""

import numpy as np
from numpy.typing import NDArray

from vsd2m.media.clip import Frames
from vsd2m.media.frame_indices import flatten, middle_indices, resize

Pixels = NDArray[np.uint8]

_BACKGROUNDS = (255, 128, 0)
_SHARE_LEGIBLE = 10  # per cent of the outline that are ignored when its least contrast is measured
_BLOCK = 8  # pixels
_SAME_BLOCK = 10.0  # grey levels


def pictures_to_read(frames: Frames, *, max_frames: int, min_side: int, max_side: int) -> list[Pixels]:
    """At most `max_frames` opaque pictures, uint8 [H, W, 3], spread over the clip, without duplicates.

    They are resized so that the longer side is between `min_side` and `max_side`.
    """
    chosen = frames[middle_indices(len(frames), min(len(frames), max_frames))]
    grey = background(chosen)
    flat = resize(flatten(chosen, (grey, grey, grey)), _size(chosen.shape[1], chosen.shape[2], min_side, max_side))
    distinct: list[Pixels] = []
    for picture in flat:
        if not any(are_alike(picture, other) for other in distinct):
            distinct.append(picture)
    return distinct


def background(frames: Frames) -> int:
    """The grey level, 0..255, on which the outlines of transparent `frames` [T, H, W, 4] stand out best.

    White letters need a dark background, black ones a light one, both together a grey one.
    255 if nothing is transparent.
    """
    outline = _outline_luma(frames)
    if not len(outline):
        return _BACKGROUNDS[0]
    contrasts = [float(np.percentile(np.abs(outline - grey), _SHARE_LEGIBLE)) for grey in _BACKGROUNDS]
    return _BACKGROUNDS[int(np.argmax(contrasts))]


def are_alike(first: Pixels, second: Pixels) -> bool:
    """True if no block of 8 x 8 pixels differs by more than 10 grey levels on average: the text is the same."""
    difference = np.maximum(first, second) - np.minimum(first, second)
    height, width = difference.shape[:2]
    padded = np.pad(difference, ((0, -height % _BLOCK), (0, -width % _BLOCK), (0, 0)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // _BLOCK, _BLOCK, padded.shape[1] // _BLOCK, _BLOCK * 3)
    return bool(blocks.mean(axis=(1, 3)).max() <= _SAME_BLOCK)


def _outline_luma(frames: Frames) -> NDArray[np.float32]:
    """The luma of opaque pixels that touch a transparent one, frame by frame."""
    opaque = frames[..., 3] >= 128
    inner = opaque.copy()
    inner[:, 1:] &= opaque[:, :-1]
    inner[:, :-1] &= opaque[:, 1:]
    inner[:, :, 1:] &= opaque[:, :, :-1]
    inner[:, :, :-1] &= opaque[:, :, 1:]
    colours = frames[opaque & ~inner][:, :3].astype(np.float32)
    return np.asarray(colours @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)


def _size(height: int, width: int, min_side: int, max_side: int) -> tuple[int, int]:
    longer = max(height, width)
    target = min(max(longer, min_side), max_side)
    return max(1, round(height * target / longer)), max(1, round(width * target / longer))
