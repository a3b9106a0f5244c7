"""Pictures of lines, preprocessed as in PaddleOCR's recogniser.

B lines, H and W the height and width in pixels.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.registry import import_extra
from vsd2m.media.decode import decode
from vsd2m.media.frame_indices import flatten

HEIGHT = 48
LEAST_WIDTH = 320  # narrower lines are padded to it
STRIDE = 8  # pixels of width per output position of the recogniser

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def read_picture(path: Path) -> Pixels:
    """The first frame of a picture on white, uint8 [H, W, 3], RGB; `MediaError` if it cannot be decoded."""
    return np.asarray(flatten(decode(path.read_bytes()).frames[:1])[0])


def line_width(picture: Pixels) -> int:
    """The width in pixels of the recogniser's input, including padding."""
    return max(LEAST_WIDTH, _scaled_width(picture))


def prepare(picture: Pixels) -> Floats:
    """float32 [3, 48, W], BGR from -1 to 1, resized to the height and padded with grey on the right."""
    cv2 = import_extra("cv2", extra="annotate")
    width = _scaled_width(picture)
    scaled: Any = cv2.resize(np.ascontiguousarray(picture[..., ::-1]), (width, HEIGHT))
    filled = np.zeros((3, HEIGHT, line_width(picture)), np.float32)
    filled[:, :, :width] = (scaled.astype(np.float32).transpose(2, 0, 1) / 255 - 0.5) / 0.5
    return filled


def stack(prepared: Sequence[Floats]) -> Floats:
    """float32 [B, 3, 48, W], each padded to the widest."""
    width = max(picture.shape[2] for picture in prepared)
    return np.stack([np.pad(p, ((0, 0), (0, 0), (0, width - p.shape[2]))) for p in prepared])


def _scaled_width(picture: Pixels) -> int:
    exact = HEIGHT * (float(picture.shape[1]) / float(picture.shape[0]))
    return min(math.ceil(exact), max(LEAST_WIDTH, math.floor(exact)))
