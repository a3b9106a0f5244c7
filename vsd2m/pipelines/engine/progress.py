"""Progress reports of a runner."""

from typing import Protocol

from vsd2m.core.commit import CommitRecord


class Observer(Protocol):
    """Receives a runner's progress; the command line displays it."""

    def stage_started(self, stage: str, *, num_partitions: int) -> None:
        """Before the stage's first partition."""

    def partition_skipped(self, stage: str) -> None:
        """A partition was finished by an earlier run."""

    def stickers_done(self, stage: str, num_stickers: int) -> None:
        """A batch of a partition is finished."""

    def partition_started(self, stage: str, partition: int | None, num_stickers: int | None) -> None:
        """`num_stickers` is None if it is not known in advance."""

    def partition_done(self, record: CommitRecord) -> None:
        """A partition has been committed."""

    def stage_done(self, stage: str) -> None:
        """Every partition of the stage is committed."""


class Silent:
    """An observer that does nothing."""

    def stage_started(self, stage: str, *, num_partitions: int) -> None: ...

    def partition_skipped(self, stage: str) -> None: ...

    def stickers_done(self, stage: str, num_stickers: int) -> None: ...

    def partition_started(self, stage: str, partition: int | None, num_stickers: int | None) -> None: ...

    def partition_done(self, record: CommitRecord) -> None: ...

    def stage_done(self, stage: str) -> None: ...
