"""Which columns are published with the shards, and how they look in a tar's JSON.

The Parquet next to a tar has every published column with its declared type, and `None` for "no value". The JSON in the
tar is for readers that infer types from the first few samples (Hugging Face `datasets` fails if these disagree), so
each of its fields always has one type: an absent text is "" and an empty list of texts is [""] there. `Column.in_json`
says whether a column is written to it; numbers that may be absent (scores) are not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from vsd2m.core.run import Run, StageLayout
from vsd2m.core.schema import KEY, SCHEMA_VERSION, Schema

PLAN = ("split", "shard", "shard_index")


def layout_of(run: Run, stage: str) -> StageLayout:
    """The run's entry for the stage with this registry name; its name in the run may be different."""
    return next(entry for entry in run.layout if stage in (entry.stage, entry.name))


def published_columns(run: Run, before: str) -> tuple[str, ...]:
    """The published columns that the run has before a stage, in the order of the stages that declare them."""
    written_names = dict.fromkeys(name for entry in run.chain_before(before) for name in entry.writes)
    return tuple(name for name in written_names if run.schema[name].published)


def parquet_schema(columns: Sequence[str], schema: Schema) -> pa.Schema:
    """The schema of a shard's Parquet file: `key` and the columns, with their descriptions."""
    fields = [schema[name].published_field() for name in columns]
    return pa.schema([KEY, *fields], metadata={"vsd2m_schema": str(SCHEMA_VERSION)})


def json_columns(columns: Sequence[str], schema: Schema) -> tuple[str, ...]:
    """The columns that a tar's JSON contains."""
    return tuple(name for name in columns if schema[name].in_json)


def json_facts(row: Mapping[str, Any], columns: Sequence[str], schema: Schema) -> dict[str, Any]:
    """A sticker's JSON: `key` and `json_columns`, never null, never an empty list."""
    facts: dict[str, Any] = {"key": row["key"]}
    for name in columns:
        value = row[name]
        facts[name] = _json_default(schema[name].type) if value is None or value == [] else value
    return facts


def _json_default(kind: pa.DataType) -> Any:
    """The substitute for an absent value of a type."""
    if pa.types.is_list(kind):
        return [_json_default(kind.value_type)]
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_boolean(kind):
        return False
    return 0 if pa.types.is_integer(kind) else 0.0
