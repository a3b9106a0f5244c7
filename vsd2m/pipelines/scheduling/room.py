"""The resources that our own workers leave free on each machine."""

from collections.abc import Callable, Iterable

from vsd2m.pipelines.scheduling.machines import Node, Request

REFRESH_SECONDS = 1.0


class Room:
    """Current machines, and what our workers occupy of them."""

    def __init__(self, read_nodes: Callable[[], list[Node]], clock: Callable[[], float]) -> None:
        self._read_nodes = read_nodes
        self._clock = clock
        self._read_at = float("-inf")
        self._used: dict[str, Request] = {}
        self.nodes: dict[str, Node] = {}

    def refresh(self, *, node_id: str | None = None) -> None:
        """Reads the machines: once a second, and if the machine `node_id` is not known yet."""
        is_old = self._clock() - self._read_at >= REFRESH_SECONDS
        if is_old or (node_id is not None and node_id not in self.nodes):
            self.nodes = {node.node_id: node for node in self._read_nodes()}
            self._read_at = self._clock()

    def find_machine(self, request: Request) -> str | None:
        """The fitting machine with the least free resources, so that larger requests fit elsewhere later."""
        free = [self._free(node) for node in self.nodes.values()]
        fitting = [(node.gpus, node.cpus, node.node_id) for node in free if node.holds(request)]
        return min(fitting)[-1] if fitting else None

    def fits(self, node_id: str, request: Request, *, without: Iterable[Request] = ()) -> bool:
        """Whether a machine has room, once workers with the requests `without` have left it."""
        free = self._free(self.nodes[node_id])
        for leaving in without:
            free = free.plus(leaving)
        return free.holds(request)

    def occupy(self, node_id: str, request: Request) -> None:
        used = self._used.get(node_id, Request(0.0))
        self._used[node_id] = Request(used.cpus + request.cpus, used.gpus + request.gpus)

    def release(self, node_id: str, request: Request) -> None:
        self.occupy(node_id, Request(-request.cpus, -request.gpus))

    def _free(self, node: Node) -> Node:
        used = self._used.get(node.node_id, Request(0.0))
        return node.plus(Request(-used.cpus, -used.gpus))
