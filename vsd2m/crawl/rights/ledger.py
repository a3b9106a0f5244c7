"""The rights ledger of a run: a row per sticker with the statements about its use, and totals by host."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from vsd2m.core.run import Run, StageLayout, part_path, rejects_path
from vsd2m.crawl.records.evidence import dates_path, read_dates

KEPT = "kept"
RIGHTS_REASONS = ("noai", "robots_disallowed", "robots_unreadable", "taken_down")
"""Reasons of rejects that are about rights."""

_STATED = ("page_url", "licence", "licence_url", "author", "attribution")
_SCHEMA = {
    "key": pl.String(),
    "host": pl.String(),
    "url": pl.String(),
    "outcome": pl.String(),
    **dict.fromkeys(_STATED, pl.String()),
    "robots_txt": pl.String(),
    "statements": pl.List(pl.String()),
    "read_at": pl.String(),
}


@dataclass
class HostRights:
    """The outcomes of the stickers of one host under one licence (as pages state it; empty: none stated)."""

    host: str
    licence: str
    num_kept: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """With the reasons of rejects and all statements, most frequent first."""
        counts = {"reasons": dict(self.reasons.most_common()), "statements": dict(self.statements.most_common())}
        return {"host": self.host, "licence": self.licence, "num_kept": self.num_kept, **counts}


def rights_ledger(run: Run) -> pl.DataFrame:
    """A row per sticker that was found and kept, or rejected for a reason of rights; in the order of the run.

    `statements` are all that were made, each with its place and word for word; `read_at` is when it was downloaded, or
    found to be reserved.
    """
    rows = [row for entry in _sources(run) for record in run.records(entry.name) for row in _rows(run, entry, record)]
    return pl.DataFrame(rows, schema=_SCHEMA)


def rights_by_host(ledger: pl.DataFrame) -> list[HostRights]:
    """The ledger summed up by host and licence; a sticker found under several words counts once."""
    groups: dict[tuple[str, str], HostRights] = {}
    distinct = ledger.unique(["url", "outcome"], keep="first", maintain_order=True)
    for row in distinct.iter_rows(named=True):
        place = (row["host"], row["licence"] or "")
        group = groups.setdefault(place, HostRights(*place))
        group.statements.update(row["statements"])
        if row["outcome"] == KEPT:
            group.num_kept += 1
        else:
            group.reasons[row["outcome"]] += 1
    return [groups[place] for place in sorted(groups)]


def _sources(run: Run) -> list[StageLayout]:
    """The stages that bring stickers."""
    kinds = [entry.kind for entry in run.layout]
    first = kinds.index("table") if "table" in kinds else len(kinds)
    return [entry for entry in run.layout[:first] if {"url", "licence"} <= set(entry.writes)]


def _rows(run: Run, entry: StageLayout, record: Any) -> Iterator[dict[str, Any]]:
    partition = record.partition
    config = run.facts.get("config", {}).get("stages", {}).get(entry.name, {})
    dates = read_dates(run.store, dates_path(config.get("media_folder", entry.name), partition))
    if part_path(entry.name, partition) in record.outputs:
        columns = [name for name in ("url", *_STATED, "robots") if name in entry.writes]
        for row in run.read_part(entry.name, partition, ["key", *columns]).iter_rows(named=True):
            yield _row(row, KEPT, dates, *_statements_in(row.get("robots")))
    if rejects_path(entry.name, partition) in record.outputs:
        for row in run.read_rejects(entry.name, partition).iter_rows(named=True):
            if row["reason"] in RIGHTS_REASONS:
                yield _row(row, row["reason"], dates, None, [row["detail"] or ""])


def _row(
    row: Mapping[str, Any], outcome: str, dates: Mapping[str, str], robots_txt: str | None, statements: list[str]
) -> dict[str, Any]:
    stated = {name: row.get(name) or "" for name in _STATED}
    url = row["url"] or ""
    return {
        **{"key": row["key"], "host": _host(url), "url": url, "outcome": outcome},
        **stated,
        **{"robots_txt": robots_txt, "statements": statements, "read_at": dates.get(url)},
    }


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def _statements_in(robots: str | None) -> tuple[str | None, list[str]]:
    """(robots.txt's verdict, the statements) of the `robots` column."""
    use = json.loads(robots) if robots else {}
    return use.get("robots_txt"), [
        f"{statement['place']}: {statement['text']}" for statement in use.get("statements", ())
    ]
