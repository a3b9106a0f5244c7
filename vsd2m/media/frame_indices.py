"""Choosing, flattening and resizing the frames of a clip for models that want a fixed shape.

T frames, H and W the height and width, C the channels.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m.media.clip import Frames

Pixels = npt.NDArray[np.uint8]


def flip_indices(num_frames_in: int, num_frames_out: int) -> npt.NDArray[np.int64]:
    """`[num_frames_out]` indices that play the clip forwards and backwards until there are enough.

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


def uniform_indices(num_frames_in: int, num_frames_out: int) -> npt.NDArray[np.int64]:
    """`[num_frames_out]`: the frame at the start of each of that many equal parts; too few frames are repeated."""
    _check_counts(num_frames_in, num_frames_out)
    return np.arange(num_frames_out, dtype=np.int64) * num_frames_in // num_frames_out


def middle_indices(num_frames_in: int, num_frames_out: int) -> npt.NDArray[np.int64]:
    """`[num_frames_out]`: the frame in the middle of each of that many equal parts; both ends are treated alike."""
    _check_counts(num_frames_in, num_frames_out)
    return (2 * np.arange(num_frames_out, dtype=np.int64) + 1) * num_frames_in // (2 * num_frames_out)


def repeat_indices(num_frames_in: int, num_frames_out: int) -> npt.NDArray[np.int64]:
    """`[num_frames_out]` indices that play the clip from its start again and again."""
    _check_counts(num_frames_in, num_frames_out)
    return np.arange(num_frames_out, dtype=np.int64) % num_frames_in


def time_indices(played_durations_ms: npt.ArrayLike, num_frames_out: int) -> npt.NDArray[np.int64]:
    """`[num_frames_out]`: the frame on screen in the middle of each of that many equal parts of one loop.

    `played_durations_ms` (`[T]`, all positive) as browsers show them: `vsd2m.media.clip.played`. Exact: a frame that
    ends exactly in the middle is not chosen.
    """
    ends = np.cumsum(np.asarray(played_durations_ms, np.int64))
    _check_counts(len(ends), num_frames_out)
    middles = (2 * np.arange(num_frames_out, dtype=np.int64) + 1) * ends[-1] // (2 * num_frames_out)
    return np.asarray(np.searchsorted(ends, middles, side="right"), np.int64)


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
    """Frames (`[T, H, W, C]`, C 3 or 4) resized to `size` (a side, or `(height, width)`), bicubic, antialiased.

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
