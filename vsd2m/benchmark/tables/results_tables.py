"""Results as tables. All numbers of a column have the same protocol; others are refused."""

import csv
import io
from collections.abc import Sequence

from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.results import REAL, Results
from vsd2m.benchmark.tables.table import Cell, Column, Row, Table
from vsd2m.benchmark.tables.text_tables import markdown
from vsd2m.core.errors import ConfigError


def table_of(results: Results) -> Table:
    """A row per model: value, 95 % interval and number of clips; below, what was skipped and what it needs."""
    scores = common_columns(results.scores)
    rows = tuple(score_row(model, [find(ours, name) for name in scores]) for model, ours in results.scores.items())
    notes = tuple(f"skipped: `{skipped.metric}` needs {skipped.needs}" for skipped in results.skipped)
    return Table("", "model", tuple(Column(name, score.better) for name, score in scores.items()), rows, notes)


def as_markdown(results: Results) -> str:
    """The table of `table_of`."""
    return markdown(table_of(results))


def as_csv(results: Results) -> str:
    """A line per score: model, metric, value, low, high, num_clips, protocol digest."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("model", "metric", "value", "low", "high", "num_clips", "protocol"))
    for model, scores in results.scores.items():
        writer.writerows((model, s.metric, s.value, s.low, s.high, s.num_clips, s.protocol_digest) for s in scores)
    return text.getvalue()


def common_columns(scores_of: dict[str, list[Score]]) -> dict[str, Score]:
    """The first score of every metric; `ConfigError` if another was measured with another protocol."""
    columns: dict[str, Score] = {}
    for model, scores in scores_of.items():
        for score in scores:
            first = columns.setdefault(score.metric, score)
            if _comparable(first) != _comparable(score):
                raise ConfigError(
                    f"{score.metric} of {model!r} was measured with another protocol: {_differences(score, first)}; "
                    "such numbers are not comparable: use one protocol for both, or print a table of each"
                )
    return columns


def find(scores: list[Score], metric: str) -> Score | None:
    """The score of that metric, if there is one."""
    return next((score for score in scores if score.metric == metric), None)


def score_row(model: str, cells: Sequence[Cell]) -> Row:
    """The row of a model, or of the real stickers."""
    return Row(model, tuple(cells), "real" if model == REAL else "model")


def _comparable(score: Score) -> dict[str, str | int]:
    """The protocol; without the number of clips for a mean over clips, where the number changes only the interval."""
    if "num_real" in score.protocol:
        return dict(score.protocol)
    return {name: value for name, value in score.protocol.items() if name != "num_clips"}


def _differences(score: Score, first: Score) -> str:
    """The facts in which the two protocols differ."""
    here, there = _comparable(score), _comparable(first)
    names = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    return "; ".join(
        f"{n}: {here.get(n, 'not stated')!r} here, {there.get(n, 'not stated')!r} in the column" for n in names
    )
