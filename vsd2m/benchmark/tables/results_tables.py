"""Results as tables. A column holds one protocol only; numbers measured differently are refused."""

import csv
import io
from math import isnan

from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.results import Results
from vsd2m.benchmark.tables.text_tables import Table, markdown
from vsd2m.core.errors import ConfigError

ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}


def table_of(results: Results) -> Table:
    """A row per model: value, 95 % interval and number of clips; below, what was skipped and what it needs."""
    columns = common_columns(results.scores)
    head = ("model", *(f"{name}{ARROWS[score.better]}" for name, score in columns.items()))
    rows = tuple((model, *(cell(find(scores, name)) for name in columns)) for model, scores in results.scores.items())
    return Table("", head, rows, tuple(f"skipped: `{it.metric}` needs {it.needs}" for it in results.skipped))


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
                    f"{score.metric} of {model!r} was measured in another way: {_differences(score, first)}; such "
                    "numbers do not belong in one table: measure both in one way, or print a table of each"
                )
    return columns


def find(scores: list[Score], metric: str) -> Score | None:
    """The score of that metric, if there is one."""
    return next((score for score in scores if score.metric == metric), None)


def cell(score: Score | None) -> str:
    """Value, interval and count."""
    if score is None or not score.num_clips:
        return "-"
    if isnan(score.value):
        return f"too few clips (n={score.num_clips})"
    return f"{score.value:.4g} [{score.low:.4g}, {score.high:.4g}] (n={score.num_clips})"


def _comparable(score: Score) -> dict[str, str | int]:
    """The protocol; of a mean over clips without their number, on which only its interval hangs."""
    if "num_real" in score.protocol:
        return dict(score.protocol)
    return {name: value for name, value in score.protocol.items() if name != "num_clips"}


def _differences(score: Score, first: Score) -> str:
    """Every fact of the protocols in which the two differ."""
    here, there = _comparable(score), _comparable(first)
    names = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    return "; ".join(
        f"{n}: {here.get(n, 'not stated')!r} here, {there.get(n, 'not stated')!r} in the column" for n in names
    )
