"""What can be measured on the pixels of a clip without a model.

T frames, H and W the height and width; `vsd2m.media.luma` says what luma and visible mean. What is summed is whole
numbers below 2**53, so that every machine gets the same bits.
"""

import itertools
from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vsd2m.media.clip import Frames
from vsd2m.media.luma import Luma, Planes, histogram, visible_luma
from vsd2m.media.sampling import linspace_indices

MAX_SHARPNESS_FRAMES = 4


@dataclass(frozen=True)
class Measures:
    """`entropy`: bits of Shannon entropy of the visible pixels' luma (0 for a frame without any), mean over frames.

    `transparent_share`: share of pixels that are not visible, mean over frames.
    `motion_energy`: mean absolute change of luma from one frame to the next, 0..1, averaged over a black and a white
    background, so that whatever moves is seen.
    `sharpness`: variance of the 4-neighbour Laplacian of the luma on white, mean over up to 4 frames at equal steps.
    """

    num_distinct_frames: int
    entropy: float
    transparent_share: float
    motion_energy: float
    sharpness: float


def measure(frames: Frames) -> Measures:
    """The measures of `frames` (`[T, H, W, 4]`), rounded to 6 decimals."""
    frames = np.ascontiguousarray(frames)
    luma = visible_luma(frames)
    distinct = DistinctFrames(frames)
    packed = b"".join([distinct.add(index, plane) for index, plane in enumerate(luma.on_black)])
    counts = np.frombuffer(packed, np.intc).astype(np.int64).reshape(-1, 256)
    return Measures(
        num_distinct_frames=distinct.count,
        entropy=round(_mean_entropy(counts, luma), 6),
        transparent_share=round(int(luma.num_hidden.sum()) / luma.on_black.size, 6),
        motion_energy=round(_mean_motion_energy(counts, luma), 6),
        sharpness=round(_mean_sharpness(luma.on_white), 6),
    )


def aspect_ratio(width: int, height: int) -> float:
    """Longer side / shorter side, at least 1."""
    return max(width, height) / min(width, height)


class DistinctFrames:
    """Counts the frames with distinct pixels; equals are looked for among the frames of the same histogram."""

    def __init__(self, frames: Frames) -> None:
        self._words = frames.reshape(len(frames), -1).view("<u4")
        self._seen: dict[bytes, list[int]] = {}
        self._last = b""
        self.count = 0

    def add(self, index: int, plane: Planes) -> bytes:
        """The histogram of frame `index`, whose luma is `plane`: 256 int32. Frames are given in order."""
        if index and self._equal(index, index - 1):
            return self._last
        self._last = array("i", histogram(plane)).tobytes()
        alike = self._seen.setdefault(self._last, [])
        if not any(self._equal(index, other) for other in alike):
            alike.append(index)
            self.count += 1
        return self._last

    def _equal(self, one: int, other: int) -> bool:
        first, second = self._words[one], self._words[other]
        return bool((first[::997] == second[::997]).all() and (first == second).all())


def entropy(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """`[T]` bits of Shannon entropy of the histograms `counts` (`[T, 256]`), 0 to 8; 0 for an empty one."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    bits: npt.NDArray[np.float64] = 0.0 - (shares * logs).sum(axis=1)
    return bits


def motion_energy(planes: Planes, levels: npt.NDArray[np.int64]) -> float:
    """Mean absolute change between successive `planes` (`[T, H, W]`), 0..1; 0 for a still. `levels`: `[T]` their sums.

    The sum of |a - b| is twice that of max(a, b), less those of a and of b.
    """
    if len(planes) < 2:
        return 0.0
    higher = np.empty(planes.shape[1:], np.uint8)
    highest = 0
    for before, after in itertools.pairwise(planes):
        highest += int(np.maximum(before, after, out=higher).sum(dtype=np.uint32))
    change = 2 * highest - int(levels[:-1].sum()) - int(levels[1:].sum())
    return change / (255 * planes[1:].size)


def sharpness(plane: Planes) -> float:
    """Variance of the 4-neighbour Laplacian of grey levels `[H, W]`; 0 where the picture has no inner pixel."""
    height, width = plane.shape
    if min(height, width) < 3:
        return 0.0
    wide = plane.ravel().astype(np.int16)
    inner, num_inner = width + 1, wide.size - 2 * (width + 1)
    laplacian = np.zeros((height - 2) * width, np.int16)
    filled = laplacian[:num_inner]
    np.multiply(wide[inner : inner + num_inner], -4, out=filled)
    for offset in (-width, -1, 1, width):
        filled += wide[inner + offset : inner + offset + num_inner]
    rows = laplacian.reshape(height - 2, width)[:, :-2]  # the last two of a row have neighbours across the edge
    values = rows.astype(np.float64).ravel()
    return float((values @ values - values.sum() ** 2 / values.size) / values.size)


def _mean_entropy(counts: npt.NDArray[np.int64], luma: Luma) -> float:
    visible = counts.copy()
    visible[:, 0] -= luma.num_hidden
    return float(entropy(visible).mean())


def _mean_motion_energy(counts: npt.NDArray[np.int64], luma: Luma) -> float:
    levels = counts @ np.arange(256)
    on_black = motion_energy(luma.on_black, levels)
    if luma.is_opaque:
        return on_black
    return (on_black + motion_energy(luma.on_white, levels + 255 * luma.num_hidden)) / 2


def _mean_sharpness(planes: Planes) -> float:
    indices = linspace_indices(len(planes), min(len(planes), MAX_SHARPNESS_FRAMES))
    return sum(sharpness(planes[index]) for index in indices) / len(indices)
