"""Machines with their resources, and what a worker requests of one of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from vsd2m.core.errors import StageError

_ROUNDING = 1e-6  # of sums of shares of a GPU


@dataclass(frozen=True)
class Request:
    """The resources of one worker, all on one machine."""

    cpus: float
    gpus: float = 0.0

    def __str__(self) -> str:
        gpus = f" and {_count(self.gpus, 'GPU')}" if self.gpus else ""
        return _count(self.cpus, "CPU") + gpus


@dataclass(frozen=True)
class Node:
    """A machine of the cluster that is alive, with its total resources, used or not."""

    node_id: str
    name: str
    cpus: float
    gpus: float

    def holds(self, request: Request) -> bool:
        return request.cpus <= self.cpus + _ROUNDING and request.gpus <= self.gpus + _ROUNDING

    def plus(self, request: Request) -> "Node":
        """The machine with the resources of `request` added."""
        return Node(self.node_id, self.name, self.cpus + request.cpus, self.gpus + request.gpus)

    def __str__(self) -> str:
        return f"{self.name} ({Request(self.cpus, self.gpus)})"


def fitting_request(nodes: Sequence[Node], ideal_request: Request, *, who: str) -> Request:
    """The request to make; `StageError` if no machine can ever fulfil it, which would be waited for forever.

    On a cluster of one machine, a worker with more threads than the machine has cores gets all cores.
    """
    cpus = min(ideal_request.cpus, nodes[0].cpus) if len(nodes) == 1 else ideal_request.cpus
    request = Request(cpus, ideal_request.gpus)
    if not any(node.holds(request) for node in nodes):
        raise StageError(f"{who} asks for {misfit(nodes, request)}")
    return request


def misfit(nodes: Sequence[Node], request: Request) -> str:
    """The request, why no machine can fulfil it, and what would help."""
    help_gpus = "set its device to cpu, or " if request.gpus else ""
    machines = ", ".join(str(node) for node in sorted(nodes, key=lambda node: (-node.gpus, -node.cpus))[:5])
    return (
        f"{request} on one machine; none of the cluster's {len(nodes)} has that: {machines or 'none is alive'}; "
        f"{help_gpus}add a machine that has it, or give the address of a cluster with one"
    )


def _count(number: float, unit: str) -> str:
    return f"{number:g} {unit}" + ("" if number == 1 else "s")
