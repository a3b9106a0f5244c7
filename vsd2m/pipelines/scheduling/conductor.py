"""Runs a plan: hands every partition that can run to the workers of its stage, and the rest to the driver."""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run
from vsd2m.core.stage import FileStage
from vsd2m.pipelines.engine.partition_worker import run_one
from vsd2m.pipelines.engine.plan import Plan, PlannedStage
from vsd2m.pipelines.engine.progress import Observer
from vsd2m.pipelines.scheduling.backend import Backend
from vsd2m.pipelines.scheduling.flow import Flow, Work
from vsd2m.pipelines.scheduling.pools import Pool
from vsd2m.pipelines.scheduling.timeline import Timeline
from vsd2m.pipelines.scheduling.workers import PATIENCE_SECONDS, Span, Workers

DRIVER = "driver"


def run_flow(
    run: Run,
    plan: Plan,
    pools: Mapping[str, Pool],
    backend: Backend,
    observer: Observer,
    *,
    retry_failed: bool,
    patience_s: float = PATIENCE_SECONDS,
    host: str = "127.0.0.1",
) -> None:
    """Brings every stage of the plan up to date. Stages without a pool run in this process, one partition at a time.

    `run` remembers whole stages: this process sees every commit. `host` is the address at which workers reach it.
    """
    flow = Flow(run, plan, observer, retry_failed=retry_failed)
    with Timeline(run.store) as timeline, _Shared(run, host) as shared:
        workers = Workers(backend, list(pools.values()), patience_s=patience_s, on_span=timeline.add)
        driver = _Driver(run, plan, pools, workers, flow, observer, timeline, shared)
        driver.hand_on(flow.begin())
        for _, _, record in workers.finished():
            driver.hand_on(flow.finish(record))
            shared.leave(flow.complete_stages())


class _Shared:
    """What partitions of a file stage share, from its first partition that is written to its last."""

    def __init__(self, run: Run, host: str) -> None:
        self._run = run
        self._host = host
        self._open: dict[str, ExitStack] = {}  # by stage

    def __enter__(self) -> "_Shared":
        return self

    def __exit__(self, *error: Any) -> None:
        for stack in self._open.values():
            stack.__exit__(*error)

    def enter(self, planned: PlannedStage, pool: Pool | None) -> None:
        """Opens what the stage shares, if it is not open, and tells its workers the address."""
        if not isinstance(planned.stage, FileStage) or planned.name in self._open:
            return
        stack = self._open[planned.name] = ExitStack()
        stack.callback(planned.stage.join, None)
        address = stack.enter_context(planned.stage.shared(self._run, host=self._host))
        planned.stage.join(address)
        if pool is not None and address is not None:
            pool.make = partial(pool.make, shared=address)

    def leave(self, stages: Iterable[str]) -> None:
        """Closes what complete stages shared."""
        for name in stages:
            if name in self._open:
                self._open.pop(name).close()


@dataclass(frozen=True)
class _Driver:
    """Puts work into the backlogs, and runs here what has no pool."""

    run: Run
    plan: Plan
    pools: Mapping[str, Pool]
    workers: Workers
    flow: Flow
    observer: Observer
    timeline: Timeline
    shared: "_Shared"

    def hand_on(self, works: Iterable[Work]) -> None:
        """Returns when all work is in a backlog or done, with what that made possible."""
        to_run_here: deque[Work] = deque()
        while True:
            for work in works:
                pool = self.pools.get(work.planned.name)
                self.shared.enter(work.planned, pool)
                if pool is None:
                    to_run_here.append(work)
                else:
                    self.workers.add(pool, work.name, work.partition)
            if not to_run_here:
                return
            works = self.flow.finish(self._run_here(to_run_here.popleft()))

    def _run_here(self, work: Work) -> CommitRecord:
        started = time.time()
        record = run_one(self.run, self.plan, work.planned, work.partition, self.observer)
        self.timeline.add(Span(work.planned.name, work.name, DRIVER, started, started, time.time(), "done"))
        return record
