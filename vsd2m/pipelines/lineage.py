"""Everything that ever happened to one sticker."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from vsd2m.core.commit import CommitRecord
from vsd2m.core.errors import StorageError
from vsd2m.core.keys import KEY_LENGTH
from vsd2m.core.run import Run


@dataclass(frozen=True)
class Event:
    """One stage's word on a sticker: the columns it wrote, or its verdict with value and limit."""

    stage: str
    outcome: str  # kept | dropped | failed
    facts: dict[str, Any]
    versions: dict[str, str]


def why(run: Run, subject: str) -> list[Event]:
    """The events of a sticker, in stage order; `subject` is a key, the start of one, or an address it was found at."""
    events = [event for entry in run.layout for event in _events(run, entry.name, subject)]
    if not events:
        raise StorageError(
            f"no stage of {run.store.url} has seen {subject!r}; give a key ({KEY_LENGTH} hex digits, or the first "
            "few of them) or an address the sticker was found at"
        )
    return events


def _events(run: Run, stage: str, subject: str) -> Iterator[Event]:
    for record in run.records(stage):
        for path in sorted(record.outputs):
            if path.startswith(f"{stage}/part-"):
                yield from _kept(run, record, path, subject)
            elif path.startswith(f"{stage}/rejects-"):
                yield from _rejected(run, record, path, subject)


def _kept(run: Run, record: CommitRecord, path: str, subject: str) -> Iterator[Event]:
    for row in _matching(run.read_file(path), subject):
        facts = {name: value for name, value in row.items() if name != "input_digest"}
        yield Event(record.stage, "kept", facts, record.versions)


def _rejected(run: Run, record: CommitRecord, path: str, subject: str) -> Iterator[Event]:
    for row in _matching(run.read_file(path), subject):
        hidden = ("input_digest", "outcome", "version")
        facts = {name: value for name, value in row.items() if name not in hidden and value is not None}
        yield Event(record.stage, row["outcome"], facts, record.versions)


def _matching(frame: pl.DataFrame, subject: str) -> list[dict[str, Any]]:
    found = pl.col("key").str.starts_with(subject)
    for column in ("url", "page_url"):
        if column in frame.columns:
            found = found | (pl.col(column) == subject)
    if "urls" in frame.columns:
        found = found | pl.col("urls").list.contains(subject)
    return frame.filter(found.fill_null(False)).to_dicts()
