"""Everything that happened to one sticker."""

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
    """One stage's outcome for a sticker: the columns it wrote, or its reject with value and limit."""

    stage: str
    outcome: str  # kept | dropped | failed
    facts: dict[str, Any]
    versions: dict[str, str]


def why(run: Run, subject: str) -> list[Event]:
    """The events of a sticker, in stage order; `subject` is a key, the start of a key, or an address of the sticker."""
    stages = [entry.name for entry in run.layout]
    keys = pl.col("key").str.starts_with(subject)
    if "://" in subject:
        keys_at_address = {
            event.facts.get("key") for stage in stages for event in _events(run, stage, _at_address(subject))
        }
        keys = pl.col("key").is_in([key for key in keys_at_address if key])
    events = [event for stage in stages for event in _events(run, stage, [keys, *_at_address(subject)])]
    if not events:
        raise StorageError(
            f"no stage of {run.store.url} has processed {subject!r}; give a key ({KEY_LENGTH} hex digits, or the "
            "first few of them) or an address at which the crawl found the sticker"
        )
    return events


def _at_address(subject: str) -> list[pl.Expr]:
    return [pl.col("url") == subject, pl.col("page_url") == subject, pl.col("urls").list.contains(subject)]


def _events(run: Run, stage: str, tests: list[pl.Expr]) -> Iterator[Event]:
    for record in run.records(stage):
        for path in sorted(record.outputs):
            if path.startswith(f"{stage}/part-"):
                yield from _kept_events(run, record, path, tests)
            elif path.startswith(f"{stage}/rejects-"):
                yield from _reject_events(run, record, path, tests)


def _kept_events(run: Run, record: CommitRecord, path: str, tests: list[pl.Expr]) -> Iterator[Event]:
    for row in _matching_rows(run.read_file(path), tests):
        facts = {name: value for name, value in row.items() if name != "input_digest"}
        yield Event(record.stage, "kept", facts, record.versions)


def _reject_events(run: Run, record: CommitRecord, path: str, tests: list[pl.Expr]) -> Iterator[Event]:
    for row in _matching_rows(run.read_file(path), tests):
        hidden_columns = ("input_digest", "outcome", "version")
        facts = {name: value for name, value in row.items() if name not in hidden_columns and value is not None}
        yield Event(record.stage, row["outcome"], facts, record.versions)


def _matching_rows(frame: pl.DataFrame, tests: list[pl.Expr]) -> list[dict[str, Any]]:
    usable = [test for test in tests if set(test.meta.root_names()) <= set(frame.columns)]
    return frame.filter(pl.any_horizontal(usable).fill_null(False)).to_dicts() if usable else []
