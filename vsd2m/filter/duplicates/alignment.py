"""Lays one small picture on another: shift and scale along each axis (Lucas and Kanade, IJCAI 1981).

P pairs; a motion `[P, 4]` is (shift, scale) down, then (shift, scale) across: the cell at distance u from the middle
of the first picture lies at u + shift + scale u in the second.
"""

import numpy as np
import numpy.typing as npt

Planes = npt.NDArray[np.float32]
Motions = npt.NDArray[np.float32]

NUM_SMOOTH_STEPS, NUM_STEPS = 2, 5
MAX_SHIFT, MAX_SCALE = 3.3, 0.13  # cells and share: borders of up to 5 % cut off or added on each side
OUTLIER, OUTLIER_SLOPE = 8.0, 0.5  # grey levels, and share of the gradient, past which a cell loses weight
_RIDGE, _RIGID = 50.0, 1e9


def align(first: Planes, second: Planes, start: Motions) -> Motions:
    """The motion, near `start`, that lays `second` (`[P, n, n]`) best on `first`: smoothed first, since thin lines
    draw the search only over a cell, and a shift alone in the first step. Cells that differ lose weight (Cauchy's),
    so that what lies beyond the pictures' common part does not pull at them."""
    size = first.shape[-1]
    offset = (np.arange(size) - (size - 1) / 2).astype(np.float32)
    bounds = np.array([MAX_SHIFT, MAX_SCALE, MAX_SHIFT, MAX_SCALE], np.float32)
    ridge = np.diag([1, size * size / 6, 1, size * size / 6]).astype(np.float32) * np.float32(_RIDGE)
    rigid = ridge + np.diag([0, _RIGID, 0, _RIGID]).astype(np.float32)
    smoothed = _smoothed(first), _smoothed(second)
    motion: Motions = start.copy()
    for step in range(NUM_STEPS):
        still, moving = smoothed if step < NUM_SMOOTH_STEPS else (first, second)
        moved, inside = warp(moving, motion)
        down, across = np.gradient(moved, axis=(1, 2))
        slopes = np.stack([down, down * offset[:, None], across, across * offset], axis=1) * inside[:, None]
        slopes = slopes.reshape(len(first), 4, -1)
        error = (still - moved) * inside
        outlying = error / (np.float32(OUTLIER) + np.float32(OUTLIER_SLOPE) * np.hypot(down, across))
        weighted = slopes / (1 + outlying * outlying).reshape(len(first), 1, -1)
        normal = weighted @ slopes.transpose(0, 2, 1) + (ridge if step else rigid)
        motion += np.linalg.solve(normal, weighted @ error.reshape(len(first), -1, 1))[..., 0]
        np.clip(motion, start - bounds, start + bounds, out=motion)
    return motion


def warp(planes: Planes, motion: Motions) -> tuple[Planes, Planes]:
    """`planes` moved, and where (1 or 0) the result lies inside them."""
    size = planes.shape[-1]
    middle = np.float32((size - 1) / 2)
    place = np.arange(size, dtype=np.float32)
    places = [place + motion[:, k, None] + motion[:, k + 1, None] * (place - middle) for k in (0, 2)]
    down, across = (_cubic(where, size) for where in places)
    moved: Planes = (down @ planes @ across.transpose(0, 2, 1)).astype(np.float32, copy=False)
    rows, columns = ((where >= -0.5) & (where <= size - 0.5) for where in places)
    inside: Planes = (rows[:, :, None] & columns[:, None]).astype(np.float32)
    return moved, inside


def between_windows(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32], size: int) -> Motions:
    """The motion for pictures that show the windows `first` and `second` (`[P, 4]`) of one and the same frame."""
    middle = (size - 1) / 2
    motion = np.empty((len(first), 4), np.float32)
    for k in (0, 2):
        length, other = first[:, k + 1] - first[:, k], second[:, k + 1] - second[:, k]
        centre = (first[:, k] + length / 2 - second[:, k]) / other * size - 0.5
        motion[:, k], motion[:, k + 1] = centre - middle, length / other - 1
    return motion


def _cubic(places: npt.NDArray[np.float32], size: int) -> Planes:
    """The weights `[P, n, n]` of cubic convolution (Keys, ASSP 1981) at `places`: linear ones would blur."""
    away = np.abs(np.clip(places, 0, size - 1)[:, :, None] - np.arange(size, dtype=np.float32))
    near, far = np.minimum(away, 1), np.clip(away, 1, 2)
    weights: Planes = (1.5 * near - 2.5) * near * near + 1
    weights += ((2.5 - 0.5 * far) * far - 4) * far + 2
    weights /= weights.sum(axis=2, keepdims=True)
    return weights


def _smoothed(planes: Planes) -> Planes:
    """Binomial means over five cells each way."""
    for axis in (1, 2):
        width = [(2, 2) if axis == k else (0, 0) for k in range(3)]
        padded = np.moveaxis(np.pad(planes, width, mode="edge"), axis, 0)
        rows = padded[:-4] + padded[4:] + 4 * (padded[1:-3] + padded[3:-1]) + 6 * padded[2:-2]
        planes = np.moveaxis(rows, 0, axis) / np.float32(16)
    return planes
