"""Checks the consistency of a folder of shards: every byte, every row, and the separation of the splits."""

import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from vsd2m.core.errors import StorageError
from vsd2m.core.keys import sticker_key
from vsd2m.core.schema import Schema, schema_of
from vsd2m.core.storage import Store
from vsd2m.shard.columns import json_columns, json_facts
from vsd2m.shard.inventory import STATS_FILE, Shard, absences, named_shards, read_counts
from vsd2m.shard.reader import read_columns
from vsd2m.shard.writer import FIELDS, encode_json


@dataclass(frozen=True)
class Problem:
    """A problem: its file, its sticker (if there is one), and what is wrong."""

    file: str
    key: str | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}: " + (f"sticker {self.key}: " if self.key else "") + self.what


def verify(url: str, *, progress: Callable[[int], None] | None = None) -> list[Problem]:
    """The problems of the shards at `url`.

    Checked are the tars' members against the Parquet rows (names, order, offsets, sizes, JSON), the bytes against
    the keys, that no sticker occurs twice, that no near-duplicate group is in both train and a test split, that
    shards are numbered without gaps, and the counts in `_stats.json`. `progress` gets the number of stickers done.
    Raises `StorageError` if there are no shards.
    """
    store = Store(url)
    files, problems, counts = store.list(""), [], None
    if STATS_FILE in files:
        try:
            counts = read_counts(store)
        except StorageError as error:
            problems.append(Problem(STATS_FILE, None, str(error)))
    shards = named_shards(store, files, counts)
    problems += [Problem(file, None, what) for file, what in absences(shards, files, counts)]
    shards = [shard for shard in shards if {shard.tar, shard.parquet} <= set(files)]
    rows: list[dict[str, Any]] = []
    for shard in shards:
        try:
            table = read_columns(store, shard)
            _check_described(table.schema)
            shard_rows = table.to_pylist()
            problems += _shard(store, shard, shard_rows, schema_of(table.schema))
        except (StorageError, tarfile.TarError, EOFError, pa.ArrowException) as error:
            problems.append(Problem(shard.tar, None, f"cannot be read ({error})"))
            continue
        rows += [{"shard": shard, "key": row["key"], "group": row.get("duplicate_group")} for row in shard_rows]
        if progress is not None:
            progress(len(shard_rows))
    return [*problems, *_between(rows), *_counts(shards, rows)]


def _check_described(schema: pa.Schema) -> None:
    undescribed = [name for name in schema.names if name != "key" and name not in schema_of(schema)]
    if undescribed:
        raise StorageError(
            f"its columns have no descriptions ({', '.join(undescribed[:3])} ...): an earlier version of vsd2m "
            "wrote it; run the pipeline again"
        )


def _shard(store: Store, shard: Shard, rows: list[dict[str, Any]], schema: Schema) -> Iterator[Problem]:
    data = store.read_bytes(shard.tar)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
    expected_names = [f"{row['key']}.{field}" for row in rows for field in FIELDS]
    member_names = [member.name for member in members]
    if member_names != expected_names:
        difference = next(
            (i for i, pair in enumerate(zip(member_names, expected_names, strict=False)) if pair[0] != pair[1]), None
        )
        where = f"the first difference is at member {difference}" if difference is not None else "one is longer"
        yield Problem(shard.tar, None, f"{len(member_names)} members, the Parquet has {len(expected_names)} ({where})")
        return
    names = [name for name in (rows[0] if rows else {}) if name not in ("key", "tar_offset")]
    columns = json_columns(names, schema)
    for row, start in zip(rows, range(0, len(members), len(FIELDS)), strict=True):
        media, facts, _ = (
            (member, data[member.offset_data : member.offset_data + member.size])
            for member in members[start : start + len(FIELDS)]
        )
        wanted_facts = json_facts(row, columns, schema)
        yield from _sticker(shard, row, media, facts[1], wanted_facts)


def _sticker(
    shard: Shard, row: dict[str, Any], media: tuple[tarfile.TarInfo, bytes], facts: bytes, expected: dict[str, Any]
) -> Iterator[Problem]:
    member, data = media
    if (member.offset_data, member.size) != (row["tar_offset"], row["num_bytes"]):
        yield Problem(shard.parquet, row["key"], "tar_offset or num_bytes is wrong")
    if sticker_key(data) != row["key"]:
        yield Problem(shard.tar, row["key"], "the bytes do not match the key")
    if facts != encode_json(expected):
        differs = _differing(facts, expected)
        yield Problem(shard.tar, row["key"], f"the JSON differs from the Parquet: {differs}")
    if (row.get("split"), row.get("shard")) != (shard.split, shard.name):
        yield Problem(shard.parquet, row["key"], f"belongs to {row.get('shard')} ({row.get('split')})")


def _differing(facts: bytes, expected: dict[str, Any]) -> str:
    try:
        tar_facts = json.loads(facts)
    except ValueError:
        return "it is not JSON"
    names = [name for name in expected if not isinstance(tar_facts, dict) or tar_facts.get(name) != expected[name]]
    return ", ".join(names) or "other spacing or order"


def _between(rows: list[dict[str, Any]]) -> Iterator[Problem]:
    """Stickers that occur twice; near-duplicate groups both in train and in a test split."""
    first: dict[str, Shard] = {}
    sides: dict[str, tuple[str, bool]] = {}
    for row in rows:
        key, shard = row["key"], row["shard"]
        if key in first:
            yield Problem(shard.tar, key, f"is also in {first[key].tar}")
        first.setdefault(key, shard)
        other_key, is_train = sides.setdefault(row["group"] or key, (key, shard.split == "train"))
        if is_train != (shard.split == "train"):
            yield Problem(
                shard.tar, key, f"is a near duplicate of {other_key}, which is on the other side of the split"
            )


def _counts(shards: list[Shard], rows: list[dict[str, Any]]) -> Iterator[Problem]:
    """Counts in `_stats.json` that differ from the rows."""
    counts = Counter(row["shard"] for row in rows)
    for shard in shards:
        if shard.num_stickers is not None and shard.num_stickers != counts[shard]:
            yield Problem(
                STATS_FILE, None, f"says {shard.num_stickers} stickers in {shard.name}, {counts[shard]} found"
            )
