"""What the scheduling needs of whatever runs its workers: Ray actors, or threads with a child process."""

from typing import Any, Protocol

from vsd2m.pipelines.scheduling.machines import Node
from vsd2m.pipelines.scheduling.pools import Pool


class WorkerLost(Exception):  # noqa: N818 (an event, which the workers handle)
    """A worker ended before it replied."""

    def __init__(self, summary: str, *, with_machine: bool) -> None:
        super().__init__(summary)
        self.with_machine = with_machine


class Backend(Protocol):
    """Starts workers and asks them. Replies are hashable and are waited for together."""

    def nodes(self) -> list[Node]: ...

    def start(self, pool: Pool, node_id: str) -> Any:
        """A worker of the pool, which may not have started yet."""

    def placed(self, handle: Any) -> Any:
        """A reply with the machine that the worker has started on."""

    def ask(self, handle: Any, value: Any) -> Any:
        """A reply with the result of a task."""

    def rehearse(self, handle: Any, value: Any) -> Any:
        """A reply when the worker has computed a task without committing it."""

    def commit(self, handle: Any) -> Any:
        """A reply with the result of the task that was rehearsed, now committed."""

    def give_up(self, handle: Any) -> bool:
        """Whether the worker will not commit its task; it has ended if it does not say."""

    def progress(self, handle: Any) -> Any:
        """A reply with how many stickers of its task the worker has done; None if nobody need ask."""

    def wait(self, replies: list[Any], seconds: float) -> list[Any]:
        """Those of the replies that have arrived, within `seconds`."""

    def result(self, reply: Any) -> Any:
        """What was replied; errors of the work are raised, `WorkerLost` if the worker ended."""

    def stop(self, handle: Any) -> None:
        """Ends the worker, whatever it does."""
