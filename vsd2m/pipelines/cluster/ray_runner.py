"""The cluster runner: plain Ray actors, one pool per sticker stage, partitions flowing from pool to pool.

Consecutive sticker stages form a segment. Within it a partition moves on as soon as it is committed, so
the expensive stages are busy while the cheap ones still work. Workers are started where there is a
backlog and stopped where there is none, the last stages first, which bounds what is in flight.
A partition whose worker dies is taken apart down to the sticker, which is recorded as failed.
"""

import itertools
import logging
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from vsd2m.core.commit import CommitRecord
from vsd2m.core.errors import StageError, Vsd2mError
from vsd2m.core.registry import import_extra
from vsd2m.core.run import Run
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.exclusive import exclusive
from vsd2m.pipelines.engine.execute import (
    Failure,
    Outcome,
    check_failures,
    commit_partition,
    compute,
    is_done,
    load_partition,
)
from vsd2m.pipelines.engine.local import StickerWorker, open_stage, run_one
from vsd2m.pipelines.engine.plan import Plan, PlannedStage, make_plan
from vsd2m.pipelines.engine.progress import Observer, Silent

_log = logging.getLogger(__name__)

RECYCLE_AFTER = 64  # partitions a worker runs before a fresh one takes its place: native libraries leak


@exclusive
def run_ray(
    plan: Plan,
    *,
    observer: Observer | None = None,
    retry_failed: bool = False,
    address: str | None = None,
    num_cpus: int | None = None,
) -> Run:
    """Like `run_local`, on a Ray cluster (`address`) or on this machine's cores; the outputs are the same bytes."""
    ray = import_extra("ray", extra="ray")
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(
            address=address,
            num_cpus=num_cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    try:
        run = plan.create_run()
        for is_segment, stages in itertools.groupby(plan.stages, key=lambda planned: planned.kind == "sticker"):
            if is_segment:
                _Segment(run, plan, list(stages), observer or Silent(), retry_failed).run_all()
            else:
                for planned in stages:
                    _run_on_driver(run, plan, planned, observer or Silent(), retry_failed)
        return run
    finally:
        if started_here:
            ray.shutdown()


def _run_on_driver(run: Run, plan: Plan, planned: PlannedStage, observer: Observer, retry_failed: bool) -> None:
    for partition in open_stage(run, planned, observer):
        if is_done(run, planned, partition, retry_failed=retry_failed):
            observer.partition_skipped(planned.name)
        else:
            observer.partition_done(run_one(run, plan, planned, partition, observer))
    observer.stage_done(planned.name)


class Worker:
    """What a Ray actor holds: one stage, its models loaded at the first partition."""

    def __init__(self, config: PipelineConfig, stage: str, search_path: list[str]) -> None:
        # Nothing here may raise: Ray reports an exception in a constructor as a dead worker.
        self._config = config
        self._stage = stage
        self._search_path = search_path

    @cached_property
    def _worker(self) -> StickerWorker:
        sys.path += [path for path in self._search_path if path not in sys.path]  # a user's own stages
        planned = make_plan(self._config).stage(self._stage)
        return StickerWorker(Run.open(self._config.run), planned, max_failed_share=self._config.max_failed_share)

    def run_partition(self, partition: int) -> CommitRecord:
        """Loads, computes and commits."""
        return self._worker.run_partition(partition, Silent())

    def compute(self, rows: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        """Outcomes without a commit, for taking a partition apart."""
        return compute(Run.open(self._config.run), self._worker.stage(), rows)


@dataclass
class _Pool:
    """One stage's backlog and workers."""

    number: int
    planned: PlannedStage
    cpus: float
    gpus: float
    backlog: deque[int] = field(default_factory=deque)
    idle: list[Any] = field(default_factory=list)


class _Segment:
    """Moves every partition through consecutive sticker stages."""

    def __init__(self, run: Run, plan: Plan, stages: list[PlannedStage], observer: Observer, retry: bool) -> None:
        self._ray = import_extra("ray", extra="ray")
        self._run = run
        self._plan = plan
        self._observer = observer
        self._retry = retry
        total = self._ray.cluster_resources()
        self._free_cpus = float(total.get("CPU", 1.0))
        self._free_gpus = float(total.get("GPU", 0.0))
        self._pools = [self._pool(number, planned) for number, planned in enumerate(stages)]
        self._running: dict[Any, tuple[_Pool, Any, int]] = {}
        self._deaths: Counter[tuple[str, int]] = Counter()
        self._num_run: Counter[Any] = Counter()

    def run_all(self) -> None:
        """Returns when every stage of the segment has committed every partition."""
        for pool in self._pools:
            open_stage(self._run, pool.planned, self._observer)
        for partition in range(self._run.num_partitions()):
            self._enter(0, partition)
        try:
            while self._assign() or self._running:
                finished, _ = self._ray.wait(list(self._running), num_returns=1)
                self._collect(finished[0])
        finally:
            for pool in self._pools:
                while pool.idle:
                    self._stop(pool, pool.idle.pop())
        for pool in self._pools:
            self._observer.stage_done(pool.planned.name)

    def _pool(self, number: int, planned: PlannedStage) -> _Pool:
        wanted = planned.stage.spec.resources
        if wanted.num_gpus > self._free_gpus:
            raise StageError(
                f"stage {planned.name} asks for {wanted.num_gpus:g} GPUs, the cluster has {self._free_gpus:g}; "
                "set its device to cpu or give the address of a cluster with GPUs"
            )
        return _Pool(number, planned, min(wanted.num_cpus, self._free_cpus), wanted.num_gpus)

    def _enter(self, number: int, partition: int) -> None:
        """Puts a partition into the first backlog, from stage `number` on, that still has work for it."""
        for pool in self._pools[number:]:
            if not is_done(self._run, pool.planned, partition, retry_failed=self._retry):
                pool.backlog.append(partition)
                return
            self._observer.partition_skipped(pool.planned.name)

    def _assign(self) -> bool:
        """Hands out backlog, later stages first; true if anything was handed out."""
        before = len(self._running)
        for pool in reversed(self._pools):
            while pool.backlog and (worker := self._worker(pool)) is not None:
                partition = pool.backlog.popleft()
                self._observer.partition_started(pool.planned.name, partition, None)
                self._running[worker.run_partition.remote(partition)] = (pool, worker, partition)
        return len(self._running) > before

    def _worker(self, pool: _Pool) -> Any | None:
        """An idle worker, or a new one in free room, or one in room taken from a stage without backlog."""
        if pool.idle:
            return pool.idle.pop()
        for other in self._pools:
            while not self._fits(pool) and other.idle and not other.backlog:
                self._stop(other, other.idle.pop())
        if not self._fits(pool):
            return None
        return self._start(pool)

    def _fits(self, pool: _Pool) -> bool:
        return pool.cpus <= self._free_cpus and pool.gpus <= self._free_gpus

    def _start(self, pool: _Pool) -> Any:
        self._free_cpus -= pool.cpus
        self._free_gpus -= pool.gpus
        actor = self._ray.remote(Worker).options(num_cpus=pool.cpus, num_gpus=pool.gpus)
        return actor.remote(self._plan.config, pool.planned.name, sys.path)

    def _stop(self, pool: _Pool, worker: Any) -> None:
        self._ray.kill(worker)
        self._free_cpus += pool.cpus
        self._free_gpus += pool.gpus

    def _collect(self, task: Any) -> None:
        pool, worker, partition = self._running.pop(task)
        try:
            record = self._ray.get(task)
        except self._ray.exceptions.RayActorError:
            self._stop(pool, worker)
            self._deaths[pool.planned.name, partition] += 1
            if self._deaths[pool.planned.name, partition] == 1:  # a lost node, perhaps: once more as a whole
                pool.backlog.append(partition)
                return
            record = self._take_apart(pool, partition)
        except self._ray.exceptions.RayTaskError as error:
            self._stop(pool, worker)
            raise _cause(error) from error
        else:
            self._keep(pool, worker)
        self._observer.partition_done(record)
        self._enter(pool.number + 1, partition)

    def _keep(self, pool: _Pool, worker: Any) -> None:
        self._num_run[worker] += 1
        if self._num_run[worker] >= RECYCLE_AFTER:
            self._stop(pool, worker)
        else:
            pool.idle.append(worker)

    def _take_apart(self, pool: _Pool, partition: int) -> CommitRecord:
        """Halves a partition that kills its workers until the sticker at fault stands alone."""
        started = time.perf_counter()
        loaded = load_partition(self._run, pool.planned, partition)
        unknown = loaded.unknown
        _log.warning("stage %s: partition %d killed two workers, taking it apart", pool.planned.name, partition)
        outcomes: dict[int, Outcome] = {}
        halves = deque([unknown])
        while halves:
            numbers = halves.popleft()
            found = self._compute_apart(pool, [loaded.rows[number] for number in numbers])
            if found is not None:
                outcomes.update(zip(numbers, found, strict=True))
            elif len(numbers) == 1:
                outcomes[numbers[0]] = Failure("worker_died", "the worker process died on this sticker")
            else:
                middle = len(numbers) // 2
                halves.extend([numbers[:middle], numbers[middle:]])
        check_failures(pool.planned, list(outcomes.values()), max_failed_share=self._plan.config.max_failed_share)
        seconds = time.perf_counter() - started
        return commit_partition(self._run, pool.planned, loaded, outcomes, seconds=seconds)

    def _compute_apart(self, pool: _Pool, rows: list[Mapping[str, Any]]) -> list[Outcome] | None:
        worker = self._start(pool)
        try:
            outcomes: list[Outcome] = self._ray.get(worker.compute.remote(rows))
            return outcomes
        except self._ray.exceptions.RayActorError:
            return None
        finally:
            self._stop(pool, worker)


def _cause(error: Any) -> BaseException:
    return error.cause if isinstance(error.cause, Vsd2mError) else error
