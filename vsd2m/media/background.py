"""Where a clip shows something: the background told from the figure, and the window that the figure moves in.

T frames, h and w the size of the (reduced) pictures.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.uint8]

TOLERANCE = 24
"""Grey levels by which a background pixel may differ from the background's colour (compression does that)."""
FLAT_SHARE = 0.6
"""A background counts as flat where this share of the border has its colour."""


class Figure(NamedTuple):
    """`coverage`: `[T, h, w]`, 255 on the figure, 0 on the background. `background`: the background's luma."""

    coverage: Plane
    background: int


class Window(NamedTuple):
    """A rectangle in pixels, ends not included."""

    top: int
    bottom: int
    left: int
    right: int


def figure(pixels: Pixels, luma: Plane) -> Figure:
    """The figure in `pixels` (`[T, h, w, 4]`): what is not transparent or, in an opaque clip, what a flat background
    that reaches the border leaves; everything where there is neither. A transparent background counts as mid-grey."""
    alpha = pixels[..., 3]
    if (alpha < 128).mean() > 0.01:
        return Figure(alpha, 128)
    background = int(np.median(_border(luma)))
    border = _border(pixels[..., :3])
    colour = np.median(border, axis=0).astype(np.int16)
    if (np.abs(border - colour).max(axis=-1) <= TOLERANCE).mean() < FLAT_SHARE:
        return Figure(alpha, background)
    alike = np.abs(pixels[..., :3] - colour).max(axis=-1) <= TOLERANCE
    outside = _reaches_border(alike)
    if outside.mean() > 0.995:
        return Figure(alpha, background)
    return Figure(np.where(outside, 0, 255).astype(np.uint8), background)


def window(coverage: Plane) -> Window:
    """The rectangle around the figure in all frames; specks under 2 % of a side do not widen it."""
    seen = (coverage > 127).any(axis=0)
    top, bottom = _span(seen.sum(axis=1), seen.shape[1])
    left, right = _span(seen.sum(axis=0), seen.shape[0])
    return Window(top, bottom, left, right)


def _border(planes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The outermost pixels of all frames: `[N, ...]` for planes `[T, h, w, ...]`."""
    sides = (planes[:, 0], planes[:, -1], planes[:, :, 0], planes[:, :, -1])
    return np.concatenate([side.reshape(-1, *planes.shape[3:]) for side in sides])


def _reaches_border(alike: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The pixels of the mask (`[T, h, w]`) that a path of at most two bends within the mask joins to the border."""
    reached = np.zeros_like(alike)
    for _ in range(2):
        for axis in (1, 2):
            for direction in (1, -1):
                view = (slice(None),) * axis + (slice(None, None, direction),)
                reached[view] |= _runs_from_seed(alike[view], reached[view], axis)
    return reached


def _runs_from_seed(alike: npt.NDArray[np.bool_], seed: npt.NDArray[np.bool_], axis: int) -> npt.NDArray[np.bool_]:
    """Along `axis`, the part of each run of the mask that follows a seed or the border."""
    shape = [1, 1, 1]
    shape[axis] = alike.shape[axis]
    place = np.arange(alike.shape[axis], dtype=np.int16).reshape(shape)
    last_wall = np.maximum.accumulate(np.where(alike, np.int16(-1), place), axis=axis)
    last_seed = np.maximum.accumulate(np.where(seed, place, np.int16(-1)), axis=axis)
    found: npt.NDArray[np.bool_] = alike & ((last_wall < 0) | (last_seed > last_wall))
    return found


def _span(counts: npt.NDArray[Any], length: int) -> tuple[int, int]:
    used = np.flatnonzero(counts >= max(1.0, 0.02 * length))
    return (int(used[0]), int(used[-1]) + 1) if len(used) else (0, len(counts))
