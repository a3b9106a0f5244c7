"""The files beside generated stickers: `manifest.jsonl` with the prompt of every file, and `cost.json`.

`vsd2m generate` writes both; benchmark and preference studies read them, also those of other programs.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vsd2m.core.errors import ConfigError, StorageError

MANIFEST = "manifest.jsonl"
COST = "cost.json"


class Cost(BaseModel):
    """What a sticker cost its generator: the content of `cost.json` in a folder of outputs. Other keys are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    seconds_per_sample: float = Field(gt=0, description="wall clock of one sticker, without loading the model")
    num_parameters: int | None = Field(None, gt=0, description="of everything that runs: denoiser, text encoder, VAE")
    peak_memory_bytes: int | None = Field(None, gt=0, description="most memory the device held at once")
    device: str = Field("not stated", description="what it ran on, such as `NVIDIA V100`")
    num_samples: int | None = Field(None, gt=0, description="stickers that were timed")

    def to_bytes(self) -> bytes:
        return (self.model_dump_json(indent=2) + "\n").encode()


def manifest_bytes(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The manifest: a JSON object per file with `file`, relative to the manifest, `prompt`, and further facts."""
    return "".join(json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n" for row in rows).encode()


def read_manifest(path: Path) -> list[dict[str, Any]]:
    """The rows of a manifest, each with `file` and `prompt`; blank lines are skipped.

    `StorageError` if it cannot be read, `ConfigError` with the line's number for one that is no such object.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # a prompt may hold other line separators
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}; give a folder of `vsd2m generate`") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected text in UTF-8: {error}") from error
    return [_manifest_row(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def read_cost(folder: Path) -> Cost | None:
    """The `cost.json` in a folder of outputs, or of its parts as one; None if there is none.

    Seconds are averaged over the stickers timed, memory is the most of all. `ConfigError` for a file that is no cost.
    """
    costs = [_cost(path) for path in sorted(folder.rglob(COST))]
    if not costs:
        return None
    counts = [cost.num_samples or 1 for cost in costs]
    seconds = sum(cost.seconds_per_sample * count for cost, count in zip(costs, counts, strict=True)) / sum(counts)
    return Cost(
        seconds_per_sample=seconds,
        num_parameters=_most(cost.num_parameters for cost in costs),
        peak_memory_bytes=_most(cost.peak_memory_bytes for cost in costs),
        device=", ".join(dict.fromkeys(cost.device for cost in costs)),
        num_samples=sum(counts) if all(cost.num_samples for cost in costs) else None,
    )


def _manifest_row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{where}: expected a JSON object on every line: {error}") from error
    if not isinstance(row, dict) or not isinstance(row.get("file"), str) or not isinstance(row.get("prompt"), str):
        raise ConfigError(f"{where}: every line needs the keys `file` and `prompt`, both texts")
    return row


def _cost(path: Path) -> Cost:
    try:
        return Cost.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, first['loc'])) or 'content'}: {first['msg']}") from error


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
