"""Hands out work to Ray actors on a cluster that changes: machines leave, join, and are shared with others.

A worker gets work only after it has started and responded. The work of a lost machine is handed out again, new
machines are used, and every wait is limited.
"""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from vsd2m.core.errors import StageError, Vsd2mError
from vsd2m.pipelines.cluster.ray_cluster import Node, Request, alive_nodes, misfit

_log = logging.getLogger(__name__)

MAX_DEATHS = 3  # of workers with the same task, while their machines stay up
MAX_FAILED_STARTS = 5  # of workers of one pool, consecutive
PATIENCE_SECONDS = 600.0  # with a backlog but nothing running, because no machine has free resources
REFRESH_SECONDS = 1.0
STALL_SECONDS = 300.0  # without a result, before the log says what the run is waiting for


class Workplace:
    """The class of a Ray actor: calls `make()` at the first task, so that its start raises nothing."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]], search_path: list[str]) -> None:
        sys.path += [path for path in search_path if path not in sys.path]  # a user's own stages and metrics
        self._make = make
        self._work: Callable[[Any], Any] | None = None

    def node_id(self) -> str:
        """The machine of the worker; the reply shows that it has started."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def work(self, task: Any) -> Any:
        if self._work is None:
            self._work = self._make()
        return self._work(task)


@dataclass(eq=False)
class Task:
    """The input of a worker, and how many workers died on it."""

    name: str
    value: Any
    num_deaths: int = 0


@dataclass(eq=False)
class Pool:
    """Workers of one kind, and the tasks that wait for them."""

    name: str
    request: Request
    make: Callable[[], Callable[[Any], Any]]
    recycle_after: int | None = None  # tasks, before a new worker replaces it
    on_start: Callable[[Any], None] | None = None
    backlog: deque[Task] = field(default_factory=deque)
    idle: list["_Worker"] = field(default_factory=list)
    starting: list["_Worker"] = field(default_factory=list)
    num_failed_starts: int = 0


@dataclass(eq=False)
class _Worker:
    pool: Pool
    actor: Any
    node_id: str
    answer: Any  # pending reply: that it has started, or its task's result
    task: Task | None = None
    since: float = 0.0
    num_done: int = 0


