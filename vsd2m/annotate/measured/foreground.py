"""The visible foreground of a sticker: the pixels that differ from a transparent or one-coloured background.

It describes what a viewer sees move, so weights are soft (a foreground that fades has a lower level), and the
background's colour counts as background inside the foreground too. `vsd2m.media.fingerprints.silhouette` serves another
purpose, recognising copies on other backgrounds, and is solid: everything that cannot be reached from the border, such
as a white face in a black outline, belongs to it. On 81 real stickers in which both find something the areas differ by
a median of 0.01 of the picture if it is transparent and 0.13 if it is opaque.

N frames, h height, w width. Distances are in units of the longer side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vsd2m.annotate.measured.thumbnails import Thumbnails

Floats = NDArray[np.float64]

_TRANSPARENT_SHARE = 0.02
_BORDER_TOLERANCE = 0.06
_BORDER_SHARE = 0.8  # of the border's pixels that must have the background's colour
_BLANK_LEVEL = 0.08


@dataclass(frozen=True)
class Foreground:
    """Per frame: its visibility (`level`, 0..1) and, in its mask, `centre` [N, 2] (x, y), `area` (share of the picture)
    and `spread` (root mean square distance from the centre). Geometry is NaN in frames without a foreground.
    `background` is None if it is transparent.
    """

    mask: NDArray[np.bool_]
    level: Floats
    centre: Floats
    area: Floats
    spread: Floats
    background: Floats | None

    @property
    def present(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.area)


def find_foreground(thumbs: Thumbnails) -> Foreground | None:
    """The foreground, or None if no background is detected, as in a photograph that fills its frame."""
    weights, background = _weights(thumbs)
    if weights is None or not (weights > 0.5).any():
        return None
    level = _level(weights)
    mask = (weights > 0.4 * level[:, None, None]) & (level[:, None, None] > _BLANK_LEVEL)
    centre, area, spread = _geometry(mask)
    if float(np.nanmedian(area)) > 0.97:
        return None
    return Foreground(mask, level, centre, area, spread, background)


def longer_side(shape: tuple[int, ...]) -> int:
    """The longer side of frames [N, h, w, ...]."""
    return max(shape[1:3])


def _weights(thumbs: Thumbnails) -> tuple[Floats | None, Floats | None]:
    """The weight of each pixel [N, h, w] in 0..1, and the background's colour (None: transparent)."""
    if float((thumbs.alpha < 0.5).mean()) > _TRANSPARENT_SHARE:
        return thumbs.alpha, None
    rgb = thumbs.over(np.ones(3))
    border = np.concatenate([rgb[:, 0], rgb[:, -1], rgb[:, :, 0], rgb[:, :, -1]], axis=1).reshape(-1, 3)
    background = np.median(border, axis=0)
    if float((np.abs(border - background).max(axis=1) < _BORDER_TOLERANCE).mean()) < _BORDER_SHARE:
        return None, None
    distance = np.abs(rgb - background).max(axis=3)
    standing_out = distance[distance > 2 * _BORDER_TOLERANCE]
    if standing_out.size == 0:
        return None, background
    return np.clip(distance / float(np.quantile(standing_out, 0.9)), 0.0, 1.0), background


def _level(weights: Floats) -> Floats:
    """Mean weight of each frame's strongest pixels; their number is a quarter of the median area."""
    flat = np.sort(weights.reshape(len(weights), -1), axis=1)
    areas = (flat > 0.5).sum(axis=1)
    count = max(1, int(np.median(areas[areas > 0])) // 4)
    level: Floats = flat[:, -count:].mean(axis=1)
    return level


def _geometry(mask: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    _, height, width = mask.shape
    unit = float(longer_side(mask.shape))
    y, x = (np.mgrid[0:height, 0:width] + 0.5) / unit
    count = mask.sum(axis=(1, 2)).astype(np.float64)
    count[count == 0] = np.nan
    centre_x, centre_y = ((mask * axis).sum(axis=(1, 2)) / count for axis in (x, y))
    square = (mask * (x**2 + y**2)).sum(axis=(1, 2)) / count - centre_x**2 - centre_y**2
    return np.stack([centre_x, centre_y], axis=1), count / (height * width), np.sqrt(np.maximum(square, 0.0))
