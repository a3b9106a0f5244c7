"""Whether every machine of the cluster sees the run's folder, asked before anything runs."""

import hashlib
import logging
from typing import Any

from vsd2m.core.errors import StageError, Vsd2mError
from vsd2m.core.run import RUN_FILE
from vsd2m.core.storage import Store
from vsd2m.core.storage_faults import Retries
from vsd2m.pipelines.cluster.ray_cluster import alive_nodes

_log = logging.getLogger(__name__)

ANSWER_SECONDS = 60.0
FAULT_SECONDS = 10.0


def check_visible(ray: Any, store: Store) -> None:
    """`StageError` that names the machines on which the run's file is not the one that this process wrote."""
    if store.url.startswith("memory://"):
        raise StageError(f"{store.url} is in the memory of this process; give a folder or URL that workers can read")
    expected = _content(store.url)
    tasks = {_ask(ray, node.node_id, store.url): node for node in alive_nodes(ray) if node.node_id != _own_node_id(ray)}
    if not tasks:
        return
    ready, missing = ray.wait(list(tasks), num_returns=len(tasks), timeout=ANSWER_SECONDS)
    for task in missing:
        _log.warning("%s did not say within %g s whether it sees %s", tasks[task].name, ANSWER_SECONDS, store.url)
    for task in ready:
        try:
            content = ray.get(task)
        except ray.exceptions.RayError:  # lost meanwhile, which is the runner's matter
            continue
        if content != expected:
            problem = content if content.startswith("cannot") else f"it has another {RUN_FILE}"
            raise StageError(
                f"the machine {tasks[task].name} does not see the run's folder {store.url}: {problem}; give a path "
                "that all machines share, or the URL of an object store"
            )


def _ask(ray: Any, node_id: str, url: str) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    strategy = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(_content).options(num_cpus=0, scheduling_strategy=strategy).remote(url)


def _own_node_id(ray: Any) -> str | None:
    """The machine of this process; None if it is outside the cluster (`ray://`)."""
    return None if ray.util.client.ray.is_connected() else str(ray.get_runtime_context().get_node_id())


def _content(url: str) -> str:
    """A digest of the run's file as this machine sees it, or why it cannot be read."""
    try:
        return hashlib.sha256(Store(url, retries=Retries(FAULT_SECONDS)).read_bytes(RUN_FILE)).hexdigest()
    except Vsd2mError as error:
        return f"cannot read it: {error}"
