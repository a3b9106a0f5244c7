"""Charts of the results: shares and strengths with their intervals, and a radar of the aspects."""

from collections.abc import Callable, Sequence
from math import pi
from typing import TYPE_CHECKING

from vsd2m.labelling.statistics.estimate import Estimate
from vsd2m.pages.charts import ROW, markup, rows, write
from vsd2m.pages.svg import COLOURS, WIDTH, Chart, chart, cut, label_room, series_colour

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

_TALL_ROW = ROW + 10


def share_chart(
    names: Sequence[str], estimates: Sequence[Estimate], *, reference: float, reference_name: str
) -> "Markup":
    """Shares from 0 to 1 as bars with intervals, and a dashed line at `reference`."""
    most = max(0.05, min(1.0, 1.05 * max(estimate.high for estimate in estimates)))
    with chart(_TALL_ROW * len(names) + 28, "share of choices per model") as plot:
        axes = _interval_rows(plot, names, 0.0, most, reference, reference_name)
        for row, (name, estimate) in enumerate(zip(names, estimates, strict=True)):
            (bar,) = axes.barh([row], [estimate.value], height=0.6, color=series_colour(row), alpha=0.75)
            plot.tip(bar, _tip(name, estimate, "{:.1%}".format))
            _whisker(axes, row, estimate)
            write(axes, f"{estimate.value:.1%}", (most, row), 50, align="right")
    return markup(plot.svg)


def strength_chart(
    names: Sequence[str], estimates: Sequence[Estimate], *, reference: float, reference_name: str
) -> "Markup":
    """Strengths as dots with intervals, and a dashed line at `reference`."""
    low = min(reference, *(estimate.low for estimate in estimates))
    high = max(reference, *(estimate.high for estimate in estimates))
    margin = 0.06 * max(high - low, 0.1)
    with chart(_TALL_ROW * len(names) + 28, "strength per model") as plot:
        axes = _interval_rows(plot, names, low - margin, high + margin, reference, reference_name)
        for row, (name, estimate) in enumerate(zip(names, estimates, strict=True)):
            _whisker(axes, row, estimate)
            (dot,) = axes.plot([estimate.value], [row], "o", color=series_colour(row), markersize=9)
            plot.tip(dot, _tip(name, estimate, "{:+.2f}".format))
            write(axes, f"{estimate.value:+.2f}", (high + margin, row), 50, align="right")
    return markup(plot.svg)


def radar(
    aspects: Sequence[str], models: Sequence[str], means: Sequence[Sequence[float | None]], *, largest: int
) -> "Markup":
    """One axis per aspect from 1 in the middle to `largest`, one outline per model; `means` [aspect][model]."""
    angles = [2 * pi * axis / len(aspects) for axis in range(len(aspects))]
    height = 280.0
    with chart(height, "mean rating of each aspect per model") as plot:
        side = height - 76
        axes = plot.axes_at((WIDTH - side) / 2, 34, side, side, projection="polar")
        for number, model in enumerate(models):
            rated = [
                (angle, mean) for angle, row in zip(angles, means, strict=True) if (mean := row[number]) is not None
            ]
            closed = [*rated, *rated[:1]]
            x, y = [angle for angle, _ in closed], [mean for _, mean in closed]
            (outline,) = axes.plot(x, y, color=series_colour(number), linewidth=2)
            axes.fill(x, y, color=series_colour(number), alpha=0.08)
            plot.tip(outline, model)
        _radar_axes(axes, angles, aspects, largest)
    return markup(plot.svg)


def _radar_axes(axes: "Axes", angles: Sequence[float], aspects: Sequence[str], largest: int) -> None:
    axes.set_theta_zero_location("N")  # type: ignore[attr-defined]
    axes.set_theta_direction(-1)  # type: ignore[attr-defined]
    axes.set_ylim(1, largest)
    axes.set_yticks(range(2, largest + 1), [str(value) for value in range(2, largest + 1)])
    axes.set_xticks(angles, [])
    axes.spines["polar"].set_visible(False)
    for angle, aspect in zip(angles, aspects, strict=True):
        across = 0.0 if abs(angle) < 1e-9 or abs(angle - pi) < 1e-9 else 1.0 if angle < pi else -1.0
        axes.annotate(
            aspect if across == 0 else aspect.replace(" ", "\n"),
            (angle, largest),
            (6 * across, 6 if across == 0 else 0),
            textcoords="offset points",
            ha={0.0: "center", 1.0: "left", -1.0: "right"}[across],
            va="bottom" if across == 0 else "center",
        )


def _interval_rows(
    plot: Chart, names: Sequence[str], low: float, high: float, reference: float, reference_name: str
) -> "Axes":
    labels = [cut(name) for name in names]
    axes = plot.axes(left=label_room(labels), bottom=25, top=3, right=52)
    rows(axes, labels, least=low, most=high)
    axes.axvline(reference, color=COLOURS["soft"], linestyle=(0, (4, 3)), linewidth=1)
    axes.annotate(
        reference_name,
        (reference, len(names) - 0.5),
        (0, -14),
        textcoords="offset points",
        ha="center",
        color=COLOURS["soft"],
        annotation_clip=False,
    )
    return axes


def _whisker(axes: "Axes", row: int, estimate: Estimate) -> None:
    axes.plot([estimate.low, estimate.high], [row, row], "-", color=COLOURS["ink"], linewidth=1.3)
    axes.plot([estimate.low, estimate.high], [row, row], "|", color=COLOURS["ink"], markersize=8)


def _tip(name: str, estimate: Estimate, form: Callable[[float], str]) -> str:
    return f"{name}: {form(estimate.value)} [{form(estimate.low)}, {form(estimate.high)}]"
