"""What can be measured on the pixels of a clip without a model.

T frames, H and W the height and width; `vsd2m.media.frame_pass` says what luma and visible mean. All sums are of
whole numbers below 2**53, so that every machine gets the same bits.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vsd2m.media.clip import Frames
from vsd2m.media.frame_indices import linspace_indices

if TYPE_CHECKING:
    from vsd2m.media.frame_pass import FrameCounts

MAX_SHARPNESS_FRAMES = 4


@dataclass(frozen=True)
class Measures:
    """`entropy`: bits of Shannon entropy of what a pixel shows, a luma or nothing, within the smallest rectangle around
    the visible ones (0 for a frame without any), mean over frames. What shows nothing counts as a level of its own, so
    that the outline of a one-colour figure is content; the rectangle leaves out the margin of a plain block.
    `transparent_share`: share of pixels that are not visible, mean over frames.
    `motion_energy`: mean absolute change of luma from one frame to the next, 0..1, averaged over a black and a white
    background, so that motion of any colour counts.
    `sharpness`: variance of the 4-neighbour Laplacian of the luma on white, mean over up to 4 frames at equal steps.
    """

    num_distinct_frames: int
    entropy: float
    transparent_share: float
    motion_energy: float
    sharpness: float


def measure(frames: Frames) -> Measures:
    """The measures of `frames` (`[T, H, W, 4]`), rounded to 6 decimals."""
    from vsd2m.media.frame_pass import count_frames

    num_frames, height, width, _ = frames.shape
    counts = count_frames(frames, linspace_indices(num_frames, min(num_frames, MAX_SHARPNESS_FRAMES)))
    num_pixels = height * width
    num_inner = max(height - 2, 0) * max(width - 2, 0)
    return Measures(
        num_distinct_frames=counts.num_distinct,
        entropy=round(_mean_entropy(counts), 6),
        transparent_share=round(int(counts.num_hidden.sum()) / (num_frames * num_pixels), 6),
        motion_energy=round(_motion_energy(counts, (num_frames - 1) * num_pixels), 6),
        sharpness=round(_mean_sharpness(counts, num_inner), 6),
    )


def aspect_ratio(width: int, height: int) -> float:
    """Longer side / shorter side, at least 1."""
    return max(width, height) / min(width, height)


def entropy(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """`[T]` bits of Shannon entropy of the histograms `counts` (`[T, n]`); 0 for an empty one."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    bits: npt.NDArray[np.float64] = 0.0 - (shares * logs).sum(axis=1)
    return bits


def _mean_entropy(counts: "FrameCounts") -> float:
    histograms = np.empty((len(counts.num_hidden), 257), np.int64)
    histograms[:, :256] = counts.histograms
    histograms[:, 0] -= counts.num_hidden
    histograms[:, 256] = counts.num_framed - histograms[:, :256].sum(axis=1)
    return float(entropy(histograms).mean())


def _motion_energy(counts: "FrameCounts", num_changes: int) -> float:
    on_black, on_white = counts.changes.tolist()
    return (on_black + on_white) / (510 * num_changes) if num_changes else 0.0


def _mean_sharpness(counts: "FrameCounts", num_inner: int) -> float:
    """The variance of each frame's Laplacian; 0 where the picture has no inner pixel."""
    if not num_inner:
        return 0.0
    variances = [(squares - total**2 / num_inner) / num_inner for total, squares in counts.laplacians.tolist()]
    return float(sum(variances) / len(variances))
