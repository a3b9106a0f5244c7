"""Work handed out to Ray actors on a cluster that changes: machines leave, join, and are shared with others.

A worker gets work only once it stands on a machine and answers. What a lost machine was working on is handed out
again, room on machines that join is used, and no wait is without end.
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

MAX_DEATHS = 3  # of workers with the same work, on machines that live on
MAX_FAILED_STARTS = 5  # of workers of one pool, one after the other
PATIENCE_SECONDS = 600.0  # with work but nothing running, for want of a machine that holds it
REFRESH_SECONDS = 1.0
STALL_SECONDS = 300.0  # without anything finished, before the log says what is waited for


class Workplace:
    """What a Ray actor holds: `make()`, called at the first task, so that nothing is raised while it is placed."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]], search_path: list[str]) -> None:
        sys.path += [path for path in search_path if path not in sys.path]  # a user's own stages and metrics
        self._make = make
        self._work: Callable[[Any], Any] | None = None

    def node_id(self) -> str:
        """Where it stands; the answer says that it does."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def work(self, task: Any) -> Any:
        if self._work is None:
            self._work = self._make()
        return self._work(task)


@dataclass(eq=False)
class Task:
    """What a worker is given, and how often one died on it."""

    name: str
    value: Any
    num_deaths: int = 0


@dataclass(eq=False)
class Pool:
    """Workers of one kind, and the tasks that wait for them."""

    name: str
    request: Request
    make: Callable[[], Callable[[Any], Any]]
    recycle_after: int | None = None  # tasks, before a fresh worker takes its place
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
    answer: Any  # what is waited for: that it stands, or its task's result
    task: Task | None = None
    since: float = 0.0
    num_done: int = 0


class Crew:
    """The workers of several pools; room goes to later pools first, and is taken from those without a backlog."""

    def __init__(self, ray: Any, pools: list[Pool], *, patience_s: float = PATIENCE_SECONDS) -> None:
        self._ray = ray
        self._pools = pools
        self._patience = patience_s
        self._room = _Room(ray)
        self._waiting: dict[Any, _Worker] = {}
        self._last_running = self._last_finished = time.monotonic()

    def finished(self) -> Iterator[tuple[Pool, Any, Any]]:
        """(pool, value, result) of every task, as they are finished; backlogs may be added to in between.

        Our errors are raised as they are. `StageError` where workers die on one task again and again, where they
        cannot be started, and where nothing runs for `patience_s` because no machine can hold what is to run.
        """
        try:
            while any(pool.backlog for pool in self._pools) or self._running():
                self._room.refresh()
                self._leave_lost_machines()
                self._hand_out()
                self._look_at_the_clock()
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
        """Starts a worker where there is room, or where idle workers of other pools make some."""
        if not any(node.holds(pool.request) for node in self._room.nodes.values()):
            return False
        while (node_id := self._room.place(pool.request)) is None:
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

        # if other work has taken the room meanwhile, anywhere else is as good
        there = NodeAffinitySchedulingStrategy(node_id, soft=True, _spill_on_unavailable=True)
        options = {"num_cpus": pool.request.cpus, "num_gpus": pool.request.gpus, "scheduling_strategy": there}
        return self._ray.remote(Workplace).options(**options).remote(pool.make, sys.path)

    def _spare(self, pool: Pool) -> _Worker | None:
        """A worker with nothing to do, of another pool without a backlog."""
        for other in self._pools:
            if other is not pool and not other.backlog:
                for worker in [*other.idle, *other.starting]:
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
        """What has been finished within a moment."""
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
                raise StageError(f"{pool.name}: no worker could be started: {told(error)}") from error
            return
        pool.num_failed_starts = 0
        self._room.release(worker.node_id, pool.request)
        self._room.occupy(node_id, pool.request)
        worker.node_id = node_id
        self._room.refresh(knowing=node_id)
        pool.starting.remove(worker)
        pool.idle.append(worker)

    def _free(self, worker: _Worker) -> None:
        """Makes a worker that has finished idle again, or ends it."""
        worker.task = None
        worker.num_done += 1
        if worker.num_done == worker.pool.recycle_after:
            self._stop(worker)
        else:
            worker.pool.idle.append(worker)

    # -- what goes wrong ---------------------------------------------------------------------

    def _died(self, worker: _Worker, task: Task, error: Exception) -> None:
        """Work on a lost machine is handed out again without a word; on the others it is counted."""
        self._stop(worker)
        worker.pool.backlog.appendleft(task)
        if self._is_lost_machine(error):
            return
        task.num_deaths += 1
        _log.warning("%s: a worker died on %s: %s", worker.pool.name, task.name, told(error))
        if task.num_deaths == MAX_DEATHS:
            raise StageError(
                f"{worker.pool.name}: {MAX_DEATHS} workers died, one after the other, on {task.name}; "
                f"the last one: {told(error)}"
            ) from error

    def _is_lost_machine(self, error: Exception) -> bool:
        """Of a worker that dies on a machine that lives, Ray knows the end; else it is "unavailable" at first."""
        unavailable = isinstance(error, self._ray.exceptions.ActorUnavailableError)
        return unavailable or "node has died" in str(error)

    def _leave_lost_machines(self) -> None:
        """Ray tells it to who waits for a task, sooner or later; nobody waits for an idle worker."""
        everyone = [*self._waiting.values(), *(worker for pool in self._pools for worker in pool.idle)]
        for worker in everyone:
            if worker.node_id not in self._room.nodes:
                self._stop(worker)
                if worker.task is not None:
                    worker.pool.backlog.appendleft(worker.task)

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        running = self._running()
        if running or not any(pool.backlog for pool in self._pools):
            self._last_running = now
        elif now - self._last_running > self._patience:
            raise StageError(f"{self._what_is_missing()}; start it again to resume")
        if now - self._last_finished > STALL_SECONDS:
            self._last_finished = now
            for line in [self._what_takes_long(worker, now) for worker in running] or [self._what_is_missing()]:
                _log.warning("%s", line)

    def _what_takes_long(self, worker: _Worker, now: float) -> str:
        node = self._room.nodes.get(worker.node_id)
        where = node.name if node else "a lost machine"
        task = worker.task.name if worker.task else "nothing"
        return f"{worker.pool.name}: {task} has run for {now - worker.since:.0f} s on {where}"

    def _what_is_missing(self) -> str:
        pool = next(pool for pool in reversed(self._pools) if pool.backlog)
        waited = f"{pool.name} has waited {time.monotonic() - self._last_running:.0f} s for a worker with"
        nodes = list(self._room.nodes.values())
        if not any(node.holds(pool.request) for node in nodes):
            return f"{waited} {misfit(nodes, pool.request)}"
        return (
            f"{waited} {pool.request}: the cluster has room for it ({', '.join(map(str, nodes[:5]))}), but other work "
            "holds it, or the machines do not start workers; see `ray status`"
        )


class _Room:
    """What our own workers leave free on each machine."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._read_at = float("-inf")
        self._used: dict[str, tuple[float, float]] = {}
        self.nodes: dict[str, Node] = {}

    def refresh(self, *, knowing: str | None = None) -> None:
        """Asks the cluster for its machines: once a second, and where machine `knowing` is not among those known."""
        is_old = time.monotonic() - self._read_at >= REFRESH_SECONDS
        if is_old or (knowing is not None and knowing not in self.nodes):
            self.nodes = {node.node_id: node for node in alive_nodes(self._ray)}
            self._read_at = time.monotonic()

    def place(self, request: Request) -> str | None:
        """The machine that is fullest with the request on it, so that large requests find room later."""
        free = {node_id: self._free(node) for node_id, node in self.nodes.items()}
        fitting = [(left.gpus, left.cpus, node_id) for node_id, left in free.items() if left.holds(request)]
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
    """Of an error that Ray brought from a worker: ours as it was raised, others with Ray's account of them."""
    return error.cause if isinstance(error.cause, Vsd2mError) else error


def told(error: Exception) -> str:
    """Ray's account in one line, without the numbers of actors and processes that come before it."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    return " ".join(" ".join(lines[1:] or lines).split())[:400]
