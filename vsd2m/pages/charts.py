"""Charts as inline SVG: no script, no font, no network; colours come from the page's style sheet."""

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH = 640
_WIDE = 1100

Box = tuple[float, float, float, float]
"""x, y, width, height"""


def bar_chart(counts: Mapping[str, int], *, label_width: int = 150) -> str:
    """Horizontal bars, one per entry, in the order given."""
    row, top = 22, max(counts.values(), default=1)
    room = _WIDTH - label_width - 70
    lines = []
    for i, (label, count) in enumerate(counts.items()):
        y, width = i * row, max(1.5, room * count / top)
        lines.append(f'<text class="label" x="{label_width - 8}" y="{y + 15}" text-anchor="end">{_cut(label)}</text>')
        lines.append(f'<rect class="bar" x="{label_width}" y="{y + 4}" width="{width:.1f}" height="14" rx="3"/>')
        lines.append(f'<text class="value" x="{label_width + width + 6:.1f}" y="{y + 15}">{count:,}</text>')
    return _svg(lines, _WIDTH, max(row, row * len(counts)))


def histogram(counts: Sequence[tuple[str, int]], *, title: str, height: int = 230) -> str:
    """Columns side by side; at most a dozen of them are labelled, `title` stands below."""
    top = max((count for _, count in counts), default=1)
    left, bottom, step = 52, 44, (_WIDTH - 60) / max(1, len(counts))
    plot = height - bottom - 14
    lines = []
    for share in (0, 0.5, 1):
        y = 14 + plot * (1 - share)
        lines.append(f'<line class="grid" x1="{left}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="tick" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{share * top:,.0f}</text>')
    every = math.ceil(len(counts) / 12) or 1
    for i, (label, count) in enumerate(counts):
        bar, x = plot * count / top, left + i * step
        lines.append(
            f'<rect class="bar" x="{x + step * 0.08:.1f}" y="{14 + plot - bar:.1f}" width="{step * 0.84:.1f}" '
            f'height="{bar:.1f}" rx="2"><title>{escape(label)}: {count:,}</title></rect>'
        )
        if i % every == 0:
            y = 14 + plot + 16
            lines.append(
                f'<text class="tick" x="{x + step / 2:.1f}" y="{y}" text-anchor="middle">{escape(label)}</text>'
            )
    lines.append(f'<text class="axis" x="{(left + _WIDTH) / 2}" y="{height - 6}" text-anchor="middle">{title}</text>')
    return _svg(lines, _WIDTH, height)


def funnel_chart(stages: Sequence[Mapping[str, int | str]]) -> str:
    """One bar per stage, as long as what it read: what it kept, dropped and failed on."""
    row, label_width = 30, 150
    top = max((int(stage["num_read"]) for stage in stages), default=1) or 1
    room = _WIDE - label_width - 130
    lines = []
    for i, stage in enumerate(stages):
        y, x = i * row, float(label_width)
        lines.append(
            f'<text class="label" x="{label_width - 8}" y="{y + 19}" text-anchor="end">{_cut(stage["stage"])}</text>'
        )
        for name in ("kept", "dropped", "failed"):
            width = room * int(stage[f"num_{name}"]) / top
            if width:
                lines.append(f'<rect class="{name}" x="{x:.1f}" y="{y + 5}" width="{width:.1f}" height="20" rx="2"/>')
            x += width
        lost = int(stage["num_dropped"]) + int(stage["num_failed"])
        text = f"{int(stage['num_kept']):,}" + (f'<tspan class="lost"> −{lost:,}</tspan>' if lost else "")
        lines.append(f'<text class="value" x="{x + 8:.1f}" y="{y + 19}">{text}</text>')
    return _svg(lines, _WIDE, max(row, row * len(stages)))


def word_cloud(counts: Mapping[str, int], *, height: int = 480) -> str:
    """The words, larger the more frequent, placed along a spiral from the middle outwards; as large as all fit."""
    top = max(counts.values(), default=1)
    fonts = {word: 10 + 34 * (count / top) ** 0.7 for word, count in counts.items()}
    for scale in (1.5, 1.2, 1.0, 0.85, 0.72, 0.6, 0.5, 0.42):
        boxes = _placed({word: scale * font for word, font in fonts.items()}, height)
        if len(boxes) == len(fonts):
            break
    lines = [
        f'<text class="word w{rank % 4}" x="{x + width / 2:.1f}" y="{y + 0.78 * tall:.1f}" '
        f'style="font-size:{scale * fonts[word]:.1f}px" text-anchor="middle">{escape(word)}'
        f"<title>{counts[word]:,}</title></text>"
        for rank, (word, (x, y, width, tall)) in enumerate(boxes.items())
    ]
    return _svg(lines, _WIDTH, height)


def _placed(fonts: Mapping[str, float], height: float) -> dict[str, Box]:
    """A free box for each word, as long as there is room."""
    boxes: dict[str, Box] = {}
    for word, font in fonts.items():
        box = _place(0.66 * font * len(word) + 4, font * 1.02, list(boxes.values()), height)
        if box is not None:
            boxes[word] = box
    return boxes


def _place(width: float, height: float, placed: Sequence[Box], limit: float) -> Box | None:
    """The first free box on the spiral; None if there is none inside the picture."""
    for step in range(900):
        angle, radius = 0.35 * step, 0.62 * 0.35 * step
        x = _WIDTH / 2 + 1.8 * radius * math.cos(angle) - width / 2
        y = limit / 2 + 1.3 * radius * math.sin(angle) - height / 2
        inside = x >= 0 and y >= 0 and x + width <= _WIDTH and y + height <= limit
        if inside and not any(_overlap((x, y, width, height), other) for other in placed):
            return x, y, width, height
    return None


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _cut(label: object) -> str:
    text = str(label)
    return escape(text if len(text) <= 20 else text[:19] + "…")


def _svg(lines: Sequence[str], width: int, height: int) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img">{"".join(lines)}</svg>'
