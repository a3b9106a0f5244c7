"""Runs one partition of a stage, in the driver or in a worker."""

import threading
import time
from dataclasses import dataclass
from enum import Enum
from functools import partial

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run
from vsd2m.pipelines.engine.execute import (
    Outcome,
    PartitionInput,
    check_failures,
    check_sources,
    commit_partition,
    compute,
    load_partition,
    run_file_partition,
    run_table_stage,
)
from vsd2m.pipelines.engine.plan import Plan, PlannedStage
from vsd2m.pipelines.engine.progress import Observer, Silent
from vsd2m.pipelines.engine.stage_process import StageProcess


def run_one(run: Run, plan: Plan, planned: PlannedStage, partition: int | None, observer: Observer) -> CommitRecord:
    """Runs a table stage, or one partition of a file stage, in this process."""
    observer.partition_started(planned.name, partition, None)
    if partition is None:
        if planned.name == run.root.name:
            check_sources(run, plan.stages[: plan.stages.index(planned)])
        return run_table_stage(run, planned, partition_size=plan.config.partition_size)
    return run_file_partition(run, planned, partition)


class _Step(Enum):
    """How far a worker is with its partition."""

    COMPUTING = "computing"
    COMMITTING = "committing"  # or done
    GIVEN_UP = "given up"


class StickerWorker:
    """Runs partitions of a sticker stage; its models are loaded once, and only if there is something to compute."""

    def __init__(self, run: Run, planned: PlannedStage, process: StageProcess, *, max_failed_share: float) -> None:
        self._run = run
        self._planned = planned
        self._process = process
        self._max_failed_share = max_failed_share
        self._lock = threading.Lock()
        self._step = _Step.COMMITTING
        self._rehearsed: _Computed | None = None
        self.num_stickers_done = 0  # of the partition at work

    def run_partition(self, partition: int, observer: Observer) -> CommitRecord | None:
        """Loads, computes the outcomes that are not known yet, and commits; None if it had to give up before."""
        self._step = _Step.COMPUTING
        computed = self._compute(partition, observer)
        with self._lock:
            if self._step is _Step.GIVEN_UP:
                return None
            self._step = _Step.COMMITTING
        return computed.commit()

    def rehearse(self, partition: int) -> None:
        """Loads and computes like `run_partition`, for a `commit` that may follow."""
        self._rehearsed = self._compute(partition, Silent())

    def commit(self) -> CommitRecord:
        """Commits what was rehearsed."""
        assert self._rehearsed is not None
        return self._rehearsed.commit()

    def give_up(self) -> bool:
        """From another thread: whether the partition at work will not be committed here; no, once that has begun."""
        with self._lock:
            if self._step is _Step.COMPUTING:
                self._step = _Step.GIVEN_UP
            return self._step is _Step.GIVEN_UP

    def _compute(self, partition: int, observer: Observer) -> "_Computed":
        started = time.perf_counter()
        self.num_stickers_done = 0
        partition_input = load_partition(self._run, self._planned, partition)
        rows_to_compute = partition_input.rows_to_compute
        observer.partition_started(self._planned.name, partition, len(rows_to_compute))
        outcomes = compute(
            self._run,
            self._planned.stage.spec,
            [partition_input.rows[i] for i in rows_to_compute],
            partial(self._process.process, self._planned),
            partial(self._batch_done, observer),
        )
        check_failures(self._planned, outcomes, max_failed_share=self._max_failed_share)
        by_row = dict(zip(rows_to_compute, outcomes, strict=True))
        return _Computed(self._run, self._planned, partition_input, by_row, time.perf_counter() - started)

    def _batch_done(self, observer: Observer, num_stickers: int) -> None:
        self.num_stickers_done += num_stickers
        observer.stickers_done(self._planned.name, num_stickers)


@dataclass(frozen=True)
class _Computed:
    """The outcomes of a partition, not committed yet."""

    run: Run
    planned: PlannedStage
    partition_input: PartitionInput
    outcomes: dict[int, Outcome]
    seconds: float

    def commit(self) -> CommitRecord:
        return commit_partition(self.run, self.planned, self.partition_input, self.outcomes, seconds=self.seconds)


@dataclass(frozen=True)
class PartitionWork:
    """What a worker of a sticker stage is asked to do, from the driver's side."""

    worker: StickerWorker
    observer: Observer

    def __call__(self, partition: int) -> CommitRecord | None:
        return self.worker.run_partition(partition, self.observer)

    def rehearse(self, partition: int) -> None:
        self.worker.rehearse(partition)

    def commit(self) -> CommitRecord:
        return self.worker.commit()

    def give_up(self) -> bool:
        return self.worker.give_up()

    def progress(self) -> int:
        return self.worker.num_stickers_done
