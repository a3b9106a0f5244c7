"""Pools: workers of one kind, the tasks that wait for them, and when one pool gives a worker up for another."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vsd2m.pipelines.scheduling.machines import Request

WORTH = 5.0  # a worker is taken from a busy pool only for work of this many times its start-up
STRAGGLER_FACTOR = 3.0  # times what a task usually takes, the start of a worker included
STRAGGLER_SECONDS = 60.0  # before that no task is late
_NEWEST = 0.3  # weight of the newest duration in a mean


@dataclass(eq=False)
class Task:
    """The input of a worker, since when it could run, and how many workers died on it."""

    name: str
    value: Any
    ready_at: float
    num_deaths: int = 0


@dataclass(eq=False)
class Worker:
    """One worker of a pool; `handle` is what the backend knows it by."""

    pool: "Pool"
    handle: Any
    node_id: str
    reply: Any = None  # pending: that it has started, or its task's result
    task: Task | None = None
    since: float = 0.0  # of the pending reply
    num_done: int = 0
    num_stickers_done: int = 0  # of its task, when it was last heard of
    heard_at: float = 0.0
    rival: "Worker | None" = None  # that works on the same task
    is_second: bool = False  # computes the task, and commits only if its rival gives up
    is_leaving: bool = False  # stops after its task: another pool gets its resources


@dataclass(eq=False)
class Pool:
    """Workers of one kind, and the tasks that wait for them."""

    name: str
    request: Request
    make: Callable[..., Callable[[Any], Any]]
    recycle_after: int | None = None  # tasks, before a new worker replaces it
    max_workers: int | None = None
    has_second_tries: bool = False  # whether a task that takes much too long is also given to another worker
    on_start: Callable[[Any], None] | None = None
    on_progress: Callable[[int], None] | None = None
    backlog: deque[Task] = field(default_factory=deque)
    workers: list[Worker] = field(default_factory=list)
    idle: list[Worker] = field(default_factory=list)
    starting: list[Worker] = field(default_factory=list)
    num_failed_starts: int = 0
    start_seconds: float | None = None  # what a worker's first task takes longer than its others, and its start
    task_seconds: float | None = None

    @property
    def num_staying(self) -> int:
        """Workers that will take another task."""
        return sum(not worker.is_leaving for worker in self.workers)

    def may_grow(self) -> bool:
        """Whether tasks wait for which no worker has been started."""
        is_full = self.max_workers is not None and len(self.workers) >= self.max_workers
        return len(self.backlog) > len(self.starting) and not is_full

    def is_straggler(self, seconds: float) -> bool:
        """Whether a task that has run for so long should be done by now, judged by the others."""
        if not self.has_second_tries or self.backlog or self.task_seconds is None:
            return False
        return seconds > max(STRAGGLER_SECONDS, STRAGGLER_FACTOR * ((self.start_seconds or 0.0) + self.task_seconds))

    def note_task(self, worker: Worker, seconds: float) -> None:
        """Learns from a finished task; a worker's first one includes loading its models."""
        if worker.num_done > 1:
            self.task_seconds = _mean(self.task_seconds, seconds)
        else:
            self.start_seconds = _mean(self.start_seconds, max(0.0, seconds - (self.task_seconds or 0.0)))

    def is_worth_a_start(self) -> bool:
        """Whether the waiting tasks outweigh the start of a worker; yes, before the first."""
        if self.start_seconds is None:
            return bool(self.backlog)
        if self.task_seconds is None:  # every worker has had one task
            return len(self.backlog) >= WORTH
        return len(self.backlog) >= math.ceil(WORTH * self.start_seconds / max(self.task_seconds, 1e-3))


def may_take(pools: list[Pool], taker: Pool, giver: Pool) -> bool:
    """Whether `taker` gets a worker of `giver`, which has work itself.

    Work flows from earlier pools to later ones, so only a later pool takes: its first worker as soon as it has a
    backlog worth a start, more while its tasks pile up and it is slower than the giver. A pool keeps its last worker,
    except if only that lets one with a GPU work.
    """
    if pools.index(taker) <= pools.index(giver) or not taker.is_worth_a_start():
        return False
    if giver.num_staying <= 1:
        return giver.num_staying == 1 and taker.request.gpus > giver.request.gpus and not taker.workers
    if not taker.workers:
        return True
    if taker.task_seconds is None or giver.task_seconds is None or len(taker.backlog) < 2 * len(taker.workers):
        return False
    return taker.num_staying * giver.task_seconds < giver.num_staying * taker.task_seconds


def may_take_idle(taker: Pool, giver: Pool) -> bool:
    """Whether `taker` gets an idle worker of `giver`, which has no tasks; a GPU is not given up for one core more."""
    return not giver.backlog and (giver.request.gpus <= taker.request.gpus or not taker.workers)


def _mean(mean: float | None, newest: float) -> float:
    return newest if mean is None else (1 - _NEWEST) * mean + _NEWEST * newest
