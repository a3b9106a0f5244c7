"""Training on several machines: Ray starts one process per GPU (or per CPU, without GPUs), and each runs `train`.

The processes find each other through torch's process group, as under `torchrun`; `out`, `data.shards` and
`data.cache` must be readable by all machines. Plain actors, as in the pipeline's runner: Ray Train's own trainer
gives the same result, but its controller polls a service of Ray's dashboard meanwhile.
"""

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra
from vsd2m.generation.config import TrainConfig
from vsd2m.pipelines.cluster.ray_cluster import Cluster, alive_nodes, connected
from vsd2m.pipelines.cluster.ray_workers import cause_of, summary_of
from vsd2m.pipelines.scheduling.machines import Node, Request
from vsd2m.pipelines.scheduling.workers import PATIENCE_SECONDS


def train_on_ray(config: TrainConfig, *, num_workers: int, address: str | None = None, clips: Any = None) -> Any:
    """Like `vsd2m.generation.trainer.train`, in `num_workers` processes; returns the first one's `TrainResult`.

    Uses the Ray cluster that this process is connected to, or the one at `address`, else this machine. `EngineError`
    if the cluster has too few resources, does not start all processes, or loses one of them.
    """
    import_extra("torch", extra="train")
    with connected(Cluster(address)) as ray:
        request = worker_request(alive_nodes(ray), num_workers)
        options = {"num_cpus": request.cpus, "num_gpus": request.gpus}
        actors = [ray.remote(Process).options(**options).remote(sys.path) for _ in range(num_workers)]
        try:
            return _train_together(ray, actors, config, clips)
        except ray.exceptions.RayTaskError as error:
            raise cause_of(error) from error
        except ray.exceptions.RayError as error:
            raise EngineError(
                f"a training process was lost: {summary_of(error)}; start the training again to resume from its newest "
                "checkpoint"
            ) from error
        finally:
            for actor in actors:
                ray.kill(actor)


def worker_request(nodes: Sequence[Node], num_workers: int) -> Request:
    """The resources of each process; `EngineError` if they do not all fit: Ray would wait forever."""
    request = Request(1, 1 if any(node.gpus for node in nodes) else 0)
    kind = "GPU" if request.gpus else "CPU"
    room = sum(int(min(node.cpus, node.gpus) if request.gpus else node.cpus) for node in nodes)
    if room < num_workers:
        raise EngineError(
            f"{num_workers} workers need {num_workers} {kind}s, the Ray cluster has room for {room}: "
            f"{', '.join(map(str, nodes))}; give a smaller --num-workers or the address of a larger cluster"
        )
    return request


def _train_together(ray: Any, actors: list[Any], config: TrainConfig, clips: Any) -> Any:
    """Runs all processes; the first error of any of them ends the others, which would wait for it forever."""
    host, port = _meeting_point(ray, actors)
    meeting = {"MASTER_ADDR": host, "MASTER_PORT": str(port), "WORLD_SIZE": str(len(actors))}
    # every process sees the one GPU that Ray gave it as its first
    tasks = [
        actor.train.remote({**meeting, "RANK": str(rank), "LOCAL_RANK": "0"}, config.model_dump_json(), clips)
        for rank, actor in enumerate(actors)
    ]
    running_tasks = list(tasks)
    while running_tasks:
        ready_tasks, running_tasks = ray.wait(running_tasks, num_returns=1)
        ray.get(ready_tasks)
    return ray.get(tasks[0])


def _meeting_point(ray: Any, actors: list[Any]) -> tuple[str, int]:
    """The first process's address, once all have started: one that has not would keep the others waiting."""
    replies = [actor.meeting_point.remote() for actor in actors]
    ready_replies, missing = ray.wait(replies, num_returns=len(replies), timeout=PATIENCE_SECONDS)
    if missing:
        raise EngineError(
            f"{len(missing)} of {len(replies)} training processes were not started within {PATIENCE_SECONDS:g} s: "
            "other work uses the cluster's resources; wait for it, or give a smaller --num-workers"
        )
    ray.get(ready_replies)
    host, port = ray.get(replies[0])
    return str(host), int(port)


class Process:
    """The class of a Ray actor: one of the training processes."""

    def __init__(self, search_path: list[str]) -> None:
        sys.path += [path for path in search_path if path not in sys.path]

    def meeting_point(self) -> tuple[str, int]:
        """This machine's address, and a free port on it."""
        host = import_extra("ray", extra="ray").util.get_node_ip_address()
        with socket.socket() as listener:
            listener.bind(("", 0))
            return host, int(listener.getsockname()[1])

    def train(self, environment: dict[str, str], config: str, clips: Any) -> Any:
        """Joins the other processes, and trains."""
        os.environ.update(environment)
        from vsd2m.generation.trainer import train

        return train(TrainConfig.model_validate_json(config), clips=clips)
