"""A whole benchmark run: prompts from a published test split, stickers drawn by checkpoints, judged, one table."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, field_validator

from vsd2m.benchmark.config import BenchmarkConfig, JudgingConfig
from vsd2m.benchmark.finished_work import Observations
from vsd2m.benchmark.observations import ObserverSpec
from vsd2m.benchmark.results import REAL, Results
from vsd2m.benchmark.runner import Observe, ObserveTask, observe_here, run_benchmark
from vsd2m.benchmark.suite.provenance import Origin
from vsd2m.benchmark.suite.real_clips import list_real
from vsd2m.core.errors import ConfigError
from vsd2m.generation.config import GenerationConfig
from vsd2m.pipelines.cluster.ray_cluster import Cluster
from vsd2m.pipelines.cluster.ray_tasks import spread
from vsd2m.pipelines.engine.runners import RUNNERS
from vsd2m.pipelines.suite.frame_text import frame_text
from vsd2m.pipelines.suite.generating import draw_parts, plan_parts, write_manifest
from vsd2m.pipelines.suite.model_sources import Checkpoints, ModelSource, model_sources

GENERATED = "generated"
CLIPS_PER_TASK = 8

_LOSSLESS = {"media_format": "apng"}

Progress = Callable[[int, int], None]


class SuiteConfig(JudgingConfig):
    """Which models are judged on which test set, and how their stickers are drawn."""

    models: dict[str, str] = Field(
        min_length=1, description="name -> a checkpoint, a folder of a training run, or a folder of stickers"
    )
    checkpoints: Checkpoints = Field("newest", description="of a training run: the newest one, or all, for a curve")
    sampling: GenerationConfig = Field(
        default_factory=lambda: GenerationConfig.model_validate(_LOSSLESS),
        description="how stickers are drawn; as APNG, which keeps every pixel, unless it says otherwise",
    )

    @field_validator("sampling", mode="before")
    @classmethod
    def _is_lossless(cls, sampling: Any) -> Any:
        return {**_LOSSLESS, **sampling} if isinstance(sampling, dict) else sampling


def run_suite(
    config: SuiteConfig,
    out: str,
    *,
    runner: str = "local",
    cluster: Cluster | None = None,
    on_drawn: Progress | None = None,
    on_judged: Progress | None = None,
    command: str | None = None,
) -> Results:
    """Draws the prompts of the test stickers with every checkpoint, below `out`, and judges what was drawn.

    Finished stickers, observations of clips and scores are kept in `out`; the same call goes on after a crash. Both
    runners write the same results; `ray` draws and observes on a cluster that sees the same folders.
    """
    ray = _cluster(runner, cluster)
    sources = _sources(config)
    real = list_real(config)
    folders = {source.name: _folder(source, out) for source in sources}
    parts = {
        source.name: plan_parts(source, real, folders[source.name], config.sampling)
        for source in sources
        if source.checkpoint is not None
    }
    draw_parts([part for of_model in parts.values() for part in of_model], cluster=ray, on_progress=on_drawn)
    for name, of_model in parts.items():
        write_manifest(folders[name], of_model)
    judging = config.model_dump(include=set(JudgingConfig.model_fields))
    return run_benchmark(
        BenchmarkConfig(**judging, generated={name: str(folder) for name, folder in folders.items()}),
        out,
        on_progress=on_judged,
        read_text=frame_text() if "text_legibility" in config.metrics else None,
        distribute=None if ray is None else partial(observe_on_cluster, ray),
        origins={source.name: _origin(source, config.sampling) for source in sources},
        command=command,
    )


def command_of(suite: str, config: SuiteConfig, out: str) -> str:
    """The command line that repeats the run, wherever and however it was run."""
    words = ["vsd2m", "benchmark", "run", suite, "--shards", config.shards, "--out", out]
    for name, folder in config.models.items():
        words += ["--models", f"{name}={folder}"]
    for name, path in config.weights.items():
        words += ["--weights", f"{name}={path}"]
    given = config.model_dump(mode="json", exclude_unset=True, exclude={"shards", "models", "weights", "splits"})
    for path, value in _flat(given):
        words += ["--set", f"{path}={_yaml(value)}"]
    return shlex.join(words)


def observe_on_cluster(cluster: Cluster, spec: ObserverSpec) -> Observe:
    """Observes clips in Ray workers, each with its own networks, a few clips at a time."""

    def observe(tasks: Sequence[ObserveTask]) -> Iterator[tuple[str, Observations]]:
        groups = [tasks[first : first + CLIPS_PER_TASK] for first in range(0, len(tasks), CLIPS_PER_TASK)]
        for found in spread(cluster, partial(_observer, spec), groups, wants_gpu=False):  # the networks run on cores
            yield from found

    return observe


def _observer(spec: ObserverSpec) -> Callable[[Sequence[ObserveTask]], list[tuple[str, Observations]]]:
    observer = spec.open()
    return lambda tasks: list(observe_here(observer, tasks))


def _cluster(runner: str, cluster: Cluster | None) -> Cluster | None:
    if runner not in RUNNERS:
        raise ConfigError(f"--runner: unknown runner {runner!r}; known: {', '.join(RUNNERS)}")
    return (cluster or Cluster()) if runner == "ray" else None


def _sources(config: SuiteConfig) -> list[ModelSource]:
    found = [s for name, folder in config.models.items() for s in model_sources(name, folder, config.checkpoints)]
    names = [source.name for source in found]
    twice = [name for name in names if names.count(name) > 1 or name == REAL]
    if twice:
        raise ConfigError(f"there is more than one model {twice[0]!r}; give each a name of its own")
    return found


def _folder(source: ModelSource, out: str) -> Path:
    """Where the model's stickers are, or will be."""
    if source.outputs is not None:
        return source.outputs
    name = "".join(character if character.isalnum() or character in "-_." else "_" for character in source.name)
    return Path(out) / GENERATED / name


def _origin(source: ModelSource, sampling: GenerationConfig) -> Origin:
    if source.checkpoint is None:
        return Origin()
    return Origin(
        series=source.series,
        step=source.step,
        checkpoint=str(source.checkpoint),
        weights_digest=source.weights_digest(),
        sampling=sampling.model_dump(mode="json", exclude={"batch_size"}),
    )


def _flat(values: Mapping[str, object], path: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1_000_000).removesuffix("\n").removesuffix("\n...")
