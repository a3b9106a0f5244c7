"""Runs a plan: hands every partition that can run to the workers of its stage, and the rest to the driver."""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run
from vsd2m.pipelines.engine.partition_worker import run_one
from vsd2m.pipelines.engine.plan import Plan
from vsd2m.pipelines.engine.progress import Observer
from vsd2m.pipelines.scheduling.flow import Flow, Work
from vsd2m.pipelines.scheduling.pools import Pool
from vsd2m.pipelines.scheduling.timeline import Timeline
from vsd2m.pipelines.scheduling.workers import PATIENCE_SECONDS, Backend, Span, Workers

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
) -> None:
    """Brings every stage of the plan up to date. Stages without a pool run in this process, one partition at a time.

    `run` remembers whole stages: this process hears of every commit.
    """
    flow = Flow(run, plan, observer, retry_failed=retry_failed)
    with Timeline(run.store) as timeline:
        workers = Workers(backend, list(pools.values()), patience_s=patience_s, on_span=timeline.add)
        driver = _Driver(run, plan, pools, workers, flow, observer, timeline)
        driver.hand_on(flow.begin())
        for _, _, record in workers.finished():
            driver.hand_on(flow.finish(record))


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

    def hand_on(self, works: Iterable[Work]) -> None:
        """Returns when all work is in a backlog or done, with what that made possible."""
        to_run_here: deque[Work] = deque()
        while True:
            for work in works:
                pool = self.pools.get(work.planned.name)
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
