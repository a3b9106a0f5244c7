"""A benchmark run: every metric over every model's clips, and over the real ones as a yardstick.

First whatever is not known yet of any clip is observed, each clip decoded once, here or in other processes. Then the
metrics are fed from what is kept. Both are kept as they are finished, so that a killed run goes on where it stopped.
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
from vsd2m.benchmark.metric import Score, Weights, metric_class
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
    """A clip, and the identities of what is to be observed of it."""

    clip: ClipReference
    wanted: tuple[str, ...]


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
    """Judges every folder of the config and writes `results.jsonl` and `table.md` to `out`.

    `read_text` turns a frame uint8 [H, W, 3] into the text in it; without it the legibility of text is not judged.
    `distribute` observes in other processes; `on_progress(done, total)` counts clips. What is known of the models
    beyond their folders (`origins`), and the `command` that repeats the run, stand in the results.

    Real and generated clips are cut by one rule. The real stickers are judged too: they show what a perfect model would
    get. For distances they are cut in two halves, and everybody is compared with the second one (see `RealSet`).
    """
    store = Store(out)
    weights = Weights(config.weights, read_text)
    real = list_real(config)
    rule = ClipRule(config.num_frames, config.size)
    generated = {name: list_folder(Path(folder), rule) for name, folder in config.generated.items()}
    judged: dict[str, Sequence[ClipReference]] = {REAL: real, **generated}
    compared = real_set(real, generated)
    candidates = [Candidate(name, metric_class(name)(weights)) for name in config.metrics]
    skipped = {it.name: Skipped(it.metric.name, needs) for it in candidates if (needs := it.metric.missing())}
    rows = [
        row_of(model, candidate, clips, compared, rule=rule, seed=config.seed)
        for model, clips in judged.items()
        for candidate in candidates
        if candidate.name not in skipped
    ]
    kept = KeptWork(store)
    kept.remove_leftovers()
    todo = [row for row in rows if kept.score(row.identity) is None]
    busy = list({row.candidate.name: row.candidate for row in todo}.values())
    observer = Observer([candidate.sense for candidate in busy if candidate.sense is not None])
    skipped |= _not_installed(busy, observer)
    todo = [row for row in todo if row.candidate.name not in skipped]
    tasks = _tasks(todo, kept)
    if distribute is None:
        observe: Observe = partial(observe_here, observer)
    else:
        observe = distribute(ObserverSpec(tuple(it.name for it in busy if it.name not in skipped), weights))
    for done, (clip, found) in enumerate(observe(tasks) if tasks else (), start=1):
        kept.keep_observations(clip, found)
        if on_progress is not None:
            on_progress(done, len(tasks))
    for model in dict.fromkeys(row.model for row in todo):
        keep_scores([row for row in todo if row.model == model], kept)
    results = Results(
        scores=_scores(rows, kept),
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
        yield task.clip.identity, observer.observe(task.clip.load(), task.wanted)


def _not_installed(busy: Sequence[Candidate], observer: Observer) -> dict[str, Skipped]:
    """Loads every network there is work for; the metrics whose packages are missing, by their names in the config."""
    lacking: dict[str, Skipped] = {}
    for candidate in busy:
        try:
            candidate.metric.setup() if candidate.sense is None else observer.setup(candidate.sense.identity)
        except MissingExtraError as error:
            lacking[candidate.name] = Skipped(candidate.metric.name, str(error))
    return lacking


def _tasks(todo: Sequence[Row], kept: KeptWork) -> list[ObserveTask]:
    """What is not known yet, a task per clip, in the order of the rows."""
    clips: dict[str, ClipReference] = {}
    wanted: dict[str, dict[str, None]] = {}
    for row in todo:
        if row.candidate.sense is not None:
            for clip in (*row.clips, *row.references):
                clips[clip.identity] = clip
                wanted.setdefault(clip.identity, {})[row.candidate.sense.identity] = None
    tasks = []
    for identity, senses in wanted.items():
        known = kept.observations(identity)
        missing = tuple(sense for sense in senses if sense not in known)
        if missing:
            tasks.append(ObserveTask(clips[identity], missing))
    return tasks


def _scores(rows: Sequence[Row], kept: KeptWork) -> dict[str, list[Score]]:
    scores: dict[str, list[Score]] = {}
    for row in rows:
        found = kept.score(row.identity)
        of_model = scores.setdefault(row.model, [])
        if found is not None:
            of_model.append(found)
    return scores


def _origins(
    config: BenchmarkConfig, generated: Mapping[str, Any], known: Mapping[str, Origin], store: Store
) -> dict[str, Origin]:
    local = store.local_path("")
    results = Path(local) if local is not None else None
    return {
        name: describe_outputs(known.get(name), Path(folder), generated[name], results)
        for name, folder in config.generated.items()
    }
