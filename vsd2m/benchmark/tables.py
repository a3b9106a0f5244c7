"""Results as tables. A column holds one protocol only; numbers measured differently are refused."""

import json
from typing import Any

from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.runner import RESULTS, Results, Skipped
from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.storage import Store

ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}


def as_markdown(results: Results) -> str:
    """A row per model: value, 95 % interval and number of clips; below, what was skipped and what it needs."""
    columns = _columns(results)
    head = ["model", *(f"{name}{ARROWS[score.better]}" for name, score in columns.items())]
    rows = [[model, *(_cell(_find(scores, name)) for name in columns)] for model, scores in results.scores.items()]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    if results.skipped:
        lines += ["", "Skipped:", ""]
        lines += [f"- `{skipped.metric}` needs {skipped.needs}" for skipped in results.skipped]
    return "\n".join(lines) + "\n"


def as_csv(results: Results) -> str:
    """A line per score: model, metric, value, low, high, num_clips, protocol digest."""
    lines = ["model,metric,value,low,high,num_clips,protocol"]
    for model, scores in results.scores.items():
        quoted = json.dumps(model, ensure_ascii=False)
        lines += [
            f"{quoted},{s.metric},{s.value!r},{s.low!r},{s.high!r},{s.num_clips},{s.protocol_digest}" for s in scores
        ]
    return "\n".join(lines) + "\n"


def read_results(*folders: str) -> Results:
    """The results of one or more benchmark runs, as one; a model given twice keeps its last scores."""
    scores: dict[str, list[Score]] = {}
    skipped: dict[str, Skipped] = {}
    for folder in folders:
        read: dict[str, list[Score]] = {}
        for line in _lines(folder):
            if "skipped" in line:
                skipped[line["skipped"]] = Skipped(line["skipped"], line["needs"])
            else:
                fields = {name: line[name] for name in Score.__dataclass_fields__}
                read.setdefault(line["model"], []).append(Score(**fields))
        scores.update(read)
    return Results(scores, list(skipped.values()))


def _lines(folder: str) -> list[dict[str, Any]]:
    store = Store(folder)
    if not store.exists(RESULTS):
        raise StorageError(f"{folder} holds no {RESULTS}; give a folder written by `vsd2m benchmark run`")
    return [json.loads(line) for line in store.read_bytes(RESULTS).decode().splitlines()]


def _columns(results: Results) -> dict[str, Score]:
    columns: dict[str, Score] = {}
    for model, scores in results.scores.items():
        for score in scores:
            first = columns.setdefault(score.metric, score)
            if _comparable(first) != _comparable(score):
                raise ConfigError(
                    f"{score.metric} of {model!r} was measured with another protocol ({score.protocol_digest}) than "
                    f"the column's ({first.protocol_digest}); such numbers do not belong in one table"
                )
    return columns


def _comparable(score: Score) -> dict[str, str | int]:
    """The protocol without the number of real clips, which the yardstick's halves cannot share."""
    return {name: value for name, value in score.protocol.items() if name != "num_real"}


def _find(scores: list[Score], metric: str) -> Score | None:
    return next((score for score in scores if score.metric == metric), None)


def _cell(score: Score | None) -> str:
    if score is None or not score.num_clips:
        return "-"
    return f"{score.value:.4g} [{score.low:.4g}, {score.high:.4g}] (n={score.num_clips})"
