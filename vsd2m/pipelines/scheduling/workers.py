"""Hands out work to workers on machines that change: they leave, join, and are shared with others.

A worker gets work only after it has started and responded. The work of a lost machine is handed out again, new
machines are used, and every wait is limited. What a worker is (a Ray actor, a thread with a child process) is the
backend's matter.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vsd2m.core.errors import StageError
from vsd2m.pipelines.scheduling.backend import Backend, WorkerLost
from vsd2m.pipelines.scheduling.machines import misfit
from vsd2m.pipelines.scheduling.pools import Pool, Task, Worker, may_take, may_take_idle
from vsd2m.pipelines.scheduling.room import REFRESH_SECONDS, Room

_log = logging.getLogger(__name__)

MAX_DEATHS = 3  # of workers with the same task, while their machines stay up
MAX_FAILED_STARTS = 5  # of workers of one pool, consecutive
PATIENCE_SECONDS = 600.0  # with a backlog but nothing running, because no machine has free resources
HEARTBEAT_SECONDS = 5.0  # between two questions to a worker how far it is
STALL_SECONDS = 300.0  # without a result, before the log says what the run is waiting for


@dataclass(frozen=True)
class Span:
    """What one worker did: times are seconds since 1970."""

    pool: str
    task: str
    machine: str
    ready: float
    started: float
    ended: float
    result: str  # done | lost | died | overtaken


class Workers:
    """The workers of several pools; later pools get resources first, pools without a backlog give theirs up."""

    def __init__(
        self,
        backend: Backend,
        pools: Sequence[Pool],
        *,
        patience_s: float = PATIENCE_SECONDS,
        on_span: Callable[[Span], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend = backend
        self._pools = list(pools)
        self._patience = patience_s
        self._on_span = on_span
        self._clock = clock
        self._epoch = time.time() - clock()
        self._room = Room(backend.nodes, clock)
        self._waiting: dict[Any, Worker] = {}
        self._heartbeats: dict[Any, tuple[Worker, Task]] = {}
        self._last_running = self._last_finished = clock()

    def add(self, pool: Pool, name: str, value: Any) -> None:
        """Appends a task to the pool's backlog."""
        pool.backlog.append(Task(name, value, ready_at=self._clock()))

    def finished(self) -> Iterator[tuple[Pool, Any, Any]]:
        """(pool, value, result) of every task, as they finish; tasks may be added to backlogs meanwhile.

        Errors of the work are raised unchanged. `StageError` if workers die repeatedly on one task, if they cannot be
        started, and if nothing runs for `patience_s` because no machine has the resources.
        """
        try:
            while any(pool.backlog for pool in self._pools) or self._running():
                self._room.refresh()
                self._drop_lost_machines()
                self._hand_out()
                self._try_stragglers_again()
                self._ask_how_far()
                self._check_progress()
                yield from self._collect()
        finally:
            for worker in [worker for pool in self._pools for worker in pool.workers]:
                self._stop(worker)

    def _running(self) -> list[Worker]:
        return [worker for worker in self._waiting.values() if worker.task is not None]

    # -- handing out -------------------------------------------------------------------------

    def _hand_out(self) -> None:
        for pool in reversed(self._pools):
            while pool.backlog and pool.idle:
                self._give(pool.idle.pop(), pool.backlog.popleft())
            while pool.may_grow() and self._start(pool):
                pass

    def _give(self, worker: Worker, task: Task) -> None:
        if worker.pool.on_start is not None:
            worker.pool.on_start(task.value)
        worker.task, worker.num_stickers_done = task, 0
        self._wait_for(worker, self._backend.ask(worker.handle, task.value))

    def _ask_how_far(self) -> None:
        """Asks workers that have been busy for some seconds, one question at a time."""
        in_question = {worker for worker, _ in self._heartbeats.values()}
        for worker in self._running():
            is_due = self._clock() - max(worker.since, worker.heard_at) >= HEARTBEAT_SECONDS
            if is_due and worker.task is not None and worker not in in_question and worker.pool.on_progress is not None:
                reply = self._backend.progress(worker.handle)
                if reply is not None:
                    self._heartbeats[reply] = (worker, worker.task)

    def _heard(self, reply: Any) -> None:
        """Passes on how many stickers a worker has done since it was last heard of."""
        worker, task = self._heartbeats.pop(reply)
        try:
            num_done = self._backend.result(reply)
        except WorkerLost:  # its task's reply says so too
            return
        if worker.task is not task:  # an answer about an earlier one
            return
        if worker.pool.on_progress is not None and num_done > worker.num_stickers_done:
            worker.pool.on_progress(num_done - worker.num_stickers_done)
        worker.num_stickers_done = num_done
        worker.heard_at = self._clock()

    def _try_stragglers_again(self) -> None:
        """Gives tasks that take much too long to another worker as well, on another machine if there is one."""
        for worker in self._running():
            pool = worker.pool
            if worker.rival is not None or not pool.is_straggler(self._clock() - worker.since):
                continue
            if pool.idle:
                second = min(pool.idle, key=lambda idle: idle.node_id == worker.node_id)
                pool.idle.remove(second)
                second.task, second.is_second, second.rival, worker.rival = worker.task, True, worker, second
                assert worker.task is not None
                _log.warning("%s: a second worker tries %s, which takes long", pool.name, worker.task.name)
                self._wait_for(second, self._backend.rehearse(second.handle, worker.task.value))
            elif not pool.starting and self._room.find_machine(pool.request) is not None:
                self._start(pool)

    def _rehearsed(self, second: Worker) -> None:
        """A second try has computed its task: it commits, if the first one has not begun to."""
        first = second.rival
        if first is not None and not self._backend.give_up(first.handle):
            self._stop(second)
            return
        if first is not None:
            assert first.task is not None
            self._note(first, first.task, "overtaken")
            self._stop(first)
        second.is_second = False
        second.reply = self._backend.commit(second.handle)
        self._waiting[second.reply] = second

    def _start(self, pool: Pool) -> bool:
        """Starts a worker if a machine has room, or if workers that other pools can spare make some."""
        node_id = self._room.find_machine(pool.request) or self._make_room(pool)
        if node_id is None:
            return False
        worker = Worker(pool, self._backend.start(pool, node_id), node_id)
        self._room.occupy(node_id, pool.request)
        pool.workers.append(worker)
        pool.starting.append(worker)
        self._wait_for(worker, self._backend.placed(worker.handle))
        return True

    def _make_room(self, pool: Pool) -> str | None:
        """A machine on which workers could be stopped at once; None if there is none, or if busy ones leave first."""
        everyone = [worker for other in self._pools if other is not pool for worker in other.workers]
        for node in self._room.nodes.values():
            if not node.holds(pool.request):
                continue
            here = [worker for worker in everyone if worker.node_id == node.node_id]
            leaving = [worker for worker in here if worker.is_leaving]
            if leaving and self._room.fits(node.node_id, pool.request, without=_requests(leaving)):
                return None  # on their way
            spared: list[Worker] = leaving
            for worker in sorted(here, key=lambda worker: worker.task is not None):
                if worker in leaving or not self._is_spared(worker, pool):
                    continue
                spared.append(worker)
                if self._room.fits(node.node_id, pool.request, without=_requests(spared)):
                    return node.node_id if self._send_away(spared) else None
        return None

    def _is_spared(self, worker: Worker, taker: Pool) -> bool:
        if worker.task is None and may_take_idle(taker, worker.pool):
            return True
        return worker not in worker.pool.starting and may_take(self._pools, taker, worker.pool)

    def _send_away(self, workers: list[Worker]) -> bool:
        """Stops idle workers and lets busy ones finish; whether all have been stopped."""
        for worker in workers:
            if worker.task is None:
                self._stop(worker)
            else:
                worker.is_leaving = True
        return all(worker.task is None for worker in workers)

    def _wait_for(self, worker: Worker, reply: Any) -> None:
        worker.reply = reply
        worker.since = self._clock()
        self._waiting[reply] = worker

    def _stop(self, worker: Worker) -> None:
        self._waiting.pop(worker.reply, None)
        if worker.rival is not None:
            worker.rival.rival = None
        for workers in (worker.pool.workers, worker.pool.idle, worker.pool.starting):
            if worker in workers:
                workers.remove(worker)
        self._room.release(worker.node_id, worker.pool.request)
        self._backend.stop(worker.handle)

    # -- collecting --------------------------------------------------------------------------

    def _collect(self) -> Iterator[tuple[Pool, Any, Any]]:
        """The results that arrive within `REFRESH_SECONDS`."""
        if not self._waiting:
            time.sleep(REFRESH_SECONDS)
            return
        for reply in self._backend.wait([*self._waiting, *self._heartbeats], REFRESH_SECONDS):
            if reply in self._heartbeats:
                self._heard(reply)
                continue
            worker = self._waiting.pop(reply, None)
            if worker is None:  # stopped meanwhile, because its rival was first
                continue
            task = worker.task
            if task is None:
                self._placed(worker)
                continue
            try:
                result = self._backend.result(reply)
            except WorkerLost as error:
                self._died(worker, task, error)
                continue
            if worker.is_second:
                self._rehearsed(worker)
                continue
            self._note(worker, task, "done")
            if worker.rival is not None:
                self._stop(worker.rival)
            self._free(worker)
            self._last_finished = self._clock()
            yield worker.pool, task.value, result

    def _placed(self, worker: Worker) -> None:
        pool = worker.pool
        try:
            node_id = self._backend.result(worker.reply)
        except WorkerLost as error:
            self._stop(worker)
            pool.num_failed_starts += not error.with_machine
            if pool.num_failed_starts == MAX_FAILED_STARTS:
                raise StageError(f"{pool.name}: no worker could be started: {error}") from error
            return
        pool.num_failed_starts = 0
        self._room.release(worker.node_id, pool.request)
        self._room.occupy(node_id, pool.request)
        worker.node_id = node_id
        self._room.refresh(node_id=node_id)
        pool.starting.remove(worker)
        pool.idle.append(worker)

    def _free(self, worker: Worker) -> None:
        """Marks a finished worker as idle, or stops it."""
        worker.task = None
        worker.num_done += 1
        worker.pool.note_task(worker, self._clock() - worker.since)
        if worker.is_leaving or worker.num_done == worker.pool.recycle_after:
            self._stop(worker)
        else:
            worker.pool.idle.append(worker)

    def _note(self, worker: Worker, task: Task, result: str) -> None:
        if self._on_span is not None:
            node = self._room.nodes.get(worker.node_id)
            machine = node.name if node else "a lost machine"
            ready, started, ended = (self._epoch + moment for moment in (task.ready_at, worker.since, self._clock()))
            self._on_span(Span(worker.pool.name, task.name, machine, ready, started, ended, result))

    # -- failures ----------------------------------------------------------------------------

    def _died(self, worker: Worker, task: Task, error: WorkerLost) -> None:
        """Hands out the task again; the death is counted unless the machine was lost."""
        self._note(worker, task, "lost" if error.with_machine else "died")
        self._drop(worker)
        if error.with_machine:
            return
        task.num_deaths += 1
        _log.warning("%s: a worker died on %s: %s", worker.pool.name, task.name, error)
        if task.num_deaths == MAX_DEATHS:
            raise StageError(
                f"{worker.pool.name}: {MAX_DEATHS} workers died, one after the other, on {task.name}; "
                f"the last one: {error}"
            ) from error

    def _drop(self, worker: Worker) -> None:
        """Stops a worker that was lost; its task is handed out again unless another worker has it."""
        has_rival = worker.rival is not None
        self._stop(worker)
        if worker.task is not None and not has_rival:
            worker.pool.backlog.appendleft(worker.task)

    def _drop_lost_machines(self) -> None:
        """Removes workers of lost machines: their loss is reported late, and for idle workers never."""
        for worker in [worker for pool in self._pools for worker in pool.workers]:
            if worker.node_id not in self._room.nodes:
                if worker.task is not None:
                    self._note(worker, worker.task, "lost")
                self._drop(worker)

    def _check_progress(self) -> None:
        now = self._clock()
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

    def _long_running_text(self, worker: Worker, now: float) -> str:
        node = self._room.nodes.get(worker.node_id)
        where = node.name if node else "a lost machine"
        task = worker.task.name if worker.task else "nothing"
        heard = f", heard of {now - worker.heard_at:.0f} s ago" if worker.heard_at > worker.since else ""
        return (
            f"{worker.pool.name}: {task} has run for {now - worker.since:.0f} s on {where}; "
            f"{worker.num_stickers_done} stickers done{heard}"
        )

    def _missing_resources_text(self) -> str:
        pool = next(pool for pool in reversed(self._pools) if pool.backlog)
        waiting_text = f"{pool.name} has waited {self._clock() - self._last_running:.0f} s for a worker with"
        nodes = list(self._room.nodes.values())
        if not any(node.holds(pool.request) for node in nodes):
            return f"{waiting_text} {misfit(nodes, pool.request)}"
        return (
            f"{waiting_text} {pool.request}: the cluster has them ({', '.join(map(str, nodes[:5]))}), but other work "
            "uses them, or the machines do not start workers; see `ray status`"
        )


def _requests(workers: list[Worker]) -> list[Any]:
    return [worker.pool.request for worker in workers]
