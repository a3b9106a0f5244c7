"""Runs tasks on a Ray cluster: as many workers as fit, each loads its models once, results as they finish."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from vsd2m.pipelines.cluster.ray_cluster import Cluster, alive_nodes, connected
from vsd2m.pipelines.cluster.ray_workers import RayBackend
from vsd2m.pipelines.scheduling.machines import Request, fitting_request
from vsd2m.pipelines.scheduling.pools import Pool
from vsd2m.pipelines.scheduling.workers import Workers

Task = TypeVar("Task")
Result = TypeVar("Result")


def spread(
    cluster: Cluster, make: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task], *, wants_gpu: bool
) -> Iterator[Result]:
    """`make()(task)` of every task, in the order they finish; `make` is called once per worker.

    Workers take a core each and, if `wants_gpu` and the cluster has any, a GPU. Our errors are raised unchanged;
    `StageError` for a task on which workers died repeatedly.
    """
    if not tasks:
        return
    with connected(cluster) as ray:
        nodes = alive_nodes(ray)
        ideal_request = Request(1, 1 if wants_gpu and any(node.gpus >= 1 for node in nodes) else 0)
        pool = Pool("the work", fitting_request(nodes, ideal_request, who="the work"), make)
        workers = Workers(RayBackend(ray), [pool])
        for task in tasks:
            workers.add(pool, str(task), task)
        for _, _, result in workers.finished():
            yield result
