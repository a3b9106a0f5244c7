"""The columns of the data contract, typed and versioned, and what a column of a stage of one's own has to say.

The schema of a run is these and those its stages declare; Parquet schemas, run.json and the documents derive from it.

`None` means "not asked"; an empty text or list means "asked, nothing there".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from vsd2m.core.errors import ConfigError

SCHEMA_VERSION = 1
_RESERVED = ("key", "input_digest", "partition", "media", "clip", "mask")
_DESCRIPTION = b"description"


@dataclass(frozen=True)
class Column:
    """A column's name, type, the stage that first writes it, and what its values say.

    A type is text, a truth value, a number, or a list of one of these.
    """

    name: str
    type: pa.DataType
    stage: str
    description: str

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

    def to_json(self) -> dict[str, str]:
        """As `run.json` holds it."""
        return {"name": self.name, "type": str(self.type), "stage": self.stage, "description": self.description}

    @classmethod
    def from_json(cls, entry: Mapping[str, str]) -> "Column":
        """What `to_json` gave."""
        return cls(entry["name"], _type_named(entry["type"]), entry["stage"], entry["description"])

    def field(self) -> pa.Field:
        """As a Parquet file holds it; a column that the contract does not know says there what it is."""
        own = None if COLUMNS.get(self.name) == self else {_DESCRIPTION: self.description.encode()}
        return pa.field(self.name, self.type, metadata=own)


Schema = Mapping[str, Column]
"""Name -> column."""


_STRINGS = pa.list_(pa.string())

_ALL = [
    # crawl: one row per picture found on a page
    Column("url", pa.string(), "crawl", "where the original bytes came from"),
    Column("page_url", pa.string(), "crawl", "the page the picture was found on"),
    Column("source", pa.string(), "crawl", "registry name of the crawl source"),
    Column("trigger_word", pa.string(), "crawl", "the word that was searched for"),
    Column("title", pa.string(), "crawl", "title the page gives the picture"),
    Column("tags", _STRINGS, "crawl", "tags the page gives the picture"),
    Column("licence", pa.string(), "crawl", "licence the page states; empty: it states none"),
    Column("author", pa.string(), "crawl", "author the page states; empty: it states none"),
    Column(
        "robots", pa.string(), "crawl", "robots facts at download time: robots.txt verdict, X-Robots-Tag, TDM headers"
    ),
    Column("media_tar", pa.string(), "crawl", "tar with the original bytes, relative to the run"),
    Column("media_offset", pa.int64(), "crawl", "offset of the bytes in the tar"),
    Column("num_bytes", pa.int64(), "crawl", "size of the original file"),
    # catalog: one row per sticker
    Column("urls", _STRINGS, "catalog", "every address the identical bytes were found at"),
    Column("page_urls", _STRINGS, "catalog", "every page the identical bytes were found on"),
    Column("trigger_words", _STRINGS, "catalog", "every word the sticker was found under"),
    Column("titles", _STRINGS, "catalog", "every title given"),
    Column("licences", _STRINGS, "catalog", "every licence stated"),
    Column("authors", _STRINGS, "catalog", "every author stated"),
    Column("sources", _STRINGS, "catalog", "every crawl source"),
    # probe
    Column("media_format", pa.string(), "probe", "gif, apng, png, webp, jpeg, tgs or lottie, by content"),
    Column("width", pa.int32(), "probe", "pixels"),
    Column("height", pa.int32(), "probe", "pixels"),
    Column("num_frames", pa.int32(), "probe", "frames stored"),
    Column("num_distinct_frames", pa.int32(), "probe", "frames with distinct pixels"),
    Column("durations_ms", pa.list_(pa.int32()), "probe", "frame durations as stored"),
    Column("duration_ms", pa.int64(), "probe", "one loop as browsers play it"),
    Column("loop_count", pa.int32(), "probe", "times it plays; 0: for ever"),
    Column("aspect_ratio", pa.float64(), "probe", "longer side / shorter side, >= 1"),
    Column("entropy", pa.float64(), "probe", "Shannon entropy of grey levels and transparency, bits, mean over frames"),
    Column("transparent_share", pa.float64(), "probe", "share of pixels with alpha < 128, mean over frames"),
    Column("motion_energy", pa.float64(), "probe", "mean absolute change between successive frames, 0..1"),
    Column("sharpness", pa.float64(), "probe", "variance of the Laplacian of the luma on white, mean of 4 frames"),
    Column(
        "fingerprint", pa.list_(pa.uint64()), "probe", "hashes of frames and a small picture: see media/fingerprint.py"
    ),
    # near duplicates
    Column("duplicate_group", pa.string(), "near_duplicates", "key of the group's winner"),
    Column("duplicate_group_size", pa.int32(), "near_duplicates", "stickers in the group, the winner included"),
    # annotate
    Column("ocr_text", pa.string(), "ocr", "recognised lines joined by a newline"),
    Column("ocr_num_characters", pa.int32(), "ocr", "characters recognised, white space not counted"),
    Column("ocr_score", pa.float64(), "ocr", "mean line score; None where there is no line"),
    Column("domain", pa.string(), "domain", "real or cartoon"),
    Column("domain_score", pa.float64(), "domain", "probability of `real`"),
    Column("unsafe_score", pa.float64(), "unsafe", "probability of a picture unsafe to show; None: not asked"),
    Column("watermark_score", pa.float64(), "watermark", "probability of a watermark; None: not asked"),
    Column("description", pa.string(), "describe", "static and dynamic features in words"),
    Column("description_source", pa.string(), "describe", "what wrote the description: a model's name, or `measured`"),
    Column("caption", pa.string(), "caption", "English summary"),
    Column("caption_source", pa.string(), "caption", "model that wrote the caption"),
    Column("caption_zh", pa.string(), "caption", "Chinese summary; None: not asked or not to be had"),
    Column("caption_zh_source", pa.string(), "caption", "model that wrote it, or `absent: REASON`"),
    # split and shard
    Column("split", pa.string(), "split", "train, vsd_r or vsd_c"),
    Column("shard", pa.string(), "split", "shard name without suffix"),
    Column("shard_index", pa.int32(), "split", "position in the shard"),
    Column("tar_offset", pa.int64(), "shard", "offset of the media bytes in the shard's tar"),
]

COLUMNS: dict[str, Column] = {column.name: column for column in _ALL}

KEY = pa.field("key", pa.string(), nullable=False)
INPUT_DIGEST = pa.field("input_digest", pa.binary(8), nullable=False)

MEDIA_COLUMNS = ("media_tar", "media_offset", "num_bytes")

REJECTS = pa.schema(
    [
        pa.field("key", pa.string()),  # None where no bytes were had (a dead link)
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


def columns_schema(names: tuple[str, ...], schema: Schema = COLUMNS) -> pa.Schema:
    """The Parquet schema of a stage's output: `key`, the named columns, and the digest of what each row was made of."""
    fields = [schema[name].field() for name in names]
    return pa.schema([KEY, *fields, INPUT_DIGEST], metadata={"vsd2m_schema": str(SCHEMA_VERSION)})


