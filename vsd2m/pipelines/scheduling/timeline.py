"""Who did what when, and what waited for a worker: written into the run's folder while it runs.

`RUN/timeline/000001-000001.jsonl` (run, file) holds a line per partition that a worker ran. Object stores cannot
append, so each flush is a file of its own.
"""

import json
import time
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from types import TracebackType

from vsd2m.core.errors import StorageError
from vsd2m.core.storage import Store
from vsd2m.pipelines.scheduling.workers import Span

FOLDER = "timeline"
FLUSH_SECONDS = 60.0
NUM_BINS = 48
_LEVELS = " ▁▂▃▄▅▆▇█"


class Timeline:
    """Collects spans, and writes them every minute and at the end."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._spans: list[Span] = []
        self._flushed_at = time.monotonic()
        self._run_number = max(map(_run_number, store.list(FOLDER)), default=0) + 1
        self._num_files = 0

    def __enter__(self) -> "Timeline":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with suppress(StorageError) if error is not None else nullcontext():
            self._flush()

    def add(self, span: Span) -> None:
        """Takes a span; it is written within a minute of the next one, or at the end."""
        self._spans.append(span)
        if time.monotonic() - self._flushed_at > FLUSH_SECONDS:
            self._flush()

    def _flush(self) -> None:
        if self._spans:
            text = "".join(json.dumps(asdict(span)) + "\n" for span in self._spans)
            self._num_files += 1
            self._store.write_bytes(f"{FOLDER}/{self._run_number:06d}-{self._num_files:06d}.jsonl", text.encode())
            self._spans = []
        self._flushed_at = time.monotonic()


@dataclass(frozen=True)
class StageTimes:
    """What a stage's workers did in the newest run over the folder; times are seconds from its start."""

    stage: str
    started: float
    ended: float
    busy: float  # over all workers
    waited: float  # partitions that could run, for a worker
    max_workers: int
    num_repeated: int  # partitions handed out again after a worker or its machine was lost
    activity: tuple[float, ...]  # mean number of busy workers, in NUM_BINS equal parts of the run


def newest_spans(store: Store) -> list[Span]:
    """The spans of the newest run over the folder that ran anything, in the order they were written."""
    names = store.list(FOLDER)
    newest = max(map(_run_number, names), default=0)
    return [span for name in names if _run_number(name) == newest for span in _read(store, f"{FOLDER}/{name}")]


def stage_times(store: Store) -> list[StageTimes]:
    """The times of each stage, in the order they started."""
    spans = newest_spans(store)
    if not spans:
        return []
    start, end = min(span.started for span in spans), max(span.ended for span in spans)
    by_stage: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span.started):
        by_stage.setdefault(span.pool.removeprefix("stage "), []).append(span)
    return [_stage_times(stage, spans, start, end) for stage, spans in by_stage.items()]


def busy_share(spans: list[Span], *, since: float, until: float) -> float:
    """The share of a period in which at least one of the spans lasted."""
    busy, position = 0.0, since
    for span in sorted(spans, key=lambda span: span.started):
        begin, end = max(span.started, position), min(span.ended, until)
        busy += max(0.0, end - begin)
        position = max(position, end)
    return busy / (until - since) if until > since else 0.0


def bar_of(activity: tuple[float, ...]) -> str:
    """The activity as a line of blocks; the highest is the most workers at once."""
    most = max(activity, default=0.0) or 1.0
    return "".join(_LEVELS[-(-int(value / most * 80) // 10)] for value in activity)


def _run_number(name: str) -> int:
    number = name.partition("-")[0]
    return int(number) if number.isdigit() else 0


def _read(store: Store, path: str) -> list[Span]:
    try:
        return [Span(**json.loads(line)) for line in store.read_bytes(path).splitlines()]
    except (TypeError, ValueError) as error:
        raise StorageError(f"{store.path(path)} is no timeline; delete it") from error


def _stage_times(stage: str, spans: list[Span], start: float, end: float) -> StageTimes:
    return StageTimes(
        stage=stage,
        started=round(spans[0].started - start, 3),
        ended=round(max(span.ended for span in spans) - start, 3),
        busy=round(sum(span.ended - span.started for span in spans), 3),
        waited=round(sum(span.started - span.ready for span in spans), 3),
        max_workers=_most_at_once(spans),
        num_repeated=sum(span.result != "done" for span in spans),
        activity=_activity(spans, start, end),
    )


def _most_at_once(spans: list[Span]) -> int:
    changes = sorted([(span.started, 1) for span in spans] + [(span.ended, -1) for span in spans])
    most = current = 0
    for _, change in changes:
        current += change
        most = max(most, current)
    return most


def _activity(spans: list[Span], start: float, end: float) -> tuple[float, ...]:
    width = (end - start) / NUM_BINS or 1.0
    totals = [0.0] * NUM_BINS
    for span in spans:
        first, last = (min(NUM_BINS - 1, int((moment - start) / width)) for moment in (span.started, span.ended))
        for number in range(first, last + 1):
            begin = start + number * width
            totals[number] += max(0.0, min(span.ended, begin + width) - max(span.started, begin))
    return tuple(round(total / width, 3) for total in totals)
