"""Tasks over a Ray cluster: as many workers as fit, each with its models loaded once, results as they are finished."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from vsd2m.pipelines.cluster.ray_cluster import Cluster, Request, alive_nodes, connected, fitting_request
from vsd2m.pipelines.cluster.ray_workers import Crew, Pool
from vsd2m.pipelines.cluster.ray_workers import Task as Work

Task = TypeVar("Task")
Result = TypeVar("Result")


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
        nodes = alive_nodes(ray)
        wanted = Request(1, 1 if wants_gpu and any(node.gpus >= 1 for node in nodes) else 0)
        pool = Pool("the work", fitting_request(nodes, wanted, who="the work"), make)
        pool.backlog.extend(Work(str(task), task) for task in tasks)
        for _, _, result in Crew(ray, [pool]).finished():
            yield result
