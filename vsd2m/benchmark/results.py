"""The results of a benchmark run: scores with everything needed to repeat them, as JSON lines."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vsd2m.benchmark.config import JudgingConfig
from vsd2m.benchmark.finished_work import as_score, from_score
from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.suite.provenance import Origin, installed_versions
from vsd2m.core.errors import StorageError
from vsd2m.core.generated_files import Cost
from vsd2m.core.storage import Store

REAL = "real stickers"
RESULTS = "results.jsonl"


@dataclass(frozen=True)
class Skipped:
    """A metric that could not be computed, and what it needs."""

    metric: str
    needs: str


@dataclass(frozen=True)
class Results:
    """Scores by model, in the order of the config, `REAL` first; costs of the models that state them.

    `data_revision` names the real stickers' shards by their content, `command` repeats the run.
    """

    scores: dict[str, list[Score]]
    skipped: list[Skipped]
    costs: Mapping[str, Cost] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    data_revision: str | None = None
    command: str | None = None


def write_results(results: Results, config: JudgingConfig, store: Store) -> None:
    """Writes a line per score, per cost and per skipped metric. Each line is self-contained: it has the whole config,
    the versions, the command, and the origin of the model's stickers."""
    facts = {
        "config": config.model_dump(mode="json", exclude={"generated"}),
        "data_revision": results.data_revision,
        "command": results.command,
        "versions": installed_versions(),
    }
    origins = {model: origin.model_dump(mode="json", exclude_none=True) for model, origin in results.origins.items()}
    lines: list[dict[str, Any]] = [
        {
            "model": model,
            **from_score(score),
            "protocol_digest": score.protocol_digest,
            "origin": origins.get(model),
            **facts,
        }
        for model, scores in results.scores.items()
        for score in scores
    ]
    lines += [
        {"model": model, "cost": cost.model_dump(), "origin": origins.get(model), **facts}
        for model, cost in results.costs.items()
    ]
    lines += [{"skipped": skipped.metric, "needs": skipped.needs, **facts} for skipped in results.skipped]
    text = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
    store.write_bytes(RESULTS, text.encode())


def read_results(*folders: str) -> Results:
    """The combined results of one or more benchmark runs; the last scores of a model win."""
    scores: dict[str, list[Score]] = {}
    costs: dict[str, Cost] = {}
    origins: dict[str, Origin] = {}
    skipped: dict[str, Skipped] = {}
    for folder in folders:
        folder_scores: dict[str, list[Score]] = {}
        for line in read_lines(folder):
            if line.get("origin"):
                origins[line["model"]] = Origin(**line["origin"])
            if "skipped" in line:
                skipped[line["skipped"]] = Skipped(line["skipped"], line["needs"])
            elif "cost" in line:
                costs[line["model"]] = Cost(**line["cost"])
            else:
                folder_scores.setdefault(line["model"], []).append(as_score(line))
        scores.update(folder_scores)
    return Results(scores, list(skipped.values()), costs, origins)


def output_folders(*folders: str) -> dict[str, Path]:
    """The folder of each model's stickers."""
    folders_of = {}
    for folder in folders:
        for line in read_lines(folder):
            if line.get("origin"):
                # joining leaves an absolute path unchanged
                folders_of[line["model"]] = Path(folder) / line["origin"]["outputs"]
    return folders_of


def read_lines(folder: str) -> list[dict[str, Any]]:
    """The lines of `results.jsonl`, parsed; `StorageError` where `folder` has none."""
    store = Store(folder)
    if not store.exists(RESULTS):
        raise StorageError(f"{folder} holds no {RESULTS}; give a folder written by `vsd2m benchmark run`")
    return [json.loads(line) for line in store.read_bytes(RESULTS).decode().splitlines()]
