"""Runs one partition of a stage, in the driver or in a worker."""

import time
from functools import partial

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run
from vsd2m.pipelines.engine.execute import (
    check_failures,
    check_sources,
    commit_partition,
    compute,
    load_partition,
    run_file_partition,
    run_table_stage,
)
from vsd2m.pipelines.engine.plan import Plan, PlannedStage
from vsd2m.pipelines.engine.progress import Observer
from vsd2m.pipelines.engine.stage_process import StageProcess


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
