"""Runs a plan: hands every partition that can run to the workers of its stage, and the rest to the driver."""

import time
from collections import deque
from collections.abc import Iterable, Mapping

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run
from vsd2m.pipelines.engine.partition_worker import run_one
from vsd2m.pipelines.engine.plan import Plan
from vsd2m.pipelines.engine.progress import Observer
from vsd2m.pipelines.scheduling.flow import Flow, Work
from vsd2m.pipelines.scheduling.pools import Pool, Task
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
    """Brings every stage of the plan up to date. Stages without a pool run in this process, one partition at a time."""
    flow = Flow(run, plan, observer, retry_failed=retry_failed)
    with Timeline(run.store) as timeline:
        workers = Workers(backend, list(pools.values()), patience_s=patience_s, on_span=timeline.add)
        _hand_on(flow.begin(), run, plan, pools, flow, observer, timeline)
        for _, _, record in workers.finished():
            _hand_on(flow.finish(record), run, plan, pools, flow, observer, timeline)


def _hand_on(
    works: Iterable[Work],
    run: Run,
    plan: Plan,
    pools: Mapping[str, Pool],
    flow: Flow,
    observer: Observer,
    timeline: Timeline,
) -> None:
    """Puts work into the backlogs; runs here what has no pool, and hands on what that makes possible."""
    to_run_here: deque[Work] = deque()
    while True:
        for work in works:
            pool = pools.get(work.planned.name)
            if pool is None:
                to_run_here.append(work)
            else:
                pool.backlog.append(Task(work.name, work.partition, ready_at=time.time()))
        if not to_run_here:
            return
        works = flow.finish(_run_here(run, plan, to_run_here.popleft(), observer, timeline))


def _run_here(run: Run, plan: Plan, work: Work, observer: Observer, timeline: Timeline) -> CommitRecord:
    started = time.time()
    record = run_one(run, plan, work.planned, work.partition, observer)
    name = work.planned.name
    timeline.add(Span(name, work.name, DRIVER, started, started, time.time(), "done"))
    return record
