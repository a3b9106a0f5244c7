"""The shift, scale and rotation that align one frame with the next: the global motion between two frames.

A least-squares fit of a similarity to the brightness-constancy equation, from coarse to fine
(Lucas and Kanade, 1981; Bergen et al., "Hierarchical model-based motion estimation", 1992).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LEVELS = (4, 2, 1)
_ITERATIONS = 4


@dataclass(frozen=True)
class Similarity:
    """Content moves by `shift` (x, y; share of the longer side), grows by `scale`, turns by `angle` (radians,
    clockwise on the screen). `explained` is the share of the pictures' difference that it removes, at most 1."""

    shift: tuple[float, float]
    scale: float
    angle: float
    explained: float


def fit_similarity(before: Floats, after: Floats) -> Similarity:
    """The motion from picture `before` to picture `after`, both [h, w, C] in 0..1; none below 3 pixels."""
    height, width = before.shape[:2]
    if min(height, width) < 3:
        return Similarity((0.0, 0.0), 1.0, 0.0, 0.0)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    matrix = np.array([0.0, 0.0, 0.0, 0.0])  # shift x, shift y, log-like scale a, turn r
    for level in _LEVELS:
        first, second = _blur(before, level), _blur(after, level)
        for _ in range(_ITERATIONS):
            matrix = matrix + _step(first, _warp(second, x, y, matrix), x, y)
    residual = float(np.abs(before - _warp(after, x, y, matrix)).mean())
    difference = float(np.abs(before - after).mean())
    explained = 1.0 - residual / difference if difference > 0 else 0.0
    a, r = 1.0 + matrix[2], matrix[3]
    unit = max(height, width)
    return Similarity((matrix[0] / unit, matrix[1] / unit), float(np.hypot(a, r)), float(np.arctan2(r, a)), explained)


def _step(first: Floats, second: Floats, x: Floats, y: Floats) -> Floats:
    """One Gauss-Newton step: the parameters that best explain `second - first` by the mean gradient of both."""
    grad_y, grad_x = np.gradient((first + second) / 2, axis=(0, 1))
    columns = np.stack(
        [grad_x, grad_y, grad_x * x[..., None] + grad_y * y[..., None], grad_y * x[..., None] - grad_x * y[..., None]]
    ).reshape(4, -1)
    normal = columns @ columns.T + 1e-6 * np.diag([1.0, 1.0, x.size, x.size])
    solution: Floats = -np.linalg.solve(normal, columns @ (second - first).ravel())
    return solution


def _warp(picture: Floats, x: Floats, y: Floats, matrix: Floats) -> Floats:
    """`picture` sampled where the motion moves each pixel, bilinearly, edges repeated."""
    height, width = picture.shape[:2]
    to_x = np.clip((1 + matrix[2]) * x - matrix[3] * y + matrix[0] + (width - 1) / 2, 0, width - 1)
    to_y = np.clip(matrix[3] * x + (1 + matrix[2]) * y + matrix[1] + (height - 1) / 2, 0, height - 1)
    left, top = np.floor(to_x).astype(np.int64), np.floor(to_y).astype(np.int64)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    share_x, share_y = (to_x - left)[..., None], (to_y - top)[..., None]
    upper = picture[top, left] * (1 - share_x) + picture[top, right] * share_x
    lower = picture[bottom, left] * (1 - share_x) + picture[bottom, right] * share_x
    warped: Floats = upper * (1 - share_y) + lower * share_y
    return warped


def _blur(picture: Floats, radius: int) -> Floats:
    """Binomial smoothing, `radius` - 1 passes along each axis; none for radius 1."""
    for _ in range((radius - 1) * 2):
        padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
        rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
        picture = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 16
    return picture
