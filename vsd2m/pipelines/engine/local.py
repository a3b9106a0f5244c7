"""The reference runner: this machine, sticker stages in child processes that no sticker can block."""

import threading
from collections.abc import Callable
from functools import partial

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run
from vsd2m.core.stage import FileStage
from vsd2m.pipelines.engine.exclusive import exclusive
from vsd2m.pipelines.engine.execute import run_file_partition
from vsd2m.pipelines.engine.local_workers import LocalBackend
from vsd2m.pipelines.engine.partition_worker import PartitionWork, StickerWorker
from vsd2m.pipelines.engine.plan import Plan, PlannedStage
from vsd2m.pipelines.engine.progress import Observer, Silent
from vsd2m.pipelines.engine.stage_process import StageProcess
from vsd2m.pipelines.scheduling.conductor import run_flow
from vsd2m.pipelines.scheduling.machines import Request
from vsd2m.pipelines.scheduling.pools import Pool


@exclusive
def run_local(plan: Plan, *, observer: Observer | None = None, retry_failed: bool = False, num_workers: int = 1) -> Run:
    """Brings every stage of the plan up to date and returns the run; finished work is not repeated.

    `num_workers` cores and one GPU are shared by the workers of the sticker stages; a file stage says itself how many
    of its partitions it writes at once.
    """
    created_run = plan.create_run()
    run = created_run.remembering(whole_stages=True)
    one_at_a_time = _Serial(observer or Silent())
    sticker_stages = [planned for planned in plan.stages if planned.kind == "sticker"]
    requests = {planned.name: _request(planned, num_workers) for planned in sticker_stages}
    pools = {
        planned.name: Pool(
            name=planned.name,
            request=requests[planned.name],
            has_second_tries=True,
            make=partial(_work_of, run, planned, plan.config.max_failed_share, one_at_a_time),
        )
        for planned in sticker_stages
    }
    for planned in plan.stages:
        if isinstance(planned.stage, FileStage) and planned.stage.num_workers > 1:
            pools[planned.name] = _file_pool(run, planned, one_at_a_time)
    num_gpus = max((request.gpus for request in requests.values()), default=0.0)
    with LocalBackend(plan.config, num_cpus=num_workers, num_gpus=num_gpus) as backend:
        run_flow(run, plan, pools, backend, one_at_a_time, retry_failed=retry_failed)
    return created_run


def _request(planned: PlannedStage, num_workers: int) -> Request:
    """A stage with more threads than there are cores to share gets all of them."""
    resources = planned.stage.spec.resources
    return Request(min(resources.num_cpus, num_workers), resources.num_gpus)


def _file_pool(run: Run, planned: PlannedStage, observer: Observer) -> Pool:
    """Workers that need no core of their own to wait for others; what they share, the stage here has joined."""
    assert isinstance(planned.stage, FileStage)

    def make(process: StageProcess, shared: str | None = None) -> Callable[[int], CommitRecord]:  # noqa: ARG001
        return partial(run_file_partition, run, planned)

    return Pool(
        name=planned.name,
        request=Request(0),
        make=make,
        max_workers=planned.stage.num_workers,
        on_start=lambda partition: observer.partition_started(planned.name, partition, None),
    )


def _work_of(
    run: Run, planned: PlannedStage, max_failed_share: float, observer: Observer, process: StageProcess
) -> PartitionWork:
    worker = StickerWorker(run, planned, process, max_failed_share=max_failed_share)
    return PartitionWork(worker, observer)


class _Serial:
    """Passes the reports of several threads on, one at a time."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._lock = threading.RLock()

    def stage_started(self, stage: str, *, num_partitions: int) -> None:
        with self._lock:
            self._observer.stage_started(stage, num_partitions=num_partitions)

    def partition_skipped(self, stage: str) -> None:
        with self._lock:
            self._observer.partition_skipped(stage)

    def stickers_done(self, stage: str, num_stickers: int) -> None:
        with self._lock:
            self._observer.stickers_done(stage, num_stickers)

    def partition_started(self, stage: str, partition: int | None, num_stickers: int | None) -> None:
        with self._lock:
            self._observer.partition_started(stage, partition, num_stickers)

    def partition_done(self, record: CommitRecord) -> None:
        with self._lock:
            self._observer.partition_done(record)

    def stage_done(self, stage: str) -> None:
        with self._lock:
            self._observer.stage_done(stage)
