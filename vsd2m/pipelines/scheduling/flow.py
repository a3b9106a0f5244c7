"""Which partitions of which stages can run: those whose inputs are committed, and which are not done themselves.

A partition of a sticker stage waits for the same partition of the stage before it; a table stage, and a file stage,
for every partition of all stages before it.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vsd2m.core.commit import CommitRecord
from vsd2m.core.listing import Listing
from vsd2m.core.run import Run
from vsd2m.core.stage import FileStage
from vsd2m.pipelines.engine.execute import is_done
from vsd2m.pipelines.engine.plan import Plan, PlannedStage
from vsd2m.pipelines.engine.progress import Observer


@dataclass(frozen=True)
class Work:
    """One partition of a stage (None: all of a table stage) that can run now."""

    planned: PlannedStage
    partition: int | None

    @property
    def name(self) -> str:
        return "all partitions" if self.partition is None else f"partition {self.partition}"


@dataclass
class _Progress:
    """How far a stage is; `partitions` is None until it is opened."""

    planned: PlannedStage
    partitions: Sequence[int | None] | None = None
    num_done: int = 0
    files: Listing | None = None

    @property
    def is_complete(self) -> bool:
        return self.partitions is not None and self.num_done == len(self.partitions)


class Flow:
    """Follows a plan's partitions from stage to stage."""

    def __init__(self, run: Run, plan: Plan, observer: Observer, *, retry_failed: bool) -> None:
        self._run = run
        self._observer = observer
        self._retry_failed = retry_failed
        self._stages = [_Progress(planned) for planned in plan.stages]
        self._numbers = {planned.name: number for number, planned in enumerate(plan.stages)}
        self._arrivals: deque[tuple[int, int | None]] = deque()

    def begin(self) -> Iterator[Work]:
        """The first work."""
        yield from self._open_barrier()
        yield from self._follow()

    def finish(self, record: CommitRecord) -> Iterator[Work]:
        """The work that a commit makes possible."""
        self._run.remember(record)
        self._observer.partition_done(record)
        self._arrivals.append((self._numbers[record.stage], record.partition))
        yield from self._follow()

    def complete_stages(self) -> list[str]:
        """The names of the stages whose every partition is committed."""
        return [stage.planned.name for stage in self._stages if stage.is_complete]

    def _follow(self) -> Iterator[Work]:
        """Counts what has arrived, skipped partitions included, and yields what can run next."""
        while self._arrivals:
            number, partition = self._arrivals.popleft()
            stage = self._stages[number]
            stage.num_done += 1
            successor = self._successor(number)
            if successor is not None and partition is not None:
                yield from self._enter(successor, partition)
            if stage.is_complete:
                yield from self._complete(number, successor)

    def _complete(self, number: int, successor: int | None) -> Iterator[Work]:
        stage = self._stages[number]
        stage.files = None
        self._observer.stage_done(stage.planned.name)
        if successor is not None:
            partitions = self._open(successor)
            if stage.planned.kind == "table":
                for partition in partitions:
                    yield from self._enter(successor, partition)
            if not partitions:  # without a single sticker
                yield from self._complete(successor, self._successor(successor))
        yield from self._open_barrier()

    def _open_barrier(self) -> Iterator[Work]:
        """Opens the first table or file stage that is not open yet, if every stage before it is complete."""
        for number, stage in enumerate(self._stages):
            if stage.partitions is None and stage.planned.kind != "sticker":
                for partition in self._open(number):
                    yield from self._enter(number, partition)
                if stage.is_complete:  # without a single partition
                    yield from self._complete(number, self._successor(number))
                return
            if not stage.is_complete:
                return

    def _successor(self, number: int) -> int | None:
        """The sticker stage that reads the rows which stage `number` leaves."""
        if self._stages[number].planned.kind == "file":
            return None
        for i in range(number + 1, len(self._stages)):
            kind = self._stages[i].planned.kind
            if kind != "file":
                return i if kind == "sticker" else None
        return None

    def _open(self, number: int) -> Sequence[int | None]:
        stage = self._stages[number]
        if stage.partitions is None:
            stage.partitions = open_stage(self._run, stage.planned, self._observer)
            stage.files = Listing(self._run.store)
        return stage.partitions

    def _enter(self, number: int, partition: int | None) -> Iterator[Work]:
        self._open(number)
        stage = self._stages[number]
        planned = stage.planned
        if is_done(self._run, planned, partition, retry_failed=self._retry_failed, files=stage.files):
            self._observer.partition_skipped(planned.name)
            self._arrivals.append((number, partition))
        else:
            yield Work(planned, partition)


def open_stage(run: Run, planned: PlannedStage, observer: Observer) -> list[int | None]:
    """The stage's partitions (None: all at once); removes files that no longer belong to the stage."""
    partitions = _partitions(run, planned)
    for folder in (planned.name, *(planned.stage.folders if isinstance(planned.stage, FileStage) else ())):
        run.store.delete_leftovers(folder)
    _prune(run, planned, partitions)
    observer.stage_started(planned.name, num_partitions=len(partitions))
    return partitions


def _partitions(run: Run, planned: PlannedStage) -> list[int | None]:
    if planned.kind == "table":
        return [None]
    if isinstance(planned.stage, FileStage):
        return list(planned.stage.partitions(run))
    return list(range(run.num_partitions()))


def _prune(run: Run, planned: PlannedStage, partitions: list[int | None]) -> None:
    """Removes partitions beyond the current number: a smaller data set would read them by mistake."""
    current = set(partitions)
    for record in run.records(planned.name):
        if record.partition not in current:
            run.uncommit(planned.name, record.partition)
            for path in record.outputs:
                run.store.delete(path)
