"""The reference runner: one stage after the other, sticker stages in a child process that no sticker can block."""

import time
from functools import partial

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run, record_path
from vsd2m.core.stage import FileStage
from vsd2m.pipelines.engine.exclusive import exclusive
from vsd2m.pipelines.engine.execute import (
    check_failures,
    check_sources,
    commit_partition,
    compute,
    is_done,
    load_partition,
    run_file_partition,
    run_table_stage,
)
from vsd2m.pipelines.engine.plan import Plan, PlannedStage
from vsd2m.pipelines.engine.progress import Observer, Silent
from vsd2m.pipelines.engine.stage_process import StageProcess


@exclusive
def run_local(plan: Plan, *, observer: Observer | None = None, retry_failed: bool = False) -> Run:
    """Brings every stage of the plan up to date and returns the run; finished work is not repeated."""
    observer = observer or Silent()
    run = plan.create_run()
    with StageProcess(plan.config) as process:
        for planned in plan.stages:
            worker = StickerWorker(run, planned, process, max_failed_share=plan.config.max_failed_share)
            for partition in open_stage(run, planned, observer):
                if is_done(run, planned, partition, retry_failed=retry_failed):
                    observer.partition_skipped(planned.name)
                elif partition is not None and planned.kind == "sticker":
                    observer.partition_done(worker.run_partition(partition, observer))
                else:
                    observer.partition_done(run_one(run, plan, planned, partition, observer))
            observer.stage_done(planned.name)
    return run


def open_stage(run: Run, planned: PlannedStage, observer: Observer) -> list[int | None]:
    """The stage's partitions (None: all at once); removes files that no longer belong to the stage."""
    partitions = _partitions(run, planned)
    for folder in (planned.name, *(planned.stage.folders if isinstance(planned.stage, FileStage) else ())):
        run.store.delete_leftovers(folder)
    _prune(run, planned, partitions)
    observer.stage_started(planned.name, num_partitions=len(partitions))
    return partitions


def run_one(run: Run, plan: Plan, planned: PlannedStage, partition: int | None, observer: Observer) -> CommitRecord:
    """Runs a table stage, or one partition of a file stage, in this process."""
    observer.partition_started(planned.name, partition, None)
    if partition is None:
        if planned.name == run.root.name:
            check_sources(run, plan.stages[: plan.stages.index(planned)])
        return run_table_stage(run, planned, partition_size=plan.config.partition_size)
    return run_file_partition(run, planned, partition)


class StickerWorker:
    """Runs partitions of a sticker stage; its models are loaded once, and only if there is something to compute."""

    def __init__(self, run: Run, planned: PlannedStage, process: StageProcess, *, max_failed_share: float) -> None:
        self._run = run
        self._planned = planned
        self._process = process
        self._max_failed_share = max_failed_share

    def run_partition(self, partition: int, observer: Observer) -> CommitRecord:
        """Loads, computes the outcomes that are not known yet, and commits."""
        started = time.perf_counter()
        partition_input = load_partition(self._run, self._planned, partition)
        rows_to_compute = partition_input.rows_to_compute
        observer.partition_started(self._planned.name, partition, len(rows_to_compute))
        outcomes = compute(
            self._run,
            self._planned.stage.spec,
            [partition_input.rows[i] for i in rows_to_compute],
            partial(self._process.process, self._planned),
            partial(observer.stickers_done, self._planned.name),
        )
        check_failures(self._planned, outcomes, max_failed_share=self._max_failed_share)
        computed = dict(zip(rows_to_compute, outcomes, strict=True))
        seconds = time.perf_counter() - started
        return commit_partition(self._run, self._planned, partition_input, computed, seconds=seconds)


def _partitions(run: Run, planned: PlannedStage) -> list[int | None]:
    if planned.kind == "table":
        return [None]
    if isinstance(planned.stage, FileStage):
        return list(planned.stage.partitions(run))
    return list(range(run.num_partitions()))


def _prune(run: Run, planned: PlannedStage, partitions: list[int | None]) -> None:
    """Removes partitions beyond the current number: a smaller data set would read them by mistake."""
    for record in run.records(planned.name):
        if record.partition not in partitions:
            run.store.delete(record_path(planned.name, record.partition))
            for path in record.outputs:
                run.store.delete(path)
