"""What a column is, and the columns that every stage's files have.

A column is declared by the stage that writes it (`StageSpec.columns`): name, type, meaning, and where its values are
published. The schema of a run is the union over its plan; `run.json`, the Parquet files, the tars' JSON, the loader's
samples and the documents derive from it.

`None` means "not asked"; an empty text or list means "asked, nothing there".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from vsd2m.core.errors import ConfigError

SCHEMA_VERSION = 1
_RESERVED = ("key", "input_digest", "partition", "media", "clip", "mask", "frame_indices", "text")
_FLAGS = ("in_json", "in_samples", "published")


@dataclass(frozen=True)
class Column:
    """A column's name and type, what its values say, and where they are published.

    A type is text, a truth value, a number, or a list of one of these. `published`: in the shards' Parquet files;
    `in_json`: in the JSON of the tars too, where "", 0 or False stands for an absent value; `in_samples`: in the
    samples of `vsd2m.load` too.
    """

    name: str
    type: pa.DataType
    description: str
    in_json: bool = False
    in_samples: bool = False
    published: bool = True

    def check(self) -> None:
        """`ConfigError` where no stage could write it."""
        if not self.name.isidentifier() or self.name in _RESERVED:
            raise ConfigError(
                f"column {self.name!r}: expected a name like a variable's, and not {', '.join(_RESERVED)}"
            )
        if not self.description.strip():
            raise ConfigError(f"column {self.name!r}: expected a description, found none")
        if not isinstance(self.type, pa.DataType) or _is_unknown(self.type):
            raise ConfigError(
                f"column {self.name!r}: the type {self.type} is not supported; expected pa.string(), pa.bool_(), an "
                "integer, pa.float32(), pa.float64(), or pa.list_ of one of these"
            )
        if (self.in_json or self.in_samples) and not self.published:
            raise ConfigError(f"column {self.name!r}: in_json and in_samples need published=True")

    def to_json(self) -> dict[str, Any]:
        """As `run.json` holds it."""
        flags = {flag: getattr(self, flag) for flag in _FLAGS}
        return {"name": self.name, "type": str(self.type), "description": self.description, **flags}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "Column":
        """What `to_json` gave."""
        flags = {flag: entry[flag] for flag in _FLAGS if flag in entry}
        return cls(entry["name"], _type_named(entry["type"]), entry["description"], **flags)

    def published_field(self) -> pa.Field:
        """The field of a published Parquet file, with the description as metadata."""
        facts = {"description": self.description, **{flag: str(getattr(self, flag)).lower() for flag in _FLAGS[:2]}}
        return pa.field(self.name, self.type, metadata=facts)

    @classmethod
    def from_published(cls, field: pa.Field) -> "Column | None":
        """What `published_field` gave; None if the field has no description."""
        facts = {name.decode(): value.decode() for name, value in (field.metadata or {}).items()}
        if "description" not in facts:
            return None
        return cls(field.name, field.type, facts["description"], **{f: facts.get(f) == "true" for f in _FLAGS[:2]})


Schema = Mapping[str, Column]
"""Name -> column."""

KEY = pa.field("key", pa.string(), nullable=False)
INPUT_DIGEST = pa.field("input_digest", pa.binary(8), nullable=False)

MEDIA_COLUMNS = ("media_tar", "media_offset", "num_bytes")

REJECTS = pa.schema(
    [
        pa.field("key", pa.string()),  # None if nothing was downloaded (a dead link)
        pa.field("outcome", pa.string(), nullable=False),  # dropped | failed
        pa.field("reason", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("limit", pa.float64()),
        pa.field("detail", pa.string()),
        pa.field("url", pa.string()),
        pa.field("version", pa.int32(), nullable=False),
        INPUT_DIGEST,
    ]
)


def columns_schema(names: tuple[str, ...], schema: Schema) -> pa.Schema:
    """The Parquet schema of a stage's output: `key`, the named columns, and the digest of what each row was made of."""
    fields = [pa.field(name, schema[name].type) for name in names]
    return pa.schema([KEY, *fields, INPUT_DIGEST], metadata={"vsd2m_schema": str(SCHEMA_VERSION)})


def schema_of(parquet: pa.Schema) -> dict[str, Column]:
    """The columns that a published Parquet file describes."""
    columns = map(Column.from_published, parquet)
    return {column.name: column for column in columns if column is not None}


def _is_unknown(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        return pa.types.is_list(kind.value_type) or _is_unknown(kind.value_type)
    supported = (pa.types.is_string, pa.types.is_boolean, pa.types.is_integer, pa.types.is_float32, pa.types.is_float64)
    return not any(is_kind(kind) for is_kind in supported)


def _type_named(name: str) -> Any:
    """The type that `str` writes as `name`."""
    inner = name.removeprefix("list<item: ")
    return pa.type_for_alias(name) if inner == name else pa.list_(pa.type_for_alias(inner.removesuffix(">")))
