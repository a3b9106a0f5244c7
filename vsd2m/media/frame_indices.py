"""Choosing, flattening and resizing the frames of a clip for models that want a fixed shape.

T frames, H and W the height and width, C the channels.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m.media.clip import Frames

Pixels = npt.NDArray[np.uint8]


def flip_indices(num_frames_in: int, num_frames_out: int) -> npt.NDArray[np.int64]:
    """`[num_frames_out]` indices that play the clip forth and back until there are enough.

    The fill of the VSD2M paper: while there are too few frames, the reversed frames less the first of them are
    appended; then the rest is cut off. `num_frames_in >= num_frames_out` gives the first frames.
    """
    _check_counts(num_frames_in, num_frames_out)
    indices = np.arange(num_frames_in, dtype=np.int64)
    if num_frames_in == 1:
        return np.zeros(num_frames_out, np.int64)
    while len(indices) < num_frames_out:
        indices = np.concatenate([indices, indices[::-1][1:]])
    return indices[:num_frames_out]


def linspace_indices(num_frames_in: int, num_frames_out: int) -> npt.NDArray[np.int64]:
    """`[num_frames_out]` indices at equal steps from the first frame to the last, rounded half up."""
    _check_counts(num_frames_in, num_frames_out)
    if num_frames_out == 1:
        return np.zeros(1, np.int64)
    steps = np.arange(num_frames_out, dtype=np.int64) * (num_frames_in - 1)
    return (2 * steps + num_frames_out - 1) // (2 * (num_frames_out - 1))


def time_indices(durations: npt.NDArray[np.integer], num_frames_out: int) -> npt.NDArray[np.int64]:
    """`[num_frames_out]` indices of what is on the screen in the middle of each of that many equal steps of one loop.

    `durations` `[T]` are above 0, in any unit. A frame shown long comes more than once, one shown briefly may not come.
    """
    _check_counts(len(durations), num_frames_out)
    ends = np.cumsum(durations, dtype=np.int64)
    # Twice the time, so that the middle of each step stays a whole number.
    middles = (2 * np.arange(num_frames_out, dtype=np.int64) + 1) * ends[-1] // num_frames_out
    shown: npt.NDArray[np.int64] = np.searchsorted(2 * ends, middles, side="right").clip(max=len(durations) - 1)
    return shown


def flatten(frames: Frames, background: tuple[int, int, int] = (255, 255, 255)) -> Pixels:
    """`frames` (`[T, H, W, 4]`, straight alpha) on an opaque background: uint8 `[T, H, W, 3]`, rounded to nearest."""
    alpha = frames[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(frames[..., :3])
    weight = alpha.astype(np.uint16)
    behind = np.array(background, np.uint16) * (255 - weight)
    doubled = 2 * (frames[..., :3] * weight.astype(np.uint32) + behind)
    return ((doubled + 255) // 510).astype(np.uint8)


def resize(frames: Pixels, size: int | tuple[int, int]) -> Pixels:
    """Frames (`[T, H, W, C]`, C 3 or 4) squashed to `size` (a side, or `(height, width)`), bicubic, antialiased.

    The aspect ratio is not kept, as in the paper. Colour is weighted by alpha where there is one.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if frames.shape[1:3] == (height, width):
        return frames.copy()
    resized = [Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC) for frame in frames]
    return np.stack([np.asarray(image) for image in resized])


def _check_counts(num_frames_in: int, num_frames_out: int) -> None:
    if num_frames_in < 1 or num_frames_out < 1:
        raise ValueError(f"at least one frame in and out expected, {num_frames_in} in and {num_frames_out} out found")
