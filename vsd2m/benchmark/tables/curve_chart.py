"""Curves as one SVG that needs nothing else: a panel per metric, a line per training, intervals as a band."""

from collections.abc import Sequence
from html import escape
from math import floor, isfinite, log10

from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.tables.curves import Curve
from vsd2m.benchmark.tables.results_tables import ARROWS

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 400, 250, 58, 14, 34, 40
PER_ROW = 3
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0528b", "#a67c00", "#5b4bc4", "#6b7280", "#7a4a2a", "#a3263b")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:currentColor}.name{font-weight:600;font-size:13px}"
    ".grid{stroke:currentColor;stroke-opacity:.14}.real{stroke:currentColor;stroke-opacity:.6;stroke-dasharray:5 4}"
    ".tick,.axis{fill-opacity:.7}"
)


def curve_chart(curves: Sequence[Curve]) -> str:
    """The SVG's text. Lines of one training have one colour; a dashed line is what real stickers score."""
    metrics = list({curve.metric: None for curve in curves})
    series = list({curve.series: None for curve in curves})
    panels = [
        _panel([curve for curve in curves if curve.metric == metric], series, place)
        for place, metric in enumerate(metrics)
    ]
    columns = min(PER_ROW, len(metrics))
    height = -(-len(metrics) // PER_ROW) * HEIGHT + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * WIDTH} {height}" role="img" '
        f'aria-label="Metrics against training steps" style="max-width:{columns * WIDTH}px">'
        f"<style>{_STYLE}</style>{''.join(panels)}{_legend(series, height - 12)}</svg>\n"
    )


class _Scale:
    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        self.low, self.high = min(values), max(values)
        margin = 0.06 * (self.high - self.low) or 0.5
        self._low, self._high = self.low - margin, self.high + margin
        self._first, self._last = first, last

    def place(self, value: float) -> float:
        return self._first + (value - self._low) / (self._high - self._low) * (self._last - self._first)

    def ticks(self) -> list[float]:
        """Round numbers, three to six of them."""
        rough = (self._high - self._low) / 4
        size = 10.0 ** floor(log10(rough))
        step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
        first = -floor(-self._low / step)
        return [number * step for number in range(first, floor(self._high / step) + 1)]


def _panel(curves: Sequence[Curve], series: Sequence[str], place: int) -> str:
    x0, y0 = place % PER_ROW * WIDTH, place // PER_ROW * HEIGHT
    scores = [score for curve in curves for _, score in curve.points]
    real = curves[0].real
    level = [real.value] if real is not None and isfinite(real.value) else []
    seen = [bound for score in scores for bound in _bounds(score)]
    across = _Scale([step for curve in curves for step, _ in curve.points], x0 + LEFT, x0 + WIDTH - RIGHT)
    up = _Scale([*seen, *level], y0 + HEIGHT - BOTTOM, y0 + TOP)
    title = escape(f"{curves[0].metric}{ARROWS[curves[0].better]}")
    parts = [f'<text class="name" x="{x0 + LEFT}" y="{y0 + 20}">{title}</text>']
    for tick in up.ticks():
        y = up.place(tick)
        parts.append(f'<path class="grid" d="M{x0 + LEFT} {y:.1f}H{x0 + WIDTH - RIGHT}"/>')
        parts.append(f'<text class="tick" x="{x0 + LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
    for tick in across.ticks():
        at = f'x="{across.place(tick):.1f}" y="{y0 + HEIGHT - BOTTOM + 18}"'
        parts.append(f'<text class="tick" {at} text-anchor="middle">{tick:g}</text>')
    parts += [f'<path class="real" d="M{x0 + LEFT} {up.place(value):.1f}H{x0 + WIDTH - RIGHT}"/>' for value in level]
    parts += [_line(curve, COLOURS[series.index(curve.series) % len(COLOURS)], across, up) for curve in curves]
    return "".join(parts)


def _line(curve: Curve, colour: str, across: _Scale, up: _Scale) -> str:
    middle = [(across.place(step), up.place(score.value)) for step, score in curve.points]
    above = [(across.place(step), up.place(_bounds(score)[1])) for step, score in curve.points]
    below = [(across.place(step), up.place(_bounds(score)[0])) for step, score in curve.points]
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"><title>{_tip(curve, number)}</title></circle>'
        for number, (x, y) in enumerate(middle)
    )
    band = _path([*above, *below[::-1]])
    return (
        f'<path d="{band}Z" fill="{colour}" fill-opacity=".15"/>'
        f'<path d="{_path(middle)}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'
    )


def _tip(curve: Curve, number: int) -> str:
    step, score = curve.points[number]
    value = f"{score.value:.4g} [{score.low:.4g}, {score.high:.4g}], n = {score.num_clips}"
    return escape(f"{curve.series}, {step} steps: {value}")


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _bounds(score: Score) -> tuple[float, float]:
    """The interval, or the value itself where there is none."""
    return (score.low, score.high) if isfinite(score.low) and isfinite(score.high) else (score.value, score.value)


def _legend(series: Sequence[str], y: int) -> str:
    parts, x = [], LEFT
    for number, name in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<circle cx="{x}" cy="{y - 4}" r="5" fill="{colour}"/><text x="{x + 11}" y="{y}">')
        parts.append(f"{escape(name)}</text>")
        x += 36 + 8 * len(name)
    line = f'<path class="real" d="M{x} {y - 4}h22"/><text x="{x + 28}" y="{y}">real stickers</text>'
    return "".join(parts) + line
