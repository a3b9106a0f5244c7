"""The blur of the frames, measured by the effect of blurring them again (Crete et al., SPIE 6492, 2007)."""

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.metric import ClipMetric
from vsd2m.benchmark.suite.clips import JudgedClip

FRAMES = "spread8"
WIDTH = 11
WORST = 1.0
LUMA = np.array([0.2125, 0.7154, 0.0721])


class FrameBlur(ClipMetric):
    """0 (sharp) to 1 (blurred), mean over 8 frames. A frame without edges has the worst value, 1.

    Blurring removes most differences between neighbours of a sharp picture, but few of a blurred one. Noise counts as
    sharpness: read it together with `frame_noise`.
    """

    name = "frame_blur"
    better = "lower"

    def protocol(self) -> dict[str, str | int]:
        filtered = f"mean of {WIDTH} pixels"
        return {"frames": FRAMES, "filter": filtered, "axis": "the more blurred one", "no edge": str(WORST)}

    def measure(self, clip: JudgedClip) -> float | None:
        frames = clip.frames_by(FRAMES)
        return float(np.mean([blur_of(frame @ LUMA) for frame in frames]))


def blur_of(grey: NDArray[np.float64]) -> float:
    """The blur of a picture [H, W] of any range; the worst value if neighbours never differ."""
    shares = [share for axis in (0, 1) if (share := _kept_share(grey, axis)) is not None]
    return max(shares, default=WORST)


def _kept_share(grey: NDArray[np.float64], axis: int) -> float | None:
    """The share of the differences along an axis that remains after blurring along it."""
    differences = np.abs(_gradient(grey, axis))
    blurred_differences = np.abs(_gradient(_mean_filter(grey, axis), axis))
    inner = tuple(slice(2, length - 1) for length in grey.shape)
    total = float(differences[inner].sum())
    return 1 - float(np.maximum(0, differences - blurred_differences)[inner].sum()) / total if total > 0 else None


def _mean_filter(grey: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """The mean over `WIDTH` pixels along the axis, edges mirrored."""
    half = WIDTH // 2
    padding = [(0, 0), (0, 0)]
    padding[axis] = (half, half)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(grey, padding, mode="symmetric"), WIDTH, axis=axis)
    smooth: NDArray[np.float64] = windows.mean(axis=-1)
    return smooth


def _gradient(grey: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Sobel's gradient: the difference of both neighbours along the axis, smoothed 1 2 1 across it, edges mirrored."""
    padded = np.pad(grey, 1, mode="symmetric")
    along = padded[2:] - padded[:-2] if axis == 0 else padded[:, 2:] - padded[:, :-2]
    if axis == 0:
        return (along[:, :-2] + 2 * along[:, 1:-1] + along[:, 2:]) / 8
    return (along[:-2] + 2 * along[1:-1] + along[2:]) / 8
