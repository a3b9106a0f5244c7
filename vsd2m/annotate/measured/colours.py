"""Colours by their basic English names (Berlin and Kay's eleven, and beige), from hue, saturation and value."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NAMES = (
    "black", "grey", "white", "red", "orange", "brown", "beige", "yellow", "green", "blue", "purple", "pink",
)  # fmt: skip

# upper bounds of the hues, in degrees
_HUES = ((16, "red"), (42, "orange"), (68, "yellow"), (168, "green"), (255, "blue"), (292, "purple"), (345, "pink"))


def name_indices(rgb: Floats) -> NDArray[np.int64]:
    """Index into `NAMES` of each colour of `rgb` [..., 3] in 0..1."""
    value, low = rgb.max(axis=-1), rgb.min(axis=-1)
    chroma = value - low
    saturation = np.divide(chroma, value, out=np.zeros_like(chroma), where=value > 0)
    hue = hue_degrees(rgb)
    indices = np.full(hue.shape, NAMES.index("red"), dtype=np.int64)
    for upper, name in reversed(_HUES):
        indices[hue < upper] = NAMES.index(name)
    warm = (hue < 42) | (hue >= 345)
    light = (saturation < 0.5) & (value > 0.75)
    indices[warm & light & (hue >= 16) & (hue < 60)] = NAMES.index("beige")
    indices[light & (warm & (hue < 16) | (hue >= 345))] = NAMES.index("pink")
    indices[(hue >= 16) & (hue < 60) & (value < 0.62)] = NAMES.index("brown")
    indices[(hue >= 280) & (value < 0.5)] = NAMES.index("purple")
    indices[(saturation < 0.16) | (chroma < 0.08)] = NAMES.index("grey")
    indices[(value > 0.85) & (saturation < 0.12)] = NAMES.index("white")
    indices[value < 0.2] = NAMES.index("black")
    return indices


def hue_degrees(rgb: Floats) -> Floats:
    """Hue in 0..360 of colours [..., 3]; 0 for greys. (Smith, "Color gamut transform pairs", 1978.)"""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    value = rgb.max(axis=-1)
    chroma = value - rgb.min(axis=-1)
    safe = np.where(chroma > 0, chroma, 1.0)
    sixth = np.where(
        value == red,
        ((green - blue) / safe) % 6,
        np.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue: Floats = np.where(chroma > 0, sixth * 60.0, 0.0)
    return hue


def dominant_names(rgb: Floats, *, min_share: float, max_names: int) -> list[str]:
    """Names that cover at least `min_share` of the colours `rgb` [K, 3], most frequent first, at most `max_names`;
    the most frequent name alone if none covers that much; empty if K is 0."""
    if len(rgb) == 0:
        return []
    counts = np.bincount(name_indices(rgb), minlength=len(NAMES))
    order = np.argsort(-counts, kind="stable")
    chosen = [index for index in order if counts[index] >= min_share * len(rgb)] or [order[0]]
    return [NAMES[index] for index in chosen[:max_names]]
