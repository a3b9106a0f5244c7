"""Plots as SVG text that needs nothing else: bars and dots with intervals, and a radar of the aspects.

Colours are the CSS classes `m0` ... `m8` of the page, so that they follow its light and dark theme.
"""

from collections.abc import Iterable, Sequence
from html import escape
from math import cos, pi, sin

from vsd2m.labelling.choices import Estimate

COLOURS = 9
WIDTH, ROW, LABELS, RIGHT, TOP = 640, 34, 150, 70, 14
RADIUS = 130


def bars(names: Sequence[str], estimates: Sequence[Estimate], *, reference: float, reference_name: str) -> str:
    """Shares from 0 to 1 as bars with intervals, and a dashed line at `reference`."""
    parts = _frame(
        len(names), 0.0, max(0.05, min(1.0, max(e.high for e in estimates) * 1.08)), reference, reference_name
    )
    place = parts.place
    for row, (name, estimate) in enumerate(zip(names, estimates, strict=True)):
        y = TOP + row * ROW
        width = place(estimate.value) - LABELS
        parts.add(
            f'<rect class="m{row % COLOURS} bar" x="{LABELS}" y="{y + 5}" width="{width:.1f}" height="20" rx="3"/>'
        )
        parts.add_row(y, name, estimate, f"{estimate.value:.1%}")
    return parts.svg(len(names), "Share of choices per model")


def dots(names: Sequence[str], estimates: Sequence[Estimate], *, reference: float, reference_name: str) -> str:
    """Strengths as dots with intervals, and a dashed line at `reference`."""
    low, high = min(e.low for e in estimates), max(e.high for e in estimates)
    margin = 0.08 * max(high - low, 0.1)
    parts = _frame(len(names), min(low, reference) - margin, max(high, reference) + margin, reference, reference_name)
    for row, (name, estimate) in enumerate(zip(names, estimates, strict=True)):
        y = TOP + row * ROW
        parts.add_row(y, name, estimate, f"{estimate.value:+.2f}")
        parts.add(f'<circle class="m{row % COLOURS} dot" cx="{parts.place(estimate.value):.1f}" cy="{y + 15}" r="6"/>')
    return parts.svg(len(names), "Strength per model")


def radar(
    aspects: Sequence[str], models: Sequence[str], means: Sequence[Sequence[float | None]], *, largest: int
) -> str:
    """One axis per aspect from 1 in the middle to `largest`, one outline per model; `means` [aspect][model]."""
    cx, cy = WIDTH / 2, RADIUS + 44

    def point(axis: int, value: float) -> tuple[float, float]:
        angle = 2 * pi * axis / len(aspects) - pi / 2
        far = RADIUS * (value - 1) / (largest - 1)
        return cx + far * cos(angle), cy + far * sin(angle)

    parts = []
    for tick in range(2, largest + 1):
        parts.append(f'<polygon class="grid" points="{_points(point(axis, tick) for axis in range(len(aspects)))}"/>')
        x, y = point(0, tick)
        parts.append(f'<text class="tick" x="{x + 5:.1f}" y="{y + 13:.1f}">{tick}</text>')
    for axis, aspect in enumerate(aspects):
        x, y = point(axis, largest)
        parts.append(f'<line class="grid" x1="{cx}" y1="{cy}" x2="{x:.1f}" y2="{y:.1f}"/>')
        parts.append(_axis_label(aspect, x - cx, y - cy, cx, cy))
    for m, model in enumerate(models):
        outline = [point(axis, value) for axis, row in enumerate(means) if (value := row[m]) is not None]
        title = f"<title>{escape(model)}</title>"
        parts.append(f'<polygon class="m{m % COLOURS} outline" points="{_points(outline)}">{title}</polygon>')
    height = int(cy + RADIUS + 40)
    return _svg("".join(parts), height, "Mean rating of each aspect per model")


def _axis_label(text: str, dx: float, dy: float, cx: float, cy: float) -> str:
    far = 1 + 16 / RADIUS
    anchor = "middle" if abs(dx) < 1 else "start" if dx > 0 else "end"
    return f'<text x="{cx + dx * far:.1f}" y="{cy + dy * far + 4:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


class _Rows:
    """The parts of a plot with one row per model and a horizontal scale from `low` to `high`."""

    def __init__(self, low: float, high: float) -> None:
        self._low = low
        self._high = high
        self._parts: list[str] = []

    def place(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return LABELS + share * (WIDTH - LABELS - RIGHT)

    def add(self, part: str) -> None:
        self._parts.append(part)

    def add_row(self, y: float, name: str, estimate: Estimate, shown: str) -> None:
        """The model's name, the whiskers of its interval, and the value in figures."""
        low, high, middle = self.place(estimate.low), self.place(estimate.high), y + 15
        self.add(f'<text x="{LABELS - 10}" y="{middle + 5}" text-anchor="end">{escape(name)}</text>')
        ends = f"M{low:.1f} {middle - 5}V{middle + 5}M{high:.1f} {middle - 5}V{middle + 5}"
        self.add(f'<path class="whisker" d="M{low:.1f} {middle}H{high:.1f}{ends}"/>')
        self.add(f'<text class="figure" x="{WIDTH}" y="{middle + 5}" text-anchor="end">{shown}</text>')

    def svg(self, num_rows: int, label: str) -> str:
        return _svg("".join(self._parts), TOP + num_rows * ROW + 22, label)


def _frame(num_rows: int, low: float, high: float, reference: float, reference_name: str) -> _Rows:
    rows = _Rows(low, high)
    x, bottom = rows.place(reference), TOP + num_rows * ROW
    rows.add(f'<line class="reference" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
    rows.add(f'<text class="tick" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{escape(reference_name)}</text>')
    return rows


def _svg(content: str, height: int, label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">{content}</svg>'