def with_columns(schema: Schema, columns: Sequence[Column]) -> dict[str, Column]:
    """`schema` and `columns`; `ConfigError` where one is wrong in itself or means another thing than `schema` says."""
    union = dict(schema)
    for column in columns:
        column.check()
        known = union.setdefault(column.name, column)
        if (known.type, known.description) != (column.type, column.description):
            raise ConfigError(
                f"column {column.name!r} is declared as {column.type} ({column.description}), but stage "
                f"{known.stage!r} declares it as {known.type} ({known.description}); take another name, "
                "or declare the same"
            )
    return union


def schema_of(parquet: pa.Schema) -> dict[str, Column]:
    """The contract's columns, and those of its own that a published Parquet file describes."""
    own = [
        Column(field.name, field.type, "", (field.metadata or {})[_DESCRIPTION].decode())
        for field in parquet
        if field.name not in COLUMNS and _DESCRIPTION in (field.metadata or {})
    ]
    return {**COLUMNS, **{column.name: column for column in own}}


def _is_unknown(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        return pa.types.is_list(kind.value_type) or _is_unknown(kind.value_type)
    known = (pa.types.is_string, pa.types.is_boolean, pa.types.is_integer, pa.types.is_float32, pa.types.is_float64)
    return not any(is_kind(kind) for is_kind in known)


def _type_named(name: str) -> Any:
    """The type that `str` writes as `name`."""
    inner = name.removeprefix("list<item: ")
    return pa.type_for_alias(name) if inner == name else pa.list_(pa.type_for_alias(inner.removesuffix(">")))