class Workers:
    """The workers of several pools; later pools get resources first, pools without a backlog give theirs up."""

    def __init__(self, ray: Any, pools: list[Pool], *, patience_s: float = PATIENCE_SECONDS) -> None:
        self._ray = ray
        self._pools = pools
        self._patience = patience_s
        self._room = _Room(ray)
        self._waiting: dict[Any, _Worker] = {}
        self._last_running = self._last_finished = time.monotonic()

    def finished(self) -> Iterator[tuple[Pool, Any, Any]]:
        """(pool, value, result) of every task, as they finish; tasks may be added to backlogs meanwhile.

        Our errors are raised unchanged. `StageError` if workers die repeatedly on one task, if they cannot be
        started, and if nothing runs for `patience_s` because no machine has the resources.
        """
        try:
            while any(pool.backlog for pool in self._pools) or self._running():
                self._room.refresh()
                self._drop_lost_machines()
                self._hand_out()
                self._check_progress()
                yield from self._collect()
        finally:
            for worker in [*self._waiting.values(), *(worker for pool in self._pools for worker in pool.idle)]:
                self._stop(worker)

    def _running(self) -> list[_Worker]:
        return [worker for worker in self._waiting.values() if worker.task is not None]

    # -- handing out -------------------------------------------------------------------------

    def _hand_out(self) -> None:
        for pool in reversed(self._pools):
            while pool.backlog and pool.idle:
                self._give(pool.idle.pop(), pool.backlog.popleft())
            while len(pool.backlog) > len(pool.starting) and self._start(pool):
                pass

    def _give(self, worker: _Worker, task: Task) -> None:
        if worker.pool.on_start is not None:
            worker.pool.on_start(task.value)
        worker.task = task
        self._wait_for(worker, worker.actor.work.remote(task.value))

    def _start(self, pool: Pool) -> bool:
        """Starts a worker if a machine has free resources, or if stopping idle workers of other pools frees some."""
        if not any(node.holds(pool.request) for node in self._room.nodes.values()):
            return False
        while (node_id := self._room.find_machine(pool.request)) is None:
            spare = self._spare(pool)
            if spare is None:
                return False
            self._stop(spare)
        actor = self._actor(pool, node_id)
        worker = _Worker(pool, actor, node_id, None)
        self._room.occupy(node_id, pool.request)
        pool.starting.append(worker)
        self._wait_for(worker, actor.node_id.remote())
        return True

    def _actor(self, pool: Pool, node_id: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        # if other work has taken the resources meanwhile, any other machine will do
        strategy = NodeAffinitySchedulingStrategy(node_id, soft=True, _spill_on_unavailable=True)
        options = {"num_cpus": pool.request.cpus, "num_gpus": pool.request.gpus, "scheduling_strategy": strategy}
        return self._ray.remote(Workplace).options(**options).remote(pool.make, sys.path)

    def _spare(self, pool: Pool) -> _Worker | None:
        """A worker with nothing to do, of another pool without a backlog."""
        for other_pool in self._pools:
            if other_pool is not pool and not other_pool.backlog:
                for worker in [*other_pool.idle, *other_pool.starting]:
                    return worker
        return None

    def _wait_for(self, worker: _Worker, answer: Any) -> None:
        worker.answer = answer
        worker.since = time.monotonic()
        self._waiting[answer] = worker

    def _stop(self, worker: _Worker) -> None:
        self._waiting.pop(worker.answer, None)
        for workers in (worker.pool.idle, worker.pool.starting):
            if worker in workers:
                workers.remove(worker)
        self._room.release(worker.node_id, worker.pool.request)
        self._ray.kill(worker.actor)

    # -- collecting --------------------------------------------------------------------------

    def _collect(self) -> Iterator[tuple[Pool, Any, Any]]:
        """The results that arrive within `REFRESH_SECONDS`."""
        if not self._waiting:
            time.sleep(REFRESH_SECONDS)
            return
        answers, _ = self._ray.wait(list(self._waiting), num_returns=1, timeout=REFRESH_SECONDS)
        for answer in answers:
            worker = self._waiting.pop(answer)
            task = worker.task
            if task is None:
                self._placed(worker)
                continue
            try:
                result = self._ray.get(answer)
            except self._ray.exceptions.RayTaskError as error:
                raise cause_of(error) from error
            except self._ray.exceptions.RayError as error:
                self._died(worker, task, error)
                continue
            self._free(worker)
            self._last_finished = time.monotonic()
            yield worker.pool, task.value, result

    def _placed(self, worker: _Worker) -> None:
        pool = worker.pool
        try:
            node_id = self._ray.get(worker.answer)
        except self._ray.exceptions.RayError as error:
            self._stop(worker)
            pool.num_failed_starts += not self._is_lost_machine(error)
            if pool.num_failed_starts == MAX_FAILED_STARTS:
                raise StageError(f"{pool.name}: no worker could be started: {summary_of(error)}") from error
            return
        pool.num_failed_starts = 0
        self._room.release(worker.node_id, pool.request)
        self._room.occupy(node_id, pool.request)
        worker.node_id = node_id
        self._room.refresh(knowing=node_id)
        pool.starting.remove(worker)
        pool.idle.append(worker)

    def _free(self, worker: _Worker) -> None:
        """Marks a finished worker as idle, or stops it."""
        worker.task = None
        worker.num_done += 1
        if worker.num_done == worker.pool.recycle_after:
            self._stop(worker)
        else:
            worker.pool.idle.append(worker)

    # -- failures ----------------------------------------------------------------------------

    def _died(self, worker: _Worker, task: Task, error: Exception) -> None:
        """Hands out the task again; the death is counted unless the machine was lost."""
        self._stop(worker)
        worker.pool.backlog.appendleft(task)
        if self._is_lost_machine(error):
            return
        task.num_deaths += 1
        _log.warning("%s: a worker died on %s: %s", worker.pool.name, task.name, summary_of(error))
        if task.num_deaths == MAX_DEATHS:
            raise StageError(
                f"{worker.pool.name}: {MAX_DEATHS} workers died, one after the other, on {task.name}; "
                f"the last one: {summary_of(error)}"
            ) from error

    def _is_lost_machine(self, error: Exception) -> bool:
        """If a worker dies while its machine stays up, Ray knows the cause; otherwise it is "unavailable" at first."""
        unavailable = isinstance(error, self._ray.exceptions.ActorUnavailableError)
        return unavailable or "node has died" in str(error)

    def _drop_lost_machines(self) -> None:
        """Removes workers of lost machines: Ray reports their loss late, and for idle workers never."""
        everyone = [*self._waiting.values(), *(worker for pool in self._pools for worker in pool.idle)]
        for worker in everyone:
            if worker.node_id not in self._room.nodes:
                self._stop(worker)
                if worker.task is not None:
                    worker.pool.backlog.appendleft(worker.task)

    def _check_progress(self) -> None:
        now = time.monotonic()
        running = self._running()
        if running or not any(pool.backlog for pool in self._pools):
            self._last_running = now
        elif now - self._last_running > self._patience:
            raise StageError(f"{self._missing_resources_text()}; start it again to resume")
        if now - self._last_finished > STALL_SECONDS:
            self._last_finished = now
            for message in [self._long_running_text(worker, now) for worker in running] or [
                self._missing_resources_text()
            ]:
                _log.warning("%s", message)

    def _long_running_text(self, worker: _Worker, now: float) -> str:
        node = self._room.nodes.get(worker.node_id)
        where = node.name if node else "a lost machine"
        task = worker.task.name if worker.task else "nothing"
        return f"{worker.pool.name}: {task} has run for {now - worker.since:.0f} s on {where}"

    def _missing_resources_text(self) -> str:
        pool = next(pool for pool in reversed(self._pools) if pool.backlog)
        waiting_text = f"{pool.name} has waited {time.monotonic() - self._last_running:.0f} s for a worker with"
        nodes = list(self._room.nodes.values())
        if not any(node.holds(pool.request) for node in nodes):
            return f"{waiting_text} {misfit(nodes, pool.request)}"
        return (
            f"{waiting_text} {pool.request}: the cluster has them ({', '.join(map(str, nodes[:5]))}), but other work "
            "uses them, or the machines do not start workers; see `ray status`"
        )


class _Room:
    """The resources that our own workers leave free on each machine."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._read_at = float("-inf")
        self._used: dict[str, tuple[float, float]] = {}
        self.nodes: dict[str, Node] = {}

    def refresh(self, *, knowing: str | None = None) -> None:
        """Reads the cluster's machines: once a second, and if the machine `knowing` is not known yet."""
        is_old = time.monotonic() - self._read_at >= REFRESH_SECONDS
        if is_old or (knowing is not None and knowing not in self.nodes):
            self.nodes = {node.node_id: node for node in alive_nodes(self._ray)}
            self._read_at = time.monotonic()

    def find_machine(self, request: Request) -> str | None:
        """The fitting machine with the least free resources, so that larger requests fit elsewhere later."""
        free = {node_id: self._free(node) for node_id, node in self.nodes.items()}
        fitting = [
            (free_part.gpus, free_part.cpus, node_id) for node_id, free_part in free.items() if free_part.holds(request)
        ]
        return min(fitting)[-1] if fitting else None

    def occupy(self, node_id: str, request: Request) -> None:
        cpus, gpus = self._used.get(node_id, (0.0, 0.0))
        self._used[node_id] = (cpus + request.cpus, gpus + request.gpus)

    def release(self, node_id: str, request: Request) -> None:
        self.occupy(node_id, Request(-request.cpus, -request.gpus))

    def _free(self, node: Node) -> Node:
        cpus, gpus = self._used.get(node.node_id, (0.0, 0.0))
        return Node(node.node_id, node.name, node.cpus - cpus, node.gpus - gpus)


def cause_of(error: Any) -> BaseException:
    """The cause of an error in a worker: ours unchanged, others as Ray reports them."""
    return error.cause if isinstance(error.cause, Vsd2mError) else error


def summary_of(error: Exception) -> str:
    """Ray's message in one line, without the leading numbers of actors and processes."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    return " ".join(" ".join(lines[1:] or lines).split())[:400]
