"""Training on several machines: Ray starts one process per GPU (or per CPU, without GPUs), and each runs `train`.

The processes find each other through torch's process group, as under `torchrun`; `out`, `data.shards` and
`data.cache` must lie where all machines see them. Plain actors, as in the pipeline's runner: Ray Train's own trainer
gives the same result, with a controller that polls a service of Ray's dashboard meanwhile.
"""

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra
from vsd2m.generation.config import TrainConfig
from vsd2m.pipelines.cluster.ray_cluster import Cluster, Node, Request, alive_nodes, connected
from vsd2m.pipelines.cluster.ray_workers import PATIENCE_SECONDS, cause_of, told


def train_on_ray(config: TrainConfig, *, num_workers: int, address: str | None = None, clips: Any = None) -> Any:
    """Like `vsd2m.generation.trainer.train`, in `num_workers` processes; returns the first one's `TrainResult`.

    Uses the Ray cluster that this process is connected to, or the one at `address`, else this machine. `EngineError`
    if the cluster's machines have room for fewer workers, or do not start them, or one of them is lost.
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
                f"a training process was lost: {told(error)}; start the training again to resume from its newest "
                "checkpoint"
            ) from error
        finally:
            for actor in actors:
                ray.kill(actor)


def worker_request(nodes: Sequence[Node], num_workers: int) -> Request:
    """What each process is given; `EngineError` where not all have room, for which Ray would wait for ever."""
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
    """Runs all processes; the first error of any of them ends the others, which would wait for it for ever."""
    host, port = _meeting_point(ray, actors)
    meeting = {"MASTER_ADDR": host, "MASTER_PORT": str(port), "WORLD_SIZE": str(len(actors))}
    # every process sees the one GPU that Ray gave it as its first
    tasks = [
        actor.train.remote({**meeting, "RANK": str(rank), "LOCAL_RANK": "0"}, config.model_dump_json(), clips)
        for rank, actor in enumerate(actors)
    ]
    waiting = list(tasks)
    while waiting:
        finished, waiting = ray.wait(waiting, num_returns=1)
        ray.get(finished)
    return ray.get(tasks[0])


def _meeting_point(ray: Any, actors: list[Any]) -> tuple[str, int]:
    """The first process's, once all of them stand on a machine: one that does not would keep the others waiting."""
    asked = [actor.meeting_point.remote() for actor in actors]
    answered, missing = ray.wait(asked, num_returns=len(asked), timeout=PATIENCE_SECONDS)
    if missing:
        raise EngineError(
            f"{len(missing)} of {len(asked)} training processes were not started within {PATIENCE_SECONDS:g} s: other "
            "work holds the cluster's room; wait for it, or give a smaller --num-workers"
        )
    ray.get(answered)
    host, port = ray.get(asked[0])
    return str(host), int(port)


class Process:
    """What a Ray actor holds: one of the training processes."""

    def __init__(self, search_path: list[str]) -> None:
        sys.path += [path for path in search_path if path not in sys.path]

    def meeting_point(self) -> tuple[str, int]:
        """This machine's address, and a port that is free on it."""
        host = import_extra("ray", extra="ray").util.get_node_ip_address()
        with socket.socket() as listener:
            listener.bind(("", 0))
            return host, int(listener.getsockname()[1])

    def train(self, environment: dict[str, str], config: str, clips: Any) -> Any:
        """Joins the others, and trains."""
        os.environ.update(environment)
        from vsd2m.generation.trainer import train

        return train(TrainConfig.model_validate_json(config), clips=clips)
