"""A histogram with a limit, as SVG."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from vsd2m.pages.html import number

WIDTH, HEIGHT, _FOOT = 720, 180, 34
NUM_BINS = 48


def histogram(values: Sequence[float], *, limit: float, passes: Callable[[float], bool]) -> str:
    """Bars of `values` (the height is the logarithm of the count), coloured by whether the middle of a bar `passes`.

    The axis ends at the 99.5th percentile, or a little past the limit; what lies beyond counts in the last bar.
    """
    low, high = _axis(values, limit)
    edges = np.linspace(low, high, NUM_BINS + 1)
    counts, _ = np.histogram(np.clip(values, low, high), edges)
    bars = [_bar(k, int(count), int(counts.max()), edges, passes) for k, count in enumerate(counts) if count]
    at = (limit - low) / (high - low) * WIDTH
    line = f'<line class="limit" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{HEIGHT}"/>'
    marks = [
        _mark(share * WIDTH, HEIGHT + 14, anchor, number(low + share * (high - low)))
        for share, anchor in ((0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1, "end"))
    ]
    name = _mark(at, HEIGHT + 29, "middle", f"limit {number(limit)}")
    inside = "".join([*bars, line, *marks, name])
    return f'<svg viewBox="-30 -4 {WIDTH + 60} {HEIGHT + _FOOT + 8}" width="{WIDTH}" role="img">{inside}</svg>'


def _axis(values: Sequence[float], limit: float) -> tuple[float, float]:
    low = min(float(np.min(values)), limit)
    high = max(float(np.percentile(values, 99.5)), limit)
    room = (high - low) * 0.05 or 1.0
    return (low if low >= 0 and low < room else low - room), high + room


def _mark(x: float, y: int, anchor: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{text}</text>'


def _bar(
    place: int,
    count: int,
    most: int,
    edges: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    passes: Callable[[float], bool],
) -> str:
    height = HEIGHT * math.log1p(count) / math.log1p(most)
    width = WIDTH / NUM_BINS
    middle = float(edges[place] + edges[place + 1]) / 2
    side = "kept" if passes(middle) else "dropped"
    box = f'x="{place * width:.1f}" y="{HEIGHT - height:.1f}" width="{width - 1:.1f}" height="{height:.1f}"'
    span = f"{number(float(edges[place]))} to {number(float(edges[place + 1]))}: {count:,}"
    return f'<rect class="{side}" {box}><title>{span}</title></rect>'
