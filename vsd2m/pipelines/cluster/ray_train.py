"""Training on several machines: Ray starts one process per GPU (or per CPU, without GPUs), and each runs `train`.

The processes find each other through torch's process group, as under `torchrun`; `out`, `data.shards` and
`data.cache` must lie where all machines see them. Plain actors, as in the pipeline's runner: Ray Train's own trainer
gives the same result, with a controller that polls a service of Ray's dashboard meanwhile.
"""

import logging
import os
import socket
import sys
from typing import Any

from vsd2m.core.errors import EngineError, Vsd2mError
from vsd2m.core.registry import import_extra
from vsd2m.generation.config import TrainConfig


def train_on_ray(config: TrainConfig, *, num_workers: int, address: str | None = None, clips: Any = None) -> Any:
    """Like `vsd2m.generation.trainer.train`, in `num_workers` processes; returns the first one's `TrainResult`.

    Uses the Ray cluster that this process is connected to, or the one at `address`, else this machine. `EngineError`
    if the cluster has fewer GPUs (without GPUs: CPUs) than workers.
    """
    ray = import_extra("ray", extra="ray")
    import_extra("torch", extra="train")
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    try:
        resources = check_resources(ray.cluster_resources(), num_workers)
        actors = [ray.remote(Process).options(**resources).remote(sys.path) for _ in range(num_workers)]
        try:
            return _train_together(ray, actors, config, clips)
        finally:
            for actor in actors:
                ray.kill(actor)
    finally:
        if started_here:
            ray.shutdown()


def check_resources(cluster: dict[str, float], num_workers: int) -> dict[str, float]:
    """What each process is given; `EngineError` where there is not enough of it, for which Ray would wait for ever."""
    kind = "GPU" if cluster.get("GPU", 0) else "CPU"
    if cluster.get(kind, 0) < num_workers:
        raise EngineError(
            f"{num_workers} workers need {num_workers} {kind}s, the Ray cluster has {cluster.get(kind, 0):g}; give a "
            "smaller --num-workers or the address of a larger cluster"
        )
    return {"num_cpus": 1, "num_gpus": 1 if kind == "GPU" else 0}


def _train_together(ray: Any, actors: list[Any], config: TrainConfig, clips: Any) -> Any:
    """Runs all processes; the first error of any of them ends the others, which would wait for it for ever."""
    host, port = ray.get(actors[0].meeting_point.remote())
    meeting = {"MASTER_ADDR": host, "MASTER_PORT": str(port), "WORLD_SIZE": str(len(actors))}
    # every process sees the one GPU that Ray gave it as its first
    tasks = [
        actor.train.remote({**meeting, "RANK": str(rank), "LOCAL_RANK": "0"}, config.model_dump_json(), clips)
        for rank, actor in enumerate(actors)
    ]
    waiting = list(tasks)
    while waiting:
        finished, waiting = ray.wait(waiting, num_returns=1)
        try:
            ray.get(finished)
        except ray.exceptions.RayTaskError as error:
            raise _cause(error) from error
    return ray.get(tasks[0])


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


def _cause(error: Any) -> BaseException:
    return error.cause if isinstance(error.cause, Vsd2mError) else error
