"""Tasks over a Ray cluster: as many actors as fit, each with its models loaded once, results as they are finished."""

import logging
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from vsd2m.core.errors import StageError, Vsd2mError
from vsd2m.core.registry import import_extra

Task = TypeVar("Task")
Result = TypeVar("Result")
MAX_DEATHS = 2  # of the worker that has a task: once may be a lost node, twice is the task


@dataclass(frozen=True)
class Cluster:
    """Where Ray runs: a cluster's address, or this machine with `num_cpus` of its cores (all, if None)."""

    address: str | None = None
    num_cpus: int | None = None


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """Ray, started or joined for as long as the block lasts, unless it was before."""
    ray = import_extra("ray", extra="ray")
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(
            address=cluster.address,
            num_cpus=cluster.num_cpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    try:
        yield ray
    finally:
        if started_here:
            ray.shutdown()


def spread(
    cluster: Cluster, make: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task], *, wants_gpu: bool
) -> Iterator[Result]:
    """`make()(task)` of every task, in the order they are finished; `make` is called once per worker.

    Workers take a core each and, if `wants_gpu` and the cluster has any, a GPU. Our errors are raised as they are;
    `StageError` for a task on which workers died repeatedly.
    """
    if not tasks:
        return
    with connected(cluster) as ray:
        pool = _Pool(ray, make, num_gpus=1 if wants_gpu and ray.cluster_resources().get("GPU", 0) >= 1 else 0)
        try:
            yield from pool.run(tasks)
        finally:
            pool.close()


class _Actor:
    """What a Ray actor holds."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]], search_path: list[str]) -> None:
        sys.path += [path for path in search_path if path not in sys.path]  # a user's own metrics
        self._make = make
        self._run: Callable[[Any], Any] | None = None

    def run(self, task: Any) -> Any:
        if self._run is None:
            self._run = self._make()
        return self._run(task)


class _Pool:
    def __init__(self, ray: Any, make: Callable[[], Callable[[Any], Any]], *, num_gpus: int) -> None:
        self._ray = ray
        self._make = make
        self._num_gpus = num_gpus
        resources = ray.cluster_resources()
        self._size = max(1, int(resources["GPU"] // num_gpus if num_gpus else resources.get("CPU", 1)))
        self._actors: list[Any] = []

    def run(self, tasks: Sequence[Any]) -> Iterator[Any]:
        waiting = deque(enumerate(tasks))
        deaths = [0] * len(tasks)
        running: dict[Any, tuple[Any, int]] = {}
        idle = [self._start() for _ in range(min(self._size, len(tasks)))]
        while waiting or running:
            while waiting and idle:
                number, task = waiting.popleft()
                actor = idle.pop()
                running[actor.run.remote(task)] = (actor, number)
            (finished,), _ = self._ray.wait(list(running), num_returns=1)
            actor, number = running.pop(finished)
            try:
                result = self._ray.get(finished)
            except self._ray.exceptions.RayActorError as error:
                deaths[number] += 1
                if deaths[number] == MAX_DEATHS:
                    raise StageError(f"{MAX_DEATHS} workers died, one after the other, on {tasks[number]}") from error
                waiting.append((number, tasks[number]))
                idle.append(self._start())
            except self._ray.exceptions.RayTaskError as error:
                raise (error.cause if isinstance(error.cause, Vsd2mError) else error) from error
            else:
                idle.append(actor)
                yield result

    def close(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)

    def _start(self) -> Any:
        self._actors.append(
            self._ray.remote(_Actor).options(num_cpus=1, num_gpus=self._num_gpus).remote(self._make, sys.path)
        )
        return self._actors[-1]
