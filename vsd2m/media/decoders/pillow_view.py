"""Lets Pillow write directly into frames: its own buffer and the copy from it cost as much as some decoding."""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def pillow_view(frame: npt.NDArray[np.uint8], mode: str) -> Image.Image:
    """A picture of `mode` (RGBA or RGBX) whose pixels are those of the C-contiguous `frame` (`[H, W, 4]`); what is
    pasted onto it, or read into it with `frombytes`, lies in `frame`."""
    buffer: Any = frame
    view = Image.frombuffer(mode, (frame.shape[1], frame.shape[0]), buffer, "raw", mode, 0, 1)
    view.readonly = 0
    return view
