"""Metrics against training steps: the paper's Figure 6, from benchmark runs over the checkpoints of a training.

The paper prints its figure without numbers, so none of its points are shown with ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.results import REAL, Results
from vsd2m.benchmark.tables.results_tables import common_columns, find
from vsd2m.benchmark.tables.table import Column, Number, Row, Table
from vsd2m.benchmark.tables.text_tables import latex_text
from vsd2m.core.errors import ConfigError

TITLE = "Figure 6: metrics against training steps"
NOTE = "The paper (arXiv 2412.08259) prints this figure without numbers; none of its points are quoted."


@dataclass(frozen=True)
class Curve:
    """One metric of one training: (steps, score) by step; `real` is the score of real stickers, if there is one."""

    metric: str
    series: str
    points: tuple[tuple[int, Score], ...]
    real: Score | None

    @property
    def column(self) -> Column:
        """The metric with its direction."""
        return Column(self.metric, self.points[0][1].better)


def curves(results: Results) -> list[Curve]:
    """By metric, then by series; points without a number are omitted.

    `ConfigError` if no model states its training steps, or a metric has several protocols.
    """
    steps = {name: origin.step for name, origin in results.origins.items() if origin.step is not None}
    if not steps:
        raise ConfigError(
            "no model states its training steps; run `vsd2m benchmark run` over a training's folder with "
            "`--checkpoints all`"
        )
    all_curves = []
    for metric in common_columns(results.scores):
        real = find(results.scores.get(REAL, []), metric)
        for series in dict.fromkeys(results.origins[name].series or name for name in steps):
            points = _points(results, steps, series, metric)
            if points:
                all_curves.append(Curve(metric, series, points, real))
    return all_curves


def curve_table(results: Results) -> Table:
    """A row per series and step."""
    all_curves = curves(results)
    columns = {curve.metric: curve.column for curve in all_curves}
    scores = {(curve.series, step, curve.metric): score for curve in all_curves for step, score in curve.points}
    rows = [
        Row(series, (Number(step, "d"), *(scores.get((series, step, metric)) for metric in columns)))
        for series, step in sorted({(series, step) for series, step, _ in scores})
    ]
    return Table(TITLE, "model", (Column("steps"), *columns.values()), tuple(rows), (NOTE,))


def pgfplots(results: Results) -> str:
    """A `figure` environment for LaTeX's pgfplots, an axis per metric, with intervals as bars."""
    all_curves = curves(results)
    metrics = dict.fromkeys(curve.metric for curve in all_curves)
    axes = [_axis([curve for curve in all_curves if curve.metric == metric]) for metric in metrics]
    lines = [r"\begin{figure}", r"\centering", *axes, rf"\caption{{{latex_text(f'{TITLE}. {NOTE}')}}}", r"\end{figure}"]
    return "\n".join(lines) + "\n"


def _points(results: Results, steps: Mapping[str, int], series: str, metric: str) -> tuple[tuple[int, Score], ...]:
    checkpoints = [(step, name) for name, step in steps.items() if (results.origins[name].series or name) == series]
    scores = [(step, find(results.scores.get(name, []), metric)) for step, name in sorted(checkpoints)]
    return tuple((step, score) for step, score in scores if score is not None and isfinite(score.value))


def _axis(metric_curves: Sequence[Curve]) -> str:
    plots = []
    for curve in metric_curves:
        rows = [f"{step} {s.value:.6g} {s.high - s.value:.4g} {s.value - s.low:.4g}" for step, s in curve.points]
        errors = "error bars/.cd, y dir=both, y explicit"
        plots += [
            rf"\addplot+[{errors}] table[y error plus index=2, y error minus index=3] {{",
            *rows,
            "};",
            rf"\addlegendentry{{{latex_text(curve.series)}}}",
        ]
    label = latex_text(metric_curves[0].column.text)
    return "\n".join(
        [r"\begin{tikzpicture}", rf"\begin{{axis}}[xlabel=steps, ylabel={{{label}}}]", *plots, r"\end{axis}",
         r"\end{tikzpicture}"]
    )  # fmt: skip
