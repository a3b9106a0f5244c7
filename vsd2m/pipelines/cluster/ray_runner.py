"""The cluster runner: plain Ray actors, one pool per sticker stage, partitions flowing from pool to pool.

Consecutive sticker stages form a segment. Within it a partition moves on as soon as it is committed, so
the expensive stages are busy while the cheap ones still work. Workers are started for stages with
a backlog and stopped for stages without one, the last stages first, which limits the partitions in progress.
"""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run
from vsd2m.pipelines.cluster.ray_cluster import Cluster, Request, alive_nodes, connected, fitting_request
from vsd2m.pipelines.cluster.ray_workers import PATIENCE_SECONDS, Pool, Task, Workers
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.exclusive import exclusive
from vsd2m.pipelines.engine.execute import is_done
from vsd2m.pipelines.engine.local import StickerWorker, open_stage, run_one
from vsd2m.pipelines.engine.plan import Plan, PlannedStage, make_plan
from vsd2m.pipelines.engine.progress import Observer, Silent
from vsd2m.pipelines.engine.stage_process import StageProcess

RECYCLE_AFTER = 64  # partitions a worker runs before a new one replaces it: native libraries leak memory


@exclusive
def run_ray(
    plan: Plan,
    *,
    observer: Observer | None = None,
    retry_failed: bool = False,
    address: str | None = None,
    num_cpus: int | None = None,
    patience_s: float = PATIENCE_SECONDS,
) -> Run:
    """Like `run_local`, on a Ray cluster (`address`) or on this machine's cores; the outputs are the same bytes.

    `StageError` before the first stage if a stage needs more than any machine of the cluster has, and later
    if nothing could run for `patience_s` because no such machine is left.
    """
    observer = observer or Silent()
    with connected(Cluster(address, num_cpus)) as ray:
        requests = _requests(ray, plan)
        run = plan.create_run()
        for is_segment, stages in itertools.groupby(plan.stages, key=lambda planned: planned.kind == "sticker"):
            if is_segment:
                segment_stages = [
                    (planned, _pool(plan, planned, requests[planned.name], observer)) for planned in stages
                ]
                workers = Workers(ray, [pool for _, pool in segment_stages], patience_s=patience_s)
                _Segment(run, segment_stages, observer, retry_failed).run_all(workers)
            else:
                for planned in stages:
                    _run_on_driver(run, plan, planned, observer, retry_failed)
        return run


def _requests(ray: Any, plan: Plan) -> dict[str, Request]:
    """The resources of a worker of each sticker stage."""
    nodes = alive_nodes(ray)
    return {
        planned.name: fitting_request(
            nodes,
            Request(planned.stage.spec.resources.num_cpus, planned.stage.spec.resources.num_gpus),
            who=f"stage {planned.name}",
        )
        for planned in plan.stages
        if planned.kind == "sticker"
    }


def _run_on_driver(run: Run, plan: Plan, planned: PlannedStage, observer: Observer, retry_failed: bool) -> None:
    for partition in open_stage(run, planned, observer):
        if is_done(run, planned, partition, retry_failed=retry_failed):
            observer.partition_skipped(planned.name)
        else:
            observer.partition_done(run_one(run, plan, planned, partition, observer))
    observer.stage_done(planned.name)


def _pool(plan: Plan, planned: PlannedStage, request: Request, observer: Observer) -> Pool:
    return Pool(
        name=f"stage {planned.name}",
        request=request,
        make=partial(_partition_runner, plan.config, planned.name),
        recycle_after=RECYCLE_AFTER,
        on_start=lambda partition: observer.partition_started(planned.name, partition, None),
    )


def _partition_runner(config: PipelineConfig, stage: str) -> Callable[[int], CommitRecord]:
    """In a worker: loads, computes and commits partitions of one stage, its models loaded at the first."""
    worker = StickerWorker(
        Run.open(config.run),
        make_plan(config).stage(stage),
        StageProcess(config),
        max_failed_share=config.max_failed_share,
    )
    return partial(worker.run_partition, observer=Silent())


class _Segment:
    """Moves every partition through consecutive sticker stages."""

    def __init__(self, run: Run, stages: list[tuple[PlannedStage, Pool]], observer: Observer, retry: bool) -> None:
        self._run = run
        self._stages = stages
        self._observer = observer
        self._retry = retry

    def run_all(self, workers: Workers) -> None:
        """Returns when every stage of the segment has committed every partition."""
        for planned, _ in self._stages:
            open_stage(self._run, planned, self._observer)
        for partition in range(self._run.num_partitions()):
            self._enter(0, partition)
        pools = [pool for _, pool in self._stages]
        for pool, partition, record in workers.finished():
            self._observer.partition_done(record)
            self._enter(pools.index(pool) + 1, partition)
        for planned, _ in self._stages:
            self._observer.stage_done(planned.name)

    def _enter(self, number: int, partition: int) -> None:
        """Puts a partition into the first backlog, from stage `number` on, that still has work for it."""
        for planned, pool in self._stages[number:]:
            if not is_done(self._run, planned, partition, retry_failed=self._retry):
                pool.backlog.append(Task(f"partition {partition}", partition))
                return
            self._observer.partition_skipped(planned.name)
