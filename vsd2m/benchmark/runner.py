"""A benchmark run: every metric over every model's clips, and over the real stickers as a yardstick.

First the missing observations of all clips are computed, in this process or others, decoding each clip once. Then the
metrics are computed from the observations. Both are stored as soon as they are finished, so a killed run can be
resumed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.finished_work import KeptWork, Observations
from vsd2m.benchmark.metric import Score, Weights
from vsd2m.benchmark.metrics import metric_class
from vsd2m.benchmark.observations import Observer, ObserverSpec
from vsd2m.benchmark.results import REAL, Results, Skipped, write_results
from vsd2m.benchmark.rows import Candidate, Row, keep_scores, row_of
from vsd2m.benchmark.suite.clip_rule import ClipRule
from vsd2m.benchmark.suite.clips import ClipReference, list_folder
from vsd2m.benchmark.suite.provenance import Origin, describe_outputs
from vsd2m.benchmark.suite.real_clips import data_revision, list_real
from vsd2m.benchmark.suite.real_set import real_set
from vsd2m.benchmark.tables.results_tables import as_markdown
from vsd2m.core.errors import MissingExtraError
from vsd2m.core.generated_files import read_cost
from vsd2m.core.storage import Store

ReadText = Callable[[NDArray[np.uint8]], str]
TABLE = "table.md"


@dataclass(frozen=True)
class ObserveTask:
    """A clip, and the identities of the observations to compute."""

    clip: ClipReference
    identities: tuple[str, ...]


Observe = Callable[[Sequence[ObserveTask]], Iterator[tuple[str, Observations]]]
"""Carries out tasks in any order; yields each clip's identity with its observations as they are finished."""


def run_benchmark(
    config: BenchmarkConfig,
    out: str,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    read_text: ReadText | None = None,
    distribute: Callable[[ObserverSpec], Observe] | None = None,
    origins: Mapping[str, Origin] | None = None,
    command: str | None = None,
) -> Results:
    """Evaluates every folder of the config and writes `results.jsonl` and `table.md` to `out`.

    `read_text` turns a frame uint8 [H, W, 3] into the text in it; without it the legibility of text is not measured.
    `distribute` computes observations in other processes; `on_progress(done, total)` counts clips. `origins` (facts
    about the models) and `command` (which repeats the run) are written to the results.

    The same rule selects the frames of real and generated clips. The real stickers are evaluated too: they show the
    scores of a perfect model. For distances they are divided into two halves, and all models are compared with the
    second one (see `RealSet`).
    """
    store = Store(out)
    weights = Weights(config.weights, read_text)
    real = list_real(config)
    rule = ClipRule(config.num_frames, config.size)
    generated = {name: list_folder(Path(folder), rule) for name, folder in config.generated.items()}
    clips_of: dict[str, Sequence[ClipReference]] = {REAL: real, **generated}
    compared = real_set(real, generated)
    candidates = [Candidate(name, metric_class(name)(weights)) for name in config.metrics]
    skipped = {
        candidate.name: Skipped(candidate.metric.name, needs)
        for candidate in candidates
        if (needs := candidate.metric.missing())
    }
    rows = [
        row_of(model, candidate, clips, compared, rule=rule, seed=config.seed)
        for model, clips in clips_of.items()
        for candidate in candidates
        if candidate.name not in skipped
    ]
    finished_work = KeptWork(store)
    finished_work.remove_leftovers()
    todo = [row for row in rows if finished_work.score(row.identity) is None]
    busy = list({row.candidate.name: row.candidate for row in todo}.values())
    observer = Observer([candidate.sense for candidate in busy if candidate.sense is not None])
    skipped |= _not_installed(busy, observer)
    todo = [row for row in todo if row.candidate.name not in skipped]
    tasks = _tasks(todo, finished_work)
    if distribute is None:
        observe: Observe = partial(observe_here, observer)
    else:
        observe = distribute(
            ObserverSpec(tuple(candidate.name for candidate in busy if candidate.name not in skipped), weights)
        )
    for num_done, (clip, observations) in enumerate(observe(tasks) if tasks else (), start=1):
        finished_work.keep_observations(clip, observations)
        if on_progress is not None:
            on_progress(num_done, len(tasks))
    for model in dict.fromkeys(row.model for row in todo):
        keep_scores([row for row in todo if row.model == model], finished_work)
    results = Results(
        scores=_scores(rows, finished_work),
        skipped=[skipped[name] for name in config.metrics if name in skipped],
        costs={name: cost for name, folder in config.generated.items() if (cost := read_cost(Path(folder)))},
        origins=_origins(config, generated, origins or {}, store),
        data_revision=data_revision(config.shards, config.splits),
        command=command,
    )
    write_results(results, config, store)
    store.write_bytes(TABLE, as_markdown(results).encode())
    return results


def observe_here(observer: Observer, tasks: Iterable[ObserveTask]) -> Iterator[tuple[str, Observations]]:
    """One task after the other, in this process."""
    for task in tasks:
        yield task.clip.identity, observer.observe(task.clip.load(), task.identities)


def _not_installed(busy: Sequence[Candidate], observer: Observer) -> dict[str, Skipped]:
    """Loads the networks that are needed; returns the metrics whose packages are missing, by their names in the
    config."""
    lacking: dict[str, Skipped] = {}
    for candidate in busy:
        try:
            candidate.metric.setup() if candidate.sense is None else observer.setup(candidate.sense.identity)
        except MissingExtraError as error:
            lacking[candidate.name] = Skipped(candidate.metric.name, str(error))
    return lacking


def _tasks(todo: Sequence[Row], finished_work: KeptWork) -> list[ObserveTask]:
    """The missing observations, a task per clip, in the order of the rows."""
    clips: dict[str, ClipReference] = {}
    identities: dict[str, dict[str, None]] = {}
    for row in todo:
        if row.candidate.sense is not None:
            for clip in (*row.clips, *row.references):
                clips[clip.identity] = clip
                identities.setdefault(clip.identity, {})[row.candidate.sense.identity] = None
    tasks = []
    for identity, senses in identities.items():
        stored = finished_work.observations(identity)
        missing = tuple(sense for sense in senses if sense not in stored)
        if missing:
            tasks.append(ObserveTask(clips[identity], missing))
    return tasks


def _scores(rows: Sequence[Row], finished_work: KeptWork) -> dict[str, list[Score]]:
    scores: dict[str, list[Score]] = {}
    for row in rows:
        score = finished_work.score(row.identity)
        of_model = scores.setdefault(row.model, [])
        if score is not None:
            of_model.append(score)
    return scores


def _origins(
    config: BenchmarkConfig, generated: Mapping[str, Any], origins: Mapping[str, Origin], store: Store
) -> dict[str, Origin]:
    local = store.local_path("")
    results = Path(local) if local is not None else None
    return {
        name: describe_outputs(origins.get(name), Path(folder), generated[name], results)
        for name, folder in config.generated.items()
    }
