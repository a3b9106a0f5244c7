"""What a benchmark run leaves behind: scores with everything needed to repeat them, as JSON lines."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vsd2m import __version__
from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.metric import Score
from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.storage import Store

REAL = "real stickers"
RESULTS = "results.jsonl"
COST = "cost.json"


@dataclass(frozen=True)
class Skipped:
    """A metric that could not be computed, and what it needs."""

    metric: str
    needs: str


class Cost(BaseModel):
    """What a sticker cost its generator: the content of `cost.json` in a folder of outputs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds_per_sticker: float = Field(gt=0, description="wall clock of one sticker, without loading the model")
    num_parameters: int = Field(gt=0, description="of everything that runs: denoiser, text encoder, VAE")
    peak_memory_bytes: int | None = Field(None, gt=0, description="most memory the device held at once")
    device: str = Field(description="what it ran on, such as `NVIDIA V100`")


@dataclass(frozen=True)
class Results:
    """Scores by model, in the order of the config, `REAL` first; costs of the models that state them."""

    scores: dict[str, list[Score]]
    skipped: list[Skipped]
    costs: Mapping[str, Cost] = field(default_factory=dict)


def read_cost(folder: Path) -> Cost | None:
    """The `cost.json` of a folder of outputs, None if there is none."""
    path = folder / COST
    if not path.exists():
        return None
    try:
        return Cost.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}") from error


def write_results(results: Results, config: BenchmarkConfig, store: Store) -> None:
    """A line per score, per cost and per skipped metric, each with version and config."""
    facts = {"vsd2m": __version__, "config": config.model_dump(mode="json")}
    lines: list[dict[str, Any]] = [
        {"model": model, **asdict(score), "protocol_digest": score.protocol_digest, **facts}
        for model, scores in results.scores.items()
        for score in scores
    ]
    lines += [{"model": model, "cost": cost.model_dump(), **facts} for model, cost in results.costs.items()]
    lines += [{"skipped": skipped.metric, "needs": skipped.needs, **facts} for skipped in results.skipped]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    store.write_bytes(RESULTS, text.encode())


def read_results(*folders: str) -> Results:
    """The results of one or more benchmark runs, as one; a model given twice keeps its last scores."""
    scores: dict[str, list[Score]] = {}
    costs: dict[str, Cost] = {}
    skipped: dict[str, Skipped] = {}
    for folder in folders:
        read: dict[str, list[Score]] = {}
        for line in read_lines(folder):
            if "skipped" in line:
                skipped[line["skipped"]] = Skipped(line["skipped"], line["needs"])
            elif "cost" in line:
                costs[line["model"]] = Cost(**line["cost"])
            else:
                fields = {name: line[name] for name in Score.__dataclass_fields__}
                read.setdefault(line["model"], []).append(Score(**fields))
        scores.update(read)
    return Results(scores, list(skipped.values()), costs)


def output_folders(*folders: str) -> dict[str, Path]:
    """Where the judged stickers of every model lay, from the configs of the benchmark runs in `folders`."""
    lines = (line for folder in folders for line in read_lines(folder))
    return {name: Path(path) for line in lines for name, path in line["config"]["generated"].items()}


def read_lines(folder: str) -> list[dict[str, Any]]:
    """The lines of `results.jsonl`, parsed; `StorageError` where `folder` has none."""
    store = Store(folder)
    if not store.exists(RESULTS):
        raise StorageError(f"{folder} holds no {RESULTS}; give a folder written by `vsd2m benchmark run`")
    return [json.loads(line) for line in store.read_bytes(RESULTS).decode().splitlines()]
