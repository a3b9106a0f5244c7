"""Curves as SVG: a panel per metric, a line per training, intervals as a band."""

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.tables.curves import Curve
from vsd2m.pages.charts import markup
from vsd2m.pages.numbers import number
from vsd2m.pages.svg import COLOURS, WIDTH, Chart, chart, series_colour

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

HEIGHT, LEGEND, LEFT, BOTTOM, TOP = 230, 26, 52, 40, 26
PER_ROW = 3


def curve_chart(curves: Sequence[Curve]) -> "Markup":
    """All metrics in one self-contained SVG, with a legend.

    Each training has a colour; a dashed line is the score of real stickers.
    """
    metrics, series = _by_metric(curves), series_of(curves)
    columns = min(PER_ROW, len(metrics))
    num_rows = -(-len(metrics) // PER_ROW)
    height, width = num_rows * HEIGHT + LEGEND, columns * WIDTH
    with chart(height, "metrics against training steps", width=width, standalone=True) as plot:
        for place, lines in enumerate(metrics):
            _panel(plot, lines, series, place % PER_ROW * WIDTH, height - (place // PER_ROW + 1) * HEIGHT)
        plot.figure.legend(
            handles=_legend(series), loc="lower left", ncols=len(series) + 1, frameon=False, borderpad=0.2
        )
    return markup(plot.svg)


def metric_charts(curves: Sequence[Curve]) -> list["Markup"]:
    """An SVG per metric, for a page that draws the legend itself."""
    series, charts = series_of(curves), []
    for lines in _by_metric(curves):
        with chart(HEIGHT, f"{lines[0].metric} against training steps") as plot:
            _panel(plot, lines, series, 0, 0)
        charts.append(markup(plot.svg))
    return charts


def series_of(curves: Sequence[Curve]) -> list[str]:
    """The trainings in the order of their colours."""
    return list({curve.series: None for curve in curves})


def _by_metric(curves: Sequence[Curve]) -> list[list[Curve]]:
    metrics = {curve.metric: None for curve in curves}
    return [[curve for curve in curves if curve.metric == metric] for metric in metrics]


def _panel(plot: Chart, curves: Sequence[Curve], series: Sequence[str], x: float, y: float) -> None:
    """Draws a metric with its lower left corner at `x` and `y`."""
    axes = plot.axes_at(x + LEFT, y + BOTTOM, WIDTH - LEFT - 12, HEIGHT - BOTTOM - TOP)
    axes.set_title(curves[0].column.text, loc="left", fontweight="bold")
    axes.set_xlabel("training steps")
    axes.grid(axis="y")
    real = curves[0].real
    if real is not None and isfinite(real.value):
        axes.axhline(real.value, color=COLOURS["soft"], linestyle=(0, (5, 4)), linewidth=1.2)
    for curve in curves:
        _line(plot, axes, curve, series_colour(series.index(curve.series)))
    axes.margins(x=0.06, y=0.08)
    axes.xaxis.set_major_locator(_few_numbers(whole=True))
    axes.yaxis.set_major_locator(_few_numbers(whole=False))
    axes.xaxis.set_major_formatter(lambda value, _: number(value))
    axes.yaxis.set_major_formatter(lambda value, _: number(float(f"{value:.4g}")))


def _line(plot: Chart, axes: "Axes", curve: Curve, colour: str) -> None:
    steps = [step for step, _ in curve.points]
    lows, highs = zip(*(_bounds(score) for _, score in curve.points), strict=True)
    axes.fill_between(steps, lows, highs, color=colour, alpha=0.15, linewidth=0)
    axes.plot(steps, [score.value for _, score in curve.points], color=colour, linewidth=2)
    for step, score in curve.points:
        (dot,) = axes.plot([step], [score.value], "o", color=colour, markersize=5.5)
        value = f"{score.value:.4g} [{score.low:.4g}, {score.high:.4g}], n = {score.num_clips}"
        plot.tip(dot, f"{curve.series}, {step} steps: {value}")


def _bounds(score: Score) -> tuple[float, float]:
    """The interval, or the value if there is none."""
    return (score.low, score.high) if isfinite(score.low) and isfinite(score.high) else (score.value, score.value)


def _legend(series: Sequence[str]) -> list["Line2D"]:
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=series_colour(place), linewidth=2.5, label=name) for place, name in enumerate(series)]
    return [*lines, Line2D([], [], color=COLOURS["soft"], linestyle=(0, (5, 4)), label="real stickers")]


def _few_numbers(*, whole: bool) -> "MaxNLocator":
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(5, integer=whole)
