"""Workers on this machine: threads, each with a child process that the sticker stages compute in."""

import queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.stage_process import StageProcess
from vsd2m.pipelines.scheduling.machines import Node
from vsd2m.pipelines.scheduling.pools import Pool

NODE_ID = "local"
JOIN_SECONDS = 30.0


class LocalBackend:
    """Starts workers of any pool on this machine; `Pool.make(process)` makes the work of one.

    A thread and its child process serve one worker after the other, so a new worker costs no new process.
    """

    def __init__(self, config: PipelineConfig, *, num_cpus: float, num_gpus: float) -> None:
        self._config = config
        self._nodes = [Node(NODE_ID, socket.gethostname(), num_cpus, num_gpus)]
        self._spare_threads: list[_WorkerThread] = []
        self._threads: list[_WorkerThread] = []

    def __enter__(self) -> "LocalBackend":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for thread in self._threads:
            thread.end()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    def nodes(self) -> list[Node]:
        return self._nodes

    def start(self, pool: Pool, node_id: str) -> "_LocalWorker":
        if not self._spare_threads:
            self._spare_threads.append(_WorkerThread(self._config))
            self._threads.append(self._spare_threads[0])
        thread = self._spare_threads.pop()
        return _LocalWorker(thread, pool.make(thread.process))

    def placed(self, handle: "_LocalWorker") -> Any:
        future: Future[str] = Future()
        future.set_result(NODE_ID)
        return future

    def ask(self, handle: "_LocalWorker", value: Any) -> Any:
        handle.reply = handle.thread.submit(handle.work, value)
        return handle.reply

    def rehearse(self, handle: "_LocalWorker", value: Any) -> Any:
        handle.reply = handle.thread.submit(handle.work.rehearse, value)
        return handle.reply

    def commit(self, handle: "_LocalWorker") -> Any:
        handle.reply = handle.thread.submit(lambda _: handle.work.commit(), None)
        return handle.reply

    def give_up(self, handle: "_LocalWorker") -> bool:
        return bool(handle.work.give_up())

    def progress(self, handle: "_LocalWorker") -> Any:
        """Nobody need ask: local workers report each batch."""
        return None

    def wait(self, replies: list[Any], seconds: float) -> list[Any]:
        done, _ = wait(replies, seconds, FIRST_COMPLETED)
        return [reply for reply in replies if reply in done]

    def result(self, reply: Any) -> Any:
        return reply.result()

    def stop(self, handle: "_LocalWorker") -> None:
        if handle.reply is None or handle.reply.done():
            self._spare_threads.append(handle.thread)
        else:
            handle.thread.abort()


@dataclass(eq=False)
class _LocalWorker:
    thread: "_WorkerThread"
    work: Any
    reply: Any = None


class _WorkerThread(threading.Thread):
    """Computes what is submitted, in order; a child process ends with the thread that started it."""

    def __init__(self, config: PipelineConfig) -> None:
        super().__init__(name="vsd2m worker", daemon=True)
        self.process = StageProcess(config)
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[[Any], Any], Any] | None] = queue.SimpleQueue()
        self.start()

    def submit(self, work: Callable[[Any], Any], value: Any) -> Future[Any]:
        """The result of `work(value)`, later."""
        future: Future[Any] = Future()
        self._tasks.put((future, work, value))
        return future

    def run(self) -> None:
        with self.process:
            while (entry := self._tasks.get()) is not None:
                future, work, value = entry
                try:
                    future.set_result(work(value))
                except BaseException as error:  # whatever it is, it is raised where the result is asked for
                    future.set_exception(error)
                del entry, future, work, value

    def abort(self) -> None:
        """Ends what the thread computes now, and the thread."""
        self._tasks.put(None)
        with suppress(OSError):
            self.process.abort()

    def end(self) -> None:
        """Ends the thread after what it computes now."""
        self._tasks.put(None)
