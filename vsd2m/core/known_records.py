"""A cache of commit records, valid while only one process changes the run."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from vsd2m.core.commit import CommitRecord


class RecordReader(Protocol):
    """The part of a run that reads commit records from the storage."""

    def read_record(self, stage: str, partition: int | None) -> CommitRecord | None:
        """A partition's record, or None."""

    def read_records(self, stage: str) -> list[CommitRecord]:
        """Every record of a stage."""


class KnownRecords:
    """The records of a run as this process knows them.

    `whole_stages`: the first query reads all records of a stage, and others are taken not to exist. Without it, each
    record is read when it is needed, and again until it exists.
    """

    def __init__(self, *, whole_stages: bool) -> None:
        self._whole_stages = whole_stages
        self._records: dict[str, dict[int | None, CommitRecord]] = {}
        self._complete: set[str] = set()
        self._shared: dict[str, CommitRecord] = {}

    def one(self, run: RecordReader, stage: str, partition: int | None) -> CommitRecord | None:
        """A partition's record, or None."""
        if self._whole_stages:
            self.all(run, stage)
        records = self._records.setdefault(stage, {})
        if partition not in records and stage not in self._complete:
            record = run.read_record(stage, partition)
            if record is None:
                return None
            self.put(record)
        return records.get(partition)

    def all(self, run: RecordReader, stage: str) -> Sequence[CommitRecord]:
        """Every record of a stage."""
        if stage not in self._complete:
            self._records[stage] = {}
            for record in run.read_records(stage):
                self.put(record)
            self._complete.add(stage)
        return list(self._records[stage].values())

    def put(self, record: CommitRecord) -> None:
        """Takes a record that was committed; equal parts of records are kept once."""
        like = self._shared.setdefault(record.identity, record)
        parts: Mapping[str, object] = {
            name: getattr(like, name)
            for name in ("stage", "identity", "versions", "config")
            if getattr(like, name) == getattr(record, name)
        }
        self._records.setdefault(record.stage, {})[record.partition] = record.model_copy(update=parts)

    def drop(self, stage: str, partition: int | None) -> None:
        """Forgets a record that was deleted."""
        self._records.get(stage, {}).pop(partition, None)
