"""The charts of several pages: bars, columns, outcomes of stages, values on both sides of a limit."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from vsd2m.pages.numbers import number
from vsd2m.pages.svg import COLOURS, chart, cut, label_room

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.ticker import MaxNLocator

ROW = 24
NUM_BINS = 40


def bar_chart(counts: Mapping[str, int], *, label: str) -> "Markup":
    """Horizontal bars, one per entry, from top to bottom in the order given."""
    names = [cut(name) for name in counts]
    with chart(ROW * max(1, len(counts)) + 6, label) as plot:
        axes = plot.axes(left=label_room(names), bottom=3, top=3, right=56)
        bars = axes.barh(range(len(counts)), list(counts.values()), height=0.68, color=COLOURS["main"])
        rows(axes, names, most=max(counts.values(), default=0) or 1)
        for bar, (name, count) in zip(bars, counts.items(), strict=True):
            plot.tip(bar, f"{name}: {count:,}")
            write(axes, f"{count:,}", (count, bar.get_y() + 0.34), 5, colour="soft")
    return markup(plot.svg)


def column_chart(counts: Sequence[tuple[str, int]], *, label: str, height: float = 190) -> "Markup":
    """Columns side by side; at most ten of them are named, and `label` is below."""
    with chart(height, label) as plot:
        axes = plot.axes(left=44, bottom=38)
        columns = axes.bar(range(len(counts)), [count for _, count in counts], width=0.84, color=COLOURS["main"])
        for column, (name, count) in zip(columns, counts, strict=True):
            plot.tip(column, f"{name}: {count:,}")
        every = math.ceil(len(counts) / 10) or 1
        axes.set_xticks(range(0, len(counts), every), [name for name, _ in counts[::every]])
        axes.set_xlim(-0.6, max(1, len(counts)) - 0.4)
        axes.set_ylim(0, 1.05 * max((count for _, count in counts), default=0) or 1)
        axes.yaxis.set_major_locator(_whole_numbers())
        axes.yaxis.set_major_formatter(lambda value, _: number(value))
        axes.grid(axis="y")
        axes.set_xlabel(label)
    return markup(plot.svg)


def funnel_chart(stages: Sequence[Mapping[str, int | str]], *, label: str) -> "Markup":
    """One bar per stage, divided into the kept, dropped and failed stickers."""
    names = [cut(str(stage["stage"]), 16) for stage in stages]
    most = max((int(stage["num_read"]) for stage in stages), default=0) or 1
    with chart(ROW * max(1, len(stages)) + 6, label) as plot:
        axes = plot.axes(left=label_room(names), bottom=3, top=3, right=96)
        start = np.zeros(len(stages))
        for outcome in ("kept", "dropped", "failed"):
            lengths = np.array([int(stage[f"num_{outcome}"]) for stage in stages], float)
            bars = axes.barh(range(len(stages)), lengths, left=start, height=0.7, color=COLOURS[outcome])
            for bar, name, length in zip(bars, names, lengths, strict=True):
                plot.tip(bar, f"{name}: {length:,.0f} {outcome}")
            start += lengths
        rows(axes, names, most=most)
        for row, stage in enumerate(stages):
            num_lost = int(stage["num_dropped"]) + int(stage["num_failed"])
            at = (most, row)
            write(axes, f"{int(stage['num_kept']):,}", at, 46, align="right")
            if num_lost:
                write(axes, f"−{num_lost:,}", at, 94, align="right", colour="dropped")
    return markup(plot.svg)


def limit_histogram(values: Sequence[float], *, limit: float, passes: Callable[[float], bool], label: str) -> "Markup":
    """Columns of `values` (the height is the logarithm of the count), coloured by whether their middle `passes`.

    The axis ends at the 99.5th percentile, or slightly beyond the limit; larger values count in the last column.
    """
    low, high = _range(values, limit)
    edges = np.linspace(low, high, NUM_BINS + 1)
    counts, _ = np.histogram(np.clip(values, low, high), edges)
    with chart(176, label) as plot:
        axes = plot.axes(left=16, bottom=40, right=16)
        for count, start, end in zip(counts, edges, edges[1:], strict=False):
            if count:
                outcome = "kept" if passes(float(start + end) / 2) else "dropped"
                column = axes.bar(start, math.log1p(count), 0.96 * (end - start), align="edge", color=COLOURS[outcome])
                plot.tip(column[0], f"{number(float(start))} to {number(float(end))}: {count:,}")
        axes.axvline(limit, color=COLOURS["ink"], linestyle=(0, (4, 3)), linewidth=1.2)
        ticks = np.linspace(low, high, 5)
        axes.set_xticks(ticks, [number(float(f"{tick:.3g}")) for tick in ticks])
        axes.set_xlim(low, high)
        axes.set_yticks([])
        side = (limit - low) / (high - low)
        align = "left" if side < 0.15 else "right" if side > 0.85 else "center"
        axes.annotate(f"limit {number(limit)}", (limit, 0), (0, -30), textcoords="offset points", ha=align)
    return markup(plot.svg)


def rows(axes: "Axes", names: Sequence[str], *, most: float, least: float = 0.0) -> None:
    """Sets up rows from top to bottom, named at the left, over an invisible horizontal axis."""
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", colors=COLOURS["ink"], labelsize=None, pad=5)
    axes.set_ylim(max(1, len(names)) - 0.5, -0.5)
    axes.set_xlim(least, most)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def write(
    axes: "Axes",
    text: str,
    at: tuple[float, float],
    offset: float,
    *,
    align: Literal["left", "right"] = "left",
    colour: str = "ink",
) -> None:
    """A line of text, `offset` pixels to the right of the point `at`."""
    axes.annotate(
        text,
        at,
        (offset, 0),
        textcoords="offset points",
        ha=align,
        va="center_baseline",
        color=COLOURS[colour],
        annotation_clip=False,
    )


def markup(svg: "Markup | None") -> "Markup":
    """The markup of a finished chart."""
    if svg is None:
        raise ValueError("the chart is not finished: leave its `with` block first")
    return svg


def _range(values: Sequence[float], limit: float) -> tuple[float, float]:
    low = min(float(np.min(values)), limit)
    high = max(float(np.percentile(values, 99.5)), limit)
    room = (high - low) * 0.05 or 1.0
    return (low if low >= 0 and low < room else low - room), high + room


def _whole_numbers() -> "MaxNLocator":
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4, integer=True)
