"""Workers that are Ray actors."""

import sys
from collections.abc import Callable
from typing import Any

from vsd2m.core.errors import Vsd2mError
from vsd2m.pipelines.cluster.ray_cluster import alive_nodes
from vsd2m.pipelines.scheduling.backend import WorkerLost
from vsd2m.pipelines.scheduling.machines import Node
from vsd2m.pipelines.scheduling.pools import Pool

GIVE_UP_SECONDS = 30.0


class Workplace:
    """The class of a Ray actor: calls `make()` at the first task, so that its start raises nothing."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]], search_path: list[str]) -> None:
        sys.path += [path for path in search_path if path not in sys.path]  # a user's own stages and metrics
        self._make = make
        self._work: Any = None

    def node_id(self) -> str:
        """The machine of the worker; the reply shows that it has started."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def work(self, task: Any) -> Any:
        return self._make_once()(task)

    def rehearse(self, task: Any) -> None:
        self._make_once().rehearse(task)

    def commit(self) -> Any:
        return self._make_once().commit()

    def give_up(self) -> bool:
        return bool(self._make_once().give_up())

    def progress(self) -> int:
        return int(self._work.progress()) if self._work is not None else 0

    def _make_once(self) -> Any:
        if self._work is None:
            self._work = self._make()
        return self._work


class RayBackend:
    """Starts actors on the cluster that this process is connected to; `Pool.make` must be picklable."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def nodes(self) -> list[Node]:
        return alive_nodes(self._ray)

    def start(self, pool: Pool, node_id: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        # if other work has taken the resources meanwhile, any other machine will do
        strategy = NodeAffinitySchedulingStrategy(node_id, soft=True, _spill_on_unavailable=True)
        options = {"num_cpus": pool.request.cpus, "num_gpus": pool.request.gpus, "scheduling_strategy": strategy}
        if pool.has_second_tries:
            options["max_concurrency"] = 2  # to be asked to give up while it works
        return self._ray.remote(Workplace).options(**options).remote(pool.make, sys.path)

    def placed(self, handle: Any) -> Any:
        return handle.node_id.remote()

    def ask(self, handle: Any, value: Any) -> Any:
        return handle.work.remote(value)

    def rehearse(self, handle: Any, value: Any) -> Any:
        return handle.rehearse.remote(value)

    def commit(self, handle: Any) -> Any:
        return handle.commit.remote()

    def give_up(self, handle: Any) -> bool:
        try:
            return bool(self._ray.get(handle.give_up.remote(), timeout=GIVE_UP_SECONDS))
        except self._ray.exceptions.RayError:
            self._ray.kill(handle)
            return True

    def progress(self, handle: Any) -> Any:
        return handle.progress.remote()

    def wait(self, replies: list[Any], seconds: float) -> list[Any]:
        ready, _ = self._ray.wait(replies, num_returns=1, timeout=seconds)
        return list(ready)

    def result(self, reply: Any) -> Any:
        try:
            return self._ray.get(reply)
        except self._ray.exceptions.RayTaskError as error:
            raise cause_of(error) from error
        except self._ray.exceptions.RayError as error:
            raise WorkerLost(summary_of(error), with_machine=self._is_lost_machine(error)) from error

    def stop(self, handle: Any) -> None:
        self._ray.kill(handle)

    def _is_lost_machine(self, error: Exception) -> bool:
        """If a worker dies while its machine stays up, Ray knows the cause; otherwise it is "unavailable" at first."""
        unavailable = isinstance(error, self._ray.exceptions.ActorUnavailableError)
        return unavailable or "node has died" in str(error)


def cause_of(error: Any) -> BaseException:
    """The cause of an error in a worker: ours unchanged, others as Ray reports them."""
    return error.cause if isinstance(error.cause, Vsd2mError) else error


def summary_of(error: Exception) -> str:
    """Ray's message in one line, without the leading numbers of actors and processes."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    return " ".join(" ".join(lines[1:] or lines).split())[:400]
