"""Which columns are published with the shards, and how they look in a tar's JSON.

The Parquet beside a tar holds every published column as the contract types it, with `None` for "not asked". The
JSON in the tar is for readers which infer types from the first few samples (Hugging Face `datasets` fails where
these disagree), so each of its fields has one type always: an absent text is "" and an empty list of texts is
[""] there, and numbers that may be absent (scores) are left to the Parquet.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from vsd2m.core.run import Run, StageLayout
from vsd2m.core.schema import COLUMNS, KEY, MEDIA_COLUMNS, SCHEMA_VERSION, Column, Schema

PUBLISHED = tuple(
    column.name for column in COLUMNS.values() if column.stage not in ("crawl", "shard") or column.name == "num_bytes"
)
PLAN = ("split", "shard", "shard_index")


def layout_of(run: Run, stage: str) -> StageLayout:
    """The run's entry for the stage with this registry name; it may be called otherwise in the run."""
    return next(entry for entry in run.layout if stage in (entry.stage, entry.name))


def published_columns(run: Run, before: str) -> tuple[str, ...]:
    """The published columns that the run has before a stage: the contract's in its order, then others as written."""
    written = dict.fromkeys(name for entry in run.chain_before(before) for name in entry.writes)
    return (
        *(name for name in PUBLISHED if name in written),
        *(name for name in written if name not in COLUMNS),
    )


def parquet_schema(columns: Sequence[str], schema: Schema = COLUMNS) -> pa.Schema:
    """Of a shard's Parquet file: `key` and the columns."""
    fields = [schema[name].field() for name in columns]
    return pa.schema([KEY, *fields], metadata={"vsd2m_schema": str(SCHEMA_VERSION)})


def json_columns(columns: Sequence[str], schema: Schema = COLUMNS) -> tuple[str, ...]:
    """Those of the columns that a tar's JSON holds."""
    published = (name for name in columns if name not in MEDIA_COLUMNS[:2])
    return tuple(name for name in published if _json_default(schema[name]) is not None)


def json_facts(row: Mapping[str, Any], columns: Sequence[str], schema: Schema = COLUMNS) -> dict[str, Any]:
    """A sticker's JSON: `key` and `json_columns`, never null, never an empty list."""
    facts: dict[str, Any] = {"key": row["key"]}
    for name in columns:
        value = row[name]
        facts[name] = _json_default(schema[name]) if value is None or value == [] else value
    return facts


def _json_default(column: Column) -> Any:
    """What stands for an absent value; None where the column is not in the JSON."""
    if column.type == pa.string():
        return ""
    if column.type == pa.list_(pa.string()):
        return [""]
    if column.type == pa.list_(pa.int32()):
        return [0]
    never_absent = COLUMNS.get(column.name) == column and (
        column.stage == "probe" or column.name in ("num_bytes", "shard_index")
    )
    return 0 if pa.types.is_integer(column.type) and never_absent else None
