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
    stages = [entry.name for entry in run.layout]
    keys = pl.col("key").str.starts_with(subject)
    if "://" in subject:
        found = {event.facts.get("key") for stage in stages for event in _events(run, stage, _at_address(subject))}
        keys = pl.col("key").is_in([key for key in found if key])
    events = [event for stage in stages for event in _events(run, stage, [keys, *_at_address(subject)])]
    if not events:
        raise StorageError(
            f"no stage of {run.store.url} has seen {subject!r}; give a key ({KEY_LENGTH} hex digits, or the first "
            "few of them) or an address the sticker was found at"
        )
    return events


def _at_address(subject: str) -> list[pl.Expr]:
    return [pl.col("url") == subject, pl.col("page_url") == subject, pl.col("urls").list.contains(subject)]


def _events(run: Run, stage: str, tests: list[pl.Expr]) -> Iterator[Event]:
    for record in run.records(stage):
        for path in sorted(record.outputs):
            if path.startswith(f"{stage}/part-"):
                yield from _kept(run, record, path, tests)
            elif path.startswith(f"{stage}/rejects-"):
                yield from _rejected(run, record, path, tests)


def _kept(run: Run, record: CommitRecord, path: str, tests: list[pl.Expr]) -> Iterator[Event]:
    for row in _matching(run.read_file(path), tests):
        facts = {name: value for name, value in row.items() if name != "input_digest"}
        yield Event(record.stage, "kept", facts, record.versions)


def _rejected(run: Run, record: CommitRecord, path: str, tests: list[pl.Expr]) -> Iterator[Event]:
    for row in _matching(run.read_file(path), tests):
        hidden = ("input_digest", "outcome", "version")
        facts = {name: value for name, value in row.items() if name not in hidden and value is not None}
        yield Event(record.stage, row["outcome"], facts, record.versions)


def _matching(frame: pl.DataFrame, tests: list[pl.Expr]) -> list[dict[str, Any]]:
    usable = [test for test in tests if set(test.meta.root_names()) <= set(frame.columns)]
    return frame.filter(pl.any_horizontal(usable).fill_null(False)).to_dicts() if usable else []
