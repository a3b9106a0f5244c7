"""What can be measured on the pixels of a clip without a model.

T frames, H and W the height and width. A pixel is visible where alpha >= 128. Luma is that of ITU-R BT.601, in whole
grey levels: `(19595 R + 38470 G + 7471 B + 32768) >> 16`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from vsd2m.media.clip import Frames

VISIBLE_ALPHA = 128
Plane = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Measures:
    """`entropy`: bits of Shannon entropy of the visible pixels' luma (0 for a frame without any), mean over frames.

    `motion_energy`: the mean absolute change of luma from one frame to the next, 0..1, averaged over a black and a
    white background, so that what moves is seen whatever its colour. `sharpness`: variance of the 4-neighbour
    Laplacian of the luma on black, mean over frames.
    `transparent_share`: the share of pixels that are not visible, mean over frames.
    """

    num_distinct_frames: int
    entropy: float
    transparent_share: float
    motion_energy: float
    sharpness: float


def measure(frames: Frames) -> Measures:
    """The measures of `frames` (`[T, H, W, 4]`), rounded to 6 decimals."""
    lumas = [luma(frame) for frame in frames]
    return Measures(
        num_distinct_frames=len({frame.tobytes() for frame in frames}),
        entropy=round(float(np.mean([entropy(gray, frame) for gray, frame in zip(lumas, frames, strict=True)])), 6),
        transparent_share=round(float((frames[..., 3] < VISIBLE_ALPHA).mean()), 6),
        motion_energy=round(motion_energy(frames), 6),
        sharpness=round(float(np.mean([sharpness(gray) for gray in lumas])), 6),
    )


def aspect_ratio(width: int, height: int) -> float:
    """Longer side / shorter side, at least 1."""
    return max(width, height) / min(width, height)


def luma(frame: Plane) -> Plane:
    """`[H, W]` grey levels of a frame `[H, W, 4]`, alpha ignored."""
    return np.asarray(Image.fromarray(frame).convert("L"))


def entropy(gray: Plane, frame: Plane) -> float:
    """Bits of Shannon entropy of the visible pixels' grey levels, 0 to 8."""
    counts = np.bincount(gray[frame[..., 3] >= VISIBLE_ALPHA], minlength=256)
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def motion_energy(frames: Frames) -> float:
    """Mean absolute change of luma between successive frames, 0..1; 0 for a still."""
    if len(frames) < 2:
        return 0.0
    alpha = frames[..., 3].astype(np.int32)
    on_black = np.stack([luma(frame) for frame in frames]) * alpha // 255
    on_white = on_black + 255 - alpha
    changes = [np.abs(np.diff(plane, axis=0)).mean() / 255 for plane in (on_black, on_white)]
    return float(np.mean(changes))


def sharpness(gray: Plane) -> float:
    """Variance of the 4-neighbour Laplacian; 0 where the picture has no inner pixel."""
    if min(gray.shape) < 3:
        return 0.0
    wide = gray.astype(np.int32)
    around = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
    return float((around - 4 * wide[1:-1, 1:-1]).var())
