"""Joins or starts Ray, and lists its current machines."""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from vsd2m.core.errors import StageError
from vsd2m.core.registry import import_extra
from vsd2m.pipelines.scheduling.machines import Node

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Cluster:
    """Where Ray runs: a cluster's address, or this machine with `num_cpus` of its cores (all, if None)."""

    address: str | None = None
    num_cpus: int | None = None


@contextmanager
def connected(cluster: Cluster) -> Iterator[Any]:
    """Ray, started or joined until the block ends, unless it is already connected.

    Without an address (given, or in RAY_ADDRESS, as in a Ray job) a new Ray instance is started on this machine,
    independent of earlier clusters. `StageError` if no cluster responds at the address.
    """
    ray = import_extra("ray", extra="ray")
    started_here = not ray.is_initialized()
    if started_here:
        address = cluster.address or os.environ.get("RAY_ADDRESS") or "local"
        if address != "local":
            _check_alive(address)
        # without "local" Ray looks for a cluster in files that an earlier one may have left
        _init(ray, address, num_cpus=cluster.num_cpus if address == "local" else None)
    try:
        yield ray
    finally:
        if started_here:
            ray.shutdown()


def alive_nodes(ray: Any) -> list[Node]:
    """The machines of the cluster at this moment."""
    return [
        Node(
            node["NodeID"],
            node.get("NodeManagerAddress") or node["NodeID"][:8],
            float(node["Resources"].get("CPU", 0.0)),
            float(node["Resources"].get("GPU", 0.0)),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def _init(ray: Any, address: str, *, num_cpus: int | None) -> None:
    try:
        ray.init(
            address=address,
            num_cpus=num_cpus,
            include_dashboard=False if address == "local" else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise StageError(f"cannot use Ray at {address}: {' '.join(str(error).split())}") from error


def _check_alive(address: str) -> None:
    """Checks whether a cluster responds: Ray itself tries for minutes, and then ends this process."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    advice = "check the address and that the cluster is up (`ray status` there), or leave it out to use this machine"
    if port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
        except OSError as error:
            raise StageError(f"no Ray cluster at {address}: {error}; {advice}") from error
    if "://" not in address:
        command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
        try:
            health_check = subprocess.run(command, capture_output=True, timeout=ANSWER_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise StageError(f"{address} does not respond like a Ray cluster; {advice}") from error
        if health_check.returncode:
            lines = health_check.stderr.decode(errors="replace").strip().splitlines()
            raise StageError(f"no Ray cluster at {address}: {lines[-1] if lines else 'it does not respond'}; {advice}")
